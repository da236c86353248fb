"""``apigauge benchmarks make``: a benchmark from an installable package."""

import argparse
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.harness.cli.options import add_common, add_consent, local_path, positive
from apigauge.harness.cli.output import print_json, say

if TYPE_CHECKING:
    from apigauge.benchmarks.making.make import Tools
    from apigauge.benchmarks.making.trials import Run
    from apigauge.sandboxes.environments import Environment
    from apigauge.sandboxes.verdict import Sandbox

# Of each run's output: more than an item may print.
_OUTPUT_BYTES = 16_384


def declare(action: argparse.ArgumentParser) -> None:
    """Declares the options of the action."""
    action.add_argument("requirement", metavar="PACKAGE==VERSION", help="what to make it from, such as scipy==1.17.1")
    action.add_argument(
        "--out", type=local_path, required=True, metavar="DIR", help="the folder to write; new or empty"
    )
    action.add_argument("--name", help="of the benchmark (default: the package's name and version)")
    action.add_argument("--wheels", type=Path, metavar="DIR", help="take all packages from this folder of wheels")
    action.add_argument(
        "--with",
        dest="others",
        nargs="+",
        default=[],
        metavar="PACKAGE",
        help="further packages that its examples need, such as matplotlib",
    )
    action.add_argument(
        "--rewrite", metavar="MODEL", help="let a model put the questions as people would, e.g. openai:gpt-5-mini"
    )
    action.add_argument("--base-url", metavar="URL", help="of the server for --rewrite openai:MODEL")
    action.add_argument(
        "--sandbox",
        choices=("process", "docker"),
        default="process",
        help="where examples run: in a virtual environment under bubblewrap (default), or in an image, which is built "
        "if it does not exist",
    )
    action.add_argument(
        "--base",
        choices=("docker", "debootstrap"),
        default="docker",
        help="of an image that is built: the digest-pinned public image (default), or Debian packages, which need no "
        "registry of images",
    )
    add_consent(action)
    action.add_argument("--sandbox-workers", type=positive, metavar="N", help="examples run at once (default: cores)")
    add_common(action)
    action.set_defaults(function=make)


def make(arguments: argparse.Namespace) -> int:
    """Makes the benchmark."""
    from apigauge.benchmarks.making.files import ENVIRONMENT
    from apigauge.benchmarks.making.make import make as make_files
    from apigauge.errors import UsageError
    from apigauge.sandboxes.environments.make import make as make_environment

    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: there is something; name a folder that is new or empty")
    scratch = out.with_name(f".{out.name}.making")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        environment = make_environment(
            [arguments.requirement, *arguments.others], scratch / ENVIRONMENT, wheels=arguments.wheels, say=say
        )
        requirement, modules = _pinned(environment, arguments)
        name = arguments.name or environment.name
        made = make_files(scratch, name, requirement, modules, _tools(environment, arguments))
        if out.exists():
            out.rmdir()
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    facts = {
        "folder": str(out),
        "items": len(made.items),
        "test": sum(row["split"] == "test" for row in made.items),
        "train": sum(row["split"] == "train" for row in made.items),
        "apis": len({row["api_call"].partition("(")[0] for row in made.items}),
        "catalogue": len(made.package.callables),
        "dropped": len(made.dropped),
    }
    if arguments.json:
        print_json(facts)
    else:
        say(
            f"{out}: {facts['items']} items ({facts['test']} test, {facts['train']} train) of {facts['apis']} APIs; "
            f"{facts['dropped']} examples were dropped, and {out / 'report.md'} says why"
        )
    return 0


def _pinned(environment: "Environment", arguments: argparse.Namespace) -> tuple[str, list[str]]:
    """The package with the version that was locked, and its modules: those of further packages are not asked about."""
    import re

    import platformdirs

    from apigauge.sandboxes.build_wheels import pins, wheelhouse
    from apigauge.sandboxes.environments.make import modules_of

    first = environment.requirements[0]
    plain = re.sub(r"[-_.]+", "-", first).lower()
    version = next(pin.version for pin in pins(environment) if pin.name == plain)
    files = wheelhouse(environment, platformdirs.user_cache_path("apigauge"), say, arguments.wheels)
    return f"{first}=={version}", list(modules_of(files, {plain}))


def _tools(environment: "Environment", arguments: argparse.Namespace) -> "Tools":
    from apigauge.benchmarks.making.make import Tools
    from apigauge.harness.audit.own_answers import rejected_calls, rejected_programs
    from apigauge.sandboxes.process import namespaces_work
    from apigauge.sandboxes.script import run_script

    namespaces = not arguments.accept_no_isolation or namespaces_work()
    if arguments.sandbox == "docker":
        from apigauge.sandboxes.build import build

        build(environment, arguments.base, say=say)
    else:
        from apigauge.sandboxes.environments import virtual

        virtual.python(environment, say, arguments.wheels)

    def script(source: str, values: Sequence[str]) -> str:
        return run_script(environment, arguments.sandbox, source, values, namespaces=namespaces)

    def run_all(programs: Sequence[str]) -> "Iterator[Run]":
        with closing(_sandbox(environment, arguments)) as sandbox:
            yield from _runs(sandbox, programs)

    def rejections(folder: Path) -> dict[str, str]:
        with closing(_sandbox(environment, arguments)) as sandbox:
            return rejected_programs(folder, sandbox)

    return Tools(script, run_all, rejected_calls, rejections, _rewriting(arguments), say)


def _sandbox(environment: "Environment", arguments: argparse.Namespace) -> "Sandbox":
    from apigauge.sandboxes.factory import open_sandbox

    return open_sandbox(
        arguments.sandbox,
        str(environment.folder.resolve()),
        concurrency=arguments.sandbox_workers,
        accepts_no_isolation=arguments.accept_no_isolation,
    )


def _runs(sandbox: "Sandbox", programs: Sequence[str]) -> "Iterator[Run]":
    from apigauge.benchmarks.making.trials import Run
    from apigauge.sandboxes import Program

    def run(source: str) -> Run:
        verdict = sandbox.run(Program(source, output_bytes=_OUTPUT_BYTES))
        if verdict.status != "passed":
            return Run(None, f"{verdict.status} {verdict.reason}".strip()[:200])
        if verdict.evidence.get("output_bytes", 0) > _OUTPUT_BYTES:
            return Run(None, f"prints more than {_OUTPUT_BYTES} bytes")
        return Run(verdict.output)

    with ThreadPoolExecutor(sandbox.concurrency) as pool:
        yield from pool.map(run, programs)


def _rewriting(arguments: argparse.Namespace) -> Any:
    if not arguments.rewrite:
        return None
    from apigauge.harness.generation.rewriting import rewriter

    return rewriter(arguments.rewrite, arguments.base_url, say)
