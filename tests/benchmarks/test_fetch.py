"""``benchmarks fetch`` against a real HTTP server on this machine that serves the upstream files."""

import hashlib
import json
import re
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.apibench import HUBS, fetch, file_names
from apigauge.errors import DataError

pytestmark = pytest.mark.apibench

SOURCES = json.loads(Path(fetch.__file__).with_name("sources.json").read_text(encoding="utf-8"))
BIGGEST = "apibench/torchhub_train.json"


class Upstream:
    """Serves files by path; its faults are set by the tests.

    Attributes:
        requests: (path, Range header or None) of each request.
        break_after: one body is cut off after so many bytes.
        ranges: whether Range is honoured.
        status: the answer to every request, if set.
    """

    def __init__(self, files):
        self.files, self.requests = files, []
        self.break_after, self.ranges, self.status = None, True, None
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                upstream.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, handler):
        byte_range = handler.headers.get("Range")
        self.requests.append((handler.path, byte_range))
        if self.status or handler.path not in self.files:
            handler.send_error(self.status or 404)
            return
        body, start = self.files[handler.path], 0
        if byte_range and self.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", byte_range)[1])
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        rest = body[start:]
        handler.send_header("Content-Length", str(len(rest)))
        handler.end_headers()
        if self.break_after is not None and len(rest) > self.break_after:
            rest, self.break_after = rest[: self.break_after], None
        handler.wfile.write(rest)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def upstream_path(name, hub):
    """Where the file is in Gorilla's repository."""
    folder, _, file = name.partition("/")
    inner = {
        "apibench": f"data/apibench/{file}",
        "api": f"data/api/{file}",
        "questions": f"gorilla/eval/eval-data/questions/{hub}/{file}",
        "responses": f"gorilla/eval/eval-data/responses/{hub}/{file}",
    }[folder]
    return f"/{SOURCES['repository']}/{SOURCES['commit']}/{inner}"


def names_of(hub):
    own = {"tensorflowhub": ("tensorflowhub_", "tensorflow_")}.get(hub, (f"{hub}_",))
    return [name for name in SOURCES["files"] if any(part in name for part in own)]


@pytest.fixture
def upstream(data_dir):
    server = Upstream(
        {upstream_path(name, hub): (data_dir / name).read_bytes() for hub in HUBS for name in names_of(hub)}
    )
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def parts(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.part")}


def test_the_files_of_all_hubs_are_all_files_each_once():
    names = [source.name for hub in HUBS for source in fetch.files_of(hub)]
    assert sorted(names) == sorted(SOURCES["files"])
    for hub in HUBS:
        assert [source.name for source in fetch.files_of(hub)] == names_of(hub)
        assert set(file_names(hub)) <= set(names_of(hub))
        for source in fetch.files_of(hub):
            assert source.url == "https://raw.githubusercontent.com" + upstream_path(source.name, hub)


@pytest.mark.parametrize("hub", HUBS)
def test_all_files_of_a_hub_arrive_whole_and_the_benchmark_loads(tmp_path, upstream, hub):
    ticks = []
    fetched = fetch.fetch_hub(hub, tmp_path, lambda: ticks.append(1), upstream.url)
    assert fetched == names_of(hub)
    assert len(ticks) == len(fetched)
    for name in fetched:
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == SOURCES["files"][name]["sha256"]
    assert parts(tmp_path) == {}
    assert load_benchmark(f"apibench-{hub}", tmp_path).items


def test_existing_files_are_not_fetched_again(tmp_path, upstream):
    fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    upstream.requests.clear()
    assert fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url) == []
    assert upstream.requests == []


