"""``apigauge metrics``, ``environments`` and ``models``: lists of what there is."""

import json
import subprocess
import sys

import pytest
from fake_engine import FakeEngine

from apigauge import load_benchmark
from apigauge.__main__ import main
from apigauge.benchmarks import names as benchmark_names
from apigauge.harness.cli import environments as environments_command
from apigauge.harness.cli import models
from apigauge.harness.generation.backends import BACKENDS
from apigauge.harness.metrics.table import METRICS
from apigauge.sandboxes import environments
from apigauge.sandboxes.build import LOCK_LABEL


def printed(capsys, *arguments):
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_metrics_lists_every_metric_with_its_facts(capsys):
    rows = {row["name"]: row for row in printed(capsys, "metrics")["metrics"]}
    assert list(rows) == [info.name for info in METRICS]
    assert rows["hallucination"]["lower_is_better"]
    assert not rows["ast.exact"]["lower_is_better"]
    assert (rows["exec.stage"]["high"], rows["exec.stage"]["executed"]) == (4.0, True)
    assert (rows["codebleu"]["high"], rows["codebleu"]["executed"]) == (1.0, False)
    assert all(row["meaning"] and row["caution"] for row in rows.values())


def test_metrics_prints_the_whole_of_what_a_metric_says(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["metrics", "hallucination.gorilla"]) == 0
    shown = capsys.readouterr().out
    (info,) = (info for info in METRICS if info.name == "hallucination.gorilla")
    assert shown.startswith("hallucination.gorilla  0 to 1, lower is better, static\n")
    assert info.meaning in " ".join(shown.split())
    assert info.caution in " ".join(shown.split())
    assert "ast.exact" not in shown


def test_metrics_takes_names_and_modules_and_refuses_others(capsys):
    rows = printed(capsys, "metrics", "rouge", "ast.exact")["metrics"]
    assert [row["name"] for row in rows] == ["ast.exact", "rouge.1", "rouge.2", "rouge.L"]
    assert main(["metrics", "ast.exat"]) == 2
    assert "ast.exat" in capsys.readouterr().err


@pytest.fixture
def engine(monkeypatch):
    started = FakeEngine()
    monkeypatch.setenv("DOCKER_HOST", started.url)
    yield started
    started.close()


def test_environments_lists_what_is_built_from_the_files_that_are_here(capsys, engine):
    mini, python, torchhub = (environments.load(name) for name in ("mini", "python", "torchhub"))
    engine.images[mini.tag] = {LOCK_LABEL: mini.lock_digest}
    engine.images[python.tag] = {LOCK_LABEL: "of other files"}
    rows = {row["name"]: row for row in printed(capsys, "environments")["environments"]}
    assert set(rows) == set(environments.names())
    assert [rows[name]["built"] for name in ("mini", "python", "torchhub")] == [True, False, False]
    locked = [line for line in (mini.folder / "lock.txt").read_text().splitlines() if not line.startswith("#")]
    assert rows["mini"]["packages"] == len(locked) > 10
    assert rows["python"]["packages"] == 0
    assert rows["mini"]["python"].startswith("3.11.")
    assert (rows["torchhub"]["image"], rows["torchhub"]["benchmarks"]) == (torchhub.tag, ["apibench-torchhub"])
    assert not {"create", "start", "build"} & set(engine.calls)


def test_environments_says_when_no_engine_answers(apigauge, tmp_path):
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    done = apigauge("environments", env=nowhere)
    assert done.returncode == 0
    assert "no Docker engine answers" in done.stderr
    assert done.stdout.count("unknown") == len(environments.names())
    answer = json.loads(apigauge("environments", "--json", env=nowhere).stdout)
    assert {row["built"] for row in answer["environments"]} == {None}
    assert "no Docker engine answers" in answer["engine_error"]


@pytest.mark.parametrize("call", ["version", "image"])
def test_an_engine_that_hangs_is_not_waited_for(engine, call):
    """Whether it hangs at once or at the first question; what is checked is that an answer comes at all."""
    import threading

    over = threading.Event()
    engine.faults[call] = over.wait
    try:
        built, reason = environments_command.built_images([environments.load("python")], seconds=0.2)
    finally:
        over.set()
    assert built == {}
    assert "answer" in reason


