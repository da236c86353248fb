"""Image classifiers of smaller repositories, by what their entry points return."""

from typing import Any

import torch
from torch import nn

from apigauge.sandboxes.hubs.torchhub.stand_ins import attention, imagenet
from apigauge.sandboxes.hubs.torchhub.stand_ins.core import load_into, seeded
from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import check_fit, generated

_LAYERS = {
    18: [2, 2, 2, 2],
    34: [3, 4, 6, 3],
    50: [3, 4, 6, 3],
    101: [3, 4, 23, 3],
    200: [3, 24, 36, 3],
    269: [3, 30, 48, 8],
}


def resnet(name: str, depth: int, pretrained: bool = False, **arguments: Any) -> nn.Module:
    """A ResNet of torchvision's class; a checkpoint of 1000 classes fits no other number."""
    block: type[Any] = imagenet.BasicBlock if depth < 50 else imagenet.Bottleneck
    with generated(name):
        model = imagenet.ResNet(block, _LAYERS[depth], **arguments)
    if pretrained and arguments.get("num_classes", 1000) != 1000:
        check_fit(model, lambda: imagenet.ResNet(block, _LAYERS[depth], **(arguments | {"num_classes": 1000})))
    return model


def resnest(name: str, depth: int, pretrained: bool = False, **arguments: Any) -> nn.Module:
    """A ResNeSt; its checkpoint fits 1000 classes alone."""
    with generated(name):
        model = attention.ResNeSt(_LAYERS[depth], 32 if depth == 50 else 64, **arguments)
    if pretrained and arguments.get("num_classes", 1000) != 1000:
        check_fit(model, lambda: attention.ResNeSt(_LAYERS[depth], 32 if depth == 50 else 64))
    return model


def fixed(name: str, features: int, head: str, trunk_name: str = "features", num_classes: int = 1000) -> nn.Module:
    """A classifier that no argument changes."""
    with seeded(name):
        return imagenet.Classifier(features, head, trunk_name=trunk_name, num_classes=num_classes)


class Supernet(imagenet.Classifier):
    """Cai et al., Once-for-All, 2019: a network from which smaller ones are taken."""

    def __init__(self, choices: dict[str, list[Any]], features: int, head: str = "classifier") -> None:
        super().__init__(features, head)
        self.choices = choices
        self.active: dict[str, Any] = {name: values[-1] for name, values in choices.items()}

    def set_active_subnet(self, ks: Any = None, e: Any = None, d: Any = None, **_other: Any) -> None:
        """Chooses kernel sizes, expansions and depths."""
        self.active |= {name: value for name, value in (("ks", ks), ("e", e), ("d", d)) if value is not None}

    def sample_active_subnet(self) -> dict[str, Any]:
        """Chooses at random and says what."""
        picks = {name: values[int(torch.randint(len(values), ()))] for name, values in self.choices.items()}
        self.set_active_subnet(**picks)
        return picks

    def set_max_net(self) -> None:
        """Chooses the largest."""
        self.set_active_subnet(**{name: values[-1] for name, values in self.choices.items()})

    def get_active_subnet(self, preserve_weight: bool = True) -> nn.Module:
        """The chosen network, on its own."""
        smaller = Supernet(self.choices, self.num_features, self._head)
        if preserve_weight:
            load_into(smaller, self)
        return smaller


_SUPERNETS: dict[str, dict[str, list[Any]]] = {
    "ofa_resnet50": {"d": [0, 1, 2], "e": [0.2, 0.25, 0.35], "w": [0.65, 0.8, 1.0]},
    "ofa_mbv3_d234_e346_k357_w1.0": {"ks": [3, 5, 7], "e": [3, 4, 6], "d": [2, 3, 4]},
    "ofa_mbv3_d234_e346_k357_w1.2": {"ks": [3, 5, 7], "e": [3, 4, 6], "d": [2, 3, 4]},
    "ofa_proxyless_d234_e346_k357_w1.3": {"ks": [3, 5, 7], "e": [3, 4, 6], "d": [2, 3, 4]},
}


def ofa_net(net_id: str, pretrained: bool = True) -> nn.Module:  # noqa: ARG001 - the same network, untrained
    """The supernet of that name.

    Raises:
        ValueError: there is none.
    """
    if net_id not in _SUPERNETS:
        raise ValueError(f"Not supported: {net_id}")
    with seeded(net_id):
        return Supernet(_SUPERNETS[net_id], 2048 if net_id == "ofa_resnet50" else 1280)


def ofa_specialized(net_id: str, pretrained: bool = True) -> tuple[nn.Module, int]:  # noqa: ARG001
    """A network taken from a supernet, and the size of its images."""
    return fixed(net_id, 2048, "classifier"), 224


_MEAL = {
    **dict.fromkeys(("mealv1_resnest50", "mealv2_resnest50", "mealv2_resnest50_cutmix"), (2048, "fc")),
    "mealv2_resnest50_380x380": (2048, "fc"),
    "mealv2_mobilenetv3_small_075": (1024, "classifier"),
    "mealv2_mobilenetv3_small_100": (1024, "classifier"),
    "mealv2_mobilenet_v3_large_100": (1280, "classifier"),
    "mealv2_efficientnet_b0": (1280, "classifier"),
}


def meal(model_name: str, pretrained: bool) -> nn.Module:
    """A model of MEAL V2; a pretrained one is wrapped for several GPUs.

    Raises:
        KeyError: there is none of that name.
    """
    features, head = _MEAL[model_name.lower()]
    model = resnet(model_name, 50) if head == "fc" else fixed(model_name, features, head)
    return nn.DataParallel(model) if pretrained else model


def dino(name: str, width: int, patch: int, **arguments: Any) -> nn.Module:
    """A vision transformer of DINO, without a head unless ``num_classes`` is given."""
    with generated(name):
        return attention.VisionTransformer(**{"patch_size": patch, "embed_dim": width, **arguments})


def dino_resnet(**arguments: Any) -> nn.Module:
    """DINO's ResNet-50: features alone."""
    model = resnet("dino_resnet50", 50, **arguments)
    model.fc = nn.Identity()
    return model
