"""What a container sends is not trusted: it may be torn, huge, late or nonsense."""

import os

import pytest

from apigauge.sandboxes import worker_channel
from apigauge.sandboxes.worker.wire import pack
from apigauge.sandboxes.worker_channel import LostError, WorkerChannel


@pytest.fixture
def pipe():
    """A channel, a function that writes as the worker would, and one that closes the worker's end."""
    answers, worker = os.pipe()
    sent = []
    channel = WorkerChannel(answers, lambda: os.read(answers, 1 << 16), sent.append)
    channel.sent = sent
    yield channel, lambda data: os.write(worker, data), lambda: os.close(worker)
    os.close(answers)


def test_a_message_may_come_in_pieces_and_two_at_once(pipe):
    channel, write, _ = pipe
    first, second = pack({"a": 1}), pack({"b": "ü\ud800"})
    write(first[:3])
    write(first[3:] + second)
    assert channel.next() == {"a": 1}
    assert channel.next() == {"b": "ü\ud800"}


def test_signs_of_life_are_passed_over_and_keep_the_channel_open(pipe, monkeypatch):
    channel, write, _ = pipe
    monkeypatch.setattr(worker_channel, "SILENCE_SECONDS", 0.3)
    write(pack({"alive": True}) * 3 + pack({"x": 1}))
    assert channel.next() == {"x": 1}
    with pytest.raises(LostError, match="said nothing"):
        channel.next()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xff\xff\xff", "4294967295 bytes"),
        (b"\x00\x00\x00\x03{,}", "no message"),
        (b"\x00\x00\x00\x02\xff\xfe", "no message"),
    ],
)
def test_nonsense_loses_the_worker(pipe, data, problem):
    channel, write, _ = pipe
    write(data)
    with pytest.raises(LostError, match=problem):
        channel.next()


def test_an_end_in_the_middle_loses_the_worker(pipe):
    channel, write, close = pipe
    write(pack({"a": 1})[:-1])
    close()
    with pytest.raises(LostError, match="it ended"):
        channel.next()


def test_an_answer_to_another_question_loses_the_worker(pipe):
    channel, write, _ = pipe
    write(pack({"id": 7, "status": "passed"}))
    with pytest.raises(LostError, match="another request"):
        channel.ask({"source": "x"})


def test_the_worker_s_digest_depends_on_every_module(monkeypatch, tmp_path):
    import shutil

    copy = tmp_path / "worker"
    shutil.copytree(worker_channel._FOLDER, copy)
    before = worker_channel.worker_digest()
    monkeypatch.setattr(worker_channel, "_FOLDER", copy)
    assert worker_channel.worker_digest() == before
    for name in (*worker_channel.worker.MODULES, "bootstrap"):
        path = copy / f"{name}.py"
        source = path.read_text()
        path.write_text(source + "# changed\n")
        assert worker_channel.worker_digest() != before, name
        path.write_text(source)
