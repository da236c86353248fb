"""What the harness adds to the engines it drives, and what it wins: ratios of one run on one machine.

Run by ``make bench``. A GPT-2 of 10 million random weights answers questions of APIBench's Hugging Face hub with their
documents, so that prompts differ in length as they do in use. The part on vLLM needs its environment (`make vllm`).
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from openai_server import OpenAIServer, good
from tiny_checkpoints import save_gpt2

from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.evaluation.rescore import score_run
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request
from apigauge.sandboxes.factory import open_sandbox

TOKENS, BATCH, ROUNDS = 32, 16, 2
QUESTIONS, CONTEXT, ANSWER_SECONDS = 48, 3072, 0.02
VLLM = os.environ.get("APIGAUGE_VLLM_PYTHON", ".venv-vllm/bin/python")


def timed(function):
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def best(*functions):
    """The shortest of some rounds of each, taken in turn, so that the machine's moods fall on all of them."""
    rounds = [[timed(function) for function in functions] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def transformers(folder, benchmark):
    """Questions from all over the data, in its order."""
    items = benchmark.items[:: len(benchmark.items) // QUESTIONS][:QUESTIONS]
    options = ModelOptions(
        Sampling(TOKENS), Prompting("instruction", "oracle"), cached=False, batch_size=BATCH, device="cpu"
    )
    generator = open_generator(f"hf:{folder}", options)
    engine, prompts = generator._engine, generator.prompts(benchmark, items)
    requests = [Request(item.id, 0, prompt, 0) for item, prompt in zip(items, prompts, strict=True)]
    work = engine._tokens.encode(requests, "instruction", CONTEXT, TOKENS)

    def plainly(order):
        import torch

        for at in range(0, len(order), BATCH):
            ids, mask = engine._padded(order[at : at + BATCH])
            with torch.inference_mode():
                out = engine._model.generate(ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False)
            engine._tokens.tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)

    ordered = sorted(work, key=lambda one: -len(one.ids))
    ours, same, naive = best(
        lambda: list(engine.answer(requests, "instruction")), lambda: plainly(ordered), lambda: plainly(work)
    )
    print(f"hf: over model.generate at equal batches: {ours / same:.3f} (at most 1.03)")
    print(f"hf: batches by length over the order of the questions: {naive / ours:.2f} times as fast (at least 1.3)")


def overlap(benchmark):
    """Wall time of a run against that of answering alone and of scoring and running alone.

    A server on the loopback gives each question's reference after a while that makes both sides about as long.
    """
    answers = {
        benchmark.prompt(item): f"<<<api_call>>>: {item.reference_call}\n<<<code>>>: {item.reference_program}"
        for item in benchmark.items
    }
    server = OpenAIServer()
    server.react = lambda received: (time.sleep(ANSWER_SECONDS), good(answers[received.prompt]))[1]
    options = ModelOptions(
        Sampling(), Prompting("instruction"), cached=False, base_url=server.url, concurrency=1, timeout=60.0
    )
    metrics = ["ast_match", "rouge"]
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stderr(io.StringIO()):
        generator = open_generator("openai:references", options)
        apart, together = Path(scratch, "apart"), Path(scratch, "together")
        sandbox = open_sandbox(
            "process", benchmark.environment, concurrency=1, accepts_no_isolation=True, say=lambda _: None
        )
        answering = timed(lambda: generate(benchmark, generator, apart))
        scoring = timed(lambda: score_run(benchmark, apart, metrics, 1, sandbox=sandbox))
        whole = timed(lambda: evaluate(benchmark, generator, together, metrics, None, 1, sandbox=sandbox))
        sandbox.close()
    server.close()
    print(
        f"overlap: {whole / max(answering, scoring):.2f} of the slower of answering ({answering:.1f} s) and scoring "
        f"and running ({scoring:.1f} s) (at most 1.1)"
    )


def vllm(folder):
    if not Path(VLLM).is_file():
        print("vllm: no environment (`make vllm`)")
        return
    script = Path(__file__).with_name("bench_vllm.py")
    done = subprocess.run([VLLM, script, folder], capture_output=True, text=True, check=True)
    rates = json.loads(done.stdout.splitlines()[-1])
    print(f"vllm: over LLM.generate on the same prompts: {rates['ours'] / rates['plain']:.3f} (at most 1.03)")


def main():
    benchmark = load_benchmark("mini")
    with tempfile.TemporaryDirectory() as scratch:
        texts = [item.document for item in benchmark.train]
        save_gpt2(scratch, texts, context=CONTEXT, n_embd=320, n_layer=8, n_head=10)
        transformers(scratch, load_benchmark("apibench-huggingface"))
        overlap(benchmark)
        vllm(scratch)


if __name__ == "__main__":
    main()
