import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from apigauge.harness.metrics import rouge

PACKAGE = RougeScorer(["rouge1", "rouge2", "rougeL"])
WORDS = st.lists(st.sampled_from(["load", "model", "Torch", "a_b", "x1", "(", "'é'", "1.5", "\n"]), max_size=30).map(
    " ".join
)


@settings(max_examples=300, deadline=None)
@given(WORDS, WORDS)
def test_equals_the_package_to_the_last_digit(reference, candidate):
    theirs = PACKAGE.score(reference, candidate)
    ours = rouge.rouge(rouge.tokens(reference), rouge.tokens(candidate))
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
