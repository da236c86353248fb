"""Tiny checkpoints, made once a session; a cache of completions and a server for each test alone."""

import pytest
from openai_server import OpenAIServer
from tiny_checkpoints import CHAT, save_gpt2, save_tokenizer

from apigauge.harness.generation import openai


@pytest.fixture(scope="session")
def texts(mini):
    return [item.instruction for item in mini.train]


@pytest.fixture(scope="session")
def gpt2(tiny_gpt2):
    return tiny_gpt2


@pytest.fixture(scope="session")
def chatty(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("tiny-chat")
    save_gpt2(folder, texts, chat=CHAT)
    return folder


@pytest.fixture(scope="session")
def t5(tmp_path_factory, texts):
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    folder = tmp_path_factory.mktemp("tiny-t5")
    tokenizer = save_tokenizer(folder, texts)
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    tokens = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 0}
    T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **sizes, **tokens)).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("apigauge.harness.generation.cache.folder", lambda: tmp_path / "completions")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", *(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(openai, "BACK_OFF", 0.001)


@pytest.fixture
def server():
    running = OpenAIServer()
    yield running
    running.close()
