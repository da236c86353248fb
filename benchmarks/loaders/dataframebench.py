"""DataFrameBench 0.1.1: problems to be solved with a given dataframe library, each with its unit tests.

From the wheel ``dataframebench`` (CC-BY-4.0), once for pandas and once for polars: the prompt names the library, whose
verified solution is the reference program. Questions are the test split; the one to train on is the other.
There is no reference call: the tests alone say whether an answer is right.
"""

import ast
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from apigauge.benchmarks.loaders import write_rows

_DATA = "dataframebench/data"
# The validation split is left out: it has a canary, so it is not to be trained on, and a folder has no place for it.
_SPLITS = ("test", "train")
# As the package fills its placeholders (dataframebench/prompt.py).
_IMPORTS = {"pandas": "import pandas as pd", "polars": "import polars as pl"}
_INSTRUCTION = "Use {library} as the data processing library in your solution."
# With the versions that the references were checked with; that of polars has pyarrow, which the package's own list of
# requirements leaves out and four references need.
_ENVIRONMENTS = Path(__file__).with_name("environments")
# Runs the test cases that the tests have defined, as unittest's own main would, and raises if one fails.
_RUN = """

def _run_test_cases():
    import io
    import unittest

    classes = [one for one in list(globals().values()) if isinstance(one, type)]
    cases = [one for one in classes if issubclass(one, unittest.TestCase)]
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    suite = unittest.TestSuite(load(case) for case in dict.fromkeys(cases))
    result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite)
    failed = [f"{test.id()}: {trace.strip().splitlines()[-1]}" for test, trace in (*result.failures, *result.errors)]
    assert result.testsRun, "no test was run"
    assert result.wasSuccessful(), f"{len(failed)} of {result.testsRun} tests failed; {'; '.join(failed)[:500]}"


_run_test_cases()
"""


def make(file: Path, name: str, out: Path) -> None:
    """Writes the benchmark's folder.

    Args:
        file: the wheel.
        name: of the benchmark; its last part is the library.
        out: an empty folder.
    """
    library = name.rpartition("-")[2]
    with zipfile.ZipFile(file) as wheel:
        rows = [
            _item(json.loads(line), library, split)
            for split in _SPLITS
            for line in wheel.read(f"{_DATA}/{split}.jsonl").splitlines()
            if line
        ]
    settings = {
        "name": name,
        "version": "0-A",
        "licence": "CC-BY-4.0",
        "prompt": "{instruction}",
        "environment": name,
    }
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (out / "benchmark.toml").write_text(text, encoding="utf-8")
    write_rows(out / "items.jsonl", rows)
    shutil.copytree(_ENVIRONMENTS / name, out / name)


def _item(row: dict[str, Any], library: str, split: str) -> dict[str, Any]:
    instruction = row["prompt"].replace("{library_instruction}", _INSTRUCTION.format(library=library))
    return {
        "id": row["task_id"],
        "instruction": instruction.replace("{library_import}", _IMPORTS[library]),
        "program": row["ground_truth"][library],
        "domain": row["category"],
        "split": split,
        "tests": test_cases(row["test_code"]) + _RUN,
        "provenance": {"seed": row["seed_id"]},
    }


def test_cases(source: str) -> str:
    """Tests without what runs them when their file is the program."""
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("__name__ == '__main__'", "'__main__' == __name__"):
            del lines[node.lineno - 1 : node.end_lineno]
    return "".join(lines)
