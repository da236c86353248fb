"""Where a run's numbers come from, in enough detail to make them again, and which runs cannot be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from apigauge.reports.rendering import pretty_json
from apigauge.reports.views import RunView, section, shorten

# What a page adds to the recorded name of a method, by a word in that name.
_METHODS = (
    (
        "gaffke",
        "Gaffke (2005). Clusters (questions on one API) count, not answers. Assumes no distribution, draws nothing.",
    ),
    (
        "bootstrap",
        "Clusters (questions on one API) are drawn with replacement, not single answers, by a seeded generator.",
    ),
    (
        "clopper",
        "For a value of exactly 0 or 1: the exact binomial interval (Clopper and Pearson), n being the clusters.",
    ),
    ("all values equal", "Every answer has the same value, which is neither 0 nor 1: the interval is that value."),
    ("one cluster", "All questions are on one API, so nothing is known about others: the interval is 0 to 1."),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a run's provenance; long ones (JSON) are shown as a block."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Method:
    """An interval method that runs on the page recorded."""

    name: str
    explanation: str
    metrics: tuple[str, ...]
    seeds: tuple[str, ...]


def facts(run: RunView) -> tuple[Fact, ...]:
    """What is needed to make a run's numbers again, as recorded in its manifest and summary."""
    manifest = run.manifest
    seeds = sorted({str(entry["seed"] or "none") for entry in _entries(run).values() if "seed" in entry})
    cache = section(manifest, "cache").get("hits")
    values = (
        ("benchmark", f"{run.benchmark} ({section(manifest, 'benchmark').get('items', '?')} items)"),
        ("benchmark digest", run.digest),
        ("prompt SHA-256", manifest.get("prompt_sha256")),
        ("generator", pretty_json(section(manifest, "generator"))),
        ("metric versions", pretty_json(section(manifest, "metrics"))),
        ("interval seed", ", ".join(seeds)),
        ("reasoning", pretty_json(section(manifest, "reasoning")) if "reasoning" in manifest else None),
        ("sandbox", pretty_json(manifest["sandbox"]) if run.is_executed else "none: not executed"),
        ("infra errors", None if run.summary.get("infra_error_rate") is None else f"{run.infra_error_rate:.2%}"),
        ("answers from cache", None if cache is None else str(cache)),
        ("tokens and cost", f"{run.usage} ({run.usage_details})" if run.usage else run.usage_details or "no model ran"),
        ("price", pretty_json(section(manifest, "price")) if "price" in manifest else "none given"),
        ("apigauge", manifest.get("apigauge_version")),
    )
    caveats = [Fact("not protected from", "\n".join(run.caveats))] if run.caveats else []
    return (*(Fact(name, str(text) if text else "not recorded") for name, text in values), *caveats)


def methods(runs: Sequence[RunView]) -> tuple[Method, ...]:
    """The interval methods recorded by these runs, each with the metrics and seeds it was used for."""
    used: dict[str, tuple[set[str], set[str]]] = {}
    for run in runs:
        for metric, entry in _entries(run).items():
            metrics, seeds = used.setdefault(str(entry.get("method") or "not recorded"), (set(), set()))
            metrics.add(metric)
            if entry.get("seed", "not recorded") is not None:
                seeds.add(str(entry.get("seed", "not recorded")))
    return tuple(
        Method(name, _explain(name), tuple(sorted(metrics)), tuple(sorted(seeds)))
        for name, (metrics, seeds) in sorted(used.items())
    )


def data_marks(runs: Sequence[RunView]) -> dict[str, str]:
    """A letter per benchmark digest, the most common first; empty if all runs saw the same data."""
    digests = [run.digest for run in runs]
    ordered = sorted(set(digests), key=lambda digest: (-digests.count(digest), digest))
    return {} if len(ordered) < 2 else {digest: _letter(index) for index, digest in enumerate(ordered)}


def warnings(runs: Sequence[RunView], marks: dict[str, str]) -> tuple[str, ...]:
    """Why not every pair of rows in a table may be compared; empty if they may."""
    texts = []
    if marks:
        listed = "; ".join(f"data {mark}: {shorten(digest)}" for digest, mark in marks.items())
        texts.append(
            f"Not comparable across marks: these runs were made on {len(marks)} different versions of the benchmark's "
            f"data ({listed}). Compare only rows with the same mark."
        )
    texts += [
        f"{run.name}: {run.unfinished.text}, so its scores say little of the model. Give it more room: "
        "--max-new-tokens."
        for run in runs
        if run.unfinished and run.unfinished.is_much
    ]
    texts += [f"{run.name}: {run.other_data}" for run in runs if run.data_here]
    modes = sorted({str(section(run.manifest, "reasoning").get("mode", "strip")) for run in runs})
    if len(modes) > 1:
        texts.append(
            f"Reasoning was separated from the answers in different ways ({'; '.join(modes)}). Score all in one way: "
            "apigauge score RUN --reasoning."
        )
    for metric in sorted({name for run in runs for name in section(run.manifest, "metrics")}):
        versions = {section(run.manifest, "metrics").get(metric) for run in runs}
        if len(versions - {None}) > 1:
            listed = ", ".join(sorted(str(version) for version in versions - {None}))
            texts.append(
                f"{metric} was computed by different versions ({listed}). Score all with one version: apigauge rerun."
            )
    kinds = sorted({run.sandbox_kind for run in runs if run.sandbox_kind})
    if len(kinds) > 1:  # each holds programs to their limits in its own way
        texts.append(
            f"Programs were run in different kinds of sandbox ({', '.join(kinds)}): compare exec.* only between runs "
            "of one kind. Use the same kind for all: apigauge rerun --sandbox."
        )
    hubs = sorted({f"{run.hub.get('mode')} {shorten(str(run.hub.get('digest')))}" for run in runs if run.hub})
    if len(hubs) > 1:
        texts.append(
            f"Programs found their models in different hubs ({', '.join(hubs)}): compare exec.* only between runs "
            "of one hub. Use the same hub for all: apigauge rerun --hub."
        )
    return tuple(texts)


def _entries(run: RunView) -> dict[str, dict[str, object]]:
    return {name: entry for name, entry in section(run.summary, "metrics").items() if isinstance(entry, dict)}


def _explain(name: str) -> str:
    for word, explanation in _METHODS:
        if word in name.lower():
            return explanation
    return "As recorded by the run."


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
