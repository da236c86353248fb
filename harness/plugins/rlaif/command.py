"""``apigauge rlaif``: trains a small model with AI feedback, and scores it by the harness."""

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
    "feedback": "draw answers and have the labeler judge them",
    "reward": "train the reward model on the judgements",
    "train": "raise the reward by PPO or another algorithm",
    "run": "all of it for every seed, and the report",
}


@hookimpl
def apigauge_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("rlaif", help="train a small model with AI feedback, and score it by the harness")
    stages = parser.add_subparsers(metavar="STAGE", required=True)
    for name, told in _STAGES.items():
        stage = stages.add_parser(name, help=f"{told}; what it depends on is done first, what is done stays")
        stage.add_argument("recipe", type=Path, metavar="RECIPE", help="a file such as rlaif.toml")
        stage.add_argument("--seed", type=int, metavar="N", help="only this one of the recipe's seeds")
        if name in ("train", "run"):
            stage.add_argument("--algorithm", choices=ALGORITHMS, help="instead of the recipe's; ppo if it names none")
        add_common(stage)
        stage.set_defaults(function=run, stage=name)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    # Before torch is loaded: its threads would wait for each other by spinning, on cores that scoring and sandbox need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from apigauge.harness.plugins.rlaif import pipeline, recipe, report
    except ImportError as error:
        raise UsageError(f"rlaif: {error}; pip install 'apigauge[rlaif]'") from error

    asked = recipe.read(arguments.recipe, getattr(arguments, "algorithm", None))
    if arguments.seed is not None:
        if arguments.seed not in asked.seeds:
            raise UsageError(f"--seed {arguments.seed}: the recipe has {', '.join(map(str, asked.seeds))}")
        asked = replace(asked, seeds=(arguments.seed,))
    until = None if arguments.stage == "run" else arguments.stage
    with pipeline.opened(asked, arguments.data_dir, say) as seeds:
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
