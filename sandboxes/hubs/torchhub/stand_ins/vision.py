"""The models of pytorch/vision, as they are called at its tags and on its main branch."""

import functools
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any

from torch import nn

from apigauge.sandboxes.hubs.torchhub.stand_ins import imagenet, segmentation, video
from apigauge.sandboxes.hubs.torchhub.stand_ins.core import linear, load_into, seeded

GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])  # noqa: PYI024 - as there
InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])  # noqa: PYI024

_RESNETS: dict[str, tuple[type[imagenet.BasicBlock], list[int], dict[str, Any]]] = {
    "resnet18": (imagenet.BasicBlock, [2, 2, 2, 2], {}),
    "resnet34": (imagenet.BasicBlock, [3, 4, 6, 3], {}),
    "resnet50": (imagenet.Bottleneck, [3, 4, 6, 3], {}),
    "resnet101": (imagenet.Bottleneck, [3, 4, 23, 3], {}),
    "resnet152": (imagenet.Bottleneck, [3, 8, 36, 3], {}),
    "resnext50_32x4d": (imagenet.Bottleneck, [3, 4, 6, 3], {"groups": 32, "width_per_group": 4}),
    "resnext101_32x4d": (imagenet.Bottleneck, [3, 4, 23, 3], {"groups": 32, "width_per_group": 4}),
    "resnext101_32x8d": (imagenet.Bottleneck, [3, 4, 23, 3], {"groups": 32, "width_per_group": 8}),
    "resnext101_64x4d": (imagenet.Bottleneck, [3, 4, 23, 3], {"groups": 64, "width_per_group": 4}),
    "wide_resnet50_2": (imagenet.Bottleneck, [3, 4, 6, 3], {"width_per_group": 128}),
    "wide_resnet101_2": (imagenet.Bottleneck, [3, 4, 23, 3], {"width_per_group": 128}),
}
# Class and name of the head; of each model the channels before it.
_FAMILIES = {
    ("DenseNet", "classifier"): {"densenet121": 1024, "densenet161": 2208, "densenet169": 1664, "densenet201": 1920},
    ("MobileNetV2", "classifier"): {"mobilenet_v2": 1280},
    ("MobileNetV3", "classifier"): {"mobilenet_v3_large": 960, "mobilenet_v3_small": 576},
    ("MNASNet", "classifier"): dict.fromkeys(("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"), 1280),
    ("ShuffleNetV2", "fc"): {
        **dict.fromkeys(("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5"), 1024),
        "shufflenet_v2_x2_0": 2048,
    },
    ("EfficientNet", "classifier"): {
        **{f"efficientnet_b{n}": c for n, c in enumerate((1280, 1280, 1408, 1536, 1792, 2048, 2304, 2560))},
        **dict.fromkeys(("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"), 1280),
    },
    ("RegNet", "fc"): {
        "regnet_y_400mf": 440,
        "regnet_y_800mf": 784,
        "regnet_y_1_6gf": 888,
        "regnet_y_3_2gf": 1512,
        "regnet_y_8gf": 2016,
        "regnet_y_16gf": 3024,
        "regnet_y_32gf": 3712,
        "regnet_y_128gf": 7392,
        "regnet_x_400mf": 400,
        "regnet_x_800mf": 672,
        "regnet_x_1_6gf": 912,
        "regnet_x_3_2gf": 1008,
        "regnet_x_8gf": 1920,
        "regnet_x_16gf": 2048,
        "regnet_x_32gf": 2520,
    },
    ("ConvNeXt", "classifier"): {
        "convnext_tiny": 768,
        "convnext_small": 768,
        "convnext_base": 1024,
        "convnext_large": 1536,
    },
    ("VisionTransformer", "heads"): {
        "vit_b_16": 768,
        "vit_b_32": 768,
        "vit_l_16": 1024,
        "vit_l_32": 1024,
        "vit_h_14": 1280,
    },
    ("SwinTransformer", "head"): {
        "swin_t": 768,
        "swin_s": 768,
        "swin_b": 1024,
        "swin_v2_t": 768,
        "swin_v2_s": 768,
        "swin_v2_b": 1024,
    },
    ("MaxVit", "classifier"): {"maxvit_t": 512},
}
_PLAIN = {name: (of, c, head) for (of, head), members in _FAMILIES.items() for name, c in members.items()}
# Which arguments the real class takes besides num_classes.
_TAKES = {
    "DenseNet": "bn_size drop_rate memory_efficient",
    "MobileNetV2": "width_mult inverted_residual_setting round_nearest block norm_layer dropout",
    "MobileNetV3": "block norm_layer dropout",
    "MNASNet": "dropout",
    "ShuffleNetV2": "inverted_residual",
    "EfficientNet": "stochastic_depth_prob norm_layer",
    "RegNet": "stem_width stem_type block_type norm_layer activation",
    "ConvNeXt": "layer_scale block norm_layer",
    "VisionTransformer": "image_size dropout attention_dropout representation_size norm_layer conv_stem_configs",
    "SwinTransformer": "mlp_ratio dropout attention_dropout norm_layer block downsample_layer",
    "MaxVit": "norm_layer activation_layer squeeze_ratio expansion_ratio mlp_ratio mlp_dropout attention_dropout",
    "GoogLeNet": "aux_logits transform_input init_weights blocks dropout dropout_aux",
    "Inception3": "aux_logits transform_input inception_blocks init_weights dropout",
}


