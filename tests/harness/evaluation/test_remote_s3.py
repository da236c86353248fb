"""A run in S3, as moto's server has it, by s3fs: both of an environment of their own."""

import contextlib
import os
import re
import socket
import subprocess
import time

import pytest

from apigauge.errors import RunError

pytestmark = [pytest.mark.s3, pytest.mark.slow]

_BUCKETS = (
    "import s3fs, sys; files = s3fs.S3FileSystem(); [files.mkdir(one) for one in sys.argv[1:]]; print(*files.ls(''))"
)
_TREE = "import s3fs; files = s3fs.S3FileSystem(); print(*sorted(files.find('bucket')), sep='\\n')"


@pytest.fixture(scope="module")
def server(s3_python):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [s3_python, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def python(s3_python, server, tmp_path):
    """Runs Python on a machine of a name."""

    def call(machine, *arguments):
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = os.environ | keys | {"AWS_ENDPOINT_URL": server, "XDG_CACHE_HOME": str(tmp_path / machine)}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [s3_python, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return call


def run(python, machine, address, limit):
    arguments = ["--benchmark", "mini", "--model", "retrieval:bm25", "--sandbox", "none", "--metrics", "ast_match"]
    return python(machine, "-m", "apigauge", "run", *arguments, "--limit", str(limit), "--out", address)


def test_a_run_in_s3_goes_on_elsewhere_and_is_gated(python):
    assert python("first", "-c", _BUCKETS, "bucket")[0] == 0
    code, shown = run(python, "first", "s3://bucket/runs/a", 4)
    assert code == 0, shown
    assert "s3://bucket/runs/a: 4 of 4 items" in shown
    code, shown = run(python, "second", "s3://bucket/runs/a", 6)
    assert code == 0, shown
    assert "6 of 6 items" in shown
    names = python("first", "-c", _TREE)[1].split()
    assert [re.sub("-[0-9a-f]{8}", "", name) for name in names] == [f"bucket/runs/a/copy-00000{n}.zip" for n in (2, 3)]
    code, shown = python("third", "-m", "apigauge", "runs", "s3://bucket/runs")
    assert code == 0, shown
    code, shown = python("first", "-m", "apigauge", "gate", "s3://bucket/runs/a", "--baseline", "s3://bucket/runs/a")
    assert code == 3, shown  # six answers are too few to tell
    assert "inconclusive" in shown


def test_a_bucket_that_does_not_exist_is_not_made(python):
    code, shown = run(python, "first", "s3://mistyped/runs/a", 4)
    assert code == RunError.exit_code, shown
    assert "s3://mistyped/runs/a: " in shown
    assert "Traceback" not in shown
    assert "mistyped" not in python("first", "-c", _BUCKETS)[1]
