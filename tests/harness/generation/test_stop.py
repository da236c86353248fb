"""``--stop``: looked for in the answer alone, cut off the same way everywhere, and never a traceback."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apigauge.errors import UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.hf import StopTexts
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling, cut
from apigauge.harness.generation.tokens import CheckpointTokenizer, Tokenized
from apigauge.harness.generation.types import Request


def answers(folder, benchmark, items, *stop, **options):
    opened = open_generator(f"hf:{folder}", ModelOptions(Sampling(24, stop=stop), cached=False, **options))
    return {one.item: one for one in opened.generate(benchmark, items)}


@pytest.fixture(scope="module")
def plain(gpt2, mini):
    return answers(gpt2, mini, mini.items)


@pytest.fixture(scope="module")
def tokens(gpt2):
    from apigauge.harness.generation.checkpoint import find

    return CheckpointTokenizer(find(str(gpt2)))


def test_a_stop_text_that_begins_in_the_prompt_stops_nothing(gpt2, mini, plain):
    """Every prompt ends with ``:``; the answer's first character behind it is a stop text for no answer."""
    items = [item for item in mini.items if plain[item.id].text[:1].strip()][:6]
    stops = tuple(dict.fromkeys(f"Output:{plain[item.id].text[:1]}" for item in items))
    stopped = answers(gpt2, mini, items, *stops)
    assert len(items) == 6
    assert stopped == {item.id: plain[item.id] for item in items}


@pytest.mark.parametrize("pad", ["<|end|>", "<|model|>"], ids=["padded with an end", "padded with another token"])
def test_batch_and_single_rows_are_cut_and_counted_alike(gpt2, mini, plain, tmp_path, pad):
    """In a batch, rows that ended are padded; padding is neither text nor counted."""
    folder = tmp_path / "model"
    shutil.copytree(gpt2, folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"pad_token": pad}))
    stops = tuple({one.text[8:10] for one in list(plain.values())[:5] if len(one.text) > 10})
    items = mini.items[:12]
    together, alone = (answers(folder, mini, items, *stops, batch_size=size) for size in (12, 1))
    assert together == alone
    assert any(one.finish_reason == "stop" for one in alone.values())
    for key, one in alone.items():
        text, is_cut = cut(plain[key].text, stops)
        assert one.text == text
        assert is_cut == (one.text != plain[key].text)
        assert one.completion_tokens <= plain[key].completion_tokens


@pytest.mark.parametrize(
    "stop",
    [
        ("x" * 5000,),
        ("\n", "\n\n", "\n\n\n"),
        ("<|user|>",),
        ("<|end|>", "<|model|>\n"),
        ("\ufffd",),
        ("é", "\U0001f600", "\u200d", "e\u0301"),
        ("\x00",),
        (" ",),
        tuple(f"stop {number}" for number in range(200)),
    ],
    ids=[
        "longer than any answer",
        "prefixes",
        "special",
        "special and blank",
        "U+FFFD",
        "unicode",
        "NUL",
        "blank",
        "200",
    ],
)
def test_no_stop_text_is_an_error(gpt2, mini, plain, stop):
    for key, one in answers(gpt2, mini, mini.items[:4], *stop).items():
        whole = plain[key].text
        expected = cut(whole, stop)[0]
        # A special token ends an answer and is in no text.
        assert one.text == expected or (stop[0].startswith("<|") and whole.startswith(one.text))


def test_a_decoder_behind_an_encoder_is_stopped_too(t5, mini):
    items = mini.items[:6]
    whole = answers(t5, mini, items)
    stop = next(word for one in whole.values() for word in one.text.split() if "\ufffd" not in word)
    stopped = answers(t5, mini, items, stop)
    assert {key: one.text for key, one in stopped.items()} == {
        key: cut(one.text, (stop,))[0] for key, one in whole.items()
    }
    assert any(one.completion_tokens < whole[key].completion_tokens for key, one in stopped.items())


def test_a_special_token_ends_the_answer_as_a_stop_text_does(tokens):
    request = Tokenized(Request("i", 0, "p", 0), [5], 24)
    user, a, b = (tokens.tokenizer.convert_tokens_to_ids(token) for token in ("<|user|>", "a", "b"))
    generated = [a, b, user, a]
    one = tokens.answer(request, generated, {0}, ("<|user|>",))
    assert (one.text, one.finish_reason, one.completion_tokens) == ("ab", "stop", 2)
    plain = tokens.answer(request, generated, {0}, ())
    assert (plain.text, plain.finish_reason, plain.completion_tokens) == ("aba", "length", 4)
    blank = tokens.answer(request, generated, {0}, ("<|user|>\n",))
    assert (blank.text, blank.finish_reason) == ("ab", "stop")


def test_half_a_character_at_the_limit_is_no_stop_text(tokens):
    request = Tokenized(Request("i", 0, "p", 0), [5], 24)
    generated = tokens.tokenizer("ab€", add_special_tokens=False)["input_ids"][:-1]
    assert tokens.decode(generated).endswith("\ufffd")
    one = tokens.answer(request, generated, {0}, ("\ufffd",))
    assert (one.text, one.finish_reason) == ("ab", "length")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_generation_ends_at_the_first_token_with_which_the_answer_has_a_stop_text(tokens, text, stops):
    """Token by token, next to another row that never stops and behind a prompt that has all the stop texts."""
    import torch

    # U+FFFD stands for half a character here.
    text, stops = (value.encode("utf-8", "ignore").decode().replace("\ufffd", "") for value in (text, "\0".join(stops)))
    stop = tuple(filter(None, stops.split("\0"))) or ("x",)
    ids = tokens.tokenizer(text, add_special_tokens=False)["input_ids"]
    prompt = tokens.tokenizer("".join(stop), add_special_tokens=False)["input_ids"]
    criterion = StopTexts(tokens, stop, len(prompt), 2)
    for end in range(1, len(ids) + 1):
        rows = torch.tensor([prompt + ids[:end], prompt + [ids[0]] * end])
        criterion(rows, None)
        so_far = tokens.decode(ids[:end]).rstrip("\ufffd")
        assert (criterion.lengths[0] is not None) == any(one in so_far for one in stop)


def test_the_work_for_a_token_does_not_grow_with_the_answer(tokens):
    """Only a window of the last tokens is decoded."""
    import torch

    decoded = []

    class Counting:
        stop_ids = staticmethod(lambda _: frozenset())

        @staticmethod
        def decode(ids):
            decoded.append(len(ids))
            return ""

    criterion = StopTexts(Counting, ("stop",), 10, 1)
    for length in (11, 100, 10_000):
        criterion(torch.zeros((1, length), dtype=torch.long), None)
    assert decoded == [1, 12, 12]


@pytest.mark.parametrize("stop", [("",), ("a", ""), ("\ud83d",), "abc"])
def test_a_stop_text_that_cannot_be_meant_is_refused(stop):
    with pytest.raises(UsageError, match="stop"):
        Sampling(stop=stop)
