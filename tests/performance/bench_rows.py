"""Memory and CPU time of what reads a run, at 10,000, 100,000 and 1,000,000 scored answers, each in its own process.

Two runs of synthetic answers over one benchmark are written: about 400 bytes an answer, ten metrics, labels, a hundred
questions about each API, a tenth of the answers different. Usage: bench_rows.py [--seconds S] [--steps A,B] ROWS...
A step that takes longer than S seconds (180) is stopped. Past 1,500 MB the exit code is 1.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from apigauge.benchmarks.files import named_files_digest

MEGABYTES = 1_500
METRICS = {
    "ast.exact": "ast_match",
    "ast.domain": "ast_match",
    "hallucination": "existence",
    "ast.gorilla": "ast_gorilla",
    "hallucination.gorilla": "ast_gorilla",
    "rouge.1": "rouge",
    "rouge.2": "rouge",
    "rouge.L": "rouge",
    "codebleu": "codebleu",
    "codebleu.corrected": "codebleu_corrected",
}
SHARES = frozenset({"rouge.1", "rouge.2", "rouge.L", "codebleu", "codebleu.corrected"})
LABELS = ("exact", "wrong_model", "missing_argument", "unknown_api")
ABOUT = "Loads the weights that were trained on the larger of the two collections. "
EXPORTS = ("json", "parquet", "md", "tex", "card", "badge", "every-eval-ever", "inspect", "dataset")
# Of a step, the code that a process of its own runs; its own summary needs no other command.
_SUMMARY = """
from pathlib import Path
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.evaluate import stored
from apigauge.harness.evaluation.summary import summarise
from apigauge.harness.evaluation.usage import usage_of
benchmark, run = load_benchmark({benchmark!r}), Path({a!r})
summarise(benchmark, run, [], usage_of(stored(run, benchmark)))
"""
_COMMAND = """
import contextlib, sys
from apigauge.harness.cli.main import main
with contextlib.suppress(SystemExit):
    if code := main({arguments!r}):
        print("exit code", code, file=sys.stderr)
