"""Ordinary programs print in the sandbox what they print as ``python program.py`` in the same image, byte for byte.

The programs are in ``ordinary_programs``; the first line of each names the call that is observed. A program that exits
with 0 has run to its end, and any other has not.
"""

import contextlib
import re
from pathlib import Path

import pytest
from sandbox_kinds import PYTHON

from apigauge.sandboxes import worker_channel
from apigauge.sandboxes.docker import DockerSandbox, host_config
from apigauge.sandboxes.verdict import Limits, Program

PROGRAMS = sorted((Path(__file__).parent / "ordinary_programs").glob("*.py"))
USER = 100_001
# The sandbox numbers the programs' folders.
BOX = re.compile(r"/box/\d+")
ENTER = 'umask 022; mkdir -m 700 {0}; cd {0}; printf %s "$1" > program.py; exec python3 program.py </dev/null'
ENTRY = f"sandbox:x:{USER}:{USER}::/box:/bin/sh\n"


@pytest.fixture(scope="module")
def sandbox():
    with contextlib.closing(DockerSandbox(PYTHON, concurrency=1)) as opened:
        yield opened


@pytest.fixture(scope="module")
def plain(client, sandbox, tmp_path_factory):
    """A container of the same image with the sandbox's folders and limits, and nothing else of it, for a real user."""
    users = tmp_path_factory.mktemp("plain") / "passwd"
    there = client.containers.run(sandbox.image.id, ["cat", "/etc/passwd"], remove=True, network_mode="none")
    users.write_bytes(there + ENTRY.encode())
    host = {name: value for name, value in host_config(Limits()).items() if name != "security_opt"}
    host |= {"init": True, "binds": {str(users): {"bind": "/etc/passwd", "mode": "ro"}}}
    host = client.api.create_host_config(**host)
    created = client.api.create_container(sandbox.image.id, ["sleep", "3600"], hostname="sandbox", host_config=host)
    container = client.containers.get(created["Id"])
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True)


def run_plainly(container, path, number):
    box = f"/box/{number}"
    variables = worker_channel.VARIABLES | PYTHON.variables
    variables |= {"HOME": box, "TMPDIR": box, "PWD": box, "USER": "sandbox", "LOGNAME": "sandbox"}
    command = ["sh", "-c", ENTER.format(box), "sh", path.read_text(encoding="utf-8")]
    code, (out, err) = container.exec_run(command, user=f"{USER}:{USER}", environment=variables, demux=True)
    return code, *((stream or b"").decode("utf-8", "replace") for stream in (out, err))


def run_in_sandbox(sandbox, path):
    source = path.read_text(encoding="utf-8")
    callee = re.match(r"# callee: (.+)\n", source)[1]
    return sandbox.run(Program(source, callee, (callee,)))


def placed(text):
    """The text with the same folder, whatever its number is."""
    return BOX.sub("/box/N", text)


@pytest.mark.docker
@pytest.mark.xdist_group("ordinary-programs")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_output_is_that_of_python(sandbox, plain, path):
    code, out, err = run_plainly(plain, path, 1 + PROGRAMS.index(path))
    verdict = run_in_sandbox(sandbox, path)
    assert placed(verdict.evidence["stdout"]) == placed(out)
    assert placed(verdict.evidence["stderr"]) == placed(err)
    assert (verdict.status == "passed") == (code == 0), verdict


def test_there_are_sixty():
    assert len(PROGRAMS) >= 60
