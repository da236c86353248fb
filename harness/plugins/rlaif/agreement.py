"""How far two labelers agree: Cohen's kappa for each question.

Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20 (1960): kappa =
(p_o - p_e) / (1 - p_e), where p_o is the share of answers on which both agree, and p_e the share expected by chance
from how often each says yes.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def agreement(labels: Mapping[str, Rows]) -> list[dict[str, Any]]:
    """For each pair of labelers and each question that both answered: answers, share of agreement, kappa.

    Args:
        labels: labeler -> its rows of ``labels.jsonl``; all of the same answers.
    """
    return [
        {"labelers": [one, other], "questions": _questions(labels[one], labels[other])}
        for one, other in combinations(sorted(labels), 2)
    ]


def kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Cohen's kappa of a square table of counts; None where it is undefined: all replies are the same."""
    from statsmodels.stats.inter_rater import cohens_kappa

    total = sum(map(sum, table))
    if not total or any(table[at][at] == total for at in range(len(table))):
        return None
    return float(cohens_kappa(table, return_results=False))


def _questions(one: Rows, other: Rows) -> dict[str, dict[str, Any]]:
    """Question -> agreement of two labelers on the answers for which both said yes or no."""
    theirs = {(row["item"], row["sample"]): row["answers"] for row in other}
    pairs: dict[str, list[tuple[bool, bool]]] = {}
    for row in one:
        other_answers = theirs.get((row["item"], row["sample"]), {})
        for name in row["answers"].keys() & other_answers.keys():
            if row["answers"][name] is not None and other_answers[name] is not None:
                pairs.setdefault(name, []).append((row["answers"][name], other_answers[name]))
    return {
        name: {
            "n": len(both),
            "agree": sum(a == b for a, b in both) / len(both),
            "kappa": kappa([[both.count((a, b)) for b in (True, False)] for a in (True, False)]),
        }
        for name, both in sorted(pairs.items())
    }
