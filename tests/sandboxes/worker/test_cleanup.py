"""Folders that are hard to empty are emptied, or reported as not empty."""

import os
import subprocess
import sys
import time

from apigauge.sandboxes.worker import cleanup


def test_deep_and_closed_folders_links_and_pipes_are_removed(tmp_path):
    folder, outside = tmp_path / "box", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "kept").write_text("x")
    folders = cleanup.Folders([str(folder)])
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(400):  # some 8,000 bytes of path, twice what a call takes
        os.mkdir("x" * 20, dir_fd=deep)
        deeper = os.open("x" * 20, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = deeper
    os.close(deep)
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c").write_text("x")
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0)
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    folder.chmod(0)
    assert folders.empty(None)
    assert list(folder.iterdir()) == []
    assert (outside / "kept").exists()


def test_a_folder_that_cannot_be_read_is_not_clean(tmp_path):
    folders = cleanup.Folders([str(tmp_path / "box")]) if (tmp_path / "box").mkdir() is None else None
    (tmp_path / "box").rmdir()
    assert not folders.empty(None)


def test_descendants_are_found_and_killed_however_deep():
    nested = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    source = (
        "import subprocess, sys, time\n"
        "from apigauge.sandboxes.worker import cleanup, kernel\n"
        "kernel.become_subreaper()\n"
        f"subprocess.Popen([sys.executable, '-c', {nested!r}], start_new_session=True)\n"
        "deadline = time.monotonic() + 20\n"
        "while len(cleanup.descendants()) < 2 and time.monotonic() < deadline: time.sleep(0.01)\n"
        "before = len(cleanup.descendants())\n"
        "print(before, cleanup.kill_all(cleanup.descendants, alone=False), cleanup.descendants())\n"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "2 True []\n"
    assert time.monotonic() - started < 40
