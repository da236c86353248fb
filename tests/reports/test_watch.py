"""``report --watch`` on a run that another process is writing, until Ctrl-C."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0


@pytest.fixture
def watcher(tmp_path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "apigauge", "report", "runs", "--out", "site", "--watch", "--interval", "0.2"]
    (tmp_path / "runs").mkdir()
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def wait_for(site: Path, pattern: str) -> str:
    """The index as soon as it says this; each time it is read it must be whole."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (site / "index.html").exists():
            text = (site / "index.html").read_text(encoding="utf-8")
            assert text.startswith("<!doctype html>")
            assert re.search(r"<!-- written by apigauge, sha256:[0-9a-f]{64} -->\n\Z", text)
            if re.search(pattern, text):
                return text
        time.sleep(0.01)
    raise AssertionError(f"{pattern} never appeared")


def test_a_run_in_progress_shows_with_its_count_and_then_as_whole(write_run, tmp_path, watcher):
    """A last line without an end, as it is while it is being written, is not counted."""
    site = tmp_path / "site"
    write_run(tmp_path / "runs" / "done", 1)
    wait_for(site, 'data-name="done"')
    run = write_run(tmp_path / "hidden", 2)
    lines = (run / "scores.jsonl").read_bytes().splitlines(keepends=True)
    summary = (run / "summary.json").read_bytes()
    (run / "summary.json").unlink()
    (run / "scores.jsonl").write_bytes(b"".join(lines[:5]) + lines[5][:30])
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run.rename(tmp_path / "runs" / "going")
        run = tmp_path / "runs" / "going"
        assert "in progress: 5 of 24" in wait_for(site, "in progress: 5 of")
        (run / "scores.jsonl").write_bytes(b"".join(lines[:17]))
        wait_for(site, "in progress: 17 of 24")
        (run / "scores.jsonl").write_bytes(b"".join(lines))
        (run / "summary.json").write_bytes(summary)
    end = time.monotonic() + PATIENCE
    while "in progress" in wait_for(site, 'data-name="going"') and time.monotonic() < end:
        time.sleep(0.05)
    assert "in progress" not in wait_for(site, 'data-name="going"')
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(PATIENCE) == 130
    apart = tmp_path / "apart"
    command = [sys.executable, "-m", "apigauge", "report", "runs", "--out", str(apart), "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    names = {path.relative_to(apart) for path in apart.rglob("*") if path.is_file()}
    assert names == {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert all((apart / name).read_bytes() == (site / name).read_bytes() for name in names)


def test_a_run_in_progress_is_left_out_without_watch(write_run, tmp_path):
    write_run(tmp_path / "runs" / "done", 1)
    run = write_run(tmp_path / "runs" / "going", 2)
    (run / "summary.json").unlink()
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "apigauge", "report", "runs", "--out", "site"]
        ended = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "going: has not been scored to its end" in ended.stderr
    assert "going" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_it_waits_for_the_first_run_and_ctrl_c_ends_it_at_any_time(write_run, tmp_path, watcher):
    end = time.monotonic() + PATIENCE
    assert watcher.stderr is not None
    assert "holds none" in watcher.stderr.readline()
    write_run(tmp_path / "runs" / "first", 1)
    wait_for(tmp_path / "site", 'data-name="first"')
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(end - time.monotonic()) == 130


def test_nothing_is_done_while_nothing_changes(write_run, tmp_path, watcher):
    """Processor time of an idle watcher, over a time in which it looks ten times: a busy loop would take all of it."""
    write_run(tmp_path / "runs" / "done", 1)
    wait_for(tmp_path / "site", 'data-name="done"')
    time.sleep(1)
    written = (tmp_path / "site" / "index.html").stat().st_mtime_ns
    before = _processor_seconds(watcher.pid)
    time.sleep(2)
    assert _processor_seconds(watcher.pid) - before < 1.0
    assert (tmp_path / "site" / "index.html").stat().st_mtime_ns == written


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
