"""Every metric: its name, what it means, its range and direction, and the module that computes it.

The only table of metrics, in the order of a leaderboard's columns. Scoring, gate, comparison and pages read it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


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


def _names_by_module(*, executed: bool) -> dict[str, tuple[str, ...]]:
    modules = dict.fromkeys(info.module for info in METRICS if info.is_executed == executed)
    return {module: tuple(info.name for info in METRICS if info.module == module) for module in modules}


# Module -> the names of the metrics it yields. Static ones read text; executed ones need the program's verdict.
STATIC = _names_by_module(executed=False)
EXECUTED = _names_by_module(executed=True)
MODULES = STATIC | EXECUTED
NAMES = tuple(info.name for info in METRICS)
LOWER_IS_BETTER = frozenset(info.name for info in METRICS if info.lower_is_better)
# Executed metrics that only some items have.
OPTIONAL = frozenset({"exec.correct"})
# The largest values of the metrics that are not shares from 0 to 1.
TOP = {info.name: info.top for info in METRICS if not info.is_share}


def is_executed(metric: str) -> bool:
    """Whether a metric's number comes from running the program."""
    return any(metric in names for names in EXECUTED.values())


def infos_for(names: Iterable[str]) -> tuple[MetricInfo, ...]:
    """The table's rows for these metrics, in the table's order, then a row for each of a plugin's metrics, by name."""
    requested = set(names)
    listed = tuple(info for info in METRICS if info.name in requested)
    others = sorted(requested - {info.name for info in listed})
    return listed + tuple(_plugin_metric(name) for name in others)


def _plugin_metric(name: str) -> MetricInfo:
    return MetricInfo(
        name,
        "A plugin's metric.",
        "Its meaning is the plugin's; the version is among the run's metric versions.",
        lower_is_better=name.startswith("hallucination"),
    )
