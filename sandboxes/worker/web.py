"""Answers a program's web requests without a network.

A connection is only pretended at first. If there is an input for the requested address, the answer comes from memory;
if not, the real connection is made, and fails as it does without a network. Patched are http.client, on which urllib
and requests build, urllib3, and httpx (blocking); modules that are not imported yet are patched when the program
imports them. Only GET and HEAD are answered.
"""

import functools
import importlib.machinery
import io
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Page = tuple[str, bytes]


class Pages(NamedTuple):
    """The pages: ``at`` says whether a host has any, ``get`` returns kind and content at an address, or None."""

    at: Callable[[str], bool]
    get: Callable[[str], Page | None]


_TYPES = {
    "avi": "video/x-msvideo",
    "csv": "text/csv",
    "flac": "audio/flac",
    "html": "text/html; charset=utf-8",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "txt": "text/plain; charset=utf-8",
    "wav": "audio/x-wav",
    "xml": "application/xml",
    "zip": "application/zip",
} | {kind: f"image/{kind}" for kind in ("bmp", "gif", "png", "tiff", "webp")}
_DIRECT = "_apigauge_direct"


def install(pages: Pages) -> None:
    """Patches the libraries, so that their requests come here first."""
    patches = {
        "http.client": functools.partial(_patch_connections, pages),
        "urllib3.connection": functools.partial(_patch_connections, pages),
        "httpcore._backends.sync": functools.partial(_patch_backend, pages),
        "httpcore2._backends.sync": functools.partial(_patch_backend, pages),
    }
    for name in list(patches):
        if name in sys.modules:
            patches.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, _Finder(patches))  # type: ignore[arg-type]


class _Finder:
    """Finds no modules itself; patches modules that other finders find."""

    def __init__(self, patches: dict[str, Callable[[types.ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's own spec; its loader also applies the patch."""
        patch = self._patches.pop(name, None)
        if patch is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader.exec_module = _followed(spec.loader.exec_module, patch)  # type: ignore[assignment, method-assign]
                return spec
        return None


def _followed(
    run: Callable[[types.ModuleType], None], patch: Callable[[types.ModuleType], None]
) -> Callable[[types.ModuleType], None]:
    def load(module: types.ModuleType) -> None:
        run(module)
        patch(module)

    return load


def answer(pages: Pages, scheme: str, host: str, request: bytes) -> bytes | None:
    """The complete answer to a request's head; None if there is none."""
    method, _, rest = request.partition(b" ")
    target = rest.partition(b" ")[0].decode("latin-1")
    if method not in (b"GET", b"HEAD"):
        return None
    page = pages.get(f"{scheme}://{host}{target}")
    if page is None:
        return None
    kind, content = page
    head = (
        "HTTP/1.1 200 OK\r\n"
        f"Content-Type: {_TYPES.get(kind, 'application/octet-stream')}\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (content if method == b"GET" else b"")


def _patch_connections(pages: Pages, module: types.ModuleType) -> None:
    """Patches ``connect`` of http.client's connections, and of urllib3's."""
    for name, scheme in (("HTTPConnection", "http"), ("HTTPSConnection", "https")):
        kind = getattr(module, name, None)
        if kind is not None and "connect" in vars(kind):
            kind.connect = _connect(kind.connect, pages, scheme)


def _connect(original: Callable[[Any], None], pages: Pages, scheme: str) -> Callable[[Any], None]:
    @functools.wraps(original)
    def connect(connection: Any) -> None:
        if getattr(connection, "_tunnel_host", None) or _DIRECT in vars(connection) or not pages.at(connection.host):
            return original(connection)
        connection.sock = _Socket(connection, original, lambda head: answer(pages, scheme, connection.host, head))
        if hasattr(connection, "is_verified"):
            connection.is_verified = scheme == "https"
        return None

    return connect


class _Socket:
    """Stands in for a connection until the request has arrived."""

    def __init__(
        self, connection: Any, connect: Callable[[Any], None], respond: Callable[[bytes], bytes | None]
    ) -> None:
        self._connection = connection
        self._connect = connect
        self._respond = respond
        self._request = b""
        self._response: bytes | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Collects what the program sends, and answers a complete request."""
        self._request += bytes(data)
        if self._response is None and b"\r\n\r\n" in self._request:
            self._response = self._respond(self._request)
            if self._response is None:
                vars(self._connection)[_DIRECT] = True
                self._connection.sock = None
                self._connect(self._connection)
                self._connection.sock.sendall(self._request, flags)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """The answer."""
        return io.BufferedReader(io.BytesIO(self._response or b""))

    def _nothing(self, *_: Any) -> None:
        """Does nothing: there is no connection to close or to set up."""

    close = settimeout = setsockopt = shutdown = _nothing


def _patch_backend(pages: Pages, module: types.ModuleType) -> None:
    """Patches blocking connections of httpcore, and so of httpx."""
    original = module.SyncBackend.connect_tcp

    @functools.wraps(original)
    def connect_tcp(backend: Any, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        connect = functools.partial(original, backend, host, port, *args, **kwargs)
        return _Stream(connect, pages, host) if pages.at(host) else connect()

    module.SyncBackend.connect_tcp = connect_tcp


class _Stream:
    """The same as a ``NetworkStream`` of httpcore (httpcore/_backends/base.py)."""

    def __init__(self, connect: Callable[[], Any], pages: Pages, host: str) -> None:
        self._connect = connect
        self._pages = pages
        self._host = host
        self._encryption: dict[str, Any] | None = None
        self._request = b""
        self._response: io.BytesIO | None = None
        self._real: Any = None

    def start_tls(self, *args: Any, **kwargs: Any) -> "_Stream":
        """Stores the arguments, in case the real connection must be made."""
        names = ("ssl_context", "server_hostname", "timeout")
        self._encryption = dict(zip(names, args, strict=False)) | kwargs
        return self

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Collects what the program sends, and answers a complete request."""
        if self._real is not None:
            self._real.write(buffer, timeout)
            return
        self._request += bytes(buffer)
        if self._response is not None or b"\r\n\r\n" not in self._request:
            return
        scheme = "http" if self._encryption is None else "https"
        response = answer(self._pages, scheme, self._host, self._request)
        if response is not None:
            self._response = io.BytesIO(response)
            return
        self._real = self._connect()
        if self._encryption is not None:
            self._real = self._real.start_tls(**self._encryption)
        self._real.write(self._request, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The answer."""
        if self._real is not None:
            return bytes(self._real.read(max_bytes, timeout))
        return self._response.read(max_bytes) if self._response else b""

    def close(self) -> None:
        """Closes the real connection, if there is one."""
        if self._real is not None:
            self._real.close()

    def get_extra_info(self, info: str) -> Any:
        """Information on the real connection, if there is one."""
        return self._real.get_extra_info(info) if self._real is not None else None
