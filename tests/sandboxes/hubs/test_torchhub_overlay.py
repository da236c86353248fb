"""The operators that the torchhub environment lays over torchvision, without torchvision."""

import importlib.util
import math

import pytest
import torch
from torch.nn import functional

from apigauge.sandboxes import environments

OVERLAY = environments.load("torchhub").folder / "overlay"


@pytest.fixture(scope="module")
def operators():
    if importlib.util.find_spec("torchvision"):
        pytest.skip("torchvision is installed, and has operators of these names")
    if not hasattr(torch.ops.torchvision, "nms"):
        spec = importlib.util.spec_from_file_location("torchvision_cpu", OVERLAY / "torchvision_cpu.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return torch.ops


def test_every_file_of_the_overlay_takes_a_packages_place_or_has_a_name_of_its_own():
    files = {path.relative_to(OVERLAY).as_posix() for path in environments.load("torchhub").overlay}
    assert files == {
        "torchaudio/_torchcodec.py",
        "torchhub_offline.py",
        "torchvision/extension.py",
        "torchvision_cpu.py",
    }


def test_nms_keeps_the_best_of_overlapping_boxes_in_the_order_of_their_scores(operators):
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [1, 0, 11, 10], [0, 0, 10, 4]])
    scores = torch.tensor([0.5, 0.9, 0.8, 0.7])
    # Box 0 shares 9/11 with box 2, which is better; box 3 shares 36/104 with box 2.
    assert operators.torchvision.nms(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert operators.torchvision.nms(boxes, scores, 0.3).tolist() == [1, 2]
    assert operators.torchvision.nms(boxes, scores, 0.9).tolist() == [1, 2, 3, 0]
    assert operators.torchvision.nms(boxes[:0], scores[:0], 0.5).shape == (0,)


def bilinear(image, y, x):
    """One sample, by the rule of torchvision/csrc/ops/cpu/roi_align_common.h."""
    height, width = image.shape[-2:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros(len(image), dtype=image.dtype)
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = math.floor(y), math.floor(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = image[:, top, left] * (1 - (x - left)) + image[:, top, right] * (x - left)
    lower = image[:, bottom, left] * (1 - (x - left)) + image[:, bottom, right] * (x - left)
    return upper * (1 - (y - top)) + lower * (y - top)


@pytest.mark.parametrize("ratio", [2, -1])
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("roi", [[0, 1.0, 1, 7, 9], [1, -3, -2, 20, 30], [1, 4, 4, 4.2, 4.1]])
def test_roi_align_is_the_mean_of_bilinear_samples(operators, roi, aligned, ratio):
    image = torch.randn(2, 3, 12, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rois = torch.tensor([roi], dtype=torch.float64)
    pooled = operators.torchvision.roi_align(image, rois, 0.7, 4, 3, ratio, aligned)[0]
    left, top, right, bottom = (value * 0.7 - (0.5 if aligned else 0) for value in roi[1:])
    width, height = right - left, bottom - top
    if not aligned:
        width, height = max(width, 1), max(height, 1)
    across = ratio if ratio > 0 else max(1, math.ceil(width / 3))
    down = ratio if ratio > 0 else max(1, math.ceil(height / 4))
    for row in range(4):
        for column in range(3):
            samples = [
                bilinear(
                    image[roi[0]],
                    top + (row + (j + 0.5) / down) * height / 4,
                    left + (column + (i + 0.5) / across) * width / 3,
                )
                for j in range(down)
                for i in range(across)
            ]
            torch.testing.assert_close(pooled[:, row, column], torch.stack(samples).mean(dim=0))


def test_deformable_convolution_without_deformation_is_a_convolution(operators):
    image, weight, bias = torch.randn(2, 4, 9, 8), torch.randn(6, 2, 3, 3), torch.randn(6)
    offset, mask = torch.zeros(2, 2 * 9, 5, 4), torch.zeros(2, 1)
    output = operators.torchvision.deform_conv2d(image, weight, offset, mask, bias, 2, 2, 1, 1, 1, 1, 2, 1, False)
    torch.testing.assert_close(
        output, functional.conv2d(image, weight, bias, stride=2, padding=1, groups=2), atol=1e-4, rtol=1e-4
    )
    # Every look one pixel further right: the convolution of the image moved left.
    offset[:, 1::2] = 1
    moved = functional.conv2d(functional.pad(image, (0, 1))[..., 1:], weight, bias, stride=2, padding=1, groups=2)
    output = operators.torchvision.deform_conv2d(image, weight, offset, mask, bias, 2, 2, 1, 1, 1, 1, 2, 1, False)
    torch.testing.assert_close(output[..., 1:], moved[..., 1:], atol=1e-4, rtol=1e-4)


def test_gradients_are_those_of_the_function(operators):
    """In a kernel autograd is off, and the gradient of roi_align and deform_conv2d is made with autograd."""
    double = {"dtype": torch.float64, "requires_grad": True}
    rois = torch.tensor([[0, 0.4, 0.3, 4.1, 5.2], [0, 1, 1, 3, 3]], dtype=torch.float64)
    image = torch.randn(1, 2, 6, 5, **double)
    pooled = torch.ops.torchvision.roi_align(image.detach(), rois, 1.0, 2, 2, 2, True)
    weights = torch.randn_like(pooled)
    with torch._C._AutoDispatchBelowAutograd():  # as torchvision's registration calls it
        gradient = operators.torchvision._roi_align_backward(weights, rois, 1.0, 2, 2, 1, 2, 6, 5, 2, True)
    # roi_align is linear in the image: the gradient's product with it is the weighted output.
    torch.testing.assert_close((gradient * image).sum(), (weights * pooled).sum())
    tensors = [torch.randn(1, 2, 5, 5, **double), torch.randn(2, 2, 3, 3, **double), torch.randn(1, 18, 5, 5, **double)]
    tensors += [torch.rand(1, 9, 5, 5, **double), torch.randn(2, **double)]
    steps = (1, 1, 1, 1, 1, 1, 1, 1, True)
    ones = torch.ones(1, 2, 5, 5, dtype=torch.float64)
    with torch._C._AutoDispatchBelowAutograd():
        gradients = operators.torchvision._deform_conv2d_backward(ones, *tensors, *steps)
    for number, tensor in enumerate(tensors):
        shift = torch.randn_like(tensor) * 1e-6
        ends = []
        for sign in (1, -1):
            moved = [one.detach() for one in tensors]
            moved[number] = moved[number] + sign * shift
            ends.append(operators.torchvision.deform_conv2d(*moved, *steps).sum())
        torch.testing.assert_close((gradients[number] * shift).sum() * 2, ends[0] - ends[1], atol=1e-9, rtol=1e-3)
