"""The stage ``feedback`` as a whole: its files, its summary, and kills."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zlib

import feedback_collecting
import pytest
from openai_server import OpenAIServer, good, send

from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation import openai
from apigauge.harness.plugins.rlaif import feedback
from apigauge.harness.plugins.rlaif.agreement import agreement, kappa
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler
from apigauge.harness.plugins.rlaif.labelers.types import Labels
from apigauge.harness.plugins.rlaif.questions import PROMPT, QUESTIONS

ANSWERS, SAMPLES = 10, 2


def by_chance(got):
    """Yes, no or nonsense, by the prompt and the temperature alone."""
    draw = zlib.crc32(f"{got.prompt}{got.body['temperature']}{got.body.get('seed')}".encode()) % 10
    return good("no idea" if draw < 4 else json.dumps({"answer": "yes" if draw < 8 else "no"}))


@pytest.fixture(scope="module")
def server():
    server = OpenAIServer()
    server.react = by_chance
    yield server
    server.close()


@pytest.fixture(scope="module")
def collected(server, tmp_path_factory):
    """A folder of feedback, and its summary."""
    folder = tmp_path_factory.mktemp("collected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return folder / "out", feedback_collecting.collect(folder / "out", server.url)


def files(out):
    """All rows and manifests, except times and places, and that an answer was cached when its row was not written yet."""
    answers = run_directory.read_rows(out / "answers" / "generations.jsonl")
    for row in answers:
        row.pop("cached", None)
    contents = {"answers": sorted(answers, key=lambda row: (row["item"], row["sample"]))}
    for name in ("static", "openai-judge"):
        folder = out / "labels" / name
        contents |= {
            f"{name}/rows": (folder / "labels.jsonl").read_bytes(),
            name: run_directory.read_json(folder / "manifest.json"),
        }
    return contents | {"agreement": (out / "agreement.json").read_bytes()}


def test_every_answer_has_a_row_of_each_labeler(collected, mini):
    out, collection = collected
    keys = [(item.id, sample) for item in mini.train[:5] for sample in range(SAMPLES)]
    answers = {
        (row["item"], row["sample"]): row["text"]
        for row in run_directory.read_rows(out / "answers" / "generations.jsonl")
    }
    assert sorted(answers) == sorted(keys)
    assert len(set(answers.values())) == ANSWERS
    assert collection["answers"] == ANSWERS
    for name in ("static", "openai-judge"):
        rows = run_directory.read_rows(out / "labels" / name / "labels.jsonl")
        assert [(row["item"], row["sample"]) for row in rows] == keys
        for row in rows:
            yes = list(row["answers"].values())
            assert row["answers"].keys() == QUESTIONS.keys()
            assert row["score"] == (None if None in yes else yes.count(True))


def test_the_manifest_has_labeler_questions_and_summary(collected):
    out, collection = collected
    manifest = run_directory.read_json(out / "labels" / "openai-judge" / "manifest.json")
    assert manifest["labeler"]["prompt"] == PROMPT
    assert manifest["labeler"]["questions"] == QUESTIONS
    assert manifest["labeler"]["model"]["model"] == "judge"
    rows = run_directory.read_rows(out / "labels" / "openai-judge" / "labels.jsonl")
    replies = [reply for row in rows for given in row["verbatim"].values() for reply in given]
    asked_again = [given for row in rows for given in row["verbatim"].values() if len(given) > 1]
    summary = manifest["summary"]
    assert summary == collection["labelers"]["openai:judge"]
    assert summary["unparsable"] == replies.count("no idea") > 0
    assert summary["retried"] == len(asked_again) > 0
    assert summary["unlabelled"] == 0
    scores = [row["score"] for row in rows if row["score"] is not None]
    assert summary["score"] == pytest.approx(sum(scores) / len(scores))
    assert summary["without_score"] == len(rows) - len(scores) > 0
    assert summary["unparsable"] > summary["retried"]
    for name in QUESTIONS:
        read = [row["answers"][name] for row in rows if row["answers"][name] is not None]
        assert summary["yes"][name] == pytest.approx(read.count(True) / len(read))


def test_labelers_are_compared_on_the_same_answers(collected):
    out, collection = collected
    (pair,) = collection["agreement"]
    assert run_directory.read_json(out / "agreement.json") == {"pairs": [pair]}
    assert pair["labelers"] == ["openai:judge", "static"]
    one, other = (
        run_directory.read_rows(out / "labels" / name / "labels.jsonl") for name in ("openai-judge", "static")
    )
    both = [(a["answers"]["bugs"], b["answers"]["bugs"]) for a, b in zip(one, other, strict=True)]
    both = [pair for pair in both if None not in pair]
    assert pair["questions"]["bugs"]["n"] == len(both)
    assert pair["questions"]["bugs"]["agree"] == pytest.approx(sum(a == b for a, b in both) / len(both))


def test_called_again_it_asks_no_model(collected, server):
    out, collection = collected
    before, requests = files(out), len(server.requests)
    assert feedback_collecting.collect(out, server.url) == collection
    assert len(server.requests) == requests
    assert files(out) == before


def launch(folder, server):
    command = [sys.executable, feedback_collecting.__file__, str(folder / "out"), server.url]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_at_any_moment_and_called_again_it_writes_the_same_files(collected, server, tmp_path):
    """The fault: SIGKILL while answers are drawn, while a model is asked, and while it is asked again.

    A fix could be wrong by asking for retries before all first replies are there, or by labelling other answers.
    """
    out, began = tmp_path / "out", len(server.requests)
    process = launch(tmp_path, server)
    generations = out / "answers" / "generations.jsonl"
    while not (generations.exists() and generations.read_bytes().count(b"\n")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.kill()
    process.communicate()
    running = []

    def react(got):
        if len(server.requests) - began in (30, 85):
            running[-1].kill()
        return by_chance(got)

    server.react = react
    for _ in range(2):
        running.append(launch(tmp_path, server))
        running[-1].communicate()
        assert running[-1].returncode == -signal.SIGKILL
    server.react = by_chance
    last = launch(tmp_path, server)
    _, errors = last.communicate()
    assert last.returncode == 0, errors
    assert files(out) == files(collected[0])


def test_labels_of_other_answers_are_not_mixed(collected, mini, tmp_path):
    out, _ = collected
    static = open_labeler("static", mini)
    answers = feedback.draw("hf:apigauge-mini", mini, out / "answers", feedback_collecting.OPTIONS)
    feedback.label(static, mini, answers, tmp_path)
    other = [dataclasses.replace(answers[0], text="other"), *answers[1:]]
    with pytest.raises(RunError, match=r"holds other labels.*answers\.sha256"):
        feedback.label(static, mini, other, tmp_path)
    with pytest.raises(RunError, match="holds another run"):
        feedback.draw(
            "hf:apigauge-mini", mini, out / "answers", dataclasses.replace(feedback_collecting.OPTIONS, seed=1)
        )


def test_an_interrupted_labeler_resumes_after_its_last_row(collected, mini, tmp_path):
    out, _ = collected
    answers = feedback.draw("hf:apigauge-mini", mini, out / "answers", feedback_collecting.OPTIONS)
    seen = []

    class Interrupted:
        def __init__(self, left):
            self.left = left

        def describe(self):
            return {"kind": "interrupted", "questions": ("bugs",)}

        def label(self, answers, done=()):
            for answer in answers:
                if (answer.item.id, answer.sample) not in done:
                    if not self.left:
                        raise KeyboardInterrupt
                    self.left -= 1
                    seen.append((answer.item.id, answer.sample))
                    yield answer, Labels({"bugs": True})

    with pytest.raises(KeyboardInterrupt):
        feedback.label(Interrupted(3), mini, answers, tmp_path)
    assert feedback.label(Interrupted(99), mini, answers, tmp_path)["answers"] == ANSWERS
    assert seen == [(answer.item.id, answer.sample) for answer in answers]


@pytest.fixture
def drawn(collected, mini):
    return feedback.draw("hf:apigauge-mini", mini, collected[0] / "answers", feedback_collecting.OPTIONS)


@pytest.fixture
def judge(server, mini, monkeypatch):
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)
    options = LabelerOptions(base_url=server.url, concurrency=2)
    yield lambda folder: open_labeler("openai:judge", mini, folder=folder, options=options)
    server.react = by_chance


def test_an_outage_ends_the_stage_and_the_next_call_asks_only_what_is_missing(server, judge, drawn, mini, tmp_path):
    """The fault: a server that fails after 20 calls; the stage counted as finished with 2 of 10 answers labelled."""
    left, began, yes = iter(range(20)), len(server.requests), good('{"answer": "yes"}')
    server.react = lambda _: yes if next(left, None) is not None else send("{}", 500)
    with pytest.raises(
        RunError, match=r"failed for 8 of 10 answers, last: .*HTTP 500.* asks only for the missing ones"
    ):
        feedback.label(judge(tmp_path), mini, drawn, tmp_path)
    assert len(run_directory.read_rows(tmp_path / "labels.jsonl")) == 2
    began, server.react = len(server.requests), lambda _: yes
    assert feedback.label(judge(tmp_path), mini, drawn, tmp_path)["answers"] == ANSWERS
    assert len(server.requests) - began == 8 * ANSWERS - 20


def test_replies_that_are_mostly_unreadable_end_the_stage_and_are_asked_for_again(server, judge, drawn, mini, tmp_path):
    server.react = lambda _: good("As a language model")
    with pytest.raises(RunError, match=r"10 of 10 answers have no score.*such as 'As a language model'"):
        feedback.label(judge(tmp_path), mini, drawn, tmp_path)
    began, server.react = len(server.requests), lambda _: good("Yes.")
    summary = feedback.label(judge(tmp_path), mini, drawn, tmp_path)
    assert (summary["score"], summary["unparsable"], summary["without_score"]) == (8, 0, 0)
    assert len(server.requests) - began == 8 * ANSWERS


def test_an_answer_about_which_a_labeler_says_nothing_at_all_is_not_labelled(drawn, mini, tmp_path):
    """As ``execution`` does while its sandbox has no engine."""

    class Away:
        def __init__(self, reply):
            self.reply = reply

        def describe(self):
            return {"kind": "away", "questions": ("bugs",)}

        def label(self, answers, done=()):
            return ((one, Labels({"bugs": self.reply})) for one in answers if (one.item.id, one.sample) not in done)

    with pytest.raises(RunError, match="failed for 10 of 10 answers"):
        feedback.label(Away(None), mini, drawn, tmp_path)
    assert feedback.label(Away(True), mini, drawn, tmp_path)["score"] == 1


def test_a_benchmark_without_training_items_is_refused(mini, tmp_path):
    nothing = dataclasses.replace(mini, train=())
    with pytest.raises(UsageError, match="no training items"):
        feedback.collect("hf:apigauge-mini", nothing, {}, tmp_path, feedback.FeedbackOptions())


def test_kappa_of_a_table_worked_out_by_hand():
    """20 and 15 of 50 agree: p_o = 0.7; yes 25 and 30 times: p_e = (25 * 30 + 25 * 20) / 2500 = 0.5; 0.2 / 0.5."""
    assert kappa([[20, 5], [10, 15]]) == pytest.approx(0.4)
    assert kappa([[5, 0], [0, 5]]) == 1
    assert kappa([[0, 5], [5, 0]]) == -1
    assert kappa([[10, 10], [0, 0]]) == 0
    assert kappa([[10, 0], [0, 0]]) is None
    assert kappa([[0, 0], [0, 0]]) is None


def test_agreement_takes_the_questions_and_answers_that_both_have():
    def rows(*replies):
        return [{"item": str(at), "sample": 0, "answers": answers} for at, answers in enumerate(replies)]

    labels = {
        "b": rows({"bugs": True}, {"bugs": True}, {"bugs": False}, {"bugs": None}, {"bugs": True}),
        "a": rows({"bugs": True, "logic": True}, {"bugs": False}, {"bugs": False}, {"bugs": True}),
        "c": rows({"api": True}, {"api": True}),
        "d": rows({"api": True}, {"api": True}),
    }
    agreements = {tuple(pair["labelers"]): pair["questions"] for pair in agreement(labels)}
    assert len(agreements) == 6
    # yes/yes, no/yes, no/no: p_o = 2/3, p_e = (1 * 2 + 2 * 1) / 9 = 4/9; (2/9) / (5/9).
    assert agreements["a", "b"] == {"bugs": {"n": 3, "agree": pytest.approx(2 / 3), "kappa": pytest.approx(0.4)}}
    assert agreements["a", "c"] == {}
    assert agreements["c", "d"] == {"api": {"n": 2, "agree": 1, "kappa": None}}
