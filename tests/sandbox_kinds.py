"""The kinds of sandbox that tests run on: Docker, processes with namespaces, processes without."""

import pytest

from apigauge.sandboxes import environments
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import MIB, Limits

PYTHON = environments.load("python")
# Short, so that what must time out does so soon.
LIMITS = Limits(cpu_seconds=1, idle_seconds=1, memory_bytes=256 * MIB, processes=32, disk_bytes=32 * MIB)
KINDS = (
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("process", marks=pytest.mark.bwrap),
    "bare",
)


def open_kind(kind, limits=LIMITS, concurrency=1, **options):
    if kind == "docker":
        return DockerSandbox(PYTHON, limits, concurrency, **options)
    return ProcessSandbox(PYTHON, limits, concurrency, namespaces=kind == "process", **options)
