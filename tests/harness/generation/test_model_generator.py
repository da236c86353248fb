"""What all engines share: the cache, resuming, the report of missing answers."""

import json
import multiprocessing

import pytest

from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.cache import Cache
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling, cut, seed_of
from apigauge.harness.generation.types import Answer

ANSWER = Answer("text", "stop", 3, 2)


class Counting:
    """An engine that answers each prompt with its length, and counts."""

    has_chat = False
    is_identified = True

    def __init__(self, identity="one", silent=()):
        self.problems, self.requested, self._identity, self._silent = [], [], identity, silent

    def describe(self):
        return {"kind": "counting", "identity": self._identity}

    def chat(self, message):
        return message

    def stop(self, *, at_once):
        pass

    def answer(self, requests, style):
        for request in requests:
            self.requested.append((request.item, request.sample))
            if request.item not in self._silent:
                yield request, Answer(f"{len(request.prompt)} {request.seed}", "stop", None, None)


def generator(engine, sampling=None, prompting=None, **options):
    return ModelGenerator(engine, sampling or Sampling(), prompting or Prompting(), "counting", **options)


def texts(made, mini, items=None, done=()):
    return {(one.item, one.sample): one.text for one in made.generate(mini, items or mini.items, done)}


def test_what_was_answered_before_is_not_asked_again(mini):
    first = generator(Counting())
    answers = texts(first, mini)
    second = generator(Counting())
    assert texts(second, mini) == answers
    assert (first.hits, second.hits, second._engine.requested) == (0, 56, [])
    assert generator(Counting(), cached=False).hits == 0
    without = generator(Counting(), cached=False)
    texts(without, mini)
    assert len(without._engine.requested) == 56


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": Counting("another")},
        {"sampling": Sampling(max_new_tokens=7)},
        {"sampling": Sampling(stop=("x",))},
        {"sampling": Sampling(temperature=0.5)},
        {"prompting": Prompting(retriever="bm25")},
    ],
    ids=["weights", "length", "stop", "temperature", "prompt"],
)
def test_whatever_an_answer_depends_on_is_in_its_name(mini, changed):
    texts(generator(Counting()), mini)
    other = generator(changed.pop("engine", None) or Counting(), **changed)
    texts(other, mini)
    assert other.hits == 0


def test_the_document_that_a_retriever_added_is_kept_with_the_first_answer(mini):
    made = generator(Counting(), Sampling(temperature=1.0, samples=2), Prompting(retriever="bm25"))
    prompts = dict(zip((item.id for item in mini.items), made.prompts(mini, mini.items), strict=True))
    for _ in range(2):  # the second time from the cache
        answers = list(made.generate(mini, mini.items))
        assert len(answers) == 112
        assert all(answer.document in prompts[answer.item] for answer in answers)
        assert {(answer.sample, bool(answer.document)) for answer in answers} == {(0, True), (1, False)}
    assert not any(answer.document for answer in generator(Counting()).generate(mini, mini.items))


def test_a_draw_is_found_by_its_own_seed_and_the_likeliest_answer_by_none(mini):
    drawn = Sampling(temperature=1.0, samples=2)
    texts(generator(Counting(), drawn), mini)
    more = generator(Counting(), Sampling(temperature=1.0, samples=3))
    texts(more, mini)
    assert more.hits == 112
    other = generator(Counting(), Sampling(temperature=1.0, samples=2, seed=1))
    texts(other, mini)
    assert other.hits == 0
    texts(generator(Counting()), mini)
    greedy = generator(Counting(), Sampling(seed=5))
    texts(greedy, mini)
    assert greedy.hits == 56


def test_an_entry_that_cannot_be_read_counts_as_none(tmp_path):
    cache = Cache({"a": 1}, tmp_path)
    cache.put("prompt", 3, ANSWER)
    assert cache.get("prompt", 3) == ANSWER
    assert cache.get("prompt", 4) is cache.get("another", 3) is Cache({"a": 2}, tmp_path).get("prompt", 3) is None
    (entry,) = (path for path in tmp_path.rglob("*.json"))
    for torn in (b"", b"{", b"[]", b'{"text": "x"}'):
        entry.write_bytes(torn)
        assert cache.get("prompt", 3) is None


