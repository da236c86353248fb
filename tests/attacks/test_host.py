"""The check of the machine after an attack sees what has changed on it."""

import subprocess
import sys
import threading
import time

import pytest

from apigauge.sandboxes import environments
from apigauge.sandboxes.attacks import host
from apigauge.sandboxes.docker import USERS, DockerSandbox
from apigauge.sandboxes.verdict import Program


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
def test_a_program_outside_its_namespace_is_named():
    """Needs root, as the tests of Docker do."""
    outside = subprocess.Popen(
        [sys.executable, "-c", f"import os, time; os.setuid({USERS[1] - 1}); print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        outside.stdout.readline()
        assert f"host: process {outside.pid} of a program is outside" in host.Host()()
    finally:
        outside.kill()
        outside.wait()
        outside.stdout.close()
    assert f"process {outside.pid} " not in host.Host()()


@pytest.mark.docker
def test_a_program_in_its_container_is_not_reported():
    opened = DockerSandbox(environments.load("python"), concurrency=1)
    try:
        runner = threading.Thread(target=opened.run, args=(Program("import time; time.sleep(1)"),))
        runner.start()
        time.sleep(0.5)
        assert host.Host()() == ""
        runner.join()
    finally:
        opened.close()
