"""The part of Docker's protocol that a build uses, from an engine that is slow, fails or vanishes as a test requires."""

import base64
import io
import json
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CALLS = {
    "version": r"GET /version",
    "ping": r"GET /_ping",
    "info": r"GET /info",
    "images": r"GET /images/json",
    "image": r"GET /images/.+/json",
    "import": r"POST /images/create",
    "build": r"POST /build",
    "prune": r"POST /images/prune",
    "create": r"POST /containers/create",
    "inspect": r"GET /containers/.+/json",
    "put": r"PUT /containers/.+/archive",
    "start": r"POST /containers/.+/start",
    "wait": r"POST /containers/.+/wait",
    "archive": r"GET /containers/.+/archive",
    "remove": r"DELETE /containers/.+",
    "list": r"GET /containers/json",
}
STEPS = ("Step 1/2 : FROM base\n", " ---> aaaaaaaaaaaa\n", "Step 2/2 : RUN work\n", " ---> bbbbbbbbbbbb\n")


class VanishesError(Exception):
    """The connection ends here."""


class RefusesError(Exception):
    """An answer of this status instead of the right one."""

    def __init__(self, status, message="no luck"):
        self.status, self.message = status, message


class FakeEngine:
    """An engine on this machine's loopback.

    Attributes:
        url: for ``DOCKER_HOST``.
        faults: by a name of CALLS (or ``step``: in the middle of a build's steps), a function that is called before
            the answer. It may wait, or raise VanishesError or RefusesError.
        calls: names of CALLS as they came in.
    """

    def __init__(self):
        self.faults, self.calls, self.images = {}, [], {}
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_any(self):
                engine.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815 - as http.server finds them

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments):
                """Ignores clients that have closed the connection."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"tcp://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, http):
        path = re.sub(r"^/v[0-9.]+", "", urlsplit(http.path).path)
        query = {name: values[0] for name, values in parse_qs(urlsplit(http.path).query).items()}
        name = next(name for name, pattern in CALLS.items() if re.fullmatch(pattern, f"{http.command} {path}"))
        self.calls.append(name)
        self._read(http)
        try:
            self.faults.get(name, lambda: None)()
            getattr(self, f"_{name}", lambda *_: self._json(http, {}))(http, path, query)
        except RefusesError as refusal:
            self._json(http, {"message": refusal.message}, refusal.status)
        except VanishesError:
            http.close_connection = True

    @staticmethod
    def _read(http):
        if http.headers.get("Transfer-Encoding") == "chunked":
            while size := int(http.rfile.readline(), 16):
                http.rfile.read(size + 2)
            http.rfile.readline()
        else:
            http.rfile.read(int(http.headers.get("Content-Length") or 0))

    @staticmethod
    def _json(http, answer, status=200):
        FakeEngine._send(http, json.dumps(answer).encode(), status)

    @staticmethod
    def _send(http, body, status=200, **headers):
        http.send_response(status)
        for name, value in ({"Content-Length": len(body), "Content-Type": "application/json"} | headers).items():
            http.send_header(name, value)
        http.end_headers()
        http.wfile.write(body)

    def _version(self, http, path, query):
        self._json(http, {"ApiVersion": "1.41"})

    def _images(self, http, path, query):
        self._json(http, [])

    def _list(self, http, path, query):
        self._json(http, [])

    def _image(self, http, path, query):
        labels = self.images.get(path.removeprefix("/images/").removesuffix("/json"))
        if labels is None:
            raise RefusesError(404, "No such image")
        self._json(http, {"Id": f"sha256:{64 * 'b'}", "Config": {"Labels": labels}})

    def _import(self, http, path, query):
        self._json(http, {"status": f"sha256:{64 * 'c'}"})

    def _build(self, http, path, query):
        http.send_response(200)
        http.send_header("Transfer-Encoding", "chunked")
        http.end_headers()
        for number, step in enumerate(STEPS):
            line = json.dumps({"stream": step}).encode() + b"\r\n"
            http.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            http.wfile.flush()
            if number == 2:
                self.faults.get("step", lambda: None)()
        http.wfile.write(b"0\r\n\r\n")
        labels = json.loads(query["labels"])
        self.images |= {query["t"]: labels, f"sha256:{64 * 'b'}": labels}

    def _create(self, http, path, query):
        self._json(http, {"Id": "made"}, 201)

    def _inspect(self, http, path, query):
        self._json(http, {"Id": "made"})

    def _wait(self, http, path, query):
        self._json(http, {"StatusCode": 0})

    def _archive(self, http, path, query):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            entry = tarfile.TarInfo("packages.txt")
            entry.size = len(b"tiny==1.0\n")
            tar.addfile(entry, io.BytesIO(b"tiny==1.0\n"))
        stat = base64.b64encode(b"{}").decode()
        self._send(http, data.getvalue(), **{"X-Docker-Container-Path-Stat": stat, "Content-Type": "application/x-tar"})