def _write(root, start):
    cache = Cache({}, root)
    start.wait()
    for number in range(200):
        cache.put(str(number % 20), None, Answer("x" * 5000, "stop", number % 20, None))


def test_two_runs_may_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=_write, args=(tmp_path, start)) for _ in range(2)]
    for writer in writers:
        writer.start()
    start.set()
    cache, seen = Cache({}, tmp_path), 0
    while any(writer.is_alive() for writer in writers):
        for number in range(20):
            kept = cache.get(str(number), None)
            assert kept is None or (kept.prompt_tokens, len(kept.text)) == (number, 5000)
            seen += kept is not None
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen
    assert len(list(tmp_path.rglob("*.json"))) == 20
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_only_what_is_missing_is_asked_and_what_cannot_be_had_is_counted(mini):
    lost = {mini.items[3].id, mini.items[9].id}
    made = generator(Counting(silent=lost))
    done = {(mini.items[0].id, 0)}
    answers = texts(made, mini, done=done)
    assert len(made._engine.requested) == 55
    assert len(answers) == 53
    assert made.unanswered == 2
    again = generator(Counting())
    assert texts(again, mini, done={*answers, *done}).keys() == {(item, 0) for item in lost}
    assert again.unanswered == 0


def test_half_a_character_at_the_end_of_a_cut_answer_is_left_out(mini):
    class Cut(Counting):
        def answer(self, requests, style):
            for request in requests:
                yield (
                    request,
                    Answer("a\ufffdb\ufffd\ufffd", "length" if request.item != mini.items[0].id else "stop", 1, 1),
                )

    answers = texts(generator(Cut(), cached=False), mini)
    assert answers[mini.items[0].id, 0] == "a\ufffdb\ufffd\ufffd"
    assert {answers[item.id, 0] for item in mini.items[1:]} == {"a\ufffdb"}


def test_seeds_follow_from_seed_item_and_sample_alone():
    seeds = {seed_of(seed, item, sample) for seed in range(3) for item in ("1", "2", "12") for sample in range(20)}
    assert len(seeds) == 180
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(0, "1", 23) != seed_of(0, "12", 3)
    assert seed_of(0, "mini-001", 0) == seed_of(0, "mini-001", 0) == 1629386417


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("one two three", (), ("one two three", False)),
        ("one two three", ("three", "two"), ("one ", True)),
        ("one two three", ("four",), ("one two three", False)),
        ("one", ("one",), ("", True)),
    ],
)
def test_a_text_is_cut_at_the_first_stop_text(text, stop, expected):
    assert cut(text, stop) == expected


def test_a_run_counts_its_hits_and_says_how_it_asked(gpt2, mini, tmp_path):
    from apigauge.harness.evaluation.evaluate import generate

    (tmp_path / "template").write_text("Q: {{ instruction }}")
    options = ModelOptions(Sampling(max_new_tokens=4), Prompting(str(tmp_path / "template")))
    for name in ("first", "second"):
        assert generate(mini, open_generator(f"hf:{gpt2}", options), tmp_path / name) == 56
    first, second = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("first", "second"))
    assert (first["cache"]["hits"], second["cache"]["hits"]) == (0, 56)
    assert {key: first["generator"][key] for key in ("prompt", "retriever")} == {
        "prompt": "template",
        "retriever": "none",
    }
    differing = {"cache": 0, "timings": 0, "created": 0}
    assert {**first, **differing} == {**second, **differing}
    plain = open_generator(f"hf:{gpt2}", ModelOptions(Sampling(max_new_tokens=4)))
    generate(mini, plain, tmp_path / "plain")
    assert json.loads((tmp_path / "plain" / "manifest.json").read_text())["prompt_sha256"] != first["prompt_sha256"]
