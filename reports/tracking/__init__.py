"""Runs into the user's tracker: MLflow, Weights & Biases, trackio and OpenTelemetry, through their own libraries."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from apigauge.errors import ApigaugeError, UsageError

if TYPE_CHECKING:
    from apigauge.reports.views import RunView

# By format: the library that must be importable, and what else it is used with.
TRACKERS = {
    "mlflow": ("mlflow", "sqlalchemy"),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
    "otel": ("opentelemetry", "opentelemetry.sdk"),
}


def tracker(name: str) -> Callable[[Sequence["RunView"], Path], Path]:
    """What writes runs to a tracker, as a format of ``report --export``.

    Args:
        name: a key of :data:`TRACKERS`.

    Raises:
        UsageError: its library is not installed.
    """
    if missing := next((library for library in TRACKERS[name] if not find_spec(library)), None):
        raise UsageError(
            f"--export {name}: needs {missing}, which is not installed here; pip install 'apigauge[{name}]'"
        )

    def export(runs: Sequence["RunView"], out: Path) -> Path:
        module: Any = import_module(f"{__name__}.to_{name}")
        try:
            return cast("Path", module.export(runs, out))
        except ApigaugeError:
            raise
        except Exception as error:
            raise ApigaugeError(f"--export {name}: {type(error).__name__}: {error}") from error

    return export
