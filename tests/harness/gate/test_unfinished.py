"""The gate says how many answers of both runs are unfinished, and warns where they decide."""

import json
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit, edit_manifest, write

import apigauge as package
from apigauge.__main__ import main
from apigauge.errors import RunError
from apigauge.harness.gate.outcomes import read

pytest_plugins = ["pytester"]

# Twenty answers about ten APIs rule out no less.
WIDE = ("--metric", "ast.exact:0.4")


@pytest.fixture
def run(tmp_path, mini):
    """A run of 20 right answers, of which so many were cut off."""

    def make(name, cut):
        rows = [
            {"item": item.id, "text": item.reference_call, "finish_reason": "length" if number < cut else "stop"}
            for number, item in enumerate(mini.items[:20])
        ]
        write(tmp_path / f"{name}.jsonl", rows)
        command = ["score", "--benchmark", "mini", "--responses", str(tmp_path / f"{name}.jsonl"), "--sandbox", "none"]
        assert main(["--quiet", *command, "--metrics", "ast_match", "--out", str(tmp_path / name)]) == 0
        return tmp_path / name

    return make


COUNTS = (
    "Unfinished answers, cut off or without an end of their reasoning: 1 of 20 in the baseline (5.0%), 3 of 20 in the "
    "run (15.0%)."
)
WARNING = (
    "Warning: more than a tenth of the answers in the run are unfinished, so this says little of the model. Give it more "
    "room: --max-new-tokens."
)


def test_every_form_of_the_report_has_the_counts_and_the_warning(run, tmp_path, capsys):
    before, after = run("before", 1), run("after", 3)
    assert main(["gate", str(before), "--save-baseline", str(tmp_path / "baseline.json")]) == 0
    for baseline in (before, tmp_path / "baseline.json"):
        capsys.readouterr()
        documents = ["--markdown", str(tmp_path / "gate.md"), "--junit", str(tmp_path / "gate.xml")]
        assert main(["gate", str(after), "--baseline", str(baseline), *WIDE, *documents]) == 0
        shown = capsys.readouterr()
        assert COUNTS in shown.out
        assert shown.err == f"apigauge: {WARNING}\n"
        markdown = (tmp_path / "gate.md").read_text(encoding="utf-8")
        assert f"\n{COUNTS}\n" in markdown
        assert f"\n**{WARNING}**\n" in markdown
        suite = ET.parse(tmp_path / "gate.xml").getroot()
        assert suite.findtext("system-out") == f"{COUNTS}\n{WARNING}"
        assert main(["gate", str(after), "--baseline", str(baseline), *WIDE, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["notes"] == [COUNTS, WARNING]
    assert package.gate(after, before, metrics=["ast.exact:0.4"]).notes == [COUNTS, WARNING]


def test_few_are_counted_without_a_warning_and_none_not_at_all(run, capsys):
    few, none = run("few", 2), run("none", 0)
    capsys.readouterr()
    assert main(["gate", str(few), "--baseline", str(none), *WIDE, "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.endswith("0 of 20 in the baseline (0.0%), 2 of 20 in the run (10.0%).")
    assert main(["gate", str(none), "--baseline", str(none), *WIDE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_runs_and_baselines_of_older_versions_are_read(run, tmp_path, capsys):
    old, new = run("old", 3), run("new", 3)
    edit(old / "scores.jsonl", lambda row: row.pop("unfinished"))
    assert main(["gate", str(old), "--save-baseline", str(tmp_path / "baseline.json")]) == 0
    for baseline in (old, tmp_path / "baseline.json"):
        assert read(baseline).unfinished is None
        capsys.readouterr()
        assert main(["gate", str(new), "--baseline", str(baseline), *WIDE, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["notes"][0].endswith("reasoning: 3 of 20 in the run (15.0%).")


def test_a_damaged_baseline_is_refused(run, tmp_path):
    assert main(["gate", str(run("a", 1)), "--save-baseline", str(tmp_path / "baseline.json")]) == 0
    edit_manifest_like(tmp_path / "baseline.json", lambda head: head.update(unfinished={"count": 1}))
    with pytest.raises(RunError, match="a damaged baseline"):
        read(tmp_path / "baseline.json")


def edit_manifest_like(path, change):
    head = json.loads(path.read_text(encoding="utf-8"))
    change(head)
    path.write_text(json.dumps(head), encoding="utf-8")


def test_runs_whose_reasoning_was_separated_differently_cannot_be_compared(run, capsys):
    one, other = run("one", 0), run("other", 0)
    assert main(["--quiet", "score", str(other), "--reasoning", "keep"]) == 0
    assert main(["gate", str(other), "--baseline", str(one)]) == 4
    assert "the scorer of ast.exact differs" in capsys.readouterr().err
    assert (
        main(["--quiet", "gate", str(other), "--baseline", str(one), *WIDE, "--rescore", "--reasoning", "strip"]) == 0
    )


def test_another_models_template_does_not_keep_runs_apart(run):
    """Which tags count is a fact of the model, and models are what is compared."""
    one, other = run("one", 0), run("other", 0)
    edit_manifest(other, lambda manifest: manifest["reasoning"].update(template_tags=[["<plan>", "</plan>"]]))
    assert main(["gate", str(other), "--baseline", str(one), *WIDE]) == 0


def test_pytest_warns(run, pytester):
    before, after = run("before", 0), run("after", 3)
    pytester.makefile(
        ".toml",
        apigauge=f'[[gate]]\nbenchmark = "mini"\nbaseline = "{before}"\nrun = "{after}"\nmetric = "ast.exact:0.4"\n',
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*PytestWarning: mini: more than a tenth of the answers in the run are unfinished*"])
