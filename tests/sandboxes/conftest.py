"""A sandbox of each kind, and a Docker engine that may be broken."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sandbox_kinds import KINDS, PYTHON, open_kind

from apigauge.sandboxes.engine import connect


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request):
    """One of each kind of sandbox, with one worker."""
    opened = open_kind(request.param)
    opened.kind = request.param
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def client():
    with contextlib.closing(connect()) as connected:
        yield connected


class Engine:
    """A Docker engine for the tests, with the python image, that can be stopped and started."""

    def __init__(self, folder):
        self.folder = folder
        # A Unix socket's path may be 107 bytes long, and pytest's folders are longer.
        self.socket = f"/tmp/apigauge-engine-{os.getpid()}.sock"
        self._process = None

    def start(self):
        arguments = {
            "--data-root": self.folder / "data",
            "--exec-root": f"{self.socket}.exec",
            "--pidfile": f"{self.socket}.pid",
            "--host": f"unix://{self.socket}",
            "--bridge": "none",
            "--iptables": "false",
        }
        command = ["dockerd", *(f"{name}={value}" for name, value in arguments.items())]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception), contextlib.closing(self.client()) as connected:
                connected.ping()
                return
            time.sleep(0.1)
        pytest.fail((self.folder / "log").read_text()[-3000:])

    def stop(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        self._process.wait(30)

    def client(self):
        import docker

        return docker.DockerClient(base_url=f"unix://{self.socket}", timeout=30)

    def remove(self):
        with contextlib.suppress(Exception):
            self.stop()
        for path in (f"{self.socket}.exec", f"{self.socket}.pid", self.socket):
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                Path(path).unlink()


@pytest.fixture(scope="module")
def engine(tmp_path_factory, client):
    """A second engine with its own small disk and the python image."""
    folder = tmp_path_factory.mktemp("engine")
    data = folder / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(data)], check=True)
    started = Engine(folder)
    try:
        started.start()
        with contextlib.closing(started.client()) as connected:
            connected.images.load(b"".join(client.images.get(PYTHON.tag).save(named=True)))
        yield started
    finally:
        started.remove()
        subprocess.run(["umount", "-l", str(data)], check=True)
