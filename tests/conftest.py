"""Where APIBench's files are, and the command line as a person runs it."""

import functools
import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from apibench_data import apibench_folder

# Tests run in parallel: threads that wait by spinning would take all cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# New examples are for a person at the keyboard; CI decides on the same ones every time.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

CHECKOUT = Path(__file__).resolve().parents[1]
_MISSING = "APIBench's files are not here: set APIGAUGE_DATA to a folder that has them"


@functools.cache
def missing_engine(*names: str) -> str:
    """Why tests cannot use these environments in Docker here; empty if they can."""
    from apigauge.errors import SandboxError
    from apigauge.sandboxes import environments
    from apigauge.sandboxes.build import find_image
    from apigauge.sandboxes.engine import connect

    try:
        client = connect()
        missing = [name for name in names if not find_image(client, environments.load(name))]
        client.close()
    except SandboxError as error:
        return str(error)
    return f"no image of {', '.join(missing)}: `apigauge sandbox build NAME`" if missing else ""


@functools.cache
def missing_namespaces() -> str:
    """Why tests cannot use bubblewrap here; empty if they can."""
    from apigauge.sandboxes.process import namespaces_work

    return "" if namespaces_work() else "bubblewrap is not installed or may not make namespaces"


def vllm_environment() -> str | None:
    """The Python of an environment that has vLLM: ``$APIGAUGE_VLLM_PYTHON`` or the one of `make vllm`."""
    named = os.environ.get("APIGAUGE_VLLM_PYTHON", str(CHECKOUT / ".venv-vllm" / "bin" / "python"))
    return named if Path(named).is_file() else None


@functools.cache
def others_environment(*libraries: str) -> str | None:
    """The Python of an environment with some libraries: ``$APIGAUGE_OTHERS_PYTHON`` or the one of `make others`."""
    named = os.environ.get("APIGAUGE_OTHERS_PYTHON", str(CHECKOUT / ".venv-others" / "bin" / "python"))
    if not Path(named).is_file():
        return None
    find = f"from importlib.util import find_spec; assert all(map(find_spec, {libraries!r}))"
    return named if subprocess.run([named, "-c", find], capture_output=True, check=False).returncode == 0 else None


INSPECT = ("inspect_ai",)
S3 = ("s3fs", "moto.server")
LM_EVAL = ("lm_eval", "accelerate", "torch", "transformers")
TRACKERS = ("mlflow", "sqlalchemy", "wandb", "trackio", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def missing_grammar() -> str:
    """Why upstream's grammar cannot be used here; empty if it can."""
    from apigauge.benchmarks.apibench import grammar

    return "" if grammar.find() else "upstream's grammar is not here: `apigauge benchmarks grammar`"


def missing_published(name: str) -> str:
    """Why the published file of a benchmark cannot be used here; empty if it can."""
    from apigauge.benchmarks.files import find
    from apigauge.benchmarks.loaders import RECIPES
    from apigauge.errors import DataError

    try:
        find(RECIPES[name].source.file, None, name)
    except DataError as error:
        return str(error)
    return ""


_NEEDS: dict[str, Callable[[], str]] = {
    "apibench": lambda: _MISSING if apibench_folder() is None else "",
    "bfcl": lambda: missing_published("bfcl"),
    "bwrap": missing_namespaces,
    "dataframebench": lambda: missing_published("dataframebench-pandas"),
    "grammar": missing_grammar,
    "inspect_ai": lambda: "" if others_environment(*INSPECT) else "no environment with inspect_ai: `make others`",
    "s3": lambda: "" if others_environment(*S3) else "no environment with s3fs and moto: `make others`",
    "trackers": lambda: "" if others_environment(*TRACKERS) else "no environment with all trackers: `make others`",
    "lm_eval": lambda: "" if others_environment(*LM_EVAL) else "no environment with lm_eval: `make others`",
    "podman": lambda: "" if shutil.which("podman") else "podman is not installed",
    "vllm": lambda: "" if vllm_environment() else "no environment with vLLM: `make vllm`",
}


def pytest_collection_finish() -> None:
    """Leaves what was collected out of garbage collection: 11,000 tests are millions of objects, each looked at again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    reasons = [missing() for marker, missing in _NEEDS.items() if item.get_closest_marker(marker)]
    reasons += [missing_engine(*(mark.args or ("python",))) for mark in item.iter_markers("docker")]
    for reason in filter(None, reasons):
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of APIBench's files; only for tests marked ``apibench``."""
    folder = apibench_folder()
    if folder is None:
        pytest.fail("a test that asks for data_dir must be marked apibench", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def apigauge() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``apigauge ARGUMENTS...`` in a separate process; ``env`` adds to the environment."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "apigauge", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env=os.environ | (env or {}),
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 checkpoint with random weights, and its tokenizer."""
    from tiny_checkpoints import save_gpt2

    from apigauge.benchmarks import load_benchmark

    folder = tmp_path_factory.mktemp("tiny-gpt2")
    save_gpt2(folder, [item.instruction for item in load_benchmark("mini").train])
    return folder


def _python_of(python: str | None, marker: str) -> str:
    if python is None:
        pytest.fail(f"a test that asks for {marker}'s Python must be marked {marker}", pytrace=False)
    return python


@pytest.fixture(scope="session")
def vllm_python() -> str:
    """The Python of vLLM's environment; only for tests marked ``vllm``."""
    return _python_of(vllm_environment(), "vllm")


@pytest.fixture(scope="session")
def inspect_python() -> str:
    """The Python of inspect_ai's environment; only for tests marked ``inspect_ai``."""
    return _python_of(others_environment(*INSPECT), "inspect_ai")


@pytest.fixture(scope="session")
def s3_python() -> str:
    """The Python of the environment of s3fs and moto; only for tests marked ``s3``."""
    return _python_of(others_environment(*S3), "s3")


@pytest.fixture(scope="session")
def lm_eval_python() -> str:
    """The Python of the environment of lm-evaluation-harness; only for tests marked ``lm_eval``."""
    return _python_of(others_environment(*LM_EVAL), "lm_eval")


@pytest.fixture(scope="session")
def trackers_python() -> str:
    """The Python of the trackers' environment; only for tests marked ``trackers``."""
    return _python_of(others_environment(*TRACKERS), "trackers")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist it was built from; tests that ask for it belong to one group, so that it is built once."""
    folder = tmp_path_factory.mktemp("built")
    sources = folder / "checkout"
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for name in filter(None, kept):
        if (CHECKOUT / name).exists():
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, sources / name, follow_symlinks=False)
    command = [sys.executable, "-m", "build", "--outdir", folder, sources]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist
