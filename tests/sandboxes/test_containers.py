"""What only a container guarantees: separate users, a memory limit, bounded output, a complete manifest."""

import pytest
from sandbox_kinds import LIMITS, PYTHON, open_kind

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.verdict import Limits, Program

pytestmark = pytest.mark.docker


def test_two_containers_do_not_share_a_user_whose_processes_the_kernel_would_count_together():
    """A program that forks to its limit in one container would leave its neighbour's without a process."""
    users = []
    for _ in range(4):
        opened = open_kind("docker")
        users += [opened.run(Program("import os\nprint(os.getuid())")).evidence["stdout"] for _ in range(2)]
        opened.close()
    assert len(set(users)) == 8
    assert {100_000 <= int(user) < 160_000 for user in users} == {True}


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(10 ** 12)",
        "x = []\nwhile True: x.append(bytearray(10 ** 6))",
        "import os\nfor _ in range(4):\n    if not os.fork(): x = [bytearray(10 ** 6) for _ in range(150)]; os._exit(0)\nos.wait(); 1 / 0",
    ],
)
def test_memory(source):
    opened = open_kind("docker")
    try:
        assert opened.run(Program(source)).status in ("memory", "failed")
        assert opened.run(Program("x = bytearray(10 ** 7)")).status == "passed"
    finally:
        opened.close()


def test_a_flood_costs_the_host_no_more_than_its_limit():
    opened = open_kind("docker")
    try:
        verdict = opened.run(Program("import os\nwhile True: os.write(1, b'x' * 65536)"))
    finally:
        opened.close()
    assert verdict.status == "output_limit"
    assert verdict.evidence["output_bytes"] <= LIMITS.output_bytes + 1
    assert len(str(verdict.to_json())) < 10_000


def test_the_manifest_says_all_that_a_verdict_depends_on():
    opened = open_kind("docker")
    about = opened.describe()
    again = DockerSandbox(PYTHON, LIMITS, 2)
    assert about == again.describe()
    opened.close()
    again.close()
    assert about["image"].startswith("sha256:")
    assert about["lock"] == PYTHON.lock_digest
    assert len(about["caveats"]) == 2  # what no sandbox can check
    assert Limits(**about["limits"]) == LIMITS
