"""One answer's way from ``apigauge score`` to ``scores.jsonl``, as a reader follows it through the files.

The route is the sequence of apigauge's functions in the order of their first call; a change of file is a step of that
sequence into another file. Comprehensions, lambdas and functions called while a module is imported do not count. The
calls of other threads follow those of the main thread, since how they interleave differs from run to run.

``python tests/harness/test_one_answers_way.py`` prints the route.
"""

import contextlib
import inspect
import io
import json
import subprocess
import sys
import tempfile
import threading
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

# From the command to the first line of scores.jsonl, and from a loaded scorer to that line: 86 and 31 when first counted, 80
# and 22 before answers were read by parsers and programs followed call by call. The interpreter of programs, a class in
# some ten files whose methods call each other, and the look-up of names account for the rest, and ten for rows read as a stream.
MOST_CHANGES_TO_THE_FIRST_ROW = 245
MOST_CHANGES_IN_SCORING = 140
ANSWER = (
    "<<<domain>>>: statistics\n<<<api_call>>>: statistics.quantiles(data, n=4)\n"
    "<<<code>>>: import statistics\ndata = [1, 2, 3, 4]\nprint(statistics.quantiles(data, n=4))"
)


class Step(NamedTuple):
    """A function of apigauge: the file below the package, and the qualified name."""

    file: str
    function: str


def calls_of(function, package):
    """Every call of a function of the package that ``function`` leads to, in order, the main thread's first."""
    by_thread = {threading.get_ident(): []}

    def is_part(code: CodeType) -> bool:
        return code.co_filename.startswith(f"{package}/")

    def is_import(frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code.co_name == "<module>" and is_part(frame.f_code):
                return True
            frame = frame.f_back
        return False

    def profile(frame, event, _argument):
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
        if event == "call" and is_function and is_part(code) and not is_import(frame):
            step = Step(code.co_filename.removeprefix(f"{package}/"), code.co_qualname.replace("<locals>.", ""))
            by_thread.setdefault(threading.get_ident(), []).append(step)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return [step for steps in by_thread.values() for step in steps]


def changes_of_file(steps):
    return sum(one.file != other.file for one, other in pairwise(steps))


def score_one_answer():
    """The calls of ``apigauge score`` for a file with one answer of ``mini``."""
    import apigauge
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.cli.main import main

    item = load_benchmark("mini").items[0].id
    with tempfile.TemporaryDirectory() as folder:
        answers, run = Path(folder, "answers.jsonl"), Path(folder, "run")
        answers.write_text(json.dumps({"item": item, "text": ANSWER}) + "\n", encoding="utf-8")
        arguments = ["--benchmark", "mini", "--responses", str(answers), "--limit", "1", "--out", str(run)]
        command = ["score", *arguments, "--workers", "1", "--sandbox", "none", "--json"]
        codes = []
        calls = calls_of(lambda: codes.append(main(command)), str(Path(apigauge.__file__).parent))
        (row,) = (json.loads(line) for line in (run / "scores.jsonl").read_text(encoding="utf-8").splitlines())
    assert codes == [0]
    assert row["extraction"]["call"] == "statistics.quantiles(data, n=4)"
    return calls


def describe(route):
    lines = []
    for number, step in enumerate(route):
        if number == 0 or step.file != route[number - 1].file:
            lines.append(step.file)
        lines.append(f"    {step.function}")
    return "\n".join(lines)


def sections(calls):
    """The routes that are counted, by name."""
    command = calls.index(Step("harness/cli/score.py", "run"))
    row = calls.index(Step("harness/evaluation/run_directory.py", "Appender.append"))
    scoring = next(place for place, step in enumerate(calls) if step.function == "ScorerFactory.__call__.scorer")
    parts = {"whole": calls, "to_first_row": calls[command : row + 1], "scoring": calls[scoring:row]}
    return {
        name: {
            "route": list(dict.fromkeys(part)),
            "functions": len(set(part)),
            "files": len({step.file for step in part}),
            "changes_of_file": changes_of_file(list(dict.fromkeys(part))),
            "calls": len(part),
            "changes_of_file_in_calls": changes_of_file(part),
        }
        for name, part in parts.items()
    }


def test_a_reader_changes_files_seldom_on_one_answers_way():
    # A fresh process: what is imported or cached already is called no more.
    command = [sys.executable, __file__, "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(describe([Step(*step) for step in result["whole"]["route"]]))
    to_first_row, scoring = result["to_first_row"], result["scoring"]
    assert to_first_row["changes_of_file"] <= MOST_CHANGES_TO_THE_FIRST_ROW
    assert scoring["changes_of_file"] <= MOST_CHANGES_IN_SCORING
    files = {file for file, _ in scoring["route"]}
    metrics = ("ast_match", "ast_gorilla", "rouge", "codebleu", "codebleu_corrected")
    assert {f"harness/metrics/{name}.py" for name in metrics} | {"harness/extraction/extract.py"} <= files


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        traced = score_one_answer()
    if "--json" in sys.argv:
        print(json.dumps(sections(traced)))
    else:
        print(describe(list(dict.fromkeys(traced))))
        for title, counts in sections(traced).items():
            print(title, {name: count for name, count in counts.items() if name != "route"})
