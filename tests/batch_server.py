"""A real HTTP server on the loopback that speaks OpenAI's Batch API, and breaks it where a test says so."""

import email.parser
import email.policy
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openai_server import completion


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: "BatchAPI"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        with self.owner.lock:
            self.owner.calls.append(f"{method} {path.removeprefix('/v1')}")
            fault = self.owner.fault(method, path.removeprefix("/v1"))
        if fault and not fault.is_after:
            fault.break_it(self)
            return
        with self.owner.lock:
            status, result = self.owner.handle(method, path.removeprefix("/v1"), query, body, self.headers)
        if fault:
            fault.break_it(self)
            return
        self.send(status, result if isinstance(result, bytes) else json.dumps(result).encode())

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Fault:
    """What happens in the place of a response; ``is_after``: only once the call has had its effect."""

    def __init__(self, break_it: Callable[[Handler], None], *, is_after: bool = False) -> None:
        self.break_it, self.is_after = break_it, is_after


def status(number: int, message: str = "trouble", *, is_after: bool = False, **headers: str) -> Fault:
    body = json.dumps({"error": {"message": message, "type": "x"}}).encode()
    return Fault(lambda handler: handler.send(number, body, **headers), is_after=is_after)


def dropped(*, is_after: bool = False) -> Fault:
    return Fault(lambda handler: setattr(handler, "close_connection", True), is_after=is_after)


def torn() -> Fault:
    def break_it(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"custom_id": "0:')
        handler.close_connection = True

    return Fault(break_it)


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is part of the tests."""


class BatchAPI:
    """Answers ``to PROMPT`` to every line of a batch, unless a test changes that.

    Attributes:
        calls: methods and paths, in order.
        batches: by id, as they are returned, in the order of their creation.
        asked: of each created batch, the requests by custom id.
        faults: by method and the beginning of a path, what happens to the first such calls, in order.
        line: makes an output line's content of a request; None leaves the line out.
        finish: may change what a finished batch returns and holds, given the batch, its output and its errors.
        looks: how many looks at a batch it takes until it is over.
        status: that it ends with.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.line: Callable[[dict[str, Any]], dict[str, Any] | None] = answered
        self.finish: Callable[[dict[str, Any], list[bytes], list[bytes]], None] = lambda *_: None
        self.looks, self.status = 1, "completed"
        self.lock = threading.RLock()
        self._looked: dict[str, int] = {}
        self.server = _HTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def fault(self, method: str, path: str) -> Fault | None:
        for start, faults in self.faults.items():
            if faults and f"{method} {path}".startswith(start):
                return faults.pop(0)
        return None

    def count(self, start: str) -> int:
        return sum(call == start for call in self.calls)

    def prompts(self) -> list[list[str]]:
        """The questions of each batch."""
        return [[prompt(row) for row in rows.values()] for rows in self.asked]

    def handle(self, method: str, path: str, query: dict[str, list[str]], body: bytes, headers: Any) -> tuple[int, Any]:
        if (method, path) == ("POST", "/files"):
            return self._upload(body, headers)
        if (method, path) == ("POST", "/batches"):
            return self._create(json.loads(body))
        if (method, path) == ("GET", "/batches"):
            return self._list(query)
        name = path.split("/")[2]
        if path.startswith("/batches/") and name in self.batches:
            return 200, self._look(self.batches[name])
        if path.startswith("/files/") and name in self.files:
            return 200, self.files[name]
        return 404, {"error": {"message": f"there is no {name}"}}

    def _upload(self, body: bytes, headers: Any) -> tuple[int, Any]:
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        parts = {part.get_param("name", header="Content-Disposition"): part for part in message.iter_parts()}  # type: ignore[attr-defined]
        assert parts["purpose"].get_content().strip() == "batch"
        name = f"file-{len(self.files)}"
        self.files[name] = parts["file"].get_payload(decode=True)
        return 200, {"id": name, "object": "file", "purpose": "batch", "filename": parts["file"].get_filename()}

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        rows = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        by_id = {row["custom_id"]: row for row in rows}
        assert len(by_id) == len(rows), "a custom_id stands twice"
        assert all(row["url"] == body["endpoint"] for row in rows)
        name = f"batch-{len(self.batches)}"
        created = {"object": "batch", "status": "validating", "created_at": time.time(), "output_file_id": None}
        self.batches[name] = {"id": name, **body, **created}
        self.asked.append(by_id)
        return 200, self.batches[name]

    def _list(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        rows = list(self.batches.values())[::-1]
        if after := query.get("after"):
            rows = rows[[row["id"] for row in rows].index(after[0]) + 1 :]
        page = rows[:2]  # fewer than were wished for, as a server may
        return 200, {"object": "list", "data": page, "has_more": len(rows) > len(page)}

    def _look(self, batch: dict[str, Any]) -> dict[str, Any]:
        looked = self._looked[batch["id"]] = self._looked.get(batch["id"], 0) + 1
        if looked <= self.looks:
            batch["status"] = "in_progress"
        elif batch["status"] == "in_progress" or looked == 1:
            self._end(batch)
        return batch

    def _end(self, batch: dict[str, Any]) -> None:
        rows = self.asked[list(self.batches).index(batch["id"])].values()
        lines = [(row, self.line(row)) for row in rows]
        output, errors = ([], [])  # type: tuple[list[bytes], list[bytes]]
        for row, line in reversed(lines):  # in no particular order
            if line is not None:
                is_good = (line.get("response") or {}).get("status_code") == 200
                (output if is_good else errors).append(json.dumps({"custom_id": row["custom_id"], **line}).encode())
        batch["status"] = self.status
        self.finish(batch, output, errors)
        for kind, content in (("output", output), ("error", errors)):
            if content:
                name = f"file-{len(self.files)}"
                self.files[name] = b"\n".join(content) + b"\n"
                batch[f"{kind}_file_id"] = name


def prompt(row: dict[str, Any]) -> str:
    body = row["body"]
    return body["messages"][-1]["content"] if "messages" in body else body["prompt"]


def answered(row: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    body = completion(f"to {prompt(row)}" if text is None else text, row["url"])
    return {"id": "x", "response": {"status_code": 200, "request_id": "y", "body": body}, "error": None}


def refused(number: int, message: str, **more: Any) -> dict[str, Any]:
    body = {"error": {"message": message, "type": "x", **more}}
    return {"id": "x", "response": {"status_code": number, "request_id": "y", "body": body}, "error": None}


def lost(code: str) -> dict[str, Any]:
    return {"id": "x", "response": None, "error": {"code": code, "message": f"This request: {code}"}}
