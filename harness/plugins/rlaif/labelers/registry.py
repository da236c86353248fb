"""Opens labelers by name, those of plugins too, and scores answers with them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ApigaugeError, ModelError, UsageError, did_you_mean
from apigauge.extensions import added
from apigauge.harness.metrics import package_code
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labeler, Labels
from apigauge.sandboxes.verdict import Sandbox

MODELS = ("openai", "hf", "vllm")
_KINDS = ("static", "embeddings", "judge", "execution", "oracle")
OWN = (*_KINDS, *MODELS)


def check_labeler(spec: str) -> None:
    """Checks the name of a labeler.

    Raises:
        UsageError: there is no such labeler.
    """
    kind, _, model = spec.partition(":")
    if spec not in _KINDS and not (kind in MODELS and model) and kind not in added("labelers"):
        forms = [*_KINDS, *added("labelers"), "openai:MODEL", "hf:ID_OR_PATH"]
        hint = did_you_mean(kind, (*OWN, *added("labelers")))
        raise UsageError(f"labeler {spec!r}: give {', '.join(forms)} or vllm:ID_OR_PATH{hint}")


def open_labeler(
    spec: str,
    benchmark: Benchmark,
    *,
    folder: Path | None = None,
    options: LabelerOptions | None = None,
    sandbox: Sandbox | None = None,
) -> Labeler:
    """Opens a labeler.

    Args:
        spec: ``static``, ``embeddings``, ``judge``, ``execution``, ``oracle``, or a model: ``openai:MODEL``,
            ``hf:ID_OR_PATH``, ``vllm:ID_OR_PATH``; or a plugin's, NAME or NAME:ARGUMENT.
        benchmark: its catalogue decides which APIs exist.
        folder: for a model's replies, which are reused; None stores them in the cache of completions only.
        options: of a model, and of what is asked.
        sandbox: where ``execution`` runs programs; the caller closes it.

    Raises:
        UsageError: there is no such labeler, or ``execution`` has no sandbox.
        ModelError: the checkpoint or the server is unavailable.
        PluginError: a plugin's labeler cannot be opened.
    """
    check_labeler(spec)
    kind, _, argument = spec.partition(":")
    if kind in added("labelers"):
        return _of_plugin(kind, argument, benchmark)
    if spec == "static":
        from apigauge.harness.plugins.rlaif.labelers.static import Static

        return Static(benchmark)
    if spec == "oracle":
        from apigauge.harness.plugins.rlaif.labelers.oracle import Oracle

        return Oracle(benchmark)
    if spec == "execution":
        from apigauge.harness.plugins.rlaif.labelers.execution import Execution

        if sandbox is None:
            raise UsageError("labeler execution: it runs the programs, so it needs a sandbox")
        return Execution(benchmark, sandbox)
    if spec in ("embeddings", "judge"):
        from apigauge.harness.plugins.rlaif.labelers.embeddings import Embeddings
        from apigauge.harness.plugins.rlaif.labelers.encoder import opened
        from apigauge.harness.plugins.rlaif.labelers.judge import Judge

        encoder = opened((options or LabelerOptions()).embeddings)
        return Embeddings(benchmark, encoder) if spec == "embeddings" else Judge(benchmark, encoder)
    from apigauge.harness.plugins.rlaif.labelers.model import Model

    return Model(spec, benchmark, folder, options)


@dataclass(frozen=True, slots=True)
class _Named:
    """A plugin's labeler, which says besides whose it is."""

    labeler: Labeler
    package: str
    code: str

    def describe(self) -> dict[str, Any]:
        """What the labeler says, with its package's version and a digest of the package's code."""
        return {**self.labeler.describe(), "package": self.package, "package_code": self.code}

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """The plugin's own."""
        return self.labeler.label(answers, done)


def _of_plugin(kind: str, argument: str, benchmark: Benchmark) -> Labeler:
    addition = added("labelers")[kind]
    try:
        labeler: Labeler = addition.value(benchmark, argument)
        if not isinstance(labeler.describe(), dict) or not callable(labeler.label):
            raise TypeError("describe() returns no dict, or label is no method")  # noqa: TRY301 - reported as any
    except ApigaugeError:
        raise
    except Exception as error:
        raise addition.failure(f"labeler {kind}", error) from error
    return _Named(labeler, addition.package, package_code.digest(addition.value.__module__, addition.package))


def scores(labeler: Labeler, items: Sequence[Item], completions: Sequence[tuple[int, str]]) -> list[float | None]:
    """The scores of answers drawn in training, from 0 to the number of questions of the labeler.

    All answers count as complete: the training itself decides how to score a truncated one.

    Args:
        labeler: judges the answers.
        items: the questions.
        completions: pairs of an item's position and an answer.

    Returns:
        One for each answer; None where a reply could not be parsed.

    Raises:
        ModelError: the labeler failed for an answer.
    """
    answers = [Answer(items[at], number, text) for number, (at, text) in enumerate(completions)]
    labels = {answer.sample: labels for answer, labels in labeler.label(answers) if not labels.is_failure}
    if missing := [answer.item.id for answer in answers if answer.sample not in labels]:
        reasons = getattr(labeler, "problems", ())
        raise ModelError(
            f"the labeler failed for {len(missing)} of {len(answers)} answers (items {', '.join(missing[:5])})"
            f"{f', last: {reasons[-1]}' if reasons else ''}; the same command resumes at the last checkpoint"
        )
    return [labels[answer.sample].score for answer in answers]
