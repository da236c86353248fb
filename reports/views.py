"""What a page is made from: a run and its items, already read and joined, nothing computed yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.file_formats import Manifest, Summary
from apigauge.reports.scored import NO_ANSWERS, LazyRows, Scored

# As in harness/evaluation/unfinished.py.
MOST_UNFINISHED = 0.1
_SHOWN_DIGITS = 12
BASELINE_KINDS = frozenset({"constant", "retrieval"})


@dataclass(frozen=True, slots=True)
class ItemView:
    """One question, what it asked for, what was answered and how that scored.

    Attributes:
        id: the item's id, unique in its benchmark.
        sample: which of several answers to the same question this is, from 0.
        text: the completion as the model wrote it. Untrusted, like everything derived from it.
        call: the call found in it; None if there is none.
        program: the program around the call; None if there is none.
        how: where the call was found.
        metrics: score by metric name.
        labels: category by metric name, e.g. ``{"ast.exact": "wrong_model"}``.
        messages: one sentence on the label by metric name.
        verdict: what happened when the program ran; None if it was not executed.
        unfinished: ``length`` if the answer was cut off, ``reasoning`` if it ends inside the reasoning; else None.
        reasoning: what the model wrote before the answer, where a server sent that apart from the text.
        api: the key of the API that the question asks for, which is its cluster; empty if that was not read.
        separated: the reasoning that was separated from the answer and is part of ``text``.
        document: what a retriever added to the prompt; empty if none did, or the run, made by an older version, does
            not say.
    """

    id: str
    sample: int
    instruction: str
    reference_call: str
    reference_program: str
    domain: str
    text: str
    call: str | None
    program: str | None
    how: str
    metrics: dict[str, float]
    labels: dict[str, str]
    messages: dict[str, str]
    verdict: dict[str, Any] | None
    unfinished: str | None = None
    reasoning: str = ""
    api: str = ""
    separated: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How many of a run's answers have no end, of how many, and their share."""

    count: int
    answers: int
    share: float

    @property
    def text(self) -> str:
        """In words, without a full stop."""
        return f"{self.count} of {self.answers} answers unfinished ({self.share:.1%})"

    @property
    def is_much(self) -> bool:
        """Whether so many are that the scores say little."""
        return self.share > MOST_UNFINISHED


