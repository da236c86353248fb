"""What a stranger expects in a repository: the files are there, well-formed, and agree with the project."""

import re
import tomllib

import pytest
import yaml
from ci_steps import action
from doc_pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def load(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_readme_fits_one_screen():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 75
    (picture,) = (ROOT / "docs" / "images").glob("*.png")
    assert picture.stat().st_size < 150_000


def test_the_citation_is_of_this_version():
    citation = load("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["title"] == PROJECT["name"]
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert all("name" in author or "family-names" in author for author in citation["authors"])


def test_the_workflow_runs_what_the_makefile_has_on_every_supported_python():
    workflow = load(".github/workflows/ci.yml")
    jobs = workflow["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert {word for command in commands for word in command.split()[1:]} <= TARGETS
    assert {command.split()[0] for command in commands} == {"make"}
    assert {"lint", "types", "docs", "test"} <= {word for command in commands for word in command.split()}
    versions = {entry.rsplit(" ", 1)[1] for entry in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", entry)}
    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == versions
    assert workflow["permissions"] == {"contents": "read"}


def test_the_workflow_and_the_action_pin_the_same_actions():
    steps = [step for job in load(".github/workflows/ci.yml")["jobs"].values() for step in job["steps"]]
    pinned = {step["uses"].split("@")[0]: step["uses"] for step in action()["runs"]["steps"] if "uses" in step}
    used = {step["uses"] for step in steps if "uses" in step}
    assert {use for use in used if use.split("@")[0] in pinned} <= set(pinned.values())
    assert len(used & set(pinned.values())) >= 2


@pytest.mark.parametrize("name", ["bug", "wrong-score", "feature"])
def test_issue_forms_have_what_github_requires(name):
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    identifiers = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len(identifiers) == len(set(identifiers)) > 0
    for field in form["body"]:
        assert field["type"] in ("markdown", "textarea", "input", "dropdown", "checkboxes")
        assert "value" in field["attributes"] if field["type"] == "markdown" else "label" in field["attributes"]


def test_the_hooks_need_no_network():
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert {hook["id"] for hook in repository["hooks"]} == {"ruff", "ruff-format", "mypy"}
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_security_says_how_to_report():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "private vulnerability" in text.replace("\n", " ")
    assert not re.search(r"[\w.]+@[\w.]+\.\w+|example\.(?:com|org)", text)
