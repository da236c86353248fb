"""Labels by the probabilities of yes and no: which tokens count, how they are calibrated, and what cannot be read."""

import json
import math
import random
import zlib

import pytest
from feedback_programs import RIGHT, sections
from openai_server import OpenAIServer, good, likeliest

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ModelError
from apigauge.harness.generation import chat_completion
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.plugins.rlaif.labelers import first_word
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.questions import QUESTIONS

LOG = math.log


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def ask(server, mini):
    def make(folder=None, **options):
        options = LabelerOptions(base_url=server.url, replies="probability", **options)
        return open_labeler("openai:judge", mini, folder=folder, options=options)

    return make


def question(prompt):
    return next(name for name, text in QUESTIONS.items() if f"Question: {text}\n" in prompt)


def by_question(received):
    """P(yes) falls from question to question: 0.9 for the first, 0.2 for the last."""
    share = 0.9 - 0.1 * list(QUESTIONS).index(question(received.prompt))
    return likeliest({" Yes": LOG(share * 0.5), "yes": LOG(share * 0.5), "No": LOG(1 - share), "Maybe": -9.0})


def test_every_spelling_of_yes_and_no_counts_and_the_likelier_is_the_label(server, ask, mini, tmp_path):
    server.react = by_question
    ((_, result),) = ask(tmp_path).label([Answer(mini.train[0], 0, sections(RIGHT))])
    expected = {name: 0.9 - 0.1 * at for at, name in enumerate(QUESTIONS)}
    assert result.confidence == pytest.approx(expected)
    assert result.answers == {name: share >= 0.5 for name, share in expected.items()}
    assert json.loads(result.verbatim["imports"][0]) == pytest.approx({"yes": LOG(0.9), "no": LOG(0.1)})
    bodies = [received.body for received in server.requests]
    assert len(bodies) == 8
    assert {(body["logprobs"], body["top_logprobs"], body["max_tokens"]) for body in bodies} == {(True, 20, 1)}
    assert all(body["messages"][0]["content"].endswith("yes or no.\nAnswer:") for body in bodies)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"yes": -1.0, "no": -2.0}, {"yes": -1.0, "no": -2.0}),
        ({'"Yes': -1.0, "▁NO": -2.0, "Ġno": -3.0}, {"yes": -1.0, "no": LOG(math.exp(-2) + math.exp(-3))}),
        ({"yes": -1.0, "The": -4.0}, {"yes": -1.0, "no": -4.0}),
        ({"The": -1.0, "yesterday": -1.5, "nobody": -2.0, "not": -2.5}, {}),
    ],
)
def test_tokens_of_the_first_word(tokens, expected):
    assert first_word.of_words(list(tokens.items())) == pytest.approx(expected)


def test_a_reply_that_begins_with_neither_has_no_label(server, ask, mini, tmp_path):
    server.react = lambda got: likeliest({"The": -0.1}) if question(got.prompt) == "bugs" else by_question(got)
    ((_, result),) = ask(tmp_path).label([Answer(mini.train[0], 0, sections(RIGHT))])
    assert (result.answers["bugs"], result.score, result.unparsable) == (None, None, 1)
    assert len(server.requests) == 8, "another attempt would say the same"


def test_a_server_without_log_probabilities_is_refused_with_what_to_do(server, ask, mini, tmp_path):
    server.react = lambda _: good("yes")
    with pytest.raises(ModelError, match=r'no log probabilities: set replies = "text"'):
        list(ask(tmp_path).label([Answer(mini.train[0], 0, sections(RIGHT))]))


def test_stored_probabilities_are_not_asked_for_again(server, ask, mini, tmp_path):
    server.react = by_question
    judged = [Answer(mini.train[number], 0, sections(RIGHT)) for number in (0, 1)]
    first = list(ask(tmp_path, calibration=3).label(judged))
    count = len(server.requests)
    assert list(ask(tmp_path, calibration=3).label(judged)) == first
    assert len(server.requests) == count == 16 + sum(len(one.truth) for one in made_answers(mini.train[::74][:3]))


def test_the_order_in_which_replies_arrive_changes_nothing(server, ask, mini, tmp_path):
    """Each reply waits for a time that depends on its prompt and the run; at eight requests at once they overtake."""
    judged = [Answer(mini.train[number], 0, sections(RIGHT)) for number in range(4)]
    results, orders = [], []
    for run in range(2):
        arrivals = []

        def react(got, run=run, arrivals=arrivals):
            server.closing.wait(random.Random(f"{run} {got.prompt}").random() / 50)
            arrivals.append(got.prompt)
            share = 0.1 + zlib.crc32(got.prompt.encode()) % 80 / 100
            return likeliest({"yes": LOG(share), "no": LOG(1 - share)})

        server.react = react
        results.append(list(ask(tmp_path / str(run), concurrency=8).label(judged)))
        orders.append(arrivals)
    assert orders[0] != orders[1]
    assert results[0] == results[1]
    assert [answer for answer, _ in results[0]] == judged
    assert server.peak > 1


