import threading
import time

import pytest

from apigauge.harness.executors.prefetch import PENDING, prefetch


def values(*drawn):
    return [one for one in drawn if one is not PENDING]


def test_values_come_in_their_order_and_their_error_after_them():
    def drawn():
        yield 1
        yield 2
        raise ValueError("torn")

    stage = []
    with pytest.raises(ValueError, match="torn"):
        stage.extend(prefetch(drawn(), 10))
    assert values(*stage) == [1, 2]
    assert values(*prefetch(range(1000), 3)) == list(range(1000))


def test_the_thread_draws_while_the_values_before_are_in_use_but_only_so_many_prefetch():
    drawn, ready = [], threading.Event()

    def source():
        for number in range(50):
            drawn.append(number)
            if number == 5:
                ready.set()
            yield number

    stage = prefetch(source(), 4)
    assert next(one for one in stage if one is not PENDING) == 0
    assert ready.wait(5)  # although no value was requested
    time.sleep(0.1)
    assert len(drawn) == 6  # one in use, four waiting, one that finds no room
    assert values(*stage) == list(range(1, 50))


def test_it_says_idle_while_nothing_comes():
    go = threading.Event()

    def source():
        yield 1
        go.wait(5)
        yield 2

    stage = prefetch(source(), 2)
    assert next(stage) in (1, PENDING)
    assert PENDING in [next(stage) for _ in range(3)]
    go.set()
    assert values(*stage)[-1] == 2


def test_closed_early_it_closes_what_it_draws_from():
    closed = threading.Event()

    def source():
        try:
            yield from range(1000)
        finally:
            closed.set()

    stage = prefetch(source(), 2)
    next(stage)
    stage.close()
    assert closed.wait(5)


def test_closed_early_it_ends_the_value_that_is_being_drawn_and_waits_for_that():
    """The stop may come before there is anything to stop, so one call is not enough."""
    stops, ended = [], threading.Event()

    def source():
        yield 1
        while len(stops) < 3:
            time.sleep(0.01)
        ended.set()

    stage = prefetch(source(), 2, lambda: stops.append(1), 10.0)
    assert values(next(one for one in stage if one is not PENDING)) == [1]
    stage.close()
    assert ended.is_set()


def test_a_value_that_does_not_end_is_not_waited_for_longer_than_said():
    go = threading.Event()

    def source():
        yield 1
        go.wait(30)

    stage = prefetch(source(), 2, patience=0.1)
    next(one for one in stage if one is not PENDING)
    stage.close()
    assert not go.is_set()
    go.set()
