"""An executor on the cluster that a module of tests has."""

import pytest

from apigauge.harness.executors.ray import RayExecutor


@pytest.fixture
def executor(nodes):
    opened = RayExecutor(nodes.address)
    yield opened
    opened.close()
