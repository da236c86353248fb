"""What `make` says before it installs, and what a machine is told that cannot run apigauge."""

import importlib.util
import subprocess
import sys

import pytest
from ci_steps import ROOT

spec = importlib.util.spec_from_file_location("install", ROOT / "ci" / "install.py")
install = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)


@pytest.mark.parametrize(
    ("extra", "has_torch", "system", "cpu_index", "words", "options"),
    [
        ("", False, "Linux", False, "apigauge: up to 55 MB", []),
        (
            "hf",
            False,
            "Linux",
            True,
            "PyTorch's build for the CPU: up to 325 MB",
            ["--extra-index-url", install.CPU_BUILDS],
        ),
        (
            "hf",
            False,
            "Linux",
            False,
            "with CUDA, unless it is set up for another: up to 2.8 GB to download, 5.3 GB",
            [],
        ),
        ("hf", False, "Darwin", False, "apigauge[hf]: up to 325 MB", []),
        ("dev", True, "Linux", False, "using the PyTorch that is installed", []),
    ],
)
def test_what_will_be_downloaded_is_printed_first(extra, has_torch, system, cpu_index, words, options):
    message, pip_options = install.plan(extra, has_torch=has_torch, system=system, cpu_index=cpu_index)
    assert words in message
    assert pip_options == options


def test_an_index_that_does_not_answer_is_no_error(monkeypatch):
    monkeypatch.setattr(install, "CPU_BUILDS", "http://127.0.0.1:9")
    assert not install.cpu_builds_answer()


def test_windows_gets_one_sentence():
    program = "import sys; sys.platform = 'win32'; sys.modules['fcntl'] = None; import apigauge.harness.cli.main"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "apigauge: runs on Linux and macOS; on Windows, use it within WSL (wsl --install)\n"
