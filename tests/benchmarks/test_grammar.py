"""The wheel that holds upstream's grammar: checked, unpacked, found."""

import hashlib
import json
import platform
import zipfile

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks.apibench import grammar
from apigauge.errors import DataError
from apigauge.harness.metrics import ast_gorilla

MACHINE = platform.system(), platform.machine()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel of another content, expected instead of the real one, and an empty cache."""
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tree_sitter_languages/languages.so", b"the library")
        archive.writestr("tree_sitter_languages/__init__.py", b"raise SystemExit")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(grammar.WHEELS, MACHINE, grammar.Wheel("any", digest))
    monkeypatch.setattr(grammar, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(grammar, "search_path", lambda _: [tmp_path / "data", tmp_path / "cache"])
    monkeypatch.setattr(grammar, "_installed", lambda: None)
    return path


def test_the_library_of_a_wheel_that_is_here_is_put_where_it_is_found(wheel, capsys):
    assert grammar.find() is None
    assert main(["benchmarks", "grammar", str(wheel), "--json"]) == 0
    path = grammar.find()
    assert json.loads(capsys.readouterr().out) == {"file": str(path)}
    assert path.read_bytes() == b"the library"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    wheel.unlink()
    assert grammar.fetch() == path


def test_another_file_than_the_one_expected_is_refused(wheel):
    with wheel.open("ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match="is expected; it was not used"):
        grammar.fetch(wheel)
    assert grammar.find() is None


def test_a_pip_that_finds_nothing_is_an_error_that_says_what_to_do(wheel, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(DataError, match="hand it the wheel for cp312 and any"):
        grammar.fetch()


def test_a_machine_without_a_wheel_is_named(monkeypatch):
    monkeypatch.delitem(grammar.WHEELS, MACHINE)
    monkeypatch.setattr(grammar, "_installed", lambda: None)
    assert grammar.find() is None
    with pytest.raises(DataError, match="has no wheel for"):
        grammar.fetch()


@pytest.mark.apibench
@pytest.mark.parametrize(("metric", "is_noted"), [("ast.gorilla", True), ("ast.exact", False)])
def test_a_run_without_the_grammar_says_so(metric, is_noted, data_dir, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(grammar, "find", lambda: None)
    monkeypatch.setattr(ast_gorilla, "upstream_parser", lambda: None)  # and not its cache, which outlives this test
    command = [
        "run",
        "--benchmark",
        "apibench-torchhub",
        "--model",
        "constant:f(1)",
        "--metrics",
        metric,
        "--limit",
        "1",
    ]
    assert main([*command, "--data-dir", str(data_dir), "--out", str(tmp_path)]) == 0
    assert ("apigauge benchmarks grammar" in capsys.readouterr().err) == is_noted
