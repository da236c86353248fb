# ruff: noqa: INP001 - one file among those of site-packages
"""In the place of torchvision's module of this name: its compiled operators, in Python.

torchvision's wheel is linked to CUDA libraries that a CPU build of torch does not have, so neither ``_C.so`` nor
``image.so`` can be loaded, and without the operator ``torchvision::nms`` the package cannot even be imported. Here are
the operators that programs meet on a CPU; a call of one of the others says that it has no kernel for the CPU.
"""

import torchvision_cpu


def _load_library(lib_name: str) -> bool:
    return lib_name in torchvision_cpu.LIBRARIES


def _has_ops() -> bool:
    return True


def _assert_has_ops() -> None:
    """Called before each use of an operator."""


def _check_cuda_version() -> int:
    return -1
