"""``static``: the questions answered by analysis of the program, without a model, a sandbox or the reference.

- ``imports``: no undefined name is called or has its attributes used, and each package is Python's own, one
  that the catalogue's examples import, or one that the benchmark's environment asks for.
- ``parses``: Python accepts it.
- ``complete``: the answer ended by itself, the program calls a function of the catalogue, the one that the answer
  names, and no body, dots, ``NotImplementedError`` or comment stands for something that is left out.
- ``names``: pyflakes finds no undefined name.
- ``bugs``: nor any other error, and it does not end in one that it raises itself.
- ``logic``: it calls what the answer names, a function of the catalogue; nothing stands behind an exit; no import,
  variable, function or statement is for nothing; and what the call returns is used, unless the catalogue's examples
  drop it as well.
- ``api``: the call names a row of the catalogue, and its signature, where the row has one, accepts the arguments.
- ``asked``: one of the rows it names is relevant to the request (see ``relevance.py``).

Of a program that does not parse only the last two can be yes. What ``from MODULE import *`` brings is not followed.
Whether a program works only running it will tell.
"""

import platform
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import Extraction, extract
from apigauge.harness.metrics.executability import program_of
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.plugins.rlaif.labelers import Answer, Labels
from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue
from apigauge.harness.plugins.rlaif.labelers.programs import calls_the_catalogue, complaints, world
from apigauge.harness.plugins.rlaif.labelers.relevance import Relevance
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.sandboxes import environments

_CODE = (
    *(f"plugins/rlaif/labelers/{name}.py" for name in ("catalogue", "programs", "relevance", "static")),
    *(f"metrics/{name}.py" for name in ("ast_match", "calls", "executability", "signatures", "values")),
    "extraction/extract.py",
    "extraction/call_scan.py",
)


class Static:
    """Analyses programs; deterministic.

    Args:
        benchmark: whose catalogue says what exists.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        rows = benchmark.catalogue
        functions = functions_of((api.call for api in rows), benchmark.conventions)
        examples = [api.example.replace(";", "\n") for api in rows]
        installed = environments.load(benchmark.environment).requirements if benchmark.environment else ()
        self._world = world(functions, examples, [*installed, *(api.library for api in rows)])
        self._catalogue = Catalogue(benchmark)
        self._relevance = Relevance(benchmark, self._catalogue)

    def describe(self) -> dict[str, Any]:
        """Our own code, and what it reads programs with."""
        engine = ", ".join(f"{name} {version(name)}" for name in ("pyflakes", "bm25s", "tree-sitter-python"))
        python = ".".join(platform.python_version_tuple()[:2])
        return {
            "kind": "static",
            "questions": list(QUESTIONS),
            "engine": f"{engine}, Python {python}",
            "code": code_digest(*_CODE),
        }

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order."""
        for answer in answers:
            if (answer.item.id, answer.sample) in done:
                continue
            wrong = self._wrong(answer)
            yield (
                answer,
                Labels({name: name not in wrong for name in QUESTIONS}, {name: [text] for name, text in wrong.items()}),
            )

    def _wrong(self, answer: Answer) -> dict[str, str]:
        """Question -> why it is answered with no."""
        found = extract(answer.text, self._world.functions)
        program = program_of(found.call, found.program)
        if program is None:
            return dict.fromkeys(QUESTIONS, "there is no program")
        rows = self._catalogue.named(found)
        wrong = self._api(answer, found, rows)
        try:
            seen = complaints(program.source, self._world)
            if "parses" not in seen:
                seen = self._calls(answer, found, rows, program.source) | seen
        except RecursionError:
            seen = dict.fromkeys(set(QUESTIONS) - {"parses", "api", "asked"}, "it is nested too deep to be read")
        return wrong | seen

    def _api(self, answer: Answer, found: Extraction, rows: list[int]) -> dict[str, str]:
        if not rows:
            return dict.fromkeys(("api", "asked"), "the catalogue has no such API")
        wrong = {}
        refusals = [self._catalogue.refusal(found, row) for row in rows]
        if all(refusals):
            wrong["api"] = refusals[0]
        if not any(self._relevance.is_relevant(row, answer.item.instruction) for row in rows):
            wrong["asked"] = "the API is for another task"
        return wrong

    def _calls(self, answer: Answer, found: Extraction, rows: list[int], source: str) -> dict[str, str]:
        """What is wrong with the program as the answer's: its end, and its call beside the one that was announced."""
        made = extract(source, self._world.functions)
        wrong = {}
        if not calls_the_catalogue(source, self._world):
            wrong = dict.fromkeys(("complete", "logic"), "it calls nothing of the catalogue")
        elif made.call != found.call and self._catalogue.named(made) != rows:
            wrong = dict.fromkeys(("complete", "logic"), f"it makes another call than {found.call}")
        if answer.finish_reason != "stop":
            wrong["complete"] = f"the answer ended by {answer.finish_reason}"
        return wrong
