"""``openai:`` with ``--batch``: a run's questions as batches of OpenAI's Batch API, answered within a day.

One batch is submitted at a time, since servers limit what may wait and since a limit of cost can end the run between
two. What a batch did not answer, and may be answered, is submitted in the next one, up to ``TRIES`` times.
"""

import hashlib
import json
import logging
import re
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from apigauge.errors import RunError, UsageError
from apigauge.file_formats import BatchRecord
from apigauge.harness.generation.batch_output import Output, read_output
from apigauge.harness.generation.batch_records import BatchRecords
from apigauge.harness.generation.batch_server import BatchServer, InterruptedWaitError, now
from apigauge.harness.generation.openai_connection import (
    Connection,
    changed,
    fields_of,
    left_out,
    message_of,
    path_of,
)
from apigauge.harness.generation.options import ModelOptions, Resampled
from apigauge.harness.generation.reasoning_tags import opened_reasoning
from apigauge.harness.generation.refusals import refused_field
from apigauge.harness.generation.types import Answer, Request, Stop

# OpenAI's limits of one batch: requests, and bytes of its file.
MOST_REQUESTS, MOST_BYTES = 50_000, 200_000_000
# How often a question is submitted by one command.
TRIES = 3
# Seconds between two looks at a batch: doubled each time.
FIRST_LOOK, LONGEST_LOOK = 0.5, 60.0
_OVER = frozenset({"completed", "failed", "expired", "cancelled", "canceled"})
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.:/#-]{1,56}")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Question:
    """A request that has no answer yet.

    Attributes:
        request: what is asked.
        fields: as they are before what the server refuses is left out.
        changes: what the server refuses of it: other names, None for what is left out.
        tries: how many batches of this command had it.
        reason: why the last of them did not answer it.
    """

    request: Request
    fields: dict[str, Any]
    changes: dict[str, str | None]
    tries: int = 0
    reason: str = "no line of the output has it"

    @property
    def digest(self) -> str:
        """Of what is asked."""
        return hashlib.sha256(json.dumps(self.fields, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """For messages."""
        return f"item {self.request.item!r}, sample {self.request.sample}"


@dataclass(slots=True)
class _State:
    """The state of one call of :meth:`OpenAIBatch.answer`."""

    server: BatchServer
    records: BatchRecords
    endpoint: str
    questions: dict[str, _Question] = field(default_factory=dict)
    is_over: bool = False


class OpenAIBatch(Resampled):
    """A model on a server with the Batch API, by the server's name for it.

    Raises:
        UsageError: the address or the key is malformed.
    """

    has_chat = True
    is_identified = False

    def __init__(self, model: str, options: ModelOptions) -> None:
        if options.timeout <= 0:
            raise UsageError("--timeout must be more than 0 seconds")
        self.problems: list[str] = []
        self._model, self._options = model, options
        self._connection = Connection(options.base_url)
        self._folder: Path | None = None
        self._stop, self._stopped = Stop(), threading.Event()
        # What the server refused, once a request without it was answered.
        self._changes: dict[str, str | None] = {}

    def describe(self) -> dict[str, Any]:
        """As without batches, since the answers are the same model's."""
        return self._connection.describe(self._model)

    def chat(self, message: str) -> str:
        """The message itself: the server applies the template."""
        return message

    def record_in(self, folder: Path) -> None:
        """Records batches in this folder, and looks there for those of an earlier command."""
        self._folder = folder

    def stop(self, *, at_once: bool) -> None:
        """Ends the answers of another thread: no further batch is submitted; with ``at_once``, none is waited for."""
        self._stop.set(at_once=at_once)
        if at_once:
            self._stopped.set()

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """The answers, batch by batch.

        Raises:
            UsageError: there is no run's folder to record the batches in.
            RunError: the run's batches are of other questions, or their record is damaged.
            ModelError: the key is not accepted, or the server cannot be reached or does not take a batch.
        """
        if self._folder is None:
            raise UsageError("--batch: batches are recorded in a run's folder, and there is none")
        self._stop, self._stopped = Stop(), threading.Event()
        records = BatchRecords(self._folder)
        server = BatchServer(self._connection, self._options.timeout, self._stopped)
        state = _State(server, records, f"/v1{path_of(style)}")
        for request in requests:
            fields = fields_of(self._model, self._options, request, style)
            state.questions[_custom_id(request)] = _Question(request, fields, dict(self._changes))
        try:
            for record in records.open_with(state.questions):
                self._check(state, record)
                yield from self._results(state, record, style)
            while state.questions and not state.is_over and not self._stop.is_set:
                yield from self._results(state, self._planned(state), style)
        except InterruptedWaitError:
            return
        finally:
            server.close()

    def _check(self, state: _State, record: BatchRecord) -> None:
        """Refuses to take a batch of other questions for one of these.

        Raises:
            RunError: it is one.
        """
        other = [name for name, digest in record["requests"].items() if _differs(state.questions.get(name), digest)]
        if other or record["base_url"] != self._connection.address:
            what = f"is at {record['base_url']}" if not other else f"asks other questions ({len(other)} of them)"
            raise RunError(
                f"{state.records.path}: batch {record['batch'] or record['token']} {what}. Give the options that it "
                "was submitted with, or choose another --out"
            )

    def _planned(self, state: _State) -> BatchRecord:
        """The record of the next batch, of as many questions as one may have; nothing has been sent."""
        most = min(self._options.batch_size or MOST_REQUESTS, MOST_REQUESTS)
        size = 0
        chosen: list[str] = []
        for name, question in state.questions.items():
            question.changes = self._changes | question.changes
            size += len(self._line(state, name, question))
            if chosen and (size > MOST_BYTES or len(chosen) == most):
                break
            chosen.append(name)
        record: BatchRecord = {
            "token": uuid.uuid4().hex,
            "base_url": self._connection.address,
            "endpoint": state.endpoint,
            "created": now(),
            "questions": len(chosen),
            "requests": {name: state.questions[name].digest for name in chosen},
            "changes": {name: changes for name in chosen if (changes := state.questions[name].changes)},
            "file": None,
            "batch": None,
            "status": "",
        }
        state.records.add(record)
        return record

    def _line(self, state: _State, name: str, question: _Question) -> bytes:
        body = changed(question.fields, question.changes)
        row = {"custom_id": name, "method": "POST", "url": state.endpoint, "body": body}
        return json.dumps(row).encode("ascii") + b"\n"

    def _results(self, state: _State, record: BatchRecord, style: str) -> Iterator[tuple[Request, Answer]]:
        """Waits for a batch and yields its answers; what is left of its questions is submitted again, or given up."""
        for name in record["requests"].keys() & state.questions.keys():
            state.questions[name].changes = dict(record["changes"].get(name, {}))
        if not self._is_submitted(state, record):
            state.records.drop(record)
            return
        batch = self._finished(state, record)
        for name in record["requests"].keys() & state.questions.keys():
            state.questions[name].tries += 1
        answered = 0
        with tempfile.TemporaryDirectory(prefix="apigauge-batch-") as folder:
            output = self._output(state, record, batch, Path(folder))
            for name, answer in output.answers():
                question = state.questions.pop(name, None)
                if question is not None:
                    answered += 1
                    self._changes |= question.changes
                    opened = "" if style == "chat" else opened_reasoning(question.request.prompt)
                    more = left_out(question.fields, question.changes)
                    yield question.request, answer._replace(text=opened + answer.text, batch=True, **more)
        self.problems += output.problems
        self._judge_failures(state, record, output)
        self._judge_batch(state, record, batch, answered)
        record["requests"] = {}
        record["changes"] = {}
        state.records.save()

    def _is_submitted(self, state: _State, record: BatchRecord) -> bool:
        """Submits a batch unless that has happened; False if a command was killed before it could have happened."""
        if record["batch"]:
            return True
        names = record["requests"]
        if record["file"] is None and any(name not in state.questions for name in names):
            return False  # killed before the file was there, and some of its questions are answered or not wanted now
        if record["file"] is None:
            with tempfile.TemporaryFile() as file:
                self._write(state, names, file)
                record["file"] = state.server.upload(f"apigauge-{record['token']}.jsonl", file)
            state.records.save()
            batch = None
        else:  # killed in between: the batch may exist
            batch = state.server.find(record["token"], record["file"], record["created"])
        if batch is None:
            file_id, endpoint = str(record["file"]), record["endpoint"]
            batch = state.server.create(record["token"], file_id, endpoint, record["created"])
        record["batch"] = str(batch["id"])
        state.records.save()
        _log.info("batch %s: %d questions; an interrupted command goes on with it", batch["id"], record["questions"])
        return True

    def _write(self, state: _State, names: dict[str, str], file: IO[bytes]) -> None:
        for name in names:
            file.write(self._line(state, name, state.questions[name]))

    def _finished(self, state: _State, record: BatchRecord) -> dict[str, Any] | None:
        """A batch that is over; None if the server does not know it any more."""
        pause, shown = FIRST_LOOK, None
        while True:
            batch = state.server.retrieve(str(record["batch"]))
            record["status"] = str(batch.get("status")) if batch else "unknown to the server"
            if batch is None or record["status"] in _OVER:
                return batch
            counts = batch.get("request_counts")
            done = counts.get("completed") if isinstance(counts, dict) else None
            if (record["status"], done) != shown:
                shown = (record["status"], done)
                number = f", {done} of {record['questions']} done" if isinstance(done, int) else ""
                _log.info("batch %s: %s%s", record["batch"], record["status"], number)
            state.server.wait(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    def _output(self, state: _State, record: BatchRecord, batch: dict[str, Any] | None, folder: Path) -> Output:
        """What a batch's files hold, downloaded into a folder."""
        paths = []
        for kind in ("output_file_id", "error_file_id"):
            file, path = (batch or {}).get(kind), folder / kind
            if isinstance(file, str) and file:
                if state.server.download(file, path):
                    paths.append(path)
                else:
                    self.problems.append(f"batch {record['batch']}: the server does not know its file {file} any more")
                    state.is_over = True
        return read_output(paths, str(record["batch"]), record["requests"].keys(), self._options.sampling.stop)

    def _judge_failures(self, state: _State, record: BatchRecord, output: Output) -> None:
        """Gives up the questions that cannot be answered, or were submitted often enough."""
        for name in [name for name in record["requests"] if name in state.questions]:
            question, failure = state.questions[name], output.failures.get(name)
            if failure is not None:
                question.reason = self._connection.hide(failure.reason)
                body = changed(question.fields, question.changes)
                if change := refused_field(failure.status, failure.error, message_of(failure.error), body):
                    question.changes = {**question.changes, change.name: change.renamed}
                    continue  # not a try of the same request; there are few fields
                if failure.is_final:
                    self.problems.append(f"{question.name}: {question.reason}; it is left out")
                    del state.questions[name]
                    continue
            if question.tries >= TRIES:
                self.problems.append(
                    f"{question.name}: {TRIES} batches have no answer, the last one: {question.reason}; it is left out"
                )
                del state.questions[name]

    def _judge_batch(self, state: _State, record: BatchRecord, batch: dict[str, Any] | None, answered: int) -> None:
        """Decides whether a further batch may be submitted after this one."""
        name, status = f"batch {record['batch']}", record["status"]
        if status == "completed" and batch is not None:
            return
        if status == "expired" and answered:
            _log.info(
                "%s: expired after %d of %d answers; the others are submitted again",
                name,
                answered,
                len(record["requests"]),
            )
            return
        state.is_over = True
        reason = self._connection.hide(_errors(batch))
        self.problems.append(
            f"{name}: {status}{': ' if reason else ''}{reason}. It has {answered} answers; the same command submits "
            f"the other {len(state.questions)} questions again"
        )


def _differs(question: _Question | None, digest: str) -> bool:
    return question is not None and question.digest != digest


def _custom_id(request: Request) -> str:
    """A request's name in a batch: sample and item; of a long or odd item its digest."""
    item = request.item
    if not _PLAIN_ID.fullmatch(item):
        item = hashlib.sha256(item.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"{request.sample}:{item}"


def _errors(batch: dict[str, Any] | None) -> str:
    """The first errors of a batch that was not even begun."""
    errors = (batch or {}).get("errors")
    rows = errors.get("data") if isinstance(errors, dict) else None
    messages = [str(row.get("message") or row.get("code")) for row in rows or () if isinstance(row, dict)]
    hint = "; a smaller --batch-size may be taken" if any("token" in message for message in messages) else ""
    return "; ".join(messages[:3]) + hint
