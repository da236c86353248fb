"""An environment by its name, its folder, or the packages that it should have; several of them; those of single items."""

import hashlib
import json
import os
import shutil
import sys
import threading

import pytest
from tiny_package import write_wheel

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes import environments
from apigauge.sandboxes.environments.find import find, several
from apigauge.sandboxes.several import SeveralSandboxes
from apigauge.sandboxes.verdict import Program, Verdict


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python", ("python",)),
        ("pandas==2.3,pandas==3.1", ("pandas==2.3", "pandas==3.1")),
        ("a==1 , b/c ,a==1", ("a==1", "b/c")),
        ("numpy>=1,<2,numpy>=2, !=2.1", ("numpy>=1,<2", "numpy>=2, !=2.1")),
        ("pandas==2.3 numpy==2.1,python", ("pandas==2.3 numpy==2.1", "python")),
    ],
)
def test_commas_separate_environments_and_not_conditions_on_a_version(text, parts):
    assert several(text) == parts


def test_no_environment_is_refused():
    with pytest.raises(UsageError, match="--environment: is empty"):
        several(" , ")


def test_a_name_and_a_folder_are_found(tmp_path, monkeypatch):
    assert find("python") == environments.load("python")
    shutil.copytree(environments.FOLDER / "python", tmp_path / "here" / "mine")
    monkeypatch.chdir(tmp_path / "here")
    one = find("mine")
    assert (one.name, one.source, one.called) == ("mine", "mine", "mine")
    assert find("./mine").source == "./mine"
    assert find("python").source == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pyhton", "environment 'pyhton' is not known; there are: .*did you mean 'python'"),
        ("some/where", "no environment is at some/where: there is no environment.json"),
    ],
)
def test_what_is_no_environment_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        find(text)


def test_packages_make_an_environment_once(tmp_path, monkeypatch):
    """With pip's own settings naming a folder of wheels instead of an index, which need not have pip's own wheel."""
    wheel = write_wheel(tmp_path / "wheels", "tiny_numbers", "1.0", {"numbers_of_mine.py": "ONE = 1"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SandboxError, match=r"tiny-numbers==1\.0 is not made yet"):
        find("tiny-numbers==1.0", makes=False)
    said = []
    if sys.version_info[:2] != (3, 11):  # an image's lock is for its own Python
        with pytest.raises(SandboxError):
            find("tiny-numbers==1.0", said.append)
        return
    made = find("tiny-numbers == 1.0", said.append)
    assert (made.name, made.source, made.preload) == ("tiny-numbers-1.0", "tiny-numbers==1.0", ("numbers_of_mine",))
    assert said
    said.clear()
    assert find("tiny-numbers==1.0", said.append, makes=False) == made
    assert said == []
    # Built again under the same version, as people do while they work; what is only copied again is the same wheel.
    os.utime(wheel)
    assert find("tiny-numbers==1.0", makes=False) == made
    write_wheel(tmp_path / "wheels", "tiny_numbers", "1.0", {"numbers_of_mine.py": "ONE = 1.0"})
    with pytest.raises(SandboxError, match="is not made yet"):
        find("tiny-numbers==1.0", makes=False)
    again = find("tiny-numbers==1.0", said.append)
    assert said[0] == f"tiny-numbers==1.0: {wheel} is another wheel now; making the environment again"
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in (again.folder / "lock.txt").read_text()
    wheel.unlink()
    assert find("tiny-numbers==1.0", makes=False) == again


class Recording:
    """A sandbox that says where a program ran."""

    concurrency = 2

    def __init__(self, name, log):
        self.name, self.log = name, log

    def run(self, program, limits=None):
        return Verdict("passed", 2, reason=f"{self.name}: {program.source}")

    def describe(self):
        return {"kind": "process", "environment": self.name}

    def close(self):
        self.log.append(f"closed {self.name}")


def test_programs_run_in_their_own_environments_of_which_few_are_open():
    log = []

    def open_one(name):
        log.append(f"opened {name}")
        if name == "broken":
            raise SandboxError("it cannot be opened")
        return Recording(name, log)

    sandbox = SeveralSandboxes(Recording("main", log), {"a": "1", "b": "2"}, open_one)
    assert sandbox.describe() == {"kind": "process", "environment": "main", "environments": {"a": "1", "b": "2"}}
    assert sandbox.run(Program("x")).reason == "main: x"
    assert [sandbox.run(Program("x", environment=name)).reason for name in "abcabc"] == [f"{n}: x" for n in "abcabc"]
    assert log == ["opened a", "opened b", "opened c"]
    assert sandbox.run(Program("x", environment="d")).reason == "d: x"
    assert log[3:] == ["closed a", "opened d"]
    failed = sandbox.run(Program("x", environment="broken"))
    assert (failed.status, failed.reason) == ("infra", "environment broken: it cannot be opened")
    results = []
    threads = [
        threading.Thread(target=lambda name=name: results.append(sandbox.run(Program("y", environment=name)).reason))
        for name in "efghijefghij"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"{name}: y" for name in "efghijefghij")
    sandbox.close()
    opened, closed = ({line.split()[1] for line in log if line.startswith(word)} for word in ("opened", "closed"))
    assert opened - {"broken"} == closed - {"main"}
    assert sandbox.run(Program("x", environment="z")).status == "infra"


def test_a_folder_s_environment_is_in_the_manifest_as_the_user_called_it(tmp_path):
    """Its variables reach the program, and a run in a process needs no image."""
    from sandbox_kinds import LIMITS

    from apigauge.sandboxes.factory import open_sandbox

    shutil.copytree(environments.FOLDER / "python", tmp_path / "mine")
    settings = {"preload": [], "variables": {"FLAVOUR": "own"}, "debian": []}
    (tmp_path / "mine" / "environment.json").write_text(json.dumps(settings), encoding="utf-8")
    sandbox = open_sandbox("process", str(tmp_path / "mine"), LIMITS, concurrency=1, accepts_no_isolation=True)
    try:
        verdict = sandbox.run(Program("import os\nprint(os.environ['FLAVOUR'])", output_bytes=100))
        about = sandbox.describe()
    finally:
        sandbox.close()
    assert (verdict.output, about["environment"], about["environment_source"]) == (
        "own\n",
        "mine",
        str(tmp_path / "mine"),
    )
