"""``apigauge sandbox`` as a person runs it."""

import json

import pytest

# Where bubblewrap does not work as well.
BARE = ("--sandbox", "process", "--accept-no-isolation")
PROGRAM = "import json\nprint(json.loads('[1]'))\nundefined\n"


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_exec_prints_the_verdict_and_what_the_program_wrote(apigauge, program):
    done = apigauge("sandbox", "exec", program, *BARE)
    assert done.returncode == 0
    first = "failed (name), stage 3: NameError: name 'undefined' is not defined\n--- stdout\n[1]\n--- stderr\nTraceback"
    assert done.stdout.startswith(first)
    assert "process sandbox" in done.stderr  # what it does not protect from


def test_exec_finds_the_first_call_of_an_imported_function_or_takes_the_one_named(apigauge, program):
    other = apigauge("sandbox", "exec", program, *BARE, "--call", "json.dumps", "--json")
    assert json.loads(other.stdout)["stage"] == 2
    verdict = json.loads(apigauge("sandbox", "exec", program, *BARE, "--json").stdout)
    assert (verdict["status"], verdict["category"], verdict["stage"]) == ("failed", "name", 3)
    assert verdict["evidence"]["line"] == 3


def test_exec_prints_no_control_characters_of_a_program(apigauge, tmp_path):
    path = tmp_path / "program.py"
    path.write_text("print('\\x1b[2Jé')\nraise ValueError('\\x1b[1A\\r\\x9bpassed, stage 4')\n", encoding="utf-8")
    done = apigauge("sandbox", "exec", path, *BARE)
    assert not set(done.stdout) & {"\x1b", "\r", "\x9b"}
    assert done.stdout.startswith("failed (other), stage 2: ValueError: \\x1b[1A")
    assert "\\x1b[2Jé\n" in done.stdout


def test_exec_takes_limits(apigauge, tmp_path):
    path = tmp_path / "loop.py"
    path.write_text("while True: pass\n")
    verdict = json.loads(apigauge("sandbox", "exec", path, *BARE, "--cpu-seconds", "0.5", "--json").stdout)
    assert verdict["status"] == "timeout"
    assert verdict["reason"] == "used more than 0.5 s of CPU time"


@pytest.mark.parametrize("what", ["missing", "binary"])
def test_exec_of_what_is_no_program_is_a_clear_error(apigauge, tmp_path, what):
    path = tmp_path / "program.py"
    if what == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    done = apigauge("sandbox", "exec", path)
    assert done.returncode == 4
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_environment_is_wrong_usage(apigauge, program):
    done = apigauge("sandbox", "exec", program, "--environment", "fortran")
    assert done.returncode == 2
    assert "huggingface" in done.stderr


@pytest.mark.docker
def test_the_doctor_probes_every_limit_of_the_sandbox(apigauge):
    done = apigauge("sandbox", "doctor", "--sandbox", "docker", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0
    assert checks["sandbox"]["found"] == "docker, environment python"
    probed = {name for name, check in checks.items() if check["found"] == "enforced"}
    assert {"no network", "root is read-only", "no capabilities", "system calls are filtered", "memory"} <= probed
    assert len(probed) == 18


def test_the_doctor_says_what_to_do_where_no_engine_answers(apigauge, tmp_path):
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    done = apigauge("sandbox", "doctor", "--sandbox", "docker", "--json", env=nowhere)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 4
    assert checks["engine"]["ok"] is False
    assert "start it" in checks["engine"]["advice"]
    assert checks["sandbox"]["ok"] is False


@pytest.mark.docker
def test_attack_reports_every_attack_of_a_family(apigauge):
    done = apigauge("sandbox", "attack", "--sandbox", "docker", "--family", "signals", "--json")
    attacks = json.loads(done.stdout)["attacks"]
    assert done.returncode == 0
    assert len(attacks) >= 20
    assert {attack["family"] for attack in attacks} == {"signals"}
    assert all(attack["ok"] and attack["got"] in attack["expected"] for attack in attacks)


@pytest.mark.docker
def test_attack_exits_with_4_where_an_attack_succeeds(apigauge, monkeypatch, capsys):
    """With an attack whose expectation is wrong: the table says NO, and so does the exit code."""
    from dataclasses import replace

    from apigauge.__main__ import main
    from apigauge.sandboxes import attacks

    one = next(attack for attack in attacks.load() if attack.name == "sys_exit")
    monkeypatch.setattr(attacks, "load", lambda: (replace(one, expected=("passed",)),))
    assert main(["sandbox", "attack", "--sandbox", "docker"]) == 4
    shown = capsys.readouterr().out
    assert shown.startswith("NO  forgery")
    assert "0 of 1 attacks failed" in shown


@pytest.mark.docker
def test_build_of_an_image_that_is_there_takes_no_time_and_names_it(apigauge):
    done = apigauge("sandbox", "build", "python", "--base", "debootstrap", "--json")
    image = json.loads(done.stdout)
    assert done.returncode == 0
    assert image["tag"].startswith("apigauge/python:")
    assert image["id"].startswith("sha256:")
    assert any(package.startswith("libc6==") for package in image["packages"])
