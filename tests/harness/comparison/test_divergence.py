"""Where two texts diverge, by words, spaces and signs."""

import pytest

from apigauge.harness.comparison.divergence import Words, diverge


@pytest.mark.parametrize(
    ("a", "b", "position", "tokens", "before"),
    [
        ("torch.topk(x, k=3)", "torch.topk(x, k=5)", 9, ("3", "5"), "torch.topk(x, k="),
        ("torch.topk(x)", "torch.tops(x)", 2, ("topk", "tops"), "torch."),
        ("a b", "a  b", 1, (" ", "  "), "a"),
        ("a\n  b", "a\n    b", 1, ("\n  ", "\n    "), "a"),
        ("f(1)", "f(1) # one", 4, (None, " "), "f(1)"),
        ("f(1);", "f(1)", 4, (";", None), "f(1)"),
        ("", "x", 0, (None, "x"), ""),
        ("über_1", "über_2", 0, ("über_1", "über_2"), ""),
        (
            "one two three four five six seven eight",
            "one two three four five six seven ten",
            14,
            ("eight", "ten"),
            "two three four five six seven ",
        ),
    ],
)
def test_without_a_tokenizer_texts_diverge_at_a_word_a_space_or_a_sign(a, b, position, tokens, before):
    divergence = diverge(a, b, Words())
    assert (divergence.position, divergence.a, divergence.b, divergence.before) == (position, *tokens, before)


def test_the_text_shown_before_the_divergence_is_short():
    divergence = diverge("x" * 100_000 + " 1", "x" * 100_000 + " 2", Words())
    assert (divergence.a, divergence.b) == ("1", "2")
    assert set(divergence.before) == {"x", " "}
    assert len(divergence.before) <= 200
