"""From an item to the prompt that a model reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.retrieved_docs import Retriever, retrieved_documents

# Stands between question and document in the released RT questions.
REFERENCE = "\n Use this API documentation for reference: "


@dataclass(frozen=True, slots=True)
class Prompting:
    """How prompts are made of questions.

    Attributes:
        style: ``instruction`` (the benchmark's own form), ``chat`` (the question as a user's message), the path of a
            Jinja template of ``instruction`` and ``document``, or ``auto``: chat where the model has a chat template.
        retriever: chooses the row of the catalogue that is added to the question.
    """

    style: str = "auto"
    retriever: Retriever = "none"

    def __post_init__(self) -> None:
        if self.style not in ("auto", "chat", "instruction") and not Path(self.style).is_file():
            raise UsageError(f"--prompt {self.style}: give chat, instruction, or the path of a template file")

    def resolve(self, *, has_chat: bool) -> str:
        """The style for a model with or without a chat template.

        Raises:
            UsageError: the style is chat and the model has no chat template.
        """
        if self.style == "chat" and not has_chat:
            raise UsageError("--prompt chat: the tokenizer has no chat template; use --prompt instruction")
        return ("chat" if has_chat else "instruction") if self.style == "auto" else self.style

    def describe(self, style: str) -> dict[str, str]:
        """For the manifest: the resolved style without a template's path; its text is part of the prompts' digest."""
        return {"prompt": style if style in ("chat", "instruction") else "template", "retriever": self.retriever}


def render(
    benchmark: Benchmark, items: Sequence[Item], prompting: Prompting, style: str, chat: Callable[[str], str] | None
) -> list[str]:
    """The prompt of each item.

    Args:
        benchmark: has the form of ``instruction`` prompts.
        items: the questions.
        prompting: style and retriever.
        style: the result of :meth:`Prompting.resolve`.
        chat: puts a user's message into the model's chat template; None where a server does that.
    """
    documents = retrieved_documents(benchmark, items, prompting.retriever)
    if style not in ("chat", "instruction"):
        return _by_template(Path(style), items, documents)
    questions = [
        replace(item, instruction=f"{item.instruction}{REFERENCE}{document}" if document else item.instruction)
        for item, document in zip(items, documents, strict=True)
    ]
    if style == "instruction":
        return [benchmark.prompt(item) for item in questions]
    return [chat(item.instruction) if chat else item.instruction for item in questions]


def _by_template(path: Path, items: Sequence[Item], documents: Sequence[str]) -> list[str]:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
        return [
            template.render(instruction=item.instruction, document=document)
            for item, document in zip(items, documents, strict=True)
        ]
    except (jinja2.TemplateError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompt {path}: {error}") from error
