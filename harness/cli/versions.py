"""One set of answers in several environments: ``--environment A,B``, and the table of what broke where."""

import argparse
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError
from apigauge.harness.cli.output import say
from apigauge.harness.cli.pairs import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from apigauge.benchmarks import Benchmark, Item
    from apigauge.harness.comparison.versions import Broken, Drift, Version
    from apigauge.harness.generation.types import Completion, Generator

_SHOWN = 40


def environments_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The environments that ``--environment`` names; empty without the option."""
    from apigauge.sandboxes.environments.find import several

    return several(arguments.environment) if arguments.environment else ()


def only_environment(arguments: argparse.Namespace, what: str) -> None:
    """Refuses several environments where there is one run.

    Raises:
        UsageError: ``--environment`` names several.
    """
    if len(environments_of(arguments)) > 1:
        raise UsageError(f"--environment: {what} is scored in one environment; give one")


def in_each(
    arguments: argparse.Namespace,
    generator: "Generator",
    out: Path,
    score: "Callable[[Generator, Path], Outcome]",
) -> Outcome:
    """Answers once, scores the answers in every environment, and prints what broke where.

    Args:
        arguments: of the command; ``environment`` names several.
        generator: answers, for the first environment.
        out: gets a run's folder for each environment.
        score: scores a generator's answers into a folder.

    Raises:
        UsageError: programs are not to be run.
    """
    if arguments.sandbox == "none":
        raise UsageError("--environment: several of them are compared by running programs; leave out --sandbox none")
    given, names = arguments.environment, environments_of(arguments)
    folders = [out / name for name in folder_names(names)]
    outcomes: list[Outcome] = []
    try:
        for name, folder in zip(names, folders, strict=True):
            say(f"apigauge: in {name}")
            arguments.environment = name
            outcomes.append(score(SameAnswers(generator, folders[0]) if outcomes else generator, folder))
    finally:
        arguments.environment = given
    from apigauge.harness.comparison.versions import drift

    result = drift(folders)
    if not arguments.json:
        print_drift(result)
    runs = {"versions": [one.result for one in outcomes], "drift": result.to_json()}
    return Outcome(max(one.code for one in outcomes), runs)


def folder_names(environments: Sequence[str]) -> list[str]:
    """A folder's name for each environment: ``pandas-2.3`` of ``pandas==2.3``, the last part of a path."""
    names: list[str] = []
    for text in environments:
        plain = re.sub(r"[^A-Za-z0-9._]+", "-", text.rstrip("/").rpartition("/")[2]).strip("-.") or "environment"
        names.append(next(name for name in (plain, *(f"{plain}-{n}" for n in range(2, 99))) if name not in names))
    return names


class SameAnswers:
    """The answers that a run holds already, as if the model gave them again.

    Args:
        generator: gave them.
        run: holds them.
    """

    def __init__(self, generator: "Generator", run: Path) -> None:
        self._generator, self._run = generator, run
        self.samples, self.hits, self.unanswered = generator.samples, 0, 0
        self.problems: list[str] = []
        self.chat_template = getattr(generator, "chat_template", "")

    def describe(self) -> dict[str, Any]:
        """As the model."""
        return self._generator.describe()

    def prompts(self, benchmark: "Benchmark", items: "Sequence[Item]") -> list[str]:
        """As the model."""
        return self._generator.prompts(benchmark, items)

    def generate(
        self, benchmark: "Benchmark", items: "Sequence[Item]", done: Collection[tuple[str, int]] = ()
    ) -> "Iterator[Completion]":
        """The run's answers."""
        from apigauge.harness.evaluation.evaluate import stored

        wanted = {item.id for item in items}
        for completion in stored(self._run, benchmark):
            if completion.item in wanted and (completion.item, completion.sample) not in done:
                yield completion


def print_drift(drift: "Drift") -> None:
    """The table of versions, and what broke where."""
    from apigauge.harness.cli.tables import Column, print_table

    headings = ("correct", "ceiling", "ran to its end", "deprecated", "broke here")
    print_table(
        [Column("environment", folds=16), *(Column(heading, is_right=True) for heading in headings)],
        [
            (
                one.environment,
                *(_share(share) for share in (one.correct, one.ceiling, one.ran, one.deprecated)),
                str(one.broken),
            )
            for one in drift.versions
        ],
        title=f"{drift.answers} answers in {len(drift.versions)} environments",
        caption="ceiling: what the references reach there, once `apigauge benchmarks check` has measured it; "
        "broke here: answers that work in another environment",
    )
    _print_answers("answers that work in one and not in another", drift.broken, drift.versions)
    if drift.deprecated:
        _print_answers("answers that work everywhere, with a deprecation warning", drift.deprecated, drift.versions)


def _share(value: float | None) -> str:
    return f"{value:.4f}" if value is not None else "-"


def _print_answers(title: str, answers: "Sequence[Broken]", versions: "Sequence[Version]") -> None:
    from apigauge.harness.cli.tables import printable

    print(f"\n{title}: {len(answers)}")
    for one in answers[:_SHOWN]:
        sample = f" (sample {one.sample})" if one.sample else ""
        print(f"  item {printable(one.item)}{sample}")
        for version, outcome in zip(versions, one.outcomes, strict=True):
            first = outcome.message.strip().partition("\n")[0]
            message = f": {printable(first)}" if first else ""
            print(f"    {version.environment}: {outcome.label}{message}")
    if len(answers) > _SHOWN:
        print(f"  and {len(answers) - _SHOWN} more; --json has all")
