"""The run's lock outlasts a call that was interrupted, for as long as its thread still writes."""

import json
import threading

import pytest

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Answer, Completion, FixedAnswers, Stop


class Interrupted(Exception):  # noqa: N818 - not an error
    """As KeyboardInterrupt, which would end pytest."""


class Blocking(FixedAnswers):
    """Answers three questions, then waits to be let go, and answers the others."""

    def __init__(self):
        super().__init__()
        self.go, self.waits, self.ended = threading.Event(), threading.Event(), threading.Event()

    def describe(self):
        return {"spec": "blocking", "kind": "blocking"}

    def generate(self, benchmark, items, done=()):
        try:
            for number, item in enumerate(items):
                if (item.id, 0) in done:
                    continue
                if number == 3:
                    self.waits.set()
                    assert self.go.wait(30)
                yield Completion(item.id, 0, f"f({number})")
        finally:
            self.ended.set()


def interrupt():
    raise Interrupted


def rows(run):
    return [json.loads(line) for line in (run / "generations.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_whose_thread_still_answers_is_not_written_by_another_call(tmp_path, mini, monkeypatch):
    """Both would write from the place where the file ended when they opened it, over each other's lines."""
    monkeypatch.setattr("apigauge.harness.evaluation.evaluate._PATIENCE", 0.05)
    run, generator = tmp_path / "run", Blocking()

    def tick():
        assert generator.waits.wait(30)
        interrupt()

    with pytest.raises(Interrupted):
        evaluate(mini, generator, run, ["rouge"], limit=10, tick=tick, workers=1)
    again = Blocking()
    again.go.set()
    with pytest.raises(RunError, match="an earlier call of this one has not ended"):
        evaluate(mini, again, run, ["rouge"], limit=10, workers=1)
    generator.go.set()
    assert generator.ended.wait(30)
    while True:  # the thread closes its files after its generator
        try:
            evaluate(mini, again, run, ["rouge"], limit=10, workers=1)
            break
        except RunError:
            continue
    assert [row["item"] for row in rows(run)] == [item.id for item in mini.items[:10]]


class Endless:
    """An engine that answers only when it is stopped, and says how."""

    has_chat, is_identified = False, True

    def __init__(self):
        self.problems, self.stopped = [], []
        self.begun, self._stop = threading.Event(), Stop()

    def describe(self):
        return {"kind": "endless"}

    def chat(self, message):
        return message

    def stop(self, *, at_once):
        self.stopped.append(at_once)
        self._stop.set(at_once=at_once)

    def answer(self, requests, style):
        self._stop = stop = Stop()
        yield requests[0], Answer("f(1)", "stop", 1, 1)
        self.begun.set()
        while not stop.is_set:
            threading.Event().wait(0.005)


def test_an_interrupted_run_can_be_resumed_at_once(tmp_path, mini):
    """The engine is stopped, and the run given back when its thread has ended: before the error is raised."""
    engine = Endless()
    generator = ModelGenerator(engine, Sampling(), Prompting(), "endless", cached=False)

    def tick():
        assert engine.begun.wait(30)
        interrupt()

    with pytest.raises(Interrupted):
        evaluate(mini, generator, tmp_path, ["rouge"], limit=5, tick=tick, workers=1)
    assert set(engine.stopped) == {True}
    with run_directory.writing(tmp_path):
        assert len(rows(tmp_path)) == 1


def test_a_checkpoint_that_is_stopped_writes_no_half_answer(tmp_path, mini, tiny_gpt2):
    """A batch that ends at its next token has answers that look finished, and are not."""
    options = ModelOptions(Sampling(max_new_tokens=100), cached=False, batch_size=2)
    whole = {one.item: one.text for one in open_generator(f"hf:{tiny_gpt2}", options).generate(mini, mini.items[:8])}
    for _ in range(3):
        generator = open_generator(f"hf:{tiny_gpt2}", options)
        with pytest.raises(Interrupted):
            evaluate(mini, generator, tmp_path, ["rouge"], limit=8, tick=interrupt, workers=1)
    made = rows(tmp_path)
    assert {row["item"]: row["text"] for row in made}.items() <= whole.items()
    evaluate(mini, open_generator(f"hf:{tiny_gpt2}", options), tmp_path, ["rouge"], limit=8, workers=1)
    assert {row["item"]: row["text"] for row in rows(tmp_path)} == whole


def test_the_lock_is_given_back_by_its_last_holder_and_held_by_none_afterwards(tmp_path):
    with run_directory.writing(tmp_path) as lock:
        held = lock.held()
        held.__enter__()
    with pytest.raises(RunError, match="has not ended"), run_directory.writing(tmp_path):
        pass
    held.__exit__(None, None, None)
    with run_directory.writing(tmp_path):
        pass
    with pytest.raises(RunError, match="no longer"), lock.held():
        pass
