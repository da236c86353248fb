"""A hub that is filled while programs run: hubs on loopback, and programs that have no network."""

import contextlib
import hashlib
import io
import json
import os
import sys
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sandbox_kinds import open_kind

from apigauge.sandboxes import hubs
from apigauge.sandboxes.hubs import live as live_hub
from apigauge.sandboxes.hubs.live import LiveSandbox
from apigauge.sandboxes.verdict import Limits, Program

CONFIG = b'{"model_type": "bert"}'
SHA = "0" * 40
HUBCONF = """
import json, os

def answer(weights=False):
    if weights:
        import torch
        path = os.path.join(torch.hub.get_dir(), "checkpoints", "answer.json")
        if not os.path.exists(path):
            import sys
            sys.stderr.write('Downloading: "{base}/answer.json" to %s\\n' % path)
            raise OSError("Network is unreachable") from ConnectionError()
        return json.load(open(path))
    return 42
"""


class Hub(ThreadingHTTPServer):
    """Serves ``pages`` by path, and records the requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages = {}
        # By path: what happens to its first requests; true if that was the answer.
        self.faults = {}
        self.requests = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        faults = self.server.faults.get(self.path)
        if faults and faults.pop(0)(self):
            return
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        if body is None:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("ETag", f'"{hashlib.sha1(body or b"").hexdigest()}"')
        self.send_header("X-Repo-Commit", SHA)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


@pytest.fixture
def live(server, tmp_path, monkeypatch):
    """Opens a sandbox whose hub of that name is filled from the server."""
    opened = []
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path / "hubs")
    monkeypatch.setattr(live_hub, "PAUSE_SECONDS", 0.01)

    def open_live(name, concurrency=1):
        hub = hubs.live_hub(name)
        sandbox = LiveSandbox(open_kind("bare", Limits(cpu_seconds=20), concurrency, hub=hub), hub, server.url)
        opened.append(sandbox)
        return sandbox

    yield open_live
    for sandbox in opened:
        sandbox.close()


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


def test_a_repository_is_fetched_once_and_then_read_offline(server, live):
    server.pages["/api/models/some/model/revision/main"] = json.dumps(
        {"id": "some/model", "sha": SHA, "siblings": [{"rfilename": "config.json"}, {"rfilename": "tf_model.h5"}]}
    ).encode()
    files = [{"type": "file", "path": path, "size": len(CONFIG), "oid": SHA} for path in ("config.json", "tf_model.h5")]
    server.pages[f"/api/models/some/model/tree/{SHA}?recursive=true&expand=false"] = json.dumps(files).encode()
    server.pages[f"/some/model/resolve/{SHA}/config.json"] = CONFIG
    source = (
        "from huggingface_hub import hf_hub_download\n"
        "print(open(hf_hub_download('some/model', 'config.json', local_files_only=True)).read())\n"
    )
    sandbox = live("huggingface")
    verdict = sandbox.run(Program(source, "hf_hub_download"))
    assert verdict.ended, verdict
    assert verdict.evidence["stdout"].strip() == CONFIG.decode()
    requests = len(server.requests)
    assert sandbox.run(Program(source, "hf_hub_download")).ended
    assert len(server.requests) == requests
    assert not any("tf_model" in path for path in server.requests)


def test_what_the_hub_does_not_have_is_requested_once(server, live):
    source = (
        "from huggingface_hub import hf_hub_download\n"
        "hf_hub_download('some/nothing', 'config.json', local_files_only=True)\n"
    )
    sandbox = live("huggingface")
    verdicts = [sandbox.run(Program(source, "hf_hub_download")) for _ in range(2)]
    assert [(v.status, v.category) for v in verdicts] == [("failed", "hub_not_found")] * 2
    assert server.requests == ["/api/models/some/nothing/revision/main"]


def test_a_torch_hub_repository_and_then_its_weights(server, live):
    server.pages["/some/repo/archive/main.zip"] = zipped(
        {"repo-main/hubconf.py": HUBCONF.replace("{base}", server.url)}
    )
    server.pages["/answer.json"] = b"43"
    sandbox = live("torchhub")
    source = "import torch\nassert torch.hub.load('some/repo', 'answer', weights=True) == 43\n"
    verdict = sandbox.run(Program(source, "torch.hub.load"))
    assert verdict.ended, verdict
    assert server.requests == ["/some/repo/archive/main.zip", "/answer.json"]


def test_a_program_cannot_name_an_address_of_its_own(server, live):
    source = "import sys\nsys.stderr.write('Downloading: \"http://127.0.0.1:9/secret\" to /x/secret\\n')\nopen('missing.pt')\n"
    sandbox = live("torchhub")
    assert sandbox.run(Program(source, "open")).category == "input"
    assert server.requests == []


def test_a_tensorflow_hub_model_is_unpacked_under_the_name_its_library_looks_for(server, live):
    handle = f"{server.url}/google/model/1"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        entry = tarfile.TarInfo("saved_model.pb")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"model"))
    server.pages["/google/model/1?tf-hub-format=compressed"] = data.getvalue()
    source = (
        "import hashlib, os\n"
        f"name = hashlib.sha1({handle!r}.encode()).hexdigest()\n"
        "print(open(os.path.join(os.environ['TFHUB_CACHE_DIR'], name, 'saved_model.pb')).read())\n"
    )
    verdict = live("tensorflowhub").run(Program(source, "open"))
    assert verdict.ended, verdict
    assert verdict.evidence["stdout"].strip() == "model"


def test_a_hub_out_of_reach_is_a_sandbox_failure(live, server):
    sandbox = live("tensorflowhub")
    handle = f"{server.url}/google/model/1"
    server.shutdown()
    server.server_close()
    verdict = sandbox.run(Program(f"open('/nowhere/{{}}'.format({handle!r}))", "open"))
    assert verdict.status == "infra"
    assert "cannot be reached" in verdict.reason


# Faults of the hub


def answers(status, **headers):
    """The fault of an answer with this status."""

    def fault(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def breaks_off(handler):
    """The fault of a body that ends early."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"half")
    return True