def test_a_file_that_is_not_what_it_should_be_is_fetched_again(tmp_path, upstream):
    fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    (tmp_path / BIGGEST).write_bytes(b"changed")
    assert fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url) == [BIGGEST]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_is_resumed(tmp_path, upstream, ranges):
    """A server that does not know Range answers with the whole file: the first part must not be doubled."""
    size = SOURCES["files"][BIGGEST]["bytes"]
    upstream.break_after = 1_700_000  # cuts off the biggest file and no other of this hub
    with pytest.raises(DataError, match=re.escape(BIGGEST)):
        fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    assert list(parts(tmp_path)) == [f"{BIGGEST}.part"]
    size_of_part = parts(tmp_path)[f"{BIGGEST}.part"]
    assert 0 < size_of_part <= 1_700_000 < size
    assert not (tmp_path / BIGGEST).exists()
    upstream.requests.clear()
    upstream.ranges = ranges
    assert BIGGEST in fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    ranges_by_path = dict(upstream.requests)
    assert ranges_by_path.pop(upstream_path(BIGGEST, "torchhub")) == f"bytes={size_of_part}-"
    assert set(ranges_by_path.values()) <= {None}
    assert hashlib.sha256((tmp_path / BIGGEST).read_bytes()).hexdigest() == SOURCES["files"][BIGGEST]["sha256"]
    assert parts(tmp_path) == {}


@pytest.mark.parametrize("left", ["whole", "too much", "rubbish"])
def test_a_later_attempt_gets_the_file_whatever_an_earlier_one_left(tmp_path, upstream, data_dir, left):
    part = tmp_path / f"{BIGGEST}.part"
    part.parent.mkdir()
    body = (data_dir / BIGGEST).read_bytes()
    part.write_bytes({"whole": body, "too much": body + b"x", "rubbish": b"rubbish"}[left])
    if left != "whole":
        with pytest.raises(DataError, match="SHA-256"):
            fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
        assert not (tmp_path / BIGGEST).exists()
    fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    assert (tmp_path / BIGGEST).read_bytes() == body
    assert parts(tmp_path) == {}


def test_a_wrong_byte_is_refused_and_nothing_takes_the_final_name(tmp_path, upstream):
    path = upstream_path(BIGGEST, "torchhub")
    good = upstream.files[path]
    upstream.files[path] = good[:1000] + bytes([good[1000] ^ 1]) + good[1001:]
    with pytest.raises(DataError) as error:
        fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    for part in (
        BIGGEST,
        SOURCES["files"][BIGGEST]["sha256"],
        hashlib.sha256(upstream.files[path]).hexdigest(),
        upstream.url,
    ):
        assert part in str(error.value)
    assert not (tmp_path / BIGGEST).exists()
    assert parts(tmp_path) == {}
    upstream.files[path] = good
    fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    assert (tmp_path / BIGGEST).read_bytes() == good


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_server_that_refuses_is_reported(tmp_path, upstream, status):
    upstream.status = status
    with pytest.raises(DataError) as error:
        fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    assert str(status) in str(error.value)
    assert upstream.url in str(error.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_a_server_the_file_the_folder_and_the_address_are_named(tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(DataError) as error:
            fetch.fetch_hub("torchhub", tmp_path, base_url=url)
    first = names_of("torchhub")[0]
    for part in (first, str(tmp_path), url + upstream_path(first, "torchhub")):
        assert part in str(error.value)


def test_what_arrived_before_a_failure_stays(tmp_path, upstream):
    last = names_of("torchhub")[-1]
    del upstream.files[upstream_path(last, "torchhub")]
    with pytest.raises(DataError, match=re.escape(last)):
        fetch.fetch_hub("torchhub", tmp_path, base_url=upstream.url)
    assert all((tmp_path / name).is_file() for name in names_of("torchhub")[:-1])


def test_a_folder_that_cannot_be_written_is_named(tmp_path, upstream):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=re.escape(str(tmp_path / "file"))):
        fetch.fetch_hub("torchhub", tmp_path / "file", base_url=upstream.url)


@pytest.mark.parametrize("hub", HUBS)
def test_the_command_fetches_nothing_if_all_files_exist(tmp_path, data_dir, apigauge, hub):
    for name in names_of(hub):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(data_dir / name, tmp_path / name)
    done = apigauge("benchmarks", "fetch", f"apibench-{hub}", "--data-dir", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"folder": str(tmp_path), "fetched": []}
