"""Opens labelers by name, and scores answers with them."""

from collections.abc import Sequence
from pathlib import Path

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labeler
from apigauge.sandboxes.verdict import Sandbox

MODELS = ("openai", "hf", "vllm")


def check_labeler(spec: str) -> None:
    """Checks the name of a labeler.

    Raises:
        UsageError: there is no such labeler.
    """
    kind, _, model = spec.partition(":")
    if spec not in ("static", "execution") and not (kind in MODELS and model):
        raise UsageError(f"labeler {spec!r}: give static, execution, openai:MODEL, hf:ID_OR_PATH or vllm:ID_OR_PATH")


def open_labeler(
    spec: str,
    benchmark: Benchmark,
    *,
    folder: Path | None = None,
    options: ModelOptions | None = None,
    sandbox: Sandbox | None = None,
) -> Labeler:
    """Opens a labeler.

    Args:
        spec: ``static``, ``execution``, or a model: ``openai:MODEL``, ``hf:ID_OR_PATH``, ``vllm:ID_OR_PATH``.
        benchmark: its catalogue decides which APIs exist.
        folder: for a model's replies, which are reused; None stores them in the cache of completions only.
        options: of a model; the labeler sets the sampling.
        sandbox: where ``execution`` runs programs; the caller closes it.

    Raises:
        UsageError: there is no such labeler, or ``execution`` has no sandbox.
        ModelError: the checkpoint or the server is unavailable.
    """
    check_labeler(spec)
    if spec == "static":
        from apigauge.harness.plugins.rlaif.labelers.static import Static

        return Static(benchmark)
    if spec == "execution":
        from apigauge.harness.plugins.rlaif.labelers.execution import Execution

        if sandbox is None:
            raise UsageError("labeler execution: it runs the programs, so it needs a sandbox")
        return Execution(benchmark, sandbox)
    from apigauge.harness.plugins.rlaif.labelers.model import Model

    return Model(spec, benchmark, folder, options)


def scores(labeler: Labeler, items: Sequence[Item], completions: Sequence[tuple[int, str]]) -> list[float]:
    """The scores of answers drawn in training, from 0 to the number of questions of the labeler.

    All answers count as complete: the training itself decides how to score a truncated one.

    Args:
        labeler: judges the answers.
        items: the questions.
        completions: pairs of an item's position and an answer.

    Raises:
        ModelError: an answer has no score, since the labeler failed or its replies could not be parsed.
    """
    answers = [Answer(items[at], number, text) for number, (at, text) in enumerate(completions)]
    by_number = {answer.sample: labels.score for answer, labels in labeler.label(answers)}
    missing = [answer.item.id for answer in answers if by_number.get(answer.sample) is None]
    if missing:
        raise ModelError(f"{len(missing)} of {len(answers)} answers have no score (items {', '.join(missing[:5])})")
    return [float(by_number[answer.sample] or 0) for answer in answers]
