"""Results in a model's repository on Hugging Face: ``.eval_results/*.yaml``, which its page and leaderboards show.

Written against huggingface/hub-docs ``eval_results.yaml`` and ``parse_eval_result_entries`` of huggingface_hub 2.4.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from apigauge.errors import RunError, UsageError
from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names, titles
from apigauge.reports.formats.dataset import task_id
from apigauge.reports.formats.texts import one_line, write, yaml
from apigauge.reports.run_page import render_run
from apigauge.reports.tables import Page
from apigauge.reports.views import RunView, section, shorten

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
OWNER = "apigauge"


@dataclass(frozen=True, slots=True)
class Written:
    """The folder that goes into the repository, and what of the runs is not in it."""

    folder: Path
    left_out: tuple[str, ...]


def write_results(runs: Sequence[RunView], out: Path, model: str, dataset: str | None = None) -> Written:
    """Writes ``hub/ORG/MODEL/``: a file of results for each run, and the run's page, which the results name as source.

    Values are percentages, as the Hub's leaderboards have them, with all digits of the run's; metrics of which small
    values are good, and those that are no shares, are left out, since leaderboards rank by size.

    Args:
        runs: of one model.
        out: the folder of the report.
        model: the model's repository.
        dataset: the benchmark's; by default a repository of this project with the benchmark's name.

    Raises:
        UsageError: a name is no repository's.
        RunError: a run is not fit to be published.
        ApigaugeError: a file cannot be written.
    """
    for option, name in (("--hub-results", model), ("--hub-dataset", dataset)):
        if name is not None and not _REPOSITORY.fullmatch(name):
            raise UsageError(f"{option} {name}: the form is ORG/NAME")
    if dataset and len({run.benchmark for run in runs}) > 1:
        raise UsageError("--hub-dataset: the runs are on several benchmarks; report those of one at a time")
    for run in runs:
        _check(run)
    folder = out / "hub" / model
    left_out = []
    names = [run.name for run in runs]
    for name, title, run in zip(page_names(names), titles(names), runs, strict=True):
        page = f"apigauge/{name}.html"
        url = f"https://huggingface.co/{model}/blob/main/{page}"
        text, others = _entries(run, dataset or f"{OWNER}/{run.benchmark}", url)
        left_out += [f"{title}: {other}" for other in others]
        if not text:
            raise RunError(f"{run.name}: has no metric that the Hub's leaderboards could rank")
        write(folder / ".eval_results" / f"{name}.yaml", text)
        write(folder / page, render_run(Page(run, name, title)).decode())
    return Written(folder, tuple(left_out))


def upload_command(model: str, folder: Path) -> str:
    """The command that offers the results to the repository as a pull request."""
    return shlex.join(["hf", "upload", model, str(folder), ".", "--create-pr"])


def _check(run: RunView) -> None:
    """Refuses a run whose numbers would mislead."""
    fault = ""
    if missing := run.missing_items:
        fault = f"only {missing[0]} of {missing[1]} questions are scored; run it without --limit, to its end"
    elif run.is_baseline:
        fault = "no model answered; it is a baseline"
    elif run.data_here:
        fault = "the benchmark's data here is not what the run answered, so nobody can tell whether it is whole"
    elif run.withheld or run.infra_error_rate:
        fault = f"the sandbox failed for {run.infra_error_rate:.1%} of the programs; `apigauge rerun` runs those again"
    elif run.unfinished and run.unfinished.is_much:
        fault = f"{run.unfinished.text}; give the model more room: --max-new-tokens"
    if fault:
        raise RunError(f"{run.name}: is not published: {fault}.")


def _entries(run: RunView, dataset: str, url: str) -> tuple[str, list[str]]:
    """The file, and why each metric that is not in it is left out."""
    lines, left_out = [], []
    measured = section(run.summary, "metrics")
    for info in infos_for(measured):
        if info.lower_is_better or not info.is_share:
            why = "small values are good" if info.lower_is_better else f"it goes up to {info.top:g}"
            left_out.append(f"{info.name}: {why}")
            continue
        entry = measured[info.name]
        lines += [
            "- dataset:",
            f"    id: {yaml(dataset)}",
            f"    task_id: {yaml(task_id(info.name))}",
            f"  value: {percent(entry['value'])}",
            *([f"  date: {yaml(str(run.manifest['created']))}"] if run.manifest.get("created") else []),
            "  source:",
            f"    url: {yaml(url)}",
            '    name: "apigauge"',
            f"  notes: {yaml(_notes(run, entry))}",
        ]
    return "\n".join([*lines, ""]) if lines else "", left_out


def _notes(run: RunView, entry: dict[str, object]) -> str:
    interval = f"95 % interval {percent(entry['low'])} to {percent(entry['high'])}"
    size = f"{entry.get('n')} answers about {entry.get('clusters')} APIs"
    data = f"{run.benchmark}, data {shorten(run.digest)}"
    return one_line(f"{interval}; {size}; {data}; apigauge {run.manifest.get('apigauge_version', '')}")


def percent(share: object) -> str:
    """A share in percent with all its digits: the decimal point is moved, nothing is computed."""
    return f"{Decimal(repr(float(str(share)))).scaleb(2):f}"