@pytest.mark.apibench
def test_the_benchmark_of_each_environment_is_the_one_that_uses_it(data_dir):
    uses = {}
    for name in benchmark_names():
        if not name.startswith(("apibench-", "mini")):  # others have environments of their own, or none
            continue
        uses.setdefault(load_benchmark(name, data_dir).environment, []).append(name)
    assert environments_command.benchmarks_by_environment() == uses


def test_models_lists_every_form_and_what_it_lacks(capsys, monkeypatch):
    real = models.find_spec
    monkeypatch.setattr(models, "find_spec", lambda name: None if name == "torch" else real(name))
    rows = {row["kind"]: row for row in printed(capsys, "models")["kinds"]}
    assert list(rows) == list(BACKENDS)
    assert rows["hf"]["form"] == f"hf:{BACKENDS['hf'].form}"
    assert (rows["hf"]["importable"], rows["hf"]["missing"], rows["hf"]["extra"]) == (False, ["torch"], "hf")
    assert rows["retrieval"]["importable"]
    assert rows["constant"]["libraries"] == []
    assert main(["models"]) == 0
    assert "apigauge[hf]" in "".join(capsys.readouterr().out.split())


def test_every_form_that_runs_a_model_has_its_library_listed():
    assert {kind for kind, backend in BACKENDS.items() if backend.runs_model} <= models.LIBRARIES.keys()


@pytest.fixture
def cache(tmp_path):
    """A cache of Hugging Face's as its library lays it out."""
    folder = tmp_path / "hub"

    def add(name, revision, architecture, *, weights=True, main=True):
        repository = folder / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / revision
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text(json.dumps({"architectures": [architecture]}))
        if weights:
            (snapshot / "model.safetensors").write_bytes(b"w" * 1000)
        if main:
            (repository / "refs").mkdir(exist_ok=True)
            (repository / "refs" / "main").write_text(revision)

    add("org/chat", "aaa", "LlamaForCausalLM")
    add("org/chat", "bbb", "LlamaForCausalLM", main=False)
    add("gpt2", "ccc", "GPT2LMHeadModel")
    add("org/encoder", "ddd", "BertForMaskedLM")
    add("org/config-only", "eee", "LlamaForCausalLM", weights=False)
    (folder / "models--org--broken" / "snapshots" / "fff").mkdir(parents=True)
    (folder / "models--org--broken" / "snapshots" / "fff" / "config.json").write_text("{")
    (folder / "datasets--org--data" / "snapshots").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_cached_checkpoints_are_listed_as_model_takes_them(capsys, monkeypatch, tmp_path, cache, variable):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable == "XDG_CACHE_HOME":
        (tmp_path / "huggingface").mkdir()
        cache.rename(tmp_path / "huggingface" / "hub")
    monkeypatch.setenv(variable, str(cache if variable == "HF_HUB_CACHE" else tmp_path))
    rows = {row["model"]: row for row in printed(capsys, "models")["checkpoints"]}
    assert list(rows) == ["hf:apigauge-mini", "hf:gpt2", "hf:org/chat", "hf:org/chat@bbb"]
    assert 1000 < rows["hf:gpt2"]["bytes"] < 1100
    assert rows["hf:apigauge-mini"]["bytes"] > 1_000_000


def test_what_loading_a_checkpoint_takes_is_listed(capsys, monkeypatch, cache):
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    config = cache / "models--gpt2" / "snapshots" / "ccc" / "config.json"
    more = {"quantization_config": {"quant_method": "awq"}, "auto_map": {"AutoModelForCausalLM": "own.Own"}}
    config.write_text(json.dumps(json.loads(config.read_text()) | more))
    rows = {row["model"]: row for row in printed(capsys, "models")["checkpoints"]}
    assert (rows["hf:gpt2"]["quantization"], rows["hf:gpt2"]["has_code"]) == ("awq", True)
    assert (rows["hf:org/chat"]["quantization"], rows["hf:org/chat"]["has_code"]) == (None, False)
    assert main(["models"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "awq" in shown
    assert "--trust-remote-code" in shown


def test_the_lists_import_no_heavy_library(tmp_path):
    program = (
        "import sys\nfrom apigauge.__main__ import main\n"
        "for command in ('models', 'metrics', 'runs'):\n    assert main([command, '--json']) == 0\n"
        "print(sorted({'torch', 'transformers', 'vllm', 'huggingface_hub', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"
