"""The table of how good labelers are: its measures against other computations, and the command."""

import json
import math
import random
import zlib

import numpy as np
import pytest
from openai_server import OpenAIServer, likeliest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.plugins.rlaif.evaluation import EvaluationOptions, divided
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.quality import spread
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.harness.plugins.rlaif.rank_agreement import DRAWS, SEED, Judged, auc, measured

MINI = load_benchmark("mini")


def by_chance(seed, n=60, apis=7):
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        truth, confidence = draw.random() < 0.4, round(draw.random(), 1)
        rows.append(
            Judged(truth, confidence + 0.3 * truth > 0.6, confidence + 0.3 * truth, f"api-{draw.randrange(apis)}")
        )
    return rows


def counted_auc(rows):
    pairs = [(a.confidence, b.confidence) for a in rows if a.truth for b in rows if not b.truth]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def counted_kappa(rows):
    n, agreed = len(rows), sum(row.truth is row.reply for row in rows)
    yes = (sum(row.truth for row in rows) / n, sum(row.reply for row in rows) / n)
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return (agreed / n - chance) / (1 - chance) if chance < 1 else math.nan


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_kappa_are_those_of_counting(seed):
    rows = by_chance(seed)
    result = measured(rows)
    assert auc(rows) == pytest.approx(counted_auc(rows))
    assert result["auc"]["value"] == pytest.approx(counted_auc(rows))
    assert result["kappa"]["value"] == pytest.approx(counted_kappa(rows))
    assert (result["n"], result["yes"], result["apis"]) == (60, sum(row.truth for row in rows), 7)


@pytest.mark.parametrize(("measure", "count"), [("auc", counted_auc), ("kappa", counted_kappa)])
def test_intervals_are_those_of_drawing_whole_apis(measure, count):
    """The same draws, with every drawn API's answers copied out and the measure counted on the copy."""
    rows = by_chance(1, n=40, apis=5)
    names = sorted({row.api for row in rows})
    draws = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    values = []
    for draw in draws:
        copied = [
            row
            for name, times in zip(names, draw, strict=True)
            for row in rows
            if row.api == name
            for _ in range(times)
        ]
        both = len({row.truth for row in copied}) == 2
        values.append(count(copied) if both or measure == "kappa" else math.nan)
    low, high = np.nanpercentile(values, (2.5, 97.5))
    result = measured(rows)[measure]
    assert (result["low"], result["high"]) == (pytest.approx(low), pytest.approx(high))


def test_measures_without_a_value_are_null():
    rows = [
        Judged(truth=True, reply=True, confidence=1.0, api="a"),
        Judged(truth=True, reply=True, confidence=0.5, api="b"),
    ]
    assert (measured(rows)["auc"], measured(rows)["kappa"]) == (None, None)
    rows.append(Judged(truth=True, reply=False, confidence=0.0, api="b"))
    assert measured(rows)["auc"] is None
    assert measured(rows)["kappa"]["value"] == 0


def test_rows_are_spread_over_all():
    assert spread(MINI.train, None) == list(MINI.train)
    for most in (1, 7, 100):
        rows = spread(MINI.train, most)
        assert 0 < len(rows) <= most
        assert rows[0] == MINI.train[0]


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = OpenAIServer()
    yield server
    server.close()


def recipe(folder, url="http://127.0.0.1:9/v1"):
    text = f"""
benchmark = "mini"
sandbox = "process"
accept_no_isolation = true
[evaluation]
validation = 0.2
[labeler_options]
base_url = "{url}"
replies = "probability"
"""
    (folder / "rlaif.toml").write_text(text, encoding="utf-8")
    return str(folder / "rlaif.toml")


def test_the_command_judges_held_out_rows_by_every_labeler(server, tmp_path, capsys):
    def react(got):
        share = 0.2 + zlib.crc32(got.prompt.encode()) % 60 / 100
        return likeliest({"yes": math.log(share), "no": math.log(1 - share)})

    server.react = react
    command = ["rlaif", "labelers", recipe(tmp_path, server.url), "static", "oracle", "openai:judge", "--rows", "3"]
    assert main(command) == 0
    shown = capsys.readouterr()
    out = tmp_path / "rlaif/labelers"
    content = json.loads((out / "table.json").read_bytes())
    assert shown.out == (out / "table.md").read_text(encoding="utf-8")
    assert "| labeler | imports | parses |" in shown.out
    held_out = divided(MINI, EvaluationOptions(0.2, "validation"))
    judged = {json.loads(line)["item"] for line in (out / "labels/static/labels.jsonl").read_text().splitlines()}
    assert judged <= {item.id for item in held_out.items}
    assert judged & {item.id for item in held_out.train} == set()
    count = len(made_answers(spread(held_out.items, 3)))
    assert count > 20
    assert content["answers"] == {"kind": "made", "count": count, "rows": 3}
    assert set(content["table"]) == {"static", "oracle", "openai:judge"}
    assert set(content["table"]["openai:judge"]["references"]) == set(QUESTIONS)
    assert content["table"]["oracle"]["references"]["asked"]["auc"]["value"] == 1
    assert content["table"]["static"]["references"]["parses"] == content["table"]["oracle"]["references"]["parses"]
    assert len(server.requests) == count * 8
    assert f"openai:judge: about {count * 8} requests ({count} answers, 8 questions each)" in shown.err
    assert main(command) == 0
    assert len(server.requests) == count * 8, "replies are kept"


def test_a_table_that_may_cost_more_begins_nothing(server, tmp_path, capsys):
    command = ["rlaif", "labelers", recipe(tmp_path, server.url), "openai:judge", "--rows", "3"]
    assert main([*command, "--price", "5", "15", "--max-cost", "0.0001"]) == 2
    assert "--max-cost 0.0001: the labeler may cost up to" in capsys.readouterr().err
    assert server.requests == []
    assert main([*command[:3], "gpt-4"]) == 2
    assert main([*command[:4], "--rows", "0"]) == 2


def test_execution_is_held_against_references_and_others_against_it(tmp_path, capsys, process_sandbox):
    process_sandbox()  # skips where there is none
    assert main(["rlaif", "labelers", recipe(tmp_path), "static", "execution", "--rows", "2", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["table"]
    assert set(table["static"]) == {"references", "execution"}
    assert set(table["execution"]) == {"references"}
    assert set(table["static"]["execution"]) == {"imports", "parses", "bugs", "api"}
    assert table["execution"]["references"]["parses"]["auc"]["value"] == 1


def test_answers_of_a_policy_are_held_against_the_reference_of_their_question(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = '\n[feedback]\nsamples = 2\nmax_new_tokens = 60\ndevice = "cpu"\n'
    path = recipe(tmp_path)
    (tmp_path / "rlaif.toml").write_text((tmp_path / "rlaif.toml").read_text() + text, encoding="utf-8")
    command = ["rlaif", "labelers", path, "static", "--policy", "hf:apigauge-mini", "--rows", "3", "--json"]
    assert main(command) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["answers"] == {"kind": "hf:apigauge-mini", "count": 6, "rows": 3}
    assert set(content["table"]["static"]["references"]) == {"asked"}
