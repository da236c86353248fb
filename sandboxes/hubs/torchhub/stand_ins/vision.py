"""The models of pytorch/vision: torchvision's own, as they are called at its tags and on its main branch."""

import contextlib
import functools
import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn
from torch.nn.functional import interpolate

from apigauge.sandboxes.hubs.torchhub.stand_ins import imagenet
from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import check_fit, generated

_SEGMENTERS = ("fcn_", "deeplabv3_", "lraspp_")
# Pixels from which on a segmenter sees a smaller copy: the real cost is a quarter of a TFLOP at 520 x 520.
_PIXELS = 160 * 160
# In the catalogue alone: torchvision has none of that name.
_OTHERS: dict[str, tuple[list[int], dict[str, Any]]] = {
    "resnext101_32x4d": ([3, 4, 23, 3], {"groups": 32, "width_per_group": 4})
}


def at_tag(name: str, pretrained: bool, **arguments: Any) -> nn.Module:
    """As up to v0.12: a checkpoint of 1000 classes is loaded into whatever the arguments make."""
    if name.startswith(_SEGMENTERS):
        return _segmenter_at_tag(name, pretrained, arguments)
    branching = name in ("googlenet", "inception_v3")
    own = {"init_weights": False} if branching else {}
    # A checkpoint is loaded into a model with branches, which are removed afterwards.
    trained = {"transform_input": True, "aux_logits": True} if branching and pretrained else {}
    model = _make(name, **own, **(arguments | trained))
    if pretrained and arguments:
        check_fit(model, lambda: _make(name, **own, **trained))
    if trained and not arguments.get("aux_logits", name == "inception_v3"):
        _cut_branches(model)
    return model


def _cut_branches(model: Any) -> None:
    model.aux_logits = False
    for branch in ("aux1", "aux2", "AuxLogits"):
        if hasattr(model, branch):
            setattr(model, branch, None)


def _segmenter_at_tag(name: str, pretrained: bool, arguments: dict[str, Any]) -> nn.Module:
    if pretrained:
        if name.startswith("lraspp") and arguments.get("aux_loss"):
            raise NotImplementedError(f"pretrained {name}_coco is currently not supported")
        arguments = arguments if name.startswith("lraspp") else arguments | {"aux_loss": True}
    model = _make(name, **arguments)
    if pretrained and arguments.get("num_classes", 21) != 21:
        check_fit(model, lambda: _make(name, **(arguments | {"num_classes": 21})))
    return model


def on_main(name: str, weights: Any, **arguments: Any) -> nn.Module:
    """As since v0.13: torchvision's own function, to which its checkpoint is given as empty."""
    if name in _OTHERS:
        return _make(name, **arguments)
    arguments = {key: value for key, value in arguments.items() if value is not None}
    if weights is True:
        models = importlib.import_module("torchvision.models")
        weights = models.get_model_weights(name).DEFAULT
    with _no_checkpoint():
        return _make(name, weights=weights, **arguments)


@contextlib.contextmanager
def _no_checkpoint() -> Iterator[None]:
    """Lets torchvision's functions load a checkpoint that changes nothing."""
    enum: Any = importlib.import_module("torchvision.models").WeightsEnum
    fetch, load = enum.get_state_dict, nn.Module.load_state_dict
    enum.get_state_dict = lambda *_, **__: {}
    nn.Module.load_state_dict = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        enum.get_state_dict, nn.Module.load_state_dict = fetch, load  # type: ignore[method-assign]


def accepts_pretrained(entry: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """What torchvision does since v0.13 with ``pretrained`` and with positional arguments: takes them, and warns."""

    @functools.wraps(entry)
    def inner(*args: Any, **kwargs: Any) -> nn.Module:
        if len(args) > 2:
            raise TypeError(f"{entry.__name__}() takes from 0 to 2 positional arguments but {len(args)} were given")
        for key, value in zip(("weights", "progress"), args, strict=False):
            warnings.warn(f"Using {key!r} as positional parameter(s) is deprecated since 0.13.", stacklevel=2)
            kwargs[key] = value
        if "pretrained" in kwargs:
            warnings.warn(
                "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use "
                "'weights' instead.",
                stacklevel=2,
            )
            kwargs.setdefault("weights", True if kwargs.pop("pretrained") else None)
        if kwargs.get("weights") is False:
            kwargs["weights"] = None
        return entry(**kwargs)

    return inner


def _make(name: str, **arguments: Any) -> nn.Module:
    with generated(name), warnings.catch_warnings():
        # GoogLeNet's and Inception's, about weights that are filled here anyway.
        warnings.filterwarnings("ignore", "The default weight initialization")
        if name in _OTHERS:
            layers, own = _OTHERS[name]
            return imagenet.ResNet(imagenet.Bottleneck, layers, **own, **arguments)
        builder: Any = importlib.import_module("torchvision.models").get_model_builder(name)
        if name.startswith(_SEGMENTERS):
            arguments = {"weights_backbone": None, **arguments}
        model: nn.Module = builder(**{"weights": None, **arguments})
    return _small_pictures(model) if name.startswith(_SEGMENTERS) else model


def _small_pictures(model: nn.Module) -> nn.Module:
    """The same model, which sees large pictures smaller and answers at their size."""
    own = type(model)

    def forward(self: nn.Module, x: Any) -> Any:
        size = x.shape[-2:]
        pixels = size[0] * size[1]
        if x.dim() != 4 or pixels <= _PIXELS:
            return own.forward(self, x)
        factor = (_PIXELS / pixels) ** 0.5
        maps = own.forward(self, interpolate(x, [max(1, int(side * factor)) for side in size], mode="nearest"))
        return type(maps)((key, interpolate(one, size, mode="bilinear")) for key, one in maps.items())

    # A name of this module, by which a saved model finds its class.
    smaller = globals().setdefault(own.__name__, type(own.__name__, (own,), {"forward": forward}))
    model.__class__ = smaller
    return model
