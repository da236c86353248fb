"""What a run costs is counted, printed, limited and kept; what several answers to a question say as well."""

import csv
import json
import re

import pytest
from openai_server import OpenAIServer, completion, send

from apigauge.__main__ import main
from apigauge.harness.generation import cache, openai

ANSWER = "<<<api_call>>>: torch.topk(scores, k=3)"


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "completions")
    running = OpenAIServer()
    running.react = lambda _: answer()
    yield running
    running.close()


def answer(prompt=100, tokens=50, text=ANSWER):
    return send(json.dumps(completion(text) | {"usage": {"prompt_tokens": prompt, "completion_tokens": tokens}}))


@pytest.fixture
def run(server, tmp_path, capsys):
    """Runs ``apigauge run`` on five questions; returns the exit code, the result and what was said."""

    def make(*more, code=0, name="run"):
        command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--limit", "5"]
        command += ["--sandbox", "none", "--metrics", "ast_match", "--json", "--out", str(tmp_path / name)]
        assert main([*command, *more]) == code
        shown = capsys.readouterr()
        return (json.loads(shown.out) if shown.out else {}), shown.err

    return make


def test_tokens_and_dollars_are_those_of_the_answers(run, tmp_path):
    result, _ = run("--price", "2", "8")
    usage = {"answers": 5, "cached": 0, "unknown": 0, "prompt_tokens": 500, "completion_tokens": 250}
    assert result["usage"] == usage | {"dollars": pytest.approx(500 * 2e-6 + 250 * 8e-6)}
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["usage"] == result["usage"]
    # They can be derived again from what the run holds.
    assert main(["score", str(tmp_path / "run"), "--sandbox", "none"]) == 0
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["usage"] == result["usage"]


