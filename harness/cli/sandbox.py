"""``apigauge sandbox``: build, doctor, attack, exec."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError
from apigauge.harness.cli.options import add_consent, positive
from apigauge.harness.cli.output import add_json, print_json, say

if TYPE_CHECKING:
    from apigauge.sandboxes.attacks.run import Result
    from apigauge.sandboxes.doctor import Finding

_MARKS = {True: "ok", False: "NO", None: "-"}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, function, text in (
        ("build", build, "make an environment's image"),
        ("doctor", doctor, "what this machine offers, and which limits a sandbox on it enforces"),
        ("attack", attack, "run the attack suite against the sandbox on this machine"),
        ("exec", execute, "run one program and print the verdict"),
    ):
        action = actions.add_parser(name, help=text)
        add_json(action)
        action.set_defaults(function=function)
        if name == "build":
            _add_build(action)
        else:
            _add_kind(action, name)


def _add_build(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "environment", metavar="ENV", help="python, mini, huggingface, huggingface-current, torchhub or tensorflowhub"
    )
    action.add_argument(
        "--base",
        choices=("docker", "debootstrap"),
        default="docker",
        help="docker: the digest-pinned public image (default); debootstrap: from Debian packages, no image registry",
    )
    action.add_argument("--mirror", metavar="URL", help="Debian mirror for debootstrap (default: this machine's)")
    action.add_argument("--rebuild", action="store_true", help="even if the image exists")
    action.add_argument("--relock", action="store_true", help="first write the lock file again, from requirements.txt")


def _add_kind(action: argparse.ArgumentParser, name: str) -> None:
    action.add_argument("--sandbox", choices=("auto", "docker", "process"), default="auto", help="default: auto")
    add_consent(action)
    action.add_argument("--environment", metavar="ENV", default="python", help="what is installed (default: python)")
    if name == "attack":
        action.add_argument("--family", metavar="NAME", help="only this family")
    if name == "exec":
        action.add_argument("file", metavar="FILE", help="a Python program; - for standard input")
        action.add_argument("--call", metavar="NAME", help="its API call, e.g. torch.hub.load (default: its first)")
        action.add_argument("--runtime", metavar="NAME", help="another OCI runtime, e.g. runsc")
        action.add_argument("--cpu-seconds", type=float, metavar="S", help="CPU time it may use")
        action.add_argument("--memory-mib", type=positive, metavar="N", help="memory it may use")


def build(arguments: argparse.Namespace) -> int:
    """Makes an environment's image."""
    from apigauge.sandboxes.build import build as build_image
    from apigauge.sandboxes.build import relock
    from apigauge.sandboxes.environments.find import find
    from apigauge.sandboxes.progress import Progress

    environment = find(arguments.environment, say)
    if arguments.relock:
        with Progress(say) as progress:
            progress.at(f"{environment.name}: finding the packages that satisfy requirements.txt")
            progress(f"written: {relock(environment)[0]}")
        environment = find(arguments.environment)
    image = build_image(environment, arguments.base, say=say, rebuild=arguments.rebuild, mirror=arguments.mirror)
    if arguments.json:
        print_json({"tag": image.tag, "id": image.id, "lock": image.lock_digest, "packages": list(image.packages)})
    else:
        print(f"{image.tag} {image.id} ({len(image.packages)} packages)")
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Examines the machine and a sandbox on it; 4 if a required check fails."""
    from apigauge.sandboxes.doctor import examine

    findings = examine(
        arguments.sandbox,
        arguments.environment,
        _ignore if arguments.json else _print_finding,
        accepts_no_isolation=arguments.accept_no_isolation,
    )
    bad = [finding for finding in findings if finding.ok is False]
    if arguments.json:
        print_json({"checks": [{"name": f.name, "ok": f.ok, "found": f.result, "advice": f.advice} for f in findings]})
    else:
        print(f"\n{len(bad)} of {len(findings)} checks need attention" if bad else "\nall checks passed")
    return 4 if any(not finding.name.startswith(_OPTIONAL) for finding in bad) else 0


# A sandbox works without these.
_OPTIONAL = ("bubblewrap", "engine", "image ", "hub ")


def _ignore(_: object) -> None:
    pass


def _print_finding(finding: "Finding") -> None:
    print(f"{_MARKS[finding.ok]:3} {finding.name:34} {finding.result}")
    if finding.advice:
        print(f"    {'':34} {finding.advice}")


def attack(arguments: argparse.Namespace) -> int:
    """Runs the attack suite; 4 if an attack succeeded."""
    from apigauge.sandboxes.attacks import load
    from apigauge.sandboxes.attacks.host import Host
    from apigauge.sandboxes.attacks.run import LIMITS
    from apigauge.sandboxes.attacks.run import attack as run_attacks
    from apigauge.sandboxes.factory import open_sandbox

    chosen = [each for each in load() if arguments.family in (None, each.family)]
    consent = arguments.accept_no_isolation
    sandbox = open_sandbox(
        arguments.sandbox, arguments.environment, LIMITS, concurrency=1, accepts_no_isolation=consent, say=say
    )
    try:
        about = sandbox.describe()
        kind = "bare" if about["kind"] == "process" and not about["namespaces"] else about["kind"]
        neighbour = open_sandbox(
            about["kind"], arguments.environment, LIMITS, concurrency=1, accepts_no_isolation=consent
        )
        try:
            tick = _ignore if arguments.json else _print_attack
            results = run_attacks(sandbox, kind, neighbour, attacks=chosen, checks=[Host()], tick=tick)
        finally:
            neighbour.close()
    finally:
        sandbox.close()
    succeeded = [result for result in results if not result.ok]
    if arguments.json:
        print_json({"attacks": [result.to_json() for result in results]})
    else:
        print(f"\n{len(results) - len(succeeded)} of {len(results)} attacks failed ({kind} sandbox)")
    return 4 if succeeded else 0


def _print_attack(result: "Result") -> None:
    expected = " | ".join(result.expected)
    print(
        f"{_MARKS[result.ok]:3} {result.family:12} {result.name:36} {result.got:20} expected {expected} {result.effect}"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Runs one program; 0 whatever its verdict, 4 if the sandbox failed."""
    from dataclasses import replace

    from apigauge.sandboxes import Limits
    from apigauge.sandboxes.factory import open_sandbox

    source = sys.stdin.read() if arguments.file == "-" else _read(Path(arguments.file))
    limits = Limits()
    if arguments.cpu_seconds:
        limits = replace(limits, cpu_seconds=arguments.cpu_seconds)
    if arguments.memory_mib:
        limits = replace(limits, memory_bytes=arguments.memory_mib << 20)
    sandbox = open_sandbox(
        arguments.sandbox,
        arguments.environment,
        limits,
        concurrency=1,
        runtime=arguments.runtime,
        accepts_no_isolation=arguments.accept_no_isolation,
        say=say,
    )
    try:
        verdict = sandbox.run(_program(source, arguments.call))
    finally:
        sandbox.close()
    if arguments.json:
        print_json(verdict.to_json())
    else:
        category = f" ({verdict.category})" if verdict.category else ""
        reason = _without_controls(verdict.reason)
        print(f"{verdict.status}{category}, stage {verdict.stage}{': ' if reason else ''}{reason}")
        for name in ("stdout", "stderr"):
            if text := verdict.evidence.get(name):
                print(f"--- {name}\n{_without_controls(text.rstrip())}")
    return 4 if verdict.status == "infra" else 0


def _without_controls(text: str) -> str:
    """A text with its control characters written out: a terminal would obey them, and show another verdict."""
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ApigaugeError(f"{path}: is not UTF-8 text ({error.reason}); give a Python program.") from error


def _program(source: str, call: str | None) -> Any:
    """The program with its API call: ``call``, or by default its first call of an imported function."""
    from apigauge.harness.extraction.call_scan import find_calls, imports
    from apigauge.sandboxes import Program

    if call is None:
        names = imports(source)
        call = next((span.callee for span in find_calls(source) if span.callee.split(".")[0] in names), None)
    return Program(source, call)
