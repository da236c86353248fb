"""Scoring all released answers: the harness on all cores against a plain loop over the packages, in one run.

Both extract with the harness's extraction, so that both score the same programs, and the `codebleu` package is given
our trees; the harness computes two metrics more
(ast.exact and codebleu.corrected, which no package has). Prints the ratio and fails if a value differs by more than 1e-12.
"""

import logging
import os
import sys
import time
from pathlib import Path

from codebleu_package import replacements
from plain import PlainGorilla

from apigauge import extract, load_benchmark
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.executors.local import ordered
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.generation.replay import Replay
from apigauge.harness.metrics.table import MODULES

HUBS = ("huggingface", "tensorflowhub", "torchhub")
SHARED = ("ast.gorilla", "hallucination.gorilla", "rouge.1", "rouge.2", "rouge.L", "codebleu")


def main(every: int = 1) -> int:
    data = Path(os.environ.get("APIGAUGE_DATA") or Path(__file__).parents[3] / "shared" / "gorilla")
    logging.disable(logging.WARNING)
    answers = {}
    for hub in HUBS:
        benchmark = load_benchmark(f"apibench-{hub}", data)
        files = sorted((data / "responses").glob(f"response_{hub}_*.jsonl"))
        answers[hub] = (
            benchmark,
            [a for file in files for a in list(Replay(str(file)).generate(benchmark, benchmark.items))[::every]],
        )
    total = sum(len(completions) for _, completions in answers.values())
    ours, our_seconds = timed(harness, answers)
    theirs, their_seconds = timed(plain_loop, answers)
    worst = max(abs(a[name] - b[name]) for a, b in zip(ours, theirs, strict=True) for name in SHARED)
    print(f"{total} answers, {os.cpu_count()} cores")
    print(f"harness, {len(ours[0])} metrics     {our_seconds:8.2f} s  {total / our_seconds:8.0f} answers/s")
    print(f"plain loop, {len(theirs[0])} metrics  {their_seconds:8.2f} s  {total / their_seconds:8.0f} answers/s")
    print(f"ratio {their_seconds / our_seconds:.2f}, largest difference {worst:.1e}")
    return int(worst > 1e-12)


def timed(function, answers):
    start = time.perf_counter()
    return function(answers), time.perf_counter() - start


def harness(answers):
    return [
        row["metrics"]
        for benchmark, completions in answers.values()
        for row in ordered(ScorerFactory(benchmark, tuple(MODULES)), completions, len(completions))
    ]


def plain_loop(answers):
    from codebleu import calc_codebleu
    from rouge_score.rouge_scorer import RougeScorer

    for module, name, value in replacements():
        setattr(module, name, value)
    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"])
    rows = []
    for hub, (benchmark, completions) in answers.items():
        gorilla = PlainGorilla(hub, benchmark.catalogue)
        items = {item.id: item for item in benchmark.items}
        functions = functions_of(api.call for api in benchmark.catalogue)
        for answer in completions:
            item = items[answer.item]
            reference, program = (
                item.reference_program or item.reference_call,
                extract(answer.text, functions).program or "",
            )
            verdict, _ = gorilla.judge(answer.text, item.domain)
            scores = rouge.score(reference, program)
            rows.append(
                {
                    "ast.gorilla": float(verdict == "correct"),
                    "hallucination.gorilla": float(verdict == "hallucination"),
                    "rouge.1": scores["rouge1"].fmeasure,
                    "rouge.2": scores["rouge2"].fmeasure,
                    "rouge.L": scores["rougeL"].fmeasure,
                    "codebleu": calc_codebleu([reference], [program], "python")["codebleu"],
                }
            )
    return rows


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