@dataclass(frozen=True, slots=True)
class RunView:
    """One generator on one benchmark: ``manifest.json``, ``summary.json`` and the joined rows of a run directory.

    Attributes:
        benchmark_items: how many items the benchmark has, of which the run may ask only some; 0 if that is unknown.
        data_here: the digest of the data that questions and references were read from, where that is not what the run
            answered; else empty.
        lost: how many of its items that data does not have.
        inputs: a digest of all files that the run was read from; empty if that is unknown.
        scored: the rows without their texts; made from ``rows`` unless these are still to be read.
        is_open: whether the run goes on.
        file: the name of its page; empty for one made from the run's name.
    """

    name: str
    manifest: Manifest
    summary: Summary
    rows: Sequence[ItemView]
    benchmark_items: int = 0
    data_here: str = ""
    lost: int = 0
    inputs: str = ""
    scored: Scored = NO_ANSWERS
    is_open: bool = False
    file: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.rows, LazyRows):
            object.__setattr__(self, "scored", Scored.of(self.rows))

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""
        return str(section(self.manifest, "benchmark").get("name", "unknown"))

    @property
    def digest(self) -> str:
        """Digest of the benchmark's data; two runs are comparable only if theirs are equal."""
        return str(section(self.manifest, "benchmark").get("digest", "unknown"))

    @property
    def spec(self) -> str:
        """What answered, as it was written on the command line."""
        return str(section(self.manifest, "generator").get("spec", "unknown"))

    @property
    def is_baseline(self) -> bool:
        """Whether no model answered: a constant, or a retriever's first hit."""
        return section(self.manifest, "generator").get("kind") in BASELINE_KINDS

    @property
    def is_executed(self) -> bool:
        """Whether programs were run in a sandbox."""
        return bool(self.manifest.get("sandbox"))

    @property
    def sandbox_kind(self) -> str | None:
        """Where programs were run: ``docker``, ``process``; None if they were not."""
        return str(section(self.manifest, "sandbox").get("kind", "unknown")) if self.is_executed else None

    @property
    def hub(self) -> dict[str, Any]:
        """Where programs found models: name, mode and digest; empty if they found none."""
        return section(section(self.manifest, "sandbox"), "hub")

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the sandbox did not protect from."""
        caveats = section(self.manifest, "sandbox").get("caveats")
        return tuple(str(caveat) for caveat in caveats) if isinstance(caveats, list) else ()

    @property
    def withheld(self) -> tuple[str, ...]:
        """Metrics measured but not published, because the sandbox failed too often."""
        names = self.summary.get("withheld")
        return tuple(str(name) for name in names) if isinstance(names, list) else ()

    @property
    def metric_names(self) -> set[str]:
        """Every metric that a page has to show something for."""
        return {*section(self.summary, "metrics"), *self.withheld}

    @property
    def infra_error_rate(self) -> float:
        """Share of programs that did not run because the sandbox failed, 0 to 1."""
        return float(self.summary.get("infra_error_rate") or 0.0)

    @property
    def unfinished(self) -> Unfinished | None:
        """The answers without an end; None if the run, scored by an older version, does not say, or has none."""
        record = section(self.summary, "unfinished")
        if not record.get("count"):
            return None
        return Unfinished(int(record["count"]), int(record["answers"]), float(record["share"]))

    @property
    def usage(self) -> str:
        """The tokens that the answers took, and their cost if the user gave a price; empty if they were not counted."""
        record = section(self.summary, "usage")
        apart = record.get("cached", 0) + record.get("unknown", 0)
        if apart >= record.get("answers", 0):
            return ""
        tokens = f"{record.get('prompt_tokens', 0) + record.get('completion_tokens', 0):,} tokens"
        cost = f"{tokens}, ${record['dollars']:,.4f}" if "dollars" in record else tokens
        return f"at least {cost}" if apart else cost

    @property
    def usage_details(self) -> str:
        """How the tokens are divided, and which answers are in no sum; empty if no model ran."""
        record = section(self.summary, "usage")
        if not record:
            return ""
        parts = {"prompt_tokens": "of prompts", "completion_tokens": "of answers"}
        apart = {"cached": "answers from the cache cost nothing", "unknown": "answers without a count of tokens"}
        texts = [f"{record.get(name, 0):,} {words}" for name, words in parts.items()]
        return "; ".join([*texts, *(f"{record[name]:,} {words}" for name, words in apart.items() if record.get(name))])

    @property
    def missing_items(self) -> tuple[int, int] | None:
        """``(scored, expected)`` for a run that is not complete, or asks only some of the items; else None."""
        scored = int(self.summary.get("items", 0))
        expected = max(int(self.summary.get("expected", 0)), self.benchmark_items)
        return (scored, expected) if scored < expected else None

    @property
    def other_data(self) -> str:
        """A sentence on the data here not being what the run answered; for a run of which ``data_here`` says so."""
        text = (
            f"the data here ({shorten(self.data_here)}) is not what the run answered ({shorten(self.digest)}), so "
            "questions and references shown with its answers may be others"
        )
        return f"{text}, and those of {self.lost} items are missing." if self.lost else f"{text}."

    def check(self) -> None:
        """Reads everything once.

        Raises:
            TypeError, ValueError, KeyError, AttributeError: a file holds something else than it should.
        """
        _ = self.usage, self.usage_details, self.unfinished, self.missing_items, self.infra_error_rate
        for counts in self.summary.get("labels", {}).values():
            sum(counts.values())
        for record in section(self.summary, "samples").values():
            for entry in (*record["pass_at"].values(), record["consistency"]):
                _ = [float(entry[end]) for end in ("value", "low", "high", "n")]
        for row in self.rows:
            _ = f"{row.text}{row.id}".lower() + (row.call or ""), [*row.metrics, *row.labels, *row.messages]


@dataclass(frozen=True, slots=True)
class ContrastView:
    """A metric in two runs, as ``apigauge compare --json`` prints it."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    n: int
    p: float
    p_adjusted: float
    mcnemar: float | None
    minimum_detectable: float | None
    minimum_detectable_apis: float | None = None
    apis: int | None = None
    effective_apis: float | None = None


