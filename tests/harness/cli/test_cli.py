"""The command line as scripts rely on it: what it loads, prints, and returns."""

import json
import subprocess
import sys

import pytest

from apigauge.__main__ import main
from apigauge.harness.metrics.table import NAMES

HEAVY = [
    "torch",
    "transformers",
    "vllm",
    "ray",
    "docker",
    "pandas",
    "scipy",
    "numpy",
    "tree_sitter",
    "jinja2",
    "rich",
    "httpx",
    "bm25s",
    "codebleu",
    "rouge_score",
]
COMMANDS = [
    ["demo"],
    ["run"],
    ["generate"],
    ["score"],
    ["rerun"],
    ["compare"],
    ["gate"],
    ["comment"],
    ["report"],
    ["runs"],
    ["metrics"],
    ["environments"],
    ["plugins"],
    ["models"],
    ["completion"],
    ["sweep"],
    ["cache"],
    ["cache", "list"],
    ["cache", "prune"],
    ["cache", "show"],
    ["cache", "empty"],
    ["benchmarks"],
    ["benchmarks", "list"],
    ["benchmarks", "show"],
    ["benchmarks", "fetch"],
    ["benchmarks", "grammar"],
    ["benchmarks", "check"],
    ["sandbox"],
    ["sandbox", "build"],
    ["sandbox", "doctor"],
    ["sandbox", "attack"],
    ["sandbox", "exec"],
    ["hubs"],
    ["hubs", "build"],
    ["hubs", "verify"],
    ["rlaif"],
    ["rlaif", "sft"],
    ["rlaif", "feedback"],
    ["rlaif", "reward"],
    ["rlaif", "train"],
    ["rlaif", "run"],
]
TOPK = "constant:torch.topk(scores, k=3)"


def test_help_loads_no_heavy_module():
    program = (
        "import sys\nfrom apigauge.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', sorted(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: apigauge", *command]))


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if c not in (["benchmarks"], ["cache"], ["sandbox"], ["hubs"], ["rlaif"], ["completion"])],
    ids=" ".join,
)
def test_every_command_takes_json_and_a_data_folder(capsys, command):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    shown = capsys.readouterr().out
    assert "--json" in shown
    reads_no_benchmark = ("sandbox", "comment", "runs", "metrics", "environments", "models", "cache", "plugins")
    assert ("--data-dir" in shown) == (command[0] not in reads_no_benchmark)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_quiet_or_verbose_if_asked(capsys, command):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    shown = capsys.readouterr().out
    assert "-q, --quiet" in shown
    assert "-v, --verbose" in shown
    assert "--debug" in shown


def test_help_is_one_screen_and_begins_with_what_is_used_every_day(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    commands = [line.split()[0] for line in lines if line.startswith("    ") and line[4:5].strip()]
    assert commands[:6] == ["demo", "run", "sweep", "runs", "report", "compare"]
    assert len(lines) <= 50


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["benchmarks", "lits"], "did you mean 'list'?"),
        (["rlaif", "fedback", "x.toml"], "did you mean 'feedback'?"),
        (["score", "x", "--sandbox", "dokcer"], "did you mean 'docker'?"),
        (["run", "--benchmark", "mini", "--model", TOPK, "--metrcis", "rouge"], "did you mean '--metrics'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_nearest_name_is_suggested(capsys, arguments, suggestion):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert suggestion in capsys.readouterr().err


def test_a_name_that_is_like_no_other_gets_no_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["xyzzy"])
    shown = capsys.readouterr().err
    assert "invalid choice: 'xyzzy'" in shown
    assert "did you mean" not in shown