def at_tag(name: str, pretrained: bool, **arguments: Any) -> nn.Module:
    """As up to v0.12: a checkpoint of 1000 classes is loaded into whatever the arguments make."""
    model = _make(name, **arguments)
    if pretrained and {"num_classes", "width_mult"} & arguments.keys():
        load_into(model, _make(name))
    return model


def on_main(name: str, weights: Any, **arguments: Any) -> nn.Module:
    """As since v0.13: the weights are an enumeration, and say how many classes there are."""
    if weights is not None and weights is not True:
        from torchvision.models import get_model_weights

        weights = get_model_weights(name).verify(weights)
    if weights is not None:
        expected = segmentation.CLASSES if name in segmentation.MODELS else 400 if name in video.TORCHVISION else 1000
        if arguments.get("num_classes") not in (None, expected):
            raise ValueError(
                f"The parameter 'num_classes' expected value {expected} but got {arguments['num_classes']} instead."
            )
    return _make(name, **arguments)


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
    with seeded(name):
        if name in segmentation.MODELS:
            return segmentation.torchvision_model(name, **arguments)
        if name in video.TORCHVISION:
            return video.torchvision_model(name, **arguments)
        if name in _RESNETS:
            block, layers, own = _RESNETS[name]
            return imagenet.ResNet(block, layers, **own, **arguments)
        if name.startswith("vgg"):
            return imagenet.VGG(**arguments)
        if name == "alexnet":
            return imagenet.AlexNet(**arguments)
        if name.startswith("squeezenet"):
            return imagenet.SqueezeNet(name.removeprefix("squeezenet"), **arguments)
        if name in ("googlenet", "inception_v3"):
            return _branching(name, **arguments)
        family, features, head = _PLAIN[name]
        _check(family, arguments)
        classes = arguments.get("num_classes", 1000)
        model = imagenet.Classifier(features, head, _head_layers(name, family, arguments), num_classes=classes)
        if family == "VisionTransformer":
            model.heads = nn.Sequential()
            model.heads.add_module("head", linear(features, classes))
        return model


def _branching(name: str, **arguments: Any) -> nn.Module:
    google = name == "googlenet"
    _check("GoogLeNet" if google else "Inception3", arguments)
    classes, dropout = arguments.get("num_classes", 1000), arguments.get("dropout", 0.2 if google else 0.5)
    # A pretrained GoogLeNet comes without its branches, an Inception v3 with them.
    aux = (2 if google else 1) if arguments.get("aux_logits", not google) else 0
    outputs = GoogLeNetOutputs if google else InceptionOutputs
    return imagenet.Branching(1024 if google else 2048, outputs, aux, classes, dropout)


def _check(family: str, arguments: dict[str, Any]) -> None:
    for name in arguments:
        if name not in ("num_classes", *_TAKES[family].split()):
            raise TypeError(f"{family}.__init__() got an unexpected keyword argument {name!r}")


def _head_layers(name: str, family: str, arguments: dict[str, Any]) -> list[nn.Module] | None:
    dropout = nn.Dropout(arguments.get("dropout", 0.2))
    if family == "MobileNetV3":
        widths = (960, 1280) if name.endswith("large") else (576, 1024)
        return [linear(*widths), nn.Hardswish(), dropout]
    if family in ("MobileNetV2", "MNASNet", "EfficientNet"):
        return [dropout]
    if family == "ConvNeXt":
        return [nn.LayerNorm(_PLAIN[name][1]), nn.Flatten(1)]
    if family == "MaxVit":
        return [nn.Identity(), nn.Flatten(1), nn.LayerNorm(512), linear(512, 512), nn.Tanh()]
    return None
