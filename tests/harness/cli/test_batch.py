"""``--batch`` on the command line: runs, costs, the gate with a budget, and a command that is killed."""

import json
import os
import signal
import subprocess
import sys

import pytest
from batch_server import BatchAPI, answered, prompt
from openai_server import OpenAIServer, completion, send

from apigauge.__main__ import main
from apigauge.harness.generation import batch_server, openai_batch

ANSWER = "<<<api_call>>>: torch.topk(scores, k=3)"


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(batch_server, "BACK_OFF", 0.001)
    monkeypatch.setattr(openai_batch, "FIRST_LOOK", 0.001)
    running = BatchAPI()
    running.line = lambda row: answered(row, ANSWER)
    yield running
    running.close()


def command(api, out, *more):
    options = ["--model", "openai:m", "--base-url", api.url, "--batch", "--sandbox", "none"]
    return ["run", "--benchmark", "mini", *options, "--metrics", "ast_match", "--json", "--out", str(out), *more]


@pytest.fixture
def run(api, tmp_path, capsys):
    def call(*more, code=0, name="run"):
        capsys.readouterr()
        assert main(command(api, tmp_path / name, "--limit", "5", *more)) == code
        shown = capsys.readouterr()
        return (json.loads(shown.out) if shown.out else {}), shown.err

    return call


def rows(folder):
    return [json.loads(line) for line in (folder / "generations.jsonl").read_text().splitlines()]


def test_a_run_by_batches_has_the_scores_of_a_run_by_requests(run, api, tmp_path):
    result, said = run()
    single = OpenAIServer()
    single.react = lambda received: send(json.dumps(completion(ANSWER, received.path)))
    try:
        options = ["--model", "openai:m", "--base-url", single.url, "--sandbox", "none", "--metrics", "ast_match"]
        assert main(["run", "--benchmark", "mini", *options, "--limit", "5", "--out", str(tmp_path / "one")]) == 0
    finally:
        single.close()
    batched, one = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("run", "one"))
    assert batched["metrics"] == one["metrics"]
    assert all(row["batch"] for row in rows(tmp_path / "run"))
    assert "batch batch-0: 5 questions" in said
    assert run()[0] == result  # finished: nothing is submitted
    assert len(api.batches) == 1


def test_tokens_of_a_batch_are_counted_at_half_the_price_and_that_is_said(run, tmp_path):
    result, said = run("--price", "2", "8")
    assert result["usage"]["dollars"] == pytest.approx(5 * (5 * 1e-6 + 7 * 4e-6))
    assert "--batch is counted at half the price: $1 and $4" in said
    record = json.loads((tmp_path / "run" / "manifest.json").read_text())["price"]
    assert record == {"prompt": 2.0, "completion": 8.0, "batch_prompt": 1.0, "batch_completion": 4.0}
    assert main(["score", str(tmp_path / "run"), "--sandbox", "none"]) == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["usage"] == result["usage"]


