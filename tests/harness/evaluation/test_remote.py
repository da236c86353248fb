"""Runs at addresses: a shared disk as the store, and several machines, each with a cache of its own.

A fix could be wrong by overwriting what another machine has written, by losing what a killed command had not copied, by
copying scores without the answers that they are of, by taking a store that does not answer for an empty one, by sending
what went missing here as a deletion, or by removing here what was never copied.
"""

import errno
import json
import shutil
import threading
import time
import zipfile
from pathlib import Path

import pytest
from few import few
from stored_runs import FILES, contents, killed, lines, names_there, run, there

from apigauge.errors import RunError
from apigauge.harness.cli.main import main
from apigauge.harness.evaluation import addresses, copies, remote
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.evaluation.run_directory import writing
from apigauge.harness.generation.types import Completion, FixedAnswers

ELSEWHERE = "another machine has written"


def write(address, **files):
    """Writes files of a run, as a command does."""
    with writing(addresses.journal(address)):
        for name, text in files.items():
            (addresses.journal(address) / name).write_text(text)


def test_a_run_is_at_its_address_as_it_is_here(address, store, capsys):
    assert run(address) == 0
    assert sorted(there(store)) == FILES
    assert there(store) == contents(addresses.journal(address))
    assert f"{address}: 4 of 4 items" in "".join(capsys.readouterr())


def test_another_machine_extends_it_and_the_first_one_reads_that(address, store, machine):
    assert run(address) == 0
    machine("second")
    assert run(address, 6) == 0
    machine("first")
    assert len(lines(remote.fetched(address))) == 6
    assert run(address, 8) == 0
    assert there(store) == contents(addresses.journal(address))
    assert len(names_there(store)) == 2  # the last but one stays for who is reading it


def test_what_two_machines_have_written_is_not_overwritten(address, store, machine, capsys):
    """The second one to copy is refused, at its next command as well, and can go on with the other's."""
    assert run(address) == 0
    machine("second")
    own = remote.fetched(address)
    with pytest.raises(RunError, match=f"{ELSEWHERE}.*second"), writing(own):  # noqa: PT012
        (own / "generations.jsonl").write_text("of the second\n")
        machine("first")
        write(address, **{"generations.jsonl": "of the first\n"})
        machine("second")
    assert there(store)["generations.jsonl"] == b"of the first\n"
    assert run(address, 6) == RunError.exit_code
    assert ELSEWHERE in "".join(capsys.readouterr())
    assert lines(own) == ["of the second"]
    shutil.move(own, own.with_name("away"))
    assert lines(remote.fetched(address)) == ["of the first"]


def test_of_two_that_send_at_the_same_time_the_later_one_takes_its_copy_back(address, store, machine, monkeypatch):
    assert run(address) == 0
    machine("second")
    own, put = remote.fetched(address), copies.Journal._put

    def slow(self, *arguments):
        """While the second one's copy is on its way the first one sends all of its own."""
        monkeypatch.setattr(copies.Journal, "_put", put)
        machine("first")
        write(address, **{"generations.jsonl": "of the first\n"})
        machine("second")
        put(self, *arguments)

    with pytest.raises(RunError, match=ELSEWHERE), writing(own):  # noqa: PT012
        (own / "generations.jsonl").write_text("of the second\n")
        monkeypatch.setattr(copies.Journal, "_put", slow)
    assert there(store)["generations.jsonl"] == b"of the first\n"
    assert lines(own) == ["of the second"]


class Waiting(FixedAnswers):
    """Answers one question, then waits until the store has the answer."""

    def __init__(self, store):
        super().__init__()
        self.store = store

    def describe(self):
        return {"spec": "waiting", "kind": "waiting"}

    def generate(self, benchmark, items, done=()):
        for number, item in enumerate(items):
            deadline = time.monotonic() + 60
            while number and there(self.store).get("generations.jsonl", b"").count(b"\n") < number:
                assert time.monotonic() < deadline, "an answer is not copied while others are made"
                time.sleep(0.01)
            yield Completion(item.id, 0, item.reference_call)


