"""Released answers, scored once; the gate as CI calls it."""

import json

import pytest

from apigauge.__main__ import main


@pytest.fixture(scope="session")
def score(tmp_path_factory, data_dir):
    """Scores a released file of answers, once."""
    folder, runs = tmp_path_factory.mktemp("released"), {}

    def run(hub, name):
        if (hub, name) not in runs:
            file = data_dir / "responses" / f"response_{hub}_Gorilla_{name}.jsonl"
            out = folder / f"{hub}-{name}"
            command = ["score", "--benchmark", f"apibench-{hub}", "--responses", str(file), "--out", str(out)]
            assert main([*command, "--metrics", "ast_match", "--sandbox", "none", "--data-dir", str(data_dir)]) == 0
            runs[hub, name] = out
        return runs[hub, name]

    return run


@pytest.fixture
def gate(capsys, data_dir):
    """Runs the command; returns its exit code, its JSON if there is any, and its standard error."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["gate", *map(str, arguments), "--json", "--data-dir", str(data_dir)])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out.strip() else None, captured.err

    return run
