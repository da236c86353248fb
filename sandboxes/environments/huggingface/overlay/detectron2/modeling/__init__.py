"""The detector by its name, of which LayoutLMv2 takes the backbone."""

from types import SimpleNamespace

from torch import nn

from detectron2.modeling import backbone

__all__ = ["META_ARCH_REGISTRY", "backbone"]


class GeneralizedRCNN(nn.Module):
    """A detector that has no more than its backbone."""

    def __init__(self, cfg: SimpleNamespace) -> None:
        super().__init__()
        self.backbone = backbone.FPN(cfg.MODEL.FPN.OUT_CHANNELS)


META_ARCH_REGISTRY = {"GeneralizedRCNN": GeneralizedRCNN}