@dataclass(frozen=True, slots=True)
class PairView:
    """Both runs' answers to one question, and the key of the API that it asks for."""

    api: str
    a: ItemView
    b: ItemView


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Two runs over one benchmark.

    Attributes:
        a: the first run.
        b: the second one; differences are its values minus the first one's.
        contrasts: by the name of the metric.
        pairs: the answers that both have.
        manifests: dotted name and both values of what differs in how the runs were made.
        identical: of texts, extractions and verdicts: how many are alike, and of how many.
        only_a: answers that only the first run has.
        only_b: answers that only the second one has.
        withheld: metrics left out because the sandbox failed too often in a run.
    """

    a: RunView
    b: RunView
    contrasts: dict[str, ContrastView]
    pairs: Sequence[PairView]
    manifests: Sequence[tuple[str, Any, Any]]
    identical: dict[str, tuple[int, int]]
    only_a: int
    only_b: int
    withheld: Sequence[str]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over ``n`` answers with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A model in the paper's table: its name, what it is, and by metric what it scored, over all seeds that it has."""

    name: str
    note: str
    values: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class TrainingDifference:
    """A metric in two rows of the table, answers paired: the mean difference, and by seed that seed's own."""

    name: str
    metric: str
    value: float
    low: float
    high: float
    seeds: dict[int, float]


@dataclass(frozen=True, slots=True)
class TrainingCheckpoint:
    """One checkpoint, scored.

    Attributes:
        step: steps done.
        reward: mean reward.
        scores: mean by metric.
        p: by metric, the one-sided p-value under the null hypothesis of no loss since the start; None at the start.
        fell: the metrics that are significantly worse than at the start.
    """

    step: int
    reward: float
    scores: dict[str, float]
    p: dict[str, float] | None
    fell: Sequence[str]


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A training with AI feedback, over its seeds.

    Attributes:
        benchmark: its name.
        base: the model that was trained.
        labeler: what answered the questions about its programs.
        seeds: in the order in which they are shown.
        metrics: likewise; every row, difference and checkpoint speaks of these or some of them.
        further_metrics: those that only rows and differences speak of, behind the others.
        rows: the models compared.
        differences: between them.
        method: how the intervals were made, in a sentence.
        curves: by seed, one number a step under ``step`` and each of ``reward``, ``kl``, ``entropy``, ``length`` and
            ``clip_fraction`` that was logged.
        checkpoints: by seed, the start first.
        facts: name and text of all else that the numbers come from.
        recipe: the recipe's file.
    """

    benchmark: str
    base: str
    labeler: str
    seeds: Sequence[int]
    metrics: Sequence[str]
    rows: Sequence[TrainingRow]
    differences: Sequence[TrainingDifference]
    method: str
    curves: dict[int, dict[str, list[float]]]
    checkpoints: dict[int, Sequence[TrainingCheckpoint]]
    facts: Sequence[tuple[str, str]]
    recipe: str
    further_metrics: Sequence[str] = ()


def shorten(digest: str) -> str:
    """The first digits of a digest, for where the whole one stands elsewhere on the page."""
    algorithm, _, digits = digest.rpartition(":")
    return f"{algorithm}:{digits[:_SHOWN_DIGITS]}" if algorithm else digits[:_SHOWN_DIGITS]


def section(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The dictionary under a key; empty where an older or foreign file has none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}
