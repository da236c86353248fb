"""A user's program that uses every public name of apigauge: checked with ``mypy --strict``, and run."""

import sys
from pathlib import Path

import apigauge
from apigauge import (
    AnswerScore,
    Api,
    ApigaugeError,
    Benchmark,
    CommentError,
    Comparison,
    DataError,
    Decision,
    ExecutorError,
    Extraction,
    Item,
    ModelError,
    ModelOptions,
    PluginError,
    Prompting,
    ResponsesError,
    Run,
    RunError,
    Sampling,
    SandboxError,
    SandboxOptions,
    UsageError,
)

ERRORS: tuple[type[ApigaugeError], ...] = (
    CommentError,
    DataError,
    ExecutorError,
    ModelError,
    PluginError,
    ResponsesError,
    RunError,
    SandboxError,
    UsageError,
)


@apigauge.hookimpl
def apigauge_commands(commands: object) -> None:
    """Adds no command."""


def main(folder: Path) -> None:
    """Scores the references and a baseline of ``mini``, and compares, gates and reports them."""
    mini: Benchmark = apigauge.load_benchmark("mini")
    item: Item = mini.items[0]
    api: Api = mini.catalogue[0]
    extraction: Extraction = apigauge.extract(api.call)
    one: AnswerScore = apigauge.score_answer(item.reference_program, item)
    options = ModelOptions(Sampling(max_new_tokens=8), Prompting("instruction"))
    baseline: Run = apigauge.score({each.id: each.reference_program for each in mini.items}, mini, out=folder / "good")
    constant: Run = apigauge.run(
        "mini", f"constant:{api.call}", out=folder / "constant", options=options, sandbox=SandboxOptions("none")
    )
    comparison: Comparison = apigauge.compare(baseline, constant)
    decision: Decision = apigauge.gate(constant, folder / "good", metrics=["ast.exact:0.02"], slices=["domain"])
    page: Path = apigauge.report([baseline, folder / "constant"], folder / "site")
    again: Run = apigauge.read_run(folder / "good")
    print(apigauge.__version__)
    print(extraction.call, one.metrics["ast.exact"], again.metrics["ast.exact"]["value"])
    print(len(again.answers), comparison.pairs, decision.decision, page.name)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except ERRORS as error:
        sys.exit(error.exit_code)
