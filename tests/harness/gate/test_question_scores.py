"""The gate on pass@k and consistency, one number a question, and what the answers took."""

import json

import pytest
from compared_runs import edit_manifest, make_run

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation.samples import consistency, pass_at_k
from apigauge.harness.gate.criteria import parse_criteria
from apigauge.harness.gate.judge import judge
from apigauge.harness.gate.outcomes import Outcomes, read, save

SAMPLES, ITEMS = 5, 40
USAGE = {"answers": 60, "cached": 0, "unknown": 0, "prompt_tokens": 6_000, "completion_tokens": 600, "dollars": 0.5}


def outcomes(right, metric="ast.exact", name="a"):
    """Five answers to each question, of which so many are right, the first ones."""
    rows = {
        (f"q{at}", sample): {metric: float(sample < count)}
        for at, count in enumerate(right)
        for sample in range(SAMPLES)
    }
    return Outcomes(name, "b", "d", "p", {}, {metric: "1"}, "", rows, 0.0, False)


def judged(before, after, *metrics):
    apis = {f"q{at}": f"api {at}" for at in range(len(before))}
    return judge(outcomes(before), outcomes(after, name="b"), parse_criteria(metrics), apis)


def test_the_means_are_those_of_the_summary():
    before, after = [5, 4, 3, 2, 1, 0] * 6, [3, 3, 3, 3, 0, 0] * 6
    at_two, agreement, answers = judged(
        before, after, "ast.exact.pass@2:0.5", "ast.exact.consistency:0.5", "ast.exact:0.5"
    )
    for finding, estimator in ((at_two, lambda n, c: pass_at_k(n, c, 2)), (agreement, consistency)):
        for mean, counts in ((finding.before, before), (finding.after, after)):
            assert mean == pytest.approx(sum(estimator(SAMPLES, count) for count in counts) / len(counts))
        assert (finding.n, finding.apis, finding.unit) == (36, 36, "questions")
    assert (answers.n, answers.unit) == (36 * SAMPLES, "answers")


def test_a_model_that_is_right_once_where_it_was_right_always_is_a_regression_of_its_answers_alone():
    answers, at_five, agreement = judged(
        [5] * ITEMS, [1] * ITEMS, "ast.exact:0.1", "ast.exact.pass@5:0.1", "ast.exact.consistency:0.1"
    )
    assert (answers.decision, at_five.decision, agreement.decision) == ("regression", "pass", "regression")
    assert at_five.difference == 0
    assert agreement.after == pytest.approx(0.6)
    assert agreement.lost == {f"api {at}": [(f"q{at}", 0)] for at in range(ITEMS)}


def test_a_question_with_an_answer_without_a_number_counts_against_the_run():
    baseline, run = outcomes([0] * 200), outcomes([5] * 200, name="b")
    del run.rows["q7", 3]["ast.exact"], baseline.rows["q9", 0]["ast.exact"]
    apis = {f"q{at}": f"api {at}" for at in range(200)}
    (finding,) = judge(baseline, run, parse_criteria(["ast.exact.pass@1"]), apis)
    assert (finding.before, finding.after) == (1 / 200, 199 / 200)


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        ("ast.exact.pass@6", RunError, "takes 6 answers to each question, and item 'q0' has 5"),
        ("hallucination.pass@2", UsageError, "small values of hallucination are good"),
        ("ast.exact.pass@0", UsageError, "no such metric"),
        ("nothing.pass@2", UsageError, "no such metric"),
        ("ast.exact.pass@2.pass@2", UsageError, "no such metric"),
    ],
)
def test_what_is_not_defined_is_refused(metric, error, message):
    with pytest.raises(error, match=message):
        judged([5], [5], metric)


def test_a_metric_between_0_and_1_has_no_right_answers():
    baseline, run = (outcomes([5] * 3, "rouge.L", name) for name in "ab")
    run.rows["q1", 1]["rouge.L"] = 0.5
    with pytest.raises(RunError, match=r"^b: rouge\.L is not 0 or 1 everywhere"):
        judge(baseline, run, parse_criteria(["rouge.L.consistency"]), {f"q{at}": "a" for at in range(3)})


