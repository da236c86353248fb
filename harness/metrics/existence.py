"""Whether what a call names exists: its package, function, keywords, task, repository, entry point and handle.

A name exists if the benchmark's catalogue has it, or the environments' libraries
(:mod:`~apigauge.sandboxes.public_names`), or the hub's address book (:mod:`~.metrics.address_book`). Only what can be
said for certain is called invented: a value that is no constant, a place on a disk, a placeholder and a function of the
program's own are not judged.
"""

import builtins
import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics import address_book
from apigauge.harness.metrics.calls import Call, Signatures, program_calls, proposal
from apigauge.harness.metrics.existence_hubs import Catalogue, hub_problem
from apigauge.sandboxes import public_names

LABELS = (
    "unknown_package",
    "unknown_function",
    "unknown_argument",
    "unknown_task",
    "unknown_repository",
    "unknown_entry_point",
    "unknown_handle",
    "unknown_model",
)
# Where a name that nothing imports is looked for, in this order.
_IMPLIED = (
    "PIL", "transformers", "diffusers", "sentence_transformers", "datasets", "huggingface_hub", "flair.models",
    "flair.data", "torch.nn", "torchvision", "torchvision.transforms", "torch", "tensorflow_hub", "tensorflow",
    "joblib", "sklearn.ensemble",
)  # fmt: skip
# Short names of packages, which answers use without importing them.
_SHORT = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "F": "torch.nn.functional", "nn": "torch.nn"}
_MAX_CACHE = 20_000
_PASSING_ON = ("transformers.", "diffusers.")
# Automatic classes wrap it, so that its parameters cannot be seen.
_FROM_PRETRAINED = ("pretrained_model_name_or_path * **",)
_BUILTINS = frozenset(dir(builtins))
_OWN = re.compile(
    r"\b(?:def|class|for|as|lambda|global)\s+(\w+)|^[ \t]*+((?:\w+\s?,\s?){0,9}\w+)[ \t]*+(?::[^=\n]{0,80}+)?=(?!=)"
    r"|\bdef\s+\w+\(([^)]{0,400})\)|\bfor\s+([\w, ()]{1,200}?)\s+in\b",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Invention:
    """What a call names that does not exist: the label, and a sentence."""

    label: str
    message: str


@lru_cache(maxsize=16)
def own_names(program: str) -> frozenset[str]:
    """Names that a program binds other than by imports."""
    return frozenset(name for match in _OWN.findall(program) for part in match for name in re.findall(r"\w+", part))


class Existence:
    """What exists for one benchmark."""

    def __init__(
        self,
        targets: Sequence[Call],
        signatures: Signatures,
        conventions: Mapping[str, str],
        names_row: Callable[[Call], bool],
    ) -> None:
        """Reads the catalogue.

        Args:
            targets: the calls of the catalogue and of the references.
            signatures: of the benchmark's functions.
            conventions: names that programs of the benchmark use without importing them.
            names_row: whether a call names a row of the catalogue.
        """
        self._signatures = signatures
        self._conventions = dict(conventions)
        self._names_row = names_row
        self._functions: set[str] = set()
        self._lasts: set[str] = set()
        self._keywords: set[tuple[str, str]] = set()
        values: set[str] = set()
        tasks: set[str] = set()
        homes: dict[str, Counter[str]] = {}
        for call in targets:
            self._functions.add(call.function)
            self._lasts.add(call.function.rpartition(".")[2])
            homes.setdefault(call.written.partition(".")[0], Counter())[_head_of(call)] += 1
            self._keywords |= {(call.function.rpartition(".")[2], name) for name, _ in call.keywords}
            bound = call.bind(signatures.of(call.function))
            values |= {value.text for value in bound.values() if value.kind == "string"}
            if call.function.endswith("pipeline") and "task" in bound:
                tasks.add(bound["task"].text)
        self._packages = {
            name for counts in homes.values() for home in counts for name in (home.partition(".")[0],) if "." in home
        }
        self._documented = {call.function.partition(".")[0] for call in targets if "." in call.function}
        # Most references import nothing; a name that some library exports is looked for there.
        self._homes = {
            name: home
            for name, counts in homes.items()
            if (home := counts.most_common(1)[0][0]) != name or not self._is_implied(name)
        }
        self._homeless = frozenset(
            call.written for call in targets if call.written == call.function and not self._is_implied(call.written)
        )
        self._catalogue = Catalogue(frozenset(values), frozenset(tasks), frozenset(self._keywords))
        self._cache: dict[tuple[Call, bool], Invention | None] = {}

    def invention(self, extraction: Extraction, *, is_right: bool) -> Invention | None:
        """The first thing that does not exist in an answer's calls; None if everything may exist.

        Args:
            extraction: the answer.
            is_right: whether its call is the reference's: what a reference names exists.
        """
        program = extraction.program or ""
        calls = list(program_calls(program, self._conventions)) if program else []
        announced = self._call(extraction)
        if announced is not None and announced not in calls:
            calls.append(announced)
        own: frozenset[str] | None = None
        for call in calls:
            is_own = False
            if call.function.partition(".")[0] not in public_names.packages():
                own = own_names(program) if own is None else own
                is_own = call.function.partition(".")[0] in own
            is_reference = is_right and call == announced and not self._is_listed(call)
            is_imported = call.written.partition(".")[0] in extraction.imports
            if is_own:
                continue
            if invention := self._keyword_of_reference(call) if is_reference else self._cached(call, is_imported):
                return invention
        return None

    def may_exist(self, extraction: Extraction) -> bool:
        """Whether the answer's call names a function and an API of some library, and nothing that does not exist."""
        call = self._call(extraction)
        if call is None or call.function.partition(".")[0] in own_names(extraction.program or ""):
            return False
        signature = self._signatures.of(call.function)
        bound = call.bind(signature)
        identity = signature.identity if signature else ()
        is_said = all(bound[name].kind in ("string", "constant") for name in identity if name in bound)
        is_imported = call.written.partition(".")[0] in extraction.imports
        function = self._resolved(call, is_imported)
        if not is_said or not isinstance(function, str):
            return False
        invention = self._cached(call, is_imported)
        # A keyword too many leaves a pipeline the API that it is.
        return invention is None or (invention.label == "unknown_argument" and function == "transformers.pipeline")

    def nowhere(self, extraction: Extraction) -> str:
        """What of the answer's function does not exist: a right name, imported from where nothing is; else empty."""
        call = self._call(extraction)
        if call is None or call.function in self._functions:
            return ""
        lookup = public_names.look_up(call.function)
        return lookup.missing if lookup.state == "missing" and not self._existed(call.function, call) else ""

    def _is_listed(self, call: Call) -> bool:
        """Whether what a call passes is in the catalogue; where the reference is not, its values are no inventions."""
        strings = [value for value in (*call.positional, *dict(call.keywords).values()) if value.kind == "string"]
        return not strings or any(value.text in self._catalogue.values for value in strings)

    def _call(self, extraction: Extraction) -> Call | None:
        if extraction.call is None:
            return None
        names = self._conventions | extraction.imports
        proposed = proposal(extraction.call, names, extraction.program or "")
        return proposed.call if proposed else None

    def _cached(self, call: Call, is_imported: bool) -> Invention | None:
        key = (call, is_imported)
        if key not in self._cache:
            if len(self._cache) > _MAX_CACHE:
                self._cache.clear()
            self._cache[key] = self._of(call, is_imported)
        return self._cache[key]

    def _of(self, call: Call, is_imported: bool) -> Invention | None:
        function = self._resolved(call, is_imported)
        if isinstance(function, Invention) or function is None:
            return function
        parameters: tuple[str, ...] = ()
        if function not in self._functions:
            lookup = public_names.look_up(function)
            if lookup.state == "missing" and not self._existed(function, call):
                return Invention("unknown_function", f"there is no {lookup.missing}")
            if lookup.state == "no_package" and (invention := self._of_other_package(function)):
                return invention
        parameters = public_names.look_up(function).parameters
        last = function.rpartition(".")[2]
        if last == "from_pretrained" and parameters and all(text.startswith("*") for text in parameters):
            parameters = _FROM_PRETRAINED
        if invention := self._keyword(call, function, parameters):
            return invention
        signature = self._signatures.of(function)
        if call.conflict(signature):  # Python refuses it: which argument is which cannot be said
            return None
        bound = call.bind(signature)
        problem = hub_problem(function, bound, self._catalogue, is_row=self._names_row(call), is_open=call.is_open)
        return Invention(*problem) if problem else None

    def _existed(self, function: str, call: Call) -> bool:
        """Whether the catalogue has the function without its package, or a version that is not installed had it."""
        return (
            address_book.existed(function)
            or any(function.endswith(f".{name}") for name in self._homeless)
            or call.written in self._homeless
        )

    @staticmethod
    def _is_implied(written: str) -> bool:
        head = written.partition(".")[0]
        is_exported = any(head in public_names.exports(library) for library in _IMPLIED)
        return is_exported or head in _SHORT or ("." in written and address_book.is_package(head))

    def _resolved(self, call: Call, is_imported: bool) -> str | Invention | None:
        """The function's full name; None if it cannot be said what it is."""
        head, dot, tail = call.function.partition(".")
        if head in public_names.packages() or address_book.is_package(head):
            return call.function
        if head in self._homes:
            return self._homes[head] + dot + tail
        if head in _SHORT:
            return _SHORT[head] + dot + tail
        if head in _BUILTINS:
            return None
        if libraries := [one for one in _IMPLIED if head[:1].isupper() and head in public_names.exports(one)]:
            names = [f"{library}.{call.function}" for library in libraries]
            return next((name for name in names if public_names.look_up(name).state == "exists"), names[0])
        last = call.function.rpartition(".")[2]
        if dot and is_imported:  # from a package that nothing knows
            return call.function
        if dot and last in self._lasts and (head[:1].isupper() or _is_misspelt(head)):
            return Invention("unknown_function", f"there is no {call.function}")
        return None

    def _of_other_package(self, function: str) -> Invention | None:
        """A package that no environment has: it may be a real one, but not with another library's function."""
        head, _, rest = function.partition(".")
        names = address_book.real_names()
        if head in names["local_modules"] or head in self._packages or head.startswith(("my_", "your_", "custom_")):
            return None
        if not address_book.is_package(head):
            if head in self._documented:
                return Invention("unknown_function", f"the catalogue has no {function}")
            return Invention("unknown_package", f"there is no package {head}")
        if head in names["same_functions"] or "." in rest.removesuffix(".from_pretrained"):
            return None
        name = rest.partition(".")[0]
        home = self._homes.get(name, "").partition(".")[0]
        if home in public_names.packages() and home != head and name in public_names.exports(home):
            return Invention("unknown_function", f"{head} has no {name}; {home} has")
        return None

    def _keyword_of_reference(self, call: Call) -> Invention | None:
        return self._keyword(call, call.function, public_names.look_up(call.function).parameters)

    def _keyword(self, call: Call, function: str = "", parameters: tuple[str, ...] = ()) -> Invention | None:
        function = function or call.function
        last = function.rpartition(".")[2]
        names = [name for name, _ in call.keywords]
        before = address_book.real_names()["parameters"]
        signature = self._signatures.of(function)
        for name in names:
            if (last, name) in self._keywords or name.startswith("*"):
                continue
            if signature is not None and signature.keywords is not None:
                is_taken = name in signature.keywords
            else:
                is_taken = public_names.accepts(parameters, name) or f"{function} {name}" in before
            if not is_taken or (_passes_on(function, last) and not _is_read(function, parameters, name)):
                return Invention("unknown_argument", f"{function} has no parameter {name}")
        # A function that takes any keyword still needs its own: ``load(repo='a/b')`` has no ``repo_or_dir``.
        if parameters and not call.is_open:
            missing = [public_names.needed(text, len(call.positional), names) for text in parameters]
            others = [
                name for name in names if not any(public_names.names_parameter(text, name) for text in parameters)
            ]
            if all(missing) and others:
                return Invention("unknown_argument", f"{function} has no parameter {others[0]}; it needs {missing[0]}")
        return None


def _passes_on(function: str, last: str) -> bool:
    """Whether a function takes any keyword and hands it to what refuses those that it does not have."""
    return function == "transformers.pipeline" or (last == "from_pretrained" and function.startswith(_PASSING_ON))


def _is_read(function: str, parameters: tuple[str, ...], name: str) -> bool:
    is_own = any(public_names.names_parameter(text, name) for text in parameters)
    return is_own or address_book.is_open_keyword(function.partition(".")[0], name)


def _is_misspelt(head: str) -> bool:
    """Whether a name that nothing binds is nearly that of a package: ``transformer``."""
    return bool(difflib.get_close_matches(head, public_names.packages(), n=1, cutoff=0.8))


def _head_of(call: Call) -> str:
    """What a target's first written part stands for: ``pipeline`` for ``transformers.pipeline``."""
    tail = call.written.partition(".")[2]
    return call.function.removesuffix(f".{tail}") if tail else call.function
