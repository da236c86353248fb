"""The files of a made benchmark: ``benchmark.toml``, ``items.jsonl``, ``catalogue.jsonl``, and the report on both."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from apigauge.benchmarks.making.callables import Package
from apigauge.benchmarks.making.candidates import Dropped

ENVIRONMENT = "environment"
_PROMPT = """Write a complete Python program that answers with {package} {version}. Keep the given code as it is.

{{instruction}}
"""


def write_benchmark(
    folder: Path, name: str, requirement: str, items: Sequence[Mapping[str, Any]], package: Package
) -> None:
    """Writes what :func:`apigauge.benchmarks.folder.load` reads.

    Args:
        folder: that exists.
        name: of the benchmark.
        requirement: the package, with its version: ``scipy==1.17.1``.
        items: lines of ``items.jsonl``.
        package: the catalogue.
    """
    library, _, version = requirement.partition("==")
    settings = {
        "name": name,
        "version": "1-A",
        "environment": ENVIRONMENT,
        "prompt": _PROMPT.format(package=library, version=version),
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    (folder / "benchmark.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _write_lines(folder / "items.jsonl", items)
    _write_lines(folder / "catalogue.jsonl", (one.row() for one in package.callables.values()))


def write_report(
    folder: Path, requirement: str, items: Sequence[Mapping[str, Any]], dropped: Sequence[Dropped], package: Package
) -> None:
    """Writes ``report.md``, and ``report.jsonl`` with every example that became no item."""
    _write_lines(
        folder / "report.jsonl",
        ({"api": one.api, "reason": one.reason, "example": one.example} for one in dropped),
    )
    reasons = Counter(_kind(one.reason) for one in dropped)
    splits = Counter(item["split"] for item in items)
    kinds = Counter(one.kind for one in package.callables.values())
    apis = {str(item["api_call"]).partition("(")[0] for item in items}
    with_examples = sum(">>>" in one.doc for one in package.callables.values())
    lines = [
        f"# {requirement}",
        "",
        f"{len(items)} items ({splits['test']} to ask, {splits['train']} to train on) of {len(apis)} APIs; "
        f"{len(package.callables)} public callables ("
        + ", ".join(f"{count} {_plural(kind)}" for kind, count in sorted(kinds.items()))
        + f"), {with_examples} with examples, {sum(bool(one.deprecated) for one in package.callables.values())} "
        "deprecated.",
        "",
        "## Examples that became no item",
        "",
        "| reason | examples |",
        "|---|---|",
        *(f"| {reason} | {count} |" for reason, count in sorted(reasons.items(), key=lambda one: (-one[1], one[0]))),
    ]
    if package.failures:
        lines += ["", "## What could not be looked at", "", *(f"- `{name}`: {why}" for name, why in package.failures)]
    (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _kind(reason: str) -> str:
    """A reason without what is particular to one example."""
    return "nothing says what a name is" if reason.startswith("nothing says what") else reason.partition(":")[0]


def _plural(kind: str) -> str:
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
