"""Labelers: models, and the one that runs programs."""

import json
import re
import threading

import pytest
from feedback_programs import RIGHT, sections
from openai_server import OpenAIServer, good, send

from apigauge.errors import ModelError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation import hf, openai
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler, scores
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.sandboxes.verdict import Verdict


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def ask(server, mini):
    def make(folder=None):
        options = LabelerOptions(base_url=server.url, concurrency=4)
        return open_labeler("openai:gpt-3.5-turbo", mini, folder=folder, options=options)

    return make


def reply(yes):
    return json.dumps({"answer": "yes" if yes else "no"})


def question(prompt):
    """The name of the question that a prompt asks, and the program it shows."""
    (name,) = (name for name, text in QUESTIONS.items() if f"Question: {text}\n" in prompt)
    return name, re.search(r"Program:\n=+\n(.*?)\n=+\n\nQuestion", prompt, re.DOTALL)[1]


def answers(mini, *texts):
    return [Answer(mini.train[number], 0, text) for number, text in enumerate(texts)]


def test_each_question_is_a_separate_request_and_its_reply_is_the_label(server, ask, mini, tmp_path):
    rule = {"imports": True, "parses": True, "complete": False, "names": True, "bugs": False, "logic": False}
    server.react = lambda got: good(reply(rule.get(question(got.prompt)[0], True)))
    ((_, result),) = ask(tmp_path).label(answers(mini, sections(RIGHT)))
    assert result.answers == {name: rule.get(name, True) for name in QUESTIONS}
    assert result.score == 5
    assert (result.unparsable, result.retried) == (0, 0)
    assert result.verbatim["bugs"] == ['{"answer": "no"}']
    assert sorted(question(prompt) for prompt in server.prompts()) == sorted((name, RIGHT) for name in QUESTIONS)
    assert {received.body["temperature"] for received in server.requests} == {0}


def test_a_reply_that_cannot_be_parsed_is_drawn_again_and_finally_gives_no_label(server, ask, mini, tmp_path):
    """`bugs` is garbage once, `logic` twice, `api` always: nothing is guessed from the text, which says yes."""
    seen = dict.fromkeys(QUESTIONS, 0)
    bad = {"bugs": 1, "logic": 2, "api": 99}

    def react(got):
        name, _ = question(got.prompt)
        seen[name] += 1
        return good(f"I say yes, try {seen[name]}" if seen[name] <= bad.get(name, 0) else reply(name != "logic"))

    server.react = react
    ((_, result),) = ask(tmp_path).label(answers(mini, sections(RIGHT)))
    assert result.answers == dict.fromkeys(QUESTIONS, True) | {"logic": False, "api": None}
    assert result.score is None
    assert result.verbatim["logic"] == ["I say yes, try 1", "I say yes, try 2", '{"answer": "no"}']
    assert result.verbatim["api"] == [f"I say yes, try {attempt}" for attempt in (1, 2, 3)]
    assert (result.unparsable, result.retried) == (1 + 2 + 3, 3)
    drawn = [received.body for received in server.requests if question(received.prompt)[0] == "api"]
    assert [body["temperature"] for body in drawn] == [0, 0.7, 0.7]
    assert len({body.get("seed") for body in drawn}) == 3


def test_stored_replies_are_reused(server, ask, mini, tmp_path):
    server.react = lambda got: good("garbage" if question(got.prompt)[0] == "api" else reply(yes=True))
    judged = answers(mini, sections(RIGHT), sections("import"))
    first = list(ask(tmp_path / "labels").label(judged))
    count = len(server.requests)
    assert count == 2 * (8 + 2)
    assert not (tmp_path / "cache").exists()  # a server's answers are in the folder of labels alone
    assert list(ask(tmp_path / "labels").label(judged)) == first
    assert len(server.requests) == count
    rows = [
        run_directory.read_rows(tmp_path / "labels" / f"asked-{number}" / run_directory.GENERATIONS)
        for number in range(3)
    ]
    assert [len(round_) for round_ in rows] == [16, 2, 2]


def test_an_answer_whose_requests_failed_is_left_out_and_labelled_the_next_time(server, ask, mini, tmp_path):
    server.react = lambda got: send("{}", 400) if "second" in got.prompt else good(reply(yes=True))
    judged = answers(mini, sections("first = 1"), sections("second = 2"))
    assert [answer.text for answer, _ in ask(tmp_path).label(judged)] == [judged[0].text]
    server.react = lambda _: good(reply(yes=True))
    assert [result.score for _, result in ask(tmp_path).label(judged)] == [8, 8]
    assert [answer.text for answer, _ in ask(tmp_path).label(judged, {(judged[0].item.id, 0)})] == [judged[1].text]


