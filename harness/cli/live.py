"""``--prometheus-port`` and ``--profile``: how far a command's runs are, for Prometheus, and where their time went."""

import argparse
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError
from apigauge.harness.cli.options import port
from apigauge.harness.cli.output import say
from apigauge.harness.evaluation.meter import Meter

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

# What a row passes through, in this order, as lines and bars name it.
SHOWN = {"answering": "answered", "scoring": "scored", "programs": "run"}
# The runs of this process that Prometheus sees: by folder, benchmark and model.
_meters: dict[tuple[str, str, str], Meter] = {}


def add_prometheus_port(parser: argparse.ArgumentParser) -> None:
    """``--prometheus-port``."""
    parser.add_argument(
        "--prometheus-port",
        type=port,
        metavar="N",
        help="serve metrics for Prometheus at http://127.0.0.1:N/metrics meanwhile; 0 takes a free port and says which",
    )


def add_profile(parser: argparse.ArgumentParser) -> None:
    """``--profile``."""
    parser.add_argument(
        "--profile",
        action="store_true",
        help="say at the end where the time went: answering, extraction, each module of metrics, programs, writing",
    )


@contextlib.contextmanager
def metrics_served(number: int | None) -> Iterator[None]:
    """Serves the metrics of this process's runs on the loopback; nothing without a port.

    Raises:
        UsageError: the client's package is not installed, or the port is taken.
    """
    if number is None:
        yield
        return
    try:
        import prometheus_client
    except ImportError as error:
        raise UsageError("--prometheus-port needs a package: pip install 'apigauge[prometheus]'") from error
    registry = prometheus_client.CollectorRegistry()
    for collector in (prometheus_client.ProcessCollector, prometheus_client.PlatformCollector):
        collector(registry=registry)
    _meters.clear()
    registry.register(_Runs())
    try:
        server, thread = prometheus_client.start_http_server(number, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise UsageError(f"--prometheus-port {number}: {error.strerror}; choose another") from error
    say(f"apigauge: metrics at http://127.0.0.1:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def watched(meter: Meter, run: Path, benchmark: str, model: str) -> Meter:
    """The meter of a run, whose numbers Prometheus sees from now on."""
    _meters[str(run), benchmark, model] = meter
    return meter


def stages(meter: Meter) -> dict[str, int]:
    """How many answers have left each stage that lines and bars show; of stages that nothing has reached, none."""
    return {shown: meter.done[stage] for stage, shown in SHOWN.items() if meter.done[stage]}


class _Runs:
    """Reads the meters when Prometheus asks."""

    def collect(self) -> "Iterator[Metric]":
        """The metrics, as documented in docs/how-to/everyday.md."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        labels = ("run", "benchmark", "model")
        expected = GaugeMetricFamily("apigauge_answers_expected", "Answers that the run will have.", labels=labels)
        done = CounterMetricFamily(
            "apigauge_answers", "Answers of this command that have left a stage.", labels=(*labels, "stage")
        )
        seconds = CounterMetricFamily(
            "apigauge_stage_seconds", "Seconds that a stage's thread was busy or waited.", labels=(*labels, "stage")
        )
        for run, meter in tuple(_meters.items()):
            expected.add_metric(run, meter.expected)
            for stage, count in tuple(meter.done.items()):
                done.add_metric((*run, stage), count)
            for stage, spent in tuple(meter.seconds.items()):
                seconds.add_metric((*run, stage), spent)
        yield from (expected, done, seconds)


class Profile:
    """Where a run's time goes.

    Args:
        meter: of the run.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter, self._started = meter, time.perf_counter()

    def to_json(self) -> dict[str, Any]:
        """Seconds of the whole run and of its stages; CPU seconds of the parts of scoring."""
        spent = {name: round(seconds, 4) for name, seconds in self._meter.seconds.items()}
        whole = time.perf_counter() - self._started
        rest = whole - sum(seconds for name, seconds in spent.items() if name != "answering")
        parts = {name: round(seconds, 4) for name, seconds in self._by_size()}
        return {
            "seconds": round(whole, 4),
            "answers": self._meter.done["writing"],
            "stages": spent | {"other": round(rest, 4)},
            "scoring_cpu_seconds": parts,
        }

    def _by_size(self) -> list[tuple[str, float]]:
        return sorted(self._meter.parts.items(), key=lambda part: -part[1])

    def show(self) -> None:
        """Prints it as a table."""
        from apigauge.harness.cli.tables import Column, print_table

        profile = self.to_json()
        whole, answers = profile["seconds"], profile["answers"]
        words = {
            "waiting": "waiting for answers",
            "scoring": "scoring, or waiting for the processes that do",
            "programs": "waiting for programs, and judging them",
            "writing": "writing",
            "other": "other: opening the sandbox, summary",
        }
        lines = [(text, profile["stages"].get(name, 0.0)) for name, text in words.items()]
        lines += [("answering, in a thread of its own", profile["stages"].get("answering", 0.0))]
        rows = [
            (text, f"{spent:.2f}", f"{spent / whole:.0%}" if whole else "-", _each(spent, answers))
            for text, spent in lines
        ]
        rows += [
            (f"CPU: {name}", f"{spent:.2f}", "", _each(spent, answers))
            for name, spent in profile["scoring_cpu_seconds"].items()
        ]
        columns = (Column("where the time went", folds=24), *(Column(name, is_right=True) for name in _HEADINGS))
        print_table(columns, rows, title=f"{answers:,} answers in {whole:.2f} s")


_HEADINGS = ("seconds", "of all", "ms an answer")


def _each(seconds: float, answers: int) -> str:
    return f"{1000 * seconds / answers:.2f}" if answers else "-"
