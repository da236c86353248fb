"""Every file between an answer and its score is in a digest of the manifest: equal manifests mean equal scores."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apigauge.benchmarks import load_benchmark, names
from apigauge.benchmarks.loaders import RECIPES
from apigauge.harness.evaluation.manifest import manifest
from apigauge.harness.metrics import registry, table

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "src" / "apigauge"
# On the way by imports, and not between an answer and its score.
AFTER = {
    "__init__.py": "the public names, imported lazily, and the version",
    "errors.py": "sentences",
    "harness/evaluation/manifest.py": "records what scores depend on",
    "harness/evaluation/meter.py": "counts and times",
    "sandboxes/in_use.py": "locks of the cache, which hold no result",
    "harness/evaluation/questions.py": "questions kept with a run, for those who read it",
    "harness/evaluation/remote.py": "copies files of a run, whatever is in them",
    "harness/evaluation/addresses.py": "names of folders",
    "harness/evaluation/copies.py": "copies files of a run, whatever is in them",
    "harness/evaluation/ceilings.py": "what references reach, shown next to means",
    "harness/evaluation/samples.py": "pass@k and consistency of scores",
    "harness/evaluation/score_rows.py": "reads the scores for their means",
    "harness/evaluation/summary.py": "means of the scores",
    "harness/evaluation/usage.py": "tokens and money",
    "harness/statistics/bounded_mean.py": "their intervals",
    "harness/statistics/intervals.py": "their intervals",
}
# How an image or an environment is built is no matter: the manifest names the image itself, or its packages.
BUILDING = {
    "sandboxes/environments/make.py",
    "sandboxes/build.py",
    "sandboxes/build_base.py",
    "sandboxes/build_wheels.py",
    "sandboxes/progress.py",
}


def module_file(name):
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def imported(path):
    """The files of ours that a file imports to run: at its head, or in a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "apigauge":
            for alias in node.names:
                yield module_file(f"{node.module}.{alias.name}") or module_file(node.module)
        elif isinstance(node, ast.Import):
            yield from (module_file(alias.name) for alias in node.names if alias.name.startswith("apigauge"))


def way(*starts):
    """All files that these files import, and what those import."""
    todo, seen = [PACKAGE / start for start in starts], set()
    while todo:
        path = todo.pop()
        if path is not None and path not in seen:
            seen.add(path)
            todo += imported(path)
    return {path.relative_to(PACKAGE).as_posix() for path in seen}


def covered():
    """All files in digests of a manifest of all metrics with a sandbox."""
    lists = (registry.EXTRACTION_CODE, registry.LOADER_CODE, registry.EXECUTION_CODE)
    return {*(name for one in (*lists, *map(registry._code_of, table.MODULES)) for name in one)}


SCORING = way(
    "harness/evaluation/evaluate.py",
    "harness/evaluation/rescore.py",
    *(f"harness/metrics/{module}.py" for module in table.MODULES),
)
LOADING = way("benchmarks/__init__.py", "benchmarks/folder.py", "benchmarks/apibench/__init__.py")
RUNNING = way("sandboxes/factory.py", "harness/evaluation/execution.py")


@pytest.mark.parametrize("on_the_way", [SCORING, LOADING, RUNNING], ids=["scoring", "loading", "running"])
def test_every_file_on_the_way_from_an_answer_to_its_score_is_in_a_digest(on_the_way):
    assert len(on_the_way) > 3
    assert on_the_way - covered() <= AFTER.keys() | BUILDING
    assert all((PACKAGE / name).is_file() for name in covered())


def test_each_metric_s_version_has_all_code_that_the_metric_imports():
    for module in table.STATIC:
        missing = (
            way(f"harness/metrics/{module}.py") - {*registry._code_of(module), *registry.LOADER_CODE} - AFTER.keys()
        )
        assert not missing, module


def test_the_code_that_reads_every_benchmark_is_in_the_loader_s_digest():
    """A new benchmark is a new folder of benchmarks/, which the list must name."""
    folders = {name.partition("-")[0] for name in names() if name not in RECIPES}
    assert {f"benchmarks/loaders/{recipe.module}.py" for recipe in RECIPES.values()} <= {*registry.LOADER_CODE}
    assert {f"benchmarks/{folder}/__init__.py" for folder in folders} <= {*registry.LOADER_CODE}


