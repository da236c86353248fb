"""The files of a run directory, field by field: this is their documentation.

::

    RUN/manifest.json       Manifest: what the scores depend on, and where they were made
    RUN/generations.jsonl   one GenerationRow a line: what was answered
    RUN/scores.jsonl        one ScoreRow a line: what the answer scored
    RUN/summary.json        Summary: means with intervals, labels, problems
    RUN/questions.jsonl     one QuestionRow a line, where the benchmark is a plugin's, which may be gone one day

A row's key is (item, sample). The files grow by whole lines. The formats change by adding fields only: a program that
reads them must ignore fields that it does not know, and those marked as not required are missing in older runs.
Like :mod:`apigauge.errors`, this module imports nothing of ours, so that every folder may use it.
"""

from typing import Any, NotRequired, TypedDict


class BenchmarkRecord(TypedDict):
    """Which questions: the benchmark's name, the SHA-256 of its data, and how many items the run asks.

    ``loader`` is a digest of the code that read the data. ``version`` and ``licence`` are the benchmark's own,
    ``path`` is where a benchmark was read from that does not come with apigauge, and ``package`` is the package, with
    its version, whose plugin has the benchmark.
    """

    name: str
    digest: NotRequired[str]
    loader: NotRequired[str]
    items: NotRequired[int]
    version: NotRequired[str]
    licence: NotRequired[str]
    path: NotRequired[str]
    package: NotRequired[str]


class GeneratorRecord(TypedDict):
    """Who answered. Backends add what their answers depend on: revision, dtype, adapter, engine, sampling, prompt.

    ``system`` and ``chat_template_args`` are those of a chat. ``left_out`` has the fields of requests that a server
    refused, so that it chose their values itself, and ``renamed`` those that it wants under other names.
    ``package`` is the package, with its version, whose plugin has the backend, and ``package_code`` a digest of it.
    ``quantization`` says how the checkpoint's weights are stored if they are quantised, and ``trust_remote_code`` that
    Python code among its files was run. ``parameters`` is how many weights the model has, where the backend says so.
    """

    spec: NotRequired[str]
    kind: NotRequired[str]
    engine: NotRequired[str]
    revision: NotRequired[str]
    adapter: NotRequired[Any]
    sampling: NotRequired[dict[str, Any]]
    prompt: NotRequired[str]
    retriever: NotRequired[str]
    system: NotRequired[str]
    chat_template_args: NotRequired[dict[str, Any]]
    left_out: NotRequired[list[str]]
    renamed: NotRequired[dict[str, str]]
    quantization: NotRequired[str]
    trust_remote_code: NotRequired[bool]
    parameters: NotRequired[int]
    package: NotRequired[str]
    package_code: NotRequired[str]


class SandboxRecord(TypedDict):
    """Where programs ran, as the sandbox describes itself; docker and process sandboxes add fields of their own.

    ``environment_source`` is how a user called an environment of their own (a folder, packages with versions), and
    ``environments`` has the lock's digest of each that single items have for themselves.
    """

    kind: NotRequired[str]
    environment: NotRequired[str]
    environment_source: NotRequired[str]
    environments: NotRequired[dict[str, str]]
    python: NotRequired[str]
    runtime: NotRequired[str | None]
    limits: NotRequired[dict[str, float]]
    worker: NotRequired[str]
    hub: NotRequired[dict[str, Any] | None]
    inputs: NotRequired[dict[str, Any]]
    caveats: NotRequired[list[str]]


class ReasoningRecord(TypedDict):
    """How reasoning was separated from the answers.

    ``mode`` is that of ``--reasoning``; ``template_tags`` are the pairs that the checkpoint's chat template names, and
    ``prompt_tag`` is the opening tag that the prompts end with.
    """

    mode: str
    template_tags: NotRequired[list[list[str]]]
    prompt_tag: NotRequired[str]


class MetricRecord(TypedDict):
    """A plugin's metric, as the plugin described it: see :class:`apigauge.harness.metrics.table.MetricInfo`."""

    name: str
    meaning: str
    caution: str
    module: str
    lower_is_better: bool
    top: float
    is_executed: bool


