"""A real HTTP server on the loopback that speaks OpenAI's protocol, and breaks it where a test says so."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    """A request as it came in."""

    at: float
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return self.body["messages"][0]["content"] if "messages" in self.body else self.body["prompt"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: "OpenAIServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        received = Received(time.monotonic(), self.path, dict(self.headers), body)
        with self.owner.lock:
            self.owner.requests.append(received)
            self.owner.active += 1
            self.owner.peak = max(self.owner.peak, self.owner.active)
        try:
            reaction = self.owner.react(received)
        finally:
            with self.owner.lock:
                self.owner.active -= 1
        (reaction or good(f"to {received.prompt}"))(self)

    def log_message(self, *_: object) -> None:
        pass


Reaction = Callable[[Handler], None]


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that goes away is part of the tests."""


class OpenAIServer:
    """Answers ``to PROMPT``, or what ``react`` gives for a request.

    Attributes:
        requests: what came in, in order.
        peak: the most requests that were held by ``react`` at one time.
        react: called in the request's own thread; None is a good answer.
        closing: set when the server ends, so that a reaction that hangs can end.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.active = self.peak = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.react: Callable[[Received], Reaction | None] = lambda _: None
        self.server = _HTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def first(self, reactions: Iterable[Reaction]) -> None:
        """Reacts so to the first requests, and well to all others."""
        left = iter(list(reactions))
        self.react = lambda _: next(left, None)

    def prompts(self) -> list[str]:
        return [received.prompt for received in self.requests]

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def completion(text: str | None, path: str = "/chat/completions", **more: Any) -> dict[str, Any]:
    """A good answer's body; ``more`` goes over it."""
    shape = {"message": {"role": "assistant", "content": text}} if "chat" in path else {"text": text}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return {"choices": [{"index": 0, "finish_reason": "stop", **shape}], "usage": usage, **more}


def good(text: str | None, finish_reason: str | None = "stop", **more: Any) -> Reaction:
    def react(handler: Handler) -> None:
        row = completion(text, handler.path, **more)
        row["choices"][0]["finish_reason"] = finish_reason
        send(json.dumps(row))(handler)

    return react


def likeliest(tokens: dict[str, float]) -> Reaction:
    """A good answer of the first of these tokens, with the log probabilities of all as chats and completions have them."""

    def react(handler: Handler) -> None:
        row = completion(next(iter(tokens)), handler.path)
        top = [{"token": token, "logprob": value, "bytes": list(token.encode())} for token, value in tokens.items()]
        chat = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
        plain = {"tokens": [top[0]["token"]], "token_logprobs": [top[0]["logprob"]], "top_logprobs": [tokens]}
        row["choices"][0] |= {"finish_reason": "length", "logprobs": chat if "chat" in handler.path else plain}
        send(json.dumps(row))(handler)

    return react


def send(body: str, status: int = 200, **headers: str) -> Reaction:
    """A whole response; in the names of headers ``_`` stands for ``-``."""

    def react(handler: Handler) -> None:
        encoded = body.encode("utf-8", "surrogatepass")
        _head(handler, status, len(encoded), headers)
        handler.wfile.write(encoded)

    return react


def torn(handler: Handler) -> None:
    """Half of a good body, then the connection is gone."""
    body = json.dumps(completion("half", handler.path)).encode()
    _head(handler, 200, len(body), {})
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def torn_without_a_length(handler: Handler) -> None:
    """Half of a good body whose end is the end of the connection."""
    body = json.dumps(completion("half", handler.path)).encode()
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def dropped(handler: Handler) -> None:
    """Not one byte."""
    handler.close_connection = True


def silent(handler: Handler) -> None:
    """Nothing, with the connection left open."""
    handler.owner.closing.wait(30)
    handler.close_connection = True


def trickling(handler: Handler) -> None:
    """A good body that would take many seconds, a byte at a time."""
    body = json.dumps(completion("slow", handler.path)).encode()
    _head(handler, 200, len(body), {})
    for at in range(len(body)):
        handler.wfile.write(body[at : at + 1])
        if handler.owner.closing.wait(0.1):
            break
    handler.close_connection = True


def _head(handler: Handler, status: int, length: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
