"""Runs the steps of a composite GitHub Action, or a job of GitLab CI, in bash as their runners do.

Of GitHub's it knows what ``action.yml`` uses: expressions of names, texts, ``==``, ``!``, ``&&``, ``||`` and
``cancelled()``, steps' outputs, the files of a step. Steps of other actions (``uses``) are not run but returned.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_TOKEN = re.compile(r"'[^']*'|&&|\|\||==|!|\(|\)|[A-Za-z_][\w.-]*|\s+|(.)")
_PYTHON = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "(": "(", ")": ")"}


@dataclass
class Done:
    """What became of a job.

    Attributes:
        failed: names of the steps that failed.
        exit: of the first that did, or 0.
        outputs: of the action.
        summary: what the job's page shows.
        used: steps of other actions: the action, and what it was given.
        log: all that was printed.
    """

    failed: list[str] = field(default_factory=list)
    exit: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    used: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    log: str = ""


def action() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def run_action(folder: Path, given: dict[str, str], github: dict[str, Any], environment: dict[str, str]) -> Done:
    """Runs the action in ``folder/work``.

    Args:
        folder: for everything.
        given: inputs, as a workflow gives them.
        github: the context of that name.
        environment: the job's.
    """
    described, done = action(), Done()
    work, temporary = folder / "work", Path(tempfile.mkdtemp(dir=folder))
    work.mkdir(exist_ok=True)
    context: dict[str, Any] = {"github": github, "steps": {}}
    defaults = {name: _fill(entry.get("default", ""), context) for name, entry in described["inputs"].items()}
    context["inputs"] = defaults | given
    for number, step in enumerate(described["runs"]["steps"]):
        name = step.get("name") or step["uses"]
        # A condition that does not ask for the job's state holds for a job that succeeds so far.
        condition = step.get("if", "")
        if (done.failed and "cancelled()" not in condition) or (condition and not _evaluate(condition, context)):
            continue
        if "uses" in step:
            done.used.append((step["uses"], {key: _fill(value, context) for key, value in step["with"].items()}))
            continue
        files = {part: temporary / f"{part}-{number}" for part in ("script", "output", "summary")}
        for file in files.values():
            file.touch()
        files["script"].write_text(_fill(step["run"], context), encoding="utf-8")
        assert step["shell"] == "bash"
        ran = _bash(
            files["script"],
            work,
            environment
            | {key: _fill(value, context) for key, value in step.get("env", {}).items()}
            | {
                "RUNNER_TEMP": str(temporary),
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
            },
        )
        done.log += f"--- {name}\n{ran.stdout}"
        done.summary += files["summary"].read_text(encoding="utf-8")
        lines = files["output"].read_text(encoding="utf-8").splitlines()
        if "id" in step:
            context["steps"][step["id"]] = {"outputs": dict(line.split("=", 1) for line in lines)}
        if ran.returncode:
            done.failed.append(name)
            done.exit = done.exit or ran.returncode
    done.outputs = {name: _fill(entry["value"], context) for name, entry in described["outputs"].items()}
    return done


def run_gitlab(folder: Path, variables: dict[str, str], environment: dict[str, str]) -> Done:
    """Runs a job that extends the template, in ``folder/work``."""
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8"))[".apigauge"]
    work, script = folder / "work", folder / "script"
    work.mkdir(exist_ok=True)
    script.write_text("\n".join(job["script"]), encoding="utf-8")
    ran = _bash(script, work, environment | job["variables"] | variables)
    return Done(failed=["script"] if ran.returncode else [], exit=ran.returncode, log=ran.stdout)


def _bash(script: Path, work: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """As GitHub calls it for ``shell: bash``; GitLab's options are the same two."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        cwd=work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def _fill(text: Any, context: dict[str, Any]) -> str:
    """A value with its expressions filled in, as GitHub writes values out."""

    def written(match: re.Match[str]) -> str:
        value = _evaluate(match[1], context)
        return {True: "true", False: "false", None: ""}.get(value, value) if not isinstance(value, dict) else "Object"

    text = str(text).lower() if isinstance(text, bool) else str(text)
    return _EXPRESSION.sub(written, text)


def _evaluate(expression: str, context: dict[str, Any]) -> Any:
    expression = _EXPRESSION.sub(r"\1", expression).strip().replace("cancelled()", "''")
    python = ""
    for token in _TOKEN.finditer(expression):
        assert token[1] is None, f"{expression}: {token[1]!r} is not understood here"
        if token[0][0] == "'" or token[0].isspace():
            python += token[0]
        else:
            python += _PYTHON.get(token[0]) or f"look({token[0]!r})"
    return eval(python.strip(), {"look": lambda name: _look(name, context)})


def _look(name: str, context: dict[str, Any]) -> Any:
    """What is not there is empty, but a context and an input must be."""
    first, *rest = name.split(".")
    value: Any = context[first]
    assert first != "inputs" or rest[0] in value, f"there is no input {rest[0]}"
    for part in rest:
        value = (value or {}).get(part)
    return "" if value is None else value


def outside(path: Path) -> dict[str, str]:
    """A job's environment: little of this one's, and the commands of ``path`` first."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    return kept | {"PATH": f"{path}:/usr/local/bin:/usr/bin:/bin"}