def test_calibration_moves_the_threshold_to_where_known_labels_part(server, ask, mini, tmp_path):
    """The model says yes to everything, but surer where it is right: uncalibrated, each label would be yes."""
    truths = {one.answer.text.removeprefix(" <<<code>>>: "): one.truth for one in made_answers(mini.train)}

    def react(got):
        name = question(got.prompt)
        program = got.prompt.split("Program:\n")[1].split("\n", 1)[1]
        right = next((truth.get(name) for text, truth in truths.items() if program.startswith(text.strip())), None)
        share = {True: 0.95, False: 0.7, None: 0.8}[right]
        share += 0.01 * (zlib.crc32(got.prompt.encode()) % 5 - 2)  # not all alike
        return likeliest({"yes": LOG(share), "no": LOG(1 - share)})

    server.react = react
    faulty = [one for one in made_answers(mini.train[5:8]) if one.kind == "bugs"]
    judged = [one.answer for one in faulty] + [
        one.answer for one in made_answers(mini.train[5:8]) if one.kind == "reference"
    ]
    plain = [labels.answers["bugs"] for _, labels in ask(tmp_path / "plain").label(judged)]
    calibrated = [labels.answers["bugs"] for _, labels in ask(tmp_path / "c", calibration=12).label(judged)]
    assert plain == [True] * len(judged)
    assert calibrated == [False] * len(faulty) + [True] * (len(judged) - len(faulty))


def test_platts_calibration_finds_the_weights_that_made_the_labels():
    draw = random.Random(0)
    odds = [draw.uniform(-6, 6) for _ in range(4000)]
    labels = [draw.random() < 1 / (1 + math.exp(-(0.8 * value - 1.5))) for value in odds]
    calibration = first_word.calibrate(odds, labels)
    # The two labels have equal weight, which moves the offset by the log of their ratio.
    ratio = LOG(sum(labels) / (len(labels) - sum(labels)))
    assert calibration.slope == pytest.approx(0.8, abs=0.06)
    assert calibration.offset == pytest.approx(-1.5 - ratio, abs=0.15)
    assert first_word.calibrate(odds, [True] * len(odds)) == first_word.Calibration()
    assert first_word.calibrate(odds, [not label for label in labels]).slope == 0


def test_a_checkpoints_probabilities_are_those_of_its_softmax(tiny_gpt2, tmp_path, monkeypatch):
    """Computed a second time from the model's logits, without the engine."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    prompts = ["Which is it?\nAnswer:", "Is this a longer question about a list of numbers?\nAnswer:"]
    items = tuple(Item(str(at), text, "", "", "", "") for at, text in enumerate(prompts))
    questions = Benchmark("q", items, (), "d", prompt=lambda item: item.instruction)
    options = ModelOptions(sampling=Sampling(max_new_tokens=1), device="cpu", first_tokens=2000)
    seen = {}

    class Watched(first_word.FirstWord):
        def answer(self, requests, style):
            for request, answer in self._engine.answer(requests, style):
                seen[request.item] = answer.first_tokens
                yield request, answer._replace(text="x", first_tokens=())

    list(open_generator(f"hf:{tiny_gpt2}", options).over(Watched).generate(questions, items))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny_gpt2), AutoTokenizer.from_pretrained(tiny_gpt2)
    for at, text in enumerate(prompts):
        with torch.no_grad():
            row = model(**tokenizer(text, return_tensors="pt")).logits[0, -1].log_softmax(0)
        token = int(row.argmax())
        assert sum(math.exp(value) for _, value in seen[str(at)]) == pytest.approx(1, abs=1e-4)
        assert seen[str(at)][0] == (tokenizer.decode([token]), pytest.approx(float(row[token]), abs=1e-4))


def test_a_checkpoint_judges_by_probability(mini, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = LabelerOptions(device="cpu", replies="probability")
    labeler = open_labeler("hf:apigauge-mini", mini, folder=tmp_path / "labels", options=options)
    ((_, result),) = labeler.label([Answer(mini.train[0], 0, sections(RIGHT))])
    assert set(result.answers) == set(QUESTIONS)
    assert all(0 < value < 1 for value in result.confidence.values())
    assert labeler.describe()["replies"] == "probability"


@pytest.mark.parametrize("logprobs", [None, {}, {"content": []}, {"top_logprobs": None}, []])
def test_a_choice_without_log_probabilities_has_no_first_tokens(logprobs):
    choice = {"message": {"content": "yes"}, "finish_reason": "stop", "logprobs": logprobs}
    assert chat_completion.read_choice(choice, None).first_tokens == ()


def test_a_completion_has_its_log_probabilities_too():
    choice = {"text": " yes", "finish_reason": "length", "logprobs": {"top_logprobs": [{" yes": -0.5, " no": -1.0}]}}
    assert chat_completion.read_choice(choice, None).first_tokens == ((" yes", -0.5), (" no", -1.0))
