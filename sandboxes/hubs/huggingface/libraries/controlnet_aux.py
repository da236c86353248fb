"""The networks in front of ControlNets: line, edge, pose, depth and normal detectors of the package's fixed sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided

LIBRARY = "controlnet_aux"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes each checkpoint that the repository has and the package loads."""
    import torch

    for file in entry["files"]:
        network = _NETWORKS.get(Path(file).name)
        if network is None:
            continue
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network(), path)


def _state(network: Any) -> dict[str, Any]:
    return strided.overlapping(network.state_dict())


def _mlsd() -> Any:
    from controlnet_aux.mlsd.models.mbv2_mlsd_large import MobileV2_MLSD_Large

    return _state(MobileV2_MLSD_Large())


def _hed() -> Any:
    from controlnet_aux.hed import ControlNetHED_Apache2

    return _state(ControlNetHED_Apache2())


def _pidi() -> Any:
    from controlnet_aux.pidi.model import pidinet

    return {"state_dict": {f"module.{name}": value for name, value in _state(pidinet()).items()}}


def _normal() -> Any:
    from types import SimpleNamespace

    from controlnet_aux.normalbae.nets.NNET import NNET

    settings = {"mode": "client", "architecture": "BN", "pretrained": "scannet"}
    return {"model": _state(NNET(SimpleNamespace(**settings, sampling_ratio=0.4, importance_ratio=0.7)))}


def _caffe_names(network: Any) -> Any:
    """The names of a checkpoint that was converted from Caffe: a layer's own name, without its block's."""
    return {".".join(name.split(".")[-2:]): value for name, value in _state(network).items()}


def _body() -> Any:
    from controlnet_aux.open_pose.model import bodypose_model

    return _caffe_names(bodypose_model())


def _hand() -> Any:
    from controlnet_aux.open_pose.model import handpose_model

    return _caffe_names(handpose_model())


def _face() -> Any:
    from controlnet_aux.open_pose.face import FaceNet

    return _state(FaceNet())


def _depth() -> Any:
    from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel

    return _state(DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True))


def _lines() -> Any:
    from controlnet_aux.lineart import Generator

    return _state(Generator(3, 1, 3))


def _anime() -> Any:
    from functools import partial

    from controlnet_aux.lineart_anime import UnetGenerator
    from torch import nn

    norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
    return _state(UnetGenerator(3, 1, 8, 64, norm_layer=norm, use_dropout=False))


_NETWORKS: dict[str, Callable[[], Any]] = {
    "ControlNetHED.pth": _hed,
    "body_pose_model.pth": _body,
    "dpt_hybrid-midas-501f0c75.pt": _depth,
    "facenet.pth": _face,
    "hand_pose_model.pth": _hand,
    "mlsd_large_512_fp32.pth": _mlsd,
    "netG.pth": _anime,
    "scannet.pt": _normal,
    "sk_model.pth": _lines,
    "sk_model2.pth": _lines,
    "table5_pidinet.pth": _pidi,
}
