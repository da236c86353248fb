"""NVIDIA's DeepLearningExamples: image classifiers, SSD, speech synthesis, and the helpers that go with them."""

import types
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins import imagenet
from apigauge.sandboxes.hubs.torchhub.stand_ins.coco import NAMES
from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded, trunk
from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import check_fit, generated

_RESNET = {"num_classes", "last_bn_0_init", "conv_init", "trt"}
_EFFICIENTNET = {
    *(
        "num_classes",
        "dropout",
        "activation",
        "conv_init",
        "bn_momentum",
        "bn_epsilon",
        "survival_prob",
        "quantized",
        "trt",
    ),
}
_GPUNETS = ("GPUNet-0", "GPUNet-1", "GPUNet-2", "GPUNet-P0", "GPUNet-P1", "GPUNet-D1", "GPUNet-D2")
_BOXES = 8732


def convnet(name: str, pretrained: bool = True, pretrained_from_file: str | None = None, **arguments: Any) -> nn.Module:
    """A classifier; arguments are the fields of its parameters."""
    assert not (pretrained and pretrained_from_file is not None)
    efficient = name.startswith("efficientnet")
    for field in arguments:
        if field not in (_EFFICIENTNET if efficient else _RESNET):
            raise TypeError(
                f"{'EffNet' if efficient else 'ResNet'}Params.__init__() got an unexpected keyword argument {field!r}"
            )
    with generated(name):
        model = _convnet(name, arguments.get("num_classes", 1000))
    if pretrained and arguments.get("num_classes", 1000) != 1000:
        check_fit(model, lambda: _convnet(name, 1000))
    return model


def _convnet(name: str, num_classes: int) -> nn.Module:
    if name.startswith("efficientnet"):
        return imagenet.Classifier(1280 if name.endswith("b0") else 1792, "classifier", num_classes=num_classes)
    if name == "resnet50":
        return imagenet.ResNet(imagenet.Bottleneck, [3, 4, 6, 3], num_classes)
    return imagenet.ResNet(imagenet.Bottleneck, [3, 4, 23, 3], num_classes, groups=32, width_per_group=4)


def efficientnet(kind: str, pretrained: bool = True, **arguments: Any) -> nn.Module:
    """An EfficientNet by its name.

    Raises:
        KeyError: there is none.
    """
    names = {
        f"efficientnet-{size}": f"efficientnet_{size.replace('-', '_')}"
        for size in ("b0", "b4", "widese-b0", "widese-b4")
    }
    return convnet((names | {"efficient-b0": "efficientnet_b0"})[kind], pretrained, **arguments)


def gpunet(**arguments: Any) -> nn.Module:
    """A GPUNet; one in half precision for ``model_math="fp16"``."""
    kind = arguments.get("model_type", "GPUNet-0")
    assert kind in _GPUNETS, f"model_type {kind} not found, available models are {list(_GPUNETS)}"
    with seeded(kind):
        model = imagenet.Classifier(1280, "head", trunk_name="network")
    return model.half() if arguments.get("model_math", "fp32") == "fp16" else model


