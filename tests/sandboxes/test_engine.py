"""A slow engine is waited for, and errors of an engine that breaks down are reported as the engine's."""

import contextlib
import os
import shutil
import socket
import threading
import uuid

import pytest
import requests
from fake_engine import STEPS, FakeEngine, RefusesError, VanishesError

from apigauge.errors import SandboxError
from apigauge.sandboxes import build_base, build_wheels, doctor, engine, environments, hubs, progress
from apigauge.sandboxes.build import build, find_image
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.engine import connect
from apigauge.sandboxes.factory import open_sandbox
from apigauge.sandboxes.hubs.build import build as build_hub

# Tests wait for events, never for a time; an event that does not come fails after this long.
PATIENCE = 60
RESUMES = "the same command resumes after the finished layers"
# The calls of a whole build, in their order, up to the first that is only made where a stage was left.
CALLS = ["image", "build", "image", "create", "inspect", "archive", "remove", "prune", "images"]


@pytest.fixture
def fake(monkeypatch, tmp_path):
    started = FakeEngine()
    for name in [name for name in os.environ if name.startswith("DOCKER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", started.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield started
    started.close()


@pytest.fixture
def tiny(tmp_path):
    name = f"selftest-{uuid.uuid4().hex[:8]}"
    return environments.read(shutil.copytree(environments.load("python").folder, tmp_path / name))


class Lines(list):
    """What was reported; sets ``matched`` at the first line with all these words."""

    def __init__(self, *words):
        self.words, self.matched = words, threading.Event()

    def __call__(self, line):
        self.append(line)
        if all(word in line for word in self.words):
            self.matched.set()

    def wait(self):
        assert self.matched.wait(PATIENCE), self


def raises(error):
    def fault():
        raise error

    return fault


def test_no_work_of_a_build_has_a_deadline(fake, tiny, monkeypatch):
    """The fault: a commit of two gigabytes took a busy disk more than the package's 60 seconds."""
    deadlines, send = {}, requests.adapters.HTTPAdapter.send

    def record(adapter, request, **options):
        deadlines.setdefault(options["timeout"], []).append(request.path_url.partition("?")[0].split("/")[-1])
        return send(adapter, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", record)
    image = build(tiny, "docker", say=print)
    assert image.packages == ("tiny==1.0",)
    assert fake.calls == ["version", "ping", *CALLS]
    assert deadlines.keys() == {engine.ANSWER_SECONDS, None}
    assert deadlines[engine.ANSWER_SECONDS] == ["version", "_ping"]


def test_work_may_take_longer_than_an_engine_may_be_silent_when_asked_whether_it_is_there(fake, tiny, monkeypatch):
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 1.0)
    over = threading.Event()
    fake.faults = dict.fromkeys(("image",), lambda: over.wait(1.5))
    with contextlib.closing(connect()) as client:
        assert find_image(client, tiny) is None


@pytest.mark.parametrize("silent", ["version", "ping"])
def test_an_engine_that_takes_connections_and_never_answers_is_no_engine(fake, monkeypatch, silent):
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.2)
    over = threading.Event()
    fake.faults[silent] = lambda: over.wait(PATIENCE)
    with pytest.raises(SandboxError, match=r"no Docker engine answers .*DOCKER_HOST"):
        connect()
    over.set()


def test_a_socket_that_nobody_accepts_from_is_no_engine(monkeypatch):
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(SandboxError, match="no Docker engine answers"):
            connect()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("step", "{tag}: Step 2/2 : RUN work: still at work after "),
        ("build", "{tag}: handing the engine what it needs: still at work after "),
        ("create", "{tag}: reading which packages are in it: still at work after "),
        ("prune", "{tag}: removing the stages it was built in: still at work after "),
    ],
)
def test_while_the_engine_says_nothing_the_step_is_named_again(fake, tiny, monkeypatch, call, named):
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.05)
    lines = Lines(named.format(tag=tiny.tag))
    fake.faults[call] = lines.wait
    build(tiny, "docker", say=lines)
    assert lines.matched.is_set()


def test_while_pip_says_nothing_the_download_is_named_again(fake, tiny, monkeypatch):
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.05)
    (tiny.folder / "lock.txt").write_text(f"tiny==1.0 --hash=sha256:{64 * '0'}\n")
    lines = Lines(f"{tiny.name}: downloading 1 wheels: still at work after ")
    monkeypatch.setattr(build_wheels, "_pip", lambda *_: lines.wait())
    with pytest.raises(SandboxError, match="lacks wheels"):
        build(tiny, "docker", say=lines)


