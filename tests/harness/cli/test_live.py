"""While a run goes on: JSON lines, metrics for Prometheus, and where the time went."""

import json
import socket
import urllib.request
from datetime import datetime

import pytest
from openai_server import OpenAIServer

from apigauge.__main__ import main
from apigauge.harness.cli import output, progress_lines
from apigauge.harness.evaluation.meter import Meter
from apigauge.harness.executors.prefetch import PENDING

RUN = ["run", "--benchmark", "mini", "--model", "constant:torch.topk(x, 3)", "--sandbox", "none", "--limit", "25"]


@pytest.fixture(autouse=True)
def normal():
    yield
    output.set_log_format("text")
    output.set_verbosity(output.Verbosity.NORMAL)


def test_json_lines_have_the_documented_fields(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress_lines, "FIRST_SECONDS", 0.0)
    assert main([*RUN, "--log-format", "json", "-v", "--out", str(tmp_path / "run")]) == 0
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert all(datetime.fromisoformat(record["time"]).utcoffset() is not None for record in records)
    assert {record["level"] for record in records} <= {"progress", "note", "detail", "warning", "error"}
    last = [record for record in records if record["level"] == "progress"][-1]
    assert (last["what"], last["done"], last["total"], last["seconds_left"]) == ("scoring mini", 25, 25, 0)
    assert {name: stage["done"] for name, stage in last["stages"].items()} == {"answered": 25, "scored": 25}
    assert last["stages"]["scored"]["rate"] > 0
    assert last["message"].startswith("scoring mini: 25 of 25")
    assert main(["score", str(tmp_path / "nowhere"), "--log-format", "json", "--debug"]) == 4
    traceback, error = map(json.loads, capsys.readouterr().err.splitlines())
    assert (traceback["level"], error["level"]) == ("detail", "error")
    assert "Traceback" in traceback["message"]
    assert "nowhere" in error["message"]
    # The next command of the process writes text again.
    assert main(["score", str(tmp_path / "nowhere")]) == 4
    assert capsys.readouterr().err.startswith("apigauge: ")


def test_rate_and_time_left_are_those_so_far():
    record = progress_lines.record_of("work", 30, 120, 10.0, {"answered": 60})
    assert (record["rate"], record["seconds_left"]) == (3.0, 30.0)
    assert record["stages"] == {"answered": {"done": 60, "rate": 6.0, "seconds_left": 10.0}}
    assert progress_lines.text_of(record) == "work: 30 of 120, 10 s, 3/s, about 30 s left (answered 60)"
    assert progress_lines.record_of("work", 3, None, 0.0)["rate"] is None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def read(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_prometheus_reads_a_run_that_goes_on_and_the_port_is_free_afterwards(tmp_path, capsys):
    port, seen = free_port(), []
    server = OpenAIServer()

    def react(_):
        seen.append(read(port))

    server.react = react
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--concurrency", "1"]
    command += ["--sandbox", "none", "--metrics", "ast.exact", "--limit", "4", "--out", str(tmp_path / "run")]
    assert main([*command, "--prometheus-port", str(port)]) == 0
    server.close()
    run = f'benchmark="mini",model="openai:m",run="{tmp_path / "run"}"'
    assert f"metrics at http://127.0.0.1:{port}/metrics" in capsys.readouterr().err
    assert [one[f"apigauge_answers_expected{{{run}}}"] for one in seen] == [4.0] * 4
    answered = [one.get(f'apigauge_answers_total{{{run},stage="answering"}}', 0) for one in seen]
    assert answered == [0, 1, 2, 3]
    assert seen[-1]["process_resident_memory_bytes"] > 0
    with pytest.raises(OSError, match="refused"):
        read(port)


def test_a_port_that_is_taken_is_refused(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        assert main([*RUN, "--prometheus-port", str(port), "--out", str(tmp_path / "run")]) == 2
    assert f"--prometheus-port {port}" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*RUN, "--prometheus-port", "70000", "--out", str(tmp_path / "run")])


def test_a_profile_adds_up_and_is_not_part_of_the_run(tmp_path, capsys):
    assert main([*RUN, "--profile", "--json", "--out", str(tmp_path / "run")]) == 0
    profile = json.loads(capsys.readouterr().out)["profile"]
    assert profile["answers"] == 25
    own = {name: seconds for name, seconds in profile["stages"].items() if name != "answering"}
    assert set(own) == {"waiting", "scoring", "writing", "other"}
    assert all(seconds >= 0 for seconds in own.values())
    assert sum(own.values()) == pytest.approx(profile["seconds"], abs=0.01)
    assert {"extraction", "ast_match", "rouge", "codebleu"} <= profile["scoring_cpu_seconds"].keys()
    assert main([*RUN, "--out", str(tmp_path / "other")]) == 0
    scores = [(tmp_path / name / "scores.jsonl").read_bytes() for name in ("run", "other")]
    assert scores[0] == scores[1]
    capsys.readouterr()
    assert main([*RUN, "--profile", "--out", str(tmp_path / "third")]) == 0
    assert "CPU: codebleu" in capsys.readouterr().out


def test_time_of_a_stage_is_without_the_stages_inside_it():
    """A clock of the test's own: answers take 2 s each, scoring 3 s, a pause 1 s."""
    now = 0.0
    meter = Meter()

    def pass_(seconds):
        nonlocal now
        now += seconds

    def answers():
        pass_(2)
        yield "a"
        pass_(1)
        yield PENDING
        pass_(2)
        yield "b"

    def scored(values):
        for value in values:
            if value is not PENDING:
                pass_(3)
            yield value

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apigauge.harness.evaluation.meter.time.perf_counter", lambda: now)
        rows = meter.through("scoring", scored(meter.through("waiting", answers())), inside=("waiting",))
        assert [row for row in rows if row is not PENDING] == ["a", "b"]
    assert meter.seconds == {"waiting": 5.0, "scoring": 6.0}
    assert meter.done == {"waiting": 2, "scoring": 2}