@pytest.fixture
def sampled(tmp_path):
    """Two runs of mini with three answers to each question: always right, and right once."""
    mini = load_benchmark("mini")
    runs = []
    for name, right in (("before", 3), ("after", 1)):
        texts = {
            (item.id, sample): item.reference_program if sample < right else "no"
            for item in mini.items
            for sample in range(3)
        }
        runs.append(make_run(tmp_path, mini, name, texts, ("ast_match",)))
    return runs


def test_the_command_judges_them_and_a_budget_does_too(sampled, tmp_path, capsys):
    before, after = sampled
    command = ["gate", str(after), "--baseline", str(before), "--json", "--metric", "ast.exact.pass@3:0.2"]
    assert main(command) == 0
    (finding,) = json.loads(capsys.readouterr().out)["metrics"]
    assert (finding["name"], finding["n"], finding["after"]) == ("ast.exact.pass@3", 56, finding["before"])
    assert main([*command, "--metric", "ast.exact.consistency:0.2"]) == 1
    lost = json.loads(capsys.readouterr().out)["metrics"][1]["lost"]
    questions = sum(map(len, lost.values()))
    assert questions > 50
    assert main([*command[:4], "--metric", "ast.exact.consistency:0.2"]) == 1
    expected = f"{questions} questions got worse in ast.exact.consistency, about {len(lost)} APIs"
    assert expected in capsys.readouterr().out
    budget = ["gate", str(tmp_path / "new"), "--baseline", str(before), "--budget", "56", "--sandbox", "none", "--json"]
    budget += ["--model", f"replay:{tmp_path / 'after.jsonl'}", "--metric", "ast.exact.consistency:0.2"]
    assert main(budget) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["asked"] < 56
    assert result["metrics"][0]["n"] == result["asked"]


def test_the_report_says_what_the_answers_took(sampled, tmp_path, capsys):
    before, after = sampled
    for run, usage in ((before, USAGE), (after, USAGE | {"completion_tokens": 1_920, "dollars": 0.75})):
        summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
        (run / "summary.json").write_text(json.dumps(summary | {"usage": usage}), encoding="utf-8")
    save(read(before), tmp_path / "baseline.json")
    assert read(tmp_path / "baseline.json").usage == USAGE
    files = ["--markdown", str(tmp_path / "gate.md"), "--junit", str(tmp_path / "gate.xml")]
    command = ["gate", str(after), "--baseline", str(tmp_path / "baseline.json"), "--metric", "ast.domain:0.9"]
    assert main([*command, *files]) in {0, 1, 3}
    shown = [
        capsys.readouterr().out,
        *((tmp_path / name).read_text(encoding="utf-8") for name in ("gate.md", "gate.xml")),
    ]
    for text in shown:
        assert "The baseline took 6,000 + 600 tokens of prompts and answers; $0.5000." in text
        assert "The run took 6,000 + 1,920 tokens of prompts and answers; $0.7500." in text
        assert "Tokens an answer went from 110.0 to 132.0 (+20.0%)." in text


@pytest.mark.parametrize("usage", [{"answers": 1}, USAGE | {"prompt_tokens": -1}, USAGE | {"answers": "many"}])
def test_a_damaged_record_of_what_the_answers_took_is_broken(usage, sampled, tmp_path, capsys):
    run, _ = sampled
    (run / "summary.json").write_text(json.dumps({"usage": usage}), encoding="utf-8")
    assert main(["gate", str(run), "--baseline", str(run)]) == 4
    assert "usage is damaged" in capsys.readouterr().err


def test_runs_of_older_versions_say_nothing_of_it(sampled, capsys):
    before, after = sampled
    (before / "summary.json").unlink()
    edit_manifest(after, lambda manifest: manifest.pop("price", None))
    assert main(["gate", str(after), "--baseline", str(before), "--metric", "ast.domain:0.9"]) in {0, 1, 3}
    assert " took " not in capsys.readouterr().out
