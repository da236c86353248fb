"""A sandbox failure is retried or reported as ``infra``: never a wrong verdict, never a hang, nothing left behind."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sandbox_kinds import LIMITS, PYTHON

from apigauge.errors import SandboxError
from apigauge.sandboxes import orphans, pool, worker_channel
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import Program

pytestmark = [
    pytest.mark.docker,
    # The docker package leaves its socket to the garbage collector when it cannot connect.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PASSES, FAILS = Program("x = 1"), Program("1 / 0")
RIGHT = {PASSES: "passed", FAILS: "failed"}


def ours(client, pid=None):
    """Containers of this process, or of another."""
    containers = client.api.containers(all=True, filters={"label": orphans.LABEL})
    return [c["Id"] for c in containers if c["Labels"][orphans.LABEL].split(":")[1] == str(pid or os.getpid())]


@pytest.fixture(autouse=True)
def collected():
    """Collects what the docker package leaves behind, so that it is not collected in the middle of another test."""
    yield
    gc.collect()


@pytest.fixture
def sandbox(client):
    opened = DockerSandbox(PYTHON, LIMITS, 1, client=client)
    yield opened
    opened.close()


def current(sandbox):
    """Id of the one container of a sandbox."""
    (container,) = sandbox._all
    return container._id


@contextlib.contextmanager
def running(sandbox, program):
    """Runs a program in a thread; gives the list that will hold its verdict."""
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(sandbox.run(program)))
    thread.start()
    time.sleep(0.4)
    yield verdicts
    thread.join(90)
    assert not thread.is_alive(), "hangs"


def test_a_container_killed_in_the_middle_is_replaced_and_the_program_run_again(sandbox, client):
    with running(sandbox, Program("import time; time.sleep(0.9)")) as verdicts:
        client.api.kill(current(sandbox))
    assert [verdict.status for verdict in verdicts] == ["passed"]


def test_a_container_lost_after_a_memory_kill_costs_no_other_program_its_verdict(sandbox, client):
    """The engine reports a container as out of memory for ever once one of its processes was."""
    assert sandbox.run(Program("x = b'x' * (700 << 20)")).status == "memory"
    with running(sandbox, Program("import time\ntime.sleep(0.5)")) as verdicts:
        client.api.kill(current(sandbox))
    assert [verdict.status for verdict in verdicts] == ["passed"]


def test_a_supervisor_killed_in_the_middle_is_replaced(sandbox, client):
    with running(sandbox, Program("import time; time.sleep(0.9)")) as verdicts:
        os.kill(client.api.inspect_container(current(sandbox))["State"]["Pid"], signal.SIGKILL)
    assert [verdict.status for verdict in verdicts] == ["passed"]


def test_a_supervisor_that_says_nothing_is_given_up(sandbox, client, monkeypatch):
    monkeypatch.setattr(worker_channel, "SILENCE_SECONDS", 2.0)
    first = current(sandbox)
    with running(sandbox, Program("import time; time.sleep(0.9)")) as verdicts:
        client.api.pause(first)
    assert [verdict.status for verdict in verdicts] == ["passed"]
    assert first not in ours(client)


def test_a_program_that_loses_every_container_is_infra_and_the_next_one_is_judged(sandbox, client, monkeypatch):
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 1.0)
    stop = threading.Event()

    def kill_whatever_runs():
        while not stop.wait(0.05):
            for container in ours(client):
                with contextlib.suppress(Exception):
                    client.api.kill(container)

    killer = threading.Thread(target=kill_whatever_runs)
    killer.start()
    try:
        verdict = sandbox.run(Program("import time; time.sleep(0.9)"))
    finally:
        stop.set()
        killer.join()
    assert (verdict.status, verdict.stage) == ("infra", 0)
    assert len(verdict.evidence["troubles"]) == pool.TRIES
    assert sandbox.run(PASSES).status == "passed"


def test_an_engine_restarted_in_the_middle_costs_no_verdict(engine):
    with contextlib.closing(engine.client()) as connected:
        opened = DockerSandbox(PYTHON, LIMITS, 2, client=connected)
        verdicts, over = [], threading.Event()

        def work(program):
            while not over.is_set():
                verdicts.append((program, opened.run(program)))

        threads = [threading.Thread(target=work, args=(program,)) for program in (PASSES, FAILS)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        before = len(verdicts)
        engine.stop()
        time.sleep(1)
        engine.start()
        deadline = time.monotonic() + 60
        while len(verdicts) < before + 40 and time.monotonic() < deadline:
            time.sleep(0.1)
        over.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        opened.close()
        assert len(verdicts) >= before + 40
        assert {verdict.status for program, verdict in verdicts if verdict.status != RIGHT[program]} == set()
        assert ours(connected) == []


def test_an_engine_that_is_gone_is_infra(engine, monkeypatch):
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 1.0)
    with contextlib.closing(engine.client()) as connected:
        opened = DockerSandbox(PYTHON, LIMITS, 1, client=connected)
        engine.stop(signal.SIGKILL)
        try:
            assert opened.run(PASSES).status in ("infra", "passed")  # a container may outlive a killed engine
            assert opened.run(PASSES).status in ("infra", "passed")
        finally:
            engine.start()
            opened.close()
        again = DockerSandbox(PYTHON, LIMITS, 1, client=connected)
        assert again.run(PASSES).status == "passed"
        again.close()


def test_an_image_that_disappears_is_infra_and_says_what_to_do(engine):
    with contextlib.closing(engine.client()) as connected:
        saved = b"".join(connected.images.get(PYTHON.tag).save(named=True))
        opened = DockerSandbox(PYTHON, LIMITS, 1, client=connected)
        connected.api.kill(current(opened))
        deadline = time.monotonic() + 30
        while ours(connected) and time.monotonic() < deadline:
            time.sleep(0.1)
        connected.images.remove(opened.image.id, force=True)
        try:
            verdict = opened.run(PASSES)
            assert verdict.status == "infra"
            assert "build it again" in verdict.reason
            with pytest.raises(SandboxError, match="apigauge sandbox build python"):
                DockerSandbox(PYTHON, LIMITS, 1, client=connected)
        finally:
            opened.close()
            connected.images.load(saved)


def test_a_full_disk_is_infra_or_nothing_at_all(engine, monkeypatch):
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 1.0)
    with contextlib.closing(engine.client()) as connected:
        opened = DockerSandbox(PYTHON, LIMITS, 1, client=connected)
        filler = engine.folder / "data" / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)):
                pass
        try:
            assert opened.run(PASSES).status == "passed"  # a warm container needs no disk
            connected.api.kill(current(opened))
            time.sleep(0.5)
            verdict = opened.run(PASSES)
            assert verdict.status == "infra", verdict
            assert "space" in verdict.reason
        finally:
            filler.unlink()
            opened.close()
        assert ours(connected) == []


def test_no_engine_is_a_clear_error_and_auto_continues_without(apigauge, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("x = 1\n")
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    refused = apigauge("sandbox", "exec", program, "--sandbox", "docker", env=nowhere)
    assert refused.returncode == 4
    assert "no Docker engine answers" in refused.stderr
    assert "Traceback" not in refused.stderr
    without = apigauge("sandbox", "exec", program, env=nowhere)
    assert (without.returncode, without.stdout.split(",")[0]) == (0, "passed")
    assert "process sandbox" in without.stderr


HOLDER = """
import signal
from apigauge.sandboxes import environments
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.verdict import Limits, Program
sandbox = DockerSandbox(environments.load("python"), Limits(idle_seconds=600), 1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in a shell's background
print("running", flush=True)
try:
    sandbox.run(Program("import time; time.sleep(500)"))
finally:
    sandbox.close()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_container_outlives_its_process(client, number):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert holder.stdout.readline() == "running\n"
        time.sleep(0.5)
        assert len(ours(client, holder.pid)) == 1
        holder.send_signal(number)
        holder.wait(30)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    deadline = time.monotonic() + 20
    while (orphaned := ours(client, holder.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert orphaned == []


def test_the_next_start_removes_orphans_and_nothing_else(client):
    label = orphans.labels()[orphans.LABEL]
    machine, pid, started = label.rsplit(":", 2)
    containers = {
        name: client.api.create_container(PYTHON.tag, ["true"], labels=labels)["Id"]
        for name, labels in {
            "of a process that is gone": {orphans.LABEL: f"{machine}:4194304:1"},
            "of a process whose number is used again": {orphans.LABEL: f"{machine}:{pid}:1"},
            "of a living process": {orphans.LABEL: f"{machine}:{pid}:{started}"},
            "of another machine": {orphans.LABEL: "elsewhere:4194304:1"},
            "of nobody": {},
            "of someone with another label": {"org.example.owner": "x"},
        }.items()
    }
    try:
        DockerSandbox(PYTHON, LIMITS, 1, client=client).close()
        left = {c["Id"] for c in client.api.containers(all=True)}
        gone = {name for name, container in containers.items() if container not in left}
        assert gone == {"of a process that is gone", "of a process whose number is used again"}
    finally:
        for container in containers.values():
            with contextlib.suppress(Exception):
                client.api.remove_container(container, force=True)


def test_the_process_sandbox_replaces_a_supervisor_that_was_killed():
    opened = ProcessSandbox(PYTHON, LIMITS, 1, namespaces=False)
    try:
        with running(opened, Program("import time; time.sleep(0.9)")) as verdicts:
            (worker,) = opened._all
            worker._process.kill()
        assert [verdict.status for verdict in verdicts] == ["passed"]
    finally:
        opened.close()
