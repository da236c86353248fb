"""Damage of every kind to a file of every format: a decision or one message that names the file, and no wrong number."""

import copy
import json
import random
import shutil
from pathlib import Path

import pytest
from other_harness_files import bigcodebench, evalplus, every_eval_ever, lighteval, nemo, promptfoo

from apigauge.errors import ApigaugeError
from apigauge.harness.readers import reading, run_files
from apigauge.harness.readers.types import Options

DATA = Path(__file__).parents[2] / "data" / "readers"
ROWS = [(f"q{n}", 0, f"a{n % 3}", float(n % 2), 0.5) for n in range(6)]
NOTHING = object()
VALUES = [NOTHING, None, True, "x", "", "\ud800", [], [1], {}, {"a": 1}, -1, 1.5, 10**400, float("nan"), float("inf")]
WHOLES = [
    b"",
    b"\n",
    b"{}",
    b"[]",
    b"null",
    b"[1]\n{}\n",
    b"\0" * 50,
    b"\x89PNG\r\n\xff",
    b"[" * 90000,
    b'{"a":' * 50000,
]
INSERTED = [b"\0", b"\xff", b"\r", b"\xe2\x80\xa8", b"NaN", b"9" * 400, b"9" * 5000, b'"', b",", b"\n", b"{}"]


def table(path, rows):
    path = path.with_suffix(".csv")
    path.write_text(
        "id,sample,api,score,w\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows), encoding="utf-8"
    )
    return path


def table_lines(path, rows):
    path = path.with_suffix(".jsonl")
    names = ("id", "sample", "api", "score", "w")
    path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows), encoding="utf-8")
    return path


def lm_eval(path, _):
    shutil.copytree(DATA / "lm_eval" / "old" / "apigauge-mini", path)
    return next(path.glob("samples_calls_*"))


def lm_eval_results(path, _):
    return next(lm_eval(path, _).parent.glob("results_*"))


def real_promptfoo(path, _):
    return Path(shutil.copy(DATA / "promptfoo" / "results.json", path.with_suffix(".json")))


WRITERS = {
    "nemo": nemo,
    "evalplus": evalplus,
    "bigcodebench": bigcodebench,
    "lighteval": lighteval,
    "promptfoo": promptfoo,
    "every-eval-ever": every_eval_ever,
    "csv": table,
    "jsonl": table_lines,
    "lm-eval": lm_eval,
    "lm-eval's results": lm_eval_results,
    "promptfoo's own": real_promptfoo,
}


def places(value, before=()):
    """The way to each value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*before, key)
        yield from places(one, (*before, key))


def changed(text, chance):
    """JSON with a value taken out or in the place of another."""
    content = json.loads(text)
    for _ in range(chance.choice((1, 1, 3))):
        if not (ways := list(places(content))):
            break
        *way, last = chance.choice(ways)
        inner = content
        for key in way:
            inner = inner[key]
        if (value := chance.choice(VALUES)) is NOTHING:
            del inner[last]
        else:
            inner[last] = copy.copy(value)
    return json.dumps(content).encode()


def damaged(content, kind, chance):
    """A file's bytes, damaged in one of many ways."""
    at, lines = chance.randrange(len(content)), content.splitlines(keepends=True)
    line = chance.randrange(len(lines))
    flipped = bytearray(content)
    for _ in range(chance.choice((1, 8))):
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    ways = [
        lambda: content[:at],
        lambda: content[at:],
        lambda: bytes(flipped),
        lambda: content[:at] + content[at + chance.randrange(1, 60) :],
        lambda: content[:at] + chance.choice(INSERTED) + content[at:],
        lambda: b"".join([*lines[: line + 1], *lines[line:]]),
        lambda: content.decode("latin-1").encode(chance.choice(("utf-16", "utf-16-le", "utf-32"))),
        lambda: chance.choice(WHOLES),
    ]
    if kind == ".json":
        ways += [lambda: changed(content, chance)] * 4
    if kind == ".jsonl":
        ways += [lambda: b"".join([*lines[:line], changed(lines[line], chance) + b"\n", *lines[line + 1 :]])] * 4
    return chance.choice(ways)()


def read_and_write(path, options, run):
    if reader := reading.reader_for(path):
        log, infos = reading.read(path, options, reader)
        run_files.common_digest([(path, log)])
        run_files.write(log, infos, path, run)


@pytest.mark.parametrize("kind", WRITERS)
def test_damage_is_one_message_that_names_the_file(kind, tmp_path):
    file = WRITERS[kind](tmp_path / "a", ROWS)
    content, chance = file.read_bytes(), random.Random(kind)
    read = next(file.parent.glob("samples_calls_*")) if kind == "lm-eval's results" else file
    refused = 0
    for number in range(200):
        bad = damaged(content, file.suffix, chance)
        file.write_bytes(bad)
        options = Options(
            cluster=chance.choice(("", "api")), is_asking=chance.random() < 0.5, has_texts=chance.random() < 0.5
        )
        try:
            read_and_write(read, options, tmp_path / "runs" / str(number))
        except ApigaugeError as error:
            refused += 1
            message = str(error)
            assert str(file.parent) in message
            assert len(message) < 1500
            assert message.isprintable(), bad
    assert refused > 40


@pytest.mark.parametrize("kind", WRITERS)
def test_marks_and_line_ends_of_other_systems_change_no_number(kind, tmp_path):
    file = WRITERS[kind](tmp_path / "a", ROWS)
    if file.suffix == ".parquet":
        return
    read = next(file.parent.glob("samples_calls_*")) if kind == "lm-eval's results" else file
    content = file.read_bytes()

    def scores():
        log, _ = reading.read(read, Options(is_asking=False), reading.reader_for(read))
        return [(one.item, one.sample, one.cluster, one.scores) for one in log.answers]

    before = scores()
    for other in (b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n"), content.rstrip(b"\n")):
        file.write_bytes(other)
        assert scores() == before
