"""A benchmark that is a folder: ``benchmark.toml``, ``items.jsonl``, ``catalogue.jsonl``.

docs/how-to/benchmark.md describes the files. Whatever is wrong with them is one :class:`~apigauge.errors.DataError`
that names the file, the line, and what to do.
"""

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks import item_fields, several_calls
from apigauge.benchmarks.files import iterate_rows, named_files_digest
from apigauge.benchmarks.types import Api, Benchmark, Item, api_key, instruction_prompt
from apigauge.errors import DataError, did_you_mean

SETTINGS, ITEMS, CATALOGUE = "benchmark.toml", "items.jsonl", "catalogue.jsonl"
_MISSING = f"there is no such file; a benchmark's folder has {SETTINGS}, {ITEMS}, {CATALOGUE}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_VERSION = re.compile(r"[0-9]+-[A-Z]+")
_SPLITS = ("test", "train")
_PLACEHOLDERS = re.compile(r"\{(?:instruction|functions)\}")
# Settings and fields with whether they are required. All are texts but ``conventions``.
_SETTINGS = {
    "name": True,
    "version": True,
    "licence": False,
    "prompt": False,
    "environment": False,
    "hub": False,
    "inputs": False,
    "gorilla_dialect": False,
    "conventions": False,
}
# The one field that is no text and is read here.
_LIST = "accepted"
_ITEM = {"id": True, "instruction": True, "api_call": False, "program": False, "domain": False}
_ITEM |= {"split": False, _LIST: False, "tests": False, "environment": False, "order": False}
_ITEM |= dict.fromkeys((*item_fields.NOT_TEXT, *several_calls.NOT_TEXT), False)
_NOT_TEXT = (_LIST, *item_fields.NOT_TEXT, *several_calls.NOT_TEXT)
_API = {"api_call": True, "domain": False} | dict.fromkeys(
    ("api_name", "functionality", "description", "example_code", "signature", "library"), False
)


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with ``{instruction}`` in it, and perhaps ``{functions}``."""

    text: str

    def __call__(self, item: Item) -> str:
        """The prompt of an item."""
        parts = {"{instruction}": item.instruction, "{functions}": item.functions}
        return _PLACEHOLDERS.sub(lambda match: parts[match[0]], self.text)


def is_folder(path: Path) -> bool:
    """Whether a folder claims to be a benchmark."""
    return (path / SETTINGS).is_file()


def load(folder: Path) -> Benchmark:
    """Reads a folder.

    Args:
        folder: with the three files; anything else in it is left alone.

    Raises:
        DataError: a file is missing or damaged.
    """
    settings = _settings(folder / SETTINGS)
    paths = [folder / CATALOGUE, folder / ITEMS]
    if not paths[1].is_file():
        raise DataError(f"{paths[1]}: {_MISSING}")
    _check_rows(paths[1], _ITEM)
    if not paths[0].is_file():
        if any(row.get("api_call") for _, row in _rows(paths[1])):
            raise DataError(f"{paths[0]}: {_MISSING}")
        del paths[0]
    catalogue = []
    if len(paths) > 1:
        _check_rows(folder / CATALOGUE, _API)
        catalogue = list(_rows(folder / CATALOGUE))
    documents = _documents(folder / CATALOGUE, catalogue)
    items = _items(folder / ITEMS, _rows(folder / ITEMS), documents)
    return Benchmark(
        name=settings["name"],
        items=items["test"],
        catalogue=tuple(_api(row) for _, row in catalogue),
        digest=_digest(paths, settings["conventions"]),
        gorilla_dialect=settings.get("gorilla_dialect", ""),
        conventions=settings["conventions"],
        prompt=Template(settings["prompt"]) if "prompt" in settings else instruction_prompt,
        train=items["train"],
        rows=items["test"],
        environment=item_fields.environment(settings, str(folder / SETTINGS), folder),
        hub=settings.get("hub", ""),
        inputs=settings.get("inputs", "none"),
        version=settings["version"],
        licence=settings.get("licence", ""),
        path=str(folder),
    )


def _digest(paths: list[Path], conventions: Mapping[str, str]) -> str:
    """Over the two files and, if there are any, the names that programs use without importing them.

    The other settings are in a manifest by themselves: in the prompts' digest, the sandbox's record, the version.
    """
    digest = named_files_digest(paths)
    if not conventions:
        return digest
    return hashlib.sha256(f"{digest} {json.dumps(conventions, sort_keys=True)}".encode()).hexdigest()


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as TOML: {error}") from error
    conventions = settings.pop("conventions", {})
    _check(settings, {name: is_required for name, is_required in _SETTINGS.items() if name != "conventions"}, str(path))
    for name, form, example in (("name", _NAME, "my-library"), ("version", _VERSION, "1-A")):
        if not form.fullmatch(settings[name]):
            raise DataError(f"{path}: {name} is {settings[name]!r}; write it like {example!r}")
    if settings.get("inputs", "none") not in ("none", "fixtures"):
        raise DataError(f"{path}: inputs is {settings['inputs']!r}; write 'none' or 'fixtures'")
    if settings.get("gorilla_dialect", "") not in ("", "huggingface", "tensorflowhub", "torchhub"):
        raise DataError(f"{path}: gorilla_dialect is {settings['gorilla_dialect']!r}, no upstream scorer; leave it out")
    if "{instruction}" not in settings.get("prompt", "{instruction}"):
        raise DataError(f"{path}: the prompt has no {{instruction}} in it, so every question would be the same")
    if not isinstance(conventions, dict) or not all(isinstance(value, str) for value in conventions.values()):
        raise DataError(f'{path}: conventions is a table of names and packages, such as np = "numpy"')
    return settings | {"conventions": conventions}


def _check(row: Mapping[str, Any], fields: Mapping[str, bool], where: str) -> None:
    """Refuses what is missing, unknown, or no text.

    Raises:
        DataError: as said.
    """
    for name, is_required in fields.items():
        if is_required and not row.get(name):
            raise DataError(f"{where}: {name} is missing or empty; add it")
    for name, value in row.items():
        if name in fields and name not in _NOT_TEXT and not isinstance(value, str):
            raise DataError(f"{where}: {name} is {str(value)[:40]!r}, and no text; write it in quotes")
    if fields is not _API and (unknown := [name for name in row if name not in fields]):
        raise DataError(f"{where}: there is no field {unknown[0]!r}{did_you_mean(unknown[0], fields)}")


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a file, each with where it stands; a benchmark may have a million, so they are not kept."""
    return ((f"{path}, line {number}", row) for number, row in iterate_rows(path, "correct it"))