def test_a_table_of_prices_has_the_models(run, tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text('["openai:m"]\ninput = 1\noutput = 10.0\n')
    assert run("--prices", str(prices))[0]["usage"]["dollars"] == pytest.approx(500e-6 + 2500e-6)
    prices.write_text('["openai:other"]\ninput = 1\noutput = 10.0\n')
    result, said = run("--prices", str(prices), name="other")
    assert "dollars" not in result["usage"]
    assert "has no price of openai:m" in said
    for text in ("[", '["openai:m"]\ninput = 1\n', '["openai:m"]\ninput = true\noutput = 2\n', '"openai:m" = 3\n'):
        prices.write_text(text)
        assert str(prices) in run("--prices", str(prices), code=2)[1]


@pytest.mark.parametrize(
    ("limit", "answers"), [(("--max-tokens", "450"), 3), (("--max-tokens", "451"), 4), (("--max-cost", "0.0012"), 2)]
)
def test_a_limit_ends_the_run_with_what_it_has_and_a_higher_one_goes_on(run, server, limit, answers):
    """150 tokens and $0.0006 an answer: the answer that reaches the limit is the last one."""
    price = ("--price", "2", "8")
    one_at_a_time = ("--concurrency", "1")
    result, said = run(*price, *limit, *one_at_a_time, code=4)
    assert (result["items"], len(server.requests)) == (answers, answers)
    assert f"{limit[0]} {limit[1]} is reached" in said
    assert f"{5 - answers} answers are missing" in said
    again, said = run(*price, *limit, *one_at_a_time, code=4)  # the limit is that of the run, not of the command
    assert (again["items"], len(server.requests)) == (answers, answers)
    assert "is reached" in said
    assert run(*price)[0]["usage"]["prompt_tokens"] == 500
    assert len(server.requests) == 5


def test_answers_that_were_begun_at_the_limit_are_kept(run, server):
    """They are paid for: with five requests at once, a limit reached by the first loses none of the others."""
    result, _ = run("--max-tokens", "1", "--concurrency", "5")
    assert (result["items"], len(server.requests)) == (5, 5)


@pytest.mark.parametrize(
    "options",
    [
        ("--max-cost", "1"),
        ("--max-cost", "0", "--price", "1", "1"),
        ("--max-tokens", "0"),
        ("--price", "1", "nan"),
        ("--price", "1", "1", "--prices", "x.toml"),
        ("--prices", "no-such-file.toml"),
        ("--cache", "--no-cache"),
    ],
)
def test_costs_that_make_no_sense_are_refused_before_anything_is_asked(server, tmp_path, options, capsys):
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--limit", "1"]
    try:
        code = main([*command, "--out", str(tmp_path / "run"), "--sandbox", "none", *options])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert any(option in capsys.readouterr().err for option in options if option.startswith("--"))
    assert server.requests == []


def test_tokens_that_a_server_does_not_report_are_said_to_be_missing(run, server):
    server.react = lambda _: send(
        json.dumps({key: value for key, value in completion(ANSWER).items() if key != "usage"})
    )
    assert "usage" in run()[0]
    assert run(name="again")[0]["usage"] is None


def test_a_model_behind_the_same_name_is_asked_again(run, server, tmp_path):
    """The address and the name are all that is known of it: yesterday's answers are not its."""
    before, _ = run()
    server.react = lambda _: answer(text="f(1)")
    after, _ = run(name="again")
    assert len(server.requests) == 10
    rows = (tmp_path / "again" / "generations.jsonl").read_text().splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["f(1)"] * 5
    assert before["usage"]["cached"] == after["usage"]["cached"] == 0


def test_cached_answers_are_used_on_request_and_cost_nothing(run, server, tmp_path, capsys):
    run("--cache")
    result, _ = run("--cache", "--price", "2", "8", name="again")
    assert len(server.requests) == 5
    wanted = {"answers": 5, "cached": 5, "unknown": 0, "prompt_tokens": 0, "completion_tokens": 0, "dollars": 0.0}
    assert result["usage"] == wanted
    assert main(["score", str(tmp_path / "again"), "--sandbox", "none"]) == 0
    assert "5 of 5 answers came from the cache and cost nothing" in capsys.readouterr().out


def test_the_cache_is_shown_by_model_and_emptied(run, tmp_path, capsys):
    run("--cache")
    run("--cache", "--model", "openai:m", "openai:n", "--samples", "2", "--temperature", "1")
    entries = list((tmp_path / "completions").rglob("*.json"))
    entries[0].write_text('{"text": "of an older version"}')
    assert main(["cache", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["entries"], shown["bytes"]) == (25, sum(path.stat().st_size for path in entries[:1] + entries[1:]))
    assert {row["model"]: row["entries"] for row in shown["models"]}.keys() == {
        "openai:m",
        "openai:n",
        "(not recorded)",
    }
    assert main(["cache", "empty", "--model", "openai:k"]) == 2
    assert "did you mean 'openai:" in capsys.readouterr().err
    assert main(["cache", "empty", "--model", "(not recorded)"]) == 0
    assert capsys.readouterr().out.startswith("1 answers deleted")
    assert main(["cache", "show"]) == 0
    assert "24 answers" in capsys.readouterr().out
    assert main(["cache", "empty", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 24
    assert not list((tmp_path / "completions").rglob("*.json"))
    assert main(["cache", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"] == []


def test_several_answers_have_pass_at_k_and_consistency(run, server, mini, tmp_path):
    """Question by question 4, 2, 0, 0, 0 of 4 answers are right."""
    right = {mini.items[0].instruction: 4, mini.items[1].instruction: 2}
    texts = {item.instruction: item.reference_program for item in mini.items}
    counts = {}

    def react(received):
        counts[received.prompt] = counts.get(received.prompt, 0) + 1
        is_right = counts[received.prompt] <= right.get(received.prompt, 0)
        return answer(text=texts[received.prompt] if is_right else "nothing()")

    server.react = react
    samples = run("--samples", "4", "--temperature", "1")[0]["samples"]["ast.exact"]
    assert list(samples["pass_at"]) == ["1", "2", "4"]
    # 1 - C(n - c, k) / C(n, k): of 4 with 2 right, k = 2 misses in 1 of 6 draws.
    expected = {"1": (1 + 2 / 4) / 5, "2": (1 + 5 / 6) / 5, "4": 2 / 5}
    for k, value in expected.items():
        assert samples["pass_at"][k]["value"] == pytest.approx(value)
        assert samples["pass_at"][k]["n"] == 5
    assert samples["consistency"]["value"] == pytest.approx((4 + 2 / 6) / 5)
    assert 0 < samples["consistency"]["low"] < samples["consistency"]["high"] <= 1
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["samples"]["ast.exact"] == samples
    assert "ast.similarity" not in summary["samples"]
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "site")]) == 0
    page = next((tmp_path / "site" / "runs").glob("*.html")).read_text(encoding="utf-8")
    assert f'<td>pass@2</td><td class="num">{expected["2"]:.4f}</td>' in page
    assert f'<td>consistency</td><td class="num">{samples["consistency"]["value"]:.4f}</td>' in page


def test_pages_and_table_have_tokens_and_cost(run, tmp_path):
    run("--price", "2", "8")
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "site")]) == 0
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert re.search(r">\s*750\s*<", index)
    assert re.search(r">\s*\$0\.0030\s*<", index)
    (page,) = (tmp_path / "site" / "runs").glob("*.html")
    assert "750 tokens, $0.0030" in page.read_text(encoding="utf-8")
    with (tmp_path / "site" / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["prompt_tokens"], row["completion_tokens"], float(row["dollars"])) == ("500", "250", 0.003)


