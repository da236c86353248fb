"""The same answers in several environments: what each version of a library makes of them, and what broke where."""

import re
from collections import defaultdict
from collections.abc import Sequence

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.charts.drawing import FAINT, Drawn, Picture, drawing, label, score_axis, whisker
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    Table,
    interval_of,
    name_entry,
    partial_note,
    value_entries,
    value_heads,
    value_words,
)
from apigauge.reports.scored import ScoredView
from apigauge.reports.tables import Page
from apigauge.reports.views import section

TITLE = "What versions of a library change"
_METRICS = ("exec.correct", "exec.rate", "exec.deprecated")
_PANEL, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 240, 200, 56, 34, 30, 60
_Key = tuple[str, int]


def drift(pages: Sequence[Page]) -> list[Chart | Missing]:
    """Two charts' worth for each set of answers that several environments ran: the numbers, and what broke."""
    groups: dict[tuple[str, str], list[Page]] = defaultdict(list)
    for page in pages:
        if page.run.is_executed and page.run.scored:
            groups[page.run.digest, page.run.scored.texts_digest].append(page)
    several = [
        sorted(group, key=lambda page: (_numbers(environment(page)), page.title))
        for group in groups.values()
        if len({environment(page) for page in group}) > 1
    ]
    if not several:
        return [Missing(TITLE, "no answers were run in more than one environment")]
    return [_chart(group, number) for number, group in enumerate(sorted(several, key=lambda one: one[0].title), 1)]


def environment(page: Page) -> str:
    """What a run's environment was called."""
    sandbox = section(page.run.manifest, "sandbox")
    return str(sandbox.get("environment_source") or sandbox.get("environment") or "unknown")


def _numbers(text: str) -> list[tuple[int, str]]:
    """A key that sorts versions as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _chart(group: Sequence[Page], number: int) -> Chart:
    columns = infos_for(name for name in _METRICS if any(interval_of(page.run, name) for page in group))
    versions = [environment(page) for page in group]
    svg, size = _draw(group, versions, columns)
    broken = _broken(group)
    words = [_words(page, columns, count) for page, count in zip(group, broken, strict=True)]
    finding = f"The same {len(group[0].run.scored)} answers in {len(set(versions))} environments. {' '.join(words)}"
    return Chart(
        f"drift-{number}",
        TITLE,
        finding,
        svg,
        size,
        ("run", "environment", *value_heads(columns), "broke here"),
        tuple(_row(page, columns, count) for page, count in zip(group, broken, strict=True)),
        notes=(
            "The same answers, run in each environment. Whiskers: 95 % intervals.",
            "An answer breaks where it does not work and works in another environment.",
            "It works if it is correct or, on a question without tests, runs to its end.",
            *partial_note(group),
        ),
        further=_what_broke(group),
    )


def _words(page: Page, columns: Sequence[MetricInfo], broken: int) -> str:
    scores = [
        f"{column.name} {value_words(one, column)}" for column in columns if (one := interval_of(page.run, column.name))
    ]
    return f"{environment(page)}: {', '.join(scores)}; {broken} broke here."


def _row(page: Page, columns: Sequence[MetricInfo], broken: int) -> tuple[Entry, ...]:
    first = (name_entry(page), Entry(environment(page)))
    return (*first, *value_entries(page.run, columns), Entry(str(broken), broken))


def _works(row: ScoredView) -> bool | None:
    """Whether an answer works; None if it was not run."""
    if row.status in (None, "infra"):
        return None
    return row.labels.get("exec.rate", "").startswith("passed") and row.metrics.get("exec.correct") != 0


def outcomes(group: Sequence[Page]) -> dict[_Key, list[ScoredView]]:
    """The answers that work in some of the environments and not in others, with their rows in each."""
    by_run = [{(row.id, row.sample): row for row in page.run.scored} for page in group]
    differing = {}
    for key in sorted(by_run[0]):
        rows = [one[key] for one in by_run]
        if {_works(row) for row in rows} == {True, False}:
            differing[key] = rows
    return differing


def _broken(group: Sequence[Page]) -> list[int]:
    rows = outcomes(group).values()
    return [sum(_works(one[at]) is False for one in rows) for at in range(len(group))]


def _what_broke(group: Sequence[Page]) -> Table | None:
    rows = [
        (Entry(f"{item}" if sample == 0 else f"{item}, sample {sample}"), *(Entry(_outcome(row)) for row in by_version))
        for (item, sample), by_version in outcomes(group).items()
    ]
    if not rows:
        return None
    return Table("What broke where", ("item", *(environment(page) for page in group)), tuple(rows))


def _outcome(row: ScoredView) -> str:
    """What an environment made of an answer, with the reason or the warning."""
    works = _works(row)
    if works is None:
        return "not run"
    is_ended = row.labels.get("exec.rate", "").startswith("passed")
    metric = "exec.deprecated" if works else "exec.correct" if is_ended else "exec.rate"
    reasons = [text for text in (row.labels.get(metric), row.messages.get(metric)) if text]
    return ": ".join(["works" if works else "broken", *reasons])


def _draw(group: Sequence[Page], versions: Sequence[str], columns: Sequence[MetricInfo]) -> Drawn:
    width = max(_PANEL, 110 * len(group))
    with drawing():
        picture = Picture(_LEFT + len(columns) * (width + _GAP), _TOP + _HEIGHT + _BOTTOM)
        for panel, column in enumerate(columns):
            axes = picture.axes(_LEFT + panel * (width + _GAP), _TOP, width, _HEIGHT)
            axes.set_xlim(-0.5, len(group) - 0.5)
            axes.set_xticks(range(len(group)), [label(text)[:16] for text in versions])
            score_axis(axes, column)
            points = [(at, one) for at, page in enumerate(group) if (one := interval_of(page.run, column.name))]
            axes.plot([at for at, _ in points], [one.value for _, one in points], color=FAINT, linewidth=1.5)
            for at, one in points:
                whisker(axes, (at, one.value), (one.low, one.high), upright=True)
        return picture.svg(), picture.size
