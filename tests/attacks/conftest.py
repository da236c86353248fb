"""One victim and one neighbour for each kind of sandbox, for the whole session."""

import pytest

from apigauge.sandboxes import environments
from apigauge.sandboxes.attacks import run
from apigauge.sandboxes.attacks.host import Host


def sandbox(kind):
    environment = environments.load("python")
    if kind == "docker":
        from apigauge.sandboxes.docker import DockerSandbox

        return DockerSandbox(environment, run.LIMITS, 1)
    from apigauge.sandboxes.process import ProcessSandbox

    return ProcessSandbox(environment, run.LIMITS, 1, namespaces=kind == "process")


@pytest.fixture(scope="session")
def host():
    """This machine, before any attack."""
    return Host()


@pytest.fixture(scope="session")
def pair():
    """The victim and the neighbour of a kind, started at the first use."""
    started = {}

    def of(kind):
        if kind not in started:
            # A program must not see the variables of the user who runs the tests.
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HF_TOKEN", "secret")
                started[kind] = sandbox(kind), sandbox(kind)
        return started[kind]

    yield of
    for both in started.values():
        for one in both:
            one.close()
