"""``static``: answers the questions by static analysis, without a model, a sandbox or the reference.

- ``imports``: no undefined name is called or has its attributes used, and each package is in the standard library,
  imported by the catalogue's examples, or required by the benchmark's environment.
- ``parses``: it is valid Python.
- ``complete``: the answer was not truncated, the program calls the catalogue's function that the answer names, and
  there is no placeholder: an empty body, dots, ``NotImplementedError`` or a to-do comment.
- ``names``: pyflakes finds no undefined name.
- ``bugs``: pyflakes finds no other error, and no top-level statement raises one.
- ``logic``: it calls the catalogue's function that the answer names; no code is unreachable behind an exit; no import,
  variable, function or statement is unused; and the call's result is used, unless the catalogue's examples ignore it
  too.
- ``api``: the call names a row of the catalogue, and its signature, where the row has one, accepts the arguments.
- ``asked``: one of the rows it names is relevant to the request (see ``relevance.py``).

For a program that does not parse, only the last two can be yes. Names from ``from MODULE import *`` are not resolved.
Whether a program works can only be decided by running it (``execution``).
"""

import platform
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import Extraction, extract
from apigauge.harness.metrics.executability import program_of
from apigauge.harness.metrics.registry import EXTRACTION_CODE, code_digest
from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue
from apigauge.harness.plugins.rlaif.labelers.programs import calls_the_catalogue, complaints, world
from apigauge.harness.plugins.rlaif.labelers.relevance import Relevance
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.sandboxes.environments.find import find

_CODE = (
    *(f"harness/plugins/rlaif/labelers/{name}.py" for name in ("catalogue", "programs", "relevance", "static")),
    *(
        f"harness/metrics/{name}.py"
        for name in ("ast_match", "calls", "executability", "references", "same_call", "signatures", "values")
    ),
    *EXTRACTION_CODE,
)


class Static:
    """Static analysis as labeler; deterministic.

    Args:
        benchmark: its catalogue decides which APIs exist.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        rows = benchmark.catalogue
        functions = functions_of((api.call for api in rows), benchmark.conventions)
        examples = [api.example.replace(";", "\n") for api in rows]
        installed = find(benchmark.environment).requirements if benchmark.environment else ()
        self._world = world(functions, examples, [*installed, *(api.library for api in rows)])
        self._catalogue = Catalogue(benchmark)
        self._relevance = Relevance(benchmark, self._catalogue)

    def describe(self) -> dict[str, Any]:
        """The digest of the analysing code, and the versions of its libraries."""
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
        """Question -> reason for a no."""
        extraction = extract(answer.text, self._world.functions)
        program = program_of(extraction.call, extraction.program)
        if program is None:
            return dict.fromkeys(QUESTIONS, "there is no program")
        rows = self._catalogue.rows_of(extraction)
        wrong = self._api(answer, extraction, rows)
        try:
            problems = complaints(program.source, self._world)
            if "parses" not in problems:
                problems = self._calls(answer, extraction, rows, program.source) | problems
        except RecursionError:
            problems = dict.fromkeys(set(QUESTIONS) - {"parses", "api", "asked"}, "it is nested too deep to be read")
        return wrong | problems

    def _api(self, answer: Answer, extraction: Extraction, rows: list[int]) -> dict[str, str]:
        if not rows:
            return dict.fromkeys(("api", "asked"), "the catalogue has no such API")
        wrong = {}
        refusals = [self._catalogue.refusal(extraction, row) for row in rows]
        if all(refusals):
            wrong["api"] = refusals[0]
        if not any(self._relevance.is_relevant(row, answer.item.instruction) for row in rows):
            wrong["asked"] = "the API is for another task"
        return wrong

    def _calls(self, answer: Answer, extraction: Extraction, rows: list[int], source: str) -> dict[str, str]:
        """Problems of the program as an answer: truncation, and a call that differs from the announced one."""
        in_program = extract(source, self._world.functions)
        wrong = {}
        if not calls_the_catalogue(source, self._world):
            wrong = dict.fromkeys(("complete", "logic"), "it calls nothing of the catalogue")
        elif in_program.call and in_program.call != extraction.call and self._catalogue.rows_of(in_program) != rows:
            wrong = dict.fromkeys(("complete", "logic"), f"it makes another call than {extraction.call}")
        if answer.finish_reason != "stop":
            wrong["complete"] = f"the answer ended by {answer.finish_reason}"
        return wrong
