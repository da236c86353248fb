"""Standard error and standard output: how much is said, progress in logs, and tables on a narrow terminal."""

import logging
import os
import pty
import subprocess
import sys
from types import SimpleNamespace

import pytest

from apigauge.__main__ import main
from apigauge.harness.cli import compare, output, tables
from apigauge.harness.cli.progress_lines import ProgressLines

RUN = ["run", "--benchmark", "mini", "--model", "constant:f(1)", "--limit", "2", "--sandbox", "none"]


@pytest.fixture(autouse=True)
def normal():
    """The setting is the process's: every test begins and ends with the usual one."""
    output.set_verbosity(output.Verbosity.NORMAL)
    yield
    output.set_verbosity(output.Verbosity.NORMAL)


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_silences_notes_and_no_errors(tmp_path, capsys, place):
    def call(*arguments):
        return ["-q", *arguments] if place == "before" else [*arguments, "-q"]

    assert main(call("generate", *RUN[1:-2], "--out", str(tmp_path / "run"))) == 0
    assert capsys.readouterr().err == ""
    assert main(call("score", str(tmp_path / "nowhere"))) == 4
    assert "nowhere" in capsys.readouterr().err
    # The next command of the same process is not quiet.
    assert main(["generate", *RUN[1:-2], "--out", str(tmp_path / "run")]) == 0
    assert "holds 2 answers" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--debug", "score", "nowhere"], ["score", "nowhere", "--debug"]])
def test_debug_alone_shows_the_traceback_of_an_error(capsys, arguments):
    assert main(arguments) == 4
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.splitlines()[-1].startswith("apigauge: nowhere")
    for others in ([], ["-v"]):
        assert main(["score", "nowhere", *others]) == 4
        assert "Traceback" not in capsys.readouterr().err


def test_verbose_shows_seconds_and_what_packages_report_once(capsys):
    for _ in range(2):
        assert main(["benchmarks", "show", "mini", "-v"]) == 0
    capsys.readouterr()
    logging.getLogger("apigauge.benchmarks").debug("read from %s", "here")
    assert capsys.readouterr().err == "apigauge: read from here\n"
    assert main(["benchmarks", "show", "mini", "-v"]) == 0
    assert "exit code 0" in capsys.readouterr().err


@pytest.mark.apibench
def test_verbose_says_which_data_was_read(capsys, data_dir):
    assert main(["-v", "benchmarks", "show", "apibench-torchhub", "--data-dir", str(data_dir)]) == 0
    assert f"apibench-torchhub: {data_dir}" in capsys.readouterr().err
    assert main(["benchmarks", "show", "apibench-torchhub", "--data-dir", str(data_dir)]) == 0
    assert capsys.readouterr().err == ""


class Clock:
    """Seconds as a test sets them."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def lines_of(total, steps, seconds):
    """The lines of so many steps of so many seconds each."""
    clock, lines = Clock(), []
    progress = ProgressLines("scoring mini", total, lambda text, _: lines.append(text), clock)
    for _ in range(steps):
        clock.now += seconds
        progress.tick()
    progress.close()
    return lines


def test_progress_in_a_log_comes_first_after_seconds_then_at_growing_intervals_and_at_the_end():
    assert lines_of(200, 200, 1.0) == [
        "scoring mini: 5 of 200, 5 s, 1/s, about 3 min left",
        "scoring mini: 15 of 200, 15 s, 1/s, about 3 min left",
        "scoring mini: 35 of 200, 35 s, 1/s, about 3 min left",
        "scoring mini: 75 of 200, 75 s, 1/s, about 2 min left",
        "scoring mini: 135 of 200, 135 s, 1/s, about 65 s left",
        "scoring mini: 195 of 200, 195 s, 1/s, about 5 s left",
        "scoring mini: 200 of 200, 200 s, 1/s",
    ]


def test_what_is_over_soon_has_no_lines():
    assert lines_of(200, 200, 0.02) == []


def test_a_short_list_gets_its_first_line_later():
    assert lines_of(3, 3, 9.0) == []
    assert lines_of(3, 3, 31.0) == [
        "scoring mini: 1 of 3, 31 s, 0.0323/s, about 62 s left",
        "scoring mini: 3 of 3, 93 s, 0.0323/s",
    ]


def test_work_that_ends_early_or_has_no_total_says_how_far_it_came():
    assert lines_of(200, 7, 1.0) == [
        "scoring mini: 5 of 200, 5 s, 1/s, about 3 min left",
        "scoring mini: 7 of 200, 7 s, 1/s, about 3 min left",
    ]
    assert lines_of(None, 6, 1.0) == ["scoring mini: 5, 5 s, 1/s", "scoring mini: 6, 6 s, 1/s"]


PROGRESS = """
from apigauge.harness.cli import output, progress_lines
progress_lines.FIRST_SECONDS = 0.0
with output.progress("work", 30) as tick:
    for _ in range(30):
        tick()
