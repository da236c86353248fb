"""One sandbox for all tests of a hub: starting Hugging Face's takes thirteen seconds of a core.

Its tests must be in one process, so they are marked with ``xdist_group("hub-NAME")``.
"""

import contextlib

import pytest

from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.docker import DockerSandbox


@pytest.fixture(scope="session")
def sandbox_of():
    """The sandbox with a hub's environment, its stand-in models and files for what programs read.

    Two containers: the tests of Hugging Face's hub are the longest of all, and other cores are free at their end.
    """
    opened = {}
    with contextlib.ExitStack() as stack:

        def sandbox(name):
            if name not in opened:
                hub = hubs.stand_in_hub(name)
                one = DockerSandbox(environments.load(name), concurrency=2, hub=hub, inputs="fixtures")
                opened[name] = stack.enter_context(contextlib.closing(one))
            return opened[name]

        yield sandbox
