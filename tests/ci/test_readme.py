"""The workflow and the job that the README has people copy."""

import textwrap

import yaml
from ci_steps import ROOT, action


def blocks():
    """The README's indented blocks for GitHub and GitLab."""
    groups = [[]]
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            groups[-1].append(line)
        elif groups[-1]:
            groups.append([])
    texts = [textwrap.dedent("\n".join(lines)) for lines in groups]
    return [yaml.safe_load(text) for text in texts if "\njobs:" in text or text.startswith("include:")]


def test_the_readme_gives_what_the_action_and_the_template_take():
    workflow, pipeline = blocks()
    checkout, gate = workflow["jobs"]["gate"]["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    inputs = action()["inputs"]
    assert {name for name, entry in inputs.items() if entry.get("required")} <= gate["with"].keys() <= inputs.keys()
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (included,) = pipeline["include"]
    template = yaml.safe_load((ROOT / included["file"]).read_text(encoding="utf-8"))
    job = pipeline["gate"]
    assert job["variables"].keys() <= template[job["extends"]]["variables"].keys()
