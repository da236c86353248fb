"""Every metric: its name, what it means, its range and direction, and the module that computes it.

The only table of metrics, in the order of a leaderboard's columns. Scoring, gate, comparison and pages read it. Behind
the metrics that come with apigauge stand those of installed plugins and, for whatever only reads runs, those of plugins
that are gone: their runs' manifests describe them (:func:`remember`).
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

from apigauge.extensions import View, added


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric.

    Attributes:
        name: the metric's name, as in ``summary.json``.
        meaning: what it measures.
        caution: what it does not measure, or how to read it.
        module: the scoring module that yields it; manifests record versions by module.
        lower_is_better: whether small values are good.
        top: the largest value; ``exec.stage`` counts rungs, everything else is a share.
        is_executed: whether its number comes from running the program.
    """

    name: str
    meaning: str
    caution: str
    module: str = ""
    lower_is_better: bool = False
    top: float = 1.0
    is_executed: bool = False

    @property
    def is_share(self) -> bool:
        """Whether values are shares, shown in percent."""
        return self.top == 1.0

    def version(self, versions: Mapping[str, object]) -> str:
        """The metric's version in a manifest's ``metrics``, which names metrics or the modules that yield them."""
        return str(versions.get(self.name) or versions.get(self.module) or "not recorded")

    @property
    def unit(self) -> str:
        """What stands under the name in the header."""
        return "%" if self.is_share else f"of {self.top:g}"


METRICS = (
    MetricInfo(
        "ast.exact",
        "The answer calls the reference's function with every argument the reference writes.",
        "Compared on the syntax tree: quoting, order, devices, revisions do not count. The labels say what differed.",
        module="ast_match",
    ),
    MetricInfo(
        "ast.domain",
        "The answer calls some catalogue API of the reference's domain, or the reference itself.",
        "Another model for the same kind of task counts. Read it next to ast.exact and the constant baseline.",
        module="ast_match",
    ),
    MetricInfo(
        "hallucination",
        "Some call of the answer names what does not exist: a package, function, keyword, task, repository, handle. "
        "Lower is better.",
        "Low is not good by itself: a constant call that exists, or no call at all, never hallucinates.",
        module="ast_match",
        lower_is_better=True,
    ),
    MetricInfo(
        "ast.gorilla",
        "The upstream scorer: 'correct' means only that the matched catalogue row has the reference's domain.",
        "Reproduced as it was released, for comparison with printed figures. It does not ask for the right model.",
        module="ast_gorilla",
    ),
    MetricInfo(
        "hallucination.gorilla",
        "The upstream scorer found no catalogue row whose arguments all occur in the answer. Lower is better.",
        "It searches for substrings, so it both misses invented calls and condemns real ones.",
        module="ast_gorilla",
        lower_is_better=True,
    ),
    MetricInfo(
        "ast.bfcl",
        "The checker of the Berkeley Function-Calling Leaderboard calls the answer right.",
        "Reproduced answer for answer. An answer that is anything but a list of calls is wrong; ast.exact reads more.",
        module="ast_bfcl",
    ),
    MetricInfo(
        "rouge.1",
        "Overlap of single words between program and reference program (ROUGE-1 F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    MetricInfo(
        "rouge.2",
        "Overlap of word pairs between program and reference program (ROUGE-2 F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    MetricInfo(
        "rouge.L",
        "Longest common subsequence of words of program and reference program (ROUGE-L F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    MetricInfo(
        "codebleu",
        "CodeBLEU of the program against the reference program, as the codebleu package computes it.",
        "For comparison with printed figures; its known faults are kept.",
        module="codebleu",
    ),
    MetricInfo(
        "codebleu.corrected",
        "CodeBLEU with the faults of the package corrected.",
        "The deviations are listed at the head of harness/metrics/codebleu_corrected.py.",
        module="codebleu_corrected",
    ),
    MetricInfo(
        "exec.rate",
        "The program ran to its end in the sandbox (rung 4).",
        "Answers for which the sandbox failed are left out and counted apart; above 1 % of them nothing is published.",
        module="executability",
        is_executed=True,
    ),
    MetricInfo(
        "exec.call",
        "The program's own API call was made and returned (rung 3 or higher).",
        "It does not ask whether it was the right call; ast.exact does.",
        module="executability",
        is_executed=True,
    ),
    MetricInfo(
        "exec.exact",
        "The program, run in the sandbox, really made the reference's call: compared as ast.exact compares.",
        "Whether the call then returned does not count. Only values are compared, so any object passes for a model.",
        module="executability",
        is_executed=True,
    ),
    MetricInfo(
        "exec.stage",
        "Mean rung reached: 0 nothing extracted, 1 parses, 2 imports resolve, 3 the call returned, 4 ran to its end.",
        "The rungs are an order, not a distance; use it to see where programs stop.",
        module="executability",
        is_executed=True,
        top=4.0,
    ),
    MetricInfo(
        "exec.correct",
        "The program ran to its end in the sandbox, printed what the item expects, and the item's tests passed.",
        "Only items with tests or an output have it. Tests trust the objects that a program gives them.",
        module="correctness",
        is_executed=True,
    ),
    MetricInfo(
        "exec.deprecated",
        "A line of the program itself raised a deprecation warning, shown or not. Lower is better.",
        "A program that does not come to the deprecated call, or does not run at all, raises none.",
        module="correctness",
        lower_is_better=True,
        is_executed=True,
    ),
)


