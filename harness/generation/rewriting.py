"""Questions in other words: a model puts the first paragraph of an instruction as a person would who asks for it.

Code, values and what is to be printed stay as they are. A reply that cannot be one, or that names the function, is not
taken, and the question stays as it was; what happened is in the item's ``provenance``.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.generation.backends import open_generator, split_spec
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling

PROMPT = """A Python library documents one of its functions with this sentence:

{text}

Write what a person would ask who needs this and does not know that the function exists: one or two plain sentences, \
with every fact that is needed, without the name of any function, without code. Write nothing else."""
_LONGEST = 600
_SAMPLING = Sampling(max_new_tokens=400)

Row = dict[str, Any]


def rewriter(
    spec: str, base_url: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Callable[[Sequence[Row]], list[Row]]:
    """A function that takes lines of ``items.jsonl`` and returns them with other instructions.

    Args:
        spec: the model, as for ``--model``.
        base_url: a server's address, for ``openai:``.
        say: receives what went wrong, and how many questions stayed as they were.

    Raises:
        UsageError: the model's name makes no sense.
        ModelError: it is unavailable.
    """
    split_spec(spec)
    generator = open_generator(spec, replace(ModelOptions(sampling=_SAMPLING), base_url=base_url))

    def rewrite(rows: Sequence[Row]) -> list[Row]:
        texts = {row["id"]: str(row["instruction"]).partition("\n\n")[0] for row in rows}
        items = tuple(Item(row["id"], PROMPT.format(text=texts[row["id"]]), "", "", "", "") for row in rows)
        digest = hashlib.sha256("\0".join(item.instruction for item in items).encode()).hexdigest()
        questions = Benchmark("rewriting", items, (), digest, prompt=_instruction)
        replies = {one.item: one.text for one in generator.generate(questions, items)}
        for problem in generator.problems:
            say(problem)
        changed = [_changed(row, texts[row["id"]], replies.get(row["id"], ""), spec) for row in rows]
        kept = sum(one["instruction"] == row["instruction"] for one, row in zip(changed, rows, strict=True))
        say(f"{len(rows) - kept} of {len(rows)} questions are in the words of {spec}")
        return changed

    return rewrite


def _instruction(item: Item) -> str:
    return item.instruction


def _changed(row: Row, text: str, reply: str, spec: str) -> Row:
    """A row with a reply in the place of its first paragraph, or with why there is none."""
    reply = " ".join(_answer(reply).strip().strip('"').split())
    problem = _problem(row, reply)
    record = {"model": spec, "prompt_sha256": hashlib.sha256(PROMPT.encode()).hexdigest()}
    record |= {"not_taken": problem} if problem else {"original": text}
    changed = row | {"provenance": row.get("provenance", {}) | {"rewrite": record}}
    if not problem:
        changed["instruction"] = reply + str(row["instruction"])[len(text) :]
    return changed


def _answer(reply: str) -> str:
    """A reply without the model's reasoning."""
    return re.sub(r"(?s)\A\s*<think>.*?</think>", "", reply)


def _problem(row: Row, reply: str) -> str:
    """Why a reply cannot be a question; empty if it can."""
    name = str(row["api_call"]).partition("(")[0].rpartition(".")[2]
    if not reply:
        return "there is no reply"
    if len(reply) > _LONGEST:
        return f"it has more than {_LONGEST} characters"
    if "```" in reply or "<think>" in reply:
        return "it has code or reasoning in it"
    if re.search(rf"`[^`]*\b{re.escape(name)}\b[^`]*`|\.{re.escape(name)}\b|\b{re.escape(name)}\(", reply) or (
        "_" in name and name in reply
    ):
        return "it names the function"
    return ""