def test_every_data_file_that_scoring_code_reads_is_in_a_digest():
    """By its name in the code; the tables of names have a digest of their own, which versions name."""
    # Of a run directory, and of a hub that was built.
    own = {"manifest.json", "generations.jsonl", "scores.jsonl", "summary.json", "hub.json"}
    for name in SCORING & covered():
        if name.startswith(("harness/", "sandboxes/hubs/torchhub/")):
            for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
                text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
                if text.endswith((".json", ".jsonl")) and " " not in text and text not in own:
                    assert any(f"/{one}".endswith(f"/{text}") for one in covered()), (name, text)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The files in digests, to be changed."""
    folder = tmp_path_factory.mktemp("package")
    for name in covered():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / name, folder / name)
    return folder


class Sandbox:
    """As much of one as a manifest is made of."""

    def describe(self):
        return {"kind": "process"}


def recorded():
    """The entries of a manifest that two runs are compared by."""
    record = manifest(load_benchmark("mini"), {}, "", list(table.MODULES), 1, Sandbox())
    entries = {name: record[name] for name in ("benchmark", "extraction", "execution", "metrics")}
    return entries | {"bfcl": registry.versions(["ast_bfcl"])}  # which cannot score that benchmark


def altered(name, text):
    """A file whose last function has another body; of a data file, another byte."""
    tree = ast.parse(text) if name.endswith(".py") else ast.Module([], [])
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if not functions:
        return text + " "
    body, lines = functions[-1].body[0], text.splitlines(keepends=True)
    lines.insert(body.lineno - 1, f"{' ' * body.col_offset}raise NotImplementedError\n")
    return "".join(lines)


def test_a_change_of_any_function_moves_a_digest(copied, monkeypatch):
    monkeypatch.setattr(registry, "_PACKAGE", copied)
    before, unmoved = recorded(), []
    for name in sorted(covered()):
        text = (copied / name).read_text(encoding="utf-8")
        (copied / name).write_text(altered(name, text), encoding="utf-8")
        unmoved += [name] * (recorded() == before)
        (copied / name).write_text(text, encoding="utf-8")
    assert unmoved == []
    assert recorded() == before


def test_the_python_that_scored_is_in_every_metric_s_version():
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    assert all(version in one.split(", ") for one in registry.versions(list(table.MODULES)).values())


# What makes a metric answer otherwise, in the loader and in the scorer.
PLANTED = {
    "benchmarks/folder.py": ('row.get("program", "")', 'row.get("program", "")[:20]'),
    "harness/evaluation/scoring.py": ("read(completion.text, functions", "read(completion.text[:60], functions"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_other_scores_come_with_another_manifest(name, tmp_path):
    """A change in the loader and in the scorer, for real: rouge.L differs, and so do the manifests."""
    site = tmp_path / "site"
    skipped = shutil.ignore_patterns("__pycache__", "checkpoint", "attacks", "tests")
    shutil.copytree(PACKAGE, site / "apigauge", ignore=skipped)
    seen, original = [], PACKAGE / name
    for _ in range(2):
        out = tmp_path / f"run{len(seen)}"
        command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(out), "--limit", "8"]
        subprocess.run(
            [sys.executable, "-m", "apigauge", *command, "--sandbox", "none", "--metrics", "rouge", "--quiet"],
            env=os.environ | {"PYTHONPATH": str(site)},
            check=True,
            capture_output=True,
        )
        record, summary = (json.loads((out / file).read_bytes()) for file in ("manifest.json", "summary.json"))
        seen.append(
            ({k: record[k] for k in ("benchmark", "extraction", "metrics")}, summary["metrics"]["rouge.L"]["value"])
        )
        text = original.read_text(encoding="utf-8")
        assert PLANTED[name][0] in text
        (site / "apigauge" / name).write_text(text.replace(*PLANTED[name]), encoding="utf-8")
    (manifest_before, before), (manifest_after, after) = seen
    assert before != after
    assert manifest_before != manifest_after
