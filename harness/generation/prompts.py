"""From an item to the prompt that a model reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.retrieved_docs import Retriever, retrieved_documents

# Stands between question and document in the released RT questions.
REFERENCE = "\n Use this API documentation for reference: "
# What the library that applies a template sets itself; anything else is the template's own.
_TAKEN = frozenset(
    {
        *("add_generation_prompt", "chat_template", "continue_final_message", "conversation", "messages"),
        *("max_length", "padding", "return_assistant_tokens_mask", "return_dict", "return_tensors"),
        *("sanitize_control_tokens", "tokenize", "tokenizer_kwargs", "truncation"),
    }
)


@dataclass(frozen=True, slots=True)
class Prompting:
    """How prompts are made of questions.

    Attributes:
        style: ``instruction`` (the benchmark's own form), ``chat`` (the question as a user's message), the path of a
            Jinja template of ``instruction`` and ``document``, or ``auto``: chat where the model has a chat template.
        retriever: chooses the row of the catalogue that is added to the question.
        system: the system prompt, in ``chat`` only; empty for none.
        chat_template_args: variables of the chat template, such as ``{"enable_thinking": False}``.
    """

    style: str = "auto"
    retriever: Retriever = "none"
    system: str = ""
    chat_template_args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.style not in ("auto", "chat", "instruction") and not Path(self.style).is_file():
            raise UsageError(f"--prompt {self.style}: give chat, instruction, or the path of a template file")
        if taken := sorted(self.chat_template_args.keys() & _TAKEN):
            raise UsageError(f"--chat-template-arg {taken[0]}: is set by apigauge, and is no variable of a template")

    def messages(self, question: str) -> list[dict[str, str]]:
        """A question as a chat: the system prompt, if there is one, and the user's message."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": question}]

    def resolve(self, *, has_chat: bool) -> str:
        """The style for a model with or without a chat template.

        Raises:
            UsageError: the style is chat and the model has no chat template, or another one and there are parts of a
                chat.
        """
        if self.style == "chat" and not has_chat:
            raise UsageError("--prompt chat: the tokenizer has no chat template; use --prompt instruction")
        style = ("chat" if has_chat else "instruction") if self.style == "auto" else self.style
        if style != "chat" and (self.system or self.chat_template_args):
            option = "--system" if self.system else "--chat-template-arg"
            reason = "the model has no chat template" if self.style == "auto" else f"the prompt is --prompt {style}"
            raise UsageError(f"{option}: is part of a chat, and {reason}")
        return style

    def describe(self, style: str) -> dict[str, Any]:
        """For the manifest: the resolved style without a template's path; its text is part of the prompts' digest."""
        prompt = style if style in ("chat", "instruction") else "template"
        return {"prompt": prompt, "retriever": self.retriever, **self.chat_settings()}

    def chat_settings(self) -> dict[str, Any]:
        """System prompt and variables of the chat template, if there are any: what a server's prompts depend on."""
        arguments = {"chat_template_args": dict(self.chat_template_args)} if self.chat_template_args else {}
        return ({"system": self.system} if self.system else {}) | arguments


def render(
    benchmark: Benchmark, items: Sequence[Item], prompting: Prompting, style: str, chat: Callable[[str], str] | None
) -> list[str]:
    """The prompt of each item; arguments as of :func:`render_with_documents`."""
    return [prompt for prompt, _ in render_with_documents(benchmark, items, prompting, style, chat)]


def render_with_documents(
    benchmark: Benchmark, items: Sequence[Item], prompting: Prompting, style: str, chat: Callable[[str], str] | None
) -> list[tuple[str, str]]:
    """The prompt of each item, and the document in it, which is empty without a retriever.

    Args:
        benchmark: has the form of ``instruction`` prompts.
        items: the questions.
        prompting: style and retriever.
        style: the result of :meth:`Prompting.resolve`.
        chat: puts a user's message into the model's chat template; None where a server does that.
    """
    documents = retrieved_documents(benchmark, items, prompting.retriever)
    if style not in ("chat", "instruction"):
        return list(zip(_by_template(Path(style), items, documents), documents, strict=True))
    questions = [
        replace(item, instruction=f"{item.instruction}{REFERENCE}{document}" if document else item.instruction)
        for item, document in zip(items, documents, strict=True)
    ]
    if style == "instruction":
        prompts = [benchmark.prompt(item) for item in questions]
    else:
        prompts = [chat(item.instruction) if chat else item.instruction for item in questions]
    return list(zip(prompts, documents, strict=True))


def _by_template(path: Path, items: Sequence[Item], documents: Sequence[str]) -> list[str]:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
        prompts = [
            template.render(instruction=item.instruction, document=document)
            for item, document in zip(items, documents, strict=True)
        ]
    except Exception as error:  # a template raises what it likes
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"--prompt {path}: {reason}") from error
    if empty := [item.id for item, prompt in zip(items, prompts, strict=True) if not prompt.strip()]:
        raise UsageError(
            f"--prompt {path}: makes an empty prompt of {len(empty)} of {len(items)} items, such as {empty[0]}: write "
            "{{ instruction }} where the question goes"
        )
    return prompts
