"""What other projects' own code says of the files that ``report --export`` writes for them.

``tests/data/every_eval_ever`` has the schemas of the package every-eval-ever 0.3.0 (MIT licence) as they are: the package
itself needs a newer Python than the oldest that these tests run on.
"""

import contextlib
import dataclasses
import json
import socket
import subprocess
import time
from pathlib import Path

import pytest

from apigauge.reports import formats

pytestmark = pytest.mark.inspect_ai
SCHEMAS = Path(__file__).parents[1] / "data" / "every_eval_ever"
HOSTILE = '=1 \u202e \ud800 <script>\x00 | "q" \n\r\u2028 \U0001f600 {{x}}'
_READ_LOG = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log
logs = [read_eval_log(one) for one in list_eval_logs(sys.argv[1])]
print(json.dumps([{
    "status": log.status, "task": log.eval.task, "model": log.eval.model, "created": log.eval.created,
    "numbers": {one.name: {name: m.value for name, m in one.metrics.items()} for one in log.results.scores},
    "samples": [[one.id, one.epoch, one.input, one.target, one.output.completion,
                 {name: score.value for name, score in one.scores.items()}] for one in log.samples],
} for log in logs]))
"""
_VALIDATE = """
import json, sys
from jsonschema import Draft202012Validator
schemas, out = sys.argv[1:]
import pathlib
count = 0
for name, pattern in (("eval", "*.json"), ("instance_level_eval", "*_samples.jsonl")):
    check = Draft202012Validator(json.loads(pathlib.Path(schemas, name + ".schema.json").read_text()))
    for path in pathlib.Path(out).rglob(pattern):
        text = path.read_text(encoding="utf-8")
        for one in [text] if pattern == "*.json" else text.splitlines():
            check.validate(json.loads(one))
            count += 1
print(count)
"""


@pytest.fixture
def runs(run, item):
    """A run with two samples a question, partial scores and reasoning, and one whose every text is hostile."""
    rows = [
        item(
            number, sample=sample, metrics={"ast.exact": float(sample), "rouge.1": (number + 1) / 7}, reasoning="Well."
        )
        for number in range(3)
        for sample in range(2)
    ]
    plain = run("plain", {"ast.exact": 0.5, "rouge.1": 2 / 7}, rows=rows)
    texts = dict.fromkeys(("id", "instruction", "text", "call", "reference_call", "domain", "api", "how"), HOSTILE)
    row = item(0, **texts, messages={"ast.exact": HOSTILE}, labels={"ast.exact": HOSTILE})
    hostile = run(HOSTILE, {"ast.exact": 1 / 3, "hallucination": 0.1}, spec=HOSTILE, rows=[row])
    named = {**hostile.manifest, "benchmark": {"name": HOSTILE, "digest": HOSTILE}}
    return [
        dataclasses.replace(plain, manifest={**plain.manifest, "created": "2026-11-29T06:00:00+00:00"}),
        dataclasses.replace(hostile, manifest=named),
    ]


def call(python, code, *arguments):
    command = [python, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_inspect_reads_the_logs_with_every_score(inspect_python, runs, tmp_path):
    logs = {log["task"]: log for log in call(inspect_python, _READ_LOG, formats.export("inspect")(runs, tmp_path))}
    assert len(logs) == 2
    for one in runs:
        task = one.benchmark.replace("\ud800", r"\ud800")
        log = logs[task]
        assert (log["status"], log["model"]) == ("success", one.spec.replace("\ud800", r"\ud800"))
        for name, entry in one.summary["metrics"].items():
            numbers = {"mean": entry["value"], "interval_low": entry["low"], "interval_high": entry["high"]}
            assert log["numbers"][name] == numbers
        for (item, epoch, question, target, text, scores), row in zip(log["samples"], one.rows, strict=True):
            shown = [
                part.replace("\ud800", r"\ud800") for part in (row.id, row.instruction, row.reference_call, row.text)
            ]
            assert [item, question, target, text] == shown
            assert (epoch, scores) == (row.sample + 1, {k: v for k, v in row.metrics.items() if k in log["numbers"]})


@contextlib.contextmanager
def viewer(python, logs, output):
    """The address of inspect's own viewer of a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-dir", str(logs)]
    command = [python, "-m", "inspect_ai", "view", "start", *options]
    with output.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as server:
        try:
            while True:
                assert server.poll() is None, output.read_text()
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


@pytest.mark.slow
def test_inspects_viewer_opens_the_logs(inspect_python, runs, chromium, tmp_path):
    """A log is in its list, and opened it shows the questions, both samples of each, and the scores."""
    logs = formats.export("inspect")(runs, tmp_path / "out")
    page = chromium.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with viewer(inspect_python, logs, tmp_path / "viewer.txt") as address:
        page.goto(address)
        page.get_by_text("apibench-torchhub").dblclick()
        page.get_by_text("6 rows").wait_for()
        shown = page.locator("body").inner_text()
        page.goto(address)
        # The other's task is nothing but hostile text; it opens too, and nothing of it runs.
        page.get_by_text("<script>").first.dblclick()
        page.get_by_text("hallucination").first.wait_for()
    lines = shown.splitlines()
    assert all(f"Question {number}: which model detects objects?" in lines for number in range(3))
    assert lines.count("torch.hub.load('pytorch/vision', 'model0')") == 2
    assert "ast.exact\t0.5\t0.45\t0.55" in lines
    assert str(2 / 7) in lines
    assert not errors
    page.close()


def test_every_eval_ever_accepts_evaluations_and_samples(inspect_python, runs, tmp_path):
    out = formats.export("every-eval-ever")(runs, tmp_path)
    assert call(inspect_python, _VALIDATE, SCHEMAS, out) == 2 + 2 * 6 + 2 * 1
