"""What tests let a Ray cluster do: functions and sandboxes that its processes import, and a cluster on the loopback."""

import contextlib
import os
import signal
import time
from functools import partial
from pathlib import Path

# Before Ray is imported: no telemetry, no cluster that nobody asked for, and nothing outside the loopback.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}

from apigauge.errors import ModelError, SandboxError
from apigauge.harness.executors.ray_nodes import NodeEngine, OpenedEngine
from apigauge.harness.generation.types import Answer
from apigauge.sandboxes.verdict import Verdict

DEADLY = -7
# A node that is gone is noticed in three seconds instead of ten; one that is slow is waited for as long.
_QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1_000,
    "health_check_timeout_ms": 10_000,
    "health_check_failure_threshold": 3,
}


@contextlib.contextmanager
def cluster(*cores, paths=(), store=None, settings=None):
    """A cluster of a head without cores and a node for each number; its processes find modules on ``paths``.

    ``store`` are the bytes of the head's object store, ``settings`` of Ray's own.
    """
    import ray
    from ray.cluster_utils import Cluster

    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), *map(str, paths), before]))
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": store}
    head["_system_config"] = _QUICK | (settings or {})
    started = Cluster(initialize_head=True, head_node_args=head)
    try:
        for count in cores:
            started.add_node(num_cpus=count)
        yield started
    finally:
        ray.shutdown()  # of a test that failed with it in use
        started.shutdown()
        os.environ["PYTHONPATH"] = before


def squaring(seconds=0.0):
    """Makes what squares a number, and ends its process at ``DEADLY``."""
    return partial(_square, seconds)


def _square(seconds, number):
    if number == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)
    return number * number


class Sleeping:
    """A sandbox whose programs sleep; ``poison`` ends its process, and with ``broken`` there, nothing runs."""

    def __init__(self, concurrency, seconds=0.0, image="sha256:1", broken=None):
        self.concurrency = concurrency
        self._seconds, self._image, self._broken = seconds, image, broken

    def run(self, program, limits=None):
        if self._broken and Path(self._broken).exists():
            return Verdict("infra", 0, reason="the engine went away")
        if program.source == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self._seconds)
        return Verdict("passed", 4, reason=program.source)

    def describe(self):
        return {"kind": "docker", "image": self._image}

    def close(self):
        pass


def sleeping(seconds, broken, cores, say):
    """Opens a sandbox of sleeping programs."""
    return Sleeping(cores, seconds, broken=broken)


def differing(cores, say):
    """Opens a sandbox that is another one on a node of two cores."""
    return Sleeping(cores, image=f"sha256:{cores}")


def lacking(cores, say):
    """Opens none on a node of two cores."""
    if cores == 2:
        raise SandboxError("the image of environment 'python' is not on this engine. Build it")
    return Sleeping(cores)


class DeadlyEngine(NodeEngine):
    """An engine that says a prompt back, with what it was drawn with; ``DEADLY`` ends its process."""

    def open(self, of_driver, spec, options):
        self._engine = self
        self._sampling = options.sampling
        kind = spec.partition(":")[2]
        described = {"kind": "said back", "revision": os.getpid() if kind == "differing" else 1}
        return OpenedEngine(f"hf:{kind}", described, True, False, "", 12, [f"{kind} is no model"])

    def chat(self, message):
        return str(os.getpid())

    def answer(self, requests, style, sampling):
        self._stopping = False
        for place, request in enumerate(requests):
            if self._stopping:
                break
            if "DEADLY" in request.prompt:
                os.kill(os.getpid(), signal.SIGKILL)
            if "missing" in request.prompt:
                continue
            if "failing" in request.prompt:
                raise ModelError("the model fails")
            time.sleep(0.002)
            text = f"{request.prompt} {request.seed} {sampling.max_new_tokens}"
            yield place, Answer(text, "stop", 1, 1)
        yield -1, ["was slow"]

    def stop(self, at_once):
        self._stopping = True
