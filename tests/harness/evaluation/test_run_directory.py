"""The run directory survives crashes, other writers and odd text."""

import json
import signal
import subprocess
import sys

import pytest

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.manifest import start

ODD_TEXTS = [
    "a\u2028b\u2029c\x85d",
    "lone \ud800 and \udfff",
    "two\nlines\r\nthree\rfour",
    "nul \0",
    "\ufeff",
    "\\n \\u2028",
    "😀é",
    "",
]


def row(number, sample=0, **more):
    return {"item": str(number), "sample": sample, **more}


def append(path, *rows):
    file = run_directory.Appender(path)
    for one in rows:
        file.append(one)
    file.close()


def manifest(**changes):
    return {
        "schema_version": 1,
        "benchmark": {"name": "mini", "digest": "d"},
        "generator": {"spec": "constant:x", "sampling": {"seed": 1}},
        "host": {"python": "3.11"},
        "timings": {},
        "cache": {"hits": 0},
        **changes,
    }


def test_rows_come_back_in_the_order_they_were_appended(tmp_path):
    rows = [row(2), row(1, 1), row(1, 0, text="x")]
    append(tmp_path / "f", *rows)
    assert run_directory.read_rows(tmp_path / "f") == rows


def test_a_file_that_is_not_there_has_no_rows(tmp_path):
    assert run_directory.read_rows(tmp_path / "f") == []


@pytest.mark.parametrize(
    "torn",
    [
        b'{"item": "2", "sam',
        b"{",
        b'{"item": "2", "sample": 0}',
        b"\xff\xfe",
        b'{"item": "\xc3',
        b'{"item": "2", "text": "' + b"x" * 500,
    ],
)
def test_a_torn_last_line_is_dropped_when_read_and_when_written_to(tmp_path, torn):
    """Even a line that happens to be whole JSON is torn as long as its end is missing."""
    path = tmp_path / "f"
    append(path, row(1))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert run_directory.read_rows(path) == [row(1)]
    append(path, row(3))
    assert run_directory.read_rows(path) == [row(1), row(3)]
    assert path.read_bytes() == whole + b'{"item": "3", "sample": 0}\n'


def test_a_file_of_one_torn_line_starts_anew(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b'{"item"')
    append(path, row(1))
    assert path.read_bytes() == b'{"item": "1", "sample": 0}\n'


def test_a_key_is_written_once(tmp_path):
    path = tmp_path / "f"
    append(path, row(1, text="first"), row(1, text="second"))
    append(path, row(1, text="third"), row(1, 1, text="another sample"))
    assert run_directory.read_rows(path) == [row(1, text="first"), row(1, 1, text="another sample")]
    assert path.read_bytes().count(b"\n") == 2


def test_of_two_rows_with_a_key_the_first_is_read(tmp_path):
    path = tmp_path / "f"
    path.write_text('{"item": "1", "sample": 0, "n": 1}\n{"item": "1", "sample": 0, "n": 2}\n')
    assert run_directory.read_rows(path) == [row(1, n=1)]


