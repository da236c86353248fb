"""What plugins add to apigauge's tables: it is used as apigauge's own rows are, and what is wrong with it stays alone."""

import json
import math

import pytest
from plugin_packages import Packages

from apigauge.errors import DataError
from apigauge.extensions import KINDS, Addition, View
from apigauge.harness.metrics import table
from apigauge.harness.metrics.package_code import digest
from apigauge.harness.metrics.table import MetricInfo

HEAD = """
from pathlib import Path
from apigauge.harness.plugins import hookimpl
from apigauge.harness.metrics.table import MetricInfo
from apigauge.harness.generation.backends import Backend
HERE = Path(__file__).parent
def fine(*_): ...
"""


def hook(kind, body):
    return f"{HEAD}\n@hookimpl\ndef apigauge_{kind}():\n    {body}\n"


def info(name, rest="", module="broken_metric_module"):
    return hook("metrics", f"return [MetricInfo({name!r}, 'what', 'but', module={module!r}{rest})]")


GOOD_METRIC = """
from apigauge.harness.metrics.types import Scored
def version():
    return "1"
def make(benchmark):
    return lambda item, extraction: Scored({"METRIC": 0.5})
"""

# By package: its source, and what the one line about it says behind "is left out: ". A good metric's module is there.
FAULTS = {
    "hook-raises": (hook("benchmarks", "1 / 0"), "ZeroDivisionError: division by zero"),
    "no-mapping": (hook("exports", "return ['a']"), "apigauge_exports returned list, and no mapping of names"),
    "no-info": (hook("metrics", "return ['ast.more']"), "apigauge_metrics gives 'ast.more', and no MetricInfo"),
    "no-list": (hook("metrics", "return 3"), "TypeError: 'int' object is not iterable"),
    "bad-name": (hook("exports", "return {'a b': fine}"), "export 'a b': this is no name"),
    "no-text": (hook("exports", "return {7: fine}"), "export '7': this is no name"),
    "capital": (hook("backends", "return {'ACME': Backend('X', 'acme', 'x')}"), "backend 'ACME': this is no name"),
    "own-benchmark": (hook("benchmarks", "return {'mini': HERE}"), "benchmark 'mini': apigauge has one of this name"),
    "own-metric": (info("ast.exact"), "metric 'ast.exact': apigauge has one of this name"),
    "own-module-name": (info("rouge"), "metric 'rouge': apigauge has one of this name"),
    "own-backend": (
        hook("backends", "return {'hf': Backend('X', 'acme', 'x')}"),
        "backend 'hf': apigauge has one of this name",
    ),
    "own-environment": (
        hook("environments", "return {'python': HERE}"),
        "environment 'python': apigauge has one of this name",
    ),
    "own-labeler": (hook("labelers", "return {'static': fine}"), "labeler 'static': apigauge has one of this name"),
    "own-export": (hook("exports", "return {'csv': fine}"), "export 'csv': apigauge has one of this name"),
    "no-module": (info("a.b", module="nowhere_at_all"), "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "own-module": (info("a.c", module="rouge"), "metric 'a.c': apigauge has a module 'rouge'"),
    "no-make": (info("a.d", module="json"), "metric 'a.d': its module json has no function make"),
    "no-meaning": (
        hook("metrics", "return [MetricInfo('a.e', '', 'but', module='broken_metric_module')]"),
        "metric 'a.e': meaning is '', and no text",
    ),
    "top-zero": (info("a.f", ", top=0"), "metric 'a.f': top is 0, and no number above 0"),
    "top-infinite": (info("a.g", ", top=float('nan')"), "metric 'a.g': top is nan, and no number above 0"),
    "of-samples": (info("a.pass@2"), "metric 'a.pass@2': this is no name"),
    "of-samples-too": (info("a.consistency"), "metric 'a.consistency': names that end like this"),
    "no-folder": (hook("benchmarks", "return {'x': HERE / 'nowhere'}"), "benchmark 'x': "),
    "no-path": (hook("benchmarks", "return {'x': 3}"), "benchmark 'x': int is no path"),
    "no-environment": (hook("environments", "return {'x': HERE}"), "environment 'x': environment "),
    "no-backend": (hook("backends", "return {'x': 'acme'}"), "backend 'x': str is no Backend"),
    "no-function": (hook("labelers", "return {'x': 3}"), "labeler 'x': int is no function"),
    # The first in the order of distributions keeps a name.
    "zz-second": (
        hook("exports", "return {'shared': fine, 'other': fine}"),
        "export 'shared': plugin 'aa-first-plugin'",
    ),
}


@pytest.fixture
def packages(tmp_path):
    return Packages(tmp_path)


def test_every_fault_is_one_line_and_costs_only_its_own_row(packages):
    (packages.folder / "broken_metric_module.py").write_text(GOOD_METRIC)
    packages.add("aa-first", hook("exports", "return {'shared': fine}"))
    for name, (source, _) in FAULTS.items():
        packages.add(name, source)
    shown = packages.apigauge("plugins", "--json")
    assert shown.code == 0
    lines = shown.err.splitlines()
    for name, (_, problem) in FAULTS.items():
        (line,) = (line for line in lines if f"plugin '{name}-plugin' of " in line.partition("is left out: ")[0])
        assert line.partition(" is left out: ")[2].startswith(problem), line
    assert len(lines) == len(FAULTS)
    rows = {row["package"]: row for row in json.loads(shown.out)["plugins"]}
    assert rows["aa-first"]["exports"] == ["shared"]
    assert rows["zz-second"]["exports"] == ["other"]
    assert not any(rows[name][kind] for name in FAULTS.keys() - {"zz-second"} for kind in KINDS)
    # A command that needs no table says nothing of rows, and one that does works without them.
    assert packages.apigauge("cache", "show", "--json").err == ""
    run = packages.apigauge(
        "score", "--benchmark", "mini", "--responses", str(answers(packages)), "--out", str(packages.folder / "run"),
        "--sandbox", "none", "--json",
    )  # fmt: skip
    assert run.code == 0
    assert json.loads(run.out)["metrics"]["ast.exact"]["n"] == 1


def answers(packages, samples=1):
    """A file of answers to the first question of ``mini``."""
    from apigauge import load_benchmark

    item = load_benchmark("mini").items[0]
    path = packages.folder / "answers.jsonl"
    rows = [{"item": item.id, "sample": sample, "text": item.reference_call} for sample in range(samples)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


METRICS = f"""
{HEAD}
@hookimpl
def apigauge_metrics():
    names = {{"bad.make": "bad_make", "bad.nan": "bad_nan", "bad.type": "bad_type", "bad.other": "bad_other", "good": "good_one"}}
    return [MetricInfo(name, "what", "but", module=module) for name, module in names.items()]
"""
MODULES = {
    "bad_make": GOOD_METRIC.replace("    return lambda", "    raise KeyError('gone')\n    return lambda"),
    "bad_nan": GOOD_METRIC.replace("METRIC", "bad.nan").replace("0.5", "float('nan')"),
    "bad_type": GOOD_METRIC.replace('Scored({"METRIC": 0.5})', "0.5"),
    "bad_other": GOOD_METRIC.replace("METRIC", "ast.exact"),
    "good_one": GOOD_METRIC.replace("METRIC", "good"),
}


def test_a_metric_that_fails_is_a_label_and_touches_no_other_metric(packages):
    for name, source in MODULES.items():
        (packages.folder / f"{name}.py").write_text(source)
    packages.add("metrics-of-mine", METRICS)
    out = packages.folder / "run"
    run = packages.apigauge(
        "score", "--benchmark", "mini", "--responses", str(answers(packages)), "--out", str(out), "--sandbox", "none"
    )
    assert run.code == 0
    row = json.loads((out / "scores.jsonl").read_text())
    assert {name for name in row["metrics"] if name.startswith(("bad", "good"))} == {"good"}
    assert (row["metrics"]["good"], row["metrics"]["ast.exact"]) == (0.5, 1.0)
    assert {name for name, label in row["labels"].items() if label == "scorer_error"} == {
        "bad.make", "bad.nan", "bad.type", "bad.other",
    }  # fmt: skip
    assert row["messages"]["bad.make"] == "KeyError: 'gone'"
    assert row["messages"]["bad.nan"] == "ValueError: bad.nan is nan, and no number from 0 to 1"
    assert "float, and no Scored" in row["messages"]["bad.type"]
    assert "'ast.exact', which is none of its metrics" in row["messages"]["bad.other"]


def test_processes_that_score_load_the_metric_and_no_plugin(packages):
    """A plugin that prints, or is slow, would do so once in each of them."""
    seen = packages.folder / "seen"
    mark = f"import os\nopen({str(seen)!r} + NAME, 'a').write(f'{{os.getpid()}}\\n')\n"
    (packages.folder / "good_one.py").write_text(mark.replace("NAME", "'metric'") + MODULES["good_one"])
    packages.add("marked", mark.replace("NAME", "'plugin'") + info("good", module="good_one"))
    command = ["score", "--benchmark", "mini", "--responses", str(answers(packages, samples=220)), "--sandbox", "none"]
    for workers in ("2", "1"):
        out = packages.folder / f"run{workers}"
        run = packages.apigauge(*command, "--metrics", "good", "rouge.1", "-n", workers, "--out", str(out))
        assert run.code == 0, run.err
        if workers == "2":
            processes = {
                name: set((packages.folder / f"seen{name}").read_text().split()) for name in ("plugin", "metric")
            }
            assert len(processes["plugin"]) == 1
            assert processes["metric"] > processes["plugin"]
    one, two = ((packages.folder / f"run{workers}" / "scores.jsonl").read_text() for workers in ("1", "2"))
    assert one == two
    assert one.count('"good": 0.5') == 220


def test_a_metric_s_version_has_the_code_of_its_package_and_the_gate_goes_by_it(packages):
    (packages.folder / "zoo").mkdir()
    (packages.folder / "zoo" / "__init__.py").write_text("")
    (packages.folder / "zoo" / "helper.py").write_text("VALUE = 0.5\n")
    (packages.folder / "zoo" / "good.py").write_text(
        MODULES["good_one"].replace("0.5", "VALUE") + "\nfrom zoo.helper import VALUE\n"
    )
    packages.add("zoo-plugin", info("good", ", lower_is_better=True", module="zoo.good"))
    command = ["score", "--benchmark", "mini", "--responses", str(answers(packages)), "--sandbox", "none"]
    command += ["--metrics", "good", "rouge.1"]
    runs = [packages.folder / f"run{number}" for number in range(2)]
    versions = []
    for out in runs:
        assert packages.apigauge(*command, "--out", str(out)).code == 0
        record = json.loads((out / "manifest.json").read_text())
        versions.append(record["metrics"]["zoo.good"])
        assert record["plugin_metrics"]["good"]["lower_is_better"]
        (packages.folder / "zoo" / "helper.py").write_text("VALUE = 0.25\n")
    assert versions[0] != versions[1]
    assert all(text.startswith("1, zoo-plugin 1.0, its code ") for text in versions)
    refused = packages.apigauge("gate", str(runs[1]), "--baseline", str(runs[0]), "--metric", "good")
    assert refused.code == 4
    assert "scorer of good" in refused.err
    # The other metric is apigauge's, and as it was.
    assert packages.apigauge("gate", str(runs[1]), "--baseline", str(runs[0]), "--metric", "rouge.1").code != 4


BACKEND = """
def open_generator(argument, options):
    BODY
"""


@pytest.mark.parametrize(
    ("body", "rest", "code", "problem"),
    [
        ("raise KeyError('no key')", "", 4, "--model acme: plugin 'acme-plugin' of acme 1.0: KeyError: 'no key'"),
        ("return 3", "", 4, "--model acme: plugin 'acme-plugin' of acme 1.0: AttributeError: 'int' object"),
        ("import no_such_library", ", requirement='acme-models'", 2, "needs no_such_library, which is not installed"),
    ],
    ids=["raises", "no generator", "library missing"],
)
def test_a_backend_that_cannot_be_opened_names_its_plugin(packages, body, rest, code, problem):
    (packages.folder / "acme_backend.py").write_text(BACKEND.replace("BODY", body))
    packages.add("acme", hook("backends", f"return {{'acme': Backend('X', 'acme_backend', 'x'{rest})}}"))
    run = packages.apigauge("run", "--benchmark", "mini", "--model", "acme:x", "--out", str(packages.folder / "run"))
    assert run.code == code
    assert problem in run.err


LOADER = f"""
{HEAD}
def load():
    from dataclasses import replace
    from apigauge import load_benchmark
    return replace(load_benchmark("mini"), name="mine")
def local():
    from dataclasses import replace
    return replace(load(), name="local", prompt=lambda item: item.instruction)
@hookimpl
def apigauge_benchmarks():
    return {{"mine": load, "yours": load, "broken": lambda: 1 / 0, "local": local}}
"""


def test_a_benchmark_may_be_made_by_a_function_whose_code_is_in_the_digest(packages):
    file = packages.add("maker", LOADER)
    loaders = []
    for number in range(2):
        out = packages.folder / f"run{number}"
        command = ["run", "--benchmark", "mine", "--model", "retrieval:bm25", "--limit", "1", "--sandbox", "none"]
        assert packages.apigauge(*command, "--metrics", "rouge.1", "--out", str(out)).code == 0
        record = json.loads((out / "manifest.json").read_text())["benchmark"]
        assert record["package"] == "maker 1.0"
        loaders.append(record["loader"])
        file.write_text(LOADER + "\n# changed\n")
    assert loaders[0] != loaders[1]
    rows = {row["name"]: row for row in json.loads(packages.apigauge("benchmarks", "list", "--json").out)["benchmarks"]}
    assert rows["mine"]["items"] == rows["mini"]["items"] == 56
    assert all("missing" in rows[name] for name in ("yours", "broken", "local"))
    listing = packages.apigauge("benchmarks", "show", "yours")
    assert (listing.code, listing.err) == (
        4,
        "apigauge: yours: plugin 'maker-plugin' of maker 1.0 gives a benchmark 'mine' under this name\n",
    )
    assert "maker 1.0: ZeroDivisionError: division by zero" in packages.apigauge("benchmarks", "show", "broken").err
    assert (
        "the prompt must be a function at the top of a module" in packages.apigauge("benchmarks", "show", "local").err
    )


def test_a_damaged_benchmark_of_a_plugin_is_listed_as_missing_and_the_others_are_there(packages):
    (packages.folder / "bench").mkdir()
    packages.add("maker", hook("benchmarks", "return {'mine': HERE / 'bench'}"))
    listing = packages.apigauge("benchmarks", "list", "--json")
    rows = {row["name"]: row for row in json.loads(listing.out)["benchmarks"]}
    assert rows["mini"]["items"] == 56
    assert "mine: plugin 'maker-plugin' of maker 1.0: " in rows["mine"]["missing"]


def test_a_digest_is_of_the_whole_distribution_and_of_no_other(tmp_path, monkeypatch):
    """A helper module next to the metric's counts, and so does a data file; what Python compiled does not."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("zoo_metric", "zoo_helper", "stranger"):
        (tmp_path / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (tmp_path / "zoo_data" / "__pycache__").mkdir(parents=True)
    (tmp_path / "zoo_data" / "__init__.py").write_text("")
    info_folder = tmp_path / "zoo-1.0.dist-info"
    info_folder.mkdir()
    (info_folder / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 1.0\n")
    (info_folder / "top_level.txt").write_text("zoo_metric\nzoo_helper\nzoo_data\n")

    def current():
        digest.cache_clear()
        return digest("zoo_metric", "zoo 1.0")

    before = current()
    (tmp_path / "stranger.py").write_text("NAME = 'other'\n")
    (tmp_path / "zoo_data" / "__pycache__" / "x.pyc").write_bytes(b"1")
    assert current() == before
    seen = {before}
    for path in ("zoo_metric.py", "zoo_helper.py", "zoo_data/table.json"):
        (tmp_path / path).write_text("# changed\n")
        seen.add(current())
    assert len(seen) == 4


def test_a_digest_stops_at_a_namespace_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("mine", "others"):
        (tmp_path / "shared_space" / name).mkdir(parents=True)
        (tmp_path / "shared_space" / name / "__init__.py").write_text("")
    before = digest("shared_space.mine.metric", "nothing-installed 1.0")
    (tmp_path / "shared_space" / "others" / "more.py").write_text("")
    digest.cache_clear()
    assert digest("shared_space.mine.metric", "nothing-installed 1.0") == before
    (tmp_path / "shared_space" / "mine" / "metric.py").write_text("")
    digest.cache_clear()
    assert digest("shared_space.mine.metric", "nothing-installed 1.0") != before


@pytest.fixture
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(table, "_remembered", {})


@pytest.mark.usefixtures("nothing_remembered")
def test_a_manifest_describes_metrics_whose_plugin_is_gone_and_no_others():
    entry = {
        "name": "gone",
        "meaning": "m",
        "caution": "c",
        "module": "gone_module",
        "lower_is_better": True,
        "top": 5.0,
    }
    damaged = {
        "a": 3, "b": {"name": "b"}, "c": entry, "d": entry | {"name": "d", "top": math.inf},
        "e": entry | {"name": "e", "top": "5"}, "f": entry | {"name": "f", "meaning": []},
        "ast.exact": entry | {"name": "ast.exact"},
    }  # fmt: skip
    for record in (None, 3, [], damaged):
        table.remember(record)
    assert not table._remembered
    table.remember({"gone": entry | {"is_executed": True, "a field of later": 1}})
    assert "gone" in table.NAMES
    assert "gone" in table.LOWER_IS_BETTER
    assert table.TOP["gone"] == 5.0
    assert table.is_executed("gone")
    assert table.names_by_module()["gone_module"] == ("gone",)
    assert "gone_module" not in table.MODULES
    assert "gone" not in table.installed()
    table.remember({"gone": entry | {"top": 7.0}})
    assert table.TOP["gone"] == 5.0, "the first counts: of a gate it is the baseline"


@pytest.mark.usefixtures("nothing_remembered")
def test_an_installed_plugin_s_own_word_counts_more_than_a_manifest_s(monkeypatch):
    table.remember({"gone": {"name": "gone", "meaning": "m", "caution": "c", "top": 5.0}})
    installed = MetricInfo("gone", "m", "c", module="now_installed", top=2.0)
    monkeypatch.setattr(table, "added", lambda _: {"gone": Addition(installed, "gone 1.0", "plugin")})
    assert table.TOP["gone"] == 2.0
    assert table.MODULES["now_installed"] == ("gone",)
    assert table.infos_for(["gone", "ast.exact"])[1] is installed


def test_a_view_is_the_table_as_it_is_now():
    rows = {"a": 1}
    view = View(lambda: rows)
    rows["b"] = 2
    assert dict(view) == {"a": 1, "b": 2}
    assert ("b" in view, view["b"], len(view), list(view)) == (True, 2, 2, ["a", "b"])
    assert view.get("c") is None


def test_the_questions_that_a_run_keeps_are_read_when_the_benchmark_is_gone(tmp_path):
    from apigauge.benchmarks import load_benchmark
    from apigauge.errors import RunError
    from apigauge.harness.evaluation import questions

    record = {"name": "gone", "package": "maker 1.0", "digest": "d"}
    with pytest.raises(DataError, match=r"gone: this benchmark .* maker 1\.0, which is not installed here"):
        questions.reopen_for(tmp_path, record)
    items = load_benchmark("mini").items
    rows = [{name: getattr(item, name) for name in questions._FIELDS} for item in items]
    (tmp_path / questions.FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    benchmark = questions.reopen_for(tmp_path, record)
    assert (benchmark.name, benchmark.digest) == ("gone", "d")
    assert [(item.id, item.api, item.instruction) for item in benchmark.items] == [
        (item.id, item.api, item.instruction) for item in items
    ]
    (tmp_path / questions.FILE).write_text(json.dumps(rows[0]) + "\n" + '{"id": 3}\n')
    with pytest.raises(RunError, match=r"questions.jsonl, line 2: not a question"):
        questions.reopen_for(tmp_path, record)
