"""Labels are joined with their answers, and pairs follow the scores."""

import json

import pytest

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import RunError
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair, capped, paired, read, split

ITEMS = tuple(Item(str(number), f"do {number}", "", "", "", f"api{number}") for number in range(2))
BENCHMARK = Benchmark("toy", (), (), "", "torchhub", train=ITEMS)


def write(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def files(tmp_path):
    answers, labels, scored = tmp_path / "answers", tmp_path / "labels" / "labels.jsonl", tmp_path / "scored"
    texts = [("1", 0, "c"), ("0", 1, "b"), ("0", 0, "a")]
    write(answers / "generations.jsonl", *({"item": i, "sample": n, "text": text} for i, n, text in texts))
    write(labels, {"item": "0", "sample": 1, "score": 3}, {"item": "0", "sample": 0, "score": None})
    none = {"extraction": {}, "labels": {}}
    write(scored / "scores.jsonl", {"item": "1", "sample": 0, "metrics": {"exec.rate": 1.0}} | none)
    return answers, labels, scored


def test_answers_labels_and_metrics_are_joined_by_item_and_sample(tmp_path):
    assert read(BENCHMARK, *files(tmp_path)) == [
        Labelled("0", 0, "api0", "###Instruction: do 0\n###Output:", "a", None, {}),
        Labelled("0", 1, "api0", "###Instruction: do 0\n###Output:", "b", 3, {}),
        Labelled("1", 0, "api1", "###Instruction: do 1\n###Output:", "c", None, {"exec.rate": 1.0}),
    ]
    assert {len(one.metrics) for one in read(BENCHMARK, *files(tmp_path)[:2])} == {0}


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        ("labels/labels.jsonl", {"item": "0", "sample": 7, "score": 1}, "no answer 7 to item '0'"),
        (
            "scored/scores.jsonl",
            {"item": "1", "sample": 1, "extraction": {}, "metrics": {}, "labels": {}},
            "no answer 1",
        ),
        ("answers/generations.jsonl", {"item": "9", "sample": 0, "text": ""}, "'9' is no training item of toy"),
        ("labels/labels.jsonl", {"item": "1", "sample": 0, "score": "8"}, "score of answer 0 to item '1' is '8'"),
        ("labels/labels.jsonl", {"item": "1", "sample": 0, "score": True}, "is True"),
        ("labels/labels.jsonl", {"item": "1", "sample": 0}, "is 'missing'"),
    ],
)
def test_rows_of_unknown_answers_or_without_a_score_are_refused(tmp_path, file, row, message):
    given = files(tmp_path)
    with (tmp_path / file).open("a") as stream:
        stream.write(json.dumps(row) + "\n")
    with pytest.raises(RunError, match=message):
        read(BENCHMARK, *given)


def answer(item, sample, score, prompt=""):
    return Labelled(item, sample, "", prompt or item, f"{item}.{sample}", score, {})


def test_every_two_answers_to_one_prompt_are_a_pair_unless_they_tie():
    a, b, c, d = (answer("x", sample, score) for sample, score in enumerate([2, 7, 2, None]))
    e, f = answer("y", 0, 5), answer("y", 1, 4.5)
    expected = [Pair(b, a, 5), Pair(b, c, 5), Pair(e, f, 0.5)]
    for given in ([a, b, c, d, e, f], [f, e, d, c, b, a]):
        pairs, ties = paired(given)
        assert (pairs, ties) == (expected, 1)
    assert paired([a, e]) == ([], 0)


def many(apis):
    return [
        answer(f"{number:03}", sample, sample, f"api{number % apis}") for number in range(60) for sample in range(3)
    ]


def names(pairs):
    return [(pair.chosen.text, pair.rejected.text) for pair in pairs]


def test_no_prompt_is_both_learnt_and_held_out():
    pairs, _ = paired(many(20))
    learnt, held = split(pairs, 0.1, seed=1)
    learnt_prompts, held_prompts = ({one.prompt for pair in part for one in pair[:2]} for part in (learnt, held))
    assert not learnt_prompts & held_prompts
    assert len(held_prompts) == 2
    assert sorted(names(learnt + held)) == sorted(names(pairs))
    assert split(pairs, 0.1, seed=1) == (learnt, held)
    assert split(pairs, 0.1, seed=2) != (learnt, held)


def test_both_parts_always_have_a_prompt():
    for share in (0.01, 0.99):
        assert all(split(paired(many(2))[0], share, seed=0))


@pytest.mark.parametrize("answers", [[], many(1), [answer("x", 0, 1), answer("y", 1, 2)]])
def test_fewer_than_two_prompts_with_pairs_are_refused(answers):
    with pytest.raises(RunError, match="a reward model needs two"):
        split(paired(answers)[0], 0.1, seed=0)


def test_the_pairs_under_the_cap_are_drawn_independently_for_each_prompt():
    pairs, _ = paired(many(20))
    kept = capped(pairs, 2, seed=0)
    items = [pair.chosen.item for pair in kept]
    assert {items.count(item) for item in items} == {2}
    assert len(set(names(kept))) == len(kept) == 120
    assert set(names(kept)) <= set(names(pairs))
    # All three pairs of an item are drawn somewhere.
    assert {(pair.chosen.sample, pair.rejected.sample) for pair in kept} == {(1, 0), (2, 0), (2, 1)}
    assert capped(pairs[3:], 2, seed=0) == kept[2:]
    assert capped(pairs, 2, seed=1) != kept
    assert sorted(names(capped(pairs, 9, seed=0))) == sorted(names(pairs))
    assert capped(pairs, None, seed=0) == pairs
