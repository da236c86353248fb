"""The rule on ``infra``, with workers that fail as scripted; test_faults has real ones."""

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