class PriceRecord(TypedDict):
    """US dollars for a million tokens of prompts, and of answers, as the user gave them.

    ``batch_prompt`` and ``batch_completion`` are those of answers from a batch, and ``as_of`` is the date (ISO 8601) of
    the table that the prices are from, if it has one.
    """

    prompt: float
    completion: float
    batch_prompt: NotRequired[float]
    batch_completion: NotRequired[float]
    as_of: NotRequired[str]


class SourceRecord(TypedDict):
    """Which harness wrote what was read as this run, and where that lies."""

    harness: str
    path: str


class Manifest(TypedDict):
    """``manifest.json``.

    ``prompt_sha256`` is the digest of all the benchmark's prompts; ``metrics`` has a version for each scoring module;
    ``extraction`` is that of the extraction, and ``execution`` of what runs programs and reads their verdicts, where
    any were run: a metric's version names libraries and Python, and digests all code between an answer and its score;
    ``plugin_metrics`` describes, by name, those metrics that are plugins', so that the run can be read without them;
    ``created`` (ISO 8601, UTC), ``host``, ``timings`` (seconds), ``cache`` and ``price`` say when, where and how the
    run was made and are not compared between runs; ``source`` is there if the run is made of another harness's results.
    """

    benchmark: BenchmarkRecord
    schema_version: NotRequired[int]
    apigauge_version: NotRequired[str]
    created: NotRequired[str]
    prompt_sha256: NotRequired[str]
    generator: NotRequired[GeneratorRecord]
    extraction: NotRequired[str]
    execution: NotRequired[str]
    reasoning: NotRequired[ReasoningRecord]
    metrics: NotRequired[dict[str, str]]
    plugin_metrics: NotRequired[dict[str, MetricRecord]]
    libraries: NotRequired[dict[str, str]]
    sandbox: NotRequired[SandboxRecord | None]
    host: NotRequired[dict[str, str]]
    timings: NotRequired[dict[str, float]]
    cache: NotRequired[dict[str, int]]
    price: NotRequired[PriceRecord]
    source: NotRequired[SourceRecord]


class BatchRecord(TypedDict):
    """An entry of ``batches`` in ``batches.json``: a batch that questions of the run were submitted in.

    ``token`` is the batch's metadata entry ``apigauge``, made at ``created`` (seconds since 1970) before anything was
    sent to ``base_url``, for ``endpoint``; ``file`` and ``batch`` are the server's ids, null until they are known;
    ``requests`` are those whose result has not been taken over yet, by custom_id with a digest of what they ask, and
    ``changes`` the fields that were sent under another name or left out (null); ``questions`` is how many it had,
    ``status`` the last known.
    """

    token: str
    base_url: str
    endpoint: str
    created: float
    questions: int
    requests: dict[str, str]
    changes: dict[str, dict[str, str | None]]
    file: str | None
    batch: str | None
    status: str


class QuestionRow(TypedDict):
    """A line of ``questions.jsonl``: a question of a plugin's benchmark, as far as reading a run takes it."""

    id: str
    instruction: str
    reference_call: str
    reference_program: str
    domain: str
    api: str


class GenerationRow(TypedDict):
    """A line of ``generations.jsonl``: one answer, verbatim; token counts are null where no model ran.

    ``reasoning`` is what the model wrote before the answer, where a server returns it apart from the text; ``cached``
    is true if the answer is an earlier run's, ``batch`` if it came from a batch, at its price. ``document`` is the row
    of the catalogue that a retriever added to the prompt, with the first answer to each question.
    """

    item: str
    sample: int
    text: str
    finish_reason: NotRequired[str]
    prompt_tokens: NotRequired[int | None]
    completion_tokens: NotRequired[int | None]
    prompt_sha256: NotRequired[str | None]
    reasoning: NotRequired[str]
    cached: NotRequired[bool]
    batch: NotRequired[bool]
    document: NotRequired[str]


