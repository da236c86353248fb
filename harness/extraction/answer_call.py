"""The call of a program that answers the question: which of those that it makes."""

import re
from functools import lru_cache
from typing import Final

from apigauge.harness.extraction.call_scan import COMPANION, SEED, choose_call, comments_and_strings, is_catalogue_like
from apigauge.harness.extraction.program_scope import NO_APIS, LiveCall, followed
from apigauge.harness.extraction.program_values import plain
from apigauge.sandboxes import public_names

_DOWNLOADS: Final = frozenset({"cached_download", "hf_hub_download", "hf_hub_url", "snapshot_download"})
# Entry points of Torch Hub repositories that prepare a model's input.
_HELPER_ENTRY: Final = re.compile(r"(?:^|_)(?:config|tokenizer|transforms?|utils)$")
_NOT_CATALOGUE_LIKE: Final = 5


def program_call(
    program: str, names: dict[str, str], functions: frozenset[str], *, any_call: bool, question: str = ""
) -> str | None:
    """The source of the call in a program that answers the question; None if there is none.

    In a program that parses, of the calls that it makes; in another text, of those outside comments and strings.

    Args:
        program: as extraction gives it.
        names: what imported names stand for, for a text that does not parse.
        functions: the catalogue's, from :func:`~.call_scan.functions_of`.
        any_call: whether a call of an API counts that is not catalogue-like.
        question: what the program answers.
    """
    if followed(program) is None:
        return choose_call(program, names, functions, any_call=any_call, skip=comments_and_strings(program))
    chosen = chosen_call(program, functions, any_call=any_call, question=question)
    return chosen.text if chosen is not None else None


def chosen_call(
    program: str, functions: frozenset[str], *, any_call: bool = True, question: str = ""
) -> LiveCall | None:
    """The live call in a program that answers the question; None if there is none, or the text does not parse.

    The first call of a catalogue-like function that is no part of another catalogue call, names what it loads, is no
    companion (a tokenizer, a configuration) and sets no seed; else the first of the next kind, in this order. What
    stands in the question as well (its data, what it wants done with the result) comes last.
    """
    result = followed(program)
    calls = result.calls if result is not None else ()
    if "(" in question:
        shown = _squeezed(question)
        calls = tuple(call for call in calls if _squeezed(call.text) not in shown) or calls
    ranked = [(_rank(call, functions), call) for call in calls]
    ranked = [(rank, call) for rank, call in ranked if any_call or rank < _NOT_CATALOGUE_LIKE]
    if functions:
        ranked = [(rank, call) for rank, call in ranked if rank < _NOT_CATALOGUE_LIKE or _may_be_api(call, functions)]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace('"', "'")


def _rank(call: LiveCall, functions: frozenset[str]) -> int:
    if call.method in functions:
        return 2 if any(_is_of_catalogue(one, functions) for one in call.feeds) else 0
    if not call.is_api:
        is_own = call.written not in functions or _hides_package(call.written, functions)
        return _NOT_CATALOGUE_LIKE if is_own else 4
    if not is_catalogue_like(call.written, functions) and not is_catalogue_like(call.function, functions):
        return _NOT_CATALOGUE_LIKE
    if SEED.search(call.function):
        return 3
    users = (*call.users, *call.feeds)
    if COMPANION.search(call.function) or _helps(call) or any(_is_of_catalogue(one, functions) for one in users):
        return 2
    return 1 if _leaves_model_open(call) else 0


@lru_cache(maxsize=256)
def _hides_package(written: str, functions: frozenset[str]) -> bool:
    """Whether the program's own value stands where a package would: after ``torch = None``, ``torch.hub.load`` is none.

    ``classifier(text)`` and ``separator.from_hparams(...)`` are calls of what a program made, and no package's.
    """
    head, _, tail = written.partition(".")
    if not tail:
        return False
    packages = public_names.packages()
    return head in packages or any(f"{package}.{tail}" in functions for package in packages)


def _is_of_catalogue(call: LiveCall, functions: frozenset[str]) -> bool:
    """Whether a call that a part is handed to is one of the catalogue's, and no mere container."""
    if COMPANION.search(call.function):
        return False
    if call.method in functions:
        return True
    parts = call.function.split(".")
    names = {call.written, call.function, ".".join(parts[-2:])}
    if len(parts) == 2 and parts[0].islower() and parts[1] != "load":
        names.add(parts[1])
    return not names.isdisjoint(functions)


def _helps(call: LiveCall) -> bool:
    """Whether a call prepares a model's input, or fetches a file that is read by something else."""
    last = call.function.rsplit(".", 1)[-1]
    if last in _DOWNLOADS:
        return bool(call.users)
    if not call.function.endswith("hub.load"):
        return False
    entries = [one for name, one in call.keywords if name == "model"] or list(call.positional[1:2])
    entry = plain(entries[0].value) if entries else ""
    return isinstance(entry, str) and bool(_HELPER_ENTRY.search(entry))


def _leaves_model_open(call: LiveCall) -> bool:
    """Whether a call takes whatever model is the default."""
    is_pipeline = call.function.rsplit(".", 1)[-1] == "pipeline"
    return is_pipeline and len(call.positional) < 2 and "model" not in dict(call.keywords) and not call.is_open


def _may_be_api(call: LiveCall, functions: frozenset[str]) -> bool:
    """Whether a call is of a library that an answer may propose; of the standard library, the catalogue's modules."""
    if call.method in functions:
        return True
    package = call.function.split(".")[0]
    return call.is_api and (package not in NO_APIS or package in _packages(functions))


@lru_cache(maxsize=16)
def _packages(functions: frozenset[str]) -> frozenset[str]:
    return frozenset(name.split(".")[0] for name in functions if "." in name)
