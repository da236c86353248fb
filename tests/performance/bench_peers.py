"""The sandbox against other ways to run a program: the same programs, verdicts side by side, all in one run.

Run by ``make bench``; needs a Docker engine with the image ``python``. Per program and without set-up:

- ``docker run``: a container for each program, with our limits;
- ``docker exec``: a fresh Python in a container that runs, by the command line: what inspect_ai's Docker sandbox does for
  each program of a sample, without Compose and inspect_ai around it, and so a lower bound of its time;
- inspect_ai's own Docker sandbox, where Docker Compose is installed (`make others`), and its sandbox ``local``;
- evalplus' executor (a forked process with resource limits, no isolation), in an environment named by
  ``APIGAUGE_EVALPLUS_PYTHON`` (`pip install evalplus`);
- a fresh interpreter for each program, as SandboxFusion runs them inside its container (no isolation here).

Ways are taken in turn, round after round, so that the machine's moods fall on all of them. The numbers are those of the
machine at that hour, whose load is part of the record.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_sandbox import docker_run
from record import update

from apigauge.sandboxes import environments
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.engine import connect
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import Limits, Program

ROUNDS = int(os.environ.get("APIGAUGE_PEER_ROUNDS", "5"))
EVALPLUS = os.environ.get("APIGAUGE_EVALPLUS_PYTHON", "")
INSPECT = os.environ.get("APIGAUGE_INSPECT_PYTHON", ".venv-others/bin/python")
PROGRAMS = {
    "assigns": "x = 1",
    "json": "import json\nassert json.loads('[1, 2]') == [1, 2]",
    "counts": "import collections\nprint(collections.Counter('abc'))",
    "writes": "open('file', 'w').write('x')",
    "statistics": "import statistics\nstatistics.quantiles(range(100), n=4)",
    "divides by zero": "1 / 0",
    "asserts": "assert 1 == 2",
    "no such module": "import no_such_module",
    "wrong syntax": "def",
    # Right is failed: the last statement, which is wrong, is never reached.
    "leaves early": "import os\nos._exit(0)\nno_such_name",
}
# A program is failed whatever ended it.
PASSED = {"passed", "pass"}
# Each reads programs as JSON, a list a line, and answers with [seconds, verdict] of each.
EVALPLUS_SIDE = """
import json, sys, time
from evalplus.eval import untrusted_check
for line in sys.stdin:
    out = []
    for source in json.loads(line):
        started = time.perf_counter()
        code = source + "\\ndef entry():\\n    return True\\n"
        status, _ = untrusted_check("humaneval", code, [[]], "entry", [True], 0, [0.1])
        out.append([time.perf_counter() - started, status])
    print(json.dumps(out), flush=True)
"""
INSPECT_SIDE = """
import asyncio, json, sys, time
kind = sys.argv[1]
async def main():
    if kind == "docker":
        from inspect_ai.util._sandbox.docker.docker import DockerSandboxEnvironment as Sandbox
        from inspect_ai.util._sandbox.compose import ComposeConfig, ComposeService
        config = ComposeConfig(services={"default": ComposeService(image=sys.argv[2], network_mode="none")})
        await Sandbox.task_init("bench", config)
    else:
        from inspect_ai.util._sandbox.local import LocalSandboxEnvironment as Sandbox
        config = None
    opened = await Sandbox.sample_init("bench", config, {})
    try:
        for line in sys.stdin:
            out = []
            for source in json.loads(line):
                started = time.perf_counter()
                done = await opened["default"].exec(["python3", "-c", source], timeout=30)
                out.append([time.perf_counter() - started, "passed" if done.success else "failed"])
            print(json.dumps(out), flush=True)
    finally:
        await Sandbox.sample_cleanup("bench", config, opened, False)
        if kind == "docker":
            await Sandbox.task_cleanup("bench", config, True)
