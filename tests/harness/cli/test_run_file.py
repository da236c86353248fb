"""``apigauge run FILE``: every option by its long name; the command line wins; mistakes are named."""

import json

import pytest

from apigauge.__main__ import main
from apigauge.harness.evaluation import run_directory


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "run.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "run.toml")

    return write


def test_a_file_has_the_options_and_the_command_line_wins(file, tmp_path, capsys):
    path = file(
        f"""
        benchmark = "mini"
        model = ["constant:f(1)", "constant:g(1)"]
        limit = 4
        metrics = ["rouge.1", "ast.exact"]
        out = '{tmp_path / "out"}'
        json = true
        sandbox = "none"
        """.replace('sandbox = "none"', "")
    )
    assert main(["run", path]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [one["items"] for one in runs] == [4, 4]
    assert set(runs[0]["metrics"]) >= {"rouge.1", "ast.exact"}
    assert main(["run", path, "--model", "constant:h(1)", "--limit", "2", "--out", str(tmp_path / "other")]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 2
    assert run_directory.read_manifest(tmp_path / "other")["generator"]["spec"] == "constant:h(1)"


def test_dashes_underscores_numbers_and_flags(file, tmp_path, capsys):
    path = file(
        'benchmark = ["mini"]\nmodel = "openai:m"\nmax-new-tokens = 7\ntop_p = 1\nprice = [1, 2.5]\ndry-run = true'
    )
    assert main(["generate", path, "--json", "--limit", "2", "--out", str(tmp_path / "out")]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    assert cost["answer_tokens_at_most"] == 14
    assert cost["dollars_at_most"] == pytest.approx((cost["prompt_tokens"] * 1 + 14 * 2.5) / 1e6)


def test_a_price_in_a_file_waits_for_a_dry_run(file, tmp_path):
    path = file('benchmark = "mini"\nmodel = "constant:f(1)"\nprice = [1, 2]\nlimit = 1\nmetrics = "rouge"')
    assert main(["run", path, "--out", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limt = 3", "limt: apigauge run has no such option; did you mean 'limit'?"),
        ("max_new_token = 3", "did you mean 'max-new-tokens'?"),
        ("quux_frob = 3", "quux_frob: apigauge run has no such option\n"),
        ('limit = "3"', "limit: expected a whole number, not '3'"),
        ("limit = 2.5", "limit: expected a whole number, not 2.5"),
        ("limit = true", "limit: expected a whole number, not True"),
        ("limit = 0", "limit = 0: must be 1 or more"),
        ("limit = [3]", "limit: expected a whole number, not [3]"),
        ("benchmark = 3", "benchmark: expected text, not 3"),
        ("benchmark = []", "benchmark: expected a list of one or more, not []"),
        ('price = [1, "x"]', "price: expected a number, not 'x'"),
        ("price = [1]", "price: expected a list of 2, not [1]"),
        ('json = "yes"', "json: expected true or false, not 'yes'"),
        ("temperature = '0'", "temperature: expected a number, not '0'"),
        (
            'retriever = "orcale"',
            "retriever: 'orcale' is none of none, bm25, bm25-calls, oracle; did you mean 'oracle'?",
        ),
        ("[model]\nx = 1", "model: expected text, not {'x': 1}"),
        ("help = true", "help: apigauge run has no such option"),
        ('file = "x"', "file: apigauge run has no such option"),
        ("limit = ", "cannot be read as TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(file, capsys, text, message):
    path = file(text)
    assert main(["run", path, "--benchmark", "mini", "--model", "constant:f(1)"]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert path in shown


def test_a_file_that_does_not_exist_is_wrong_usage(tmp_path, capsys):
    assert main(["run", str(tmp_path / "none.toml")]) == 2
    assert "no such file of options" in capsys.readouterr().err


def test_what_a_file_says_is_checked_though_the_command_line_wins(file, capsys):
    path = file('limit = "many"')
    assert main(["run", path, "--benchmark", "mini", "--model", "constant:f(1)", "--limit", "1"]) == 2
    assert "limit" in capsys.readouterr().err


def test_a_file_nested_too_deeply_is_reported(tmp_path, capsys):
    file = tmp_path / "run.toml"
    file.write_text("a = " + "[" * 100_000)
    assert main(["run", str(file)]) == 2
    assert "cannot be read as TOML" in capsys.readouterr().err
