"""Whether two labelers say the same: Cohen's kappa for each question.

Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20 (1960): kappa =
(p_o - p_e) / (1 - p_e), where p_o is the share of answers on which both say the same, and p_e what it would be if they
said yes as often as they do, but by chance.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def agreement(labels: Mapping[str, Rows]) -> list[dict[str, Any]]:
    """For each pair of labelers and each question that both were asked: answers, share of agreement, kappa.

    Args:
        labels: labeler -> its rows of ``labels.jsonl``; all of the same answers.
    """
    return [
        {"labelers": [one, other], "questions": _questions(labels[one], labels[other])}
        for one, other in combinations(sorted(labels), 2)
    ]


def kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Cohen's kappa of a square table of counts; None where it has no value: both say one thing only, and the same."""
    from statsmodels.stats.inter_rater import cohens_kappa

    total = sum(map(sum, table))
    if not total or any(table[at][at] == total for at in range(len(table))):
        return None
    return float(cohens_kappa(table, return_results=False))


def _questions(one: Rows, other: Rows) -> dict[str, dict[str, Any]]:
    """Question -> how two labelers agree on the answers to which both said yes or no."""
    theirs = {(row["item"], row["sample"]): row["answers"] for row in other}
    pairs: dict[str, list[tuple[bool, bool]]] = {}
    for row in one:
        said = theirs.get((row["item"], row["sample"]), {})
        for name in row["answers"].keys() & said.keys():
            if row["answers"][name] is not None and said[name] is not None:
                pairs.setdefault(name, []).append((row["answers"][name], said[name]))
    return {
        name: {
            "n": len(found),
            "agree": sum(a == b for a, b in found) / len(found),
            "kappa": kappa([[found.count((a, b)) for b in (True, False)] for a in (True, False)]),
        }
        for name, found in sorted(pairs.items())
    }