def test_a_table_of_prices_has_those_of_batches_and_its_date(run, tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text('as_of = 2026-11-01\n["openai:m"]\ninput = 2\noutput = 8\nbatch_input = 0.5\nbatch_output = 3\n')
    result, said = run("--prices", str(prices))
    assert result["usage"]["dollars"] == pytest.approx(5 * (5 * 0.5e-6 + 7 * 3e-6))
    assert "half the price" not in said
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["price"]["as_of"] == "2026-11-01"
    prices.write_text('["openai:m"]\ninput = 2\noutput = 8\nbatch_input = 0.5\n')
    assert "batch_output" in run("--prices", str(prices), code=2, name="other")[1]


def test_a_run_of_both_kinds_counts_each_answer_at_its_own_price(run, api, tmp_path, capsys):
    api.line = lambda row: answered(row, ANSWER) if row["custom_id"] in list(api.asked[0])[:2] else None
    api.status = "cancelled"
    run("--price", "2", "8", code=4)
    of_batch = len(rows(tmp_path / "run"))
    assert of_batch == 2
    # The rest by requests, at the same address.
    original = api.handle

    def handle(method, path, query, body, headers):
        if path == "/chat/completions":
            return 200, completion(ANSWER)
        return original(method, path, query, body, headers)

    api.handle = handle
    without = [
        word for word in command(api, tmp_path / "run", "--limit", "5", "--price", "2", "8") if word != "--batch"
    ]
    capsys.readouterr()
    assert main(without) == 0
    usage = json.loads(capsys.readouterr().out)["usage"]
    full, half = 5 * 2e-6 + 7 * 8e-6, 5 * 1e-6 + 7 * 4e-6
    assert usage["dollars"] == pytest.approx(of_batch * half + (5 - of_batch) * full)


def test_a_limit_of_cost_ends_a_run_between_two_batches(run, api):
    result, said = run("--price", "2", "8", "--max-cost", "0.00004", "--batch-size", "2", code=4)
    assert (result["items"], len(api.batches)) == (2, 1)
    assert "--max-cost 4e-05 is reached" in said
    assert run("--price", "2", "8", "--batch-size", "2")[0]["items"] == 5
    assert [len(batch) for batch in api.asked] == [2, 2, 1]


def test_what_a_batch_would_cost_is_estimated_at_its_price(run, api):
    batch, _ = run("--price", "2", "8", "--dry-run")
    full, _ = run("--price", "4", "16", "--dry-run")
    assert batch["cost"]["dollars_at_most"] == pytest.approx(full["cost"]["dollars_at_most"] / 2)
    cost = batch["cost"]
    assert cost["dollars_at_most"] == pytest.approx(cost["prompt_tokens"] * 1e-6 + cost["answer_tokens_at_most"] * 4e-6)
    assert api.calls == []


def test_batches_are_for_servers_alone(api, tmp_path, capsys):
    options = ["--model", "retrieval:bm25", "--batch", "--out", str(tmp_path / "run")]
    assert main(["run", "--benchmark", "mini", *options]) == 2
    assert "--batch: is for openai:, not for retrieval:bm25" in capsys.readouterr().err


def test_a_gate_with_a_budget_looks_after_each_batch(api, tmp_path, capsys):
    options = ["--base-url", api.url, "--batch", "--sandbox", "none", "--json"]
    base = ["--benchmark", "mini", "--model", "openai:m", *options, "--limit", "20", "--out", str(tmp_path / "base")]
    assert main(["run", *base, "--metrics", "ast.exact"]) == 0
    first = len(api.asked)
    gate = ["gate", str(tmp_path / "new"), "--baseline", str(tmp_path / "base"), "--metric", "ast.exact"]
    gate += ["--model", "openai:m", *options, "--budget", "20"]
    capsys.readouterr()
    assert main(gate) == 3  # twenty questions are too few for a pass
    result = json.loads(capsys.readouterr().out)
    looks = api.asked[first:]
    assert sum(map(len, looks)) == result["asked"]
    assert len(looks) > 1
    assert len({prompt(row) for look in looks for row in look.values()}) == result["asked"]
    assert main(gate) == 3  # again: everything is there
    assert len(api.asked) == first + len(looks)


def test_a_gate_whose_batch_fails_is_broken_says_why_and_goes_on_later(api, tmp_path, capsys):
    options = ["--base-url", api.url, "--batch", "--sandbox", "none", "--json"]
    base = ["--benchmark", "mini", "--model", "openai:m", *options, "--limit", "20", "--out", str(tmp_path / "base")]
    assert main(["run", *base, "--metrics", "ast.exact"]) == 0
    gate = ["gate", str(tmp_path / "new"), "--baseline", str(tmp_path / "base"), "--metric", "ast.exact"]
    gate += ["--model", "openai:m", *options, "--budget", "20"]
    api.line, api.status = (lambda _: None), "cancelled"
    capsys.readouterr()
    assert main(gate) == 4
    assert "batch batch-1: cancelled. It has 0 answers" in capsys.readouterr().err
    assert len(api.batches) == 2
    api.line, api.status = (lambda row: answered(row, ANSWER)), "completed"
    assert main(gate) == 3


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills a process group")
@pytest.mark.parametrize("reached", ["POST /files", "POST /batches", "GET /batches/batch-0"])
def test_a_killed_command_resumes_and_submits_nothing_twice(api, tmp_path, reached):
    """SIGKILL while the call is at the server, or just after: nothing of ours can be tidied up."""
    api.looks = 3
    seen = []
    original = api.handle

    def handle(method, path, query, body, headers):
        result = original(method, path, query, body, headers)
        if f"{method} {path}" == reached and not seen:
            seen.append(path)
            os.killpg(process.pid, signal.SIGKILL)  # the server has done it; the answer reaches nobody
            process.wait()
        return result

    api.handle = handle
    out = tmp_path / "run"
    arguments = [sys.executable, "-m", "apigauge", *command(api, out, "--limit", "5")]
    with api.lock:  # so that the process is known when its first call arrives
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    assert process.wait(60) == -signal.SIGKILL
    assert not (out / "summary.json").exists()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["items"] == 5
    assert len(api.batches) == 1
    assert len(rows(out)) == 5
