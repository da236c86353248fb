"""Whether the stand-in hubs tell wrong programs from right ones: faults caught, rewritings that still pass.

Run by ``make bench``, or with a number of variants of each kind; needs a Docker engine, the images and the hubs. The
references are mutated in ways that the real library refuses, and rewritten in ways that change nothing.
"""

import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import reference_mutations

from apigauge.benchmarks import load_benchmark
from apigauge.harness.audit.references import run_references
from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.docker import DockerSandbox

SAMPLE = 60


def measure(name, sample):
    """What became of each variant in one hub."""
    benchmark = load_benchmark(f"apibench-{name}")
    opened = DockerSandbox(environments.load(name), concurrency=2, hub=hubs.stand_in_hub(name), inputs="fixtures")
    with contextlib.closing(opened) as sandbox:
        return reference_mutations.judge(sandbox, benchmark, run_references(benchmark, sandbox), sample)


def main():
    sample = int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    everything = []
    for name in hubs.names():
        outcomes = measure(name, sample)
        everything += outcomes
        print(f"== {name}", *reference_mutations.table(outcomes), sep="\n")
        for one in outcomes:
            if not one.as_expected:
                print(f"  not as wanted: {one.variant.kind}: {one.reason}")
    print("== all", *reference_mutations.table(everything), sep="\n")


if __name__ == "__main__":
    main()