def test_answers_are_copied_while_others_are_made(address, store, mini, monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE", 0.05)
    evaluate(mini, Waiting(store), addresses.journal(address), ["ast_match"], limit=3)
    assert there(store)["generations.jsonl"].count(b"\n") == 3


def test_no_copy_has_a_score_without_its_answer(address, store, monkeypatch):
    """Rows are added while files are read, an answer always before its score."""
    assert run(address) == 0
    folder, packed = addresses.journal(address), zipfile.ZipFile.write

    def write_and_grow(self, path, name):
        for file in ("generations.jsonl", "scores.jsonl"):
            with (folder / file).open("a") as rows:
                rows.write(json.dumps({"item": f"after {name}", "sample": 0}) + "\n")
        packed(self, path, name)

    with writing(folder):
        (folder / "note.txt").write_text("changed")
        monkeypatch.setattr(zipfile.ZipFile, "write", write_and_grow)
    monkeypatch.undo()

    def keys(name):
        return {json.loads(row)["item"] for row in there(store)[name].splitlines()}

    assert keys("scores.jsonl") <= keys("generations.jsonl")


def test_what_is_replaced_is_copied_only_as_a_whole(address, store, monkeypatch):
    """Scores that are being replaced fit neither manifest nor summary meanwhile."""
    monkeypatch.setattr(remote, "_PAUSE", 0.01)
    assert run(address) == 0
    before = there(store)
    with writing(addresses.journal(address)):
        (addresses.journal(address) / "scores.jsonl").write_text("new\n")
        time.sleep(0.2)
        assert there(store) == before
    assert there(store)["scores.jsonl"] == b"new\n"


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("part", few([0.5, 0, 1], 2))
def test_a_command_killed_while_it_copies_goes_on(address, store, tmp_path, part, is_new):
    assert is_new or run(address) == 0
    killed(address, tmp_path / "first", part)
    assert len(lines(remote.fetched(address))) == 6
    assert run(address, 8) == 0
    assert run(str(tmp_path / "alone"), 8) == 0
    assert there(store)["generations.jsonl"] == (tmp_path / "alone" / "generations.jsonl").read_bytes()
    assert there(store) == contents(addresses.journal(address))


def test_another_machine_goes_on_from_the_last_whole_copy_and_the_killed_one_does_not_overwrite_it(
    address, store, tmp_path, machine, capsys
):
    assert run(address) == 0
    killed(address, tmp_path / "first", 0.5)
    machine("second")
    assert len(lines(remote.fetched(address))) == 4
    assert run(address, 5) == 0
    after = there(store)
    machine("first")
    assert run(address, 6) == RunError.exit_code
    assert ELSEWHERE in capsys.readouterr().err
    assert there(store) == after
    assert len(lines(addresses.journal(address))) == 6


def test_a_copy_of_a_killed_command_is_taken_back_if_another_machine_has_sent_that_number(address, store, tmp_path):
    assert run(address) == 0
    first = store / "run" / names_there(store)[-1]
    killed(address, tmp_path / "first", 1)
    own = names_there(store)[-1]
    other = f"{own[:12]}00000000.zip"
    shutil.copy(first, store / "run" / other)
    with pytest.raises(RunError, match=ELSEWHERE):
        remote.fetched(address)
    assert names_there(store)[-1] == other
    assert len(lines(addresses.journal(address))) == 6


@pytest.mark.parametrize("missing", [["generations.jsonl"], ["scores.jsonl", "manifest.json"], ["summary.json"], FILES])
def test_what_goes_missing_here_is_fetched_and_never_sent_as_a_deletion(address, store, missing):
    """As where something tidies up the cache."""
    assert run(address) == 0
    before = there(store)
    for name in missing:
        (addresses.journal(address) / name).unlink()
    assert contents(remote.fetched(address)) == before
    assert run(address, 6) == 0
    assert len(there(store)["generations.jsonl"].splitlines()) == 6


def test_a_summary_that_was_removed_because_its_scores_changed_stays_away(address):
    assert run(address) == 0
    folder = addresses.journal(address)
    (folder / "summary.json").unlink()
    (folder / "scores.jsonl").write_text("new\n")
    assert not (remote.fetched(address) / "summary.json").exists()
    assert lines(folder, "scores.jsonl") == ["new"]


def test_a_store_that_cannot_be_written_costs_no_answer(address, store, mini, capsys):
    store.write_text("no folder")
    questions = []

    class Asked(FixedAnswers):
        def describe(self):
            return {"spec": "counting", "kind": "counting"}

        def generate(self, benchmark, items, done=()):
            questions.extend(items)
            yield from ()

    with pytest.raises(RunError, match="NotADirectoryError"):
        evaluate(mini, Asked(), addresses.journal(address), ["ast_match"], limit=3)
    assert not questions


def test_a_store_that_goes_away_meanwhile_loses_nothing(address, store, capsys, caplog, monkeypatch):
    """Nobody is told to remove the journal, which alone has what was written; the trouble is logged once."""
    monkeypatch.setattr(remote, "_PAUSE", 0.01)
    assert run(address) == 0
    folder = addresses.journal(address)

    def warnings():
        return [one for one in caplog.records if "not copied, and the run goes on" in one.getMessage()]

    with pytest.raises(RunError, match="no copy is there any more") as raised, writing(folder, is_growing=True):  # noqa: PT012
        shutil.move(store, store.with_name("away"))
        (folder / "note.txt").write_text("new")
        deadline = time.monotonic() + 60
        while not warnings() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
    assert ELSEWHERE not in str(raised.value)
    assert len(warnings()) == 1
    assert (folder / "note.txt").read_text() == "new"
    shutil.move(store.with_name("away"), store)
    assert run(address, 6) == 0
    assert there(store)["note.txt"] == b"new"


def test_a_listing_that_fails_is_no_empty_store(address, store, monkeypatch):
    assert run(address) == 0
    before = contents(addresses.journal(address))

    def ls(self, path, **_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.ls", ls)
    with pytest.raises(RunError, match="broken"):
        remote.fetched(f"file://{store}")
    assert contents(addresses.journal(address)) == before


def test_nobody_listens(machine, capsys):
    """The address is that of a server that is not there."""
    assert run("ftp://127.0.0.1:9/runs/mine") == RunError.exit_code
    assert "ftp://127.0.0.1:9/runs/mine: ConnectionRefusedError" in capsys.readouterr().err


def test_nothing_is_removed_here_because_a_store_is_empty(address, store, capsys):
    """A disk that is not mounted looks so."""
    assert run(address) == 0
    before = contents(addresses.journal(address))
    shutil.rmtree(store)
    for command in (["gate", address, "--baseline", address], ["runs", f"file://{store}"]):
        assert main(command) == RunError.exit_code
        assert "no copy is there any more" in capsys.readouterr().err
    assert run(address, 6) == RunError.exit_code
    assert contents(addresses.journal(address)) == before
    shutil.rmtree(addresses.journal(address))
    assert run(address, 6) == 0
    assert len(there(store)["generations.jsonl"].splitlines()) == 6


def test_one_of_several_that_is_removed_there_is_removed_here_unless_it_was_not_copied(address, store):
    assert run(address) == 0
    assert run(f"file://{store}/other") == 0
    shutil.rmtree(store / "run")
    folder = remote.fetched(f"file://{store}") / "run"
    assert not contents(folder)
    assert run(address) == 0
    (folder / "generations.jsonl").write_text("not copied yet\n")
    shutil.rmtree(store / "run")
    with pytest.raises(RunError, match="no copy is there any more"):
        remote.fetched(f"file://{store}")
    assert lines(folder) == ["not copied yet"]


def test_what_is_being_written_here_is_not_fetched_and_readers_wait_for_each_other(address, machine):
    assert run(address) == 0
    folder = addresses.journal(address)
    with writing(folder):
        before = contents(folder)
        assert contents(remote.fetched(address)) == before
    machine("second")
    reader = threading.Thread(target=remote.fetched, args=(address,))
    with remote._locked(addresses.journal(address), writes=False) as is_free:
        assert is_free
        reader.start()
        time.sleep(0.3)
        assert reader.is_alive()
    reader.join()
    assert remote.fetched(address)
    assert contents(addresses.journal(address)) == before
    machine("first")
    with writing(folder):  # a reader is no writer
        pass


def test_names_in_a_copy_that_lead_out_of_the_folder_are_left_out(address, store, tmp_path):
    assert run(address) == 0
    with zipfile.ZipFile(store / "run" / "copy-000009-00000000.zip", "w") as copy:
        for name in ("../../escape", "/tmp/escape", "a/b", ".hidden", "..", "good"):
            copy.writestr(name, "x")
    assert contents(remote.fetched(address)) == {"good": b"x"}
    assert not list(tmp_path.rglob("*escape"))


def test_a_damaged_copy_does_not_count(address, store, machine):
    assert run(address) == 0
    assert run(address, 6) == 0
    last = store / "run" / names_there(store)[-1]
    content = bytearray(last.read_bytes())
    content[200] ^= 1
    last.write_bytes(content)
    machine("second")
    assert len(lines(remote.fetched(address))) == 4


def test_a_fetch_that_was_killed_is_made_again(address, machine, monkeypatch):
    assert run(address) == 0
    machine("second")
    assert run(address, 6) == 0
    machine("first")
    replace = Path.replace

    def killed(self, target):
        replace(self, target)
        if self.name == ".scores.jsonl.tmp":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        remote.fetched(address)
    monkeypatch.setattr(Path, "replace", replace)
    assert sorted(contents(remote.fetched(address))) == FILES
    assert run(address, 8) == 0


def test_two_whole_copies_of_one_number_are_named(address, store):
    assert run(address) == 0
    last = names_there(store)[-1]
    shutil.copy(store / "run" / last, store / "run" / "copy-000009-00000000.zip")
    shutil.copy(store / "run" / last, store / "run" / "copy-000009-11111111.zip")
    with pytest.raises(RunError, match=r"written copy-000009-00000000.zip and copy-000009-11111111.zip; remove one"):
        remote.fetched(address)
    (store / "run" / "copy-000009-11111111.zip").write_bytes(b"torn")
    assert sorted(contents(remote.fetched(address))) == FILES
