"""The same sandbox on Podman's Docker-compatible socket, with a real service that the test starts."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from sandbox_kinds import PYTHON

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.doctor import LIMITS, PROBES
from apigauge.sandboxes.verdict import Program

# All in one process: two Podmans on one machine share their locks, whatever their folders.
pytestmark = [pytest.mark.docker, pytest.mark.podman, pytest.mark.xdist_group("podman")]


@pytest.fixture(scope="module")
def podman(client):
    """A client of a Podman service that has the python image."""
    import docker

    # Podman refuses folders with names as long as pytest's.
    folder = Path(tempfile.mkdtemp(prefix="podman-"))
    command = ["podman", f"--root={folder}/root", f"--runroot={folder}/run"]
    image = folder / "image.tar"
    image.write_bytes(b"".join(client.images.get(PYTHON.tag).save(named=True)))
    subprocess.run([*command, "load", "--quiet", "--input", str(image)], check=True, capture_output=True)
    socket = folder / "socket"
    service = subprocess.Popen(
        [*command, "system", "service", "--time=0", f"unix://{socket}"], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with contextlib.closing(docker.DockerClient(base_url=f"unix://{socket}", timeout=None)) as connected:
            yield connected
    finally:
        service.terminate()
        service.wait(30)
        subprocess.run([*command, "system", "reset", "--force"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sandbox(podman):
    opened = DockerSandbox(PYTHON, LIMITS, 1, client=podman)
    yield opened
    opened.close()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_limit_is_enforced(sandbox, probe):
    verdict = sandbox.run(Program(probe.source))
    got = f"{verdict.status}/{verdict.category}" if verdict.category else verdict.status
    assert got == probe.expected, verdict


def test_the_end_and_the_call_are_seen_and_not_believed(sandbox):
    assert sandbox.run(Program("import json\njson.loads('1')", "json.loads")).stage == 4
    assert sandbox.run(Program("import json", "json.loads")).stage == 2
    assert sandbox.run(Program("import os\nos._exit(0)")).status == "early_exit"
    about = sandbox.describe()
    assert about["caveats"][2:] == ["this engine cannot change a container's limits: memory is limited by looking"]
    assert "can forge its own verdict" in about["caveats"][0]


def test_no_container_is_left(podman):
    opened = DockerSandbox(PYTHON, LIMITS, 2, client=podman)
    assert opened.run(Program("x = 1")).status == "passed"
    before = len(podman.containers.list(all=True))
    opened.close()
    deadline = time.monotonic() + 15
    while len(podman.containers.list(all=True)) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(podman.containers.list(all=True)) == before - 1
