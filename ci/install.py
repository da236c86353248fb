"""Installs what `make` needs into its environment, after printing how much that is.

Usage: PYTHON ci/install.py [EXTRA]. Run by the environment's own Python, in the checkout; only the standard library.

On Linux the public index has PyTorch with CUDA, gigabytes that nothing here needs. PyTorch's own index of CPU builds is
asked first; where it does not answer within a few seconds, the public index serves.
"""

import importlib.util
import platform
import subprocess
import sys
import urllib.request

CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
_SECONDS = 5
# Of apigauge[...], measured on Linux, x86-64, with Python 3.11: MB to download, MB on disk.
_SIZES = {"": (55, 270), "hf": (325, 1_430), "dev": (475, 2_230)}
# What a build with CUDA adds to that.
_CUDA = (2_500, 3_900)


def cpu_builds_answer() -> bool:
    """Whether PyTorch's index of CPU builds can be reached from here."""
    try:
        with urllib.request.urlopen(f"{CPU_BUILDS}/torch/", timeout=_SECONDS):
            return True
    except (OSError, ValueError):
        return False


def plan(extra: str, *, has_torch: bool, system: str, cpu_index: bool) -> tuple[str, list[str]]:
    """The message to print, and further options for pip.

    Args:
        extra: of the package; empty for its core.
        has_torch: whether it is installed already.
        system: as ``platform.system()`` names it.
        cpu_index: whether PyTorch's index of CPU builds answers.
    """
    download, disk = _SIZES[extra]
    name = f"apigauge[{extra}]" if extra else "apigauge"
    options: list[str] = []
    build = ""
    if extra and has_torch:
        build = ", using the PyTorch that is installed"
    elif extra and system == "Linux" and cpu_index:
        build, options = ", with PyTorch's build for the CPU", ["--extra-index-url", CPU_BUILDS]
    elif extra and system == "Linux":
        build = (
            ". PyTorch's index of CPU builds does not answer, so pip takes the build that its own index has: with "
            "CUDA, unless it is set up for another"
        )
        download, disk = download + _CUDA[0], disk + _CUDA[1]
    return f"{name}{build}: up to {_size(download)} to download, {_size(disk)} on disk, in {sys.prefix}", options


def _size(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


def main() -> int:
    """Installs; pip's own exit code."""
    extra = sys.argv[1] if len(sys.argv) > 1 else ""
    has_torch = importlib.util.find_spec("torch") is not None
    needs_index = bool(extra) and not has_torch and platform.system() == "Linux"
    message, options = plan(
        extra, has_torch=has_torch, system=platform.system(), cpu_index=needs_index and cpu_builds_answer()
    )
    print(message, flush=True)
    target = f".[{extra}]" if extra else "."
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-c", "constraints.txt"]
    return subprocess.run([*pip, *options, "-e", target], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
