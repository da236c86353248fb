"""``report --export otel``: scores as events of OpenTelemetry, by its semantic conventions for generative AI.

An event ``gen_ai.evaluation.result`` for each score of an answer, with name, value, label and explanation, and an event
``apigauge.run.result`` for each metric of a run, with its interval. Source: OpenTelemetry's semantic conventions for
generative AI, "Event: gen_ai.evaluation.result". The event belongs to a span or a response's id there; a run has
neither, so that the item and the sample say which answer it is of.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.reports.tracking.record import tracked
from apigauge.reports.views import RunView, section

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter

RESULT, RUN_RESULT = "gen_ai.evaluation.result", "apigauge.run.result"
_FILE = "otel-events.jsonl"
# Events that are sent at once.
_BATCH = 512
# What the specification's names of exporters are called as entry points.
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def export(runs: Sequence[RunView], out: Path) -> Path:
    """Emits the events of runs through the exporter that ``OTEL_LOGS_EXPORTER`` names; into a file if it names none.

    The file is written anew each time. A collector gets the same events again, with the same timestamps.

    Returns:
        The file, or the folder of the report if the events went elsewhere.

    Raises:
        UsageError: the exporter is not installed.
        ApigaugeError: the exporter did not take the events.
    """
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource

    path = out / _FILE
    with contextlib.ExitStack() as stack:
        chosen = os.environ.get("OTEL_LOGS_EXPORTER", "").strip().removeprefix("none")
        exporters = [_named(name) for name in chosen.split(",")] if chosen else [_of_file(stack, path)]
        for run in runs:
            provider = LoggerProvider(resource=Resource.create(_resource(run)), shutdown_on_exit=False)
            sender = _Sender(exporters)
            provider.add_log_record_processor(sender)
            logger = provider.get_logger("apigauge")
            timestamp = int(tracked(run).created * 1e9) or None
            for name, attributes in _events(run):
                logger.emit(event_name=name, timestamp=timestamp, attributes=attributes)
            provider.shutdown()
        for exporter in exporters:
            exporter.shutdown()
    return out if chosen else path


class _Sender:
    """Gives events to exporters in batches, and says when one does not take them: the SDK's own processors log that.

    It has the methods of the SDK's ``LogRecordProcessor``, which cannot be imported with this module.
    """

    def __init__(self, exporters: Sequence["LogRecordExporter"]) -> None:
        self._exporters, self._waiting = exporters, []  # type: ignore[var-annotated]

    def on_emit(self, log_record: "ReadWriteLogRecord") -> None:
        """Takes an event."""
        from opentelemetry.sdk._logs import ReadableLogRecord

        self._waiting.append(
            ReadableLogRecord(
                log_record=log_record.log_record,
                resource=log_record.resource,
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )
        if len(self._waiting) >= _BATCH:
            self.force_flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK calls it so
        """Sends what is waiting."""
        from opentelemetry.sdk._logs.export import LogRecordExportResult

        batch, self._waiting = self._waiting, []
        for exporter in self._exporters if batch else ():
            if exporter.export(batch) is not LogRecordExportResult.SUCCESS:
                raise ApigaugeError(f"--export otel: {type(exporter).__name__} did not take {len(batch)} events")
        return True

    def shutdown(self) -> None:
        """Sends what is waiting, the last time."""
        self.force_flush()


def _named(name: str) -> "LogRecordExporter":
    """An installed exporter, by its name in OTEL_LOGS_EXPORTER."""
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    wanted = _PROTOCOLS.get(protocol or "http/protobuf", "") if name.strip() == "otlp" else name.strip()
    points = list(entry_points(group="opentelemetry_logs_exporter", name=wanted))
    if not points:
        names = sorted({point.name for point in entry_points(group="opentelemetry_logs_exporter")})
        raise UsageError(f"OTEL_LOGS_EXPORTER={name}: no such exporter is installed here; there are {', '.join(names)}")
    exporter: LogRecordExporter = points[0].load()()
    return exporter


def _of_file(stack: contextlib.ExitStack, path: Path) -> "LogRecordExporter":
    """An exporter into a file, a line of JSON for each event."""
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter

    file: IO[str] = stack.enter_context(path.open("w", encoding="utf-8"))
    return ConsoleLogRecordExporter(file, lambda record: record.to_json(indent=None) + "\n")


def _resource(run: RunView) -> dict[str, str]:
    """What is true of all events of a run: its manifest."""
    record = tracked(run)
    service = os.environ.get("OTEL_SERVICE_NAME") or "apigauge"
    own = {"apigauge.run.id": record.identity, "apigauge.run.name": record.name, "service.name": service}
    return own | {f"apigauge.{name}": value for name, value in record.parameters.items()}


def _events(run: RunView) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and attributes of a run's events: those of its metrics, then those of its answers."""
    model = {"gen_ai.request.model": run.spec}
    for name, estimate in section(run.summary, "metrics").items():
        value = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": float(estimate["value"])}
        numbers = {f"apigauge.{part}": estimate[part] for part in ("low", "high", "n", "clusters") if part in estimate}
        yield RUN_RESULT, value | model | numbers
    for row in run.rows:
        place = {"apigauge.item": row.id, "apigauge.sample": row.sample}
        for name, score in row.metrics.items():
            attributes = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": float(score)}
            if label := row.labels.get(name):
                attributes["gen_ai.evaluation.score.label"] = label
            if message := row.messages.get(name):
                attributes["gen_ai.evaluation.explanation"] = message
            yield RESULT, attributes | model | place
