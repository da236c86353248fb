"""A machine of CI: a checkout of apigauge, a Python of its own, and baselines."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from ci_steps import ROOT, outside

from apigauge.__main__ import main


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """What a runner fetches: the files of the repository, links and all."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def prebuilt(checkout, tmp_path_factory):
    """In place of the checkout, what gives pip the wheel that was built from it once; a build takes eight seconds of a core."""
    folder = tmp_path_factory.mktemp("prebuilt")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
    ]
    subprocess.run([*command, checkout], check=True, capture_output=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "kept"\nbackend-path = ["."]\n'
    )
    (folder / "kept.py").write_text(
        "import pathlib, shutil\n"
        "def build_wheel(folder, settings=None, metadata=None):\n"
        "    (wheel,) = pathlib.Path(__file__).parent.glob('*.whl')\n"
        "    return pathlib.Path(shutil.copy(wheel, folder)).name\n"
    )
    return folder


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """A job's environment, with a Python that apigauge is not installed in.

    It sees the packages of this one, and pip is told to fetch nothing: the install step builds apigauge and installs it
    for real, and its dependencies are those that are here.
    """
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # For pip, "no build isolation" is switched on by a no.
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    assert Path(sys.executable).exists()
    return outside(folder / "bin") | pip


@pytest.fixture(scope="session")
def baselines(tmp_path_factory):
    """Baselines of bm25 on mini: file and run of all questions, of the first twelve, and one of another benchmark.

    And an easy one, of answers that are nearly all wrong.
    """
    folder = tmp_path_factory.mktemp("baselines")
    good, bad = "retrieval:bm25", "constant:torch.topk(scores, k=3)"
    for name, model, options in (("run", good, ()), ("twelve", good, ("--limit", "12")), ("easy", bad, ())):
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(folder / name), *options]
        assert main([*command, "--sandbox", "none", "--metrics", "ast.exact"]) == 0
        assert main(["gate", str(folder / name), "--save-baseline", str(folder / f"{name}.json")]) == 0
    text = (folder / "run.json").read_text(encoding="utf-8")
    (folder / "other.json").write_text(text.replace('"benchmark": "mini"', '"benchmark": "other"'), encoding="utf-8")
    return folder


@pytest.fixture
def change(tmp_path, baselines):
    """Makes a checkout of a change alone, as runners do, which may replace ``baseline.json``; returns the commit before."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]

    def make(replacement=None):
        origin = tmp_path / "origin"
        origin.mkdir()
        shutil.copy(baselines / "run.json", origin / "baseline.json")

        def run(*command, cwd=origin):
            return subprocess.run([*git, *command], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()

        run("init", "--quiet")
        run("add", ".")
        run("commit", "--quiet", "--message", "base")
        base = run("rev-parse", "HEAD")
        run("checkout", "--quiet", "-b", "change")
        if replacement:
            shutil.copy(replacement, origin / "baseline.json")
        run("commit", "--quiet", "--allow-empty", "--all", "--message", "change")
        run("clone", "--quiet", "--depth=1", "--branch=change", f"file://{origin}", str(tmp_path / "work"))
        return base

    return make
