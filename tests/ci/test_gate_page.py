"""The workflow and the job that the documentation has people copy."""

import yaml
from ci_steps import ROOT, action
from doc_pages import blocks


def shown(title):
    """The YAML that the page on gates has under a file's name."""
    page = ROOT / "docs" / "how-to" / "gate.md"
    (text,) = [block.text for block in blocks(page) if block.title == title]
    return yaml.safe_load(text)


def test_the_page_gives_what_the_action_takes():
    workflow = shown(".github/workflows/model.yml")
    checkout, gate = workflow["jobs"]["gate"]["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    inputs = action()["inputs"]
    assert {name for name, entry in inputs.items() if entry.get("required")} <= gate["with"].keys() <= inputs.keys()
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_the_page_gives_what_the_template_takes():
    pipeline = shown(".gitlab-ci.yml")
    (included,) = pipeline["include"]
    template = yaml.safe_load((ROOT / included["file"]).read_text(encoding="utf-8"))
    job = pipeline["gate"]
    assert job["variables"].keys() <= template[job["extends"]]["variables"].keys()
