"""Synthetic runs with seeded numbers, a browser that records what a page does, and nothing from the network."""

import functools
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from made_runs import write_made_run

from apigauge.reports.views import (
    ComparisonView,
    ContrastView,
    Interval,
    ItemView,
    PairView,
    RunView,
    TrainingCheckpoint,
    TrainingDifference,
    TrainingRow,
    TrainingView,
)

METRICS = (
    "ast.exact",
    "ast.domain",
    "hallucination",
    "ast.gorilla",
    "hallucination.gorilla",
    "rouge.1",
    "rouge.2",
    "rouge.L",
    "codebleu",
    "codebleu.corrected",
    "exec.rate",
    "exec.call",
    "exec.stage",
)
BENCHMARKS = ("apibench-huggingface", "apibench-torchhub", "mini")
MODELS = (
    ("gorilla-7b-ft", "replay", "replay:gorilla-ft.jsonl"),
    ("codegen-350m", "hf", "hf:Salesforce/codegen-350M-mono@main"),
    ("qwen-0.5b", "hf", "hf:Qwen/Qwen2.5-Coder-0.5B-Instruct@main"),
    ("llama-8b", "vllm", "vllm:meta-llama/Llama-3.1-8B-Instruct@main"),
    ("constant", "constant", "constant:torch.hub.load('pytorch/vision', 'resnet50')"),
    ("bm25", "retrieval", "retrieval:bm25"),
)
EXACT_LABELS = ("exact", "wrong_model", "wrong_function", "unknown_api", "no_call")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def make_item(number: int, **changes: Any) -> ItemView:
    """An item that is answered right if its number is even."""
    right = number % 2 == 0
    fields: dict[str, Any] = {
        "id": str(number),
        "sample": 0,
        "instruction": f"Question {number}: which model detects objects?",
        "reference_call": "torch.hub.load('pytorch/vision', 'resnet50')",
        "reference_program": "import torch\nmodel = torch.hub.load('pytorch/vision', 'resnet50')",
        "domain": "Object Detection",
        "text": f"<<<api_call>>>: torch.hub.load('pytorch/vision', 'model{number}')",
        "call": f"torch.hub.load('pytorch/vision', 'model{number}')",
        "program": None,
        "how": "section",
        "metrics": {"ast.exact": float(right), "hallucination": float(not right)},
        "labels": {"ast.exact": "exact" if right else "unknown_api"},
        "messages": {"ast.exact": f"message {number}"},
        "verdict": {"status": "passed", "stage": 4} if right else None,
    }
    return ItemView(**(fields | changes))


def make_run(name: str, values: dict[str, float] | None = None, **changes: Any) -> RunView:
    """A run with these metric values; ``changes`` are named below and otherwise ordinary."""
    chosen = {"ast.exact": 0.5} if values is None else values
    rows = changes.get("rows", tuple(make_item(number) for number in range(4)))
    metrics = {
        metric: {
            "value": value,
            "low": max(0.0, value - 0.05),
            "high": min(4.0 if metric == "exec.stage" else 1.0, value + 0.05),
            "n": 100,
            "clusters": 40,
            "method": "cluster bootstrap, percentile, 2000 draws",
            "seed": 7,
        }
        for metric, value in chosen.items()
    }
    manifest = {
        "schema_version": 1,
        "apigauge_version": "0.1.0",
        "benchmark": {
            "name": changes.get("benchmark", "apibench-torchhub"),
            "digest": changes.get("digest", "sha256:" + "ab" * 32),
            "items": 100,
        },
        "prompt_sha256": "cd" * 32,
        "generator": {
            "spec": changes.get("spec", "hf:some/model@1"),
            "kind": changes.get("kind", "hf"),
            "digest": "ef",
        },
        "metrics": changes.get("versions", {"ast_match": "1 (tree-sitter-python 0.21.0)", "rouge": "1"}),
        "sandbox": changes.get("sandbox", {"kind": "docker"}),
        "host": {},
        "timings": {},
        "cache": {"hits": 3},
    }
    summary = {
        "schema_version": 1,
        "items": changes.get("items", 100),
        "expected": changes.get("expected", 100),
        "metrics": metrics,
        "labels": changes.get("labels", {"ast.exact": {"exact": 2, "unknown_api": 2}}),
        "infra_error_rate": changes.get("infra_error_rate", 0.0),
        "withheld": changes.get("withheld", []),
        "ceilings": changes.get("ceilings", {}),
    }
    return RunView(name, manifest, summary, rows)


def make_contrast(a: float, b: float, p: float = 0.5, **changes: Any) -> ContrastView:
    """A metric in two runs, with an interval of a tenth and a least difference of a twentieth."""
    fields: dict[str, Any] = {
        "a": a,
        "b": b,
        "difference": b - a,
        "low": b - a - 0.05,
        "high": b - a + 0.05,
        "n": 100,
        "p": p / 2,
        "p_adjusted": p,
        "mcnemar": p / 4,
        "minimum_detectable": 0.05,
    }
    return ContrastView(**(fields | changes))


def make_comparison(
    pairs: Sequence[PairView], contrasts: dict[str, ContrastView] | None = None, **changes: Any
) -> ComparisonView:
    """Two runs with these answers, compared in ``ast.exact`` unless said otherwise."""
    fields: dict[str, Any] = {
        "a": make_run("before", spec="hf:some/model@1"),
        "b": make_run("after", spec="hf:some/model@2"),
        "contrasts": {"ast.exact": make_contrast(0.5, 0.6)} if contrasts is None else contrasts,
        "pairs": pairs,
        "manifests": [("generator.spec", "hf:some/model@1", "hf:some/model@2")],
        "identical": {"texts": (1, 4), "extractions": (2, 4), "verdicts": (0, 0)},
        "only_a": 0,
        "only_b": 0,
        "withheld": [],
    }
    return ComparisonView(**(fields | changes))


