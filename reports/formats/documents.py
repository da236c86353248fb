"""The leaderboard for documents: Markdown, LaTeX, and a section for a model's card. Rounded as the pages round."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import EMPTY, interval_texts, run_cell
from apigauge.reports.file_names import run_pages, titles
from apigauge.reports.formats.texts import latex, markdown, write
from apigauge.reports.views import RunView, section, shorten


def write_markdown(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``leaderboard.md``: a table for each benchmark."""
    parts = []
    for benchmark, named in _by_benchmark(runs).items():
        columns = _columns(run for _, run in named)
        heads = ["run", "model", *(f"{markdown(info.name)} ({info.unit})" for info in columns)]
        lines = [_line(heads), _line(["---", "---", *("---:" for _ in columns)])]
        for title, run in named:
            lines.append(_line([markdown(title), markdown(run.spec), *(_score(run, info) for info in columns)]))
        notes = [f"- {markdown(text)}" for text in _notes(named)]
        parts.append("\n".join([f"## {markdown(benchmark)}", "", *lines, *(["", *notes] if notes else [])]))
    return write(out / "leaderboard.md", "\n\n".join(parts) + "\n")


def write_latex(runs: Sequence[RunView], out: Path) -> Path:
    r"""Writes ``leaderboard.tex``: a table for each benchmark, to be used with ``\usepackage{booktabs}``."""
    parts = ["% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}."]
    for benchmark, named in _by_benchmark(runs).items():
        columns = _columns(run for _, run in named)
        notes = "; ".join(["Values with 95\\,\\% intervals", *map(latex, _notes(named))])
        heads = ["run", "model", *(f"{latex(info.name)} ({latex(info.unit)})" for info in columns)]
        rows = [[latex(title), latex(run.spec), *(_score(run, info, "--") for info in columns)] for title, run in named]
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(benchmark)}. {notes}.}}",
            rf"\begin{{tabular}}{{ll{'r' * len(columns)}}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *(" & ".join(row) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        parts.append("\n".join(lines))
    return write(out / "leaderboard.tex", "\n\n".join(parts) + "\n")


def write_cards(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``cards/PAGE.md`` for each run: a section for the README of the model's repository."""
    names = run_pages(runs)
    for name, run in zip(names, runs, strict=True):
        write(out / "cards" / f"{name}.md", card(run))
    return out / "cards"


def card(run: RunView) -> str:
    """The section of a model's card: every metric with its interval, and what it was measured on."""
    lines = [
        _line(["metric", "value", "95 % interval", "answers", "direction"]),
        _line(["---", "---:", "---", "---:", "---"]),
    ]
    for info in _columns([run]):
        entry = section(section(run.summary, "metrics"), info.name)
        shown = run_cell(run, info).text
        low, high = interval_texts(entry, info)
        direction = "lower is better" if info.lower_is_better else "higher is better"
        answers = str(entry.get("n", EMPTY))
        lines.append(_line([markdown(info.name), f"{shown} ({info.unit})", f"{low} to {high}", answers, direction]))
    benchmark = section(run.manifest, "benchmark")
    version = f", version {benchmark['version']}" if benchmark.get("version") else ""
    facts = [
        f"benchmark {run.benchmark}{version}, data {shorten(run.digest)}",
        f"answers by {run.spec}",
        f"scored by apigauge {run.manifest.get('apigauge_version', 'of an unknown version')}",
        f"programs run in: {run.sandbox_kind}" if run.is_executed else "programs were not run",
        *_notes([(run.name, run)]),
    ]
    return "\n".join(["## API calls (apigauge)", "", *lines, "", *(f"- {markdown(fact)}" for fact in facts), ""])


def _by_benchmark(runs: Sequence[RunView]) -> dict[str, list[tuple[str, RunView]]]:
    """The runs of each benchmark with their titles, which tell apart those of one name."""
    grouped: dict[str, list[tuple[str, RunView]]] = {}
    for title, run in zip(titles(run.name for run in runs), runs, strict=True):
        grouped.setdefault(run.benchmark, []).append((title, run))
    return grouped


def _columns(runs: Iterable[RunView]) -> tuple[MetricInfo, ...]:
    return infos_for({name for run in runs for name in run.metric_names})


def _score(run: RunView, info: MetricInfo, dash: str = "\u2013") -> str:
    shown = run_cell(run, info)
    low, high = interval_texts(section(section(run.summary, "metrics"), info.name), info)
    return shown.text if shown.value is None or low == EMPTY else f"{shown.text} ({low}{dash}{high})"


def _notes(named: Sequence[tuple[str, RunView]]) -> list[str]:
    """What a reader of the numbers must know of single runs."""
    notes = []
    for title, run in named:
        if missing := run.missing_items:
            notes.append(f"{title}: only {missing[0]} of {missing[1]} questions scored")
        if run.unfinished:
            notes.append(f"{title}: {run.unfinished.text}")
        if run.withheld:
            notes.append(f"{title}: {', '.join(run.withheld)} withheld, because the sandbox failed too often")
    digests = {run.digest for _, run in named}
    if len(digests) > 1:
        notes.append("the runs were made on different versions of the data, so they cannot be compared")
    return notes


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