def test_while_debootstrap_and_the_import_say_nothing_they_are_named_again(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(build_base.os, "geteuid", lambda: 0)
    script = tmp_path / "bin" / "debootstrap"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nwhile ! test -e {tmp_path}/reported; do sleep 0.05; done\nmkdir -p "$4"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    making, importing = Lines("debootstrap of", "still at work"), Lines("handing it to the engine: still at work")

    def say(line):
        making(line)
        importing(line)
        if making.matched.is_set():
            (tmp_path / "reported").touch()

    fake.faults["import"] = importing.wait
    with contextlib.closing(connect()) as client, progress.Progress(say) as steps:
        assert build_base.debian_base(client, (), "http://127.0.0.1:1/", steps) == "apigauge/base:bookworm"
    assert importing.matched.is_set()


VANISHING = [(call, VanishesError(), "the engine does not answer (") for call in (*dict.fromkeys(CALLS), "step")]
# A prune may be refused, and a failing step is reported in the stream of steps.
FAILING = [
    (call, RefusesError(500), "the engine failed: no luck") for call, *_ in VANISHING if call not in ("prune", "step")
]


@pytest.mark.parametrize(("call", "fault", "what"), VANISHING + FAILING)
def test_an_engine_that_breaks_down_in_a_build_is_named_with_the_step_and_what_to_do(fake, tiny, call, fault, what):
    fake.faults[call] = raises(fault)
    with pytest.raises(SandboxError) as caught:
        build(tiny, "docker", say=print)
    message = str(caught.value)
    assert message.startswith(f"{tiny.tag}: ")
    assert message.endswith(RESUMES)
    assert what in message
    if call == "step":
        assert STEPS[2].strip() in message


def test_after_an_engine_error_in_a_rebuild_nothing_is_promised(fake, tiny):
    fake.faults["step"] = raises(VanishesError())
    with pytest.raises(SandboxError, match="begins anew"):
        build(tiny, "docker", say=print, rebuild=True)


def test_a_failed_build_sweeps_nothing(fake, tiny):
    fake.faults["step"] = raises(VanishesError())
    with pytest.raises(SandboxError):
        build(tiny, "docker", say=print)
    assert fake.calls[2:] == ["image", "build"]


def test_a_prune_that_is_refused_costs_no_image(fake, tiny):
    fake.faults["prune"] = raises(RefusesError(409, "a prune operation is already running"))
    assert build(tiny, "docker", say=print).packages == ("tiny==1.0",)


def test_the_command_line_calls_an_engine_error_no_disk_error(fake, apigauge):
    fake.faults["step"] = raises(VanishesError())
    done = apigauge("sandbox", "build", "python")
    assert done.returncode == 4
    assert "Step 2/2 : RUN work: the engine does not answer (" in done.stderr
    assert RESUMES in done.stderr
    assert "disk" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_disk_error_of_this_machine_is_no_engine_error(fake, tiny, monkeypatch):
    """A fix that takes every OSError for the engine's would send people looking in the wrong place."""
    monkeypatch.setattr("apigauge.sandboxes.build._pack", lambda *_: raises(OSError(28, "No space left on device"))())
    with pytest.raises(OSError, match="No space left"):
        build(tiny, "docker", say=print)


@pytest.mark.bwrap
def test_a_sandbox_that_cannot_look_for_its_image_says_so_and_auto_continues_without(fake, tiny):
    fake.faults["image"] = raises(VanishesError())
    with pytest.raises(SandboxError, match="looking for the image: the engine does not answer"):
        DockerSandbox(tiny)
    lines = []
    open_sandbox("auto", "python", concurrency=1, say=lines.append).close()
    assert any("the engine does not answer" in line for line in lines)


@pytest.mark.parametrize("call", ["info", "image"])
def test_the_doctor_reports_a_broken_engine(fake, call):
    fake.faults[call] = raises(VanishesError())
    *_, last = doctor._engine()
    assert (last.name, last.ok) == ("engine", False)
    assert "the engine does not answer" in last.result


@pytest.mark.parametrize("call", ["create", "put", "start", "wait", "archive"])
def test_an_engine_that_breaks_down_while_a_hub_is_built_is_named(fake, monkeypatch, tmp_path, call):
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path / "hubs")
    environment = environments.load("torchhub")
    fake.images[environment.tag] = fake.images["b"] = {"org.apigauge.lock": environment.lock_digest}
    # Looking for the image makes a container and reads from it as well.
    spared = iter([call in ("create", "archive")])

    def fault():
        if not next(spared, False):
            raise VanishesError

    fake.faults[call] = fault
    with pytest.raises(SandboxError, match=r"torchhub: .*the engine does not answer .*builds the hub again"):
        build_hub("torchhub", say=print)
    assert fake.calls[-1] == "remove" or call == "create"
