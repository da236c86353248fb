"""Runs in vLLM's environment: opens the engine once and prints what it answers to several ways of asking, as JSON."""

import json
import sys

from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request


def main():
    folder, adapter = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    benchmark = load_benchmark("mini")
    drawn = Sampling(max_new_tokens=24, temperature=1.3, top_p=0.95, samples=2)
    options = ModelOptions(drawn, cached=False, dtype="float32", adapter=adapter)
    opened = open_generator(f"vllm:{folder}", options)
    engine = opened._engine

    def ask(items, sampling, prompting=None):
        engine._options = ModelOptions(sampling)
        generator = ModelGenerator(engine, sampling, prompting or Prompting(), "again", cached=False)
        return [
            [one.item, one.sample, one.text, one.finish_reason, one.prompt_tokens, one.completion_tokens]
            for one in generator.generate(benchmark, items)
        ]

    def firsts(items):
        engine._options = ModelOptions(Sampling(max_new_tokens=1), first_tokens=5)
        requests = [Request(item.id, 0, benchmark.prompt(item), 0) for item in items]
        return {request.item: answer.first_tokens for request, answer in engine.answer(requests, "plain")}

    results = {
        "about": opened.describe(),
        "greedy": ask(benchmark.items, Sampling(max_new_tokens=24)),
        "drawn": ask(benchmark.items, drawn),
        "drawn again": ask(benchmark.items[::-1][:20], drawn),
        "stopped": ask(benchmark.items, Sampling(max_new_tokens=24, stop=("a", "e"))),
        # Parts of the prompt's end, a special token, half a character, and a text longer than any answer.
        "odd stops": ask(
            benchmark.items[:20],
            Sampling(max_new_tokens=24, stop=("Output:", ":", "<|user|>\n", "\ufffd", "\U0001f600", "x" * 5000)),
        ),
        "first tokens": firsts(benchmark.items[:10]),
        "prompts": opened.prompts(benchmark, benchmark.items[:1]),
    }
    try:
        ask(benchmark.items, Sampling(max_new_tokens=24), Prompting(retriever="oracle"))
    except UsageError as error:
        results["too long"] = str(error)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
