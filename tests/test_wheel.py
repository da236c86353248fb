"""The package as a user gets it: a wheel in an empty environment, outside the checkout, with a user's own folders around."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*command, cwd, **more):
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "APIGAUGE_DATA")}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=outside | more, capture_output=True, text=True, check=False
    )


def test_the_wheel_is_built_from_the_sdist_and_holds_code_and_data(built):
    names = set(zipfile.ZipFile(built[0]).namelist())
    for needed in (
        "apigauge/py.typed",
        "apigauge/errors.py",
        "apigauge/harness/cli/main.py",
        "apigauge/benchmarks/apibench/sources.json",
        "apigauge/benchmarks/mini/items.jsonl",
        "apigauge/benchmarks/mini/checkpoint/model.safetensors",
        "apigauge/harness/plugins/rlaif/recipes/mini.toml",
        "apigauge/reports/published.json",
        "apigauge/reports/templates/index.html",
        "apigauge/sandboxes/seccomp.json",
        "apigauge/sandboxes/worker/bootstrap.py",
        "apigauge/sandboxes/environments/huggingface/Dockerfile",
        "apigauge/sandboxes/environments/huggingface/lock.txt",
        "apigauge/sandboxes/environments/python/environment.json",
        "apigauge/sandboxes/attacks/programs.tar.xz",
    ):
        assert needed in names
    assert any(name.startswith("apigauge/reports/static/") for name in names)
    assert {name.split("/")[0] for name in names} <= {"apigauge", "apigauge-0.1.0.dist-info"}


def test_a_checkout_without_links_is_not_built(tmp_path):
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tmp_path / name)
    package = tmp_path / "src" / "apigauge"
    package.mkdir(parents=True)
    for link in ("benchmarks", "harness", "reports", "sandboxes"):  # as git leaves a link where it may not make one
        (package / link).write_text(f"../../{link}")
    done = run(sys.executable, "-m", "build", "--wheel", tmp_path, cwd=tmp_path)
    assert done.returncode != 0
    assert "apigauge cannot be built: src/apigauge/benchmarks is no folder" in done.stdout + done.stderr
    assert not list(tmp_path.glob("dist/*.whl"))


def test_the_demo_runs_from_the_wheel_in_an_empty_environment(built, tmp_path):
    assert run(sys.executable, "-m", "venv", "env", cwd=tmp_path).returncode == 0
    bin_folder = tmp_path / "env" / "bin"
    pip = run(
        bin_folder / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", built[0], cwd=tmp_path
    )
    assert pip.returncode == 0, pip.stderr[-3000:]
    for name in ("benchmarks", "reports", "harness", "sandboxes"):  # the user's own packages of these names
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("MINE = True\n")
    mine = "import benchmarks, reports, harness, sandboxes, apigauge; assert benchmarks.MINE and harness.MINE; print(apigauge.__file__)"
    where = run(bin_folder / "python", "-c", mine, cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(tmp_path / "env"), where.stderr
    attacks = "from apigauge.sandboxes.attacks import load; print([(one.name, hash(one.source)) for one in load()])"
    seen = [run(bin_folder / "python", "-c", attacks, cwd=tmp_path, PYTHONHASHSEED="0").stdout]
    seen += [run(sys.executable, "-c", attacks, cwd=tmp_path, PYTHONHASHSEED="0", PYTHONPATH=str(ROOT / "src")).stdout]
    assert seen[0] == seen[1] != ""
    command = bin_folder / "apigauge"
    scored = run(
        command, "run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", "runs/bm25", "--json", cwd=tmp_path
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["metrics"]["ast.exact"]["n"] == 56
    (tmp_path / "program.py").write_text("import json\njson.loads('1')\n")
    bare = ("--sandbox", "process", "--accept-no-isolation")
    executed = run(command, "sandbox", "exec", "program.py", *bare, cwd=tmp_path)
    assert executed.stdout == "passed, stage 4\n", executed.stderr
    report = run(command, "report", "runs/bm25", "--out", "site", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    assert (tmp_path / report.stdout.strip()).read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    missing = run(
        command,
        "run",
        "--benchmark",
        "apibench-torchhub",
        "--model",
        "retrieval:bm25",
        cwd=tmp_path,
        XDG_CACHE_HOME=str(tmp_path),
    )
    assert missing.returncode == 4
    assert "apibench/torchhub_eval.json was not found in" in missing.stderr
    assert "apigauge benchmarks fetch apibench-torchhub" in missing.stderr
