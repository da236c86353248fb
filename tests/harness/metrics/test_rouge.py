import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from released_answers import released_files
from rouge_score.rouge_scorer import RougeScorer

from apigauge import extract, load_benchmark
from apigauge.harness.metrics import rouge

PACKAGE = RougeScorer(["rouge1", "rouge2", "rougeL"])
WORDS = st.lists(st.sampled_from(["load", "model", "Torch", "a_b", "x1", "(", "'é'", "1.5", "\n"]), max_size=30).map(
    " ".join
)


@settings(max_examples=300, deadline=None)
@given(WORDS, WORDS)
def test_equals_the_package_to_the_last_digit(reference, candidate):
    theirs = PACKAGE.score(reference, candidate)
    ours = rouge.rouge(rouge.count_words(reference), rouge.count_words(candidate))
    assert ours == {
        "rouge.1": theirs["rouge1"].fmeasure,
        "rouge.2": theirs["rouge2"].fmeasure,
        "rouge.L": theirs["rougeL"].fmeasure,
    }


@pytest.mark.parametrize(
    ("left", "right", "length"),
    [("", "abc", 0), ("abc", "", 0), ("abcbdab", "bdcaba", 4), ("aaaa", "aa", 2), ("abc", "abc", 3), ("abc", "cba", 1)],
)
def test_longest_common_subsequence(left, right, length):
    assert rouge.lcs_length(tuple(left), tuple(right)) == length


@pytest.mark.apibench
@pytest.mark.parametrize("name", released_files())
def test_equals_the_package_for_every_released_answer(name, data_dir):
    benchmark = load_benchmark(f"apibench-{name.split('_')[1]}", data_dir)
    metric, items = rouge.make(benchmark), {item.id: item for item in benchmark.items}
    for line in (data_dir / "responses" / name).read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        item, extraction = items[str(row["question_id"])], extract(row["text"])
        theirs = PACKAGE.score(item.reference_program or item.reference_call, extraction.program or "")
        assert metric(item, extraction).metrics == {
            "rouge.1": theirs["rouge1"].fmeasure,
            "rouge.2": theirs["rouge2"].fmeasure,
            "rouge.L": theirs["rougeL"].fmeasure,
        }


@pytest.mark.parametrize("text", ["\u0130stanbul", "\u212a = 1", "a_b", "ÄÖ x1", "", "--", "日本 3"])
def test_letters_that_lower_case_makes_are_read_as_the_package_reads_them(text):
    from rouge_score.tokenize import tokenize

    assert list(rouge.count_words(text).sequence) == tokenize(text, None)