"""


def test_a_log_has_lines_without_control_characters():
    done = subprocess.run([sys.executable, "-c", PROGRESS], capture_output=True, check=True)
    assert done.stdout == b""
    text = done.stderr.decode()
    assert text.splitlines()[-1].startswith("work: 30 of 30")
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(("terminal", "is_bar"), [("xterm", True), ("dumb", False)])
def test_a_terminal_has_a_bar_unless_it_cannot_draw_one(terminal, is_bar):
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": terminal}
    subprocess.run([sys.executable, "-c", PROGRESS], stderr=theirs, check=True, env=environment)
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert ("\x1b[" in text) == is_bar
    assert ("work: 30 of 30" in text) != is_bar


NAMES = ("hallucination.gorilla", "codebleu.corrected", "ast.exact")


def summary():
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    labels = {"ast.exact": {"wrong_function": 36, "exact": 20, "no_call": 2}}
    metrics = dict.fromkeys(NAMES, entry)
    return {"items": 9, "expected": 9, "metrics": metrics, "labels": labels, "withheld": [], "infra_error_rate": None}


@pytest.mark.parametrize("columns", ["20", "40", "80"])
def test_no_metric_or_number_of_a_summary_is_cut(monkeypatch, capsys, tmp_path, columns):
    monkeypatch.setenv("COLUMNS", columns)
    output.print_summary(tmp_path, summary(), as_json=False)
    shown = capsys.readouterr().out
    for name in NAMES:
        (line,) = (line for line in shown.splitlines() if f" {name} " in line)
        assert "0.5000" in line
        assert "0.4000 - 0.6000" in line
    assert "…" not in shown
    assert str(tmp_path) in shown


def test_a_summary_says_how_many_apis_its_intervals_rest_on(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    large = {"value": 0.5, "low": 0.1, "high": 0.9, "n": 685, "clusters": 62, "effective_clusters": 6.09}
    metrics = {"exec.rate": large | {"n": 600, "clusters": 50}, "ast.exact": large}
    output.print_summary(tmp_path, summary() | {"metrics": metrics}, as_json=False)
    assert "685 answers about 62 APIs, effectively 6.1" in capsys.readouterr().out


def test_no_metric_of_a_comparison_is_cut(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    difference = SimpleNamespace(value=-0.1, low=-0.2, high=0.1, n=9, effective_clusters=7.5)
    contrast = SimpleNamespace(a=0.5, b=0.4, difference=difference, p=0.2, p_adjusted=0.4, minimum_detectable=0.3)
    contrast.minimum_detectable_apis, contrast.largest = None, 0.7
    compare._print_metrics(SimpleNamespace(metrics=dict.fromkeys(NAMES, contrast)))
    shown = capsys.readouterr().out
    for name in NAMES:
        (line,) = (line for line in shown.splitlines() if f" {name} " in line)
        assert "-0.200, +0.100" in line


def test_no_metric_of_a_gate_is_cut(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLUMNS", "40")
    run = str(tmp_path / "run")
    assert main([*RUN, "--metrics", "ast_gorilla", "codebleu_corrected", "--out", run]) == 0
    capsys.readouterr()
    metrics = [word for name in NAMES[:2] for word in ("--metric", name)]
    assert main(["gate", run, "--baseline", run, *metrics]) in (0, 3)
    shown = capsys.readouterr().out
    for name in NAMES[:2]:
        assert any(f" {name} " in line and ", " in line for line in shown.splitlines() if "│" in line)


def test_the_heads_of_the_list_of_runs_are_whole(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("COLUMNS", "40")
    run = tmp_path / ("long-name-" * 8)
    assert main([*RUN, "--metrics", "ast.exact", "--out", str(run)]) == 0
    capsys.readouterr()
    assert main(["runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    heads = next(line for line in shown.splitlines() if "benchmark" in line)
    assert all(name in heads for name in ("ast.exact", "hallucination", "exec.rate", "date (UTC)"))
    cells = "".join(line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│"))
    assert str(run) in cells


def test_the_widest_folding_column_shrinks_first_and_none_below_its_least():
    columns = (tables.Column("name"), tables.Column("a", folds=5), tables.Column("b", folds=5))
    assert tables.fitted(columns, (10, 20, 8), 48) == [10, 20, 8]
    assert tables.fitted(columns, (10, 20, 8), 40) == [10, 12, 8]
    assert tables.fitted(columns, (10, 20, 8), 3) == [10, 5, 5]


def test_cells_cannot_steer_a_terminal(capsys):
    tables.print_table((tables.Column("run"),), [("\x1b[2Jgone [red]x[/red]",)])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]x[/red]" in shown
