"""A hub that is filled while programs run: hubs on loopback, and programs that have no network."""

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sandbox_kinds import open_kind

from apigauge.sandboxes import hubs
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
        self.requests = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
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

    def open_live(name):
        hub = hubs.live_hub(name)
        sandbox = LiveSandbox(open_kind("bare", Limits(cpu_seconds=20), hub=hub), hub, server.url)
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


def test_the_manifest_says_that_models_may_change(live):
    about = live("torchhub").describe()
    assert about["hub"] == {"name": "torchhub", "mode": "live", "digest": None}
    assert any("later run" in caveat for caveat in about["caveats"])
