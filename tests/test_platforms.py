"""Core and ``[hf]`` install from wheels alone on every Python and platform that pyproject.toml names."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.xdist_group("platforms")]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# As uv names them; glibc 2.28 is what Debian 10, RHEL 8 and everything since have.
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


@pytest.fixture(scope="module")
def indexes():
    """pip's configuration, which has what this machine needs to reach a package index, as options of uv."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    options = []
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in ("index-url", "extra-index-url", "find-links", "constraint"):
            for one in value.strip("'").split():
                options += [f"--{name}", one]
    # pip takes the best version that any index has.
    return [*options, "--index-strategy", "unsafe-best-match"]


@pytest.mark.parametrize("extra", ["", "[hf]"], ids=["core", "hf"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_wheels_alone_are_enough(python, platform, extra, built, indexes):
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    options = ["--no-config", "--quiet", "--only-binary", ":all:", "--no-annotate", "--no-header", *indexes]
    # The interpreter that runs uv is none of those asked about; uv would otherwise look for one of that version.
    options += ["--python", sys.executable, "--python-version", python, "--python-platform", platform]
    done = subprocess.run(
        [uv, "pip", "compile", *options, "-"],
        input=f"apigauge{extra} @ {built[0].as_uri()}\n",
        capture_output=True,
        text=True,
        check=False,
        env={"SSL_CERT_FILE": os.environ.get("PIP_CERT", "")} | os.environ,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    names = {line.split("==")[0].split(" ")[0].lower() for line in done.stdout.splitlines()}
    assert {"apigauge", "tree-sitter", "tree-sitter-python", "libcst", "numpy"} <= names
    heavy = {"torch", "transformers", "scipy", "pandas", "codebleu", "rouge-score"}
    assert names & heavy == ({"torch", "transformers"} if extra else set())


def test_the_wheel_is_small(built):
    assert built[0].stat().st_size < 8_000_000


def test_the_core_takes_little_room(built, tmp_path):
    """What installing adds: below 250 MB, of which matplotlib and what it needs, for the charts, are about 100.

    Python 3.11 also puts setuptools (8 MB) into one, later ones do not.
    """

    def size():
        files = [path for path in (tmp_path / "env").rglob("*") if path.is_file() and not path.is_symlink()]
        return sum(path.stat().st_size for path in files)

    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    before = size()
    pip = [tmp_path / "env" / "bin" / "python", "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", "--only-binary=:all:", built[0]], check=True)
    assert size() - before < 250_000_000
