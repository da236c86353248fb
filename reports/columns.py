"""The metrics in the order of the leaderboard's columns, and what each of them means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A metric as a column.

    Attributes:
        name: the metric's name, as in ``summary.json``.
        meaning: what it counts.
        caution: what it does not say, or how to read it.
        module: the scoring module that yields it; manifests may record versions by module.
        lower_is_better: which end is good.
        top: the largest value; ``exec.stage`` counts rungs, everything else is a share.
    """

    name: str
    meaning: str
    caution: str
    module: str = ""
    lower_is_better: bool = False
    top: float = 1.0

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


COLUMNS = (
    Column(
        "ast.exact",
        "The answer calls the reference's function with every argument the reference writes.",
        "Compared on the syntax tree: quoting, order, devices, revisions do not count. The labels say what differed.",
        module="ast_match",
    ),
    Column(
        "ast.domain",
        "The answer calls some catalogue API of the reference's domain, or the reference itself.",
        "Another model for the same kind of task counts. Read it beside ast.exact and the constant baseline.",
        module="ast_match",
    ),
    Column(
        "hallucination",
        "The answer calls an API that is neither in the catalogue nor the reference. Lower is better.",
        "Low is not good by itself: a constant call that exists, or no call at all, never hallucinates.",
        module="ast_match",
        lower_is_better=True,
    ),
    Column(
        "ast.gorilla",
        "The upstream scorer: 'correct' means only that the matched catalogue row has the reference's domain.",
        "Reproduced as it was released, for comparison with printed figures. It does not ask for the right model.",
        module="ast_gorilla",
    ),
    Column(
        "hallucination.gorilla",
        "The upstream scorer found no catalogue row whose arguments all occur in the answer. Lower is better.",
        "It searches for substrings, so it both misses invented calls and condemns real ones.",
        module="ast_gorilla",
        lower_is_better=True,
    ),
    Column(
        "rouge.1",
        "Overlap of single words between program and reference program (ROUGE-1 F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    Column(
        "rouge.2",
        "Overlap of word pairs between program and reference program (ROUGE-2 F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    Column(
        "rouge.L",
        "Longest common subsequence of words of program and reference program (ROUGE-L F1, Google's rouge-score).",
        "Measures wording, not whether the call exists or runs.",
        module="rouge",
    ),
    Column(
        "codebleu",
        "CodeBLEU of the program against the reference program, as the codebleu package computes it.",
        "For comparison with printed figures; its known faults are kept.",
        module="codebleu",
    ),
    Column(
        "codebleu.corrected",
        "CodeBLEU with the faults of the package corrected.",
        "The deviations are listed at the head of harness/metrics/codebleu_corrected.py.",
        module="codebleu_corrected",
    ),
    Column(
        "exec.rate",
        "The program ran to its end in the sandbox (rung 4).",
        "Our own failures are left out and counted apart; above 1 % of them nothing is published.",
        module="executability",
    ),
    Column(
        "exec.call",
        "The program's own API call was made and returned (rung 3 or higher).",
        "It does not ask whether it was the right call; ast.exact does.",
        module="executability",
    ),
    Column(
        "exec.stage",
        "Mean rung reached: 0 nothing extracted, 1 parses, 2 imports resolve, 3 the call returned, 4 ran to its end.",
        "The rungs are an order, not a distance; use it to see where programs stop.",
        module="executability",
        top=4.0,
    ),
)


def columns_for(names: Iterable[str]) -> tuple[Column, ...]:
    """The columns for these metrics: the known ones in their order, then a plugin's own by name."""
    wanted = set(names)
    known = tuple(column for column in COLUMNS if column.name in wanted)
    others = sorted(wanted - {column.name for column in known})
    return known + tuple(_foreign(name) for name in others)


def _foreign(name: str) -> Column:
    return Column(
        name,
        "A plugin's metric.",
        "Its meaning is the plugin's; the version is among the run's metric versions.",
        lower_is_better=name.startswith("hallucination"),
    )
