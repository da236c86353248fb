"""The table of backends: the forms of ``--model``, and the module that opens each.

A backend's module has ``open_generator(argument, options)``. It is imported when it is used, so that no command loads a
library that it does not need. Plugins may add backends.
"""

from importlib import import_module
from typing import NamedTuple, Protocol, cast

from apigauge.errors import ApigaugeError, UsageError, did_you_mean
from apigauge.extensions import View, added
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Generator


class Backend(NamedTuple):
    """A kind of ``--model``.

    Attributes:
        form: what follows the kind and its colon.
        module: the module with its ``open_generator``.
        summary: one line for lists.
        runs_model: whether a model answers, so that sampling, prompting and the cache apply.
        requirement: what `pip install` needs for it beyond apigauge.
    """

    form: str
    module: str
    summary: str
    runs_model: bool = False
    requirement: str = ""


_HERE = "apigauge.harness.generation"
OWN = {
    "hf": Backend("ID_OR_PATH[@REVISION]", f"{_HERE}.hf", "a checkpoint, by transformers", True, "'apigauge[hf]'"),
    "vllm": Backend("ID_OR_PATH[@REVISION]", f"{_HERE}.vllm", "a checkpoint, by vLLM", True, "vllm"),
    "openai": Backend("MODEL", f"{_HERE}.openai", "a server with OpenAI's interface", runs_model=True),
    "replay": Backend("FILE", f"{_HERE}.replay", "a file of answers"),
    "constant": Backend("TEXT", f"{_HERE}.constant", "one text to every question: a baseline"),
    "retrieval": Backend("bm25", f"{_HERE}.retrieval", "the nearest catalogue row: a baseline"),
}
BACKENDS = View(lambda: OWN | {kind: one.value for kind, one in added("backends").items()})


class _Module(Protocol):
    def open_generator(self, argument: str, options: ModelOptions) -> Generator: ...


def open_generator(spec: str, options: ModelOptions | None = None) -> Generator:
    """The generator a ``--model`` names.

    Args:
        spec: as on the command line.
        options: for the backends that run a model.

    Raises:
        UsageError: the backend is unknown or its packages are not installed, its argument makes no sense, or options
            exclude one another.
        ModelError: the checkpoint or the server is unavailable.
        ResponsesError: a file of answers cannot be read.
    """
    kind, argument = split_spec(spec)
    backend = BACKENDS[kind]
    try:
        module = cast("_Module", import_module(backend.module))
        return _usable(module.open_generator(argument, options or ModelOptions()))
    except ApigaugeError:
        raise
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and backend.requirement:
            raise UsageError(
                f"--model {kind}: needs {error.name}, which is not installed here; pip install {backend.requirement}"
            ) from error
        if kind in OWN:
            raise
        raise added("backends")[kind].failure(f"--model {kind}", error) from error


def _usable(generator: Generator) -> Generator:
    """A generator that says who it is.

    Raises:
        TypeError: it does not.
    """
    described = generator.describe()
    if not all(isinstance(described[name], str) for name in ("spec", "kind")):
        raise TypeError("describe() gives no text for spec or kind")
    return generator


def split_spec(spec: str) -> tuple[str, str]:
    """The kind and the argument of a ``--model``.

    Raises:
        UsageError: the kind is unknown, or there is no argument.
    """
    kind, colon, argument = spec.partition(":")
    if kind not in BACKENDS or not colon or not argument:
        hint = "" if kind in BACKENDS else did_you_mean(kind, BACKENDS)
        raise UsageError(f"--model {spec!r}: the forms are {forms()}{hint}")
    return kind, argument


def forms() -> str:
    """Every form of ``--model``, for help and messages."""
    return ", ".join(f"{kind}:{backend.form}" for kind, backend in BACKENDS.items())