def convnets_utils() -> types.SimpleNamespace:
    """Pictures into batches, outputs into names."""

    def prepare_input_from_uri(uri: str, cuda: bool = False) -> Tensor:
        import requests
        from PIL import Image
        from torchvision import transforms

        opened: Any = requests.get(uri, stream=True, timeout=30).raw if uri.startswith(("http://", "https://")) else uri
        steps = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()])
        image = steps(Image.open(opened))
        image = image.cuda() if cuda else image
        mean, deviation = (image.new_tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        batch: Tensor = (image[None] - mean) / deviation
        return batch

    def pick_n_best(predictions: Tensor, n: int = 5) -> list[list[tuple[str, str]]]:
        names, results = get_imgnet_classes(), []
        for number, row in enumerate(predictions.float().cpu()):
            best = row.topk(n)
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            results.append([(str(names[place]), f"{100 * value:.1f}%") for place, value in pairs])
            print(f"sample {number}: {results[-1]}")
        return results

    def get_imgnet_classes() -> Any:
        import numpy as np
        from torchvision.models._meta import _IMAGENET_CATEGORIES

        return np.array(_IMAGENET_CATEGORIES)

    return types.SimpleNamespace(
        prepare_input_from_uri=prepare_input_from_uri, pick_n_best=pick_n_best, get_imgnet_classes=get_imgnet_classes
    )


class SSD300(nn.Module):
    """Liu et al., 2016: places and scores of 8732 boxes."""

    def __init__(self) -> None:
        super().__init__()
        with seeded("ssd300"):
            self.feature_extractor = trunk(3, 64)
            self.loc = nn.Linear(64, 4)
            self.conf = nn.Linear(64, 81)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, 3, 300, 300) -> (batch, 4, 8732), (batch, 81, 8732)."""
        flat = self.feature_extractor(x).flatten(2).transpose(1, 2)
        flat = flat.repeat(1, -(-_BOXES // flat.shape[1]), 1)[:, :_BOXES]
        return self.loc(flat).transpose(1, 2), self.conf(flat).transpose(1, 2)


def ssd(**arguments: Any) -> nn.Module:
    """The detector; one in half precision for ``model_math="fp16"``."""
    return SSD300().half() if arguments.get("model_math") == "fp16" else SSD300()


def ssd_utils() -> types.SimpleNamespace:
    """Pictures into batches, outputs into boxes."""
    import numpy as np

    def prepare_input(img_uri: str) -> Any:
        from PIL import Image

        opened: Any = img_uri
        if str(img_uri).startswith("http"):
            import requests

            opened = requests.get(img_uri, stream=True, timeout=30).raw
        image = Image.open(opened).convert("RGB")
        side = min(image.size)
        left, top = ((length - side) // 2 for length in image.size)
        square = image.crop((left, top, left + side, top + side)).resize((300, 300))
        return (np.asarray(square) / 255.0 * 256 - 128) / 128

    def prepare_tensor(inputs: Any, fp16: bool = False) -> Tensor:
        # To the GPU, as the real one: without a GPU both fail.
        tensor = torch.from_numpy(np.array(inputs).transpose(0, 3, 1, 2)).cuda().float()
        return tensor.half() if fp16 else tensor

    def decode_results(predictions: tuple[Tensor, Tensor]) -> list[list[Any]]:
        places, scores = (one.float().detach().cpu().transpose(1, 2) for one in predictions)
        detections = []
        for place, score in zip(places.sigmoid(), scores.softmax(dim=-1)[..., 1:], strict=True):
            best = score.max(dim=-1)
            chosen = best.values.topk(20).indices
            detections.append([place[chosen].numpy(), (best.indices[chosen] + 1).numpy(), best.values[chosen].numpy()])
        return detections

    def pick_best(detections: Any, threshold: float = 0.3) -> list[Any]:
        best = np.argwhere(detections[2] > threshold)[:, 0]
        return [one[best] for one in detections]

    return types.SimpleNamespace(
        prepare_input=prepare_input,
        prepare_tensor=prepare_tensor,
        decode_results=decode_results,
        pick_best=pick_best,
        get_coco_object_dictionary=lambda: list(NAMES),
    )


class Tacotron2(nn.Module):
    """Shen et al., 2018: a spectrogram for a text."""

    def __init__(self, n_mel_channels: int = 80) -> None:
        super().__init__()
        with seeded("tacotron2"):
            self.embedding = nn.Embedding(148, n_mel_channels)

    def infer(self, inputs: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, letters), their numbers -> (batch, 80, frames), five a letter, their numbers and alignments."""
        mel = self.embedding(inputs).repeat_interleave(5, dim=1).transpose(1, 2)
        alignments = torch.eye(inputs.shape[1]).repeat_interleave(5, dim=0).expand(len(inputs), -1, -1)
        return mel, input_lengths * 5, alignments

    def forward(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        """The same while training, from a batch of the loader."""
        return list(self.infer(inputs[0], inputs[1]))


class WaveGlow(nn.Module):
    """Prenger et al., 2018: samples for a spectrogram."""

    def __init__(self) -> None:
        super().__init__()
        with seeded("waveglow"):
            self.upsample = nn.ConvTranspose1d(80, 1, 256, stride=256)

    def infer(self, spect: Tensor, sigma: float = 1.0) -> Tensor:
        """(batch, 80, frames) -> (batch, 256 * frames)."""
        return torch.tanh(self.upsample(spect))[:, 0] * sigma

    @staticmethod
    def remove_weightnorm(model: nn.Module) -> nn.Module:
        """Makes it faster; here there is nothing to remove."""
        return model


def tts_utils() -> types.SimpleNamespace:
    """Texts into numbers."""
    letters = "_-!'(),.:;? ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def text_to_sequence(text: str, cleaner_names: list[str]) -> list[int]:  # noqa: ARG001 - one cleaner
        return [letters.index(letter) for letter in text.lower() if letter in letters]

    def prepare_input_sequence(texts: list[str], cpu_run: bool = False) -> tuple[Tensor, Tensor]:
        rows = sorted((torch.tensor(text_to_sequence(text, [])) for text in texts), key=len, reverse=True)
        padded, lengths = nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])
        # To the GPU unless ``cpu_run``, as the real one: without a GPU both fail.
        return (padded, lengths) if cpu_run else (padded.cuda(), lengths.cuda())

    return types.SimpleNamespace(text_to_sequence=text_to_sequence, prepare_input_sequence=prepare_input_sequence)
