"""The plugin in examples/plugin: built, installed next to apigauge, used by every command, and removed again."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.wheel, pytest.mark.xdist_group("plugin-example")]


class Machine:
    """An environment with apigauge as it is here, and a folder for runs."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "env" / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        site = next((folder / "env" / "lib").glob("python*/site-packages"))
        # apigauge and its dependencies are those of this interpreter.
        paths = [str(ROOT / "src"), *dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))]
        (site / "here.pth").write_text("\n".join(paths) + "\n")

    def pip(self, *arguments):
        command = [sys.executable, "-m", "pip", "--python", self.python, *arguments, "--quiet"]
        subprocess.run([*command, "--disable-pip-version-check"], check=True, cwd=self.folder)

    def run(self, *arguments, code=0):
        outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "APIGAUGE_DATA")}
        done = subprocess.run(
            [self.python, *map(str, arguments)],
            cwd=self.folder,
            env=outside | {"COLUMNS": "200", "DOCKER_HOST": "unix:///nowhere/docker.sock"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def apigauge(self, *arguments, code=0):
        return self.run("-m", "apigauge", *arguments, code=code)


def installed(folder):
    """The machine with the plugin's wheel, which is built offline from a copy of its sources."""
    sources, wheels = folder / "sources", folder / "wheels"
    shutil.copytree(ROOT / "examples" / "plugin", sources, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*build, "--wheel-dir", wheels, sources], check=True)
    (wheel,) = wheels.glob("apigauge_example-*.whl")
    machine = Machine(folder)
    machine.pip("install", "--no-deps", "--no-index", wheel)
    return machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """With two runs of the example's benchmark by the example's backend, one of them scored in several processes."""
    machine = installed(tmp_path_factory.mktemp("plugin-example"))
    run = ["run", "--benchmark", "wrapping", "--sandbox", "none", "--samples", "30", "--temperature", "1", "--quiet"]
    machine.apigauge(*run, "--model", "random:1", "-n", "auto", "--out", "runs/one")
    machine.apigauge(*run, "--model", "random:2", "-n", "1", "--out", "runs/two")
    return machine


def summary(machine, run):
    return json.loads((machine.folder / "runs" / run / "summary.json").read_text())


def test_the_lists_have_what_the_plugin_adds(machine):
    (row,) = (
        row for row in json.loads(machine.apigauge("plugins", "--json").stdout)["plugins"] if row["name"] == "example"
    )
    added = {name: value for name, value in row.items() if isinstance(value, list) and value}
    assert added == {
        "benchmarks": ["wrapping"],
        "metrics": ["example.imports", "example.lines", "example.silent"],
        "backends": ["random"],
        "environments": ["example-python"],
        "labelers": ["length"],
        "exports": ["markdown"],
    }
    assert (row["package"], row["version"], row["loaded"]) == ("apigauge-example", "0.1", True)
    metrics = machine.apigauge("metrics", "example.lines").stdout
    assert "0 to 20, lower is better, static, from apigauge-example 0.1" in metrics
    assert "random:SEED" in machine.apigauge("models").stdout
    assert "8 items, 5 APIs" in machine.apigauge("benchmarks", "list").stdout
    environments = json.loads(machine.apigauge("environments", "--json").stdout)["environments"]
    (environment,) = (row for row in environments if row["name"] == "example-python")
    assert environment["benchmarks"] == ["wrapping"]
    assert environment["image"].startswith("apigauge/example-python:")


def test_its_metrics_are_measured_in_several_processes_as_in_one(machine):
    one = summary(machine, "one")["metrics"]
    assert (one["example.imports"]["value"], one["example.lines"]["value"]) == (1.0, 3.0)
    assert one["example.lines"]["n"] == 240
    assert 3.0 < one["example.lines"]["high"] <= 20.0
    first = (machine.folder / "runs" / "one" / "scores.jsonl").read_text()
    machine.apigauge("rerun", "runs/one", "-n", "1")
    assert (machine.folder / "runs" / "one" / "scores.jsonl").read_text() == first
    record = json.loads((machine.folder / "runs" / "one" / "manifest.json").read_text())
    version = record["metrics"]["apigauge_example.size"]
    assert version.startswith("Python's own parser, apigauge-example 0.1, its code ")
    assert record["generator"]["package"] == record["benchmark"]["package"] == "apigauge-example 0.1"


@pytest.mark.bwrap
def test_its_executed_metric_is_measured_where_programs_run_in_its_environment(machine):
    (machine.folder / "answers.jsonl").write_text(
        json.dumps({"item": "w1", "text": "```python\nimport sys\nprint('no', file=sys.stderr)\n```"})
        + "\n"
        + json.dumps({"item": "w2", "text": "```python\nprint('yes')\n```"})
        + "\n"
    )
    command = ["score", "--benchmark", "wrapping", "--responses", "answers.jsonl", "--sandbox", "process"]
    machine.apigauge(*command, "--out", "executed", "--limit", "2")
    rows = [json.loads(line) for line in (machine.folder / "executed" / "scores.jsonl").read_text().splitlines()]
    assert [row["metrics"]["example.silent"] for row in rows] == [0.0, 1.0]
    assert json.loads((machine.folder / "executed" / "manifest.json").read_text())["sandbox"]["environment"] == (
        "example-python"
    )


def test_its_metrics_have_columns_and_its_format_is_written(machine):
    machine.apigauge("report", "runs", "--out", "site", "--export", "csv", "markdown")
    page = (machine.folder / "site" / "index.html").read_text()
    assert "example.lines" in page
    assert "Lines of the program that are neither empty nor comments" in page
    assert "of 20" in page
    head, _, *rows = (machine.folder / "site" / "leaderboard.md").read_text().splitlines()
    assert head.startswith("| benchmark | model | ast.exact |")
    assert [row.split(" | ")[1] for row in rows] == ["random:1", "random:2"]
    assert "example.lines" in (machine.folder / "site" / "leaderboard.csv").read_text()


def test_compare_and_gate_go_by_its_range_and_direction(machine):
    compared = json.loads(machine.apigauge("compare", "runs/one", "runs/two", "--json").stdout)
    assert {"example.imports", "example.lines"} <= compared["metrics"].keys()
    longer = machine.folder / "longer"
    shutil.copytree(machine.folder / "runs" / "one", longer)
    rows = [json.loads(line) for line in (longer / "scores.jsonl").read_text().splitlines()]
    for row in rows:
        row["metrics"]["example.lines"] = 20.0
    (longer / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gate = ["gate", longer, "--baseline", "runs/one", "--metric", "example.lines:10"]
    assert machine.apigauge(*gate, code=1).stdout.startswith("regression")


@pytest.mark.slow
@pytest.mark.bwrap
def test_its_labeler_judges_answers(machine):
    (machine.folder / "rlaif.toml").write_text(
        'benchmark = "wrapping"\nmodel = "apigauge-mini"\nsandbox = "process"\nlabeler = "length:5"\n'
        "[sft]\nepochs = 1\n[feedback]\nsamples = 1\nlimit = 2\nmax_new_tokens = 8\n"
    )
    machine.apigauge("rlaif", "feedback", "rlaif.toml")
    (folder,) = (machine.folder / "rlaif").glob("seed-*/feedback/labels/length-5")
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    assert [row["answers"].keys() for row in rows] == [{"program", "short"}] * 2
    described = json.loads((folder / "manifest.json").read_text())["labeler"]
    assert (described["kind"], described["most"], described["package"]) == ("length", 5, "apigauge-example 0.1")
    assert len(described["package_code"]) == 12
    (machine.folder / "rlaif.toml").write_text('benchmark = "wrapping"\nlabeler = "lenght"\n')
    assert "did you mean 'length'?" in machine.apigauge("rlaif", "feedback", "rlaif.toml", code=2).stderr


def test_its_own_tests_pass(machine):
    done = machine.run("-m", "pytest", "-q", "-p", "no:cacheprovider", machine.folder / "sources" / "tests")
    assert " passed" in done.stdout


def test_without_the_plugin_its_runs_are_read_as_before(tmp_path, machine):
    """By every command that reads: the plugin's metrics, direction and range included, and its benchmark's questions."""
    here = Machine(tmp_path)
    shutil.copytree(machine.folder / "runs", tmp_path / "runs")
    machine.apigauge("gate", "runs/one", "--save-baseline", tmp_path / "baseline.json")
    machine.apigauge("report", "runs", "--out", tmp_path / "with")
    assert "example" not in here.apigauge("plugins").stdout
    here.apigauge("report", "runs", "--out", "without")
    for page in ("index.html", "runs/one.html"):
        with_plugin, without = ((tmp_path / site / page).read_text() for site in ("with", "without"))
        assert with_plugin == without
    data = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "without" / "data").rglob("*.js"))
    assert "Quote a mail: each line should begin" in data
    same = ("compare", "runs/one", "runs/two", "--json")
    assert here.apigauge(*same).stdout == machine.apigauge(*same).stdout
    for baseline in ("baseline.json", "runs/one"):
        gate = ["gate", "runs/two", "--baseline", baseline, "--metric", "example.lines:19", "--json"]
        (finding,) = json.loads(here.apigauge(*gate).stdout)["metrics"]
        assert finding["name"] == "example.lines"
        assert (finding["before"], finding["after"]) == pytest.approx((3.0, 3.0))
    assert "random:1" in here.apigauge("runs", "runs").stdout
    # What would need the plugin says so.
    refused = here.apigauge("rerun", "runs/one", code=4).stderr
    assert "wrapping: this benchmark" in refused
    assert "apigauge-example 0.1, which is not installed here" in refused


def test_a_run_is_not_scored_again_without_a_plugin_that_scored_it(tmp_path, machine):
    here = Machine(tmp_path)
    run = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "2", "--sandbox", "none"]
    machine.apigauge(*run, "--metrics", "rouge.1", "example.lines", "--out", tmp_path / "run")
    before = (tmp_path / "run" / "scores.jsonl").read_text()
    refused = here.apigauge("rerun", "run", code=4).stderr
    assert "run: was scored by apigauge_example.size too" in refused
    here.apigauge("rerun", "run", "--metrics", "rouge.1")
    assert (tmp_path / "run" / "scores.jsonl").read_text() == before
    assert "apigauge_example.size" in json.loads((tmp_path / "run" / "manifest.json").read_text())["metrics"]


def test_the_plugin_is_removed_by_pip(tmp_path):
    machine = installed(tmp_path)
    assert "example-python" in machine.apigauge("plugins").stdout
    machine.pip("uninstall", "--yes", "apigauge-example")
    assert "example" not in machine.apigauge("plugins").stdout
    assert "no benchmark is called 'wrapping'" in machine.apigauge("benchmarks", "show", "wrapping", code=2).stderr
