"""What is broken never passes and is no regression: exit code 4, one sentence, and documents that say so."""

import json
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit, edit_manifest, lines, write

from apigauge.__main__ import main

LONG = "9" * 400


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Twelve answers of mini, scored with two modules, and the baseline file made of them."""
    folder = tmp_path_factory.mktemp("scored")
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(folder / "run"), "--limit", "12"]
    assert main([*command, "--sandbox", "none", "--metrics", "ast_match", "rouge", "--quiet"]) == 0
    assert main(["--quiet", "gate", str(folder / "run"), "--save-baseline", str(folder / "baseline.json")]) == 0
    return folder


@pytest.fixture
def sides(scored, tmp_path):
    """A run and a baseline file of its own, to be damaged, next to the sound ones."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("manifest.json", "scores.jsonl", "generations.jsonl", "summary.json"):
        (run / name).write_bytes((scored / "run" / name).read_bytes())
    (tmp_path / "baseline.json").write_bytes((scored / "baseline.json").read_bytes())
    return run, tmp_path / "baseline.json"


@pytest.fixture
def broken(tmp_path, capsys):
    """Calls the gate, which must end with 4, one sentence and both documents; returns the sentence."""

    def call(run, baseline, *options, code=4):
        files = tmp_path / "gate.md", tmp_path / "gate.xml"
        capsys.readouterr()
        command = ["gate", str(run), "--baseline", str(baseline), *options]
        assert main([*command, "--markdown", str(files[0]), "--junit", str(files[1])]) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "Traceback" not in shown.err
        (sentence,) = [line for line in shown.err.splitlines() if not line.startswith("apigauge: programs are not run")]
        assert len(sentence) < 800
        assert sentence.startswith("apigauge: ")
        assert "internal error" not in sentence
        assert files[0].read_text(encoding="utf-8").splitlines()[1].startswith("### apigauge: broken (")
        (error,) = ET.parse(files[1]).getroot().iter("error")
        assert error.get("type") == "broken"
        assert error.get("message") in sentence
        return sentence

    return call


def rows(change):
    """Changes the first row of scores."""

    def damage(run):
        kept = lines(run / "scores.jsonl")
        change(kept[0])
        write(run / "scores.jsonl", kept)

    return damage


def entry(path, value):
    """Sets an entry of the manifest, named by its path."""

    def change(manifest):
        *parents, last = path.split("/")
        for parent in parents:
            manifest = manifest[parent]
        if value is MISSING:
            del manifest[last]
        else:
            manifest[last] = value

    return lambda run: edit_manifest(run, change)


MISSING = object()


def raw(name, text):
    return lambda run: (run / name).write_bytes(text.encode() if isinstance(text, str) else text)


def exact(value):
    return rows(lambda row: row["metrics"].update({"ast.exact": value}))


def gone(name):
    return lambda run: (run / name).unlink()


def last_lines(number, change):
    """Replaces the last so many lines of scores by what the change makes of them."""

    def damage(run):
        kept = lines(run / "scores.jsonl")
        write(run / "scores.jsonl", [*kept[:-number], *change(kept[-number:])])

    return damage


def without(metric, number=12):
    def damage(run):
        kept = lines(run / "scores.jsonl")
        for row in kept[:number]:
            del row["metrics"][metric]
        write(run / "scores.jsonl", kept)

    return damage


