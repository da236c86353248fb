"""Long steps are reported again from time to time, short ones are reported once."""

import threading

import pytest

from apigauge.sandboxes import progress
from apigauge.sandboxes.progress import Progress

# Tests wait for lines, never for a time; a line that does not come fails after this long.
PATIENCE = 60


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.02)


class Lines(list):
    """The reported lines; ``until`` waits for one."""

    def __init__(self):
        self._more = threading.Condition()

    def __call__(self, line):
        with self._more:
            self.append(line)
            self._more.notify_all()

    def until(self, *words):
        with self._more:
            assert self._more.wait_for(lambda: any(all(word in line for word in words) for line in self), PATIENCE), (
                self
            )


def test_a_silent_step_is_named_again_with_its_time(impatient):
    lines = Lines()
    with Progress(lines) as say:
        say("step 1")
        lines.until("step 1: still at work after 0 s")
    assert lines[0] == "step 1"


def test_the_time_is_that_of_the_step_and_not_of_the_whole(impatient, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = Lines()
    with Progress(lines) as say:
        say("step 1")
        clock[0] += 500
        lines.until("step 1: still at work after 500 s")
        say("step 2")
        clock[0] += 40
        lines.until("step 2: still at work after 40 s")


def test_a_step_that_is_not_worth_a_line_is_named_once_it_takes_long(impatient):
    lines = Lines()
    with Progress(lines) as say:
        say.at("looking")
        lines.until("looking: still at work")
    assert "looking" not in lines


def test_short_steps_are_said_once_and_nothing_else():
    lines = Lines()
    with Progress(lines) as say:
        for step in "abc":
            say(step)
        say.at("d")
    assert lines == ["a", "b", "c"]


def test_a_step_that_is_over_is_not_reported(impatient):
    lines = Lines()
    for number in range(20):
        with Progress(lines) as say:
            say(str(number))
            lines.until(f"{number}: still at work")
            say(f"{number} ends")
        count = len(lines)
        assert not any(line.startswith(f"{number}:") for line in lines[lines.index(f"{number} ends") :])
        assert len(lines) == count
    assert not say._thread.is_alive()


def test_a_reader_that_is_gone_does_not_end_the_work(impatient):
    """The fault: a closed standard error, met by a thread, prints a traceback in the middle of a build."""
    called = threading.Event()

    def say(line):
        called.set()
        raise BrokenPipeError

    with Progress(say) as progress:
        progress.at("step")
        assert called.wait(PATIENCE)
        progress._thread.join(PATIENCE)
    assert not progress._thread.is_alive()
