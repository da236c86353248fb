"""Options of labelers: of those that are a model, as for ``apigauge run``, and what their questions contain."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from apigauge.errors import UsageError
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.plugins.rlaif.options import check_above_zero, check_choice, check_not_negative

DOCUMENTS = ("none", "called", "nearest", "both")
REPLIES = ("text", "probability")
_DTYPES = ("auto", "float32", "bfloat16", "float16")
# Options that decide what is asked and how a reply is read, and what older recipes do not have.
_JUDGING = ("documents", "examples", "replies", "calibration")
_NOT_OF_MODEL = ("max_new_tokens", "embeddings", *_JUDGING)


@dataclass(frozen=True, slots=True)
class LabelerOptions:
    """Options of a labeler.

    Attributes:
        base_url: of a server, including ``/v1``; None for ``OPENAI_BASE_URL``, or else OpenAI's.
        concurrency: simultaneous requests to a server.
        timeout: seconds without a response after which a request is repeated.
        dtype: of a checkpoint's weights: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        device: of a checkpoint: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        batch_size: prompts per batch; None finds the largest that fits.
        tensor_parallel: GPUs that one model is distributed over.
        max_new_tokens: longest reply in tokens, with its reasoning if the model writes any.
        documents: rows of the catalogue that a question shows: ``none``, ``called`` (the row that the program's call
            names), ``nearest`` (the row that BM25 puts first for the request), or ``both``.
        examples: answered examples before each question, yes and no in turn, from the training part.
        replies: ``text``, or ``probability``: yes and no are compared by the probability that the model gives them as
            first word of its reply. Needs a backend that reports log probabilities; no reply is unreadable then.
        calibration: training rows with known labels on which the probabilities are calibrated, question by question;
            0 for none: yes is what is likelier than no.
        embeddings: folder of the sentence-embedding model of ``embeddings`` and ``judge``; empty for the one that
            ``apigauge rlaif embeddings`` fetched.
    """

    base_url: str | None = None
    concurrency: int = 8
    timeout: float = 120.0
    dtype: str = "auto"
    device: str = "auto"
    batch_size: int | None = None
    tensor_parallel: int = 1
    max_new_tokens: int = 32
    documents: str = "none"
    examples: int = 0
    replies: str = "text"
    calibration: int = 0
    embeddings: str = ""

    def __post_init__(self) -> None:
        check_above_zero(self, "concurrency", "timeout", "batch_size", "tensor_parallel", "max_new_tokens")
        check_not_negative(self, "examples", "calibration")
        check_choice("dtype", self.dtype, _DTYPES)
        check_choice("documents", self.documents, DOCUMENTS)
        check_choice("replies", self.replies, REPLIES)
        if self.calibration and self.replies != "probability":
            raise UsageError(f'calibration is {self.calibration}: needs replies = "probability"')

    def of_model(self) -> ModelOptions:
        """As options of a model."""
        return ModelOptions(**{name: value for name, value in asdict(self).items() if name not in _NOT_OF_MODEL})

    def judging(self) -> dict[str, Any]:
        """What decides the questions and how replies are read, as far as it is set."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name in _JUDGING and getattr(self, one.name) != one.default
        }

    @property
    def reply_tokens(self) -> int:
        """The longest reply in tokens: one where probabilities are compared."""
        return 1 if self.replies == "probability" else self.max_new_tokens
