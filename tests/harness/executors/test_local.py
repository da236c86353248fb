import math
import os
from functools import partial

import pytest

from apigauge import ApigaugeError
from apigauge.harness.executors.local import ordered


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 199, 200, 1_000])
def test_results_come_in_the_order_of_the_tasks(count, workers):
    assert list(ordered(partial(partial, math.sqrt), range(count), count, workers)) == [
        math.sqrt(n) for n in range(count)
    ]


def test_tasks_are_drawn_only_a_bounded_number_ahead():
    drawn = []
    tasks = (drawn.append(n) or n for n in range(10_000))
    results = ordered(partial(partial, math.sqrt), tasks, 300, 2)
    next(results)
    assert 200 <= len(drawn) < 1_000
    results.close()


def test_a_scoring_process_that_dies_is_told_with_what_to_do():
    with pytest.raises(ApigaugeError, match="run the same command again"):
        list(ordered(partial(partial, os._exit), range(300), 300, 2))
