"""A build reuses the layers of one that failed or was killed, on a real engine."""

import contextlib
import shutil
import signal
import subprocess
import sys
import uuid

import pytest
from sandbox_kinds import PYTHON

from apigauge.errors import SandboxError
from apigauge.sandboxes import environments
from apigauge.sandboxes.build import ENVIRONMENT_LABEL, STAGE_LABEL, build

pytestmark = pytest.mark.docker
PACKAGES = "mkdir -p /etc/apigauge; echo a==1 > /etc/apigauge/packages.txt"
# Each step that is done anew leaves another image.
DOCKERFILE = f"""
FROM {PYTHON.tag} AS wheels
LABEL {STAGE_LABEL}=NAME
RUN cat /proc/sys/kernel/random/uuid > /first
FROM {PYTHON.tag}
LABEL {ENVIRONMENT_LABEL}=NAME
COPY --from=wheels /first /first
RUN cat /proc/sys/kernel/random/uuid > /second
RUN true
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A lock apart from that of other builds on this machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def make(folder):
    name = f"selftest-{uuid.uuid4().hex[:8]}"
    shutil.copytree(environments.load("python").folder, folder / name)
    (folder / name / "Dockerfile").write_text(DOCKERFILE.replace("NAME", name))
    return environments.read(folder / name)


@pytest.fixture
def environment(tmp_path, client):
    temporary = make(tmp_path)
    yield temporary
    remove(client, temporary)


@pytest.fixture
def other(tmp_path, client):
    temporary = make(tmp_path)
    yield temporary
    remove(client, temporary)


def remove(client, environment):
    for image in client.api.images(filters={"label": f"{ENVIRONMENT_LABEL}={environment.name}"}):
        with contextlib.suppress(Exception):
            client.api.remove_image(image["Id"], force=True)
    for image in stages(client, environment):
        client.api.remove_image(image)


def ending(environment, command):
    """The environment with another last step."""
    text = (environment.folder / "Dockerfile").read_text()
    (environment.folder / "Dockerfile").write_text(f"{text[: text.rindex('RUN ')]}RUN {command}\n")
    return environments.read(environment.folder)


def stages(client, environment):
    images = client.api.images(filters={"dangling": True, "label": f"{STAGE_LABEL}={environment.name}"})
    return {image["Id"] for image in images}


def left_behind(client, environment):
    images = client.api.images(filters={"dangling": True, "label": f"{ENVIRONMENT_LABEL}={environment.name}"})
    return {image["Id"] for image in images}


def random_words(client, image):
    """What the two steps made, read in the image; each time they are done it is something else."""
    return client.containers.run(image, ["cat", "/first", "/second"], network_mode="none", remove=True).split()


def test_the_build_after_a_failed_one_does_no_finished_step_again(client, environment):
    """The fault: a sweep of dangling images takes the layers of a failed build, for they are just that."""
    with pytest.raises(SandboxError, match="exit 3"):
        build(ending(environment, "exit 3"), "docker", client=client, say=print)
    (failed,) = left_behind(client, environment)
    words = random_words(client, failed)
    assert len(set(words)) == 2
    image = build(ending(environment, PACKAGES), "docker", client=client, say=print)
    assert random_words(client, image.id) == words
    assert left_behind(client, environment) == stages(client, environment) == set()


BUILDER = """
import signal
import sys
from pathlib import Path
from apigauge.sandboxes import environments
from apigauge.sandboxes.build import build
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in a shell's background
build(environments.read(Path(sys.argv[1])), "docker", say=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_build_after_a_killed_one_does_no_finished_step_again(client, environment, number):
    environment = ending(environment, "sleep 600")
    command = [sys.executable, "-c", BUILDER, str(environment.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as builder:
        try:
            assert any("sleep 600" in line for line in builder.stdout)
            builder.send_signal(number)
            builder.wait(60)
        finally:
            builder.kill()
    (finished,) = left_behind(client, environment)
    words = random_words(client, finished)
    image = build(ending(environment, PACKAGES), "docker", client=client, say=print)
    assert random_words(client, image.id) == words


def test_a_build_keeps_the_stages_that_another_environment_reuses(client, environment, other):
    """The fault: stages have no environment's name, and a sweep of all of them takes another's finished work."""
    with pytest.raises(SandboxError, match="exit 3"):
        build(ending(other, "exit 3"), "docker", client=client, say=print)
    (failed,) = left_behind(client, other)
    words = random_words(client, failed)
    build(ending(environment, PACKAGES), "docker", client=client, say=print)
    image = build(ending(other, PACKAGES), "docker", client=client, say=print)
    assert random_words(client, image.id) == words
