"""The value types of all benchmarks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# The values that a call's arguments may have: by parameter, literals as text.
Values = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One question and what counts as its answer.

    Attributes:
        id: unique in its benchmark; for APIBench the ``question_id`` as text.
        instruction: the question, as a person asked it.
        reference_call: the call that answers it.
        reference_program: a program with that call; empty if the data has none.
        domain: the reference API's domain.
        api: key of the reference API; items with the same key form one cluster in every interval.
        document: the reference API's row as JSON, which the oracle retriever shows; empty if there is none.
        accepted: further calls that answer it as well.
        calls: all the calls that an answer must make, the reference among them; empty if the reference is the only one.
        any_order: whether :attr:`calls` may be made in any order.
        values: for each of :attr:`calls`, or for the reference alone, the values that arguments may have besides the
            written ones: (parameter, literals) pairs, an empty literal meaning that the argument may be left out.
        functions: the functions that the question offers, as a JSON list of their schemas; empty if it offers none.
        possible_answers: the right calls as BFCL's checker takes them, as a JSON list; empty if there are none.
        tests: a program that runs behind the answer's and raises if the answer is wrong; empty for none.
        output: what the answer's program must print, any of these texts; empty if that does not count.
        tolerance: how far numbers in the output may be off, relative to the expected ones.
        environment: where its programs run, if not where the benchmark's do; a name or a folder.
        provenance: how the item was made; kept, and read by nobody.
    """

    id: str
    instruction: str
    reference_call: str
    reference_program: str
    domain: str
    api: str
    document: str = ""
    accepted: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    any_order: bool = False
    values: tuple[Values, ...] = ()
    functions: str = ""
    possible_answers: str = ""
    tests: str = ""
    output: tuple[str, ...] = ()
    tolerance: float = 1e-6
    environment: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Api:
    """One row of a catalogue: an API that exists in the benchmark's world.

    Attributes:
        call: as the catalogue writes it.
        domain: what it is for.
        name: of the model.
        description: of the model.
        example: a program that uses it, as the catalogue has it.
        signature: of the function, where the catalogue has one.
        library: the package that provides the function, where the catalogue says it.
        document: the whole row as JSON, which a retriever puts into a prompt.
    """

    call: str
    domain: str
    name: str = ""
    description: str = ""
    example: str = ""
    signature: str = ""
    library: str = ""
    document: str = ""


def instruction_prompt(item: Item) -> str:
    """The form of APIBench's own training and question files."""
    return f"###Instruction: {item.instruction}\n###Output:"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Items, the catalogue of existing APIs, and the form of a prompt.

    Attributes:
        name: for example ``apibench-torchhub``.
        items: in the order of the data.
        catalogue: in the order of the data (the upstream scorer takes the first row that matches).
        digest: SHA-256 over the files the benchmark was read from.
        conventions: names a program of this benchmark uses without importing them, e.g. ``hub`` for
            ``tensorflow_hub``.
        gorilla_dialect: which of the three upstream scorers ``ast.gorilla`` follows (``huggingface``,
            ``tensorflowhub``, ``torchhub``); empty if none of them can read this benchmark.
        prompt: makes an item's prompt.
        train: items to train on; never scored.
        rows: every row of the evaluation file, including those without a question; ``benchmarks check`` scores them.
        answers: the full reference answer of each row, in the same order; empty where the data has none.
        environment: the sandbox environment its programs run in, e.g. ``huggingface``; empty if they cannot be run.
        hub: the hub that its programs load models from; empty if they load none.
        inputs: ``fixtures`` if its programs read files that do not exist and should get small valid ones.
        version: number and letter, such as ``3-B``; scores of different letters are not comparable. Empty if unknown.
        licence: of the data; empty if unknown.
        path: the folder it was read from; empty if it is found by its name.
    """

    name: str
    items: tuple[Item, ...]
    catalogue: tuple[Api, ...]
    digest: str
    gorilla_dialect: str = ""
    conventions: dict[str, str] = field(default_factory=dict)
    prompt: Callable[[Item], str] = instruction_prompt
    train: tuple[Item, ...] = ()
    rows: tuple[Item, ...] = ()
    answers: tuple[str, ...] = ()
    environment: str = ""
    hub: str = ""
    inputs: Literal["fixtures", "none"] = "none"
    version: str = ""
    licence: str = ""
    path: str = ""


def api_key(call: str) -> str:
    """A call's text without white space: equal keys name the same API."""
    return re.sub(r"\s+", "", call)
