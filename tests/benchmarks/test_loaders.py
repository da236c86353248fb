"""Benchmarks of the field: what is fetched, what is refused, and what their files are made into."""

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark, loaders
from apigauge.benchmarks.loaders import RECIPES, dataframebench, fetch
from apigauge.errors import DataError
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.registry import make_metrics, score

TEST = """
import unittest
from sample_0 import joined


class TestJoined(unittest.TestCase):
    def test_it(self):
        self.assertEqual(joined("a", "b"), "a/b")


if __name__ == "__main__":
    unittest.main()
"""
QUESTION = {
    "example_id": "0",
    "library": "torch",
    "version": "1.9.0",
    "python_version": "3.7",
    "problem": "Join two paths.",
    "starting_code": "import posixpath\ndef joined(a, b):\n ",
    "solution": "    return posixpath.join(a, b)",
    "test": "assert joined('a', 'b') == 'a/b'",
    "additional_dependencies": "scipy==1.7.3 numpy==1.21.6",
    "extra_dependencies": None,
    "api_calls": ["posixpath.join"],
    "release_date": "2021-06",
}
PROBLEM = {
    "task_id": "DFB/B0001",
    "category": "text",
    "prompt": "Join.\n\n{library_instruction}\n\n```python\n{library_import}\ndef task_func(a, b):\n```",
    "test_code": TEST.replace("from sample_0 import joined\n", "").replace("joined(", "task_func("),
    "ground_truth": {
        name: f"import os  # {name}\ndef task_func(a, b):\n    return a + '/' + b" for name in ("pandas", "polars")
    },
    "seed_id": "BigCodeBench/1",
}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The published files, made here: the recipes name their digests, and nothing is in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("APIGAUGE_DATA", str(tmp_path / "data"))
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in (
            ("dataset/dataset.jsonl", json.dumps(QUESTION) + "\n"),
            ("dataset/hidden_tests/test_sample_0.py", TEST),
            ("dataset/README.md", "#"),
        ):
            member = tarfile.TarInfo(f"GitChameleonBenchmark-630daf9/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    wheel = tmp_path / "frames.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for split in ("test", "val", "train"):
            problem = PROBLEM | {"task_id": f"DFB/{split}"}
            file.writestr(f"dataframebench/data/{split}.jsonl", json.dumps(problem) + "\n")
    source = replace(loaders.DATAFRAMEBENCH, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    recipes = dict(RECIPES) | {
        name: replace(RECIPES[name], source=source) for name in RECIPES if name.startswith("dataf")
    }
    for module in (loaders, fetch):
        monkeypatch.setattr(module, "RECIPES", MappingProxyType(recipes))
    return {"gitchameleon": archive, "dataframebench-pandas": wheel, "dataframebench-polars": wheel}


def passes(item, program):
    """Whether a program passes an item's tests, run behind it as a program of its own."""
    command = [sys.executable, "-c", f"{program}\n{item.tests}"]
    return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 0


@pytest.mark.parametrize("name", ["gitchameleon", "dataframebench-pandas", "dataframebench-polars"])
def test_a_published_file_becomes_a_benchmark_whose_reference_passes_its_tests(name, published, tmp_path, capsys):
    assert main(["benchmarks", "fetch", name, str(published[name]), "--data-dir", str(tmp_path / "data")]) == 0
    assert main(["benchmarks", "show", name]) == 0
    capsys.readouterr()
    benchmark = load_benchmark(name)
    item = benchmark.items[0]
    assert benchmark.path == ""
    assert passes(item, item.reference_program)
    assert not passes(item, item.reference_program.replace("return", "return 3 #"))
    assert not passes(item, "x = 3")
    scored = score(make_metrics(["ast_match", "ast_bfcl"], benchmark), item, extract(item.reference_program))
    assert scored.metrics == {"hallucination": 0.0}  # nothing says which call is right


def test_a_question_of_gitchameleon_has_its_own_environment(published, tmp_path):
    fetch.fetch("gitchameleon", tmp_path / "data", published["gitchameleon"])
    benchmark = load_benchmark("gitchameleon")
    item = benchmark.items[0]
    assert item.environment == "torch==1.9.0 scipy==1.7.3 numpy==1.21.6 pytest"
    assert item.provenance == {"python_version": "3.7", "api_calls": ["posixpath.join"], "release_date": "2021-06"}
    assert benchmark.prompt(item) == (
        "Use torch 1.9.0 with Python 3.7. Complete the following program, and answer with the whole of it.\n\n"
        "Join two paths.\n\n```python\nimport posixpath\ndef joined(a, b):\n```"
    )
    assert (benchmark.licence, benchmark.environment) == ("Apache-2.0", "python")


def test_dataframebench_is_asked_with_its_test_split_alone(published, tmp_path):
    fetch.fetch("dataframebench-polars", tmp_path / "data", published["dataframebench-polars"])
    benchmark = load_benchmark("dataframebench-polars")
    assert ([item.id for item in benchmark.items], [item.id for item in benchmark.train]) == (
        ["DFB/test"],
        ["DFB/train"],
    )
    prompt = benchmark.prompt(benchmark.items[0])
    assert "Use polars as the data processing library in your solution.\n\n```python\nimport polars as pl\n" in prompt
    assert "# polars" in benchmark.items[0].reference_program
    assert benchmark.environment.endswith("/dataframebench-polars")
    locks = [
        (dataframebench._ENVIRONMENTS / f"dataframebench-{name}" / "lock.txt").read_text()
        for name in ("pandas", "polars")
    ]
    assert all(re.search(r"^pandas==3\.1\.1 ", lock, re.MULTILINE) for lock in locks)
    assert re.search(r"^polars==1\.44\.2 ", locks[1], re.MULTILINE)


def test_what_is_not_the_published_file_is_refused(published, tmp_path):
    data, name = tmp_path / "data", "dataframebench-pandas"
    with pytest.raises(DataError, match=r"archive\.tar\.gz: has SHA-256 \w+, but \w+ is expected; it was not used"):
        fetch.fetch(name, data, published["gitchameleon"])
    assert list(data.iterdir()) == []
    with pytest.raises(DataError, match="Run `apigauge benchmarks fetch dataframebench-pandas`"):
        load_benchmark(name)
    assert fetch.fetch(name, data, published[name]) == [loaders.DATAFRAMEBENCH.file]
    assert fetch.fetch(name, data) == []
    (data / loaders.DATAFRAMEBENCH.file).write_bytes(b"changed")
    with pytest.raises(DataError, match="delete it and run `apigauge benchmarks fetch dataframebench-pandas`"):
        load_benchmark(name)


def test_a_file_of_another_form_is_said_to_be_so(published, tmp_path):
    fetch.fetch("gitchameleon", tmp_path / "data", published["dataframebench-pandas"])
    with pytest.raises(
        DataError, match=r"gitchameleon: .*gitchameleon-630daf9\.tar\.gz does not have the expected form"
    ):
        load_benchmark("gitchameleon")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("status", [200, 404])
def test_an_archive_is_downloaded_where_there_is_a_network(status, published, tmp_path, monkeypatch):
    content = published["gitchameleon"].read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    source = replace(loaders.GITCHAMELEON, url=f"http://127.0.0.1:{server.server_port}/630daf9.tar.gz")
    monkeypatch.setattr(fetch, "RECIPES", {"gitchameleon": replace(RECIPES["gitchameleon"], source=source)})
    try:
        if status == 200:
            assert fetch.fetch("gitchameleon", tmp_path / "data") == [source.file]
            assert load_benchmark("gitchameleon").items[0].id == "0"
        else:
            with pytest.raises(DataError, match="could not be fetched from http"):
                fetch.fetch("gitchameleon", tmp_path / "data")
            assert list((tmp_path / "data").iterdir()) == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.dataframebench
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_published_dataframebench_has_its_questions_and_their_tests(library):
    benchmark = load_benchmark(f"dataframebench-{library}")
    assert (len(benchmark.items), len(benchmark.train), benchmark.licence) == (100, 709, "CC-BY-4.0")
    assert not {item.id for item in benchmark.items} & {item.id for item in benchmark.train}
    assert all(f"import {library}" in item.reference_program for item in benchmark.items)
    assert not [item.id for item in benchmark.items if "unittest.main(" in item.tests]
