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
    """Baselines of bm25 on mini: file and run of all questions, of the first twelve, and one of another benchmark."""
    folder = tmp_path_factory.mktemp("baselines")
    for name, options in (("run", ()), ("twelve", ("--limit", "12"))):
        command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(folder / name), *options]
        assert main([*command, "--sandbox", "none", "--metrics", "ast.exact"]) == 0
        assert main(["gate", str(folder / name), "--save-baseline", str(folder / f"{name}.json")]) == 0
    text = (folder / "run.json").read_text(encoding="utf-8")
    (folder / "other.json").write_text(text.replace('"benchmark": "mini"', '"benchmark": "other"'), encoding="utf-8")
    return folder
