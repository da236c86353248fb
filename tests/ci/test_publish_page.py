"""The workflow that the page on publishing has people copy."""

import re
import shlex

import yaml
from ci_steps import ROOT
from doc_pages import blocks

from apigauge.harness.cli import main


def test_the_workflow_publishes_what_the_command_writes():
    page = ROOT / "docs" / "how-to" / "publish.md"
    (text,) = [block.text for block in blocks(page) if block.title == ".github/workflows/leaderboard.yml"]
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "write"}
    scripts = {step["name"]: step["run"] for step in workflow["jobs"]["publish"]["steps"] if "name" in step}
    script = re.sub(r"\$\{.*?\}", "name", scripts["write them"])
    program, *words = shlex.split(script)
    arguments = main.parser().parse_args(words)
    assert program == "apigauge"
    assert f"git worktree add {arguments.publish}" in scripts["the pages as they are"]
    assert all(f"git -C {arguments.publish} " in line for line in scripts["publish"].splitlines())
