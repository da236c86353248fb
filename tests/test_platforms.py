"""Core and ``[hf]`` install from wheels alone on every Python and platform that pyproject.toml names."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.xdist_group("platforms")]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# glibc's versions that today's distributions have: 2.28 and newer, and what older wheels were built for.
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_17", "manylinux2014")
PLATFORMS = {
    ("Linux", "x86_64"): tuple(f"{glibc}_x86_64" for glibc in GLIBC),
    ("Linux", "aarch64"): tuple(f"{glibc}_aarch64" for glibc in GLIBC),
    ("Darwin", "arm64"): ("macosx_14_0_arm64",),
}


@pytest.fixture(scope="module")
def current_pip(tmp_path_factory):
    """A Python with today's pip, which reads what a wheel needs without downloading it."""
    folder = tmp_path_factory.mktemp("pip")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1"], check=True)
    return python


@pytest.mark.parametrize("extra", ["", "[hf]"], ids=["core", "hf"])
@pytest.mark.parametrize(("system", "machine"), PLATFORMS, ids=["linux-x86_64", "linux-arm64", "macos-arm64"])
@pytest.mark.parametrize("python", PYTHONS)
def test_wheels_alone_are_enough(python, system, machine, extra, built, current_pip, tmp_path):
    report = tmp_path / "report.json"
    options = ["--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:", "--implementation", "cp"]
    # Of a wheel of gigabytes only the part that says what it needs is read.
    options += ["--use-feature=fast-deps"]
    options += ["--target", tmp_path / "nowhere", "--python-version", python, "--report", report]
    for tag in PLATFORMS[system, machine]:
        options += ["--platform", tag]
    script = Path(__file__).with_name("pip_elsewhere.py")
    done = subprocess.run(
        [current_pip, script, python, system, machine, "install", *options, f"{built[0]}{extra}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    names = {one["metadata"]["name"].lower() for one in json.loads(report.read_text(encoding="utf-8"))["install"]}
    assert {"apigauge", "tree-sitter", "tree-sitter-python", "libcst", "numpy"} <= names
    heavy = {"torch", "transformers", "scipy", "pandas", "codebleu", "rouge-score"}
    assert names & heavy == ({"torch", "transformers"} if extra else set())


def test_the_wheel_is_small(built):
    assert built[0].stat().st_size < 8_000_000


def test_the_core_takes_little_room(built, tmp_path):
    """What installing adds: with pip (14 MB), which a new environment has, it is below 150 MB.

    Python 3.11 also puts setuptools (8 MB) into one, later ones do not.
    """

    def size():
        files = [path for path in (tmp_path / "env").rglob("*") if path.is_file() and not path.is_symlink()]
        return sum(path.stat().st_size for path in files)

    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    before = size()
    pip = [tmp_path / "env" / "bin" / "python", "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "--only-binary=:all:", built[0]], check=True)
    assert size() - before < 135_000_000