# What can be wrong with a run; each as the new run and as the baseline.
OF_A_RUN = {
    "score is negative": exact(-5),
    "score above the range": exact(1.5),
    "score is NaN": exact(float("nan")),
    "score is infinite": exact(float("inf")),
    "score is minus infinity": exact(float("-inf")),
    "score is null": exact(None),
    "score is a text": exact("1"),
    "score is a truth value": exact(True),
    "score is a list": exact([1]),
    "score is too long for a float": raw(
        "scores.jsonl",
        '{"item": "mini-001", "sample": 0, "extraction": {}, '
        f'"labels": {{}}, "metrics": {{"ast.exact": {LONG}}}}}\n',
    ),
    "rouge is negative": rows(lambda row: row["metrics"].update({"rouge.L": -0.1})),
    "a metric without a number in one answer of twelve": without("ast.exact", 1),
    "a metric without a number in most answers": without("ast.exact", 10),
    "a metric without a number in all answers": without("ast.exact"),
    "a rouge without a number": without("rouge.2", 3),
    "no metric in any row": lambda run: edit(run / "scores.jsonl", lambda row: row["metrics"].clear()),
    "metrics are missing": rows(lambda row: row.pop("metrics")),
    "metrics are null": rows(lambda row: row.update(metrics=None)),
    "metrics are a list": rows(lambda row: row.update(metrics=[])),
    "extraction is null": rows(lambda row: row.update(extraction=None)),
    "labels are null": rows(lambda row: row.update(labels=None)),
    "verdict is a text": rows(lambda row: row.update(verdict="passed")),
    "item is missing": rows(lambda row: row.pop("item")),
    "item is null": rows(lambda row: row.update(item=None)),
    "item is a number": rows(lambda row: row.update(item=1)),
    "item of no benchmark": rows(lambda row: row.update(item="mini-999")),
    "sample is missing": rows(lambda row: row.pop("sample")),
    "sample is a text": rows(lambda row: row.update(sample="0")),
    "sample is negative": rows(lambda row: row.update(sample=-1)),
    "sample is a truth value": rows(lambda row: row.update(sample=False)),
    "another sample": rows(lambda row: row.update(sample=1)),
    "a row is missing": last_lines(1, lambda _: []),
    "all rows but one are missing": last_lines(11, lambda _: []),
    "a row stands twice": last_lines(1, lambda kept: [*kept, *kept]),
    "a row stands twice, with another score": last_lines(
        1, lambda kept: [*kept, *({**row, "metrics": {**row["metrics"], "ast.exact": 1.0}} for row in kept)]
    ),
    "an unknown answer more": last_lines(1, lambda kept: [*kept, {**kept[0], "item": "mini-000"}]),
    "a line is torn": lambda run: (run / "scores.jsonl").write_bytes((run / "scores.jsonl").read_bytes()[:-20]),
    "a line is no JSON": last_lines(1, lambda _: ["x"]),
    "an empty line": lambda run: (run / "scores.jsonl").write_bytes((run / "scores.jsonl").read_bytes() + b"\n"),
    "scores are empty": raw("scores.jsonl", ""),
    "scores are missing": gone("scores.jsonl"),
    "scores are no text": raw("scores.jsonl", b"\xff\xfe\n"),
    "manifest is missing": gone("manifest.json"),
    "manifest is empty": raw("manifest.json", ""),
    "manifest is a list": raw("manifest.json", "[]"),
    "manifest is null": raw("manifest.json", "null"),
    "manifest is nested too deep": raw("manifest.json", "[" * 200_000),
    "schema 99": entry("schema_version", 99),
    "schema 0": entry("schema_version", 0),
    "schema null": entry("schema_version", None),
    "schema is a text": entry("schema_version", "1"),
    "schema is a truth value": entry("schema_version", True),
    "benchmark is missing": entry("benchmark", MISSING),
    "benchmark is null": entry("benchmark", None),
    "benchmark has no name": entry("benchmark/name", MISSING),
    "benchmark's name is null": entry("benchmark/name", None),
    "another benchmark": entry("benchmark/name", "apibench-torchhub"),
    "no benchmark of this name": entry("benchmark/name", "nowhere"),
    "other data": entry("benchmark/digest", "0" * 64),
    "data without digest": entry("benchmark/digest", MISSING),
    "digest is null": entry("benchmark/digest", None),
    "digest is empty": entry("benchmark/digest", ""),
    "another loader": entry("benchmark/loader", "0" * 12),
    "loader is missing": entry("benchmark/loader", MISSING),
    "loader is null": entry("benchmark/loader", None),
    "items are a text": entry("benchmark/items", "12"),
    "items are negative": entry("benchmark/items", -1),
    "other prompts": entry("prompt_sha256", "0" * 64),
    "prompts are missing": entry("prompt_sha256", MISSING),
    "prompts are null": entry("prompt_sha256", None),
    "another extraction": entry("extraction", "0"),
    "extraction of the manifest is null": entry("extraction", None),
    "another reasoning": entry("reasoning", {"mode": "keep"}),
    "reasoning is null": entry("reasoning", None),
    "reasoning of no known mode": entry("reasoning", {"mode": 1}),
    "another scorer": entry("metrics/ast_match", "0"),
    "another scorer of rouge": entry("metrics/rouge", "0"),
    "scorer is null": entry("metrics/ast_match", None),
    "scorer is a number": entry("metrics/ast_match", 1),
    "scorer is missing": entry("metrics/rouge", MISSING),
    "no scorers": entry("metrics", {}),
    "scorers are missing": entry("metrics", MISSING),
    "scorers are null": entry("metrics", None),
    "generator is null": entry("generator", None),
    "generator is a text": entry("generator", "hf:x"),
    "sandbox is a text": entry("sandbox", "docker"),
    "cache is null": entry("cache", None),
}


