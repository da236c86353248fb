"""Runs at addresses: a shared disk as the store, and several machines, each with a cache of its own.

A fix could be wrong by copying at the end alone, by overwriting what another machine has written, by losing what a killed
command had not copied, by taking a half-sent file for another machine's, or by removing what was never copied.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from few import few

import apigauge
from apigauge.errors import RunError, UsageError
from apigauge.harness.cli import cache_parts
from apigauge.harness.cli.main import main
from apigauge.harness.evaluation import remote
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.evaluation.run_directory import writing
from apigauge.harness.generation.types import Completion, FixedAnswers

FILES = ["generations.jsonl", "manifest.json", "scores.jsonl", "summary.json"]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes what follows run on a machine of that name."""

    def be(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    be("first")
    return be


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def address(machine, store):
    return f"file://{store}/run"


def run(address, limit=4, *more):
    arguments = ["--benchmark", "mini", "--model", "retrieval:bm25", "--sandbox", "none", "--metrics", "ast_match"]
    return main(["run", *arguments, "--workers", "1", "--limit", str(limit), "--out", address, *more])


def lines(folder, name="generations.jsonl"):
    return (folder / name).read_text().splitlines()


def contents(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir() if not one.name.startswith(".")}


def test_a_run_is_at_its_address_as_it_is_here(address, store, capsys):
    assert run(address) == 0
    assert sorted(contents(store / "run")) == FILES
    assert contents(store / "run") == contents(remote.folder_of(address))
    assert f"{address}: 4 of 4 items" in "".join(capsys.readouterr())


def test_another_machine_extends_it_and_the_first_one_reads_that(address, store, machine):
    assert run(address) == 0
    machine("second")
    assert run(address, 6) == 0
    assert len(lines(store / "run")) == 6
    machine("first")
    assert len(lines(remote.fetched(address))) == 6
    assert run(address, 8) == 0
    assert contents(store / "run") == contents(remote.folder_of(address))


def test_what_two_machines_have_written_is_not_overwritten(address, store, machine, capsys):
    """The second one to copy is refused, at its next command as well, and can go on with the other's."""
    assert run(address) == 0
    before = contents(store / "run")
    machine("second")
    own = remote.fetched(address)
    with pytest.raises(RunError, match=r"written from elsewhere, too.*Remove .*second"), writing(own):  # noqa: PT012
        (own / "generations.jsonl").write_text("of the second\n")
        (store / "run" / "generations.jsonl").write_text("of the first\n")
    assert contents(store / "run") == before | {"generations.jsonl": b"of the first\n"}
    assert run(address, 6) == RunError.exit_code
    assert "written from elsewhere" in "".join(capsys.readouterr())
    assert lines(own) == ["of the second"]
    shutil.rmtree(own)
    assert lines(remote.fetched(address)) == ["of the first"]


def test_equal_files_on_both_sides_are_no_conflict(address, store, machine):
    assert run(address) == 0
    for note in remote.root().rglob(remote.NOTE):
        note.unlink()
    assert run(address, 6) == 0
    assert len(lines(store / "run")) == 6


class Waiting(FixedAnswers):
    """Answers one question, then waits until the store has the answer."""

    def __init__(self, there):
        super().__init__()
        self.there = there

    def describe(self):
        return {"spec": "waiting", "kind": "waiting"}

    def generate(self, benchmark, items, done=()):
        for number, item in enumerate(items):
            deadline = time.monotonic() + 60
            while number and not (self.there.exists() and len(self.there.read_text().splitlines()) >= number):
                assert time.monotonic() < deadline, "an answer is not copied while others are made"
                time.sleep(0.01)
            yield Completion(item.id, 0, item.reference_call)


def test_answers_are_copied_while_others_are_made(address, store, mini, monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE", 0.05)
    evaluate(mini, Waiting(store / "run" / "generations.jsonl"), remote.folder_of(address), ["ast_match"], limit=3)
    assert len(lines(store / "run")) == 3


# A process that is killed in the middle of copying a file, which file says how far it came.
TORN = """
import os, sys
from pathlib import Path
from fsspec.implementations.local import LocalFileSystem
from apigauge.harness.cli.main import main
name, part = sys.argv[1], float(sys.argv[2])

def put(self, here, there, **more):
    content = Path(here).read_bytes()
    Path(there).write_bytes(content[: int(len(content) * part)] if there.endswith(name) else content)
    if there.endswith(name):
        os._exit(9)

LocalFileSystem.put_file = put
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(("name", "part"), few([(name, part) for part in (0.5, 0, 1) for name in FILES], 5))
def test_a_command_killed_while_it_copies_goes_on(address, store, tmp_path, name, part):
    assert run(address) == 0
    arguments = [
        "run",
        "--benchmark",
        "mini",
        "--model",
        "retrieval:bm25",
        "--sandbox",
        "none",
        "--limit",
        "6",
        "--out",
    ]
    killed = subprocess.run(
        [sys.executable, "-c", TORN, name, str(part), *arguments, address, "--metrics", "ast_match"],
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "first")},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == 9, killed.stderr
    assert run(address, 6) == 0
    assert run(str(tmp_path / "alone"), 6) == 0
    assert lines(store / "run") == lines(tmp_path / "alone")
    assert contents(store / "run") == contents(remote.folder_of(address))


def test_a_store_that_cannot_be_written_loses_nothing(address, store, capsys):
    assert run(address) == 0
    shutil.move(store, store.with_name("away"))
    store.write_text("no folder")
    assert run(address, 6) == RunError.exit_code
    shown = "".join(capsys.readouterr())
    assert address in shown
    assert len(shown.splitlines()[-1]) < 500
    store.unlink()
    shutil.move(store.with_name("away"), store)
    assert run(address, 6) == 0
    assert len(lines(store / "run")) == 6


def test_nobody_listens(machine, capsys):
    """The address is that of a server that is not there."""
    assert run("ftp://127.0.0.1:9/runs/mine") == RunError.exit_code
    assert "ftp://127.0.0.1:9/runs/mine: ConnectionRefusedError" in capsys.readouterr().err


def test_nothing_is_removed_here_because_a_store_is_empty(address, store, capsys):
    """A disk that is not mounted looks so."""
    assert run(address) == 0
    before = contents(remote.folder_of(address))
    shutil.rmtree(store)
    for command in (["gate", address, "--baseline", address], ["runs", f"file://{store}"]):
        assert main(command) == RunError.exit_code
        assert "nothing is there any more" in capsys.readouterr().err
    assert run(address, 6) == RunError.exit_code
    assert contents(remote.folder_of(address)) == before
    shutil.rmtree(remote.folder_of(address))
    assert run(address, 6) == 0
    assert len(lines(store / "run")) == 6


def test_one_of_several_that_is_removed_there_is_removed_here_unless_it_was_not_copied(address, store):
    assert run(address) == 0
    assert run(f"file://{store}/other") == 0
    shutil.rmtree(store / "run")
    folder = remote.fetched(f"file://{store}") / "run"
    assert not contents(folder)
    assert run(address) == 0
    (folder / "generations.jsonl").write_text("not copied yet\n")
    shutil.rmtree(store / "run")
    with pytest.raises(RunError, match="written from elsewhere"):
        remote.fetched(f"file://{store}")
    assert lines(folder) == ["not copied yet"]


def test_what_is_being_written_here_is_not_fetched(address, store):
    assert run(address) == 0
    folder = remote.folder_of(address)
    with writing(folder):
        before = contents(folder)
        (store / "run" / "note.txt").write_text("from elsewhere")
        assert contents(remote.fetched(address)) == before
    assert "note.txt" in contents(remote.fetched(address))


def test_hidden_files_stay_where_they_are(address, store):
    assert run(address) == 0
    (store / "run" / ".hidden").write_text("x")
    (store / ".git").mkdir()
    (store / ".git" / "manifest.json").write_text("{}")
    folder = remote.fetched(f"file://{store}")
    assert not (folder / "run" / ".hidden").exists()
    assert not (folder / ".git").exists()
    assert not [one for one in (store / "run").iterdir() if one.name in (".lock", remote.NOTE)]


class Hostile:
    """A store that lists what no run holds."""

    def invalidate_cache(self):
        pass

    def find(self, path, **_):
        names = ("../../escape", "a/../../escape", "/etc/passwd", "a//b", "", ".x/y", "good")
        return {f"{path}/{name}": {"size": 1} for name in names} | {path: {"size": 1}, "/elsewhere": {"size": 1}}


def test_names_that_lead_out_of_the_folder_are_left_out(address):
    store = remote._Store(remote.folder_of(address))
    store.files = Hostile()
    assert list(store.listed()) == ["good"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sftp://user:secret@host/runs", "leave out the password"),
        ("s3://bucket/runs?versionId=1", "not the address of a folder"),
        ("s3://bucket/runs#x", "not the address of a folder"),
        ("s3://", "not the address of a folder"),
        ("s3://bucket/../other", "begin with a dot"),
        ("s3://../bucket", "begin with a dot"),
        ("file:///a/.git/b", "begin with a dot"),
        ("nothing://host/runs", "Protocol not known"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(machine, capsys, address, reason):
    assert run(address) == UsageError.exit_code
    shown = "".join(capsys.readouterr())
    assert reason in shown
    assert "secret" not in shown


def test_addresses_and_folders_are_one_to_one(machine):
    for address in ("s3://bucket/a/b", "file:///a", "sftp://user@host:22/runs/x", "gs://bucket/"):
        assert remote.address_of(remote.folder_of(address)) == address
    assert remote.address_of(Path("runs/mine")) is None
    assert remote.address_of(remote.root()) is None
    assert not remote.is_address("C:/runs")
    assert not remote.is_address("runs/a:b")


def test_what_reads_runs_takes_addresses(address, store, tmp_path, capsys):
    assert run(address) == 0
    assert run(f"file://{store}/other", 6) == 0
    site, both = str(tmp_path / "site"), f"file://{store}"
    assert main(["runs", both]) == 0
    assert main(["report", both, "--out", site]) == 0
    assert len(list((tmp_path / "site" / "runs").glob("*.html"))) == 2
    assert main(["gate", address, "--baseline", address, "--metric", "ast.exact"]) in (0, 3)
    assert main(["compare", address, f"{both}/other"]) == 0
    assert main(["score", address, "--metrics", "rouge"]) == 0
    assert "rouge.1" in json.loads(lines(store / "run", "scores.jsonl")[0])["metrics"]
    assert main(["rerun", address]) == 0
    assert main(["cache", "list", "--kind", "remote"]) == 0
    assert address in capsys.readouterr().out.replace("\n", "")


def test_a_journal_is_removed_only_by_name(address):
    assert run(address) == 0
    folder = remote.folder_of(address)
    assert "remote" in cache_parts.KEPT  # not tried without --kind, which would remove this machine's images
    assert main(["cache", "prune", "--max-size", "0", "--kind", "remote"]) == 0
    assert not folder.exists()
    assert len(lines(remote.fetched(address))) == 4


@pytest.mark.parametrize(
    "command",
    [
        ["report", "runs", "--out"],
        ["report", "runs", "--publish"],
        ["compare", "a", "b", "--out"],
        ["sweep", "x.toml", "--out"],
        ["demo", "--out"],
    ],
    ids=lambda command: command[0],
)
def test_what_is_no_run_is_written_to_a_folder(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([*command, "s3://bucket/x"])
    assert stop.value.code == 2
    assert "an address is for runs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_from_python(address, store):
    made = apigauge.run("mini", "retrieval:bm25", out=address, limit=3, metrics=["ast_match"])
    assert len(lines(store / "run")) == 3
    assert apigauge.read_run(address).summary == made.summary
    assert not apigauge.compare(address, made).different
