"""`hubs build --from-hub`: real configurations from a hub, here one on loopback, decide the architecture."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from apigauge.errors import SandboxError
from apigauge.sandboxes import hubs
from apigauge.sandboxes.hubs import download
from apigauge.sandboxes.hubs.huggingface import build

CONFIGS = {
    # Not the architecture that its line in the table names, and settings that are no sizes.
    "bert-base-uncased": {"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], "hidden_act": "relu"},
    "gpt2": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 768, "activation_function": "relu"},
    # Of a type that the library does not know.
    "gpt2-medium": {"model_type": "nowhere", "architectures": ["NowhereForCausalLM"]},
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        repo = self.path.removeprefix("/").removesuffix("/resolve/main/config.json")
        body = json.dumps(CONFIGS[repo]).encode() if repo in CONFIGS else b"<html>"
        self.send_response(404 if len(repo) % 2 and repo not in CONFIGS else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.requests = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path / "hubs")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_repositorys_configuration_is_requested_once(hub):
    lines = []
    folder = download.configs(lines.append)
    assert len(hub.requests) == len(set(hub.requests)) == len(build.entries())
    # A missing one and one that is no JSON are both "none".
    assert {path.name for path in folder.iterdir()} == {f"{repo}.json" for repo in CONFIGS}
    assert "3 of " in lines[0]
    hub.requests.clear()
    download.configs(lines.append)
    assert not [path for path in hub.requests if path.split("/")[1] in CONFIGS]


def test_a_hub_that_cannot_be_reached_is_reported(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SandboxError, match=r"--from-hub: http://127\.0\.0\.1:9 cannot be reached"):
        download.configs(print)


def test_the_real_architecture_is_built_and_named_as_the_source(hub, monkeypatch, tmp_path):
    folder = download.configs(lambda _: None)
    # Tabular models, which need scikit-learn, are not the subject.
    monkeypatch.setattr(build.inputs, "write", lambda _: None)
    out = tmp_path / "out"
    assert build.build(out, folder, {*CONFIGS, "distilgpt2"}) == {}
    described = {entry["id"]: entry["source"] for entry in json.loads((out / "hub.json").read_text())["entries"]}
    assert described["bert-base-uncased"] == described["gpt2"] == "hub"
    assert described["distilgpt2"] != "hub"

    def config(repo):
        (path,) = (out / "hub" / f"models--{repo}" / "snapshots").glob("*/config.json")
        return json.loads(path.read_text())

    assert config("bert-base-uncased")["architectures"] == ["RobertaForMaskedLM"]
    assert config("bert-base-uncased")["hidden_act"] == "relu"
    assert (config("gpt2")["activation_function"], config("gpt2")["n_embd"]) == ("relu", 768)
    assert config("gpt2-medium")["model_type"] == "gpt2"
    assert described["gpt2-medium"] != "hub"
