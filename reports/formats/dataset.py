"""A benchmark as a dataset repository of Hugging Face: its questions, a card, and ``eval.yaml``, which makes it one."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from apigauge.errors import RunError
from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names
from apigauge.reports.formats.texts import markdown, plain, write, write_lines, yaml
from apigauge.reports.views import RunView, section

_FIELDS = ("id", "instruction", "reference_call", "reference_program", "domain", "api")


def write_datasets(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``datasets/BENCHMARK/`` for each benchmark: ``eval.yaml``, ``README.md`` and ``data/test.jsonl``.

    The questions are those of the benchmark's first run that answers all of them; the tasks are the metrics of all.

    Raises:
        RunError: no run answers all questions of a benchmark, or runs answer different versions of it.
    """
    grouped: dict[str, list[RunView]] = {}
    for run in runs:
        grouped.setdefault(run.benchmark, []).append(run)
    for name, (benchmark, members) in zip(page_names(grouped), grouped.items(), strict=True):
        if len({run.digest for run in members}) > 1:
            raise RunError(f"{benchmark}: the runs answer different versions of it; export those of one")
        whole = [run for run in members if not run.missing_items and not run.data_here]
        if not whole:
            raise RunError(f"{benchmark}: no run answers all its questions, so it cannot be exported as a dataset")
        folder = out / "datasets" / name
        write(folder / "eval.yaml", _eval_yaml(members))
        write(folder / "README.md", _card(whole[0]))
        write_lines(folder / "data" / "test.jsonl", _questions(whole[0]))
    return out / "datasets"


def task_id(metric: str) -> str:
    """A metric's name as a task of ``eval.yaml``: letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", plain(metric).lower()).strip("_") or "metric"


def _eval_yaml(runs: Sequence[RunView]) -> str:
    record = section(runs[0].manifest, "benchmark")
    version = f", version {record['version']}" if record.get("version") else ""
    about = f"{runs[0].benchmark}{version}: API calls written by language models, scored by apigauge. {runs[0].digest}"
    lines = [
        f"name: {yaml(runs[0].benchmark)}",
        f"description: {yaml(about)}",
        'evaluation_framework: "apigauge"',
        "tasks:",
    ]
    names = {name for run in runs for name in section(run.summary, "metrics")}
    for info in infos_for(names):
        if info.is_share and not info.lower_is_better:
            lines += [f"  - id: {yaml(task_id(info.name))}", '    config: "default"', '    split: "test"']
    return "\n".join([*lines, ""])


def _card(run: RunView) -> str:
    record = section(run.manifest, "benchmark")
    licence = record.get("licence")
    head = [
        "---",
        *([f"license: {yaml(str(licence).lower())}"] if licence else []),
        "configs:",
        '- config_name: "default"',
        "  data_files:",
        '  - split: "test"',
        '    path: "data/test.jsonl"',
        "---",
    ]
    items = len(set(run.scored.ids))
    about = f"{items} questions for language models that write calls of Python libraries, each with a reference call."
    facts = [
        f"# {markdown(run.benchmark)}",
        "",
        about,
        "",
        f"- digest of the data: {markdown(run.digest)}",
        *([f"- version: {markdown(str(record['version']))}"] if record.get("version") else []),
    ]
    return "\n".join([*head, "", *facts, ""])


def _questions(run: RunView) -> Iterator[str]:
    places = {name: place for place, name in enumerate(run.scored.ids)}
    for _, place in sorted(places.items()):
        row = run.rows[place]
        yield json.dumps({name: getattr(row, name) for name in _FIELDS}) + "\n"
