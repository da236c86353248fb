"""Torch Hub: a typical and a wrong use of each kind of entry point."""

import fnmatch
import json
from collections.abc import Iterable

from apigauge.harness.audit.use import Use
from apigauge.sandboxes import hubs

_PICTURE = "model(torch.zeros(2, 3, 224, 224))"
_GREY = "model(torch.zeros(2, 1, 224, 224))"
_LOAD = "model = torch.hub.load({repository!r}, {entry!r})\nmodel.eval()\n"
_PRETRAINED = "model = torch.hub.load({repository!r}, {entry!r}, pretrained=True)\nmodel.eval()\n"
_LATENT = "model = torch.hub.load({repository!r}, {entry!r}, pretrained=True, useGPU=False)\n"
_CLIP = "model(torch.zeros(1, 3, {frames}, {side}, {side}))"
_FLAT = "model(torch.zeros(1, 3, {side}, {side}))"
_TWO_PATHS = "model([torch.zeros(1, 3, 8, 256, 256), torch.zeros(1, 3, 32, 256, 256)])"

# By repository and entry point: how it is loaded, a call that runs, and one that the real model refuses. The first that
# fits holds.
_KINDS = (
    (
        "pytorch/vision inception_v3",
        _PRETRAINED,
        "model(torch.zeros(2, 3, 299, 299))",
        "model(torch.zeros(2, 3, 32, 32))",
    ),
    ("pytorch/vision *", _PRETRAINED, _PICTURE, _GREY),
    (
        "facebookresearch/pytorch_GAN_zoo *",
        _LATENT,
        "model.test(model.buildNoiseData(2)[0])",
        "model.test(torch.zeros(2, 7))",
    ),
    ("facebookresearch/pytorchvideo slowfast*", _PRETRAINED, _TWO_PATHS, "model(torch.zeros(1, 3, 32, 256, 256))"),
    ("facebookresearch/pytorchvideo *", _PRETRAINED, _CLIP, _FLAT),
    (
        "intel-isl/MiDaS DPT_*",
        _LOAD,
        "model(torch.zeros(1, 3, {side}, {side}))",
        "model(torch.zeros(1, 1, {side}, {side}))",
    ),
    ("intel-isl/MiDaS *", _LOAD, "model(torch.zeros(1, 3, 256, 256))", "model(torch.zeros(1, 1, 256, 256))"),
    ("ultralytics/yolov5 *", _PRETRAINED, "model(torch.zeros(1, 3, 320, 320))", "model(torch.zeros(1, 3, 336, 336))"),
    ("sigsep/open-unmix-pytorch *", _LOAD, "model(torch.zeros(1, 2, 44100))", "model(torch.zeros(44100))"),
    ("mateuszbuda/* unet", _PRETRAINED, "model(torch.zeros(1, 3, 256, 256))", "model(torch.zeros(1, 1, 256, 256))"),
    ("hustvl/yolop *", _PRETRAINED, "model(torch.zeros(1, 3, 640, 640))", "model(torch.zeros(1, 3, 650, 650))"),
    (
        "datvuthanh/hybridnets *",
        _PRETRAINED,
        "model(torch.zeros(1, 3, 640, 384))",
        "model(torch.zeros(1, 3, 650, 390))",
    ),
    (
        "nicolalandro/ntsnet-cub200 *",
        _PRETRAINED.replace("pretrained=True", "pretrained=True, topN=6, device='cpu', num_classes=200"),
        "model(torch.zeros(1, 3, 448, 448))",
        "model(torch.zeros(1, 3, 300, 300))",
    ),
    (
        "pytorch/fairseq roberta*",
        _LOAD,
        "model.extract_features(model.encode('some text'))",
        "model.extract_features(torch.zeros(1, 600, dtype=torch.long))",
    ),
    (
        "snakers4/silero-vad *",
        "model, helpers = torch.hub.load({repository!r}, {entry!r})\n",
        "model(torch.zeros(512), 16000)",
        "model(torch.zeros(512), 44100)",
    ),
    (
        "snakers4/silero-models silero_stt",
        "model, decoder, helpers = torch.hub.load({repository!r}, {entry!r}, language='en')\n",
        "decoder(model(torch.zeros(1, 16000))[0])",
        "torch.hub.load({repository!r}, {entry!r}, language='xx')",
    ),
    ("snakers4/silero-models *", "", "", ""),
    ("NVIDIA/* nvidia_ssd", _LOAD, "model(torch.zeros(1, 3, 300, 300))", "model(torch.zeros(1, 1, 300, 300))"),
    ("NVIDIA/* nvidia_tacotron2", "", "", ""),
    ("NVIDIA/* nvidia_waveglow", "", "", ""),
    ("NVIDIA/* nvidia_*", _PRETRAINED, _PICTURE, _GREY),
    ("facebookresearch/WSL-Images *", _LOAD, _PICTURE, _GREY),
    ("facebookresearch/semi-supervised-ImageNet1K-models *", _LOAD, _PICTURE, _GREY),
    ("*", _PRETRAINED, _PICTURE, _GREY),
)
# Of clips: frames and side, where they are not eight and 224 pixels.
_CLIPS = {"x3d_s": (13, 160), "DPT_Large": (1, 384), "DPT_Hybrid": (1, 384)}
_HEAD = "import numpy\nimport torch\n\ntorch.set_grad_enabled(False)\n"


def uses(calls: Iterable[tuple[str, ...]]) -> list[Use]:
    """The uses of the entry points that calls name, once each; a call is given by its strings."""
    entries = _entry_points()
    chosen: dict[str, Use] = {}
    for call in calls:
        for text in call:
            repository = text.partition(":")[0]
            for entry in call:
                address = entries.get(f"{repository} {entry}".lower())
                if address and address not in chosen:
                    chosen[address] = _use(address, (text, entry))
    return list(chosen.values())


def _entry_points() -> dict[str, str]:
    """The hub's addresses, ``owner/name entry``, by their lower case."""
    text = (hubs.FOLDER / "torchhub" / "specification.json").read_text(encoding="utf-8")
    return {
        f"{spelling} {name}".lower(): f"{one['repository']} {name}"
        for one in json.loads(text)["repositories"]
        for spelling in (one["repository"], *one.get("aliases", ()))
        for entry in one["entries"]
        for name in entry["names"]
    }


def _use(address: str, named: tuple[str, str]) -> Use:
    """The use of an entry point; a call names its repository with the branch that has it."""
    repository, _, entry = address.partition(" ")
    load, typical, wrong = next(kind[1:] for kind in _KINDS if fnmatch.fnmatchcase(address, kind[0]))
    if not typical:
        return Use(address, repository, named)
    frames, side = _CLIPS.get(entry, (8, 224))
    facts = {"repository": named[0], "entry": entry, "frames": frames, "side": side}
    programs = (f"{_HEAD}{load}result = {call}\nprint(type(result))\n".format(**facts) for call in (typical, wrong))
    return Use(address, repository, named, *programs)
