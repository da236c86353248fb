"""``apigauge gate`` as CI calls it: exit codes, output, and what it refuses."""

import json
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit, edit_manifest, lines, write

from apigauge.__main__ import main
from apigauge.errors import RunError
from apigauge.harness.gate import render
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.judge import judge, worst
from apigauge.harness.gate.outcomes import Outcomes, read, save

HUBS = ("torchhub", "tensorflowhub", "huggingface")
# What each hub's APIs rule out where nothing changed, rounded up.
MARGINS = {"torchhub": 0.06, "tensorflowhub": 0.45, "huggingface": 0.02}


def outcomes(values, metric="ast.exact", name="a", **changes):
    """Outcomes of one metric, an API for each answer."""
    fields = {
        "path": name,
        "benchmark": "b",
        "digest": "d",
        "prompts": "p",
        "model": {},
        "scorers": {metric: "1"},
        "manifest_sha256": "",
        "rows": {(str(at), 0): {metric: float(value)} for at, value in enumerate(values)},
        "infra_error_rate": 0.0,
        "withheld": False,
    }
    return Outcomes(**fields | changes)


def judged(before, after, metric="ast.exact", margin=0.05):
    apis = {str(at): f"api {at}" for at in range(len(before))}
    (finding,) = judge(outcomes(before, metric), outcomes(after, metric, "b"), [Criterion(metric, margin)], apis)
    return finding


@pytest.mark.apibench
@pytest.mark.parametrize("hub", HUBS)
def test_without_documents_gorilla_is_worse_than_with_the_right_ones(gate, score, hub):
    pairs = {"torchhub": "RT_oracle", "tensorflowhub": "FT_oracle", "huggingface": "RT_oracle"}
    code, result, _ = gate(score(hub, "FT_0_shot"), "--baseline", score(hub, pairs[hub]))
    assert (code, result["decision"]) == (1, "regression")
    assert [one["name"] for one in result["metrics"]] == ["ast.exact", "ast.domain", "hallucination"]
    metric = result["metrics"][0]
    assert metric["difference"] == pytest.approx(metric["after"] - metric["before"])
    # TensorFlow Hub's questions are effectively about six APIs, which bound little.
    assert metric["high"] < (-0.1 if metric["effective_apis"] > 50 else 0.2)
    assert metric["p_adjusted"] < 1e-6
    lost = [len(keys) for keys in metric["lost"].values()]
    assert lost == sorted(lost, reverse=True)


@pytest.mark.apibench
@pytest.mark.parametrize("hub", HUBS)
def test_a_run_is_not_worse_than_itself(gate, score, hub):
    run = score(hub, "FT_0_shot")
    margin = MARGINS[hub]
    code, result, _ = gate(
        run, "--baseline", run, "--metric", f"ast.exact:{margin}", "--metric", f"hallucination:{margin}"
    )
    assert (code, result["decision"]) == (0, "pass")
    assert all(metric["difference"] == 0 and not metric["lost"] for metric in result["metrics"])
    for metric in result["metrics"]:
        assert metric["low"] == pytest.approx(-(1 - 0.025 ** (1 / metric["effective_apis"])), abs=1e-3) or margin > 0.4


@pytest.mark.apibench
def test_not_even_a_run_itself_passes_where_too_few_apis_could_have_been_lost(gate, score):
    run = score("tensorflowhub", "FT_0_shot")
    code, result, _ = gate(run, "--baseline", run, "--metric", "ast.exact")
    (metric,) = result["metrics"]
    assert (code, metric["difference"], metric["apis"], metric["effective_apis"]) == (3, 0, 62, 6.09)
    assert metric["needed_to_pass"] > 5_000
    assert metric["minimum_detectable_apis"] is None or metric["minimum_detectable_apis"] > metric["minimum_detectable"]


def test_nothing_lost_of_five_answers_is_no_pass():
    assert judged([1] * 5, [1] * 5).decision == "inconclusive"
    assert judged([1] * 5, [1] * 5, margin=0.53).decision == "pass"
    assert judged([1] * 72, [1] * 72).decision == "pass"