@pytest.mark.parametrize(
    "damaged",
    [
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b'{"item": "2"}',
        b'{"sample": 0}',
        b'{"item": [], "sample": 0}',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_that_is_not_the_last_is_named(tmp_path, damaged):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"item": "1", "sample": 0}\n' + damaged + b'\n{"item": "3", "sample": 0}\n')
    with pytest.raises(RunError) as error:
        run_directory.read_rows(path)
    assert str(path) in str(error.value)
    assert "line 2" in str(error.value)
    before = path.read_bytes()
    with pytest.raises(RunError):
        run_directory.Appender(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_round_trips_on_one_line(tmp_path, text):
    path = tmp_path / "f"
    append(path, row(1, text=text), row(2))
    assert run_directory.read_rows(path) == [row(1, text=text), row(2)]
    assert path.read_bytes().count(b"\n") == 2
    append(path, row(1, text="again"), row(3))
    assert run_directory.read_rows(path) == [row(1, text=text), row(2), row(3)]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_round_trips_in_a_json_file(tmp_path, text):
    """A model's name may hold what UTF-8 cannot: the bytes of an argument that is no UTF-8 arrive as lone surrogates."""
    run_directory.write_json(tmp_path / "f.json", {"text": text})
    assert run_directory.read_json(tmp_path / "f.json") == {"text": text}


def test_a_json_file_is_replaced_atomically(tmp_path):
    path = tmp_path / "f.json"
    run_directory.write_json(path, {"old": 1})
    with path.open() as reader:
        run_directory.write_json(path, {"new": 2})
        # A reader of the old file still gets the whole of it: its content was not overwritten.
        assert json.load(reader) == {"old": 1}
    assert run_directory.read_json(path) == {"new": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_a_value_that_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "f.json"
    run_directory.write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        run_directory.write_json(path, {"new": object()})
    assert run_directory.read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_a_json_file_that_is_no_object_is_named(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"manifest\.json"):
        run_directory.read_json(path)


def test_a_folder_without_a_manifest_is_no_run(tmp_path):
    with pytest.raises(RunError, match="no run directory"):
        run_directory.read_json(tmp_path / "manifest.json")


HOLD = """
import sys
from pathlib import Path
from apigauge.harness.evaluation import run_directory as runs
with runs.writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(run):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_refused_while_the_first_is_at_work_and_let_in_afterwards(tmp_path):
    run = tmp_path / "deep" / "run"
    with holder(run) as first:
        with pytest.raises(RunError, match="another process is writing"), run_directory.writing(run):
            pass
        first.stdin.close()
        assert first.wait() == 0
    with run_directory.writing(run):
        pass


def test_a_killed_writer_leaves_no_lock_behind(tmp_path):
    with holder(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
    with run_directory.writing(tmp_path):
        pass


def test_the_lock_is_let_go_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), run_directory.writing(tmp_path):
        1 / 0  # noqa: B018
    with run_directory.writing(tmp_path):
        pass


def test_a_run_that_cannot_be_made_says_where(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file"), run_directory.writing(tmp_path / "file"):
        pass


def test_a_new_run_gets_its_manifest_and_an_equal_one_may_go_on(tmp_path):
    start(tmp_path, manifest())
    start(tmp_path, manifest())
    assert run_directory.read_json(tmp_path / "manifest.json") == manifest()


def test_a_different_manifest_is_refused_and_what_differs_is_named(tmp_path):
    start(tmp_path, manifest())
    append(tmp_path / "generations.jsonl", row(1))
    other = manifest(
        generator={"spec": "constant:x", "sampling": {"seed": 2}}, benchmark={"name": "other", "digest": "d"}
    )
    with pytest.raises(RunError) as error:
        start(tmp_path, other)
    message = str(error.value)
    assert "generator.sampling.seed was 1 and is 2" in message
    assert "benchmark.name was 'mini' and is 'other'" in message
    assert "digest" not in message
    assert run_directory.read_json(tmp_path / "manifest.json") == manifest()


def test_an_entry_that_is_new_or_gone_is_a_difference():
    assert run_directory.differences(manifest(), manifest(sandbox={"mode": "docker"})) == [
        ("sandbox.mode", None, "docker")
    ]
    assert run_directory.differences(manifest(sandbox="x"), manifest()) == [("sandbox", "x", None)]


def test_date_host_timings_and_cache_may_differ(tmp_path):
    start(tmp_path, manifest())
    elsewhere = manifest(
        created="2026-01-01T00:00:00+00:00",
        host={"python": "3.13", "cpu": "other"},
        timings={"seconds": 9.0},
        cache={"hits": 7},
    )
    assert run_directory.differences(manifest(), elsewhere) == []
    append(tmp_path / "generations.jsonl", row(1))
    start(tmp_path, elsewhere)
    # The manifest of the beginning stays.
    assert run_directory.read_json(tmp_path / "manifest.json") == manifest()


@pytest.mark.parametrize("name", ["generations.jsonl", "scores.jsonl"])
def test_answers_without_a_manifest_are_not_taken_over(tmp_path, name):
    append(tmp_path / name, row(1))
    with pytest.raises(RunError, match="no manifest"):
        start(tmp_path, manifest())
    assert not (tmp_path / "manifest.json").exists()
