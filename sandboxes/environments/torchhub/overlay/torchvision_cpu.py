# ruff: noqa: INP001 - one file among those of site-packages
"""torchvision's compiled operators for CPU tensors, in Python: slower, with the same results."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

# What ``torchvision.extension`` may say that it has loaded.
LIBRARIES = frozenset({"_C", "image"})
# torchvision.io.ImageReadMode, as Pillow names it.
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes kept, by falling score: each suppresses later ones that overlap it by more."""
    order = scores.argsort(descending=True, stable=True)
    boxes = dets[order].float()
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    alive = torch.ones(len(boxes), dtype=torch.bool)
    for number in range(len(boxes)):
        if not alive[number]:
            continue
        later = slice(number + 1, None)
        corner = torch.minimum(boxes[number, 2:], boxes[later, 2:])
        sides = (corner - torch.maximum(boxes[number, :2], boxes[later, :2])).clamp(min=0)
        shared = sides[:, 0] * sides[:, 1]
        alive[later] &= ~(shared / (areas[number] + areas[later] - shared) > iou_threshold)
    return order[alive]


def roi_align(
    features: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Mean of bilinear samples in each bin of each region (He et al., Mask R-CNN, 2017)."""
    pooled = features.new_zeros((len(rois), features.shape[1], pooled_height, pooled_width))
    boxes = rois[:, 1:] * spatial_scale - (0.5 if aligned else 0)
    sides = boxes[:, 2:] - boxes[:, :2]
    sides = sides if aligned else sides.clamp(min=1)
    bins = sides / sides.new_tensor([pooled_width, pooled_height])
    counts = bins.ceil().int().clamp(min=1) if sampling_ratio <= 0 else torch.full_like(bins, sampling_ratio).int()
    # Regions of one image with equally many samples a bin are read in one go.
    kinds = torch.cat((rois[:, :1].int(), counts), dim=1)
    for kind in kinds.unique(dim=0):
        chosen = (kinds == kind).all(dim=1).nonzero()[:, 0]
        number, across, down = kind.tolist()
        x = _samples(boxes[chosen, 0], bins[chosen, 0], pooled_width, across)
        y = _samples(boxes[chosen, 1], bins[chosen, 1], pooled_height, down)
        seen = _read(features[number], x, y).view(-1, len(chosen), pooled_height, down, pooled_width, across)
        pooled = pooled.index_put((chosen,), seen.mean(dim=(3, 5)).transpose(0, 1))
    return pooled


def _samples(start: Tensor, size: Tensor, bins: int, count: int) -> Tensor:
    """Where the samples lie along one axis, (regions, bins * count)."""
    steps = (torch.arange(bins * count, dtype=start.dtype) + 0.5) / count
    return start[:, None] + size[:, None] * steps


def _read(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Pixels at all (y, x) of each region, zero from one pixel beyond the border on; (channels, regions * ys, xs)."""
    height, width = image.shape[-2:]
    # Pixel centres for align_corners=False: -1 is half a pixel left of the first one.
    place = torch.stack(torch.broadcast_tensors((2 * x[:, None] + 1) / width, (2 * y[..., None] + 1) / height), dim=-1)
    seen = F.grid_sample(image[None], place.flatten(0, 1)[None] - 1, padding_mode="border", align_corners=False)[0]
    inside = ((x >= -1) & (x <= width))[:, None] & ((y >= -1) & (y <= height))[..., None]
    return seen * inside.flatten(0, 1)


def roi_pool(
    features: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int
) -> tuple[Tensor, Tensor]:
    """Maximum in each bin of each region (Girshick, Fast R-CNN, 2015), and where in the image it is."""
    height, width = features.shape[-2:]
    pooled, places = [], []
    for roi in rois:
        left, top, right, bottom = (roi[1:] * spatial_scale).round().int().tolist()
        left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
        right, bottom = max(left, min(right, width - 1)), max(top, min(bottom, height - 1))
        region = features[int(roi[0]), :, top : bottom + 1, left : right + 1]
        values, place = F.adaptive_max_pool2d(region, (pooled_height, pooled_width), return_indices=True)
        across = right - left + 1
        pooled.append(values)
        places.append((place // across + top) * width + place % across + left)
    if not pooled:
        shape = (0, features.shape[1], pooled_height, pooled_width)
        return features.new_zeros(shape), features.new_zeros(shape, dtype=torch.int32)
    return torch.stack(pooled), torch.stack(places).int()


def deform_conv2d(
    image: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    """Convolution at points moved by offsets (Dai et al., 2017) and weighted by a mask (Zhu et al., 2018)."""
    batch, channels, height, width = image.shape
    out_channels, _, kernel_h, kernel_w = weight.shape
    rows, columns = offset.shape[-2:]
    taps = kernel_h * kernel_w
    shift = offset.view(batch, offset_groups, taps, 2, rows, columns)
    grid = {"dtype": image.dtype, "device": image.device}
    tap_y = torch.arange(kernel_h, **grid).repeat_interleave(kernel_w).view(taps, 1, 1) * dilation_h - pad_h
    tap_x = torch.arange(kernel_w, **grid).repeat(kernel_h).view(taps, 1, 1) * dilation_w - pad_w
    y = shift[:, :, :, 0] + tap_y + torch.arange(rows, **grid).view(1, rows, 1) * stride_h
    x = shift[:, :, :, 1] + tap_x + torch.arange(columns, **grid).view(1, 1, columns) * stride_w
    place = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    place = place.view(batch * offset_groups, taps * rows, columns, 2)
    source = image.reshape(batch * offset_groups, channels // offset_groups, height, width)
    seen = F.grid_sample(source, place, mode="bilinear", padding_mode="zeros", align_corners=False)
    seen = seen.view(batch, offset_groups, channels // offset_groups, taps, rows, columns)
    if use_mask:
        seen = seen * mask.view(batch, offset_groups, 1, taps, rows, columns)
    seen = seen.reshape(batch, groups, channels // groups * taps, rows * columns)
    kernel = weight.reshape(groups, out_channels // groups, channels // groups * taps)
    return (kernel @ seen).view(batch, out_channels, rows, columns) + bias.view(1, -1, 1, 1)


def read_file(filename: str) -> Tensor:
    """The bytes of a file."""
    path = Path(filename)
    if not path.exists():
        # The words of the compiled operator.
        raise RuntimeError(f"[Errno 2] No such file or directory: '{filename}'")
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)


def write_file(filename: str, data: Tensor) -> None:
    """Bytes into a file."""
    Path(filename).write_bytes(data.numpy().tobytes())


def decode_image(data: Tensor, mode: int, apply_exif_orientation: bool = False) -> Tensor:
    """Pixels of an encoded image, (channels, height, width)."""
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image: Any = Image.open(io.BytesIO(data.numpy().tobytes()))
    except UnidentifiedImageError as error:
        raise RuntimeError(
            "Unsupported image file. Only jpeg, png, webp and gif are currently supported. For avif and heic format, "
            "please rely on `decode_avif` and `decode_heic` directly."
        ) from error
    if apply_exif_orientation:
        image = ImageOps.exif_transpose(image)
    if mode or image.mode not in _MODES.values():
        image = image.convert(_MODES.get(mode, "RGB"))
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


def decode_gif(data: Tensor) -> Tensor:
    """The first picture of a GIF."""
    return decode_image(data, 3)


def decode_webp(data: Tensor, mode: int) -> Tensor:
    """Pixels of a WebP image."""
    return decode_image(data, mode)


def decode_jpeg(data: Tensor, mode: int, apply_exif_orientation: bool = False) -> Tensor:
    """Pixels of a JPEG."""
    return decode_image(data, mode, apply_exif_orientation)


def decode_png(data: Tensor, mode: int, apply_exif_orientation: bool = False) -> Tensor:
    """Pixels of a PNG."""
    return decode_image(data, mode, apply_exif_orientation)


def encode_jpeg(pixels: Tensor, quality: int) -> Tensor:
    """Pixels as a JPEG."""
    return _encoded(pixels, "JPEG", quality=quality)


def encode_png(pixels: Tensor, compression_level: int) -> Tensor:
    """Pixels as a PNG."""
    return _encoded(pixels, "PNG", compress_level=compression_level)


def _encoded(pixels: Tensor, kind: str, **options: int) -> Tensor:
    from PIL import Image

    array = pixels.permute(1, 2, 0).numpy()
    out = io.BytesIO()
    Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(out, kind, **options)
    return torch.frombuffer(bytearray(out.getvalue()), dtype=torch.uint8)


@contextlib.contextmanager
def _recording() -> Iterator[None]:
    """Lets autograd record inside a kernel, where it is switched off (there is no public name for that)."""
    inner = torch._C  # noqa: SLF001
    excluded = inner._dispatch_tls_local_exclude_set()  # noqa: SLF001
    for name in ("AutogradFunctionality", "AutogradOther", "AutogradNestedTensor"):
        excluded = excluded.remove(getattr(inner.DispatchKey, name))
    with inner._ForceDispatchKeyGuard(inner._dispatch_tls_local_include_set(), excluded), torch.enable_grad():  # noqa: SLF001
        yield


def _roi_align_backward(
    grad: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    batch_size: int,
    channels: int,
    height: int,
    width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    features = grad.new_zeros((batch_size, channels, height, width), requires_grad=True)
    with _recording():
        pooled = roi_align(features, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned)
        return torch.autograd.grad(pooled, features, grad)[0]


def _roi_pool_backward(
    grad: Tensor,
    rois: Tensor,
    argmax: Tensor,
    _spatial_scale: float,
    _pooled_height: int,
    _pooled_width: int,
    batch_size: int,
    channels: int,
    height: int,
    width: int,
) -> Tensor:
    features = grad.new_zeros((batch_size, channels, height * width))
    for roi, values, places in zip(rois, grad.flatten(2), argmax.flatten(2).long(), strict=True):
        features[int(roi[0])].scatter_add_(1, places, values)
    return features.view(batch_size, channels, height, width)


def _deform_conv2d_backward(grad: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    tensors = tuple(tensor.detach().requires_grad_() for tensor in arguments[:5])
    with _recording():
        output = deform_conv2d(*tensors, *arguments[5:])
        grads = torch.autograd.grad(output, tensors, grad, allow_unused=True)
    return tuple(torch.zeros_like(of) if one is None else one for one, of in zip(grads, tensors, strict=True))


_SCALE = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_ROI = f"Tensor input, Tensor rois, {_SCALE}"
_GRAD = f"Tensor grad, Tensor rois, Tensor which, {_SCALE}"
_QUANTIZED = "Tensor input, Tensor rois, float input_scale, int input_zero_point, float rois_scale, int rois_zero_point"
_SAMPLES = "int sampling_ratio, bool aligned"
_SIZE = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_STEPS = ", ".join(f"SymInt {name}_{axis}" for name in ("stride", "pad", "dilation") for axis in "hw")
_DEFORM = f"Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, {_STEPS}"
_GROUPS = "SymInt groups, SymInt offset_groups, bool use_mask"
_BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_PICTURE = "(Tensor data, int mode, bool apply_exif_orientation=False) -> Tensor"
# Schemas as in torchvision/csrc. What has no function here is declared only, since torchvision registers gradients and
# shapes for it when it is imported; a call says that there is no kernel for the CPU.
_OPERATORS: dict[str, tuple[str, Callable[..., Any] | None]] = {
    "torchvision::nms": (_BOXES, nms),
    # Boxes as integers: overlap does not depend on their scale.
    "torchvision::qnms": (_BOXES, nms),
    "torchvision::roi_align": (f"({_ROI}, {_SAMPLES}) -> Tensor", roi_align),
    "torchvision::_roi_align_backward": (
        f"(Tensor grad, Tensor rois, {_SCALE}, {_SIZE}, {_SAMPLES}) -> Tensor",
        _roi_align_backward,
    ),
    "torchvision::roi_pool": (f"({_ROI}) -> (Tensor, Tensor)", roi_pool),
    "torchvision::_roi_pool_backward": (f"({_GRAD}, {_SIZE}) -> Tensor", _roi_pool_backward),
    "torchvision::deform_conv2d": (f"({_DEFORM}, {_GROUPS}) -> Tensor", deform_conv2d),
    "torchvision::_deform_conv2d_backward": (
        f"(Tensor grad, {_DEFORM}, {_GROUPS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
        _deform_conv2d_backward,
    ),
    "torchvision::qroi_align": (f"({_QUANTIZED}, {_SCALE}, {_SAMPLES}) -> Tensor", None),
    "torchvision::ps_roi_align": (f"({_ROI}, int sampling_ratio) -> (Tensor, Tensor)", None),
    "torchvision::_ps_roi_align_backward": (f"({_GRAD}, int sampling_ratio, {_SIZE}) -> Tensor", None),
    "torchvision::ps_roi_pool": (f"({_ROI}) -> (Tensor, Tensor)", None),
    "torchvision::_ps_roi_pool_backward": (f"({_GRAD}, {_SIZE}) -> Tensor", None),
    "image::read_file": ("(str filename) -> Tensor", read_file),
    "image::write_file": ("(str filename, Tensor data) -> ()", write_file),
    "image::decode_image": (_PICTURE, decode_image),
    "image::decode_jpeg": (_PICTURE, decode_jpeg),
    "image::decode_png": (_PICTURE, decode_png),
    "image::decode_gif": ("(Tensor data) -> Tensor", decode_gif),
    "image::decode_webp": ("(Tensor data, int mode) -> Tensor", decode_webp),
    "image::encode_jpeg": ("(Tensor pixels, int quality) -> Tensor", encode_jpeg),
    "image::encode_png": ("(Tensor pixels, int compression_level) -> Tensor", encode_png),
}

for _name, (_schema, _function) in _OPERATORS.items():
    torch.library.define(_name, _schema)
    if _function is not None:
        # Only a tensor's device can choose among kernels, and read_file is given none.
        torch.library.impl(_name, "CompositeImplicitAutograd" if _function is read_file else "CPU", _function)