def _check_rows(path: Path, fields: Mapping[str, bool]) -> None:
    """Refuses a file before anything is made of it; that a line is JSON comes before what its fields are.

    Raises:
        DataError: the file has no row, or one is damaged.
    """
    number, fault = 0, None
    for number, (where, row) in enumerate(_rows(path), 1):  # noqa: B007 - the last one is their number
        if fault is None:
            try:
                _check(row, fields, where)
            except DataError as error:
                fault = error
    if not number:
        raise DataError(f"{path}: it has no line; write one JSON object on each")
    if fault:
        raise fault


def _documents(path: Path, catalogue: list[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """Each call's row as JSON.

    Raises:
        DataError: a call is there twice.
    """
    documents: dict[str, str] = {}
    places: dict[str, str] = {}
    for where, row in catalogue:
        if first := places.get(api_key(row["api_call"])):
            raise DataError(f"{where}: {row['api_call']!r} stands on {first.removeprefix(f'{path}, ')} too; keep one")
        places[api_key(row["api_call"])] = where
        documents[api_key(row["api_call"])] = json.dumps(row, ensure_ascii=False)
    return documents


def _items(
    path: Path, rows: Iterable[tuple[str, dict[str, Any]]], documents: Mapping[str, str]
) -> dict[str, tuple[Item, ...]]:
    """The items of each split.

    Raises:
        DataError: an id is there twice, a reference is in no row of the catalogue, or there is nothing to ask.
    """
    items: dict[str, list[Item]] = {split: [] for split in _SPLITS}
    places: dict[str, int] = {}
    # The texts of a call are one text, however many items ask for it.
    calls: dict[str, str] = {}
    functions = {key.partition("(")[0] for key in documents}
    alone = _alone(documents)
    for where, row in rows:
        number = int(where.rpartition(" ")[2])
        if first := places.get(row["id"]):
            raise DataError(f"{where}: id {row['id']!r} stands on line {first} too; give each item its own")
        places[row["id"]] = number
        split, key = row.get("split", "test"), api_key(row.get("api_call", ""))
        if split not in _SPLITS:
            raise DataError(f"{where}: split is {split!r}; write 'test' or 'train', or leave it out for 'test'")
        if key not in documents:
            key = alone.get(key.partition("(")[0], key)
        if not key:
            key = _without_call(row, where)
        elif key not in documents:
            raise DataError(
                f"{where}: the reference {row['api_call']!r} is in no row of {CATALOGUE}; add a row with this api_call"
            )
        accepted = _accepted(row, functions, where)
        items[split].append(
            Item(
                id=row["id"],
                instruction=row["instruction"],
                reference_call=calls.setdefault(call := row.get("api_call", ""), call),
                reference_program=row.get("program", ""),
                domain=calls.setdefault(domain := row.get("domain", ""), domain),
                api=calls.setdefault(key, key),
                document=documents.get(key, ""),
                accepted=accepted,
                **several_calls.checked(row, functions, where),
                **item_fields.checked(row, where, path.parent),
            )
        )
    if not items["test"]:
        raise DataError(f"{path}: it has items to train on and none to ask; give some the split 'test'")
    return {split: tuple(rows) for split, rows in items.items()}


def _without_call(row: Mapping[str, Any], where: str) -> str:
    """The key of an item that has no reference call: it is alike no other.

    Raises:
        DataError: nothing else says what is right.
    """
    if not (row.get("tests") or row.get("output")):
        raise DataError(f"{where}: api_call is missing or empty; add it, or tests or output that say what is right")
    if fields := [name for name in ("accepted", "calls", "order", "values", "possible_answers") if name in row]:
        raise DataError(f"{where}: {fields[0]} is of a reference call, and there is none; add api_call or leave it out")
    return f"item {row['id']}"


def _alone(documents: Collection[str]) -> dict[str, str]:
    """The calls whose function has no other row, by function: a reference with further arguments is of that row."""
    counts = Counter(key.partition("(")[0] for key in documents)
    return {name: key for key in documents if counts[name := key.partition("(")[0]] == 1}


def _accepted(row: Mapping[str, Any], functions: Collection[str], where: str) -> tuple[str, ...]:
    """The further right calls of a row.

    Raises:
        DataError: they are no list of calls, or one is of a function that no row of the catalogue has.
    """
    calls = row.get("accepted", [])
    if not isinstance(calls, list) or not all(isinstance(one, str) for one in calls):
        raise DataError(f"{where}: accepted is {str(calls)[:40]!r}, and no list of calls; write them as texts in []")
    for call in calls:
        if api_key(call).partition("(")[0] not in functions:
            raise DataError(
                f"{where}: the function of {call!r}, in accepted, is in no row of {CATALOGUE}; add a row that calls it"
            )
    return tuple(calls)


def _api(row: Mapping[str, Any]) -> Api:
    return Api(
        call=row["api_call"],
        domain=row.get("domain", ""),
        name=row.get("api_name", ""),
        description=f"{row.get('functionality', '')} {row.get('description', '')}".strip(),
        example=row.get("example_code", ""),
        signature=row.get("signature", ""),
        library=row.get("library", ""),
        document=json.dumps(row, ensure_ascii=False),
    )
