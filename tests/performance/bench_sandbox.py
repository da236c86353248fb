"""What a program costs in a warm pool, against ``docker run`` for each.

Run by ``make bench``; needs a Docker engine with both images. Ratios are of one run on one machine.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from apigauge.sandboxes import environments
from apigauge.sandboxes.build import find_image
from apigauge.sandboxes.docker import DockerSandbox, host_config
from apigauge.sandboxes.engine import connect
from apigauge.sandboxes.verdict import Limits, Program

TRIVIAL = Program("x = 1")
MODEL = """
import torch
from transformers import GPT2Config, GPT2LMHeadModel
torch.manual_seed({seed})
config = GPT2Config(vocab_size=64, n_positions=16, n_embd=16, n_layer=2, n_head=2)
model = GPT2LMHeadModel(config)
print(model(torch.tensor([[1, 2, 3]])).logits.shape)
"""
MODELS = [
    MODEL.format(seed=seed) + end for seed, end in enumerate(["", "", "", "model.no_such_method()\n", "undefined\n"])
]
FLOOD = Program("import os\nwhile True: os.write(1, b'x' * 65536)")
RUNS = 1_000


def latency(sandbox):
    """Median seconds from a trivial program to its verdict, one after the other."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        assert sandbox.run(TRIVIAL).status == "passed"
        times.append(time.perf_counter() - started)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def rate(sandbox, programs, threads):
    """Programs a second and their verdicts, with so many at once."""
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as executor:
        verdicts = list(executor.map(sandbox.run, programs))
    return len(programs) / (time.perf_counter() - started), [verdict.status for verdict in verdicts]


def docker_run(client, image, source):
    """The verdict that ``docker run`` gives by its exit status: a container and all imports for one program."""
    from docker.errors import ContainerError

    host = {
        name: value
        for name, value in host_config(Limits()).items()
        if name not in ("auto_remove", "binds", "log_config", "ulimits", "cpu_period", "cpu_quota", "oom_kill_disable")
    }
    try:
        client.containers.run(image, ["python3", "-c", source], user="65534", remove=True, **host | {"cap_add": []})
    except ContainerError:
        return "failed"
    return "passed"


def main():
    client = connect()
    python, mini = environments.load("python"), environments.load("mini")

    sandbox = DockerSandbox(python, concurrency=2)
    rate(sandbox, [TRIVIAL] * 50, 2)
    median, slow = latency(sandbox)
    print(f"trivial program, one at a time: median {median * 1e3:.2f} ms, 95th percentile {slow * 1e3:.2f} ms")
    per_second, _ = rate(sandbox, [TRIVIAL] * RUNS, 2)
    print(f"trivial program, two at once: {per_second:.0f} programs/s")
    started = time.perf_counter()
    verdict = sandbox.run(FLOOD)
    flooded = verdict.evidence["output_bytes"], len(str(verdict.to_json()))
    print(
        f"flood on stdout: {verdict.status} after {time.perf_counter() - started:.3f} s; the supervisor read "
        f"{flooded[0]} bytes, {flooded[1]} bytes reached the host"
    )
    sandbox.close()

    sandbox = DockerSandbox(mini, concurrency=1)
    programs = [Program(source) for source in MODELS]
    rate(sandbox, programs, 1)
    warm, ours = rate(sandbox, programs * 10, 1)
    image = find_image(client, mini)
    started = time.perf_counter()
    theirs = [docker_run(client, image.id, source) for source in MODELS]
    cold = len(MODELS) / (time.perf_counter() - started)
    sandbox.close()
    assert ours == theirs * 10, (ours, theirs)
    print(
        f"torch and transformers, one at a time: {warm:.1f} programs/s warm, {cold:.3f} by docker run: ratio {warm / cold:.0f}"
    )
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
