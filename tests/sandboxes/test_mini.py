"""The embedded benchmark's own programs run, so a failure of a model's program is caused by the program."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.metrics.executability import program_of
from apigauge.sandboxes import environments
from apigauge.sandboxes.docker import DockerSandbox

MINI = load_benchmark("mini")


@pytest.mark.docker("mini")
@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_every_reference_program_makes_its_call_and_ends(concurrency):
    items = (*MINI.train, *MINI.items)
    assert len(items) == 280
    sandbox = DockerSandbox(environments.load("mini"), concurrency=concurrency)
    try:
        programs = [program_of(item.reference_call, item.reference_program) for item in items]
        with ThreadPoolExecutor(concurrency) as executor:
            verdicts = list(executor.map(sandbox.run, programs))
    finally:
        sandbox.close()
    assert [(item.id, verdict) for item, verdict in zip(items, verdicts, strict=True) if not verdict.ended] == []
