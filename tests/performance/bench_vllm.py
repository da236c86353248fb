"""Runs in vLLM's environment: seconds for the same prompts by ``LLM.generate`` and by our engine, as JSON."""

import json
import os
import sys
import time

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")

from apigauge.benchmarks import load_benchmark
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request

TOKENS, ROUNDS = 32, 3


def main():
    from vllm import SamplingParams

    benchmark = load_benchmark("mini")
    options = ModelOptions(Sampling(TOKENS), Prompting("instruction", "oracle"), cached=False, dtype="float32")
    generator = open_generator(f"vllm:{sys.argv[1]}", options)
    engine, prompts = generator._engine, generator.prompts(benchmark, benchmark.items)
    requests = [Request(item.id, 0, prompt, 0) for item, prompt in zip(benchmark.items, prompts, strict=True)]
    parameters = SamplingParams(max_tokens=TOKENS, temperature=0)
    times = {"ours": [], "plain": []}
    for _ in range(ROUNDS + 1):  # the first warms up
        for name, run in (
            ("plain", lambda: engine._llm.generate(prompts, parameters, use_tqdm=False)),
            ("ours", lambda: list(engine.answer(requests, "instruction"))),
        ):
            engine._llm.reset_prefix_cache()
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    print(json.dumps({name: min(seconds[1:]) for name, seconds in times.items()}))


if __name__ == "__main__":
    main()
