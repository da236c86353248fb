"""``apigauge gate --base-ref``: a change that replaces the baseline that it is judged by is not unnoticed."""

import json
import subprocess
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit

from apigauge.__main__ import main

METRIC = ("--metric", "ast.exact:0.5")


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Retrieval and a constant on mini: a good and a bad run, with the baseline files of both."""
    folder = tmp_path_factory.mktemp("scored")
    for name, model in (("good", "retrieval:bm25"), ("bad", "constant:torch.topk(scores, k=3)")):
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(folder / name), "--sandbox", "none"]
        assert main([*command, "--metrics", "ast_match", "--quiet"]) == 0
        assert main(["--quiet", "gate", str(folder / name), "--save-baseline", str(folder / f"{name}.json")]) == 0
    return folder


def git(*command):
    names = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *names, *command], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, scored, monkeypatch):
    """A repository with the good baseline on its branch ``main``."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "baseline.json").write_bytes((scored / "good.json").read_bytes())
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "base")
    git("checkout", "--quiet", "-b", "change")
    return folder


@pytest.fixture
def gate(tmp_path, capsys):
    def call(*arguments):
        documents = ["--markdown", str(tmp_path / "gate.md"), "--junit", str(tmp_path / "gate.xml")]
        capsys.readouterr()
        code = main(["gate", *map(str, arguments), *documents, "--json"])
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if shown.out else None, shown.err

    return call


def test_an_easier_baseline_is_warned_of_in_every_form_and_the_decision_by_the_old_one_is_given(
    repository, scored, gate, tmp_path
):
    (repository / "baseline.json").write_bytes((scored / "bad.json").read_bytes())
    code, result, said = gate(
        scored / "bad", "--baseline", "baseline.json", *METRIC[:1], "ast.exact", "--base-ref", "main"
    )
    assert code in (0, 3)  # by the new baseline: as good as itself
    assert result["base_ref"] == {"ref": "main", "changed": True, "decision": "regression"}
    (warning,) = [note for note in result["notes"] if "replaces its own baseline" in note]
    assert "retrieval:bm25 (engine bm25s" in warning
    assert "became constant:torch.topk(scores, k=3)" in warning
    assert "ast.exact 0.3571 became 0.0357" in warning
    assert "By the baseline of main the decision is: regression (ast.exact)" in warning
    assert warning in said
    assert f"**{warning}**" in (tmp_path / "gate.md").read_text(encoding="utf-8")
    assert warning in ET.parse(tmp_path / "gate.xml").getroot().findtext("system-out")


def test_a_baseline_that_did_not_change_is_not_mentioned(repository, scored, gate):
    code, result, said = gate(scored / "good", "--baseline", "baseline.json", *METRIC, "--base-ref", "main")
    assert (code, said, result["notes"]) == (0, "", [])
    assert result["base_ref"] == {"ref": "main", "changed": False, "decision": None}


def test_a_new_baseline_is_said_to_be_new(repository, scored, gate):
    (repository / "new.json").write_bytes((scored / "good.json").read_bytes())
    _, result, _ = gate(scored / "good", "--baseline", "new.json", *METRIC, "--base-ref", "main")
    assert result["notes"] == ["The baseline is new: main does not have it."]


def dropped_metric(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["scorers"]["ast.exact"]
    for row in content["answers"]:
        del row["ast.exact"]
    path.write_text(json.dumps(content), encoding="utf-8")


def one_score(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"ast.exact": 1', '"ast.exact": 0', 1), encoding="utf-8")


def one_score_for_another(path):
    one_score(path)
    text = path.read_text(encoding="utf-8")
    at = text.rindex('"ast.exact": 0')
    path.write_text(f'{text[:at]}"ast.exact": 1{text[at + 14 :]}', encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (dropped_metric, "ast.exact left out"),
        (one_score, "ast.exact 0.3571 became 0.3393"),
        (one_score_for_another, "other answers' ast.exact"),
        (lambda path: path.write_text(path.read_text(encoding="utf-8").replace("bm25", "bm26")), "retrieval:bm26"),
    ],
)
def test_every_kind_of_edit_is_noticed(change, difference, repository, scored, gate):
    change(repository / "baseline.json")
    _, result, _ = gate(
        scored / "good", "--baseline", "baseline.json", "--metric", "hallucination:0.5", "--base-ref", "main"
    )
    assert result["base_ref"]["changed"]
    assert difference in result["notes"][-1]


def test_a_link_to_an_easier_baseline_that_the_base_has_too_is_noticed(repository, scored, gate):
    """Attack: the easier file is unchanged, and the link is what is new. A fix that follows links sees nothing."""
    (repository / "easy.json").write_bytes((scored / "bad.json").read_bytes())
    git("add", ".")
    git("commit", "--quiet", "--message", "easy")
    git("branch", "--force", "main")
    (repository / "baseline.json").unlink()
    (repository / "baseline.json").symlink_to("easy.json")
    _, result, _ = gate(scored / "bad", "--baseline", "baseline.json", *METRIC, "--base-ref", "main")
    assert "replaces its own baseline" in result["notes"][-1]


def test_a_run_s_folder_as_baseline_is_looked_up_as_well(repository, scored, gate):
    folder = repository / "runs" / "main"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "scores.jsonl"):
        (folder / name).write_bytes((scored / "good" / name).read_bytes())
    git("add", ".")
    git("commit", "--quiet", "--message", "run")
    command = (scored / "good", "--baseline", "runs/main", *METRIC, "--base-ref", "HEAD")
    assert gate(*command)[1]["base_ref"]["changed"] is False
    edit(folder / "scores.jsonl", lambda row: row["metrics"].update({"ast.exact": 0.0}))
    assert gate(*command)[1]["base_ref"]["changed"] is True


def test_no_commit_is_wrong_usage(repository, scored, gate):
    """As where a variable of CI is not set."""
    assert gate(scored / "good", "--baseline", "baseline.json", *METRIC, "--base-ref=")[0] == 2


@pytest.mark.parametrize("ref", ["nowhere", "--help", "main^{tree}", "main:baseline.json", " "])
def test_a_commit_that_git_does_not_have_is_broken_and_not_taken_for_unchanged(ref, repository, scored, gate):
    code, result, said = gate(scored / "good", "--baseline", "baseline.json", *METRIC, f"--base-ref={ref}")
    assert (code, result) == (4, None)
    assert "git has no such commit" in said


def test_a_baseline_outside_of_any_repository_is_broken(scored, gate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, said = gate(scored / "good", "--baseline", scored / "good.json", *METRIC, "--base-ref", "main")
    assert code == 4
    assert "git knows no repository" in said


def test_a_baseline_that_was_no_baseline_before_is_noticed(repository, scored, gate):
    (repository / "baseline.json").write_text("{}", encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "damaged")
    (repository / "baseline.json").write_bytes((scored / "good.json").read_bytes())
    _, result, _ = gate(scored / "good", "--baseline", "baseline.json", *METRIC, "--base-ref", "HEAD")
    assert result["base_ref"] == {"ref": "HEAD", "changed": True, "decision": "broken"}