asyncio.run(main())
"""


class Side:
    """A peer in a Python of its own."""

    def __init__(self, python, code, *arguments):
        command = [python, "-c", code, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __call__(self, sources):
        self._process.stdin.write(json.dumps(sources) + "\n")
        self._process.stdin.flush()
        # What it prints itself comes before.
        for line in self._process.stdout:
            if line.startswith("[["):
                return json.loads(line)
        raise RuntimeError("it ended")

    def close(self):
        self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()


def each(function):
    """A way that runs one program at a time."""

    def run(sources):
        out = []
        for source in sources:
            started = time.perf_counter()
            verdict = function(source)
            out.append([time.perf_counter() - started, verdict])
        return out

    return run


def fresh_interpreter(source):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(source)
        done = subprocess.run([sys.executable, file], cwd=folder, capture_output=True, timeout=30, check=False)
    return "passed" if done.returncode == 0 else "failed"


def docker_exec(container):
    def run(source):
        command = ["docker", "exec", container, "python3", "-c", source]
        return "passed" if subprocess.run(command, capture_output=True, check=False).returncode == 0 else "failed"

    return run


def measured(ways, rounds=ROUNDS):
    """Milliseconds and verdicts of each way, by program, in rounds that take the ways in turn."""
    names, sources = list(PROGRAMS), list(PROGRAMS.values())
    times = {way: {name: [] for name in names} for way in ways}
    verdicts = {}
    for number in range(rounds + 1):
        for way, run in ways.items():
            for name, (seconds, verdict) in zip(names, run(sources), strict=True):
                verdicts.setdefault(name, {})[way] = verdict
                if number:  # the first is to warm up
                    times[way][name].append(1000 * seconds)
    return times, verdicts


def summary(times):
    """Of each way: the median over all programs and rounds, and the quartiles."""
    rows = {}
    for way, by_program in times.items():
        every = sorted(value for values in by_program.values() for value in values)
        quarter = len(every) // 4
        rows[way] = {"median_ms": every[len(every) // 2], "low_ms": every[quarter], "high_ms": every[-quarter - 1]}
    return rows


def versions(python, package):
    code = f"from importlib.metadata import version; print(version('{package}'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main():
    client, python = connect(), environments.load("python")
    sandbox = DockerSandbox(python, concurrency=1)
    own = ProcessSandbox(python, Limits(), 1)
    image = sandbox.image.id
    container = client.containers.run(image, ["sleep", "3600"], detach=True, network_mode="none", entrypoint="")
    ways = {
        "apigauge, docker": each(lambda source: sandbox.run(Program(source)).status),
        "apigauge, process": each(lambda source: own.run(Program(source)).status),
        "docker run": each(lambda source: docker_run(client, image, source)),
        "docker exec, fresh Python": each(docker_exec(container.id)),
        "fresh interpreter, not isolated": each(fresh_interpreter),
    }
    libraries, sides = {}, []
    if EVALPLUS:
        ways["evalplus, not isolated"] = Side(EVALPLUS, EVALPLUS_SIDE)
        libraries["evalplus"] = versions(EVALPLUS, "evalplus")
    if Path(INSPECT).is_file():
        libraries["inspect_ai"] = versions(INSPECT, "inspect_ai")
        ways["inspect_ai local, not isolated"] = Side(INSPECT, INSPECT_SIDE, "local")
        if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
            ways["inspect_ai docker"] = Side(INSPECT, INSPECT_SIDE, "docker", python.tag)
    sides = [way for way in ways.values() if isinstance(way, Side)]
    try:
        times, verdicts = measured(ways)
    finally:
        for side in sides:
            side.close()
        container.remove(force=True)
        sandbox.close()
        own.close()
        client.close()
    rows = summary(times)
    ours = rows["apigauge, docker"]["median_ms"]
    lines = ["| way | median | quartiles | apigauge, docker, is so many times as fast |", "|---|---:|---:|---:|"]
    lines += [
        f"| {way} | {row['median_ms']:.2f} ms | {row['low_ms']:.2f} to {row['high_ms']:.2f} ms | "
        f"{row['median_ms'] / ours:.1f} |"
        for way, row in rows.items()
    ]
    lines += ["", f"| program | {' | '.join(ways)} |", "|---|" + "---|" * len(ways)]
    lines += [f"| {name} | {' | '.join(by_way[way] for way in ways)} |" for name, by_way in verdicts.items()]
    missing = (
        [] if "inspect_ai docker" in ways else ["inspect_ai's Docker sandbox: not measured, Docker Compose is missing"]
    )
    missing += [] if EVALPLUS else ["evalplus: not measured, APIGAUGE_EVALPLUS_PYTHON is not set"]
    update(
        "peers",
        lines + [""] * bool(missing) + missing,
        {"rounds": ROUNDS, "ms": times, "verdicts": verdicts},
        libraries,
    )
    print("\n".join(lines + missing))
    ahead = all(row["median_ms"] > ours for way, row in rows.items() if not way.startswith("apigauge"))
    right = all((by_way["apigauge, docker"] in PASSED) == (n < 5) for n, by_way in enumerate(verdicts.values()))
    return int(not (ahead and right and rows["docker run"]["median_ms"] >= 90 * ours))


if __name__ == "__main__":
    sys.exit(main())
