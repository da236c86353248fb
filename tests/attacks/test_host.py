"""The look at the machine after an attack sees what has changed on it."""

import os
import subprocess
import sys
import time

import pytest

from apigauge.sandboxes.attacks import host
from apigauge.sandboxes.docker import USERS


def test_nothing_has_changed_where_nothing_was_done():
    settings = host.Host()
    assert "has changed" not in settings()


def test_a_changed_setting_is_named(tmp_path, monkeypatch):
    setting = tmp_path / "core_pattern"
    setting.write_text("core")
    monkeypatch.setattr(host, "_SETTINGS", (str(setting),))
    settings = host.Host()
    assert "has changed" not in settings()
    setting.write_text("|/bin/sh")
    assert f"host: {setting} has changed" in settings()


@pytest.mark.docker
def test_a_process_that_outlives_its_program_is_named():
    """Needs what the tests of Docker need: to be root."""
    left = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; os.setuid({USERS[1] - 1}); print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        left.stdout.readline()
        assert f"host: process {left.pid} of a program is left" in host.Host()()
    finally:
        left.kill()
        left.wait()
        left.stdout.close()
    time.sleep(0.1)
    assert f"process {left.pid} " not in host.Host()()
    assert os.getuid() == 0
