"""``apigauge hubs``: build the stand-in hubs, and load everything in them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import UsageError
from apigauge.harness.cli.options import add_common, add_sandbox, sandbox_for
from apigauge.harness.cli.output import print_json, progress, say

if TYPE_CHECKING:
    from apigauge.harness.audit.hub_coverage import Coverage
    from apigauge.harness.audit.model_uses import ModelUses


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, function, text in (
        ("build", build, "make a stand-in hub in its environment's image; no network"),
        (
            "verify",
            verify,
            "load every API of the catalogue by its own call, and use each model rightly and wrongly",
        ),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("name", metavar="NAME", help="huggingface, torchhub or tensorflowhub")
        action.set_defaults(function=function)
        add_common(action)
        if name == "verify":
            add_sandbox(action, "auto")
            action.add_argument(
                "--models", metavar="PATTERN", default="*", help="only models whose address fits, as for a shell"
            )
            action.add_argument("--loads-only", action="store_true", help="leave out the typical and the wrong uses")
            continue
        action.add_argument("--sandbox", choices=("docker", "process"), default="docker", help="where to build it")
        action.add_argument("--rebuild", action="store_true", help="even if it exists")
        action.add_argument(
            "--from-hub", action="store_true", help="read architectures from the hub's own config.json files (network)"
        )


def build(arguments: argparse.Namespace) -> int:
    """Makes a stand-in hub."""
    from apigauge.sandboxes.hubs.build import build as build_hub

    configs = _configs(arguments.name) if arguments.from_hub else None
    here = arguments.sandbox == "process"
    hub = build_hub(arguments.name, here=here, configs=configs, say=say, rebuild=arguments.rebuild)
    if arguments.json:
        print_json(hub.to_json() | {"folder": str(hub.folder)})
    else:
        print(f"{hub.name} {hub.digest} {hub.folder}")
    return 0


def _configs(name: str) -> Path:
    """The hub's own configurations of the catalogue's repositories, downloaded."""
    from apigauge.sandboxes.hubs.download import configs

    if name != "huggingface":
        raise UsageError(f"--from-hub: {name} has no configurations to download; leave out the option")
    return configs(say)


def verify(arguments: argparse.Namespace) -> int:
    """Loads every API of a hub's catalogue and uses each of its models; 4 if too little of it loads."""
    import dataclasses

    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.audit.hub_coverage import cover
    from apigauge.harness.audit.model_uses import measure, named_by, uses_of
    from apigauge.sandboxes.hubs import check_name

    check_name(arguments.name)
    benchmark = load_benchmark(f"apibench-{arguments.name}", arguments.data_dir)
    uses = uses_of(arguments.name, benchmark.catalogue, arguments.models)
    if arguments.models != "*":
        benchmark = dataclasses.replace(benchmark, catalogue=named_by(uses, benchmark.catalogue))
    if not benchmark.catalogue:
        raise UsageError(f"--models {arguments.models}: the catalogue has no such model; `*` fits all")
    with sandbox_for(benchmark, arguments.sandbox or "auto", ["exec.call"], arguments) as sandbox:
        assert sandbox
        with progress(f"loading {benchmark.name}", len(benchmark.catalogue)) as tick:
            coverage = cover(benchmark, sandbox, tick)
        used = None
        if not arguments.loads_only:
            with progress(f"using {benchmark.name}", len(uses)) as tick:
                used = measure(uses, sandbox, [(row.call, row.ok) for row in coverage.rows], tick)
    if arguments.json:
        print_json(coverage.to_json() | ({"uses": used.to_json()} if used else {}))
    else:
        _print(coverage, used)
    return 0 if coverage.is_enough else 4


def _print(coverage: "Coverage", used: "ModelUses | None") -> None:
    for line in (*coverage.to_lines(), *(("", *used.to_lines()) if used else ())):
        print(line)