def test_every_command_of_the_parser_is_tested_here(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = [
        line.split()[0]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("    ") and line[4:5].strip()
    ]
    assert set(commands) == {command[0] for command in COMMANDS}


def test_the_version_is_printed(apigauge):
    from apigauge import __version__

    done = apigauge("--version")
    assert (done.returncode, done.stdout) == (0, f"apigauge {__version__}\n")


def test_a_run_prints_its_metrics_as_json_and_nothing_else(apigauge, tmp_path):
    out = tmp_path / "run"
    done = apigauge("run", "--benchmark", "mini", "--model", TOPK, "--out", out, "--sandbox", "none", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["metrics"]) == [name for name in NAMES if not name.startswith("exec.") and name != "ast.bfcl"]
    assert result["infra_error_rate"] is None
    for entry in result["metrics"].values():
        assert set(entry) == {"value", "low", "high", "n", "apis", "effective_apis"}
        assert entry["low"] <= entry["value"] <= entry["high"]
        assert entry["n"] == 56
    assert result["run"] == str(tmp_path / "run")
    assert (result["items"], result["expected"]) == (56, 56)
    assert done.stdout.count("\n") == 1


def test_answering_and_scoring_apart_prints_json_each_time(apigauge, tmp_path):
    run = tmp_path / "run"
    done = apigauge("generate", "--benchmark", "mini", "--model", TOPK, "--out", run, "--limit", "4", "--json")
    assert json.loads(done.stdout) == {"run": str(run), "answers": 4}
    done = apigauge("score", run, "--metrics", "ast.exact", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    # A metric's module is scored as a whole.
    assert set(result["metrics"]) == {"ast.exact", "ast.domain", "hallucination"}
    assert (result["items"], result["expected"]) == (4, 4)


def test_without_json_a_table_names_every_metric(apigauge, tmp_path):
    done = apigauge(
        "run",
        "--benchmark",
        "mini",
        "--model",
        TOPK,
        "--out",
        tmp_path,
        "--metrics",
        "ast_match",
        "rouge",
        "--limit",
        "3",
    )
    assert done.returncode == 0, done.stderr
    for name in ("ast.exact", "ast.domain", "hallucination", "rouge.1", "rouge.2", "rouge.L"):
        assert name in done.stdout


def test_a_run_goes_to_runs_by_default(apigauge, tmp_path):
    done = apigauge(
        "run", "--benchmark", "mini", "--model", TOPK, "--limit", "1", "--metrics", "rouge", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)["run"]
    assert out.startswith("runs/mini-constant")
    assert " " not in out
    assert (tmp_path / out / "summary.json").is_file()


def test_a_model_whose_name_makes_no_folder_needs_one(apigauge, tmp_path):
    done = apigauge(
        "run",
        "--benchmark",
        "mini",
        "--model",
        "constant:???",
        "--limit",
        "1",
        "--metrics",
        "rouge",
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "mini-constant").is_dir()


def test_a_model_in_bytes_that_are_no_utf_8_does_no_harm(apigauge, tmp_path):
    done = apigauge(
        "run",
        "--benchmark",
        "mini",
        "--model",
        "constant:\udcff(1)",
        "--limit",
        "1",
        "--metrics",
        "rouge",
        "--out",
        tmp_path,
        "--json",
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2)


def test_benchmarks_are_listed_without_their_data(apigauge, tmp_path):
    nothing = {"APIGAUGE_DATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = apigauge("benchmarks", "list", "--json", env=nothing)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["benchmarks"]}
    published = {"bfcl", "dataframebench-pandas", "dataframebench-polars", "gitchameleon"}
    assert set(rows) == {"apibench-huggingface", "apibench-tensorflowhub", "apibench-torchhub", "mini"} | published
    assert rows["mini"] == {"name": "mini", "items": 56, "catalogue": 28}
    assert "benchmarks fetch apibench-torchhub" in rows["apibench-torchhub"]["missing"]
    plain = apigauge("benchmarks", "list", env=nothing)
    assert plain.stdout.count("not fetched") == 7


@pytest.mark.apibench
def test_benchmarks_are_listed_with_their_sizes(apigauge, data_dir):
    done = apigauge("benchmarks", "list", "--json", "--data-dir", data_dir)
    rows = [row for row in json.loads(done.stdout)["benchmarks"] if "items" in row]
    sizes = {row["name"]: (row["items"], row["catalogue"]) for row in rows}
    assert sizes == {
        "apibench-huggingface": (904, 936),
        "apibench-tensorflowhub": (685, 696),
        "apibench-torchhub": (186, 94),
        "mini": (56, 28),
    }


def test_a_benchmark_is_shown(apigauge):
    done = apigauge("benchmarks", "show", "mini", "--json")
    facts = json.loads(done.stdout)
    expected = {"name": "mini", "items": 56, "reference_apis": 28, "catalogue": 28, "training_items": 224, "domains": 9}
    assert expected.items() <= facts.items()
    assert len(facts["digest"]) == 64
    assert "###Instruction: " in apigauge("benchmarks", "show", "mini").stdout


def test_a_benchmark_is_checked(apigauge):
    done = apigauge("benchmarks", "check", "mini", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["benchmark"], report["rows"], report["items"], report["catalogue_rows"]) == ("mini", 56, 56, 28)
    assert report["ceilings"]["reference call"]["ast.exact"] == 1.0
    for finding in (
        "rows_without_question",
        "reference_not_in_catalogue",
        "reference_program_not_python",
        "near_copies_in_training",
    ):
        assert report[finding] == []
    assert report["references_in_training"] == 56


def test_what_there_is_nothing_to_fetch_for_is_a_usage_error(apigauge):
    done = apigauge("benchmarks", "fetch", "mini")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing to fetch" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--benchmark", "nope", "--model", TOPK],
        ["run", "--benchmark", "mini", "--model", TOPK, "--metrics", "ast.nope"],
        ["run", "--benchmark", "mini", "--model", "gpt:5"],
        ["run", "--benchmark", "mini", "--model", "constant"],
        ["run", "--benchmark", "mini", "--model", "retrieval:dense"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--limit", "0"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--workers", "-1"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--limit", "many"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--sandbox", "bubble"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--sandbox-workers", "0"],
        ["run", "--benchmark", "mini", "--model", TOPK, "--sandbox", "none", "--metrics", "rouge", "exec.call"],
        ["run", "--model", TOPK],
        ["score"],
        ["score", "--benchmark", "mini"],
        ["score", "run", "--benchmark", "mini"],
        ["benchmarks", "show", "nope"],
        ["benchmarks"],
        ["nonsense"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_has_exit_code_2_and_leaves_no_folder(apigauge, tmp_path, arguments):
    done = apigauge(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "apigauge" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["score", "rerun"])
def test_a_folder_that_is_no_run_has_exit_code_4(apigauge, tmp_path, command):
    done = apigauge(command, tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert str(tmp_path) in done.stderr
    assert "no run directory" in done.stderr


def test_a_run_that_cannot_be_written_has_exit_code_4(apigauge, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    done = apigauge("run", "--benchmark", "mini", "--model", TOPK, "--out", out, "--sandbox", "none")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "file") in done.stderr


def test_a_reader_that_leaves_early_is_no_error():
    """``apigauge benchmarks check mini | head -1`` closes the pipe while there is more to print."""
    command = f"{sys.executable} -m apigauge benchmarks show mini | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_an_unforeseen_error_is_one_line_and_no_regression(monkeypatch, capsys):
    """Python's exit code for an uncaught exception is 1, which says "a regression" where `gate` runs in CI."""

    def fail(folder):
        raise KeyError("defect")

    monkeypatch.setattr("apigauge.harness.cli.find_runs.find_runs", fail)
    assert main(["runs", "."]) == 4
    message = capsys.readouterr().err
    assert message.startswith("apigauge: internal error: KeyError: 'defect'")
    assert "Traceback" not in message
    assert main(["runs", ".", "--debug"]) == 4
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["hf", "vllm"])
def test_a_model_whose_packages_are_missing_is_wrong_usage(monkeypatch, capsys, kind):
    for name in ("torch", "transformers", "huggingface_hub", "vllm"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["run", "--benchmark", "mini", "--model", f"{kind}:some/checkpoint", "--sandbox", "none"]) == 2
    assert "pip install" in capsys.readouterr().err


def test_an_out_with_a_null_byte_has_exit_code_4(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text('benchmark = "mini"\nmodel = "constant:x"\nout = "a\\u0000b"\nsandbox = "none"\n')
    assert main(["run", str(file)]) == 4
    assert "choose another --out" in capsys.readouterr().err


def test_closed_standard_input_is_reported_as_empty(tmp_path):
    arguments = f"score --benchmark mini --responses - --sandbox none --out {tmp_path}/run"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m apigauge {arguments} <&-"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "standard input: no line of it" in done.stderr