def drops(handler):
    """The fault of a connection that is closed without an answer."""
    handler.connection.close()
    return True


FAULTS = {
    "busy": answers(429, Retry_After="0"),
    "down": answers(503),
    "broken": answers(500),
    "limited": answers(403, X_RateLimit_Remaining="0"),
    "breaks off": breaks_off,
    "drops": drops,
}
REPOSITORY = "/some/repo/archive/main.zip"
LOADS = Program("import torch\nassert torch.hub.load('some/repo', 'answer') == 42\n", "torch.hub.load")


def archived(server, name):
    """The path of a model of TensorFlow Hub's that the server has, and a program that needs it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("saved_model.pb"), io.BytesIO())
    path = f"/google/{name}/1?tf-hub-format=compressed"
    server.pages[path] = data.getvalue()
    handle = f"{server.url}/google/{name}/1"
    source = (
        f"import hashlib, os\nname = hashlib.sha1({handle!r}.encode()).hexdigest()\n"
        "open(os.path.join(os.environ['TFHUB_CACHE_DIR'], name, 'saved_model.pb'))\n"
    )
    return path, Program(source, "open")


def test_a_hub_in_trouble_is_asked_again_and_is_no_failure_of_a_program(server, live):
    """An error that counted as "does not exist" would be remembered, and every later program be scored 0."""
    sandbox = live("tensorflowhub")
    for number, (name, fault) in enumerate(FAULTS.items()):
        path, program = archived(server, f"model-{number}")
        server.faults[path] = [fault] * (live_hub.ATTEMPTS - 1)
        assert sandbox.run(program).ended, name
        assert server.requests.count(path) == live_hub.ATTEMPTS
        path, program = archived(server, f"other-{number}")
        server.faults[path] = [fault] * live_hub.ATTEMPTS
        verdict = sandbox.run(program)
        assert (verdict.status, "cannot be fetched" in verdict.reason) == ("infra", True), name
        assert sandbox.run(program).ended, name


def test_trouble_of_hugging_face_is_told_from_a_repository_that_does_not_exist(server, live):
    path = "/api/models/some/model/revision/main"
    source = "from huggingface_hub import hf_hub_download\nhf_hub_download('some/model', 'x', local_files_only=True)\n"
    sandbox = live("huggingface")
    for fault in ("busy", "drops"):
        server.faults[path] = [FAULTS[fault]] * 30
        assert sandbox.run(Program(source, "hf_hub_download")).status == "infra", fault
    server.faults.clear()
    verdict = sandbox.run(Program(source, "hf_hub_download"))
    assert (verdict.status, verdict.category) == ("failed", "hub_not_found")


def test_programs_that_load_one_model_at_once_all_get_it(server, live):
    """The model is fetched once; the programs that waited for it run again as well."""
    sandbox, ready = live("tensorflowhub", 4), threading.Event()
    path, program = archived(server, "model")
    server.faults[path] = [lambda _: not ready.wait(20)]
    with ThreadPoolExecutor(4) as pool:
        programs = [Program(f"{program.source}# {number}", "open") for number in range(4)]
        verdicts = [pool.submit(sandbox.run, one) for one in programs]
        while not server.requests:
            time.sleep(0.01)
        time.sleep(2)  # until the others have failed for want of it
        ready.set()
        assert [verdict.result().status for verdict in verdicts] == ["passed"] * 4
    assert server.requests == [path]


@pytest.mark.parametrize("address", ["{url}/google/a model/1", "{url}/google/mod\u00e8le/1", "{url}/a\nb"])
def test_an_address_that_is_none_does_not_exist(server, live, address):
    """The hub's own library refuses it in the program; that is no failure of the sandbox."""
    handle = address.format(url=server.url)
    verdict = live("tensorflowhub").run(Program(f"open('/nowhere/' + {handle!r})", "open"))
    assert (verdict.status, verdict.category) == ("failed", "input")


