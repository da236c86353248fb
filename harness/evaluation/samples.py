"""Several answers to one question: pass@k, and how far the answers agree."""

from collections.abc import Mapping, Sequence
from math import comb
from typing import cast

from apigauge.file_formats import MetricSummary, SamplesRecord
from apigauge.harness.evaluation.score_rows import ScoreRows
from apigauge.harness.statistics.intervals import estimate

# The k that papers print, as far as there are so many answers; the number of answers itself is added.
_USUAL = (1, 2, 5, 10, 20, 50, 100)


def pass_at_k(answers: int, right: int, k: int) -> float:
    """The probability that at least one of ``k`` answers is right, from ``right`` of ``answers``.

    The unbiased estimator of Chen et al., "Evaluating Large Language Models Trained on Code" (2021), equation 1.

    >>> round(pass_at_k(10, 3, 1), 3), round(pass_at_k(10, 3, 5), 3), pass_at_k(10, 0, 5)
    (0.3, 0.917, 0.0)

    Args:
        answers: at least ``k``.
        right: of these.
        k: how many are drawn, without replacement.
    """
    return 1.0 - comb(answers - right, k) / comb(answers, k)


def consistency(answers: int, right: int) -> float:
    """The probability that two different ones of a question's answers are both right or both wrong; at least two.

    Averaged over questions it is unbiased for the probability that the model, asked twice, scores the same.

    >>> consistency(4, 4), round(consistency(4, 2), 3)
    (1.0, 0.333)
    """
    return (comb(right, 2) + comb(answers - right, 2)) / comb(answers, 2)


def summarise_samples(scores: ScoreRows, names: Sequence[str], apis: Mapping[str, str]) -> dict[str, SamplesRecord]:
    """For each metric whose scores are 0 or 1: pass@k and consistency over the questions with enough answers.

    Args:
        scores: the run's.
        names: of metrics.
        apis: the API of each question, the cluster of the intervals.

    Returns:
        By metric; empty where no question has two answers.
    """
    records: dict[str, SamplesRecord] = {}
    if len(set(scores.items_asked)) == len(scores):
        return records
    for name in names:
        values, has = scores.column(name)
        if not ((values == 0) | (values == 1)).all():
            continue
        counts: dict[str, list[int]] = {}
        for item, value, is_there in zip(scores.items_asked, values.tolist(), has.tolist(), strict=True):
            if is_there:
                count = counts.setdefault(item, [0, 0])
                count[0] += 1
                count[1] += value == 1
        most = max((count[0] for count in counts.values()), default=0)
        if most < 2:
            continue
        records[name] = _record(counts, apis, sorted({k for k in _USUAL if k < most} | {most}))
    return records


def _record(counts: Mapping[str, Sequence[int]], apis: Mapping[str, str], ks: Sequence[int]) -> SamplesRecord:
    def over_questions(values: Mapping[str, float]) -> MetricSummary:
        clusters = [apis[item] for item in values]
        return cast("MetricSummary", estimate(list(values.values()), clusters).to_json())

    return {
        "pass_at": {
            str(k): over_questions({item: pass_at_k(n, right, k) for item, (n, right) in counts.items() if n >= k})
            for k in ks
        },
        "consistency": over_questions({item: consistency(n, right) for item, (n, right) in counts.items() if n > 1}),
    }
