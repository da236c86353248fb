"""``apigauge cache list`` and ``prune``: by age and size, never what is in use; caches that bound themselves.

A fix could be wrong by removing what another process still uses, so the users here are processes of their own.
"""

import json
import os
import subprocess
import sys
import time

import platformdirs
import pytest

from apigauge.__main__ import main
from apigauge.errors import UsageError
from apigauge.harness.cli import cache_parts
from apigauge.harness.generation import cache
from apigauge.harness.generation.types import Answer
from apigauge.sandboxes import in_use

DAY = 86_400


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache of the user's, and no engine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    path = platformdirs.user_cache_path("apigauge")
    assert path.is_relative_to(tmp_path)
    return path


def put(folder, kind, name, size, days):
    """A part of so many bytes that was last used so many days ago."""
    path = folder / kind / name
    file = path if name.endswith(".json") else path / "bin" / "python"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    for one in (file, path):
        os.utime(one, (time.time() - days * DAY,) * 2)
    return path


def run(capsys, *words, code=0):
    assert main(["cache", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def names(parts):
    return [part["name"] for part in parts]


def test_everything_is_listed_with_size_and_last_use(folder, capsys):
    put(folder, "completions", "ab/c.json", 10, 3)
    put(folder, "environments", "one", 200, 2)
    put(folder, "hubs", "torchhub-1-2", 3000, 1)
    listed = run(capsys, "list")
    assert listed["bytes"] == 3210
    assert {(part["kind"], part["name"], part["bytes"]) for part in listed["parts"]} == {
        ("completions", "ab/c.json", 10),
        ("environments", "one", 200),
        ("hubs", "torchhub-1-2", 3000),
    }
    assert main(["cache", "list"]) == 0
    assert "torchhub-1-2" in capsys.readouterr().out


def test_prune_takes_the_longest_unused_by_age_and_size(folder, capsys):
    kept = put(folder, "benchmarks", "fetched", 5000, 99)
    old = [put(folder, "environments", name, 100, days) for name, days in (("a", 9), ("b", 7), ("c", 5), ("d", 1))]
    would = run(capsys, "prune", "--older-than", "6d", "--dry-run")
    assert names(would["removed"]) == ["a", "b"]
    assert all(path.exists() for path in old)
    # 400 bytes: two must go for 250, and only those older than 8 days may.
    assert names(run(capsys, "prune", "--max-size", "250", "--older-than", "8d")["removed"]) == ["a"]
    assert names(run(capsys, "prune", "--max-size", "250")["removed"]) == ["b"]
    assert names(run(capsys, "prune", "--older-than", "12h", "--kind", "hubs")["removed"]) == []
    assert names(run(capsys, "prune", "--older-than", "12h")["removed"]) == ["c", "d"]
    assert kept.exists()
    assert names(run(capsys, "prune", "--older-than", "12h", "--kind", "benchmarks")["removed"]) == ["fetched"]
    assert not kept.exists()


def test_prune_without_a_choice_is_refused(folder, capsys):
    assert main(["cache", "prune"]) == 2
    assert "--older-than" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["cache", "prune", "--older-than", "soon"])


USER = """
import sys, time
from apigauge.sandboxes.in_use import hold
hold(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""
BUILDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_what_another_process_uses_or_builds_stays_until_it_ends(folder, capsys):
    used = put(folder, "environments", "used", 100, 30)
    free = put(folder, "environments", "free", 100, 30)
    wheels = put(folder, "wheelhouse", "wheels", 100, 30)
    commands = [(USER, used), (BUILDER, folder / "build.lock")]
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        for code, path in commands
    ]
    assert [other.stdout.readline() for other in others] == ["held\n"] * 2
    os.utime(in_use.lock_of(str(used)), (time.time() - 20 * DAY,) * 2)
    result = run(capsys, "prune", "--older-than", "10d")
    assert (names(result["removed"]), names(result["in_use"])) == (["free"], ["wheels", "used"])
    assert used.exists()
    assert wheels.exists()
    assert not free.exists()
    for other in others:
        other.kill()
        other.communicate()
    assert names(run(capsys, "prune", "--older-than", "10d")["removed"]) == ["wheels", "used"]


def test_use_is_noted(folder):
    put(folder, "environments", "one", 1, 30)
    (part,) = cache_parts.parts(("environments",))
    assert time.time() - part.used > 29 * DAY
    in_use.hold(str(folder / "environments" / "one"))
    (part,) = cache_parts.parts(("environments",))
    assert time.time() - part.used < 60


def test_a_read_only_hub_is_removed_whole(folder, capsys):
    hub = put(folder, "hubs", "torchhub-1-2", 10, 30)
    (hub / "bin").chmod(0o500)
    assert names(run(capsys, "prune", "--older-than", "1d")["removed"]) == ["torchhub-1-2"]
    assert list((folder / "hubs").iterdir()) == []


def test_answers_bound_themselves_and_the_longest_unused_go_first(tmp_path, monkeypatch):
    monkeypatch.setenv("APIGAUGE_CACHE_GB", str(256 * 2_000 / 1e9))
    monkeypatch.setattr(cache, "_LOOK_EVERY", 1)
    answers = cache.Cache({"engine": "x"}, tmp_path)
    used = next(n for n in range(10_000) if answers._path(f"{n}", 0).parent.name == "00")
    answers.put(f"{used}", 0, Answer("x" * 100, "stop", 1, 1))
    for number in range(used + 1, 12_000):
        if answers._path(f"{number}", 0).parent.name == "00":
            answers.put(f"{number}", 0, Answer("x" * 100, "stop", 1, 1))
            time.sleep(0.001)
            assert answers.get(f"{used}", 0)
    size = sum(path.stat().st_size for path in (tmp_path / "00").iterdir())
    assert 1_000 < size <= 2_000
    monkeypatch.setenv("APIGAUGE_CACHE_GB", "much")
    with pytest.raises(UsageError, match="APIGAUGE_CACHE_GB"):
        cache.most_bytes()
