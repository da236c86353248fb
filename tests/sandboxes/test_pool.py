"""The rule on ``infra``, with workers that fail as scripted; test_faults has real ones."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from apigauge.errors import SandboxError
from apigauge.sandboxes import pool
from apigauge.sandboxes.verdict import Limits, Program
from apigauge.sandboxes.worker_channel import LostError

ANSWER = {"status": "passed", "stage": 4, "category": None, "reason": "", "evidence": {}, "clean": True}


class Scripted:
    """A worker that answers, or is lost, as the script says."""

    def __init__(self, *script, out_of_memory=False):
        self.script = list(script)
        self.out_of_memory = out_of_memory
        self.closed = False

    def run(self, _):
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def is_out_of_memory(self):
        return self.out_of_memory

    def close(self):
        self.closed = True


def pool_of(*workers):
    waiting = list(workers)

    def start():
        worker = waiting.pop(0)
        if isinstance(worker, Exception):
            raise worker
        return worker

    return pool.Pool(start, Limits(), 1)


class Timed:
    """A worker whose start and whose programs take some time."""

    def __init__(self, seconds, start_seconds, together=None):
        self.seconds, self.together, self.closed = seconds, together, False
        time.sleep(start_seconds)

    def run(self, _):
        if self.together:
            self.together.wait(30)
        time.sleep(self.seconds)
        return ANSWER

    def close(self):
        self.closed = True


def run_many(sandbox, count, places):
    with ThreadPoolExecutor(places) as threads:
        verdicts = list(threads.map(lambda _: sandbox.run(Program("x")), range(count)))
    assert [one.status for one in verdicts] == ["passed"] * count


@pytest.mark.parametrize("is_warm", [True, False])
def test_few_programs_share_a_worker_whose_start_would_take_longer(is_warm):
    made = []
    sandbox = pool.Pool(lambda: made.append(Timed(0.001, 0.5)) or made[-1], Limits(), 4)
    if is_warm:
        sandbox.warm_up()
    run_many(sandbox, 12, 4)
    assert len(made) == 1


def test_many_programs_have_a_worker_for_each_place():
    """Each program waits for the other two, so fewer workers could not end any."""
    made, together = [], threading.Barrier(3)
    sandbox = pool.Pool(lambda: made.append(Timed(0, 0.2, together)) or made[-1], Limits(), 3)
    run_many(sandbox, 6, 3)
    assert len(made) == 3


def test_a_worker_that_could_not_be_started_is_not_waited_for():
    sandbox = pool.Pool(lambda: (_ for _ in ()).throw(SandboxError("no image")), Limits(), 3)
    with ThreadPoolExecutor(3) as threads:
        verdicts = list(threads.map(lambda _: sandbox.run(Program("x")), range(6)))
    assert [one.status for one in verdicts] == ["infra"] * 6


def test_programs_that_wait_end_when_the_sandbox_is_closed():
    is_closed = threading.Event()
    worker = Timed(0, 0)
    worker.run = lambda _: is_closed.wait(30) and ANSWER
    sandbox = pool.Pool(lambda: time.sleep(5 if sandbox._all else 0.5) or worker, Limits(), 2)
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(sandbox.run, Program("x")) for _ in range(2))
        while not sandbox._all:
            time.sleep(0.01)
        sandbox.close()
        is_closed.set()
        assert sorted(one.result().status for one in (first, second)) == ["infra", "passed"]


def test_a_lost_worker_is_closed_and_the_next_one_used():
    first, second = Scripted(LostError("gone")), Scripted(ANSWER, ANSWER)
    sandbox = pool_of(first, second)
    assert sandbox.run(Program("x")).status == "passed"
    assert sandbox.run(Program("x")).status == "passed"
    assert (first.closed, second.closed) == (True, False)
    sandbox.close()
    assert second.closed


def test_three_lost_workers_are_infra_with_every_reason():
    sandbox = pool_of(*(Scripted(LostError(f"reason {number}")) for number in range(3)))
    verdict = sandbox.run(Program("x"))
    assert verdict.status == "infra"
    assert verdict.evidence["troubles"] == ["reason 0", "reason 1", "reason 2"]


def test_a_container_that_the_kernel_ended_for_memory_is_the_program_s_doing():
    sandbox = pool_of(Scripted(LostError("it ended"), out_of_memory=True), Scripted(ANSWER))
    assert sandbox.run(Program("x")).status == "memory"
    assert sandbox.run(Program("x")).status == "passed"


def test_an_unclean_worker_keeps_its_verdict_and_gets_no_other_program():
    first, second = Scripted(ANSWER | {"clean": False, "status": "failed", "category": "name"}), Scripted(ANSWER)
    sandbox = pool_of(first, second)
    assert sandbox.run(Program("x")).status == "failed"
    assert first.closed
    assert sandbox.run(Program("x")).status == "passed"


def test_a_category_that_is_none_is_other():
    sandbox = pool_of(Scripted(ANSWER | {"status": "failed", "category": "excellent"}))
    assert sandbox.run(Program("x")).category == "other"


def test_what_cannot_be_started_is_infra_at_once(monkeypatch):
    monkeypatch.setattr(pool.time, "sleep", lambda _: pytest.fail("waits for a worker that can never start"))
    sandbox = pool_of(SandboxError("no image; build it"))
    verdict = sandbox.run(Program("x"))
    assert (verdict.status, "build it" in verdict.reason) == ("infra", True)


def test_an_interrupted_worker_is_not_used_again():
    first, second = Scripted(KeyboardInterrupt()), Scripted(ANSWER)
    first.script = [KeyboardInterrupt()]
    first.run = lambda _: (_ for _ in ()).throw(KeyboardInterrupt())
    sandbox = pool_of(first, second)
    with pytest.raises(KeyboardInterrupt):
        sandbox.run(Program("x"))
    assert first.closed
    assert sandbox.run(Program("x")).status == "passed"


def test_a_run_may_lower_limits_and_not_raise_them():
    sandbox = pool_of(Scripted(ANSWER))
    with pytest.raises(ValueError, match="memory_bytes"):
        sandbox.run(Program("x"), Limits(memory_bytes=Limits().memory_bytes + 1))
    with pytest.raises(ValueError, match="processes"):
        sandbox.run(Program("x"), Limits(processes=Limits().processes + 1))
    assert sandbox.run(Program("x"), Limits(memory_bytes=1, processes=1)).status == "passed"


def test_a_program_beyond_all_measure_is_not_sent():
    sandbox = pool_of()
    verdict = sandbox.run(Program("x" * (pool.MAX_SOURCE + 1)))
    assert (verdict.status, verdict.category, verdict.stage) == ("failed", "syntax", 0)


def test_a_closed_sandbox_starts_nothing():
    sandbox = pool_of(Scripted(ANSWER))
    sandbox.close()
    assert sandbox.run(Program("x")).status == "infra"
