"""Tables of the documentation that are written by hand agree with the code."""

import ast
import json
import re
import subprocess
import sys

import pytest
import test_architecture
from doc_pages import ROOT

from apigauge.harness.metrics import existence
from apigauge.harness.metrics.ast_match import LABELS, RIGHT
from apigauge.harness.metrics.table import METRICS
from apigauge.sandboxes.verdict import CATEGORIES, STATUSES

FOLDERS = ("benchmarks", "harness", "reports", "sandboxes", "src")


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text, heading):
    """The cells of the table under a heading, without its two first lines."""
    lines = text.split(f"\n## {heading}\n", 1)[1].split("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_labels_are_those_of_the_metric():
    shown = rows(page("reference/metrics.md"), "Labels of `ast.exact`")
    assert [cells[0].strip("`") for cells in shown] == list(LABELS)
    assert {cells[0].strip("`") for cells in shown if cells[2] == "yes"} == RIGHT


def test_the_labels_of_hallucinations_are_those_of_the_metric():
    shown = rows(page("reference/metrics.md"), "Labels of `hallucination`")
    assert [cells[0].strip("`") for cells in shown] == list(existence.LABELS)


def test_the_verdicts_are_those_of_the_sandbox():
    text = page("reference/metrics.md").split("## Verdicts", 1)[1]
    assert set(re.findall(r"`(\w+)`", text)) == set(STATUSES)
    assert re.search(r"`failed` \(([\w, ]+)\)", " ".join(text.split()))[1].split(", ") == list(CATEGORIES)


def test_every_metric_is_explained():
    text = page("explanation/metrics.md")
    assert [info.name for info in METRICS if f"`{info.name}`" not in text] == []


def test_the_floors_are_those_of_the_test_of_imports():
    shown = rows(page("explanation/architecture.md"), "The floors of the harness")
    floors = {int(floor): set(re.findall(r"`([^`]+)`", rooms)) for floor, rooms in shown}
    assert floors == dict(enumerate(test_architecture.FLOORS, 1))


def test_what_the_page_says_of_imports_is_what_is_allowed():
    """Each sentence of the first table, as sets."""
    allowed = test_architecture.ALLOWED
    shared = test_architecture.SHARED
    assert shared == {"errors", "extensions", "file_formats"}
    assert allowed["benchmarks"] == {"benchmarks"} | shared
    assert allowed["sandboxes"] == {"sandboxes"} | shared
    assert {"benchmarks", "sandboxes", "reports"} <= allowed["harness"]
    assert allowed["reports"] == {"reports", "harness"} | shared


def test_every_module_says_in_its_first_line_what_it_is_for():
    """The map of the folders is made of these lines; a package that says it in its folder's README is left out."""
    silent = [
        str(path.relative_to(ROOT))
        for path in test_architecture.FILES
        if path.stat().st_size and not is_foreign(path) and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def is_foreign(path):
    """Whether a file is laid over another package, or is a hostile program."""
    return "overlay" in path.parts or re.search(r"attacks/\w+/", str(path))


def stages():
    return [
        (stage, function.strip("`"), file.strip("`"))
        for stage, function, file in rows(page("explanation/architecture.md"), "One answer's way")
    ]


@pytest.mark.parametrize(("stage", "function", "file"), stages(), ids=[stage for stage, _, _ in stages()])
def test_a_stage_of_an_answers_way_is_where_the_page_says(stage, function, file):
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in function.split("."):
        (definition,) = [
            node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
        ]
        body = definition.body


def test_an_answer_takes_the_way_that_the_page_shows():
    """By the trace of a real answer. Its programs are not run there, and answers come from a thread of their own."""
    command = [sys.executable, ROOT / "tests" / "harness" / "test_one_answers_way.py", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    route = [(file, function) for file, function in json.loads(done.stdout)["whole"]["route"]]
    places = {stage: (file, function) for stage, function, file in stages() if stage != "execute the program"}
    assert set(places.values()) <= set(route)
    in_main_thread = [route.index(place) for stage, place in places.items() if stage != "answer"]
    assert in_main_thread == sorted(in_main_thread)


def test_environment_variables_are_documented():
    """All that the code on the host reads; what a program in a sandbox or in a hub reads is no setting."""
    reads = re.compile(r"""(?:environ(?:\.get)?[\[(]|_need\(|_token\()\s*["']([A-Z_]+)["']""")
    variables = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            if not is_foreign(path) and not re.search("sandboxes/(?:worker|hubs)", str(path)):
                variables |= set(reads.findall(path.read_text("utf-8")))
    documented = set(re.findall(r"`([A-Z][A-Z_0-9]+)`", page("reference/environment.md")))
    assert "APIGAUGE_DATA" in variables
    assert variables - {"PATH", "HOME", "TERM", "TMPDIR"} <= documented


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130])
def test_exit_codes_are_documented(code):
    assert f"| {code} |" in page("reference/exit-codes.md")