def limit(monkeypatch, tmp_path, size):
    """Lowers the bound in the processes that fetch."""
    (tmp_path / "site").mkdir()
    module = "apigauge.sandboxes.hubs.fetch"
    (tmp_path / "site" / "lowered.py").write_text(
        f"import runpy, sys\nimport {module} as fetch\nfetch.LARGEST_BYTES = {size}\n"
        "import json\nprint(json.dumps(fetch.main(*sys.argv[1:])))\n"
    )
    monkeypatch.setattr(live_hub, "MODULE", "lowered")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)]))


@pytest.mark.parametrize("announced", [True, False])
def test_a_download_without_bound_is_ended_and_not_begun_again(server, live, monkeypatch, tmp_path, announced):
    limit(monkeypatch, tmp_path, 5_000_000)
    sent = []

    def endless(handler):
        handler.send_response(200)
        if announced:
            handler.send_header("Content-Length", "50000000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while len(sent) < 1_000:
                sent.append(handler.wfile.write(b"x" * 100_000))
        return True

    server.faults[REPOSITORY] = [endless]
    sandbox = live("torchhub")
    for _ in range(2):
        verdict = sandbox.run(LOADS)
        assert verdict.status == "infra"
        assert "GB or more, and at most 0.005 GB are fetched" in verdict.reason
    assert server.requests == [REPOSITORY]
    assert len(sent) < 1_000


def test_an_archive_that_unpacks_without_bound_is_refused(server, live, monkeypatch, tmp_path):
    limit(monkeypatch, tmp_path, 5_000_000)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("repo-main/hubconf.py", "x" * 6_000_000)
    server.pages[REPOSITORY] = data.getvalue()
    assert len(data.getvalue()) < 100_000
    assert "at most 0.005 GB" in live("torchhub").run(LOADS).reason


def test_a_repository_of_hugging_face_that_is_too_large_is_not_begun(server, live, monkeypatch, tmp_path):
    limit(monkeypatch, tmp_path, 5_000_000)
    pages = server.pages
    pages["/api/models/some/model/revision/main"] = json.dumps({"id": "some/model", "sha": SHA}).encode()
    files = [{"type": "file", "path": name, "size": 3_000_000, "oid": SHA} for name in ("a.bin", "b.bin", "c.h5")]
    pages[f"/api/models/some/model/tree/{SHA}?recursive=true&expand=false"] = json.dumps(files).encode()
    source = "from huggingface_hub import hf_hub_download\nhf_hub_download('some/model', 'x', local_files_only=True)\n"
    verdict = live("huggingface").run(Program(source, "hf_hub_download"))
    assert "some/model has 0.0 GB or more, and at most 0.005 GB" in verdict.reason
    assert not [path for path in server.requests if "resolve" in path]


def test_a_hub_that_sends_a_byte_now_and_then_is_given_up(server, live, monkeypatch):
    """No timeout of a read ever passes."""
    monkeypatch.setattr(live_hub, "LONGEST_SECONDS", 3.0)
    stopped = threading.Event()

    def drips(handler):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not stopped.wait(0.1):
                handler.wfile.write(b"x")
        return True

    server.faults[REPOSITORY] = [drips]
    sandbox = live("torchhub")
    assert "some/repo could not be fetched within 3 s" in sandbox.run(LOADS).reason
    stopped.set()
    assert not list((hubs.cache() / "torchhub-live").rglob(".fetching-*"))


def test_the_manifest_says_that_models_may_change(live):
    about = live("torchhub").describe()
    assert about["hub"] == {"name": "torchhub", "mode": "live", "digest": None}
    assert any("later run" in caveat for caveat in about["caveats"])