def make_pair(api: str, number: int, before: float, after: float, **changes: Any) -> PairView:
    """Two answers to one question with these scores in ``ast.exact``; ``changes`` are of the second one."""
    words = {0.0: "wrong_model", 1.0: "exact"}
    sides = [
        {"metrics": {"ast.exact": score}, "labels": {"ast.exact": words.get(score, "half")}}
        for score in (before, after)
    ]
    return PairView(api, make_item(number, **sides[0]), make_item(number, **(sides[1] | changes)))


def make_training(**changes: Any) -> TrainingView:
    """Three seeds over four steps and two checkpoints, in which nothing got worse."""
    seeds = changes.get("seeds", [0, 1, 2])
    names = ("reward", "kl", "entropy", "length", "clip_fraction")
    fields: dict[str, Any] = {
        "benchmark": "apibench-torchhub",
        "base": "hf:some/model@1",
        "labeler": "static",
        "seeds": seeds,
        "metrics": ["exec.rate", "ast.exact"],
        "rows": [
            TrainingRow(name, f"note on {name}", {"exec.rate": Interval(rate, rate - 0.05, rate + 0.0625, 558)})
            for name, rate in (("SFT", 0.5), ("RLAIF", 0.625))
        ],
        "differences": [
            TrainingDifference("RLAIF - SFT", "exec.rate", 0.125, 0.0625, 0.25, dict.fromkeys(seeds, 0.125))
        ],
        "method": "Bootstrap over seeds.",
        "curves": {seed: {"step": [1, 2, 3, 4], **{name: [seed, 0.5, 0.25, 2.0] for name in names}} for seed in seeds},
        "checkpoints": {
            seed: [
                TrainingCheckpoint(0, -0.5, {"exec.rate": 0.5, "ast.exact": 0.0625}, None, []),
                TrainingCheckpoint(
                    4, 1.5, {"exec.rate": 0.625, "ast.exact": 0.05}, {"exec.rate": 0.9, "ast.exact": 0.25}, []
                ),
            ]
            for seed in seeds
        },
        "facts": [("stage sft", "sha256:ab"), ("reward model", "pairs 7\naccuracy 0.875")],
        "recipe": "[train]\nsteps = 4\n",
    }
    return TrainingView(**(fields | changes))


def _synthetic_run(rng: random.Random, name: str, kind: str, spec: str, benchmark: str) -> RunView:
    executed = kind not in ("constant", "retrieval")
    names = [metric for metric in METRICS if executed or not metric.startswith("exec.")]
    values = {metric: rng.random() * (4.0 if metric == "exec.stage" else 1.0) for metric in names}
    labels = {label: rng.randrange(1, 60) for label in EXACT_LABELS}
    return make_run(
        name,
        values,
        kind=kind,
        spec=spec,
        benchmark=benchmark,
        sandbox={"kind": "docker"} if executed else None,
        labels={"ast.exact": labels},
    )


@pytest.fixture(scope="session")
def item() -> Callable[..., ItemView]:
    return make_item


@pytest.fixture(scope="session")
def run() -> Callable[..., RunView]:
    return make_run


@pytest.fixture(scope="session")
def pair() -> Callable[..., PairView]:
    return make_pair


@pytest.fixture(scope="session")
def contrast() -> Callable[..., ContrastView]:
    return make_contrast


@pytest.fixture(scope="session")
def comparison() -> Callable[..., ComparisonView]:
    return make_comparison


@pytest.fixture(scope="session")
def training() -> Callable[..., TrainingView]:
    return make_training


@pytest.fixture
def eighteen_runs() -> list[RunView]:
    return make_eighteen_runs()


def make_eighteen_runs() -> list[RunView]:
    """Six generators, two of them baselines, on three benchmarks."""
    rng = random.Random(20240917)
    return [
        _synthetic_run(rng, f"{name}-{benchmark}", kind, spec, benchmark)
        for benchmark in BENCHMARKS
        for name, kind, spec in MODELS
    ]


@pytest.fixture(scope="session")
def eighteen() -> Callable[[], list[RunView]]:
    return make_eighteen_runs


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For a site that a file's tests read and do not change; what its build keeps is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        _keep_apart(patch, tmp_path_factory)
        yield tmp_path_factory.mktemp("site")


@dataclass
class Opened:
    """A page with everything it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[[Path], Opened]]:
    """Opens a file in a fresh browser context and records requests, console errors and exceptions."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})

    def open_file(path: Path) -> Opened:
        opened = Opened(context.new_page())
        opened.page.set_default_timeout(5_000)
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on(
            "console",
            lambda message: opened.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(path.as_uri())
        return opened

    yield open_file
    context.close()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build keeps for the next one is not the user's."""
    _keep_apart(monkeypatch, tmp_path_factory)


def _keep_apart(patch: pytest.MonkeyPatch, folders: pytest.TempPathFactory) -> None:
    patch.setenv("XDG_CACHE_HOME", str(folders.mktemp("cache")))
    # matplotlib's list of fonts takes seconds to make, in each process that draws.
    patch.setenv("MPLCONFIGDIR", str(folders.getbasetemp() / "matplotlib"))


@pytest.fixture
def write_run(run: Callable[..., RunView], item: Callable[..., ItemView]) -> Callable[..., Path]:
    """Writes a run directory with its questions, seeded scores and two metrics."""
    return functools.partial(write_made_run, run, item)