def test_a_model_scores_answers_during_training(server, ask, mini):
    server.react = lambda got: good(reply("good" in question(got.prompt)[1]))
    completions = [(0, sections("good = 1")), (1, sections("bad = 1")), (0, sections("good = 2"))]
    assert scores(ask(), mini.train, completions) == [8, 0, 8]
    server.react = lambda _: good("no idea")
    assert scores(ask(), mini.train, [(2, sections("other = 1"))]) == [None]
    server.react = lambda _: send('{"error": {"message": "overloaded"}}', 400)
    with pytest.raises(ModelError, match=r"labeler failed for 1 of 1 answers .*overloaded.*resumes"):
        scores(ask(), mini.train, [(2, sections("other = 1"))])


def test_several_questions_are_open_at_a_time(server, ask, mini, tmp_path):
    """Four requests meet at a barrier that lets none through before all are there."""
    barrier = threading.Barrier(4, timeout=20)

    def react(_):
        barrier.wait()
        return good(reply(yes=True))

    server.react = react
    ((_, result),) = ask(tmp_path).label(answers(mini, sections(RIGHT)))
    assert result.score == 8
    assert server.peak == 4


def test_a_request_that_failed_is_asked_by_the_next_call_alone_and_in_the_same_form(server, ask, mini, tmp_path):
    """The fault: asked again in a round of retries, by chance instead of greedily, the label depends on the outage."""
    server.react = lambda got: send("{}", 400) if question(got.prompt)[0] == "bugs" else good(reply(yes=True))
    labeler = ask(tmp_path)
    assert list(labeler.label(answers(mini, sections(RIGHT)))) == []
    assert "mini" in labeler.problems[-1]
    assert {got.body["temperature"] for got in server.requests} == {0}
    server.requests.clear()
    server.react = lambda _: good(reply(yes=False))
    ((_, result),) = ask(tmp_path).label(answers(mini, sections(RIGHT)))
    assert result.answers == dict.fromkeys(QUESTIONS, True) | {"bugs": False}
    assert [question(got.prompt)[0] for got in server.requests] == ["bugs"]


def test_a_checkpoint_that_writes_no_json_gives_no_labels(mini, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = LabelerOptions(device="cpu")
    labeler = open_labeler("hf:apigauge-mini", mini, folder=tmp_path / "labels", options=options)
    ((_, result),) = labeler.label(answers(mini, "x = 1"))
    assert result.answers == dict.fromkeys(QUESTIONS)
    assert result.score is None
    assert (result.unparsable, result.retried) == (24, 8)
    assert labeler.describe()["model"]["revision"].startswith("sha256:")


def test_a_checkpoint_is_loaded_once_for_all_rounds(mini, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    loaded, load = [], hf.load_weights
    monkeypatch.setattr(hf, "load_weights", lambda *given, **named: loaded.append(given) or load(*given, **named))
    labeler = open_labeler("hf:apigauge-mini", mini, options=LabelerOptions(device="cpu", max_new_tokens=24))
    ((_, result),) = labeler.label(answers(mini, "x = 1"))
    assert result.unparsable == 24
    assert len(loaded) == 1
    assert len({text for texts in result.verbatim.values() for text in texts}) > 1, "later rounds are drawn by chance"


@pytest.fixture(scope="module")
def sandbox(process_sandbox):
    return process_sandbox()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (RIGHT, {"imports": True, "parses": True, "bugs": True, "api": True}),
        (f"{RIGHT}\nprint(x)", {"imports": True, "parses": True, "bugs": False, "api": True}),
        ("import statistics\nprint(x)", {"imports": True, "parses": True, "bugs": False, "api": False}),
        ("import quantile_tools", {"imports": False, "parses": True, "bugs": False, "api": False}),
        ("import (", {"imports": False, "parses": False, "bugs": False, "api": False}),
    ],
)
def test_a_verdict_answers_one_question_a_rung(mini, sandbox, program, expected):
    labeler = open_labeler("execution", mini, sandbox=sandbox)
    ((_, result),) = labeler.label(answers(mini, sections(program)))
    assert result.answers == expected
    assert result.score == sum(expected.values())


def test_labelled_answers_are_not_run_again(mini, sandbox):
    labeler = open_labeler("execution", mini, sandbox=sandbox)
    judged = answers(mini, sections(RIGHT), "no program here")
    assert [result.score for _, result in labeler.label(judged)] == [4, 0]
    assert [answer for answer, _ in labeler.label(judged, {(judged[0].item.id, 0)})] == judged[1:]


def test_a_sandbox_failure_is_no_label(mini, sandbox):
    class Broken:
        concurrency = 1
        describe, close = sandbox.describe, sandbox.close

        def run(self, program, limits=None):
            return Verdict("infra", 0, reason="the engine went away")

    ((_, result),) = open_labeler("execution", mini, sandbox=Broken()).label(answers(mini, sections(RIGHT)))
    assert result.answers == dict.fromkeys(("imports", "parses", "bugs", "api"))
    assert result.score is None


@pytest.mark.parametrize("spec", ["", "gpt-4", "openai:", "replay:file", "constant:yes", "execution"])
def test_an_unknown_labeler_is_refused(mini, spec):
    with pytest.raises(UsageError, match="labeler"):
        open_labeler(spec, mini)
