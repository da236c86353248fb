"""``report --export mlflow|wandb|trackio|otel``: the real libraries write, and what they wrote is read back with them."""

import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from apigauge.__main__ import main
from apigauge.harness.cli.report_views import view
from apigauge.reports.tracking.record import tracked

LIBRARIES = {"mlflow": "mlflow", "wandb": "wandb", "trackio": "trackio", "otel": "opentelemetry"}

# Each prints a list of runs: name, parameters, metrics, and how many values a metric has had.
READ_MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=f"sqlite:///{sys.argv[1]}/mlflow.db")
rows = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        history = client.get_metric_history(run.info.run_id, "ast.exact")
        rows.append([experiment.name, run.info.run_name, run.data.params, run.data.metrics, len(history), run.data.tags])
print(json.dumps(rows))
"""
READ_TRACKIO = """
import json, os, sys
os.environ["TRACKIO_DIR"] = f"{sys.argv[1]}/trackio"
import trackio
from trackio.sqlite_storage import SQLiteStorage
rows = []
for run in trackio.Api().runs("mini"):
    logs = SQLiteStorage.get_logs("mini", run.name)
    rows.append(["mini", run.name, run.config, logs[-1], len(logs), {}])
print(json.dumps(rows))
"""
# A run's file is a header of seven bytes and then a log of LevelDB's format, whose records are W&B's own messages.
READ_WANDB = """
import json, struct, sys
from pathlib import Path
from wandb.proto.wandb_internal_pb2 import Record
rows = []
for path in sorted(Path(sys.argv[1]).glob("wandb/offline-run-*/*.wandb")):
    data, at, parts, records = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            records.append(Record.FromString(parts))
            parts = b""
    row = ["", "", {}, {}, 1, {}]
    for record in records:
        if record.HasField("run"):
            row[0], row[1] = record.run.project, record.run.display_name
            for update in record.run.config.update:
                if update.key in ("manifest", "notes"):
                    row[2] |= json.loads(update.value_json)
        for update in record.summary.update if record.HasField("summary") else ():
            row[3][update.key or ".".join(update.nested_key)] = json.loads(update.value_json)
    rows.append(row)
