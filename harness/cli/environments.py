"""``apigauge environments``: what may be installed where programs run, and whether its image is built here."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from apigauge.errors import SandboxError
from apigauge.harness.cli.output import add_json, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apigauge.sandboxes.environments import Environment

# How long the engine may take for one answer: a list is not worth a longer wait.
_ENGINE_SECONDS = 3.0
_BASE = re.compile(r"^ARG BASE=python:([\d.]+)", re.MULTILINE)


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.sandboxes import environments

    listed = [environments.load(name) for name in environments.names()]
    built, no_engine = built_images(listed)
    users = benchmarks_by_environment()
    rows = [
        {
            "name": environment.name,
            "benchmarks": users.get(environment.name, []),
            "python": _python(environment),
            "packages": _package_count(environment),
            "image": environment.tag,
            "built": built.get(environment.name),
        }
        for environment in listed
    ]
    if arguments.json:
        print_json({"environments": rows, "engine_error": no_engine or None})
        return 0
    _print(rows)
    if no_engine:
        say(f"apigauge: whether images are built is unknown: {no_engine}")
    return 0


def benchmarks_by_environment() -> dict[str, list[str]]:
    """The benchmarks whose programs run in each environment; for those of apigauge known without their data."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.benchmarks.apibench import HUBS
    from apigauge.errors import ApigaugeError
    from apigauge.extensions import added

    users = {hub: [f"apibench-{hub}"] for hub in HUBS} | {"mini": ["mini"]}
    for name in added("benchmarks"):
        try:
            users.setdefault(load_benchmark(name).environment, []).append(name)
        except ApigaugeError as error:
            say(f"apigauge: {error}")
    return users


def built_images(
    environments: "Sequence[Environment]", seconds: float = _ENGINE_SECONDS
) -> tuple[dict[str, bool], str]:
    """Whether the engine has each environment's image, built from the files that are here now; or why that is unknown.

    Args:
        environments: whose images.
        seconds: how long the engine may take for one answer.
    """
    import requests
    from docker.errors import DockerException, ImageNotFound

    from apigauge.sandboxes.build import LOCK_LABEL
    from apigauge.sandboxes.engine import connect

    built: dict[str, bool] = {}
    try:
        client = connect(seconds)
    except SandboxError as error:
        return built, str(error)
    client.api.timeout = seconds
    try:
        for environment in environments:
            try:
                labels = client.images.get(environment.tag).labels
            except ImageNotFound:
                labels = {}
            built[environment.name] = labels.get(LOCK_LABEL) == environment.lock_digest
    except (DockerException, requests.RequestException) as error:
        return {}, f"the engine does not answer ({error})"
    finally:
        client.close()
    return built, ""


def _python(environment: "Environment") -> str:
    """The Python of the public base image; a Debian base has the same minor version."""
    match = _BASE.search((environment.folder / "Dockerfile").read_text(encoding="utf-8"))
    return match[1] if match else ""


def _package_count(environment: "Environment") -> int:
    lines = (environment.folder / "lock.txt").read_text(encoding="utf-8").splitlines()
    return sum("==" in line and not line.startswith("#") for line in lines)


def _print(rows: list[dict[str, Any]]) -> None:
    from apigauge.harness.cli.tables import Column, print_table

    states = {True: "built", False: "not built", None: "unknown"}
    print_table(
        (
            Column("environment"),
            Column("benchmark", folds=16),
            Column("Python"),
            Column("packages", is_right=True),
            Column("image"),
        ),
        [
            (row["name"], ", ".join(row["benchmarks"]), row["python"], str(row["packages"]), states[row["built"]])
            for row in rows
        ],
    )
