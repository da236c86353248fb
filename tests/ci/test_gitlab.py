"""``ci/gitlab.yml``, its script run as GitLab runs it, against a server that keeps a merge request's notes."""

import json
import xml.etree.ElementTree as ET

import pytest
import yaml
from ci_steps import ROOT, run_gitlab
from few import few
from forge_server import GitLab

pytestmark = pytest.mark.slow

TOKEN = "glpat-token-of-the-project"
CONSTANT = "constant:torch.topk(scores, k=3)"


@pytest.fixture
def gitlab():
    server = GitLab()
    server.tokens[TOKEN] = ("project_5_bot", True)
    yield server
    server.close()


@pytest.fixture
def job(tmp_path, prebuilt, machine, baselines, gitlab):
    """Runs a job for a merge request, on mini with bm25 against its own baseline unless told otherwise."""

    def run(environment=None, **variables):
        given = {
            "INSTALL": str(prebuilt),
            "BENCHMARK": "mini",
            "MODEL": "retrieval:bm25",
            "BASELINE": str(baselines / "run.json"),
            "METRICS": "ast.exact:0.15",
            "SANDBOX": "none",
            "OPTIONS": "--metrics ast.exact",
        } | variables
        set_by_gitlab = gitlab.environment() | {"GITLAB_TOKEN": TOKEN} if environment is None else environment
        done = run_gitlab(tmp_path, {f"APIGAUGE_{name}": text for name, text in given.items()}, machine | set_by_gitlab)
        assert TOKEN not in done.log
        return done

    return run


@pytest.fixture
def made(tmp_path):
    """The folder of the artifacts."""
    return tmp_path / "work" / "apigauge-gate"


def test_a_change_that_replaces_its_own_baseline_is_noticed(job, change, baselines, gitlab):
    base = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": change(baselines / "easy.json")}
    environment = gitlab.environment() | base | {"GITLAB_TOKEN": TOKEN}
    done = job(environment, MODEL=CONSTANT, BASELINE="baseline.json", METRICS="ast.exact:0.3")
    assert done.exit == 0, done.log
    (note,) = gitlab.bodies()
    assert "Warning: this change replaces its own baseline" in note
    assert "the decision is: regression" in note


def test_a_run_like_its_baseline_passes_and_a_second_job_updates_the_note(job, gitlab, made, checkout):
    done = job(INSTALL=str(checkout))
    assert done.exit == 0, done.log
    assert "Successfully installed apigauge" in done.log
    assert ET.parse(made / "gate.xml").getroot().get("failures") == "0"
    assert "retrieval:bm25" in (made / "site" / "index.html").read_text(encoding="utf-8")
    assert json.loads((made / "run" / "summary.json").read_text())["items"] == 56
    (note,) = gitlab.bodies()
    assert note.startswith((made / "gate.md").read_text(encoding="utf-8"))
    assert "### apigauge: pass (`mini`)" in note
    assert "https://gitlab.example/o/r/-/jobs/99" in note

    assert job(MODEL=CONSTANT).exit == 1
    (note,) = gitlab.bodies()
    assert "### apigauge: regression (`mini`)" in note
    assert ET.parse(made / "gate.xml").getroot().get("failures") == "1"


def test_what_cannot_be_compared_is_broken_in_note_and_junit(job, gitlab, made, baselines):
    assert job(BASELINE=str(baselines / "other.json")).exit == 4
    assert "the benchmark differs" in gitlab.bodies()[0]
    (error,) = ET.parse(made / "gate.xml").getroot().iter("error")
    assert "the benchmark differs" in error.get("message")


def test_a_run_that_fails_is_broken_and_the_job_has_its_exit_code(job, gitlab):
    assert job(MODEL="gpt:5").exit == 2
    assert "### apigauge: broken (`mini`)" in gitlab.bodies()[0]


def test_the_consent_to_run_programs_without_isolation_reaches_the_run(job):
    assert "--accept-no-isolation: is for --sandbox process" in job(ACCEPT_NO_ISOLATION="true").log


def test_a_sample_is_held_against_a_baseline_of_the_same_sample(job, baselines):
    assert job(LIMIT="12", BASELINE=str(baselines / "twelve.json"), METRICS="ast.exact:0.5").exit == 0
    assert job(LIMIT="12").exit == 4


def test_without_a_token_of_its_own_there_is_no_note_and_no_failure(job, gitlab):
    done = job(gitlab.environment() | {"CI_JOB_TOKEN": "job"})
    assert done.exit == 0
    assert "GITLAB_TOKEN is not set" in done.log
    assert "No comment was written" in done.log


def test_outside_merge_requests_nothing_is_asked_of_the_server(job, gitlab):
    assert job({"GITLAB_CI": "true"}).exit == 0
    assert gitlab.requests == []


@pytest.mark.parametrize(
    "evil", few(["$(touch {0})", '"; touch {0}; "', "'; touch {0}; '", "`touch {0}`", "\n touch {0}\n"], 5)
)
def test_a_variable_is_text_and_never_a_part_of_the_script(job, tmp_path, evil):
    """Attack: a branch or a model is named so that a script that its name is pasted into runs a command."""
    proof = tmp_path / "proof"
    names = ("BENCHMARK", "MODEL", "BASELINE", "METRICS", "LIMIT", "SANDBOX", "OPTIONS", "TITLE")
    done = job(**dict.fromkeys(names, evil.format(proof)))
    assert done.exit == 2
    assert not proof.exists()
    assert "command not found" not in done.log


def test_the_job_keeps_what_it_made_and_shows_too_few_answers_as_a_warning():
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8"))[".apigauge"]
    assert job["allow_failure"] == {"exit_codes": 3}
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["paths"] == ["apigauge-gate/"]
    assert job["artifacts"]["reports"] == {"junit": "apigauge-gate/gate.xml"}
