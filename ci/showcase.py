"""The showcase: a leaderboard of all that can be scored on this machine, and what was left out and why.

Usage: PYTHON ci/showcase.py DIR [PART ...], in the checkout. Parts: see ``PARTS``; all by default. Runs that are
complete are not made again, and those that were stopped are resumed.
"""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from apigauge import load_benchmark
from apigauge.benchmarks.files import search_path
from apigauge.errors import ApigaugeError
from apigauge.harness.evaluation.sandbox_choice import hub_for
from apigauge.sandboxes import environments
from apigauge.sandboxes.factory import availability

ROOT = Path(__file__).parents[1]
HUBS = ("huggingface", "tensorflowhub", "torchhub")
MODELS = {
    "checkpoint": "hf:apigauge-mini",
    "bm25": "retrieval:bm25",
    "constant": "constant:torch.topk(scores, k=3)",
}
# Answers of an older year, under an old and a new version: docs/results/version-drift.md.
DRIFT = ("pandas-idioms", "pandas==2.3.3,pandas==3.1.1")
# The quickest of those in docs/results/made-benchmarks.md.
MADE = "networkx==3.6.1"
# Of a training with AI feedback: its page, and its checkpoints' runs where somebody has put them.
TRAINING = ROOT / "docs" / "results" / "rlaif-torchhub"


@dataclass
class Showcase:
    """What is built, in ``out``, and what could not be."""

    out: Path
    left_out: list[str] = field(default_factory=list)

    def run(self, name: str, command: str, *words: str, count: int = 1) -> None:
        """Makes a run, or a folder of so many, by ``apigauge COMMAND``, unless all are complete."""
        folder = self.out / "runs" / name
        if sum(is_complete(path.parent) for path in folder.rglob("summary.json")) == count:
            print(f"{folder}: complete")
        elif not self.apigauge(command, *words, "--out", str(folder)):
            self.left_out.append(f"{name}: see the message above")

    def apigauge(self, *words: str) -> bool:
        """Runs a command, which is printed first; whether it succeeded."""
        print(f"$ apigauge {shlex.join(words)}", flush=True)
        return subprocess.run([sys.executable, "-m", "apigauge", *words], cwd=ROOT, check=False).returncode == 0


def is_complete(folder: Path) -> bool:
    """Whether a run is scored to its end."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        return bool(summary["items"] == summary["expected"])
    except (OSError, ValueError, KeyError):
        return False


def mini(showcase: Showcase) -> None:
    """The benchmark that comes with apigauge: its checkpoint and two baselines."""
    for name, model in MODELS.items():
        showcase.run(f"mini-{name}", "run", "--benchmark", "mini", "--model", model)


def released(showcase: Showcase) -> None:
    """Gorilla-7B's released answers; their programs are run where there are an engine, an image and a hub."""
    for hub in HUBS:
        try:
            benchmark = load_benchmark(f"apibench-{hub}")
        except ApigaugeError as error:
            showcase.left_out.append(f"released answers, {hub}: {error}")
            continue
        sandbox = "docker"
        try:
            availability("docker", environments.load(benchmark.environment))
            hub_for(benchmark.hub, None)
        except ApigaugeError as error:
            sandbox = "none"
            showcase.left_out.append(f"programs of the released answers, {hub}: {error}")
        files = list(answer_files(hub))
        if not files:
            showcase.left_out.append(f"released answers, {hub}: the data has no responses/response_{hub}_*.jsonl")
        for name, file in files:
            words = ("--benchmark", benchmark.name, "--responses", str(file), "--sandbox", sandbox)
            showcase.run(name if sandbox == "docker" else f"{name}-static", "score", *words)
            if is_complete(showcase.out / "runs" / name):
                shutil.rmtree(showcase.out / "runs" / f"{name}-static", ignore_errors=True)


def answer_files(hub: str) -> Iterator[tuple[str, Path]]:
    """The files of released answers to a hub's questions, each with the name of its run."""
    folders = (folder / "responses" for folder in search_path(None))
    pattern = f"response_{hub}_Gorilla_*.jsonl"
    for file in sorted(next((folder for folder in folders if folder.is_dir()), Path("responses")).glob(pattern)):
        yield f"gorilla-{hub}-{file.stem.partition('Gorilla_')[2]}", file


def versions(showcase: Showcase) -> None:
    """The same answers under two versions of a library."""
    name, both = DRIFT
    # Relative, as the run records it.
    folder = (TRAINING.parent / "version-drift" / name).relative_to(ROOT)
    words = ("--benchmark", str(folder), "--model", f"replay:{folder / 'answers.jsonl'}")
    words = (*words, "--sandbox", "process", "--metrics", "exec.correct", "--environment", both)
    showcase.run(name, "run", *words, count=len(both.split(",")))


def made(showcase: Showcase) -> None:
    """A benchmark made from a library, and what a retriever reaches on it."""
    folder = showcase.out / MADE
    if not (folder / "benchmark.toml").exists() and not showcase.apigauge(
        "benchmarks", "make", MADE, "--out", str(folder)
    ):
        showcase.left_out.append(f"{MADE}: see the message above")
        return
    showcase.run(f"{MADE}-bm25", "run", "--benchmark", str(folder), "--model", MODELS["bm25"])


def training(showcase: Showcase) -> None:
    """Checkpoints of a training with AI feedback, and the page of that training."""
    checkpoints = sorted(path.parent for path in TRAINING.rglob("manifest.json"))
    if not checkpoints:
        showcase.left_out.append(f"runs of checkpoints: {TRAINING.relative_to(ROOT)} has only the training's page")
    for path in checkpoints:
        shutil.copytree(path, showcase.out / "runs" / f"rlaif-{path.name}", dirs_exist_ok=True)


PARTS = {"mini": mini, "released": released, "versions": versions, "made": made, "training": training}


def main() -> int:
    """Builds the parts and the site; 0 if the site is there."""
    showcase = Showcase(Path(sys.argv[1]).resolve())
    for name in sys.argv[2:] or PARTS:
        PARTS[name](showcase)
    site = showcase.out / "site"
    is_written = showcase.apigauge("report", str(showcase.out / "runs"), "--out", str(site))
    if is_written and TRAINING.is_dir():
        shutil.copytree(TRAINING, site / "training", dirs_exist_ok=True)
        print(site / "training" / "index.html")
    for text in showcase.left_out:
        print(f"left out: {text}")
    return 0 if is_written else 1


if __name__ == "__main__":
    sys.exit(main())
