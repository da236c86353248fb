"""How often ``exec.exact`` and ``ast.exact`` agree on released answers; docs/results/exec-exact.md has what it prints.

Run as ``python tests/performance/bench_exec_exact.py [HUB...]``; needs a Docker engine, the images, the hubs and APIBench's
files. Of a hub's answers, file after file, every so many-th is taken (``EVERY``), whatever its outcome. A *straight call* is an answer
with a program that parses, imports the API, and calls it in a statement of its top level.
"""

import ast
import contextlib
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from apibench_data import apibench_folder
from released_answers import released_files

from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.extraction.call_scan import find_calls, imports
from apigauge.harness.generation.types import Completion
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.docker import DockerSandbox

# Of a hub's answers, file after file, every so many-th.
EVERY = {"torchhub": 3, "tensorflowhub": 12, "huggingface": 30}


def answers(hub):
    """The answers that are taken: the file's name without what all have in common, item, text."""
    rows = []
    for file in released_files():
        _, name, rest = file.split("_", 2)
        if name == hub:
            text = (apibench_folder() / "responses" / file).read_text(encoding="utf-8")
            kind = rest.removeprefix("Gorilla_").removesuffix(".jsonl")
            rows += [(kind, json.loads(line)) for line in text.split("\n") if line]
    return [(kind, str(row["question_id"]), row["text"]) for kind, row in rows[:: EVERY[hub]]]


def is_straight(extraction):
    """Whether an answer's program calls, at its top level, what it imports and the extracted call names."""
    program, span = extraction["program"], next(find_calls(extraction["call"] or ""), None)
    if not program or span is None:
        return False
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError):
        return False
    own = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.If,
        ast.For,
        ast.While,
        ast.Try,
        ast.With,
        ast.Match,
    )
    statements = [statement for statement in tree.body if not isinstance(statement, own)]
    calls = [ast.unparse(node.func) for one in statements for node in ast.walk(one) if isinstance(node, ast.Call)]
    return span.callee in calls and span.callee.partition(".")[0] in imports(program)


def measure(hub):
    """Prints a hub's row of the table and each disagreement; gives the row's numbers."""
    benchmark = load_benchmark(f"apibench-{hub}")
    score, taken = ScorerFactory(benchmark, ("ast_match",))(), list(answers(hub))
    scored = [score(Completion(item, 0, text, "stop")) for _, item, text in taken]
    sandbox = DockerSandbox(environments.load(hub), hub=hubs.stand_in_hub(hub), inputs="fixtures")
    rows = executed(scored, sandbox, ObservedCalls(benchmark))
    counts, differences = Counter(), []
    with contextlib.closing(sandbox), contextlib.closing(rows):
        for (name, item, _), row in zip(taken, rows, strict=True):
            extraction, exact, really = row["extraction"], row["metrics"]["ast.exact"], row["metrics"].get("exec.exact")
            is_called = bool(row["verdict"]["calls"])
            counts["runnable"] += bool(extraction["program"] or extraction["call"])
            if is_straight(extraction):
                agrees = exact == really
                counts += Counter(straight=1, agree=agrees, called=is_called, called_agree=is_called and agrees)
                if not agrees:
                    why = f"{row['labels']['ast.exact']}; {row['messages'].get('exec.exact', '')}; {row['verdict']['reason']}"
                    differences.append(f"  {name} {item}: ast.exact {exact:g}, exec.exact {really}: {why[:300]}")
    print(line(hub, counts), *differences, sep="\n", flush=True)
    return counts


def line(hub, counts):
    """A row of the table."""
    shares = [
        f"{counts[agree]} ({counts[agree] / max(counts[of], 1):.3f})"
        for agree, of in (("agree", "straight"), ("called_agree", "called"))
    ]
    return f"| {hub} | {counts['runnable']} | {counts['straight']} | {shares[0]} | {counts['called']} | {shares[1]} |"


def main():
    total = Counter()
    for hub in sys.argv[1:] or EVERY:
        total += measure(hub)
    print(line("all", total))


if __name__ == "__main__":
    main()
