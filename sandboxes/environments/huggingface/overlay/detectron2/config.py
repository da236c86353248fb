"""The configuration tree, as far as LayoutLMv2 sets it (detectron2's config reference)."""

from types import SimpleNamespace

_MEAN, _DEVIATION = [103.53, 116.28, 123.675], [1.0, 1.0, 1.0]


def get_cfg() -> SimpleNamespace:
    """A tree of attributes with the package's defaults."""
    names = ("ANCHOR_GENERATOR", "BACKBONE", "RESNETS", "ROI_BOX_HEAD", "ROI_HEADS", "ROI_MASK_HEAD", "RPN")
    model = SimpleNamespace(**{name: SimpleNamespace() for name in names})
    model.META_ARCHITECTURE = "GeneralizedRCNN"
    model.PIXEL_MEAN, model.PIXEL_STD = list(_MEAN), list(_DEVIATION)
    model.FPN = SimpleNamespace(IN_FEATURES=[], OUT_CHANNELS=256)
    return SimpleNamespace(MODEL=model)