@pytest.mark.apibench
def test_three_answers_lost_of_twenty_are_inconclusive_and_the_number_needed_is_printed(
    score, data_dir, tmp_path, capsys
):
    run = score("torchhub", "RT_oracle")
    rows = lines(run / "scores.jsonl")[:20]
    right = [row for row in rows if row["metrics"]["ast.exact"] == 1]
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_bytes((run / "manifest.json").read_bytes())
        write(tmp_path / name / "scores.jsonl", rows)
    worse = {row["item"] for row in right[:3]}
    edit(
        tmp_path / "after" / "scores.jsonl",
        lambda row: row["metrics"].update({"ast.exact": 0.0}) if row["item"] in worse else None,
    )
    code = main(["gate", str(tmp_path / "after"), "--baseline", str(tmp_path / "before"), "--data-dir", str(data_dir)])
    output = capsys.readouterr().out
    assert code == 3
    assert "too few answers to tell" in output
    assert "a drop of 0.05 takes about" in output
    needed = int(output.split("a drop of 0.05 takes about ")[1].split(" ")[0])
    assert 100 < needed < 1000
    assert "3 answers got worse in ast.exact" in output


@pytest.mark.apibench
def test_a_baseline_file_says_the_same_as_the_run_it_was_made_of(gate, score, tmp_path):
    old, new = score("torchhub", "RT_oracle"), score("torchhub", "FT_0_shot")
    file = tmp_path / "kept" / "baseline.json"
    assert main(["gate", str(old), "--save-baseline", str(file)]) == 0
    assert gate(new, "--baseline", file)[:2] == gate(new, "--baseline", old)[:2]
    text = file.read_text(encoding="utf-8")
    json.loads(text)
    assert len([line for line in text.split("\n") if line.startswith('{"item"')]) == 186
    assert len(text) < 20_000


@pytest.mark.apibench
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest["benchmark"].update({"digest": "other"}), "the digest of the data differs"),
        (lambda manifest: manifest["benchmark"].update({"name": "mini"}), "the benchmark differs"),
        (lambda manifest: manifest.update({"prompt_sha256": "other"}), "the digest of the prompts differs"),
        (lambda manifest: manifest["metrics"].update({"ast_match": "2"}), "the scorer of ast.exact differs"),
        (lambda manifest: manifest.update({"extraction": "2"}), "the scorer of ast.exact differs"),
        (lambda manifest: manifest["metrics"].pop("ast_match"), "it has no ast.exact"),
    ],
)
def test_runs_that_cannot_be_compared_are_broken_and_the_message_says_why(gate, score, tmp_path, change, message):
    old = score("torchhub", "FT_0_shot")
    new = tmp_path / "new"
    new.mkdir()
    for name in ("manifest.json", "scores.jsonl"):
        (new / name).write_bytes((old / name).read_bytes())
    edit_manifest(new, change)
    code, result, said = gate(new, "--baseline", old, "--metric", "ast.exact")
    assert (code, result) == (4, None)
    assert message in said


@pytest.mark.apibench
def test_rescore_scores_both_runs_again_where_their_scorers_differ(gate, score, tmp_path):
    """By an older scorer all of the baseline's scores are 1; the decision must rest on the present scorer."""
    sides = {}
    for side, name in (("old", "FT_oracle"), ("new", "FT_0_shot")):
        run = score("torchhub", name)
        sides[side] = tmp_path / side
        sides[side].mkdir()
        for file in ("manifest.json", "generations.jsonl", "scores.jsonl", "summary.json"):
            (sides[side] / file).write_bytes((run / file).read_bytes())
    before = gate(sides["new"], "--baseline", sides["old"], "--metric", "ast.exact")
    edit_manifest(sides["old"], lambda manifest: manifest["metrics"].update({"ast_match": "1"}))
    edit(sides["old"] / "scores.jsonl", lambda row: row["metrics"].update({"ast.exact": 1.0}))
    command = (sides["new"], "--baseline", sides["old"], "--metric", "ast.exact")
    assert gate(*command)[0] == 4
    code, result, _ = gate(*command, "--rescore")
    assert (code, result) == before[:2]
    baseline = tmp_path / "baseline.json"
    assert main(["gate", str(sides["old"]), "--save-baseline", str(baseline)]) == 0
    edited = json.loads(baseline.read_text(encoding="utf-8"))
    edited["scorers"]["ast.exact"] = "older"
    baseline.write_text(json.dumps(edited), encoding="utf-8")
    code, _, said = gate(sides["new"], "--baseline", baseline, "--rescore")
    assert code == 2
    assert "holds no answers to score anew" in said


