"""``action.yml``, step by step as GitHub runs it, against a server that keeps a pull request's comments."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ci_steps import action, run_action
from few import few
from forge_server import GitHub

pytestmark = pytest.mark.slow

TOKEN = "ghs_token-of-the-job"
CONSTANT = "constant:torch.topk(scores, k=3)"
_RESULTS = {"results", "results-options"}
PINNED = re.compile(r"actions/(setup-python|upload-artifact)@[0-9a-f]{40}")


@pytest.fixture
def github():
    server = GitHub()
    server.tokens[TOKEN] = ("github-actions[bot]", True)
    yield server
    server.close()


@pytest.fixture
def job(tmp_path, prebuilt, machine, baselines, github):
    """Runs the action for a pull request, on mini with bm25 against its own baseline unless told otherwise."""

    def run(event=None, environment=None, source=prebuilt, **inputs):
        event = {"pull_request": {"number": 7}} if event is None else event
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event))
        given = {
            "benchmark": "mini",
            "model": "retrieval:bm25",
            "baseline": str(baselines / "run.json"),
            "metrics": "ast.exact:0.15",
            "sandbox": "none",
            "run-options": "--metrics ast.exact",
        } | {name.replace("_", "-"): value for name, value in inputs.items()}
        context = {"token": TOKEN, "action_path": str(source), "event": event}
        done = run_action(tmp_path, given, context, machine | github.environment(file) | (environment or {}))
        assert TOKEN not in done.log
        return done

    return run


def files(done):
    """Those that the upload took."""
    ((_, given),) = [used for used in done.used if "upload-artifact" in used[0]]
    return Path(given["path"])


def test_a_run_like_its_baseline_passes_and_a_second_one_updates_the_comment(job, github, checkout):
    done = job(source=checkout)
    assert (done.exit, done.failed, done.outputs["decision"]) == (0, [], "pass"), done.log
    assert [PINNED.fullmatch(name)[1] for name, _ in done.used] == ["setup-python", "upload-artifact"]
    assert done.used[0][1] == {"python-version": "3.11"}
    assert done.used[1][1]["name"] == "apigauge-mini"
    assert "Successfully installed apigauge" in done.log
    folder = files(done)
    assert Path(done.outputs["run"]) == folder / "run"
    assert json.loads((folder / "run" / "summary.json").read_text())["items"] == 56
    assert Path(done.outputs["report"]) == folder / "site" / "index.html"
    assert "retrieval:bm25" in Path(done.outputs["report"]).read_text(encoding="utf-8")
    assert ET.parse(folder / "gate.xml").getroot().get("failures") == "0"
    assert "### apigauge: pass (`mini`)" in done.summary
    (comment,) = github.bodies()
    assert comment.startswith(done.summary)
    assert "https://github.example/o/r/actions/runs/99" in comment

    again = job(model=CONSTANT)
    assert (again.exit, again.failed, again.outputs["decision"]) == (1, ["Gate"], "regression")
    (comment,) = github.bodies()
    assert comment.startswith(again.summary)
    assert "### apigauge: regression (`mini`)" in comment


def test_a_regression_fails_the_job_and_is_reported_all_the_same(job, baselines):
    done = job(model=CONSTANT, baseline=str(baselines / "run"), extras="hf")
    assert (done.exit, done.failed, done.outputs["decision"]) == (1, ["Gate"], "regression")
    folder = files(done)
    assert ET.parse(folder / "gate.xml").getroot().get("failures") == "1"
    page = Path(done.outputs["report"]).read_text(encoding="utf-8")
    assert "retrieval:bm25" in page  # the baseline is a run, and is listed next to the new one
    assert "constant:" in page
    assert "answers got worse in ast.exact" in done.summary


def test_what_another_harness_wrote_is_judged_in_the_place_of_a_run(job, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    for name, losses in (("old", 0), ("same", 0), ("worse", 40)):
        rows = "".join(f"q{n},{int(n >= losses)},t{n % 100}\n" for n in range(200))
        (work / f"{name}.csv").write_text(f"id,f1,about\n{rows}", encoding="utf-8")
    given = {"benchmark": "", "model": "", "metrics": "", "run_options": "", "title": ""}
    given |= {"results_options": "--cluster about --lower-is-better f1"}
    first = job(results="old.csv", baseline="baseline.json", **given)
    assert (first.exit, first.outputs["decision"], "Answer and score" in first.log) == (4, "broken", False)
    (work / "baseline.json").write_bytes((files(first) / "baseline.json").read_bytes())
    assert job(results="same.csv", baseline="baseline.json", **given).outputs["decision"] == "pass"
    # Of f1 as it is said here, small values are good.
    assert job(results="worse.csv", baseline="baseline.json", **given).outputs["decision"] == "pass"
    given["results_options"] = "--cluster about"
    (work / "baseline.json").unlink()
    again = job(results="worse.csv", baseline="old.csv", **given)
    assert (again.exit, again.failed, again.outputs["decision"]) == (1, ["Gate"], "regression")
    assert again.outputs["run"] == "worse.csv"
    assert "f1" in Path(again.outputs["report"]).read_text(encoding="utf-8")
    assert again.used[-1][1]["name"] == "apigauge-results"


def test_a_baseline_of_another_benchmark_is_broken_and_said_to_be(job, baselines, github):
    done = job(baseline=str(baselines / "other.json"))
    assert (done.exit, done.failed, done.outputs["decision"]) == (4, ["Gate"], "broken")
    assert "the benchmark differs" in done.summary
    (comment,) = github.bodies()
    assert comment.startswith(done.summary)
    (error,) = ET.parse(files(done) / "gate.xml").getroot().iter("error")
    assert "the benchmark differs" in error.get("message")


def test_the_consent_to_run_programs_without_isolation_reaches_the_run(job):
    assert "--accept-no-isolation: is for --sandbox process" in job(accept_no_isolation="true").log
    assert "--accept-no-isolation" not in job(accept_no_isolation="yes").log


def test_the_first_run_has_no_baseline_and_leaves_the_one_to_commit(job, tmp_path):
    done = job(baseline="baseline.json")
    assert (done.exit, done.outputs["decision"]) == (4, "broken")
    (tmp_path / "work" / "baseline.json").write_bytes((files(done) / "baseline.json").read_bytes())
    assert job(baseline="baseline.json").outputs["decision"] == "pass"


@pytest.mark.apibench
def test_data_that_is_there_is_used_and_what_is_not_is_fetched(job, data_dir, tmp_path):
    there = {"APIGAUGE_DATA": str(data_dir), "HTTPS_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path)}
    inputs = {"benchmark": "apibench-torchhub", "limit": "5", "baseline": "baseline.json"}
    done = job(environment=there, **inputs)
    assert done.failed == ["Gate"]
    assert "5 of 5 items" in done.log
    missing = job(environment=there | {"APIGAUGE_DATA": str(tmp_path)}, **inputs)
    assert missing.failed[:2] == ["Answer and score", "Gate"]
    assert "could not be fetched from https://" in missing.log


def test_a_sample_is_held_against_a_baseline_of_the_same_sample_alone(job, baselines):
    done = job(limit="12", baseline=str(baselines / "twelve.json"), metrics="ast.exact:0.5")
    assert (done.exit, done.outputs["decision"]) == (0, "pass")
    assert json.loads((files(done) / "run" / "summary.json").read_text())["items"] == 12
    done = job(limit="12")
    assert (done.exit, done.outputs["decision"]) == (4, "broken")
    assert "it lacks 44 answers" in done.summary


def test_a_run_that_fails_is_broken_in_summary_and_comment(job, github):
    done = job(model="hf:./no-such-checkpoint")
    assert done.failed[0] == "Answer and score"
    assert done.outputs["decision"] == "broken"
    assert "### apigauge: broken" in github.bodies()[0]


@pytest.mark.parametrize(("strict", "code"), [("true", 3), ("false", 0)])
def test_too_few_answers_fail_the_job_unless_it_is_told_otherwise(job, tmp_path, baselines, strict, code):
    """Three of bm25's twenty right answers given as wrong ones: no regression, and no pass with this margin."""
    rows = (baselines / "run" / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    scores = (baselines / "run" / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    right = [json.loads(row)["item"] for row in scores if json.loads(row)["metrics"]["ast.exact"] == 1][:3]
    answers = [json.loads(row) for row in rows]
    lost = [row | {"text": "nothing"} if row["item"] in right else row for row in answers]
    (tmp_path / "lost.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lost), encoding="utf-8")
    done = job(model=f"replay:{tmp_path / 'lost.jsonl'}", fail_on_inconclusive=strict)
    assert (done.exit, done.outputs["decision"]) == (code, "inconclusive"), done.log
    assert ("::warning title=apigauge::too few answers" in done.log) == (strict == "false")


def test_a_change_that_replaces_its_own_baseline_is_noticed(job, change, baselines, github):
    """The easier baseline is that of a bad model, by which the bad model is no worse."""
    event = {"pull_request": {"number": 7, "base": {"sha": change(baselines / "easy.json")}}}
    done = job(event, model=CONSTANT, baseline="baseline.json", metrics="ast.exact:0.3")
    assert done.outputs["decision"] == "pass", done.log
    assert "::warning title=apigauge::this change replaces its own baseline" in done.log
    (comment,) = github.bodies()
    assert "Warning: this change replaces its own baseline" in comment
    assert "the decision is: regression" in comment


def test_a_change_that_leaves_its_baseline_alone_is_not_warned_of(job, change):
    event = {"pull_request": {"number": 7, "base": {"sha": change()}}}
    done = job(event, baseline="baseline.json", metrics="ast.exact:0.3")
    assert (done.outputs["decision"], "replaces its own baseline" in done.log) == ("pass", False), done.log
    assert "is not known" not in done.log


def test_a_fork_s_token_may_not_comment_and_the_job_does_not_fail_of_it(job, github):
    github.tokens[TOKEN] = ("github-actions[bot]", False)
    done = job()
    assert (done.exit, done.failed) == (0, [])
    assert "HTTP 403: Resource not accessible by integration" in done.log
    assert "::warning title=apigauge::no comment was written" in done.log
    assert github.bodies() == []


@pytest.mark.parametrize("inputs", [{"comment": "false"}, {"event": {"ref": "refs/heads/main"}}])
def test_nothing_is_written_where_no_comment_is_asked_for_or_no_pull_request_is(job, github, inputs):
    done = job(**inputs)
    assert (done.exit, github.requests) == (0, [])
    assert "--- Comment" not in done.log


@pytest.mark.parametrize(
    "names",
    [{"extras"}, action()["inputs"].keys() - {"extras", "comment"} - _RESULTS],
    ids=("extras", "rest"),
)
@pytest.mark.parametrize(
    "evil", few(["$(touch {0})", '"; touch {0}; "', "'; touch {0}; '", "`touch {0}`", "\n touch {0}\na=b"], 5)
)
def test_an_input_is_text_and_never_a_part_of_a_script(job, tmp_path, names, evil):
    """Attack: a branch or a model is named so that a script that its name is pasted into runs a command.

    Without what the extras ask for there is no install, and nothing after it; so they have a job of their own.
    """
    proof = tmp_path / "proof"
    done = job(**dict.fromkeys(names, evil.format(proof)))
    assert not proof.exists()
    assert "command not found" not in done.log
    if "extras" in names:
        assert done.failed == ["Install apigauge"]
        return
    assert done.failed[:2] == ["Answer and score", "Gate"]
    assert "### apigauge: broken" in done.summary
    assert re.fullmatch("apigauge-[A-Za-z0-9._-]+", done.used[-1][1]["name"])


def test_results_and_their_options_are_text_as_well(job, tmp_path):
    """Attack: as above, and a name that would be an option."""
    proof = tmp_path / "proof"
    evil = f"\"; touch {proof}; \"'; touch {proof}; '$(touch {proof})`touch {proof}`\ntouch {proof}"
    for results in (evil, f"--save-baseline={proof}"):
        done = job(results=results, results_options=evil if results == evil else "")
        assert not proof.exists()
        assert "command not found" not in done.log
        assert (done.failed[0], done.outputs["decision"]) == ("Gate", "broken")
        assert "### apigauge: broken" in done.summary


def test_no_script_holds_an_expression_and_the_token_goes_to_the_comment_alone():
    steps = [step for step in action()["runs"]["steps"] if "run" in step]
    assert len(steps) == 5
    assert all("${{" not in step["run"] for step in steps)
    holders = [step["name"] for step in steps if "token" in str(step.get("env", {})).lower()]
    assert holders == ["Comment"]
    assert all(PINNED.fullmatch(step["uses"]) for step in action()["runs"]["steps"] if "uses" in step)
