"""Answers through a real sandbox: order, what is run once, sandbox failures, and stopping in the middle."""

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.errors import RunError
from apigauge.harness.audit.benchmark_audit import check_benchmark
from apigauge.harness.evaluation import execution, run_directory
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.evaluation.execution import AHEAD, executed
from apigauge.harness.evaluation.rescore import score_run
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.metrics.executability import SET_ASIDE, infra_errors
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes.verdict import Verdict

QUANTILES = "import statistics\nprint(statistics.quantiles([1, 2, 3, 4], n=4))"
SLEEP = "import time\ntime.sleep(100)"


class Watched:
    """A sandbox that records its programs, and fails on the first so many runs of a program."""

    def __init__(self, sandbox, failures=None, describe=None):
        self.sandbox = sandbox
        self.concurrency = sandbox.concurrency
        self.failures = dict(failures or {})
        self.programs = []
        self.closed = 0
        self._describe = describe
        self._lock = threading.Lock()

    def run(self, program, limits=None):
        with self._lock:
            self.programs.append(program.source)
            remaining = self.failures.get(program.source, 0)
            self.failures[program.source] = remaining - 1
        if remaining > 0:
            return Verdict("infra", 0, reason="the engine went away")
        if remaining == -99:
            raise OSError("promised never to be raised")
        return self.sandbox.run(program, limits)

    def describe(self):
        return self._describe or self.sandbox.describe()

    def close(self):
        self.closed += 1


def rows(*programs):
    for number, program in enumerate(programs):
        yield {
            "item": str(number),
            "sample": 0,
            "extraction": {"call": program and program.splitlines()[-1], "program": program, "how": "code"},
            "metrics": {"ast.exact": 1.0},
            "labels": {"ast.exact": "exact"},
            "messages": {},
            "verdict": None,
        }


def outcomes(finished):
    return [row["labels"]["exec.rate"] for row in finished]


@pytest.fixture(scope="module")
def sandbox(process_sandbox):
    return process_sandbox()


@pytest.fixture(scope="module")
def mini():
    return dataclasses.replace(load_benchmark("mini"), environment="python")


