"""``apigauge rlaif``: trains a small model with AI feedback, and scores it with the harness."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigauge.errors import UsageError
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import print_json, say
from apigauge.harness.plugins.rlaif.options import ALGORITHMS
from apigauge.harness.plugins.spec import hookimpl

_STAGES = {
    "sft": "fine-tune on the benchmark's training part",
    "feedback": "draw answers and label them",
    "reward": "train the reward model on the labels",
    "train": "train by PPO or another algorithm",
    "run": "all stages for every seed, and the report",
}


@hookimpl
def apigauge_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser = commands.add_parser("rlaif", help="train a small model with AI feedback, and score it by the harness")
    stages = parser.add_subparsers(metavar="STAGE", required=True)
    for name, description in _STAGES.items():
        stage = stages.add_parser(name, help=f"{description}; earlier stages run first, finished ones are skipped")
        stage.add_argument("recipe", type=Path, metavar="RECIPE", help="a file such as rlaif.toml")
        stage.add_argument("--seed", type=int, metavar="N", help="only this seed of the recipe")
        if name in ("train", "run"):
            stage.add_argument("--algorithm", choices=ALGORITHMS, help="overrides the recipe's (default: ppo)")
        add_common(stage)
        stage.set_defaults(function=run, stage=name)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    # Before torch is loaded: its threads would otherwise wait by spinning, on cores that scoring and sandbox need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from apigauge.harness.plugins.rlaif import pipeline, recipe, report
    except ImportError as error:
        raise UsageError(f"rlaif: {error}; pip install 'apigauge[rlaif]'") from error

    training = recipe.read(arguments.recipe, getattr(arguments, "algorithm", None))
    if arguments.seed is not None:
        if arguments.seed not in training.seeds:
            raise UsageError(f"--seed {arguments.seed}: the recipe has {', '.join(map(str, training.seeds))}")
        training = replace(training, seeds=(arguments.seed,))
    until = None if arguments.stage == "run" else arguments.stage
    with pipeline.opened(training, arguments.data_dir, say) as seeds:
        for seed in seeds:
            seed.run(until or pipeline.STAGES[-1])
        if until:
            result: dict[str, Any] = {"folders": [str(seed.folder) for seed in seeds]}
        else:
            result = report.write(seeds, arguments.data_dir)
    if arguments.json:
        print_json(result)
    else:
        print(result.get("index") or "\n".join(result["folders"]))
    return 0
