"""GitChameleon 2.0: problems that are to be solved with a given version of a library, each with its hidden tests.

From an archive of a commit of the repository (Apache-2.0). Each question has an environment of its own: the library's
version and what its authors install besides, and pytest, which runs the tests as the authors run them. There is no
reference call: ``api_calls`` of the data has names without arguments, and is kept as provenance.
"""

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from apigauge.benchmarks.loaders import write_rows

_QUESTIONS, _SOLUTIONS = "dataset/dataset.jsonl", "dataset/ground_truth_solutions.jsonl"
_TESTS = re.compile(r"dataset/hidden_tests/test_sample_(\w+)\.py")
_PYTEST = "pytest"
_KEPT = ("python_version", "type_of_change", "name_of_class_or_func", "api_calls", "release_date")
_INSTRUCTION = """\
Use {library} {version} with Python {python}. Complete the following program, and answer with the whole of it.

{problem}

```python
{code}
```"""
# The tests import the answer as a module of the question's name.
_RUN = """\
_TESTS = {source!r}


def _run_hidden_tests():
    import os
    import sys
    import tempfile
    import types

    import pytest

    answer = types.ModuleType({module!r})
    vars(answer).update({{key: value for key, value in globals().items() if not key.startswith("__")}})
    sys.modules[{module!r}] = answer
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "test_" + {module!r} + ".py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_TESTS)
        code = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", "--rootdir", folder, path])
    assert code == 0, "pytest ended with " + str(int(code)) + ": 1 if tests failed, 5 if there were none"


_run_hidden_tests()
"""


def make(file: Path, name: str, out: Path) -> None:
    """Writes the benchmark's folder.

    Args:
        file: the archive, a .tar.gz whose only folder is the repository.
        name: of the benchmark.
        out: an empty folder.
    """
    texts: dict[str, str] = {}
    with tarfile.open(file) as archive:
        for member in archive:
            inside = member.name.partition("/")[2]
            if member.isfile() and (inside in (_QUESTIONS, _SOLUTIONS) or _TESTS.fullmatch(inside)):
                content = archive.extractfile(member)
                texts[inside] = content.read().decode("utf-8") if content else ""
    solutions = {row["example_id"]: row["answer"] for row in _rows(texts.get(_SOLUTIONS, ""))}
    settings = {
        "name": name,
        "version": "2-A",
        "licence": "Apache-2.0",
        "prompt": "{instruction}",
        "environment": "python",
    }
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    (out / "benchmark.toml").write_text(text, encoding="utf-8")
    write_rows(out / "items.jsonl", (_item(row, texts, solutions) for row in _rows(texts[_QUESTIONS])))


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _item(row: dict[str, Any], texts: dict[str, str], solutions: dict[str, str]) -> dict[str, Any]:
    key, code = row["example_id"], row["starting_code"].rstrip()
    source = texts[f"dataset/hidden_tests/test_sample_{key}.py"]
    return {
        "id": key,
        "instruction": _INSTRUCTION.format(
            library=row["library"],
            version=row["version"],
            python=row["python_version"],
            problem=row["problem"].strip(),
            code=code,
        ),
        "program": solutions.get(key) or f"{code}\n{row['solution']}",
        "domain": row["library"],
        "environment": environment(row),
        "tests": _RUN.format(source=source, module=f"sample_{key}"),
        "provenance": {field: row[field] for field in _KEPT if row.get(field)},
    }


def environment(row: dict[str, Any]) -> str:
    """The packages of a question, the library first."""
    more = f"{row.get('additional_dependencies') or ''} {row.get('extra_dependencies') or ''}".replace(",", " ")
    return " ".join(dict.fromkeys((f"{row['library']}=={row['version']}", *more.split(), _PYTEST)))
