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
    """The settings of this machine, before any attack.

    Tests that run beside these have sandboxes of their own, whose programs are no leftovers.
    """

    class Settings(Host):
        def __call__(self):
            return "; ".join(part for part in super().__call__().split("; ") if "process" not in part)

    return Settings()


@pytest.fixture(scope="session")
def pair():
    """The victim and the neighbour of a kind, started when first asked for."""
    started = {}

    def of(kind):
        if kind not in started:
            # What whoever runs the tests has in the environment must not be what a program finds there.
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("HF_TOKEN", "secret")
                started[kind] = sandbox(kind), sandbox(kind)
        return started[kind]

    yield of
    for both in started.values():
        for one in both:
            one.close()
