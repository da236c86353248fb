"""What ``apigauge gate`` judges without being told, what it writes, and what it says of the two models."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit, edit_manifest, lines

import apigauge
from apigauge.__main__ import main

CONSTANT = "constant:torch.topk(scores, k=3)"


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Retrieval twice and a constant, on the first questions of mini."""
    folder = tmp_path_factory.mktemp("scored")
    for name, model in (("good", "retrieval:bm25"), ("bad", CONSTANT)):
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(folder / name), "--sandbox", "none"]
        assert main([*command, "--metrics", "ast_match", "rouge", "--limit", "40", "--quiet"]) == 0
    assert main(["--quiet", "gate", str(folder / "good"), "--save-baseline", str(folder / "good.json")]) == 0
    return folder


def copy(run, to):
    to.mkdir()
    for name in ("manifest.json", "scores.jsonl"):
        (to / name).write_bytes((run / name).read_bytes())
    return to


def judged(capsys, *arguments):
    capsys.readouterr()
    code = main(["gate", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_every_metric_of_the_baseline_is_judged_unless_metrics_are_named(scored, capsys):
    _, result = judged(capsys, scored / "good", "--baseline", scored / "good.json")
    names = ["ast.exact", "ast.domain", "hallucination", "rouge.1", "rouge.2", "rouge.L"]
    assert [one["name"] for one in result["metrics"]] == names
    _, result = judged(capsys, scored / "good", "--baseline", scored / "good.json", "--metric", "rouge.2")
    assert [(one["name"], one["margin"]) for one in result["metrics"]] == [("rouge.2", 0.05)]
    decision = apigauge.gate(scored / "good", scored / "good.json")
    assert [one.name for one in decision.findings] == names


def test_the_default_margin_is_a_share_of_the_metric_s_range(scored, tmp_path, capsys):
    run = copy(scored / "good", tmp_path / "run")
    edit_manifest(run, lambda manifest: manifest["metrics"].update(executability="1"))
    numbers = {"exec.rate": 1.0, "exec.call": 1.0, "exec.exact": 1.0, "exec.stage": 4.0}
    edit(run / "scores.jsonl", lambda row: row["metrics"].update(numbers))
    _, result = judged(capsys, run, "--baseline", run)
    assert {one["name"]: one["margin"] for one in result["metrics"]}["exec.stage"] == 0.2
    assert {one["margin"] for one in result["metrics"]} == {0.05, 0.2}


@pytest.mark.parametrize("kind", ["domain", "library"])
def test_slices_of_a_part_of_the_benchmark_are_judged_where_they_have_answers(kind, scored, capsys):
    command = (scored / "good", "--baseline", scored / "good.json", "--metric", "ast.exact:0.5", "--slice", kind)
    code, result = judged(capsys, *command)
    assert code == 0
    parts = [one["part"] for one in result["metrics"]]
    assert parts[0] == ""
    assert len(parts) > 1
    assert sum(one["n"] for one in result["metrics"][1:]) == 40


def test_a_run_that_did_not_pass_does_not_become_the_next_baseline(scored, tmp_path, capsys):
    baseline = tmp_path / "baseline.json"
    baseline.write_bytes((scored / "good.json").read_bytes())
    command = ["gate", str(scored / "bad"), "--baseline", str(baseline), "--save-baseline", str(baseline)]
    for _ in range(2):  # the second call must not pass by what the first one wrote
        assert main([*command, "--metric", "ast.exact"]) == 1
        assert baseline.read_bytes() == (scored / "good.json").read_bytes()
        assert (
            f"not written, since the run did not pass. To accept it all the same: apigauge gate {scored / 'bad'}"
            in (capsys.readouterr().err)
        )
    assert main(["gate", str(scored / "bad"), "--save-baseline", str(baseline)]) == 0
    assert "in the place of 40 of retrieval:bm25" in capsys.readouterr().err
    assert main([*command, "--metric", "ast.exact:0.5"]) == 0


def test_a_broken_gate_writes_no_baseline(scored, tmp_path):
    target = tmp_path / "saved.json"
    assert main(["gate", str(scored / "bad"), "--baseline", str(tmp_path / "no"), "--save-baseline", str(target)]) == 4
    assert not target.exists()


def test_model_revision_and_sampling_are_named_in_every_form_of_the_report(scored, tmp_path, capsys):
    sides = {}
    for name, temperature in (("old", 0.0), ("new", 0.7)):
        sides[name] = copy(scored / "good", tmp_path / name)
        record = {"spec": f"hf:{name}", "kind": "hf", "revision": f"r-{name}", "sampling": {"temperature": temperature}}
        edit_manifest(sides[name], lambda manifest, record=record: manifest.update(generator=record, cache={"hits": 7}))
    documents = ["--markdown", str(tmp_path / "gate.md"), "--junit", str(tmp_path / "gate.xml")]
    command = ["gate", str(sides["new"]), "--baseline", str(sides["old"]), "--metric", "ast.exact:0.5", *documents]
    assert main(command) == 0
    shown = capsys.readouterr().out
    description = "hf:new (revision r-new; sampling temperature 0.7; 7 answers from the cache; 40 of 40"
    description = description.removesuffix("; 40 of 40")
    assert f"\nrun: {description})\n" in shown
    difference = "Answers were drawn differently: sampling temperature 0.0 became temperature 0.7."
    assert difference in shown
    text = (tmp_path / "gate.md").read_text(encoding="utf-8")
    assert f"\nrun: `{description})`\n" in text
    assert difference in text
    properties = {
        one.get("name"): one.get("value") for one in ET.parse(tmp_path / "gate.xml").getroot().iter("property")
    }
    assert properties["run"] == f"{description})"
    assert properties["baseline"].startswith("hf:old (revision r-old")
    _, result = judged(capsys, *command[1:])
    assert result["models"]["run"]["revision"] == "r-new"


def test_questions_that_neither_run_answered_are_counted(scored, tmp_path, capsys):
    run = copy(scored / "good", tmp_path / "run")
    kept = (run / "scores.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:30]
    (run / "scores.jsonl").write_text("".join(kept), encoding="utf-8")
    main(["gate", str(run), "--baseline", str(run), "--metric", "ast.exact:0.5"])
    assert "30 of 40 questions answered" in capsys.readouterr().out


def test_old_runs_are_read_and_what_they_do_not_say_is_not_taken_to_be_equal(scored, tmp_path, capsys):
    """Without the loader's digest and the version of Python, as older versions wrote manifests."""
    old = copy(scored / "good", tmp_path / "old")

    def forget(manifest):
        del manifest["benchmark"]["loader"]
        metrics = manifest["metrics"]
        manifest["metrics"] = {name: text.replace(", Python ", ", ") for name, text in metrics.items()}

    edit_manifest(old, forget)
    assert main(["gate", str(scored / "good"), "--baseline", str(old)]) == 4
    said = capsys.readouterr().err
    assert f"{old} does not say which Python scored it, since an older version of apigauge made it" in said
    new = copy(scored / "good", tmp_path / "new")
    edit_manifest(new, lambda manifest: manifest["benchmark"].pop("loader"))
    assert main(["gate", str(scored / "good"), "--baseline", str(new)]) == 4
    assert "whether they are those of the other run is not known" in capsys.readouterr().err
    code, result = judged(capsys, old, "--baseline", old, "--metric", "ast.exact:0.5")
    assert code == 0
    assert "Which code read the benchmark is not known: both runs are of an older version" in result["notes"][-1]


def test_a_document_that_cannot_be_written_is_no_pass(scored, tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    command = ["gate", str(scored / "good"), "--baseline", str(scored / "good.json"), "--metric", "ast.exact:0.5"]
    assert main([*command, "--junit", str(tmp_path / "taken"), "--markdown", str(tmp_path / "gate.md")]) == 4
    assert str(tmp_path / "taken") in capsys.readouterr().err
    assert "### apigauge: broken" in (tmp_path / "gate.md").read_text(encoding="utf-8")


def test_a_gate_that_is_killed_leaves_no_pass_of_an_earlier_call(scored, tmp_path, monkeypatch):
    """Killed, it can write nothing more; so what says that it is broken must be there before it begins."""
    from apigauge.harness.cli import gate as command

    junit = tmp_path / "gate.xml"
    given = ["gate", str(scored / "good"), "--baseline", str(scored / "good.json"), "--metric", "ast.exact:0.5"]
    assert main([*given, "--junit", str(junit)]) == 0
    seen = []
    monkeypatch.setattr(command, "_run", lambda _: seen.append(junit.read_text(encoding="utf-8")) or 0)
    main([*given, "--junit", str(junit)])
    assert "the gate was stopped before it had decided" in seen[0]


@pytest.mark.parametrize(("run", "code"), [("good", 0), ("bad", 1)])
def test_a_pipe_that_nothing_reads_does_not_change_the_decision(run, code, scored):
    command = [sys.executable, "-m", "apigauge", "gate", str(scored / run), "--baseline", str(scored / "good.json")]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*command, "--metric", "ast.exact:0.5"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("option", [[], ["--verbose"], ["--debug"]])
def test_a_traceback_is_shown_with_debug_alone(option, tmp_path, capsys):
    assert main(["gate", str(tmp_path), "--baseline", str(tmp_path), *option]) == 4
    shown = capsys.readouterr().err
    assert ("Traceback" in shown) == (option == ["--debug"])
    assert shown.splitlines()[-1].startswith("apigauge: ")


def test_a_plugin_that_ends_the_process_is_no_regression(tmp_path, scored):
    """Attack, or carelessness: a plugin calls ``sys.exit(1)`` while it is loaded, or when Python ends its work."""
    package = tmp_path / "odd-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n", encoding="utf-8")
    (package / "entry_points.txt").write_text("[apigauge]\nodd = odd_plugin\n", encoding="utf-8")
    command = [sys.executable, "-m", "apigauge", "gate", str(scored / "good"), "--baseline", str(scored / "good.json")]
    for text in ("raise SystemExit(1)", "1 / 0", "import sys; sys.exit(1)", "class E(BaseException): ...\nraise E"):
        (tmp_path / "odd_plugin.py").write_text(text, encoding="utf-8")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [*command, "--metric", "ast.exact:0.5"],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 4), (text, done.stderr)
        assert "Traceback" not in done.stderr
        assert "odd" in done.stderr or done.returncode == 4


def test_rows_of_the_same_answer_in_another_order_are_the_same_run(scored, tmp_path, capsys):
    run = copy(scored / "good", tmp_path / "run")
    rows = lines(run / "scores.jsonl")
    (run / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)), encoding="utf-8")
    code, result = judged(capsys, run, "--baseline", scored / "good.json", "--metric", "ast.exact:0.5")
    assert (code, result["metrics"][0]["difference"]) == (0, 0)
