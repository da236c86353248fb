"""Ray on this machine: efficiency over sleeping sandboxes, unit costs of the driver, and runs that lose nodes at random.

    python tests/performance/bench_ray.py [efficiency] [costs] [rows] [losses] [--items 20000] [--rounds 10]

The nodes are raylets of this machine, so what sleeps scales and what computes does not.
"""

import argparse
import json
import os
import pickle
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ray_work import cluster, sleeping, squaring

from apigauge import load_benchmark
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.executors.ray import RayExecutor
from apigauge.harness.generation.replay import Replay
from apigauge.harness.metrics.table import STATIC
from apigauge.sandboxes.verdict import Program

SECONDS = 0.5
PROGRAMS = 40
REPEATS = 3


def efficiency(_):
    """Programs a second of 1, 2 and 4 workers, each a node of one core, against linear."""
    for workers in (1, 2, 4):
        with cluster(*[1] * workers) as nodes:
            executor = RayExecutor(nodes.address)
            sandbox = executor.sandbox(partial(sleeping, SECONDS, None), print)
            rates = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                pending = [sandbox.submit(Program(f"{n}")) for n in range(PROGRAMS * workers)]
                assert all(one.result().status == "passed" for one in pending)
                rates.append(PROGRAMS * workers / (time.perf_counter() - started))
            rate, ideal = statistics.median(rates), workers / SECONDS
            yield {
                "what": f"programs that sleep {SECONDS} s",
                "workers": workers,
                "per_second": round(rate, 2),
                "of_linear": round(rate / ideal, 3),
                "spread": [round(min(rates), 2), round(max(rates), 2)],
            }
            sandbox.close()
            executor.close()


def costs(_):
    """Seconds of the driver's processor and bytes of its memory for each item, in tasks that do nothing."""
    with cluster(1, 1) as nodes:
        executor = RayExecutor(nodes.address)
        for items in (3_200, 32_000, 128_000):
            used, wall = processor(), time.perf_counter()
            for _ in executor.ordered(squaring, range(items), items, lambda task, reason: None):
                pass
            yield cost("scoring, chunks of 32", items, used, wall)
        sandbox = executor.sandbox(partial(sleeping, 0.0, None), print)
        for items in (2_000, 8_000):
            used, wall = processor(), time.perf_counter()
            flight = []
            for number in range(items):
                flight.append(sandbox.submit(Program(f"{number}")))
                if len(flight) > 64:
                    flight.pop(0).result()
            for one in flight:
                one.result()
            yield cost("programs", items, used, wall)
        sandbox.close()
        executor.close()


def rows(_):
    """The same of real answers: APIBench's released ones for Hugging Face, all static metrics, into a run."""
    benchmark = load_benchmark("apibench-huggingface")
    file = min((Path(os.environ["APIGAUGE_DATA"]) / "responses").glob("response_huggingface_*.jsonl"))
    answers = list(Replay(str(file)).generate(benchmark, benchmark.items))
    factory = ScorerFactory(benchmark, tuple(STATIC))
    score = factory()
    used = processor()
    scored = [score(answer) for answer in answers]
    worker = processor() - used
    yield {
        "what": "one released answer",
        "worker_ms_per_item": round(1_000 * worker / len(answers), 3),
        "bytes_to_worker": round(len(pickle.dumps(answers)) / len(answers)),
        "bytes_from_worker": round(len(pickle.dumps(scored)) / len(answers)),
        "bytes_of_benchmark": len(pickle.dumps(factory)),
    }
    with cluster(1, 1) as nodes:
        executor = RayExecutor(nodes.address)
        for limit in (100, 100, len(answers)):  # the first one also warms up
            with tempfile.TemporaryDirectory() as folder:
                used, wall = processor(), time.perf_counter()
                evaluate(benchmark, Replay(str(file)), Path(folder), tuple(STATIC), limit, executor=executor)
                size = sum(one.stat().st_size for one in Path(folder).glob("*.jsonl")) / limit
                yield cost("a run of released answers", limit, used, wall) | {"bytes_on_disk": round(size)}
        executor.close()


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cost(what, items, used, wall):
    return {
        "what": what,
        "items": items,
        "driver_ms_per_item": round(1_000 * (processor() - used) / items, 4),
        "wall_ms_per_item": round(1_000 * (time.perf_counter() - wall) / items, 4),
        "driver_resident_mib": round(resident() / 2**20),
    }


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def losses(arguments):
    """Whether runs in which random nodes vanish and come have each result once."""
    for number in range(arguments.rounds):
        draw, lost = random.Random(number), 0
        with cluster(1, 1, 1) as nodes, ThreadPoolExecutor(1) as thread:
            executor = RayExecutor(nodes.address)
            tasks = range(arguments.items)
            results = executor.ordered(partial(squaring, 0.002), tasks, len(tasks), lambda task, reason: (task, reason))
            started = time.perf_counter()
            running = thread.submit(list, results)
            # In this thread, since Ray starts nodes in the main one alone.
            while not wait([running], draw.uniform(2, 10)).done:
                nodes.remove_node(draw.choice(list(nodes.worker_nodes)), allow_graceful=False)
                lost += 1
                nodes.add_node(num_cpus=1)
            seconds, is_equal = time.perf_counter() - started, running.result() == [n * n for n in tasks]
            executor.close()
        yield {"round": number, "items": len(tasks), "nodes_lost": lost, "equal": is_equal, "s": round(seconds, 1)}


PARTS = {"efficiency": efficiency, "costs": costs, "rows": rows, "losses": losses}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", choices=[*PARTS], default=["efficiency", "costs", "rows"])
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(machine), flush=True)
    for name in arguments.what:
        for row in PARTS[name](arguments):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