print(json.dumps(rows))
"""
READ = {"mlflow": READ_MLFLOW, "trackio": READ_TRACKIO, "wandb": READ_WANDB}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "6", "--sandbox", "none"]
    assert main([*command, "--metrics", "ast_match", "--out", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def export(trackers_python, tmp_path):
    """Exports a run by the Python that has the trackers, where a connection to anything but the loopback fails."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(
        "import socket\n"
        "connect = socket.socket.connect\n"
        "def loopback(self, address):\n"
        "    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ('127.0.0.1', '::1', 'localhost'):\n"
        "        raise SystemExit(f'a connection to {address}')\n"
        "    return connect(self, address)\n"
        "socket.socket.connect = loopback\n"
    )
    home = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    path = os.pathsep.join([str(guard), *filter(None, [os.environ.get("PYTHONPATH")])])
    # A CI's environment would switch MLflow's telemetry off by itself.
    unset = ("CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST", "OTEL_LOGS_EXPORTER", "WANDB_MODE", "TRACKIO_DIR")
    clean = {name: value for name, value in os.environ.items() if name not in (*unset, "MLFLOW_TRACKING_URI")}

    def call(folder, kind, code=0, **environment):
        command = [trackers_python, "-m", "apigauge", "report", folder, "--out", tmp_path / "site", "--export", kind]
        done = subprocess.run(
            [*map(str, command), "--json"],
            env=clean | home | {"PYTHONPATH": path} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 else done.stderr

    return call


@pytest.fixture
def stored(trackers_python, tmp_path):
    """What a tracker says that it has."""

    def read(kind):
        command = [trackers_python, "-c", READ[kind], str(tmp_path / "site")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return read


def copied(run, folder, change):
    """The run with another summary, as after it was scored again."""
    shutil.copytree(run, folder)
    summary = json.loads((folder / "summary.json").read_text())
    change(summary)
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.mark.trackers
@pytest.mark.parametrize("kind", ["mlflow", "wandb", "trackio"])
def test_a_run_is_there_with_its_numbers_and_its_manifest_and_once(run, export, stored, kind, tmp_path):
    summary = json.loads((run / "summary.json").read_text())
    [path] = export(run, kind)["exports"]
    assert path.startswith(str(tmp_path / "site"))
    [row] = stored(kind)
    project, name, parameters, metrics, values, tags = row
    assert project == "mini"
    assert name.startswith("first")
    for metric, estimate in summary["metrics"].items():
        assert metrics[metric] == estimate["value"]
        for part in ("low", "high", "n", "clusters"):
            assert metrics[f"{metric}.{part}"] == estimate[part]
    assert metrics["items"] == 6
    wanted = {"benchmark.name": "mini", "benchmark.items": "6", "generator.spec": "retrieval:bm25"}
    assert wanted.items() <= parameters.items()
    assert {**parameters, **tags}["created"] == json.loads((run / "manifest.json").read_text())["created"]
    export(run, kind)  # again: it is still one run, with one value
    [again] = stored(kind)
    assert again[4] == values == 1
    # Scored again: the same run has the new number.
    changed = copied(run, tmp_path / "first", lambda summary: summary["metrics"]["ast.exact"].update(value=0.125))
    export(changed, kind)
    [again] = stored(kind)
    assert again[3]["ast.exact"] == 0.125
    # With another metric and without one.
    del_one = copied(run, tmp_path / "other" / "first", lambda summary: summary["metrics"].pop("ast.domain"))
    export(del_one, kind)
    [again] = stored(kind)
    assert "ast.domain" not in again[3]


@pytest.mark.trackers
def test_events_have_the_names_of_the_conventions(run, export, trackers_python):
    path = export(run, "otel")["exports"][0]
    events = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    scores = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    manifest, summary = (json.loads((run / f"{name}.json").read_text()) for name in ("manifest", "summary"))
    names = "import json; from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as a; "
    names += "print(json.dumps([a.GEN_AI_EVALUATION_NAME, a.GEN_AI_EVALUATION_SCORE_VALUE, a.GEN_AI_EVALUATION_SCORE_LABEL, a.GEN_AI_EVALUATION_EXPLANATION]))"
    done = subprocess.run([trackers_python, "-W", "ignore", "-c", names], capture_output=True, text=True, check=True)
    name, value, label, explanation = json.loads(done.stdout)
    results = [event for event in events if event["event_name"] == "gen_ai.evaluation.result"]
    assert len(results) == sum(len(row["metrics"]) for row in scores)
    by_key = {(one["attributes"]["apigauge.item"], one["attributes"][name]): one["attributes"] for one in results}
    for row in scores:
        for metric, score in row["metrics"].items():
            attributes = by_key[row["item"], metric]
            assert attributes[value] == score
            assert attributes.get(label) == row["labels"].get(metric)
            assert attributes.get(explanation) == (row.get("messages", {}).get(metric) or None)
    totals = {
        one["attributes"][name]: one["attributes"] for one in events if one["event_name"] == "apigauge.run.result"
    }
    assert totals.keys() == summary["metrics"].keys()
    for metric, estimate in summary["metrics"].items():
        assert totals[metric][value] == estimate["value"]
        assert [totals[metric][f"apigauge.{part}"] for part in ("low", "high", "n")] == [
            estimate[part] for part in ("low", "high", "n")
        ]
    resource = events[0]["resource"]["attributes"]
    assert resource["apigauge.benchmark.digest"] == manifest["benchmark"]["digest"]
    assert all(event["timestamp"].startswith(manifest["created"][:19]) for event in events)


@pytest.fixture
def collector():
    """An OTLP collector on the loopback that keeps what is posted, or refuses it."""

    class Handler(BaseHTTPRequestHandler):
        status = 200
        bodies: ClassVar = []

        def do_POST(self):
            self.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(self.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.trackers
def test_events_go_to_the_collector_that_the_user_names(run, export, collector, trackers_python, tmp_path):
    handler, url = collector
    variables = {
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    export(run, "otel", **variables)
    [(path, body)] = handler.bodies
    assert path == "/v1/logs"
    (tmp_path / "body").write_bytes(body)
    read = (
        "import sys, pathlib; from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest as R; "
        "r = R.FromString(pathlib.Path(sys.argv[1]).read_bytes()); "
        "print(sorted({l.event_name for a in r.resource_logs for s in a.scope_logs for l in s.log_records}))"
    )
    done = subprocess.run(
        [trackers_python, "-c", read, str(tmp_path / "body")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['apigauge.run.result', 'gen_ai.evaluation.result']"
    assert not (tmp_path / "site" / "otel-events.jsonl").exists()
    handler.status = 400
    assert "OTLPLogExporter did not take" in export(run, "otel", code=4, **variables)
    assert "no such exporter is installed here; there are console" in export(
        run, "otel", code=2, OTEL_LOGS_EXPORTER="x"
    )


@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_library_that_is_missing_is_named_before_anything_is_written(run, tmp_path, capsys, kind, monkeypatch):
    monkeypatch.setattr("apigauge.reports.tracking.find_spec", lambda name: None)
    assert main(["report", str(run), "--out", str(tmp_path / "site"), "--export", kind]) == 2
    said = capsys.readouterr().err
    assert (
        f"--export {kind}: needs {LIBRARIES[kind]}, which is not installed here; pip install 'apigauge[{kind}]'" in said
    )
    assert not (tmp_path / "site").exists()


def test_a_run_is_the_same_one_whatever_its_scores_are_and_another_one_made_anew(run, tmp_path):
    one = tracked(view(run, None, {}))
    changed = copied(run, tmp_path / "first", lambda summary: summary["metrics"].pop("ast.domain"))
    assert tracked(view(changed, None, {})).identity == one.identity
    manifest = json.loads((changed / "manifest.json").read_text())
    (changed / "manifest.json").write_text(json.dumps(manifest | {"created": "2026-01-01T00:00:00+00:00"}))
    assert tracked(view(changed, None, {})).identity != one.identity


def test_answers_from_several_samples_are_metrics_too(run, tmp_path):
    estimate = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 6, "clusters": 3}
    samples = {"ast.exact": {"pass_at": {"1": estimate, "5": estimate}, "consistency": estimate}}
    several = copied(run, tmp_path / "first", lambda summary: summary.update(samples=samples))
    metrics = tracked(view(several, None, {})).metrics
    assert (metrics["ast.exact.pass_at_5"], metrics["ast.exact.consistency.low"]) == (0.5, 0.25)