class ExtractionRecord(TypedDict):
    """The call and the program found in an answer (null if there is none), and how they were found.

    ``reasoning`` is what the model wrote before its answer, if it did. ``how`` is ``set aside`` for an answer that
    ended every process that scored it.
    """

    call: str | None
    program: str | None
    how: NotRequired[str]
    reasoning: NotRequired[str]


class CallRecord(TypedDict):
    """A call that the program made, with what it passed, as Python literals; ``...`` is what was not recorded."""

    function: str
    positional: list[str]
    keywords: dict[str, str]


class DeprecationRecord(TypedDict):
    """A deprecation warning that a line of the program raised."""

    category: str
    message: str
    line: int


class TestsRecord(TypedDict):
    """How an item's tests ended, and the line of them that failed if that is known."""

    status: str
    reason: str
    line: int | None


class VerdictRecord(TypedDict):
    """What happened when the program ran: see :class:`apigauge.sandboxes.Verdict`."""

    status: str
    stage: int
    category: str | None
    reason: str
    evidence: dict[str, Any]
    calls: NotRequired[list[CallRecord]]
    tests: NotRequired[TestsRecord]
    deprecations: NotRequired[list[DeprecationRecord]]


class ScoreRow(TypedDict):
    """A line of ``scores.jsonl``: by metric, the number, its category, and one sentence on what differs.

    ``unfinished`` is ``length`` if the answer's tokens ran out, ``reasoning`` if it ends inside the model's reasoning,
    and null if it has an end.
    """

    item: str
    sample: int
    extraction: ExtractionRecord
    metrics: dict[str, float]
    labels: dict[str, str]
    messages: NotRequired[dict[str, str]]
    verdict: NotRequired[VerdictRecord | None]
    unfinished: NotRequired[str | None]


class MetricSummary(TypedDict):
    """A metric's mean with its 95 % interval, over ``n`` answers in ``clusters`` APIs, and how it was made.

    ``effective_clusters`` APIs with equally many answers would say as much. ``seed`` is null where nothing is drawn, as
    by the method used since 2026-11. ``unfinished`` of those answers have no end, a share of ``unfinished_share``.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    effective_clusters: NotRequired[float]
    method: str
    seed: int | None
    unfinished: NotRequired[int]
    unfinished_share: NotRequired[float]


class UnfinishedRecord(TypedDict):
    """How many of a run's answers have no end, of how many, their share, and how many for which reason."""

    count: int
    answers: int
    share: float
    reasons: dict[str, int]


class UsageRecord(TypedDict):
    """What the answers took: tokens, and US dollars where the run has a price.

    Of ``answers``, ``cached`` ones came from the cache and are in no sum, and neither are ``unknown`` ones, whose
    tokens the server does not report.
    """

    answers: int
    cached: int
    unknown: int
    prompt_tokens: int
    completion_tokens: int
    dollars: NotRequired[float]


class SamplesRecord(TypedDict):
    """What several answers to each question say of a metric that is 0 or 1.

    ``pass_at`` has pass@k by k (as text), and ``consistency`` is the probability that two answers to one question get
    the same score; both are means over questions with 95 % intervals.
    """

    pass_at: dict[str, MetricSummary]
    consistency: MetricSummary


class Summary(TypedDict):
    """``summary.json``.

    ``items`` were scored of ``expected``; ``labels`` counts categories by metric; ``infra_error_rate`` is the share of
    programs that could not be run because the sandbox failed (null if none ran); ``withheld`` metrics had too many of
    those; ``ceilings`` is what the references reach in the same sandbox; ``unfinished`` counts answers without an end;
    ``usage`` is there where a model ran, and ``samples``, by metric, where questions have several answers.
    """

    schema_version: int
    items: int
    expected: int
    metrics: dict[str, MetricSummary]
    labels: dict[str, dict[str, int]]
    infra_error_rate: float | None
    withheld: list[str]
    ceilings: NotRequired[dict[str, float]]
    unfinished: NotRequired[UnfinishedRecord]
    usage: NotRequired[UsageRecord]
    samples: NotRequired[dict[str, SamplesRecord]]
    problems: list[str]
