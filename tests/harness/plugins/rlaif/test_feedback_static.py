"""The labeler ``static``, compared with programs that were judged by hand."""

import dataclasses
from collections import Counter

import pytest
from feedback_programs import ANSWERS, RIGHT, sections

from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler, scores
from apigauge.harness.plugins.rlaif.labelers.relevance import Relevance
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.questions import QUESTIONS


@pytest.fixture(scope="module")
def static(mini):
    return open_labeler("static", mini)


@pytest.fixture(scope="module")
def items(mini):
    return {item.id: item for item in mini.train}


def labels(labeler, item, text, finish_reason="stop"):
    ((_, result),) = labeler.label([Answer(item, 0, text, finish_reason)])
    return result


@pytest.mark.parametrize("judged", ANSWERS, ids=lambda judged: judged.name)
def test_a_program_is_judged_as_by_hand(static, items, judged):
    result = labels(static, items[judged.item], judged.text, judged.finish_reason)
    assert "".join("ny"[yes] for yes in result.answers.values()) == judged.expected
    assert list(result.answers) == list(QUESTIONS)
    assert result.score == judged.expected.count("y")
    assert {name for name, reason in result.verbatim.items() if reason[0]} == {
        name for name, yes in result.answers.items() if not yes
    }


def test_the_table_has_every_question_answered_both_ways():
    assert len({judged.text for judged in ANSWERS if judged.finish_reason == "stop"}) >= 40
    for place in range(8):
        assert Counter(judged.expected[place] for judged in ANSWERS).keys() == {"y", "n"}


def test_the_reference_is_not_used(static, items):
    item = items["mini-161"]
    other = dataclasses.replace(items["mini-251"], id=item.id, instruction=item.instruction)
    assert labels(static, item, sections(RIGHT)) == labels(static, other, sections(RIGHT))


def test_only_the_references_of_other_requests_are_used(mini, items):
    """The references of requests in other words count for what is relevant, and the request's own does not."""
    item = items["mini-161"]
    other = next(one for one in mini.train if one.api != item.api)

    def relevant(benchmark):
        judge = Relevance(benchmark, Catalogue(benchmark))
        return [judge.is_relevant(row, item.instruction) for row in range(len(mini.catalogue))]

    def with_reference(reference, asks):
        rows = [dataclasses.replace(one, reference_call=reference) if asks(one) else one for one in mini.train]
        return dataclasses.replace(mini, train=tuple(rows))

    assert relevant(with_reference(other.reference_call, lambda one: one.id == item.id)) == relevant(mini)
    assert relevant(with_reference(other.reference_call, lambda one: one.id != item.id)) != relevant(mini)


@pytest.mark.parametrize("program", ["x = " + "+".join("1" * 20_000), "x = " + "-" * 3_000 + "1", "(" * 3_000])
def test_a_program_nested_too_deeply_scores_low_and_does_not_crash(static, items, program):
    """The fault: Python's own recursion ends in an exception, in the parser or in pyflakes."""
    result = labels(static, items["mini-161"], sections(program))
    assert result.score <= 3
    assert not result.answers["logic"]
    assert not result.answers["bugs"]


def test_references_of_mini_are_good_answers(static, mini):
    answers = [
        Answer(item, 0, f"<<<api_call>>>: {item.reference_call}\n<<<code>>>: {item.reference_program}")
        for item in mini.train
    ]
    scores = Counter(result.score for _, result in static.label(answers))
    assert scores[8] / len(answers) >= 0.8
    assert (scores[7] + scores[8]) / len(answers) >= 0.99


def test_most_references_of_mini_fit_the_request_and_most_other_calls_do_not(static, mini):
    calls = [api.call for api in mini.catalogue]
    verdicts = {True: [], False: []}
    for number, item in enumerate(mini.train):
        others = [call for call in calls if call != item.reference_call]
        for call in (item.reference_call, others[number % len(others)]):
            result = labels(static, item, f"<<<api_call>>>: {call}")
            verdicts[call == item.reference_call].append(result.answers["asked"])
    assert sum(verdicts[True]) / len(verdicts[True]) >= 0.8
    assert sum(verdicts[False]) / len(verdicts[False]) <= 0.15


@pytest.mark.apibench
def test_an_argument_that_chooses_another_model_is_another_api(data_dir):
    from apigauge.benchmarks import load_benchmark

    torchhub = load_benchmark("apibench-torchhub", data_dir)
    labeler = open_labeler("static", torchhub)
    item = next(item for item in torchhub.items if "sports activities" in item.instruction)
    program = "import torch\nmodel = torch.hub.load('facebookresearch/pytorchvideo', '{}', pretrained=True)"
    right, wrong = (labels(labeler, item, program.format(name)) for name in ("slow_r50", "slow_r51"))
    assert right.score == 8
    assert [name for name, yes in wrong.answers.items() if not yes] == ["api", "asked"]


def test_scores_count_the_yes_replies_in_the_order_of_the_answers(static, mini):
    items = list(mini.train)
    at = next(number for number, item in enumerate(items) if item.id == "mini-161")
    assert scores(static, items, [(at, ""), (at, sections(RIGHT)), (at, "x = 1\nprint(x)"), (0, "")]) == [0, 8, 4, 0]