@pytest.mark.parametrize("side", ["run", "baseline"])
@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_damaged_run_is_broken_on_either_side(name, side, scored, sides, broken):
    run, _ = sides
    OF_A_RUN[name](run)
    broken(*((run, scored / "run") if side == "run" else (scored / "run", run)))


def head(**changes):
    def change(content):
        for name, value in changes.items():
            if value is MISSING:
                del content[name]
            else:
                content[name] = value

    return change


def answer(**changes):
    def change(content):
        content["answers"][0] |= {name.replace("_", "."): value for name, value in changes.items()}

    return change


def left_out(content):
    for row in content["answers"]:
        row.pop("ast.exact")


# What can be wrong with a baseline file.
OF_A_FILE = {
    **{
        f"{name} is missing": head(**{name: MISSING})
        for name in (
            "format",
            "benchmark",
            "digest",
            "prompts",
            "model",
            "scorers",
            "manifest_sha256",
            "infra_error_rate",
            "withheld",
            "answers",
            "loader",
        )
    },
    **{
        f"{name} is null": head(**{name: None})
        for name in (
            "format",
            "benchmark",
            "digest",
            "prompts",
            "model",
            "scorers",
            "infra_error_rate",
            "withheld",
            "answers",
            "loader",
        )
    },
    "another format": head(format="apigauge baseline 99"),
    "withheld": head(withheld=True, scorers={"exec.rate": "1"}),
    "withheld is a text": head(withheld="no"),
    "withheld is a number": head(withheld=0),
    "rate of sandbox failures is NaN": head(infra_error_rate=float("nan")),
    "rate of sandbox failures is negative": head(infra_error_rate=-1),
    "rate of sandbox failures is a text": head(infra_error_rate="0"),
    "scorers are empty and no answer has a metric": lambda content: content.update(
        scorers={}, answers=[{"item": row["item"], "sample": 0} for row in content["answers"]]
    ),
    "scorers are a list": head(scorers=[]),
    "scorers are null texts": head(scorers={"ast.exact": None}),
    "a scorer of what is not measured": lambda content: content["scorers"].update({"codebleu": "1"}),
    "a scorer of what this version does not know": lambda content: content["scorers"].update({"bleu": "1"}),
    "answers are empty": head(answers=[]),
    "answers are an object": head(answers={}),
    "an answer is null": lambda content: content["answers"].append(None),
    "an answer stands twice": lambda content: content["answers"].append(content["answers"][0]),
    "an answer is missing": lambda content: content["answers"].pop(),
    "an answer has no number": lambda content: content["answers"][0].pop("ast.exact"),
    "no answer has a number": left_out,
    "a score is negative": answer(ast_exact=-5),
    "a score is NaN": answer(ast_exact=float("nan")),
    "a score is infinite": answer(ast_exact=float("inf")),
    "a score is null": answer(ast_exact=None),
    "a score is a text": answer(ast_exact="1"),
    "a score is a truth value": answer(ast_exact=True),
    "a sample is half": answer(sample=0.5),
    "a sample is a text": answer(sample="0"),
    "a sample is null": answer(sample=None),
    "an item is null": answer(item=None),
    "an item is a number": answer(item=1),
    "unfinished answers are damaged": head(unfinished={"count": "x"}),
    "items are a text": head(items="12"),
}


@pytest.mark.parametrize("name", OF_A_FILE)
def test_a_damaged_baseline_file_is_broken(name, scored, sides, broken):
    _, baseline = sides
    content = json.loads(baseline.read_text(encoding="utf-8"))
    OF_A_FILE[name](content)
    baseline.write_text(json.dumps(content), encoding="utf-8")
    broken(scored / "run", baseline)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"x"', "{}", "\x00", "[" * 200_000])
