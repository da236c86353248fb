"""The real hub for programs without a network: the host fetches what a program lacked, and runs the program again.

Only the host connects to the hub and writes to the cache, so a program can neither reach the network nor leave anything
for the next program. A Torch Hub repository's code runs in the sandbox.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

from apigauge.errors import SandboxError
from apigauge.sandboxes.hubs import Hub
from apigauge.sandboxes.hubs.fetch import FETCHERS, SCRATCH
from apigauge.sandboxes.verdict import NOTHING, Limits, Program, Sandbox, Verdict

# What fetches one model, in a process of its own.
MODULE = "apigauge.sandboxes.hubs.fetch"
_LACKS = frozenset({"hub_not_found", "input", "network"})
# Enough for a repository, its base model, its tokenizer and its weights; more rounds would be a program in a loop.
_ROUNDS = 6
CAVEAT = "models come from the hub as it is now: a later run may find others"
# For one model; and after a failure of the hub.
LONGEST_SECONDS = 1_800.0
ATTEMPTS = 3
PAUSE_SECONDS = 2.0
_LONGEST_PAUSE = 60.0


class LiveSandbox:
    """A sandbox whose programs can load everything on the hub.

    Args:
        sandbox: where programs run; its hub's folder is filled.
        hub: in mode ``live``.
        endpoint: the hub's address; by default the real hub.
    """

    def __init__(self, sandbox: Sandbox, hub: Hub, endpoint: str | None = None) -> None:
        self._sandbox = sandbox
        self.concurrency = sandbox.concurrency
        self._hub, self._endpoint = hub, endpoint
        self._fetcher = FETCHERS[hub.name](hub.folder, endpoint)
        # By name: the number of the fetch that brought it, None if the hub does not have it.
        self._fetched: dict[str, int | None] = {}
        self._refused: dict[str, str] = {}
        self._count = 0
        self._is_troubled = self._is_closed = False
        self._one = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Runs a program, again each time that something new could be fetched for it."""
        since = self._count
        verdict = self._sandbox.run(program, limits)
        for _ in range(_ROUNDS):
            try:
                if verdict.category not in _LACKS or not self._is_fetched(program, verdict, since):
                    break
            except SandboxError as error:  # a failure of the hub or the network, not of the program
                return Verdict("infra", NOTHING, None, str(error), verdict.evidence)
            since = self._count
            verdict = self._sandbox.run(program, limits)
        return verdict

    def _is_fetched(self, program: Program, verdict: Verdict, since: int) -> bool:
        """Fetches what a program lacked; returns whether any of it came after ``since`` fetches.

        It may have been fetched for another program, while this one ran.

        Raises:
            SandboxError: nothing could be fetched because the hub or the network failed.
        """
        with self._one:
            names = list(self._fetcher.missing(program, verdict))
            failures = []
            for name in names:  # every one: a program may need them all
                if name not in self._fetched:
                    try:
                        self._fetch(name)
                    except SandboxError as error:
                        failures.append(error)
            numbers = [self._fetched.get(name) for name in names]
            if any(number is not None and number > since for number in numbers):
                return True
            if failures:
                raise failures[0]
            return False

    def _fetch(self, name: str) -> None:
        """Fetches one name, in several attempts, and remembers what is certain.

        Raises:
            SandboxError: the hub or the network failed, or it is too large.
        """
        # While the hub is in trouble, each program waits for one attempt only.
        attempts = 1 if self._is_troubled else ATTEMPTS
        outcome: dict[str, Any] = {}
        for attempt in range(attempts):
            if name not in self._refused:
                outcome = self._in_process(name)
            if "refused" in outcome:
                self._refused[name] = outcome["refused"]
            if name in self._refused:
                raise SandboxError(f"--hub live: {name} {self._refused[name]}")
            if "unavailable" not in outcome:
                break
            if attempt < attempts - 1:
                time.sleep(min(max(outcome["pause"], PAUSE_SECONDS * 2**attempt), _LONGEST_PAUSE))
        self._is_troubled = "unavailable" in outcome
        if self._is_troubled:
            raise SandboxError(f"--hub live: {name} cannot be fetched: {outcome['unavailable']}.")
        self._count += outcome["fetched"]
        self._fetched[name] = self._count if outcome["fetched"] else None

    def _in_process(self, name: str) -> dict[str, Any]:
        """What came of one attempt, in a process that is ended if it takes too long, or with this sandbox."""
        if self._is_closed:
            raise SandboxError("the sandbox is closed")
        arguments = [self._hub.name, str(self._hub.folder), self._endpoint or "", name]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", MODULE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        scratch = f"{SCRATCH}{self._process.pid}-*"
        try:
            out, errors = self._process.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return {"refused": f"could not be fetched within {LONGEST_SECONDS:g} s; use --hub snapshot"}
        finally:
            for left in (*self._hub.folder.glob(scratch), *self._hub.folder.glob(f"hub/{scratch}")):
                shutil.rmtree(left, ignore_errors=True)
        try:
            outcome: dict[str, Any] = json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            raise SandboxError(f"--hub live: {name} cannot be fetched: {errors.strip()[-300:]}") from None
        return outcome

    def describe(self) -> dict[str, Any]:
        """As its sandbox, with this mode's caveat."""
        about = self._sandbox.describe()
        return about | {"caveats": [*about["caveats"], CAVEAT]}

    def close(self) -> None:
        """Closes the sandbox and ends what is being fetched; fetched files stay."""
        self._is_closed = True
        if self._process and self._process.poll() is None:
            self._process.kill()
        self._sandbox.close()