@pytest.fixture
def budget(server, tmp_path, capsys):
    """Calls the gate with a budget against a baseline of twelve questions; returns its code, result and what it said."""
    server_options = ["--model", "openai:m", "--base-url", server.url, "--concurrency", "1", "--sandbox", "none"]
    command = ["run", "--benchmark", "mini", *server_options, "--limit", "20", "--out", str(tmp_path / "base")]
    assert main([*command, "--metrics", "ast.exact"]) == 0

    def call(*more):
        capsys.readouterr()
        command = ["gate", str(tmp_path / "new"), "--baseline", str(tmp_path / "base"), "--budget", "20", "--json"]
        code = main([*command, *server_options, "--metric", "ast.exact", *more])
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if shown.out else {}, shown.err

    return call


def test_a_gate_that_may_take_no_more_decides_by_its_last_look_and_goes_on_later(budget, server, tmp_path):
    requests = len(server.requests)
    code, result, _ = budget("--max-tokens", "750")  # five questions of 150, and looks after each second one
    assert (code, result["decision"], result["asked"]) == (3, "inconclusive", 4)
    assert len(server.requests) - requests == 5
    assert result["metrics"][0]["n"] == 4
    code, result, _ = budget("--max-tokens", "100000", "--markdown", str(tmp_path / "gate.md"))
    assert (code, result["budget"]) == (3, 20)
    assert len(server.requests) - requests == result["asked"] > 5  # each question once
    assert "--max-tokens" not in (tmp_path / "gate.md").read_text(encoding="utf-8")


def test_a_gate_that_cannot_afford_its_first_look_is_broken(budget, server, tmp_path):
    code, result, said = budget("--max-cost", "0.0001", "--price", "2", "8")
    assert (code, result) == (4, {})
    assert "reached before the first 2 questions are answered" in said
    assert budget("--max-tokens", "300", "--markdown", str(tmp_path / "gate.md"))[0] == 3
    assert "Then --max-tokens or --max-cost was reached" in (tmp_path / "gate.md").read_text(encoding="utf-8")


def test_a_finished_run_takes_nothing_that_could_be_limited(budget, tmp_path, apigauge):
    done = apigauge("gate", tmp_path / "base", "--baseline", tmp_path / "base", "--max-tokens", "5")
    assert done.returncode == 2
    assert "--max-cost and --max-tokens bound what --budget may take" in done.stderr