"""
_EXPORT = """
from pathlib import Path
from apigauge.harness.cli.report import exporter
from apigauge.harness.cli.report_views import view
benchmarks = {{}}
exporter({name!r})([view(Path(run), None, benchmarks) for run in ({a!r}, {b!r})], Path({out!r}))
"""
# Not ru_maxrss, which begins at that of the process that started this one.
_MEASURED = """
import os
used = os.times()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print("MEASURED", used.user + used.system, int(peak.split()[1]) / 1000, file=__import__("sys").stderr)
"""


def write(folder, rows):
    """A benchmark and two runs; returns their paths."""
    benchmark = folder / "benchmark"
    benchmark.mkdir()
    (benchmark / "benchmark.toml").write_text('name = "rows"\nversion = "1-A"\n')
    apis = [f"library.models.load(name='model-{number}')" for number in range(max(1, rows // 100))]
    with (benchmark / "catalogue.jsonl").open("w") as file:
        file.writelines(
            json.dumps({"api_call": call, "domain": f"Domain {at % 20}"}) + "\n" for at, call in enumerate(apis)
        )
    with (benchmark / "items.jsonl").open("w") as file:
        file.writelines(json.dumps(question(number, apis)) + "\n" for number in range(rows))
    digest = named_files_digest([benchmark / "catalogue.jsonl", benchmark / "items.jsonl"])
    runs = []
    for name in "ab":
        run = folder / name
        run.mkdir()
        draws = random.Random(1), random.Random(name)
        with (run / "generations.jsonl").open("w") as answers, (run / "scores.jsonl").open("w") as scores:
            for number in range(rows):
                is_other = draws[1].random() < 0.1
                answer, score = answered(number, apis, draws[is_other], draws[0])
                answers.write(json.dumps(answer) + "\n")
                scores.write(json.dumps(score) + "\n")
        (run / "manifest.json").write_text(json.dumps(manifest(benchmark, digest, rows, name)))
        runs.append(run)
    return benchmark, *runs


def question(number, apis):
    return {
        "id": f"item-{number}",
        "instruction": f"Question {number}: which model finds the objects in the pictures of a harbour, fast enough?",
        "api_call": apis[number % len(apis)],
        "domain": f"Domain {number % len(apis) % 20}",
    }


def answered(number, apis, draw, both):
    call = apis[number % len(apis)]
    program = f"import library\n# {number}: {ABOUT * 4}\nmodel = {call}\nprint(model({number}))\n"
    right, share = float(draw.random() < 0.6), draw.randrange(40, 60) / draw.randrange(60, 90)
    both.random()
    scores = {name: share if name in SHARES else right for name in METRICS}
    key = {"item": f"item-{number}", "sample": 0}
    answer = key | {"text": program, "finish_reason": "stop", "prompt_tokens": 40, "completion_tokens": 110}
    label = LABELS[0] if right else LABELS[1 + draw.randrange(3)]
    score = key | {
        "extraction": {"call": call, "program": program, "how": "block"},
        "metrics": scores,
        "labels": {"ast.exact": label, "hallucination": "real" if right else "unknown"},
        "messages": {} if right else {"ast.exact": "name differs"},
        "verdict": None,
        "unfinished": None,
    }
    return answer, score


def manifest(benchmark, digest, rows, name):
    about = {"name": "rows", "digest": digest, "loader": "1", "items": rows, "version": "1-A", "path": str(benchmark)}
    return {
        "schema_version": 1,
        "created": "2026-11-29T00:00:00+00:00",
        "benchmark": about,
        "prompt_sha256": "0" * 64,
        "generator": {"spec": f"openai:{name}", "kind": "openai"},
        "extraction": "1",
        "metrics": dict.fromkeys(METRICS.values(), "1"),
        "sandbox": None,
    }


def steps(benchmark, a, b, out):
    """The code of each step by its name; the summaries are first, since pages need them."""
    paths = {"benchmark": str(benchmark), "a": str(a), "b": str(b)}
    yield "summary", _SUMMARY.format(**paths)
    yield "summary of the other", _SUMMARY.format(**paths | {"a": str(b)})
    for name, arguments in {
        "gate": ["gate", str(b), "--baseline", str(a), "--json"],
        "gate, one metric": ["gate", str(b), "--baseline", str(a), "--metric", "ast.exact", "--json"],
        "save a baseline": ["gate", str(a), "--save-baseline", str(out / "baseline.json")],
        "compare": ["compare", str(a), str(b), "--json"],
        "compare --out": ["compare", str(a), str(b), "--json", "--out", str(out / "comparison")],
        "report": ["report", str(a), str(b), "--out", str(out / "site")],
    }.items():
        yield name, _COMMAND.format(arguments=arguments)
    for name in EXPORTS:
        yield f"export {name}", _EXPORT.format(name=name, out=str(out / "exports"), **paths)


def measure(code, seconds, sink):
    """CPU seconds and peak memory in MB; None for seconds where the step did not end, and for both where it failed."""
    (sink.parent).mkdir(parents=True, exist_ok=True)
    with sink.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", code + _MEASURED], stdout=output, stderr=subprocess.PIPE)
        peak = 0.0
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0]) / 1000
            process.kill()
            process.communicate()
            return None, peak
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    if not last or not last[0].startswith("MEASURED"):
        print(errors.decode(errors="replace")[-2000:], file=sys.stderr)
        return None, None
    return tuple(map(float, last[0].split()[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--steps", default="", help="only those that begin with one of these")
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    arguments = parser.parse_args()
    wanted = tuple(arguments.steps.split(",")) if arguments.steps else ("",)
    print(f"load {os.getloadavg()[0]:.1f}\nrows | step | CPU s | peak MB\n---:|---|---:|---:", flush=True)
    is_over = False
    for rows in arguments.rows:
        with contextlib.ExitStack() as stack:
            folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder = folder / str(rows)
            paths = (folder / "benchmark", folder / "a", folder / "b")
            if not paths[2].exists():
                folder.mkdir(parents=True)
                paths = write(folder, rows)
            for name, code in steps(*paths, folder / "out"):
                if not name.startswith(wanted):
                    continue
                used, peak = measure(code, arguments.seconds, folder / "out" / f"{name.replace(' ', '-')}.txt")
                is_over |= used is None or peak > MEGABYTES
                shown = f"{used:.1f}" if used is not None else f"over {arguments.seconds:.0f}"
                result = f"{shown} | {peak:,.0f}" if peak is not None else "failed | -"
                print(f"{rows:,} | {name} | {result}", flush=True)
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main())
