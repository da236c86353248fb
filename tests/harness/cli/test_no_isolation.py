"""No program runs without isolation unless the user has accepted that: on a machine without engine and bubblewrap."""

import json
import os
import shutil

import pytest

from apigauge.__main__ import main
from apigauge.errors import SandboxError
from apigauge.sandboxes import environments, factory
from apigauge.sandboxes.process import ProcessSandbox

CONSENT = ("--sandbox", "process", "--accept-no-isolation")


@pytest.fixture
def unprotected(tmp_path, monkeypatch):
    """Nothing on this machine isolates programs; returns a file that a program without isolation writes."""
    (tmp_path / "bin").mkdir()
    for name in ("true", "git"):
        if place := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setattr(environments, "load", lambda _, real=environments.load: real("python"))
    return tmp_path / "written"


@pytest.fixture
def command(unprotected, tmp_path):
    program = f"import statistics\nopen({str(unprotected)!r}, 'w').write('x')\nstatistics.quantiles([1, 2, 3], n=2)"
    run = ["run", "--benchmark", "mini", "--model", f"constant:{program}", "--limit", "1", "--json"]
    return [*run, "--out", str(tmp_path / "run")]


def test_auto_runs_no_program_and_says_so_even_when_quiet(command, unprotected, capsys):
    """A key of the environment, a repository's settings and the network are within reach of what runs unprotected."""
    assert main([*command, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert not unprotected.exists()
    assert "WARNING: programs are not run, exec.* is not measured" in shown.err
    assert "--accept-no-isolation" in shown.err
    result = json.loads(shown.out)
    assert not [name for name in result["metrics"] if name.startswith("exec.")]
    assert "bwrap" in result["not_run"]


def test_the_warning_is_repeated_after_the_result(command, capsys):
    assert main([word for word in command if word != "--json"]) == 0
    assert capsys.readouterr().err.count("WARNING: programs are not run") == 2


@pytest.mark.parametrize("more", [("--sandbox", "process"), ("--metrics", "exec.rate")])
def test_what_needs_a_sandbox_ends_without_one(command, unprotected, capsys, more):
    assert main([*command, *more]) == 4
    assert "bwrap" in capsys.readouterr().err
    assert not unprotected.exists()


def test_the_user_may_accept_it(command, unprotected, tmp_path):
    assert main([*command, *CONSENT]) == 0
    assert unprotected.exists()
    sandbox = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["sandbox"]
    assert sandbox["namespaces"] is False


@pytest.mark.parametrize("kind", ["auto", "docker", "none"])
def test_only_process_takes_the_consent(command, unprotected, capsys, kind):
    assert main([*command, "--sandbox", kind, "--accept-no-isolation"]) == 2
    assert "is for --sandbox process" in capsys.readouterr().err
    assert not unprotected.exists()


def test_one_program_of_exec_needs_the_consent_too(unprotected, tmp_path, capsys):
    file = tmp_path / "program.py"
    file.write_text(f"open({str(unprotected)!r}, 'w')\n", encoding="utf-8")
    for kind in ("auto", "process"):
        assert main(["sandbox", "exec", str(file), "--sandbox", kind]) == 4
    assert "--accept-no-isolation" in capsys.readouterr().err
    assert not unprotected.exists()
    assert main(["sandbox", "exec", str(file), *CONSENT]) == 0
    assert unprotected.exists()


def test_the_plan_of_a_dry_run_says_what_the_run_would(command, capsys):
    for more, is_available in ((), False), (("--sandbox", "process"), False), (CONSENT, True):
        assert main([*command, "--dry-run", *more]) == 0
        assert json.loads(capsys.readouterr().out)["sandbox"]["available"] is is_available


def test_in_python_no_isolation_must_be_named(unprotected):
    python = environments.load("python")
    with pytest.raises(SandboxError, match="bwrap"):
        ProcessSandbox(python, concurrency=1)
    with pytest.raises(SandboxError, match="no sandbox is available"):
        factory.open_sandbox("auto", "python", concurrency=1, accepts_no_isolation=True)


def test_a_bubblewrap_that_may_not_make_namespaces_does_not_isolate(command, unprotected, tmp_path, capsys):
    """As on an Ubuntu whose AppArmor forbids them: the file is there, and fails."""
    bubblewrap = tmp_path / "bin" / "bwrap"
    bubblewrap.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n", encoding="utf-8")
    bubblewrap.chmod(0o755)
    assert (os.access(bubblewrap, os.X_OK), main(command)) == (True, 0)
    assert "uid map: Permission denied" in capsys.readouterr().err
    assert not unprotected.exists()


def test_the_demo_does_without_programs(unprotected, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "demo"), "--quiet"]) == 0
    assert capsys.readouterr().err.count("WARNING: the demo scores answers without running their programs") == 1
    for name in ("checkpoint", "bm25", "constant"):
        assert json.loads((tmp_path / "demo" / "runs" / name / "manifest.json").read_text())["sandbox"] is None
