import hashlib
import re
from dataclasses import replace

import pytest
from tiny_package import write_wheel

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes import environments
from apigauge.sandboxes.build_wheels import pins, wheelhouse
from apigauge.sandboxes.environments.make import make


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    write_wheel(folder, "tiny_shapes", "1.2", {"shapes/__init__.py": "", "shapes_cli.py": "", "tests/__init__.py": "",
                 "shapes/solid/__init__.py": "", "shapes/tests/__init__.py": "", "shapes/_own/__init__.py": ""},
                ("tiny-numbers>=1",))  # fmt: skip
    write_wheel(folder, "tiny_numbers", "1.0", {"numbers_of_mine.py": ""})
    write_wheel(folder, "tiny_numbers", "2.0", {"numbers_of_mine.py": ""})
    return folder


def test_a_folder_of_wheels_makes_a_complete_environment(tmp_path, wheels):
    made = make(["tiny-shapes==1.2"], tmp_path / "made", wheels=wheels, cache=tmp_path / "cache")
    assert replace(made, local_wheels=()) == environments.read(tmp_path / "made")
    assert made.name == "tiny-shapes-1.2"
    assert made.requirements == ("tiny-shapes", "pip")
    # What the required package is imported as, not its dependencies.
    assert made.preload == ("shapes", "shapes.solid", "shapes_cli")
    assert {path.name for path in made.folder.iterdir()} == {
        "Dockerfile", "README.md", "environment.json", "lock.txt", "requirements.txt",
    }  # fmt: skip
    locked = {pin.name: pin for pin in pins(made)}
    assert locked.keys() == {"pip", "tiny-numbers", "tiny-shapes"}
    newest = wheels / "tiny_numbers-2.0-py3-none-any.whl"
    assert locked["tiny-numbers"].sha256 == hashlib.sha256(newest.read_bytes()).hexdigest()
    assert re.fullmatch(r"apigauge/tiny-shapes-1.2:[0-9a-f]{12}", made.tag)
    assert "LABEL org.apigauge.environment=tiny-shapes-1.2" in (made.folder / "Dockerfile").read_text()
    assert len(wheelhouse(made, tmp_path / "cache", print, wheels)) == 3


def test_the_same_wheels_make_the_same_bytes(tmp_path, wheels):
    first, second = (
        make(["tiny-numbers==1.0"], tmp_path / one, wheels=wheels, cache=tmp_path / f"cache-{one}") for one in "ab"
    )
    assert first.tag == second.tag
    for path in first.folder.iterdir():
        assert path.read_bytes() == (second.folder / path.name).read_bytes()


def test_a_version_that_no_wheel_has_is_named(tmp_path, wheels):
    with pytest.raises(SandboxError, match="tiny-numbers==9"):
        make(["tiny-numbers==9"], tmp_path / "made", wheels=wheels, cache=tmp_path / "cache")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("text", ["", "-r other.txt", "a @ file:///tmp/a.whl", "https://example.org/a.whl", "a==1; b"])
def test_what_is_no_requirement_is_refused_before_pip_sees_it(tmp_path, text):
    with pytest.raises(UsageError, match="is no requirement"):
        make([text], tmp_path / "made", cache=tmp_path)


def test_a_folder_of_something_else_is_left_alone(tmp_path, wheels):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        make(["tiny-numbers"], tmp_path / "made", wheels=wheels)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("requirements", "name"), [
    (["SciPy==1.17.1"], "scipy-1.17.1"),
    (["scikit_learn >= 1.6, < 2", "pandas"], "scikit-learn-1.6-2-pandas"),
    (["a..b__c==1.0.*"], "a-b-c-1.0"),
])  # fmt: skip
def test_names_are_ones_that_an_image_may_have(tmp_path, requirements, name):
    from apigauge.sandboxes.environments.make import _name

    assert _name(requirements) == name
