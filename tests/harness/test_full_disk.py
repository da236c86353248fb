"""A disk that is full, and a folder that cannot be written: exit code 4, what to do, and the same command completes.

The disk is full for every file that grows past a limit of the kernel's (``RLIMIT_FSIZE``).
"""

import contextlib
import resource

import pytest

from apigauge.__main__ import main

LIMIT = 6_000
QUICK = ["--sandbox", "none", "--metrics", "rouge", "--workers", "1", "--quiet"]


@contextlib.contextmanager
def full_disk(limit=LIMIT):
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def run_command(out):
    return ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(out), *QUICK]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    assert main(run_command(out)) == 0
    return out


@pytest.fixture
def copied(whole, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for file in whole.iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    return run


def says_what_to_do(capsys):
    said = capsys.readouterr().err
    return "File too large" in said and ("make room" in said or "choose another folder" in said)


def rows(run, name):
    return sorted((run / name).read_bytes().splitlines())


def test_a_run_resumes_where_the_disk_was_full(whole, tmp_path, capsys):
    command = run_command(tmp_path / "run")
    with full_disk():
        assert main(command) == 4
    assert says_what_to_do(capsys)
    assert not (tmp_path / "run" / "summary.json").exists()
    assert main(command) == 0
    for name in ("generations.jsonl", "scores.jsonl"):
        assert rows(tmp_path / "run", name) == rows(whole, name)
    assert (tmp_path / "run" / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()


def test_scores_stay_whole_where_new_ones_have_no_room(whole, copied, capsys):
    command = ["score", str(copied), *QUICK]
    with full_disk():
        assert main(command) == 4
    assert says_what_to_do(capsys)
    assert rows(copied, "scores.jsonl") == rows(whole, "scores.jsonl")
    assert main(command) == 0
    assert rows(copied, "scores.jsonl") == rows(whole, "scores.jsonl")


@pytest.mark.parametrize("export", ["every-eval-ever", "inspect", "dataset"])
def test_an_export_is_written_whole_or_not_at_all(whole, tmp_path, capsys, export):
    site, folder = tmp_path / "site", {"dataset": "datasets"}.get(export, export)
    assert main(["report", str(whole), "--out", str(site), "--quiet"]) == 0
    command = ["report", str(whole), "--out", str(site), "--export", export, "--quiet"]
    with full_disk():
        assert main(command) == 4
    assert says_what_to_do(capsys)
    assert all(path.stat().st_size < LIMIT for path in (site / folder).rglob("*") if path.is_file())
    assert not list((site / folder).rglob("*.tmp"))
    assert main(command) == 0
    assert max(path.stat().st_size for path in (site / folder).rglob("*") if path.is_file()) > LIMIT


def test_a_report_is_written_when_there_is_room(whole, tmp_path, capsys):
    command = ["report", str(whole), "--out", str(tmp_path / "site"), "--quiet"]
    with full_disk():
        assert main(command) == 4
    assert says_what_to_do(capsys)
    assert not (tmp_path / "site" / "index.html").exists()
    assert main(command) == 0


def test_a_baseline_is_the_old_one_or_the_new_one(whole, tmp_path, capsys):
    command = ["gate", str(whole), "--save-baseline", str(tmp_path / "baseline.json"), "--quiet"]
    with full_disk(500):
        assert main(command) == 4
    assert says_what_to_do(capsys)
    assert not (tmp_path / "baseline.json").exists()
    assert main(command) == 0


@pytest.mark.parametrize("name", ["run", "report", "gate"])
def test_a_folder_that_cannot_be_written_is_named(whole, capsys, name):
    """Nobody can make a folder in /proc, not even root, whom permissions do not stop."""
    command = {
        "run": run_command("/proc/apigauge"),
        "report": ["report", str(whole), "--out", "/proc/apigauge", "--quiet"],
        "gate": ["gate", str(whole), "--save-baseline", "/proc/apigauge/baseline.json", "--quiet"],
    }[name]
    assert main(command) == 4
    assert "/proc/apigauge" in capsys.readouterr().err