def test_what_is_no_baseline_at_all_is_broken(text, scored, sides, broken):
    _, baseline = sides
    baseline.write_text(text, encoding="utf-8")
    broken(scored / "run", baseline)


def test_a_score_that_stands_twice_in_one_answer_is_broken(scored, sides, broken):
    """JSON's readers take the last one, and people the first."""
    _, baseline = sides
    text = baseline.read_text(encoding="utf-8")
    baseline.write_text(text.replace('"ast.exact": 1', '"ast.exact": 0, "ast.exact": 1', 1), encoding="utf-8")
    assert "stands twice" in broken(scored / "run", baseline)


@pytest.mark.parametrize("at", ["run", "baseline"])
def test_what_is_not_there_is_broken(at, scored, tmp_path, broken):
    run, baseline = (tmp_path / "no" if at == side else scored / "run" for side in ("run", "baseline"))
    assert str(tmp_path / "no") in broken(run, baseline)


def test_a_folder_that_is_no_run_and_a_file_that_is_no_folder_are_broken(scored, tmp_path, broken):
    (tmp_path / "empty").mkdir()
    broken(tmp_path / "empty", scored / "run")
    broken(scored / "baseline.json", tmp_path / "empty")


@pytest.mark.parametrize("limit", ["5", "13"])
def test_another_limit_is_broken(limit, scored, tmp_path, broken):
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(tmp_path / "few")]
    assert main([*command, "--limit", limit, "--sandbox", "none", "--metrics", "ast_match", "rouge", "-q"]) == 0
    assert "lacks" in broken(tmp_path / "few", scored / "run")
    assert "lacks" in broken(scored / "run", tmp_path / "few")


def test_other_data_on_both_sides_than_here_is_broken(scored, sides, broken):
    """Which answers are about one API is read from the benchmark here."""
    run, _ = sides
    entry("benchmark/digest", "0" * 64)(run)
    assert "other data of mini" in broken(run, run)


@pytest.mark.parametrize("metric", ["exec.rate", "codebleu"])
def test_a_named_metric_that_neither_has_is_broken(metric, scored, broken):
    assert f"has no {metric}" in broken(scored / "run", scored / "run", "--metric", metric)


def test_a_metric_that_only_the_baseline_has_is_broken_and_not_left_out(scored, sides, broken):
    """The machine of the new run has no sandbox; all that it has is no worse."""
    run, _ = sides
    edit_manifest(run, lambda manifest: manifest["metrics"].update(executability="1"))
    edit(run / "scores.jsonl", lambda row: row["metrics"].update({"exec.rate": 1.0, "exec.stage": 4.0}))
    sentence = broken(scored / "run", run)
    assert f"{scored / 'run'}: it has no exec.rate, which {run} has" in sentence


@pytest.mark.parametrize("margin", ["inf", "nan", "-inf", "0", "-1", "1", "2", "1e999", "x", ""])
@pytest.mark.parametrize("metric", ["ast.exact", "rouge.L"])
def test_a_margin_that_rules_nothing_out_is_wrong_usage_and_reported_as_broken(margin, metric, scored, broken):
    broken(scored / "run", scored / "run", "--metric", f"{metric}:{margin}", code=2)


@pytest.mark.parametrize(
    "model", ["hf:./nowhere", "replay:nowhere.jsonl", "nobody:x", "openai:m", "hf:{folder}", "constant:"]
)
def test_a_model_that_cannot_answer_is_broken_with_a_budget_too(model, scored, tmp_path, broken):
    (tmp_path / "bad").mkdir()
    for name, text in (("config.json", '{"model_type": "gpt2"}'), ("model.safetensors", "x"), ("tokenizer.json", "{")):
        (tmp_path / "bad" / name).write_text(text, encoding="utf-8")
    options = ["--budget", "12", "--model", model.format(folder=tmp_path / "bad"), "--sandbox", "none"]
    options += ["--metric", "ast.exact", "--base-url", "http://127.0.0.1:9/v1"] if model.startswith("openai") else []
    code = 2 if model in ("nobody:x", "constant:") else 4
    broken(tmp_path / "new", scored / "baseline.json", *options, code=code)
