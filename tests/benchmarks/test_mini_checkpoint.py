"""The checkpoint that comes with apigauge: what it reaches, and how it is made."""

import hashlib
import json
import random
import re

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.mini import ANSWERS, CHECKPOINT, train, vectors

TEXTS = [
    "The cat sleeps on the warm mat all day",
    "The dog sleeps on the warm mat all day",
    "A stone is hard and grey and cold",
    "A rock is hard and grey and cold",
] * 20


@pytest.fixture(scope="module")
def mini():
    return load_benchmark("mini")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The runs of the checkpoint and of the retriever it has to beat, by the command line."""

    def score(model, folder):
        out = tmp_path_factory.mktemp("runs") / folder
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(out), "--sandbox", "process"]
        command.append("--accept-no-isolation")
        assert main([*command, *(["--no-cache"] if model.startswith("hf:") else [])]) == 0
        return out

    return {model: score(model, str(place)) for place, model in enumerate(("hf:apigauge-mini", "retrieval:bm25"))}


@pytest.fixture(scope="module")
def scores(folders):
    """Their metric values."""
    return {model: {name: one["value"] for name, one in read(folder).items()} for model, folder in folders.items()}


def read(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))["metrics"]


@pytest.mark.slow
def test_the_stored_answers_are_those_of_the_checkpoint(folders, mini):
    def answers(file):
        return {row["item"]: row["text"] for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())}

    stored = answers(ANSWERS)
    assert answers(folders["hf:apigauge-mini"] / "generations.jsonl") == stored
    assert stored.keys() == {item.id for item in mini.items}


@pytest.mark.slow
def test_it_beats_retrieval_and_its_programs_run(scores):
    checkpoint, retrieval = scores["hf:apigauge-mini"], scores["retrieval:bm25"]
    assert retrieval["ast.exact"] == pytest.approx(20 / 56)
    assert checkpoint["ast.exact"] > retrieval["ast.exact"]
    assert checkpoint["exec.rate"] >= 0.8


@pytest.mark.slow
def test_its_card_says_what_it_reaches_and_which_weights_do(scores):
    card = (CHECKPOINT / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `([a-z.]+)` \| ([0-9.]+) \|", card, re.MULTILINE))
    assert {name: float(value) for name, value in stated.items()} == {
        name: round(scores["hf:apigauge-mini"][name], 4)
        for name in ("ast.exact", "ast.domain", "exec.rate", "exec.call")
    }
    assert hashlib.sha256((CHECKPOINT / "model.safetensors").read_bytes()).hexdigest() in card


def test_it_is_small_enough_to_come_with_the_package():
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) <= 12_000_000


def test_the_same_seed_makes_the_same_weights_and_another_seed_others(mini, tmp_path):
    def digest(seed):
        small = {"vocabulary": 400, "word_width": 32, "context": 256, "heads": 2, "call_steps": 2, "program_steps": 2}
        tokenizer, model = train.train(train.Recipe(**small, batch=4, seed=seed), mini.train, TEXTS)
        folder = tmp_path / str(seed)
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
        return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()

    first = digest(0)
    assert digest(0) == first
    assert digest(1) != first


def test_what_was_trained_is_a_checkpoint_that_the_harness_reads(mini, tmp_path):
    small = {"vocabulary": 400, "word_width": 32, "context": 256, "heads": 2, "call_steps": 1, "program_steps": 1}
    tokenizer, model = train.train(train.Recipe(**small, batch=2), mini.train, TEXTS)
    tokenizer.save_pretrained(tmp_path / "made")
    model.save_pretrained(tmp_path / "made")
    command = ["run", "--benchmark", "mini", "--limit", "2", "--max-new-tokens", "4", "--sandbox", "none", "--no-cache"]
    assert main([*command, "--model", f"hf:{tmp_path / 'made'}", "--out", str(tmp_path / "run")]) == 0


def test_no_question_of_the_test_part_is_learnt_from(mini):
    words = {word for item in mini.train for word in item.instruction.split()}
    words |= {word for api in mini.catalogue for word in api.description.split()}
    vocabulary = words | {word.lower() for word in words}
    questions = train.questions(mini.train, mini.catalogue, random.Random(0))
    drawn = [next(questions) for _ in range(3000)]
    assert {word for _, question in drawn for word in question.split()} <= vocabulary
    assert {api.call for api, _ in drawn} == {api.call for api in mini.catalogue}


def test_a_learnt_answer_is_the_catalogue_s_own(mini):
    """Its call is extracted as the reference, and its program is the catalogue's."""
    from apigauge.harness.extraction.extract import extract

    for api in mini.catalogue:
        extraction = extract("".join(train.answers(api)).removesuffix(vectors.END))
        assert extraction.call == api.call
        assert extraction.program.strip() == api.example.strip()


def test_the_rate_rises_stays_and_falls():
    recipe = train.Recipe(call_steps=400, program_steps=600)
    assert [recipe.rate_at(step) for step in (0, 24, 49, 300, 600)] == [0.02, 0.5, 1.0, 1.0, 1.0]
    assert [recipe.rate_at(step) for step in (800, 1000)] == pytest.approx([0.5, 0.0])


def test_words_in_the_same_company_get_vectors_alike():
    tokenizer = vectors.learn_tokenizer(TEXTS, [], 400)
    size = tokenizer.get_vocab_size()
    learnt = vectors.learn_vectors([one.ids for one in tokenizer.encode_batch(TEXTS)], size, 8)
    assert learnt.shape == (size, 8)

    def vector(word):
        (token,) = tokenizer.encode(word).ids
        return learnt[token]

    for one, alike, other in ((" cat", " dog", " stone"), (" rock", " stone", " dog")):
        assert vector(one) @ vector(alike) > 0.9
        assert vector(one) @ vector(alike) > vector(one) @ vector(other) + 0.5


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_docstrings_are_those_of_the_libraries(monkeypatch):
    monkeypatch.setattr(vectors, "LIBRARIES", ("rouge_score",))
    texts = vectors.docstrings()
    assert len(texts) == len(set(texts)) > 2000
    assert any("Compute a hash" in text or "interactive" in text for text in texts)
    assert any("ROUGE" in text.upper() for text in texts)
    assert all(len(text) >= 40 for text in texts)
