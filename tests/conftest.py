"""Where APIBench's files are, and the command line as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# New examples are for a person at the keyboard; CI decides on the same ones every time.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

CHECKOUT = Path(__file__).resolve().parents[1]
_MISSING = "APIBench's files are not here: set APIGAUGE_DATA to a folder that has them"


def apibench_folder() -> Path | None:
    """``$APIGAUGE_DATA``, or ``shared/gorilla`` beside the checkout; None if there is neither."""
    named = os.environ.get("APIGAUGE_DATA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "gorilla"
    return folder if (folder / "api").is_dir() else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("apibench") and apibench_folder() is None:
        if os.environ.get("CI"):
            pytest.fail(_MISSING, pytrace=False)
        pytest.skip(_MISSING)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of APIBench's files; only for tests marked ``apibench``."""
    folder = apibench_folder()
    if folder is None:
        pytest.fail("a test that asks for data_dir must be marked apibench", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def apigauge() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``apigauge ARGUMENTS...`` in a process of its own; ``env`` adds to the environment."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "apigauge.harness.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env=os.environ | (env or {}),
            timeout=300,
            check=False,
        )

    return run
