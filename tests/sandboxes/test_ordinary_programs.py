"""Ordinary programs print in the sandbox what they print as ``python program.py`` in the same place, byte for byte.

The same place is the same image for Docker, and for processes a namespace with the same mounts. The programs are in
``ordinary_programs``; the first line of each names the call that is observed. A program that exits with 0 has run to its
end, and any other has not.
"""

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_kinds import PYTHON, open_kind

from apigauge.sandboxes import process, worker_channel
from apigauge.sandboxes.docker import DockerSandbox, host_config
from apigauge.sandboxes.verdict import Limits, Program

PROGRAMS = sorted((Path(__file__).parent / "ordinary_programs").glob("*.py"))
USER = 100_001
# The sandbox numbers the programs' folders.
BOX = re.compile(r"/box/\d+")
ENTER = 'umask 022; mkdir -m 700 {0}; cd {0}; printf %s "$1" > program.py; exec {1} program.py </dev/null'
ENTRY = f"sandbox:x:{USER}:{USER}::/box:/bin/sh\n"
KINDS = (
    pytest.param("docker", marks=(pytest.mark.docker, pytest.mark.xdist_group("ordinary-docker"))),
    pytest.param("process", marks=(pytest.mark.bwrap, pytest.mark.xdist_group("ordinary-process"))),
)


@pytest.fixture(scope="module")
def in_container(client, tmp_path_factory):
    """Docker's sandbox, and what runs a program in a container of its image with its folders and limits alone."""
    with contextlib.closing(DockerSandbox(PYTHON, concurrency=1)) as sandbox:
        users = tmp_path_factory.mktemp("plain") / "passwd"
        there = client.containers.run(sandbox.image.id, ["cat", "/etc/passwd"], remove=True, network_mode="none")
        users.write_bytes(there + ENTRY.encode())  # for a real user
        host = {name: value for name, value in host_config(Limits()).items() if name != "security_opt"}
        host |= {"init": True, "binds": {str(users): {"bind": "/etc/passwd", "mode": "ro"}}}
        host = client.api.create_host_config(**host)
        created = client.api.create_container(sandbox.image.id, ["sleep", "3600"], hostname="sandbox", host_config=host)
        container = client.containers.get(created["Id"])

        def run(path, number):
            command = ["sh", "-c", ENTER.format(f"/box/{number}", "python3"), "sh", path.read_text(encoding="utf-8")]
            environment = variables(f"/box/{number}")
            code, outputs = container.exec_run(command, user=f"{USER}:{USER}", environment=environment, demux=True)
            return code, *outputs

        try:
            container.start()
            yield sandbox, run
        finally:
            container.remove(force=True)


@pytest.fixture(scope="module")
def in_namespaces(tmp_path_factory):
    """The process sandbox, and what runs a program in namespaces with its mounts alone."""
    files = process.write_files(tmp_path_factory.mktemp("plain"))
    python = Path(sys.executable)
    isolated = process.bubblewrap(python, Limits(), None, "none", files)
    isolated.remove("--as-pid-1")  # bubblewrap's own first process waits for orphans, as any machine's does

    def run(path, number):
        setting = [word for pair in variables(f"/box/{number}").items() for word in ("--setenv", *pair)]
        command = ["sh", "-c", ENTER.format(f"/box/{number}", python), "sh", path.read_text(encoding="utf-8")]
        done = subprocess.run([*isolated, *setting, *command], capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    with contextlib.closing(process.ProcessSandbox(PYTHON, concurrency=1)) as sandbox:
        yield sandbox, run


def variables(box):
    there = {"HOME": box, "TMPDIR": box, "PWD": box, "USER": "sandbox", "LOGNAME": "sandbox"}
    return worker_channel.VARIABLES | PYTHON.variables | there


def run_in_sandbox(sandbox, path):
    source = path.read_text(encoding="utf-8")
    callee = re.match(r"# callee: (.+)\n", source)[1]
    return sandbox.run(Program(source, callee, (callee,)))


def placed(text):
    """The text with the same folder, whatever its number is."""
    return BOX.sub("/box/N", text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_output_is_that_of_python(request, kind, path):
    sandbox, run_plainly = request.getfixturevalue("in_container" if kind == "docker" else "in_namespaces")
    code, out, err = run_plainly(path, 1 + PROGRAMS.index(path))
    verdict = run_in_sandbox(sandbox, path)
    assert placed(verdict.evidence["stdout"]) == placed((out or b"").decode("utf-8", "replace"))
    assert placed(verdict.evidence["stderr"]) == placed((err or b"").decode("utf-8", "replace"))
    assert (verdict.status == "passed") == (code == 0), verdict


@pytest.mark.parametrize("kind", KINDS)
def test_no_signal_is_ignored_because_apigauge_was_started_with_nohup(kind):
    """Or behind a shell's ``&``: a child inherits what its parents ignore."""
    program = (
        "import signal\n"
        "usual = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP}\n"
        "for one in signal.valid_signals() - usual:\n"
        "    assert signal.getsignal(one) == signal.SIG_DFL, one\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    ignored = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
    before = [signal.signal(one, signal.SIG_IGN) for one in ignored]
    try:
        with contextlib.closing(open_kind(kind)) as sandbox:
            verdict = sandbox.run(Program(program))
    finally:
        for one, handler in zip(ignored, before, strict=True):
            signal.signal(one, handler)
    assert verdict.status == "passed", verdict


def test_there_are_sixty():
    assert len(PROGRAMS) >= 60
