"""Options of fine-tuning that save memory or time change nothing else; a killed fine-tuning ends with the same weights."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoints import save_words
from transformers import AutoModelForCausalLM, AutoTokenizer

from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif import sft, sft_progress
from apigauge.harness.plugins.rlaif.options import identity

WORDS = list("abcdefgh")
ROWS = [{"prompt": "a b c", "completion": " d e"}, {"prompt": "b", "completion": " d"}] * 3 + [
    {"prompt": "h", "completion": " a b c d e f g"},
    {"prompt": "c c", "completion": " e"},
]
OPTIONS = sft.SftOptions(epochs=3, batch=4, learning_rate=1e-2)
KILL = """
import os, signal, sys
from pathlib import Path
from test_sft_options import OPTIONS, ROWS
from dataclasses import replace
from apigauge.harness.plugins.rlaif import sft, sft_progress
def die(*given, **named):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "torn":
    import torch; torch.save = die
else:
    rename = Path.rename
    Path.rename = lambda path, to: die() if to.name == "step-000004" else rename(path, to)
sft.train(sys.argv[1], ROWS, Path(sys.argv[2]), replace(OPTIONS, save_every=2))
"""


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def base(request, tmp_path_factory):
    without = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0} if request.param == "gpt2" else {}
    return save_words(tmp_path_factory.mktemp("words") / "base", WORDS, kind=request.param, **without)


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def trained(base, out, rows=ROWS, **options):
    return weights(sft.train(str(base), rows, out, replace(OPTIONS, **options)))


def check_close(one, other, base):
    changed = 0.0
    for name, old in weights(base).items():
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=2e-3, msg=name)
        changed = max(changed, (one[name] - old).abs().max().item())
    assert changed > 0.02, "more was learnt than is left open"


def test_microbatches_and_recomputed_layers_learn_the_same(base, tmp_path):
    whole = trained(base, tmp_path / "whole", save_every=100)
    for name, options in {"parts": {"microbatch": 2}, "recomputed": {"gradient_checkpointing": True}}.items():
        check_close(whole, trained(base, tmp_path / name, save_every=100, **options), base)
    with pytest.raises(UsageError, match="microbatch is 3: must divide batch, which is 4"):
        replace(OPTIONS, microbatch=3)


def test_bfloat16_and_adapters_learn_the_answer(base, tmp_path):
    for name, options in {"bf16": {"bf16": True}, "lora": {"lora": 4, "learning_rate": 0.1}}.items():
        out = sft.train(str(base), ROWS, tmp_path / name, replace(OPTIONS, epochs=8, save_every=5, **options))
        ids = torch.tensor([AutoTokenizer.from_pretrained(out)("a b c d e")["input_ids"]])
        losses = []
        for folder in (base, out):
            with torch.no_grad():
                losses.append(AutoModelForCausalLM.from_pretrained(folder)(ids, labels=ids).loss.item())
        assert losses[1] < losses[0], name
        assert AutoModelForCausalLM.from_pretrained(out).dtype == torch.float32


@pytest.mark.parametrize("moment", ["torn", "moved"])
def test_killed_at_any_moment_it_ends_with_the_same_weights(base, tmp_path, moment):
    said = []
    whole = sft.train(str(base), ROWS, tmp_path / "whole", replace(OPTIONS, save_every=2), say=said.append)
    assert said[-1].startswith("sft: step 6 of 6, loss ")
    rows = [json.loads(line) for line in (whole / sft_progress.LOSSES).read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert rows[-1]["loss"] < rows[0]["loss"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    command = [sys.executable, "-c", KILL, str(base), str(tmp_path / "torn"), moment]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "torn/model.safetensors").exists()
    said.clear()
    torn = sft.train(str(base), ROWS, tmp_path / "torn", replace(OPTIONS, save_every=2), say=said.append)
    assert len(said) == (3 if moment == "torn" else 2), "what was learnt is not learnt again"
    files = [sorted(path.name for path in folder.iterdir()) for folder in (whole, torn)]
    assert files[0] == files[1]
    for name in ("model.safetensors", sft_progress.LOSSES):
        assert (whole / name).read_bytes() == (torn / name).read_bytes()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 3), st.integers(1, 8))
def test_each_epoch_has_each_example_once_but_for_less_than_a_batch(lengths, epochs, batch):
    order = sft_progress.ordered(lengths, epochs, batch, seed=1)
    each = len(order) // epochs
    assert len(order) == each * epochs
    assert max(1, len(lengths) - batch + 1) <= each <= len(lengths)
    assert each % min(batch, len(lengths)) == 0
    for at in range(epochs):
        assert max(Counter(order[at * each : (at + 1) * each]).values()) == 1


def test_too_long_examples_are_left_out_and_not_cut(base, tmp_path, caplog):
    short = [row for row in ROWS if row["prompt"] != "h"]
    kept = trained(base, tmp_path / "kept", max_length=7)
    assert "1 of 8 examples have more than 7 tokens: they are not learnt" in caplog.text
    alone = trained(base, tmp_path / "alone", short)
    assert all(torch.equal(kept[name], alone[name]) for name in alone)
    with pytest.raises(UsageError, match="each of the 8 examples has more than 1 tokens: raise max_length"):
        trained(base, tmp_path / "none", max_length=1)


def test_what_does_not_fit_the_models_context_is_left_out(base, tmp_path, caplog):
    rows = [*ROWS, {"prompt": "a " * 40, "completion": " b"}]
    trained(base, tmp_path / "out", rows)
    assert "1 of 9 examples have more than 32 tokens" in caplog.text


def test_a_chat_of_a_pretrained_kind_is_left_out_likewise(base, tmp_path, caplog):
    rows = [{"prompt": "<|end|> a", "completion": " b"}, {"prompt": "a " * 8, "completion": " b"}]
    sft.train(str(base), rows, tmp_path / "out", replace(OPTIONS, max_length=6), is_chat=True)
    assert "1 of 2 examples have more than 6 tokens" in caplog.text


def test_options_that_came_later_leave_the_identity_of_older_results_as_it_was():
    old = {"epochs", "batch", "learning_rate", "warmup", "weight_decay", "max_length", "lora", "bf16", "seed"}
    assert set(identity(sft.SftOptions())) == old
    assert identity(sft.SftOptions(microbatch=4))["microbatch"] == 4
