"""vLLM for real, on the CPU: the offline engine, and its server behind ``openai:``."""

import contextlib
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tiny_checkpoints import CHAT, save_llama, save_tokenizer

from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.xdist_group("vllm")]
SCRIPT = Path(__file__).parents[2] / "vllm_answers.py"
SETTINGS = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}


def by_key(rows):
    return {(item, sample): text for item, sample, text, *_ in rows}


def share(ours, others):
    assert ours.keys() == others.keys()
    return sum(ours[key] == others[key] for key in ours) / len(ours)


def facts(one):
    return one.finish_reason, one.prompt_tokens, one.completion_tokens


def run(python, *arguments):
    done = subprocess.run(
        [python, SCRIPT, *map(str, arguments)],
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def answers(folder, benchmark, **options):
    opened = open_generator(f"hf:{folder}", ModelOptions(Sampling(24), cached=False, dtype="float32", **options))
    return {(one.item, 0): one for one in opened.generate(benchmark, benchmark.items)}


@pytest.fixture(scope="module")
def results(vllm_python, gpt2):
    return run(vllm_python, gpt2)


def test_the_engine_answers_as_transformers_does(results, gpt2, mini):
    ours = answers(gpt2, mini)
    theirs = by_key(results["greedy"])
    assert share({key: one.text for key, one in ours.items()}, theirs) >= 0.99
    same = {(item, sample): tuple(rest) for item, sample, _, *rest in results["greedy"]}
    equal = [key for key in ours if ours[key].text == theirs[key]]
    assert [same[key] for key in equal] == [facts(ours[key]) for key in equal]
    assert len(set(theirs.values())) > 30


def test_the_first_tokens_have_transformers_log_probabilities(results, gpt2, mini):
    engine = open_generator(f"hf:{gpt2}", ModelOptions(Sampling(1), dtype="float32", first_tokens=5))._engine
    requests = [Request(item.id, 0, mini.prompt(item), 0) for item in mini.items[:10]]
    for request, answer in engine.answer(requests, "plain"):
        theirs = results["first tokens"][request.item]
        for token, logarithm in answer.first_tokens[:2]:
            # Several tokens may have one text: a byte that is no character by itself is shown as the same sign.
            same = [other for text, other in theirs if text == token]
            assert any(other == pytest.approx(logarithm, abs=0.01) for other in same), (token, logarithm, theirs)


def test_draws_follow_from_the_seed_of_item_and_sample_not_from_order(results):
    drawn, again = by_key(results["drawn"]), by_key(results["drawn again"])
    assert len(drawn) == 112
    assert len(again) == 40
    assert sum(drawn[key] == again[key] for key in again) >= 39
    assert sum(drawn[item, 0] != drawn[item, 1] for item, _ in again) >= 19


def test_answers_end_before_a_stop_text(results):
    whole = by_key(results["greedy"])
    for key, text in by_key(results["stopped"]).items():
        assert "a" not in text
        assert "e" not in text
        assert whole[key].startswith(text)


@pytest.mark.parametrize(
    ("name", "stop"),
    [("stopped", ("a", "e")), ("odd stops", ("Output:", ":", "<|user|>\n", "\ufffd", "\U0001f600", "x" * 5000))],
)
def test_answers_are_cut_at_stop_texts_as_transformers_answers_are(results, gpt2, mini, name, stop):
    options = ModelOptions(Sampling(24, stop=stop), cached=False, dtype="float32")
    opened = open_generator(f"hf:{gpt2}", options)
    theirs = {(item, sample): (text, reason) for item, sample, text, reason, *_ in results[name]}
    items = [item for item in mini.items if (item.id, 0) in theirs]
    ours = {(one.item, one.sample): (one.text, one.finish_reason) for one in opened.generate(mini, items)}
    assert share(ours, theirs) >= 0.95
    assert any(reason == "stop" for _, reason in ours.values())


def test_a_prompt_without_room_is_reported_before_anything_is_answered(results):
    assert "56 items leave no room" in results["too long"]


def test_the_manifest_names_engine_weights_and_context(results, gpt2):
    about = results["about"]
    assert about["kind"] == "vllm"
    assert about["engine"].startswith("vllm 0.")
    assert (about["dtype"], about["device"], about["max_model_len"]) == ("float32", "cpu", 256)
    assert str(gpt2.parent) not in json.dumps(about)


@pytest.mark.exhaustive
def test_an_adapter_is_the_same_in_both_engines(vllm_python, tmp_path, texts, mini):
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    save_llama(model, texts, adapter)
    theirs = by_key(run(vllm_python, model, adapter)["greedy"])
    ours = {key: one.text for key, one in answers(model, mini, adapter=str(adapter), merge=False).items()}
    plain = {key: one.text for key, one in answers(model, mini).items()}
    assert share(ours, theirs) >= 0.95
    assert share(plain, theirs) < 0.5


def test_an_adapter_s_own_tokenizer_and_template_are_used(vllm_python, tmp_path, texts, mini):
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    save_llama(model, texts, adapter)
    save_tokenizer(adapter, texts, CHAT)
    theirs = run(vllm_python, model, adapter)
    generator = open_generator(f"hf:{model}", ModelOptions(Sampling(24), adapter=str(adapter), merge=False))
    assert theirs["prompts"] == generator.prompts(mini, mini.items[:1])
    assert theirs["prompts"][0].startswith("<|user|>")
    assert theirs["about"]["adapter"]["tokenizer"] == "adapter"
    ours = {key: one.text for key, one in answers(model, mini, adapter=str(adapter), merge=False).items()}
    assert share(ours, by_key(theirs["greedy"])) >= 0.95


@pytest.fixture(scope="module")
def server(vllm_python, gpt2, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", gpt2, "--served-model-name", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager"]
    with log.open("w") as out:
        running = subprocess.Popen(command, env=os.environ | SETTINGS, stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(300):
                assert running.poll() is None, log.read_text()[-3000:]
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                        break
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            running.terminate()
            running.wait(30)


def test_a_server_answers_as_transformers_does(server, gpt2, mini):
    options = ModelOptions(Sampling(24), Prompting("instruction"), cached=False, base_url=server, concurrency=16)
    opened = open_generator("openai:tiny", options)
    theirs = {(one.item, one.sample): one for one in opened.generate(mini, mini.items)}
    assert opened.problems == []
    ours = answers(gpt2, mini)
    assert share({key: one.text for key, one in ours.items()}, {key: one.text for key, one in theirs.items()}) >= 0.99
    assert all(one.prompt_tokens == ours[key].prompt_tokens for key, one in theirs.items())
