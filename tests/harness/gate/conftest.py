"""Released answers, scored once; the gate as CI calls it."""

import json

import pytest

from apigauge.__main__ import main


@pytest.fixture(scope="session")
def score(tmp_path_factory, data_dir):
    """Scores a released file of answers, once."""
    folder, made = tmp_path_factory.mktemp("released"), {}

    def run(hub, name):
        if (hub, name) not in made:
            file = data_dir / "responses" / f"response_{hub}_Gorilla_{name}.jsonl"
            out = folder / f"{hub}-{name}"
            asked = ["score", "--benchmark", f"apibench-{hub}", "--responses", str(file), "--out", str(out)]
            assert main([*asked, "--metrics", "ast_match", "--sandbox", "none", "--data-dir", str(data_dir)]) == 0
            made[hub, name] = out
        return made[hub, name]

    return run


@pytest.fixture
def gate(capsys, data_dir):
    """Runs the command; returns its exit code, its JSON if there is any, and what else it said."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["gate", *map(str, arguments), "--json", "--data-dir", str(data_dir)])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out.strip() else None, told.err

    return run
