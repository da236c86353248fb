"""What LayoutLMv2 needs of detectron2, which has no wheel: a visual backbone of the shapes that the real one has.

transformers builds LayoutLMv2 around a ResNet with a feature pyramid from that package. Here the pyramid is one
convolution for each level; what a program gets from it has the channels and strides that it would have. Nothing else of
the package is here, so that a program which imports more of it fails as it would without the package.
"""

from detectron2 import config, layers, modeling

__all__ = ["config", "layers", "modeling"]