_BY_NAME = {info.name: info for info in METRICS}
# Metrics of plugins that are not installed, as the manifests describe them that were read.
_remembered: dict[str, MetricInfo] = {}


class _Tables(NamedTuple):
    """The metrics that answers can be scored by here, those that are known besides, and what follows from them."""

    installed: dict[str, MetricInfo]
    described: dict[str, MetricInfo]
    static: dict[str, tuple[str, ...]]
    executed: dict[str, tuple[str, ...]]
    modules: dict[str, tuple[str, ...]]
    names_by_module: dict[str, tuple[str, ...]]
    lower_is_better: dict[str, MetricInfo]
    top: dict[str, float]


def _tables() -> _Tables:
    return _tables_of(tuple(one.value for one in added("metrics").values()), tuple(_remembered.values()))


@lru_cache(maxsize=8)
def _tables_of(plugins: tuple[MetricInfo, ...], remembered: tuple[MetricInfo, ...]) -> _Tables:
    installed = _BY_NAME | {info.name: info for info in plugins}
    described = {**installed, **{info.name: info for info in remembered if info.name not in installed}}
    static = _names_by_module(info for info in installed.values() if not info.is_executed)
    executed = _names_by_module(info for info in installed.values() if info.is_executed)
    return _Tables(
        installed,
        described,
        static,
        executed,
        static | executed,
        _names_by_module(described.values()),
        {name: info for name, info in described.items() if info.lower_is_better},
        {name: info.top for name, info in described.items() if not info.is_share},
    )


def _names_by_module(infos: Iterable[MetricInfo]) -> dict[str, tuple[str, ...]]:
    by_module: dict[str, list[str]] = {}
    for info in infos:
        by_module.setdefault(info.module, []).append(info.name)
    return {module: tuple(names) for module, names in by_module.items()}


def installed() -> dict[str, MetricInfo]:
    """By name, the metrics that answers can be scored by here: apigauge's, then those of plugins."""
    return _tables().installed


def names_by_module() -> dict[str, tuple[str, ...]]:
    """The names of the metrics that each module yields; also of modules that are not installed."""
    return _tables().names_by_module


def to_record(modules: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What a manifest says of the metrics of these modules that are plugins', for when the plugin is gone."""
    wanted = set(modules)
    return {name: asdict(one.value) for name, one in added("metrics").items() if one.value.module in wanted}


def remember(record: object, *, replaces: bool = False) -> None:
    """Reads what a manifest says of plugins' metrics; installed plugins' own word counts more, damage is passed over.

    Args:
        record: of :func:`to_record`, as it was read from a file.
        replaces: whether it counts more than what was read before.
    """
    wanted = {field.name for field in fields(MetricInfo)}
    for name, entry in record.items() if isinstance(record, dict) else ():
        try:
            info = MetricInfo(**{field: value for field, value in entry.items() if field in wanted})
            is_usable = info.name == name not in _BY_NAME and 0 < info.top < math.inf and hash(info) is not None
        except (TypeError, AttributeError):
            continue
        if is_usable and (replaces or name not in _remembered):
            _remembered[name] = info


# Module -> the names of the metrics it yields. Static ones read text; executed ones need the program's verdict.
STATIC: Mapping[str, tuple[str, ...]] = View(lambda: _tables().static)
EXECUTED: Mapping[str, tuple[str, ...]] = View(lambda: _tables().executed)
MODULES: Mapping[str, tuple[str, ...]] = View(lambda: _tables().modules)
# Of all that is known: runs by metrics whose plugin is gone can still be read.
NAMES: Collection[str] = View(lambda: _tables().described)
LOWER_IS_BETTER: Collection[str] = View(lambda: _tables().lower_is_better)
# Executed metrics that only some items have.
OPTIONAL = frozenset({"exec.correct"})
# The largest values of the metrics that are not shares from 0 to 1.
TOP: Mapping[str, float] = View(lambda: _tables().top)
# The modules of the metrics that come with apigauge.
OWN_MODULES = frozenset(info.module for info in METRICS)


def is_executed(metric: str) -> bool:
    """Whether a metric's number comes from running the program."""
    info = _tables().described.get(metric)
    return bool(info and info.is_executed)


def infos_for(names: Iterable[str]) -> tuple[MetricInfo, ...]:
    """The table's rows for these metrics, in the table's order, then a row for each that nothing describes, by name."""
    requested = set(names)
    listed = tuple(info for name, info in _tables().described.items() if name in requested)
    others = sorted(requested - {info.name for info in listed})
    return listed + tuple(_plugin_metric(name) for name in others)


def _plugin_metric(name: str) -> MetricInfo:
    return MetricInfo(
        name,
        "A plugin's metric.",
        "Its meaning is the plugin's; the version is among the run's metric versions.",
        lower_is_better=name.startswith("hallucination"),
    )
