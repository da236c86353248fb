"""Addresses: which there are, and which commands take them."""

import json
from pathlib import Path

import pytest
from stored_runs import contents, lines, run, there

import apigauge
from apigauge.errors import UsageError
from apigauge.harness.cli.main import main
from apigauge.harness.evaluation import addresses, remote
from apigauge.harness.evaluation.run_directory import writing


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sftp://user:secret@host/runs", "leave out the password"),
        ("s3://bucket/runs?versionId=1", "not the address of a folder"),
        ("s3://bucket/runs#x", "not the address of a folder"),
        ("file:///tmp/a::b", "not the address of a folder"),
        ("s3://", "not the address of a folder"),
        ("s3://bucket/../other", "begin with a dot"),
        ("s3://../bucket", "begin with a dot"),
        ("file:///a/.git/b", "begin with a dot"),
        ("file://tmp/x", "file:///absolute/path"),
        ("memory://x/y", "keeps nothing"),
        ("s3:/bucket/x", "has two slashes"),
        ("ftp://[::1/x", "is no"),
        ("nothing://host/runs", "Protocol not known"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(machine, tmp_path, monkeypatch, capsys, address, reason):
    monkeypatch.chdir(tmp_path)
    assert run(address) == UsageError.exit_code
    shown = "".join(capsys.readouterr())
    assert reason in shown
    assert "secret" not in shown
    assert not [one for one in tmp_path.iterdir() if one.name != "first"]


def test_addresses_and_folders_are_one_to_one(machine):
    for address in ("s3://bucket/a/b c", "file:///ä/%41", "sftp://user@host:22/runs/x", "gs://bucket/"):
        assert addresses.address_of(addresses.journal(address)) == address
    assert addresses.journal("S3://bucket/a/") == addresses.journal("s3://bucket/a")
    assert addresses.address_of(Path("runs/mine")) is None
    assert addresses.address_of(addresses.root()) is None
    assert addresses.journal("runs/a:b") == Path("runs/a:b")
    with pytest.raises(UsageError, match="not a Path"):
        apigauge.read_run(Path("s3://bucket/x"))


def test_what_reads_runs_takes_addresses(address, store, tmp_path, capsys):
    assert run(address) == 0
    assert run(f"file://{store}/other", 6) == 0
    (store / "README.md").write_text("not a run")
    site, both = str(tmp_path / "site"), f"file://{store}"
    assert main(["runs", both]) == 0
    assert main(["report", both, "--out", site]) == 0
    assert len(list((tmp_path / "site" / "runs").glob("*.html"))) == 2
    assert main(["gate", address, "--save-baseline", str(store / "baseline.json")]) == 0
    assert main(["gate", address, "--baseline", f"{both}/baseline.json", "--metric", "ast.exact"]) in (0, 3)
    assert main(["compare", address, f"{both}/other"]) == 0
    assert main(["score", address, "--metrics", "rouge"]) == 0
    assert "rouge.1" in json.loads(there(store)["scores.jsonl"].splitlines()[0])["metrics"]
    assert main(["rerun", address]) == 0
    assert main(["cache", "list", "--kind", "remote"]) == 0
    assert address in capsys.readouterr().out.replace("\n", "")


def test_a_plan_counts_the_answers_that_another_machine_has(address, machine, capsys):
    assert run(address) == 0
    machine("second")
    capsys.readouterr()
    assert run(address, 6, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["answered"] == 4


def test_a_journal_is_removed_only_by_name_and_only_what_was_copied(address, store):
    """Not tried without --kind, which would remove this machine's images."""
    from apigauge.harness.cli.cache_parts import KEPT

    assert "remote" in KEPT
    prune = ["cache", "prune", "--max-size", "0", "--kind", "remote"]
    assert run(address) == 0
    assert run(f"{address}/below") == 0
    below = addresses.journal(f"{address}/below")
    (below / "note.txt").write_text("not copied")
    with writing(addresses.journal(address)):
        assert main(prune) == 0
        assert contents(addresses.journal(address))
    assert main(prune) == 0
    assert (below / "note.txt").exists()
    assert not contents(addresses.journal(address))
    assert len(lines(remote.fetched(address))) == 4


@pytest.mark.parametrize(
    "command",
    [
        ["report", "runs", "--out"],
        ["report", "runs", "--publish"],
        ["compare", "a", "b", "--out"],
        ["sweep", "x.toml", "--out"],
        ["demo", "--out"],
        ["gate", "runs", "--save-baseline"],
        ["gate", "runs", "--markdown"],
        ["gate", "runs", "--junit"],
    ],
    ids=lambda command: "".join((command[0], command[-1])),
)
def test_what_is_no_run_is_written_on_this_machine(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "s3://bucket/x"]) == 2
    assert "an address is for runs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_from_python(address, store):
    made = apigauge.run("mini", "retrieval:bm25", out=address, limit=3, metrics=["ast_match"])
    assert len(there(store)["generations.jsonl"].splitlines()) == 3
    assert apigauge.read_run(address).summary == made.summary
    assert not apigauge.compare(address, made).different
    with pytest.raises(UsageError, match="an address is for runs"):
        apigauge.report(address, "s3://bucket/site")
