import json
import re
import shutil

import pytest

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes import environments
from apigauge.sandboxes.build_wheels import pins

NAMES = environments.names()


@pytest.fixture
def copy(tmp_path):
    return lambda name: shutil.copytree(environments.load(name).folder, tmp_path / name)


def test_every_benchmark_has_its_environment():
    assert {"huggingface", "mini", "python", "tensorflowhub", "torchhub"} <= set(NAMES)


@pytest.mark.parametrize("name", ["conda", "", "../environments/python", "python/"])
def test_an_unknown_environment_is_a_usage_error_that_names_the_known_ones(name):
    with pytest.raises(UsageError, match="mini, python"):
        environments.load(name)


@pytest.mark.parametrize("file", ["Dockerfile", "lock.txt", "environment.json"])
def test_what_decides_the_image_decides_its_tag(copy, file):
    folder = copy("python")
    before = environments.read(folder)
    tag, digest = before.tag, before.lock_digest
    assert tag == environments.load("python").tag
    with (folder / file).open("a") as opened:
        opened.write("\n")
    after = environments.read(folder)
    assert after.lock_digest != digest
    assert after.tag == f"apigauge/python:{after.lock_digest[:12]}"


def test_a_text_moved_from_one_file_to_the_next_changes_the_digest(copy):
    """A digest over the mere concatenation would not see it."""
    folder = copy("python")
    before = environments.read(folder).lock_digest
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(text[:-1])
    (folder / "lock.txt").write_text(text[-1:] + (folder / "lock.txt").read_text())
    assert environments.read(folder).lock_digest != before


@pytest.mark.parametrize("file", ["README.md", "requirements.txt"])
def test_what_does_not_reach_the_image_leaves_its_tag_alone(copy, file):
    folder = copy("python")
    before = environments.read(folder).lock_digest
    (folder / file).write_text("changed")
    assert environments.read(folder).lock_digest == before


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_lock_is_one_version_with_one_digest(name):
    lines = (environments.load(name).folder / "lock.txt").read_text().splitlines()
    pin = re.compile(r"[a-z0-9-]+==[^\s;@]+ --hash=sha256:[0-9a-f]{64}")
    assert [line for line in lines if line[:1] != "#" and not pin.fullmatch(line)] == []


def test_a_lock_covers_the_requirements():
    environment = environments.load("mini")
    locked = {pin.name: pin.version for pin in pins(environment)}
    assert set(environment.requirements) == {"numpy", "pip", "torch", "transformers"}
    assert set(environment.requirements) <= set(locked)
    assert locked["torch"] == "2.13.0+cpu"
    assert not [name for name in locked if name.startswith(("nvidia", "triton"))]


@pytest.mark.parametrize("name", NAMES)
def test_the_public_base_is_pinned_by_digest(name):
    text = (environments.load(name).folder / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}


@pytest.mark.parametrize("text", ["{", "[]", '{"preload": []}'])
def test_damaged_settings_are_named(copy, text):
    folder = copy("python")
    (folder / "environment.json").write_text(text)
    with pytest.raises(SandboxError, match="environment python"):
        environments.read(folder)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_strings_all_through(name):
    """A number would reach the engine's API as a number and be refused there."""
    settings = json.loads((environments.load(name).folder / "environment.json").read_text())
    assert {type(value) for value in (*settings["variables"].values(), *settings["preload"], *settings["debian"])} <= {
        str
    }
