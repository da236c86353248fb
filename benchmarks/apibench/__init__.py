"""Gorilla's APIBench (Patil et al., arXiv 2305.15334): three hubs, read from the upstream files at a pinned commit.

Rows are joined by ``question_id``, which is the 1-based row of the evaluation file; seven Hugging Face rows and three
TensorFlow Hub rows have no question and are therefore no items.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from apigauge.benchmarks.files import find, named_files_digest, read_rows
from apigauge.benchmarks.types import Api, Benchmark, Item, api_key
from apigauge.errors import DataError

HUBS = ("huggingface", "tensorflowhub", "torchhub")

_EVAL_FILES = {"huggingface": "huggingface", "tensorflowhub": "tensorflow", "torchhub": "torchhub"}
# Conventions of APIBench's own calls: these names stand for these modules without an import.
_CONVENTIONS = {
    "huggingface": {"hub": "huggingface_hub", "np": "numpy", "tf": "tensorflow"},
    "tensorflowhub": {"hub": "tensorflow_hub", "tfhub": "tensorflow_hub", "tf": "tensorflow", "np": "numpy"},
    "torchhub": {"nn": "torch.nn", "np": "numpy"},
}
_MARKED_CODE = re.compile(r"<<<\s*code\s*>>>\s*:?", re.IGNORECASE)
_OUTPUT = re.compile(r"###Output|['\"]Output['\"]\s*:", re.IGNORECASE)
_QUESTION = re.compile(r"nstruction['\"]?\s*:", re.IGNORECASE)
_DICT_CODE = re.compile(r"['\"]code['\"]\s*:\s*['\"]?")


def file_names(hub: str) -> list[str]:
    """The files that a hub's benchmark is read from; the benchmark's digest is taken over them."""
    return [
        f"apibench/{_EVAL_FILES[hub]}_eval.json",
        f"api/{hub}_api.jsonl",
        f"questions/questions_{hub}_0_shot.jsonl",
    ]


def loader(hub: str) -> Callable[[Path | None], Benchmark]:
    """The function that loads one hub's benchmark from a data folder."""
    return partial(load, hub)


def load(hub: str, data_dir: Path | None) -> Benchmark:
    """One hub of APIBench.

    Raises:
        DataError: a file is missing or damaged, or a question has no row.
    """
    name = f"apibench-{hub}"
    paths = [find(file, data_dir, name) for file in file_names(hub)]
    rows, catalogue, questions = (read_rows(path) for path in paths)
    try:
        items = tuple(_item(rows, question) for question in questions)
        if not items or not catalogue:
            raise DataError(f"{name}: {paths[1] if items else paths[2]} has no rows; fetch the file again.")
        train_path = paths[0].with_name(paths[0].name.replace("_eval", "_train"))
        train_rows = read_rows(train_path) if train_path.is_file() else []
        return Benchmark(
            name=name,
            items=items,
            catalogue=tuple(_api(row) for row in catalogue),
            digest=named_files_digest(paths),
            gorilla_dialect=hub,
            conventions=_CONVENTIONS[hub],
            train=tuple(_row_item(str(n), row) for n, row in enumerate(train_rows, 1)),
            rows=tuple(_row_item(str(n), row) for n, row in enumerate(rows, 1)),
            answers=tuple(_answer(row["code"]) for row in rows),
            environment=hub,
            hub=hub,
            inputs="fixtures",
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise DataError(
            f"{name}: the files in {paths[0].parent.parent} do not fit together ({error!r}); fetch them again."
        ) from error


def _item(rows: list[dict[str, Any]], question: dict[str, Any]) -> Item:
    if not 1 <= question["question_id"] <= len(rows):
        raise IndexError(f"question_id {question['question_id']} is no row")
    row = rows[question["question_id"] - 1]
    instruction = question["text"].strip().removesuffix("\\n").strip()
    return _row_item(str(question["question_id"]), row, instruction)


def _row_item(key: str, row: dict[str, Any], instruction: str | None = None) -> Item:
    return Item(
        id=key,
        instruction=_instruction(row["code"]) if instruction is None else instruction,
        reference_call=row["api_call"],
        reference_program=_program(row["code"]),
        domain=row["api_data"]["domain"],
        api=api_key(row["api_call"]),
        document=json.dumps(row["api_data"], ensure_ascii=False),
    )


def _instruction(code: str) -> str:
    """The question of a row; the answer follows ``###Output`` or, in training rows, the key ``Output``."""
    question = _OUTPUT.split(code, maxsplit=1)[0]
    return _QUESTION.split(question, maxsplit=1)[-1].strip().rstrip(",").strip("'\"").strip()


# The catalogue's names for the transformers library.
_TRANSFORMERS = frozenset({"Hugging Face", "Hugging Face Transformers", "PyTorch Transformers", "Transformers"})


def _answer(code: str) -> str:
    return code.split("###Output:", 1)[-1].strip()


def _program(code: str) -> str:
    answer = _answer(code)
    if match := _MARKED_CODE.search(answer):
        return answer[match.end() :].strip()
    if match := _DICT_CODE.search(answer):
        program = answer[match.end() :].strip().removesuffix("}").rstrip()
        if "###Output" not in code:  # training rows have the answer in a dictionary inside the row
            program = program.removesuffix("}").rstrip()
        return program.rstrip("'\"")
    return ""


def _api(row: dict[str, Any]) -> Api:
    example = row.get("example_code") or ""
    return Api(
        call=row["api_call"],
        domain=row["domain"],
        name=str(row.get("api_name") or ""),
        description=" ".join(str(row.get(k) or "") for k in ("functionality", "description")).strip(),
        example="\n".join(map(str, example)) if isinstance(example, list) else str(example),
        library="transformers" if row.get("framework") in _TRANSFORMERS else "",
        document=json.dumps(row, ensure_ascii=False),
    )