@pytest.mark.apibench
def test_a_slice_that_got_worse_is_a_regression_even_if_the_whole_did_not(gate, score, data_dir, tmp_path):
    """Forty right answers about one library turn wrong and as many about others right: the whole is no worse."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.gate.slices import split

    slices = split(load_benchmark("apibench-huggingface", data_dir), ["library"])
    assert len(slices["library:transformers"]) > 500
    old = score("huggingface", "FT_0_shot")
    new = tmp_path / "new"
    new.mkdir()
    (new / "manifest.json").write_bytes((old / "manifest.json").read_bytes())
    (new / "scores.jsonl").write_bytes((old / "scores.jsonl").read_bytes())
    rows = lines(old / "scores.jsonl")
    right = [row["item"] for row in rows if row["metrics"]["ast.exact"] == 1]
    lost = [item for item in right if item in slices["library:transformers"]][:40]
    won = [row["item"] for row in rows if row["item"] not in {*slices["library:transformers"], *right}][:40]
    assert len(lost) == len(won) == 40
    edit(
        new / "scores.jsonl",
        lambda row: (
            row["metrics"].update({"ast.exact": float(row["item"] in won)})
            if row["item"] in lost or row["item"] in won
            else None
        ),
    )
    command = (new, "--baseline", old, "--metric", "ast.exact")
    assert gate(*command)[0] == 0
    code, result, _ = gate(*command, "--slice", "library")
    decisions = {one["part"]: one["decision"] for one in result["metrics"]}
    assert (decisions[""], decisions["library:transformers"]) == ("pass", "regression")
    assert code == 1
    assert gate(old, "--baseline", old, "--metric", "ast.exact", "--slice", "library")[0] == 0


@pytest.mark.apibench
def test_missing_answers_are_broken(gate, score, tmp_path):
    old = score("torchhub", "FT_0_shot")
    new = tmp_path / "new"
    new.mkdir()
    (new / "manifest.json").write_bytes((old / "manifest.json").read_bytes())
    write(new / "scores.jsonl", lines(old / "scores.jsonl")[:-2])
    for one, other in ((new, old), (old, new)):
        code, _, said = gate(one, "--baseline", other)
        assert code == 4
        assert f"{new}: it lacks 2 answers" in said


@pytest.mark.parametrize("text", ["", "[]", '{"format": "apigauge baseline 2"}', '{"format": "apigauge baseline 1"}'])
def test_a_file_that_is_no_baseline_is_broken(text, tmp_path, capsys):
    (tmp_path / "file.json").write_text(text, encoding="utf-8")
    (tmp_path / "run").mkdir()
    assert main(["gate", str(tmp_path / "file.json"), "--save-baseline", str(tmp_path / "new.json")]) == 4
    assert str(tmp_path / "file.json") in capsys.readouterr().err
    assert not (tmp_path / "new.json").exists()


def test_a_saved_baseline_is_read_back_as_it_was(tmp_path):
    odd = outcomes([1, 0, 0.123456789012345], rows={('a"b\n', 3): {"rouge.1": 0.1 + 0.2}, ("é", 0): {"rouge.1": 1.0}})
    save(odd, tmp_path / "baseline.json")
    loaded = read(tmp_path / "baseline.json")
    assert (loaded.rows, loaded.scorers, loaded.digest) == (odd.rows, odd.scorers, odd.digest)


def test_a_metric_where_lower_is_better_gets_worse_by_rising():
    finding = judged([0] * 40, [1] * 20 + [0] * 20, "hallucination")
    assert (finding.decision, finding.before, finding.after, finding.difference) == ("regression", 0.0, 0.5, 0.5)
    assert 0 < finding.low < 0.5 < finding.high
    assert sum(map(len, finding.lost.values())) == 20
    assert judged([1] * 20 + [0] * 20, [0] * 40, "hallucination").decision == "pass"


def test_the_margin_is_in_the_metric_s_own_unit():
    before, after = [4.0] * 240, [4.0] * 236 + [3.0] * 4
    finding = judged(before, after, "exec.stage", 0.2)
    assert (finding.before, finding.difference) == (4.0, pytest.approx(-4 / 240))
    assert finding.decision == "pass"
    assert judged(before, after, "exec.stage", 0.05).decision == "inconclusive"


def test_several_metrics_share_one_family_wise_error_rate():
    """Six lost and none won is p = 1/64: below 0.05 alone, above it as one of four (Holm)."""
    before, after = [1] * 100, [0] * 6 + [1] * 94
    assert judged(before, after).decision == "regression"
    names = ["ast.exact", "ast.domain", "exec.call", "exec.rate"]
    sides = [
        outcomes(
            side,
            scorers=dict.fromkeys(names, "1"),
            rows={
                (str(at), 0): {name: float(side[at] if name == names[0] else 1) for name in names} for at in range(100)
            },
        )
        for side in (before, after)
    ]
    findings = judge(*sides, [Criterion(name) for name in names], {str(at): str(at) for at in range(100)})
    assert findings[0].p == pytest.approx(1 / 64)
    assert findings[0].p_adjusted == pytest.approx(4 / 64)
    assert [one.decision for one in findings] == ["inconclusive", "pass", "pass", "pass"]
    assert worst(findings) == "inconclusive"


def test_an_inconclusive_slice_decides_nothing():
    before, after = [1] * 200, [0] + [1] * 199
    criteria = [Criterion("ast.exact"), Criterion("ast.exact", slice="domain:small", items=frozenset("012345"))]
    findings = judge(outcomes(before), outcomes(after), criteria, {str(at): str(at) for at in range(200)})
    assert [(one.n, one.decision) for one in findings] == [(200, "pass"), (6, "inconclusive")]
    assert worst(findings) == "pass"
    assert worst(findings[1:] + findings[:1]) == "pass"


@pytest.mark.parametrize("metric", ["ast.exact", "exec.rate"])
def test_answers_that_a_metric_failed_on_are_not_passed_over(metric):
    """What was not measured cannot pass: 28 right answers of 56 say nothing about the other 28."""
    before = outcomes([1] * 56, metric)
    for share in (2, 28, 50, 56):
        after = outcomes([1] * 56, metric, name="b")
        for at in range(share):
            after.rows[str(at), 0] = {}
        for sides in ((before, after), (after, before)):
            with pytest.raises(RunError, match=f"b: {share} of 56 answers have no {metric}"):
                judge(*sides, [Criterion(metric)], {str(at): str(at) for at in range(56)})


@pytest.mark.parametrize(
    ("metric", "side", "right", "lost"),
    [
        ("ast.exact", 1, 1, 1),
        ("ast.exact", 0, 0, 1),
        ("ast.exact", 0, 1, 0),
        ("hallucination", 1, 0, 1),
        ("hallucination", 0, 1, 1),
        ("exec.rate", 1, 1, 1),
    ],
)
def test_an_answer_without_a_number_is_the_worst_in_the_run_and_the_best_in_the_baseline(metric, side, right, lost):
    """Where the sandbox or a metric fails rarely; left out, such an answer would pass whatever it is."""
    sides = [outcomes([right] * 200, metric, name=name) for name in "ab"]
    sides[side].rows["0", 0] = {}
    (finding,) = judge(*sides, [Criterion(metric, 0.3)], {str(at): str(at) for at in range(200)})
    assert (finding.n, finding.decision) == (200, "pass")
    assert sum(map(len, finding.lost.values())) == lost


def test_too_many_sandbox_failures_are_broken():
    sound = outcomes([1, 0], "exec.rate")
    troubled = outcomes([1, 0], "exec.rate", "b", withheld=True, infra_error_rate=0.25)
    for pair in ((sound, troubled), (troubled, sound)):
        with pytest.raises(RunError, match=r"b: sandbox failures kept 25\.0% of its programs from running"):
            judge(*pair, [Criterion("exec.rate")], {"0": "a", "1": "b"})


@pytest.mark.apibench
def test_ci_gets_junit_and_markdown(score, data_dir, tmp_path, capsys):
    new, old = score("torchhub", "FT_0_shot"), score("torchhub", "RT_oracle")
    junit, markdown = tmp_path / "out" / "gate.xml", tmp_path / "out" / "gate.md"
    command = ["gate", str(new), "--baseline", str(old), "--metric", "ast.exact", "--metric", "hallucination"]
    assert main([*command, "--junit", str(junit), "--markdown", str(markdown), "--data-dir", str(data_dir)]) == 1
    suite = ET.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    failure = suite.find("testcase[@name='ast.exact']/failure")
    assert "a regression" in failure.get("message")
    suite = ET.fromstring(
        render.junit("b", [judged([1] * 9, [1] * 9, margin=0.4), judged([1] * 9, [0] * 3 + [1] * 6)]).encode()
    )
    assert [[child.tag for child in case] for case in suite] == [[], ["error"]]
    text = markdown.read_text(encoding="utf-8")
    assert text.split("\n")[1] == "### apigauge: regression (`apibench-torchhub`)"
    assert "| `ast.exact` | 0.9409 | 0.0806 | -0.8602 |" in text
    assert "ast.exact" in capsys.readouterr().out


def test_names_of_models_and_items_become_neither_markup_nor_control_characters():
    finding = judged([1] * 30, [0] * 30)
    evil = "\x1b[2J</summary><script>alert(1)</script>\n# head"
    from dataclasses import replace

    text = render.markdown("b", "regression", [replace(finding, lost={evil: [(evil, 0)]})])
    assert "\x1b" not in text
    assert "\n# head" not in text
    assert all(line.startswith("    ") for line in text.split("\n") if "script" in line)
    ET.fromstring(render.junit("b", [replace(finding, lost={evil: [(evil, 0)]})]).encode())
    heading = render.markdown(evil + "`</b>`", "broken", [], evil).split("\n")[1]
    assert heading.count("`") == 2
    assert heading.endswith("`)")
    ET.fromstring(render.junit(evil, [], evil).encode())


def test_what_is_broken_is_reported_in_junit_and_markdown_too(make, mini, tmp_path, capsys):
    run = make("run", {mini.items[0].id: "f(1)"})
    junit, markdown = tmp_path / "gate.xml", tmp_path / "gate.md"
    files = ["--junit", str(junit), "--markdown", str(markdown), "--title", "a <model>"]
    assert main(["gate", str(run), "--baseline", str(tmp_path / "none.json"), *files]) == 4
    assert "none.json" in capsys.readouterr().err
    suite = ET.parse(junit).getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("errors")) == ("apigauge gate a <model>", "1", "1")
    assert "none.json" in suite.find("testcase/error").get("message")
    text = markdown.read_text(encoding="utf-8").split("\n")
    assert text[:2] == [render.mark("a <model>"), "### apigauge: broken (`a <model>`)"]
    assert text[3].startswith("    ")
    assert "none.json" in text[3]


def test_the_mark_distinguishes_titles_and_nothing_in_a_title_ends_it():
    titles = ["mini", "mini ", "--> <b>", "\udcff"]
    marks = {render.mark(title) for title in titles}
    assert len(marks) == 4
    assert all(mark.count(">") == 1 and mark.count("--") == 2 for mark in marks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --baseline"),
        (("--save-baseline", "b", "--junit", "b"), "give --baseline as well"),
        (("--save-baseline", "b", "--title", "b"), "give --baseline as well"),
        (("--baseline", "b", "--metric", "ast.exact:x"), "the form is NAME or NAME:MARGIN"),
        (("--baseline", "b", "--metric", "ast.exact:0"), "the margin must be above 0"),
        (("--baseline", "b", "--metric", "ast.exact:nan"), "the margin must be above 0"),
        (("--baseline", "b", "--metric", "ast.exact", "--metric", "ast.exact:0.1"), "one metric is given twice"),
        (("--baseline", "b", "--metric", "no.such"), "there is no such metric"),
    ],
)
def test_wrong_options_are_refused_with_a_reason(options, message, make, mini, tmp_path, capsys):
    run = make("run", {mini.items[0].id: "f(1)"})
    code = main(["gate", str(run), *(str(run) if option == "b" else option for option in options)])
    assert code == 2
    assert message in capsys.readouterr().err


def test_a_run_without_scores_is_broken(make, mini, capsys):
    run = make("run", {mini.items[0].id: "f(1)"}, modules=())
    assert main(["gate", str(run), "--baseline", str(run)]) == 4
    assert "it has no scores yet" in capsys.readouterr().err


def test_a_limited_run_is_judged_on_the_slices_it_answers(tmp_path, capsys):
    """Slices without an answer made every gate with --slice of a run with --limit broken."""
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "6", "--sandbox", "none"]
    assert main([*command, "--metrics", "ast_match", "--out", str(tmp_path / "few")]) == 0
    capsys.readouterr()
    options = ["--metric", "ast.exact", "--slice", "domain", "--json"]
    code = main(["gate", str(tmp_path / "few"), "--baseline", str(tmp_path / "few"), *options])
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert code == 3
    assert 1 < len(metrics) < 8
    assert sum(metric["n"] for metric in metrics if metric["part"]) == metrics[0]["n"] == 6


def test_runs_of_one_set_of_answers_in_two_environments_are_sent_to_compare(tmp_path, capsys):
    """Scoring one of them again, as for other scorers that differ, would change nothing."""
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "2", "--sandbox", "process"]
    assert main([*command, "--environment", "mini,python", "--out", str(tmp_path), "--quiet"]) == 0
    assert main(["gate", str(tmp_path / "mini"), "--save-baseline", str(tmp_path / "saved.json")]) == 0
    for baseline in ("mini", "saved.json"):
        capsys.readouterr()
        assert main(["gate", str(tmp_path / "python"), "--baseline", str(tmp_path / baseline)]) == 4
        message = capsys.readouterr().err
        assert "different environments: mini and python" in message
        assert "compare" in message
        assert "rerun" not in message