def replayed(path, mini, programs):
    """A replayed run: the n-th program, or None for an answer in prose, for the n-th item."""
    texts = [program or "I do not know." for program in programs]
    lines = [{"item": item.id, "text": text} for item, text in zip(mini.items, texts, strict=False)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return open_generator(f"replay:{path}")


def test_rows_come_in_order_with_verdict_numbers_label_and_message(sandbox):
    slow = f"import time\ntime.sleep(1)\n{QUANTILES.splitlines()[-1]}"
    finished = list(executed(rows(f"import statistics\n{slow}", QUANTILES, None, "def f(:", "print(nope)"), sandbox))
    assert [row["item"] for row in finished] == ["0", "1", "2", "3", "4"]
    assert outcomes(finished) == ["passed", "passed", "failed/other", "failed/syntax", "failed/name"]
    assert [row["metrics"]["exec.stage"] for row in finished[:4]] == [4.0, 4.0, 0.0, 0.0]
    assert finished[0]["metrics"] == {
        "ast.exact": 1.0,
        "exec.rate": 1.0,
        "exec.call": 1.0,
        "exec.stage": 4.0,
        "exec.deprecated": 0.0,
    }
    assert finished[0]["labels"] == {"ast.exact": "exact", "exec.rate": "passed"}
    assert finished[2]["messages"]["exec.rate"] == "nothing was extracted"
    assert "nope" in finished[4]["messages"]["exec.rate"]
    assert finished[4]["verdict"]["status"] == "failed"
    json.dumps(finished)


def test_equal_programs_are_run_once_and_all_get_the_verdict(sandbox):
    watched = Watched(sandbox)
    finished = list(executed(rows(*[QUANTILES, "print(nope)"] * 40), watched))
    assert outcomes(finished) == ["passed", "failed/name"] * 40
    assert sorted(watched.programs) == sorted([QUANTILES, "print(nope)"])


def test_a_sandbox_failure_is_not_shared_by_equal_programs(sandbox):
    """A fix could be wrong by caching the verdict, or by giving all that wait for one run its bad luck."""
    watched = Watched(sandbox, {QUANTILES: 2})
    finished = list(executed(rows(*[QUANTILES] * 6), watched))
    assert outcomes(finished) == ["infra", "infra", "passed", "passed", "passed", "passed"]
    assert len(watched.programs) == 3
    assert "exec.rate" not in finished[0]["metrics"]
    assert finished[0]["metrics"] == {"ast.exact": 1.0}


def test_a_sandbox_that_raises_is_an_infrastructure_error(sandbox):
    (finished,) = executed(rows(QUANTILES), Watched(sandbox, {QUANTILES: -99}))
    assert finished["labels"]["exec.rate"] == "infra"
    assert "promised never to be raised" in finished["messages"]["exec.rate"]


def test_rows_are_drawn_a_bounded_number_ahead_and_programs_run_side_by_side(sandbox):
    drawn = []
    programs = (drawn.append(n) or f"import time\ntime.sleep(0.05)\nprint({n})" for n in range(10_000))
    stream = executed((row for program in programs for row in rows(program)), Watched(sandbox))
    began = time.monotonic()
    next(stream)
    assert len(drawn) <= AHEAD * sandbox.concurrency + 2
    list(itertools.islice(stream, 20))
    stream.close()
    assert time.monotonic() - began < 30
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox")] == []


@pytest.mark.parametrize("how", ["closed", "an error"])
def test_leaving_in_the_middle_waits_for_no_program_and_leaves_no_thread(process_sandbox, how):
    """The programs sleep until their idle limit of 20 s: joining the threads first would wait for it."""

    def feed():
        yield from rows(QUANTILES)
        yield from rows(*(f"{SLEEP}\nprint({n})" for n in range(5)))
        if how == "an error":
            time.sleep(1)
            raise RunError("on purpose")
        yield from rows(*(f"print({n})" for n in range(1000)))

    before = set(threading.enumerate())
    stream = executed(feed(), process_sandbox())
    began = time.monotonic()
    if how == "closed":
        next(stream)
        stream.close()
    else:
        with pytest.raises(RunError, match="on purpose"):
            list(stream)
    assert time.monotonic() - began < 18
    assert {t for t in threading.enumerate() if t.name.startswith("sandbox")} <= before


def test_a_run_that_fails_between_two_answers_ends_the_programs_that_run(tmp_path, mini, process_sandbox):
    """The error is the writer's, not the sandbox's: a full disk. Its traceback must not keep the programs alive."""

    def full():
        time.sleep(1)
        raise OSError("no space left")

    generator = replayed(tmp_path / "answers.jsonl", mini, [QUANTILES, *(f"{SLEEP}\nprint({n})" for n in range(5))])
    began = time.monotonic()
    with pytest.raises(OSError, match="no space") as raised:
        evaluate(mini, generator, tmp_path / "run", ["executability"], tick=full, sandbox=process_sandbox())
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox")] == []
    assert time.monotonic() - began < 18
    assert raised.value


def test_a_run_in_a_sandbox_records_it_and_gives_the_same_scores_again(tmp_path, mini, sandbox):
    programs = [QUANTILES, "print(nope)", None, "import math\ndef f(:", "statistics.quantiles([1, 2], n=4)"]
    generator = replayed(tmp_path / "answers.jsonl", mini, programs)
    summary = evaluate(mini, generator, tmp_path / "run", ["ast_match", "executability"], sandbox=sandbox)
    assert summary["labels"]["exec.rate"] == {"failed/name": 2, "failed/other": 1, "failed/syntax": 1, "passed": 1}
    assert {name: entry["n"] for name, entry in summary["metrics"].items() if "exec" in name} == {
        "exec.rate": 5,
        "exec.call": 5,
        "exec.exact": 5,
        "exec.stage": 5,
        "exec.deprecated": 5,
    }
    assert summary["metrics"]["exec.rate"]["value"] == pytest.approx(1 / 5)
    assert (summary["infra_error_rate"], summary["withheld"], summary["problems"]) == (0.0, [], [])
    manifest = run_directory.read_json(tmp_path / "run" / "manifest.json")
    assert manifest["sandbox"] == json.loads(json.dumps(sandbox.describe()))
    assert set(manifest["metrics"]) == {"ast_match", "executability", "correctness"}
    again, changes = score_run(mini, tmp_path / "run", ["ast_match"], sandbox=sandbox)
    assert (again, changes) == (summary, [])


def test_the_calls_that_a_program_makes_are_judged_and_kept(tmp_path, mini, sandbox):
    """By what the program does, whatever its text announces; equal programs are judged by each item's reference."""
    item = next(item for item in mini.items if item.reference_call.startswith("statistics.quantiles"))
    other = next(item for item in mini.items if item.reference_call.startswith("textwrap.shorten"))
    source = f"import statistics\ndata = list(range(20))\n{item.reference_call}"
    renamed = "from statistics import quantiles as cut\n" + source.replace("statistics.quantiles", "cut")
    dead = f"import statistics\nif not __name__:\n    {item.reference_call}"
    texts = [(item, renamed), (item, dead), (other, renamed), (item, "No idea.")]
    observed = ObservedCalls(mini)
    given = list(rows(*[text if "\n" in text else None for _, text in texts]))
    for row, (which, _) in zip(given, texts, strict=True):
        row["item"] = which.id
    finished = list(executed(given, sandbox, observed))
    assert [row["metrics"]["exec.exact"] for row in finished] == [1.0, 0.0, 0.0, 0.0]
    assert finished[0]["verdict"]["calls"][0]["function"] == "statistics.quantiles"
    assert [bool(row["verdict"]["calls"]) for row in finished] == [True, False, True, False]
    assert "the reference calls textwrap.shorten" in finished[2]["messages"]["exec.exact"]
    (unjudged,) = executed(given[:1], sandbox)
    assert "exec.exact" not in unjudged["metrics"]
    json.dumps(finished)


def test_a_run_without_a_sandbox_measures_nothing_of_it(tmp_path, mini):
    generator = open_generator("constant:f(1)")
    summary = evaluate(mini, generator, tmp_path, ["ast_match", "executability"], limit=3)
    assert set(summary["metrics"]) == {"ast.exact", "ast.domain", "hallucination"}
    assert (summary["infra_error_rate"], summary["withheld"]) == (None, [])
    manifest = run_directory.read_json(tmp_path / "manifest.json")
    assert (manifest["sandbox"], set(manifest["metrics"])) == (None, {"ast_match"})


def test_the_interval_of_a_rung_is_on_the_scale_of_rungs(tmp_path, mini, sandbox):
    """All of four APIs stop at rung 1, of four; 0.025^(1/4) is the exact bound of four out of four."""
    programs = [f"import no_such_module_{n}" for n in range(8)]
    generator = replayed(tmp_path / "answers.jsonl", mini, programs)
    stage = evaluate(mini, generator, tmp_path / "run", ["executability"], sandbox=sandbox)["metrics"]["exec.stage"]
    bound = 0.025 ** (1 / 4)
    assert (stage["value"], stage["low"], stage["high"]) == pytest.approx((1.0, bound, 1 + 3 * (1 - bound)), abs=1e-6)
    generator = replayed(tmp_path / "others.jsonl", mini, [f"{QUANTILES}\nprint({n})" for n in range(8)])
    extracted = evaluate(mini, generator, tmp_path / "other", ["executability"], sandbox=sandbox)
    stage = extracted["metrics"]["exec.stage"]
    assert (stage["value"], stage["high"]) == (4.0, 4.0)
    assert stage["low"] == pytest.approx(4 * 0.025 ** (1 / stage["clusters"]))


def test_too_many_sandbox_failures_withhold_the_numbers_until_scored_again(tmp_path, mini, sandbox):
    programs = [f"{QUANTILES}\nprint({n})" for n in range(4)]
    generator = replayed(tmp_path / "answers.jsonl", mini, programs)
    troubled = Watched(sandbox, {programs[1]: 1})
    summary = evaluate(mini, generator, tmp_path / "run", ["ast_match"], sandbox=troubled)
    assert set(summary["metrics"]) == {"ast.exact", "ast.domain", "hallucination"}
    assert summary["withheld"] == ["exec.rate", "exec.call", "exec.exact", "exec.stage", "exec.deprecated"]
    assert summary["infra_error_rate"] == 0.25
    assert summary["labels"]["exec.rate"] == {"passed": 3, "infra": 1}
    (problem,) = summary["problems"]
    assert "1 of 4 programs" in problem
    assert "rerun" in problem
    again, changes = score_run(mini, tmp_path / "run", ["ast_match"], sandbox=sandbox)
    assert again["metrics"]["exec.rate"]["value"] == 1.0
    assert (again["problems"], again["withheld"], again["infra_error_rate"]) == ([], [], 0.0)
    assert {(change.item, change.because) for change in changes} == {
        (mini.items[1].id, ("the sandbox itself failed once",))
    }


def test_another_sandbox_is_another_run_and_explains_what_changes(tmp_path, mini, sandbox):
    generator = replayed(tmp_path / "answers.jsonl", mini, [QUANTILES])
    run = tmp_path / "run"
    evaluate(mini, generator, run, ["ast_match"], sandbox=sandbox)
    other = Watched(sandbox, describe={**sandbox.describe(), "worker": "0" * 12})
    with pytest.raises(RunError, match=r"sandbox\.worker was .* and is '000000000000'"):
        evaluate(mini, generator, run, ["ast_match"], sandbox=other)
    with pytest.raises(RunError, match=r"sandbox\.kind was 'process' and is None"):
        evaluate(mini, generator, run, ["ast_match"])
    _, changes = score_run(mini, run, ["ast_match"])
    assert {(change.metric, change.new) for change in changes} == {
        ("exec.rate", None),
        ("exec.call", None),
        ("exec.exact", None),
        ("exec.stage", None),
        ("exec.deprecated", None),
    }
    assert all(change.because[-1] == "sandbox: 'process' -> None" for change in changes)


def test_two_sandboxes_of_one_kind_are_described_alike(process_sandbox):
    assert process_sandbox(1).describe() == process_sandbox(2).describe()


def test_answers_made_without_a_sandbox_can_be_run_in_one_later(tmp_path, mini, sandbox):
    generator = replayed(tmp_path / "answers.jsonl", mini, [QUANTILES, "print(nope)"])
    generate(mini, generator, tmp_path / "run")
    summary = evaluate(mini, generator, tmp_path / "run", ["ast_match"], sandbox=sandbox)
    assert summary["labels"]["exec.rate"] == {"failed/name": 1, "passed": 1}


def test_a_run_that_broke_off_runs_only_what_is_missing(tmp_path, mini, sandbox):
    programs = [f"{QUANTILES}\nprint({n})" for n in range(6)]
    generator = replayed(tmp_path / "answers.jsonl", mini, programs)
    whole = evaluate(mini, generator, tmp_path / "run", ["ast_match"], sandbox=sandbox)
    scores = tmp_path / "run" / "scores.jsonl"
    scores.write_bytes(b"".join(scores.read_bytes().splitlines(keepends=True)[:4]))
    watched = Watched(sandbox)
    assert evaluate(mini, generator, tmp_path / "run", ["ast_match"], sandbox=watched) == whole
    assert sorted(watched.programs) == programs[4:]


def test_the_references_are_run_and_those_that_fail_are_named(mini, sandbox):
    wanted = [item for item in mini.items if item.reference_call.startswith(("statistics.", "textwrap."))]
    broken = dataclasses.replace(wanted[0], id="broken", reference_program="import statistics\n1 / 0")
    rows = (*wanted, broken)
    ticks = []
    small = dataclasses.replace(mini, rows=rows, items=rows)
    execution = check_benchmark(small, lambda: ticks.append(1), sandbox).execution
    assert len(execution.references) == len(rows) > 5
    assert execution.metrics == {name: pytest.approx(len(wanted) / len(rows)) for name in ("exec.rate", "exec.call")}
    assert execution.to_json()["labels"] == {"passed": len(wanted), "failed/other": 1}
    assert execution.attributions()["exec.rate"] == {"benchmark": 0, "environment": 0, "ours": 1}
    ((row, label),) = [(one.row, one.label) for one in execution.references if one.attribution]
    assert (row, label) == ("broken", "failed/other")
    assert len(ticks) == 3 * len(rows)
    lines = "\n".join(execution.to_lines())
    assert "process sandbox" in lines
    assert "row broken: failed/other (ours): " in lines


INTERRUPTED = """
import sys
from pathlib import Path
import apigauge.sandboxes.factory as place
real = place.open_sandbox
place.open_sandbox = lambda kind, environment, **more: real(kind, "python", **more)
from apigauge.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_an_interrupt_ends_the_programs_that_run_and_the_same_command_goes_on(tmp_path, mini):
    lines = [{"item": item.id, "text": f"{SLEEP}\nprint({n})"} for n, item in enumerate(mini.items)]
    lines[0]["text"] = QUANTILES
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    arguments = ["score", "--benchmark", "mini", "--responses", str(tmp_path / "answers.jsonl"), "--out"]
    arguments += [str(tmp_path / "run"), "--sandbox", "process", "--accept-no-isolation", "--metrics", "exec.rate"]
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    scores = tmp_path / "run" / "scores.jsonl"
    deadline = time.monotonic() + 60
    while not (scores.exists() and scores.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 18
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1] == "apigauge: interrupted; the same command resumes from here"
    assert len(scores.read_text().splitlines()) == 1


def test_an_answer_that_was_set_aside_is_the_sandboxs_failure_and_never_the_models_zero(sandbox):
    right, aside = rows("print(1)", "print(2)")
    aside["extraction"] = {"call": None, "program": None, "how": SET_ASIDE}
    watched = Watched(sandbox)
    finished = list(executed([right, aside], watched))
    assert watched.programs == ["print(1)"]
    assert finished[1]["verdict"]["status"] == "infra"
    assert "exec.rate" not in finished[1]["metrics"]
    assert infra_errors(finished) == (1, 2)


def test_memory_of_verdicts_is_bounded_and_a_program_forgotten_is_run_again(sandbox, monkeypatch):
    monkeypatch.setattr(execution, "_REMEMBERED", 2)
    watched = Watched(sandbox)
    assert len(list(executed(rows("print(1)", "print(2)", "print(2)", "print(3)", "print(1)"), watched))) == 5
    assert sorted(watched.programs) == ["print(1)", "print(1)", "print(2)", "print(3)"]
