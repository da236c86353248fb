"""The rule that decides whether two calls are equal: ``ast.exact``; and ``ast.domain`` and ``hallucination``.

An answer's call is resolved through imports and aliases, simple variables are followed to their constants, positional
and keyword arguments are bound to the same parameter where the signature is known, quoting and white space do not
count, and a default written out equals its absence.

* ``ast.exact``: the reference's function with every argument the reference writes. Further arguments are allowed as
  long as they do not choose another API. Parameters that say where something runs or how it is fetched (a device, a
  cache folder, a token, a revision, a precision, the tag of a Torch Hub repository) are ignored.
* ``ast.domain``: some catalogue API of the reference's domain (or the reference itself).
* ``hallucination``: some call of the answer names what does not exist: a package, function, keyword, task, repository,
  entry point or handle (:mod:`~.metrics.existence`). An answer without a call hallucinates nothing.

The label under ``ast.exact`` is the first that applies, in the order of :data:`LABELS`; the message says what differs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from apigauge.benchmarks.types import Api, Benchmark, Item, Values, api_key
from apigauge.harness.extraction import syntax
from apigauge.harness.extraction.call_scan import choose_call, functions_of, imports
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.accepted_values import first_missing, options_of
from apigauge.harness.metrics.calls import Call, Proposal, Signatures, parse_call, program_calls, proposal
from apigauge.harness.metrics.existence import Existence
from apigauge.harness.metrics.references import repaired, with_example
from apigauge.harness.metrics.same_call import (
    RIGHT,
    Key,
    Target,
    aligned,
    argument_difference,
    identity_difference,
    identity_key,
    is_data,
    same_function,
)
from apigauge.harness.metrics.signatures import NOT_IDENTIFYING
from apigauge.harness.metrics.types import Metric, Scored
from apigauge.sandboxes import public_names

LABELS = (
    "too_long",
    "no_call",
    "unfinished",
    "unresolved",
    "unparsable",
    "exact",
    "extra_argument",
    "missing_call",
    "missing_argument",
    "different_argument",
    "wrong_model",
    "wrong_function",
    "outside_catalogue",
    "unknown_api",
)
_UNFINISHED = {
    "length": "the answer was cut off before it had a call",
    "reasoning": "the answer ends inside the model's reasoning",
}
# The text of the value ``...``.
_NOT_RECORDED = repr(...)


def version() -> str:
    """The parser's version, and a digest of the tables of names."""
    return f"{syntax.version()}, names {public_names.digest()}"


def make(benchmark: Benchmark) -> Metric:
    """The three metrics for one benchmark."""
    matcher = Matcher(benchmark)
    references: dict[str, list[Target | None]] = {}
    expected: dict[str, list[list[Target | None]]] = {}

    existence = matcher.existence(benchmark.rows or benchmark.items)

    def metric(item: Item, extraction: Extraction) -> Scored:
        if item.id not in references:
            references[item.id] = matcher.targets(item)
        judged = [
            (*matcher.compare(target, text, extraction), target)
            for target, text in zip(references[item.id], (item.reference_call, *item.accepted), strict=True)
        ]
        label, message, rows, reference = next((one for one in judged if one[0] in RIGHT), judged[0])
        if item.calls and (label in RIGHT or extraction.call is not None):
            if item.id not in expected:
                expected[item.id] = matcher.expected(item)
            label, message = matcher.all_made(item, expected[item.id], extraction)
        is_listed = reference is not None and public_names.look_up(reference.call.function).state == "exists"
        if label in RIGHT and is_listed and (missing := existence.nowhere(extraction)):
            label, message = "unknown_api", f"there is no {missing}"
        right = label in RIGHT
        invention = existence.invention(extraction, is_right=right)
        if label == "unknown_api" and existence.may_exist(extraction):
            label = "outside_catalogue"
        domains = {row.domain.strip().casefold() for row in rows}
        labels, messages = {"ast.exact": label}, {"ast.exact": message}
        if invention:
            labels["hallucination"], messages["hallucination"] = invention.label, invention.message
        numbers = {
            "ast.exact": float(right),
            "ast.domain": float(right or item.domain.strip().casefold() in domains),
            "hallucination": float(invention is not None),
        }
        if not item.reference_call:  # tests alone say what is right
            for part in (numbers, labels, messages):
                part.pop("ast.exact", None)
                part.pop("ast.domain", None)
        return Scored(numbers, labels, messages)

    return metric


class Matcher:
    """A benchmark's catalogue, indexed, and the comparison of a call with it.

    Attributes:
        functions: dotted names of the functions that the catalogue calls.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._conventions = benchmark.conventions
        self._signatures = Signatures(api.signature for api in benchmark.catalogue)
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        # Rows by the last part of their function, then by how they are identified, then by that identity.
        packages: Counter[str] = Counter()
        functions = set()
        self._rows: dict[str, dict[tuple[str, ...], dict[Key, list[Target]]]] = {}
        for api in benchmark.catalogue:
            if row := self.target(api.call, _example(api), api.domain):
                functions.add(row.call.function)
                groups = self._rows.setdefault(row.call.function.rsplit(".", 1)[-1], {})
                group = groups.setdefault(row.identity, {})
                for key in {identity_key(bound, row.identity, row.signature) for bound in (row.bound, row.written)}:
                    if row not in group.setdefault(key, []):
                        group[key].append(row)
                if row.call.function != row.call.written:
                    packages[row.call.function.split(".")[0]] += 1
        self.functions = frozenset(functions)
        self._rows_of = lru_cache(maxsize=64)(self._rows_named_by)
        # One example may import from where the class is not; three do not.
        self._packages = frozenset(package for package, count in packages.items() if count >= 3)

    def targets(self, item: Item) -> list[Target | None]:
        """What each of an item's right calls is compared as, the reference first."""
        keys = map(api_key, item.calls or (item.reference_call,))
        values = dict(zip(keys, item.values, strict=False)).get(api_key(item.reference_call), ())
        reference = self._target_of(item.reference_call, item, values)
        return [reference, *(self._target_of(text, item, ()) for text in item.accepted)]

    def expected(self, item: Item) -> list[list[Target | None]]:
        """What each of the calls that an answer must make may be; empty if the reference is the only one."""
        key = api_key(item.reference_call)
        values = item.values or ((),) * len(item.calls)
        others = [self._target_of(text, item, ()) for text in item.accepted]
        return [
            [self._target_of(text, item, one), *(others if api_key(text) == key else ())]
            for text, one in zip(item.calls, values, strict=True)
        ]

    def _target_of(self, text: str, item: Item, values: Values) -> Target | None:
        target = self.target(text, item.reference_program, item.domain)
        if target is None or not values:
            return target
        options = options_of(values)
        return replace(target, options=options, identity=tuple(one for one in target.identity if one not in options))

    def target(self, call_text: str, program: str, domain: str) -> Target | None:
        """A reference or row as something to compare with; None if it is no call (a shell command, say)."""
        text = choose_call(call_text, {}, self._functions, any_call=True) or call_text.strip()
        names = self._conventions | imports(program)
        call = parse_call(text, names) or parse_call(_closed(text), names)
        if call is None:
            return None
        signature = self._signatures.of(call.function)
        conflict = call.conflict(signature)
        if conflict:  # Python would refuse it as it stands; the program around it may have it right
            call = repaired(call, text, program, signature, names)
        bound = with_example(call, program, signature, names)
        written = call.bind(signature)
        strings = tuple(name for name, value in written.items() if value.kind == "string")
        identity = (signature.identity if signature is not None else ()) or strings
        identity = tuple(name for name in identity if name not in NOT_IDENTIFYING)
        if signature is not None:  # a reference may leave out what the function needs: anything is right then
            identity = tuple(name for name in identity if name in bound or name not in signature.required)
            identity += tuple(name for name in strings if name.startswith("#"))
        return Target(call, bound, written, identity, signature, domain, conflict)

    def existence(self, items: Iterable[Item]) -> Existence:
        """What exists for this benchmark: with the catalogue's rows, the references."""
        groups = (group for by_identity in self._rows.values() for group in by_identity.values())
        targets = [row.call for group in groups for rows in group.values() for row in rows]
        references = {
            (text, item.reference_program)
            for item in items
            for text in (item.reference_call, *item.accepted, *item.calls)
        }
        for text, program in sorted(references):
            call = parse_call(text, self._conventions | imports(program))
            targets += [call] if call and not call.problem else []
        return Existence(targets, self._signatures, self._conventions, lambda call: bool(self._rows_of(call)))

    def compare(
        self, reference: Target | None, reference_text: str, extraction: Extraction
    ) -> tuple[str, str, list[Target]]:
        """The label, the message, and the catalogue rows that the answer's call names."""
        if extraction.how == "too long":
            return "too_long", "the answer is longer than a million characters and was not read", []
        if extraction.call is None and extraction.unfinished:
            return "unfinished", _UNFINISHED[extraction.unfinished], []
        texts = (extraction.call or "", extraction.text)
        if (reference is None or reference.conflict) and _squeeze(reference_text) in map(_squeeze, texts):
            return "exact", "", []
        if extraction.call is None:
            return "no_call", "no call was found in the answer", []
        names = self._conventions | extraction.imports
        proposed = proposal(extraction.call, names, extraction.program or "")
        if proposed is None and extraction.unfinished:
            return "unfinished", f"cut off inside its call: {extraction.call[:80]!r}", []
        if proposed is None:
            return "unparsable", f"not a complete Python call: {extraction.call[:80]!r}", []
        judged = [self._compare_call(one, reference) for one in (self._named(proposed, reference), *proposed.rivals)]
        return next((one for one in judged if one[0] not in RIGHT), judged[0])

    def all_made(self, item: Item, expected: list[list[Target | None]], extraction: Extraction) -> tuple[str, str]:
        """The label and message of the first expected call that the answer does not make; ``exact`` if it makes all."""
        made = program_calls(extraction.program or extraction.call or "", self._conventions | extraction.imports)

        def is_right(number: int, call: Call) -> bool:
            return any(self._compare_call(call, one)[0] in RIGHT for one in expected[number])

        missing = first_missing(len(expected), made, is_right, any_order=item.any_order)
        if missing is None:
            return "exact", ""
        target = expected[missing][0]
        alike = [call for call in made if target and same_function(call, target.call, self._packages)]
        judged = [self._compare_call(call, target)[:2] for call in alike]
        label, message = next((one for one in judged if one[0] not in RIGHT), ("missing_call", "not made, or not here"))
        return label, f"call {missing + 1} of {len(expected)}, {item.calls[missing][:60]}: {message}"

    def _named(self, proposed: Proposal, reference: Target | None) -> Call:
        """The call that names the API: of a model and the pipeline that wraps it, either may."""
        if proposed.call.method in self.functions:
            return replace(proposed.call, function=proposed.call.method)
        calls = (proposed.call, *proposed.parts)
        if len(calls) == 1:
            return proposed.call
        same = [one for one in calls if reference and same_function(one, reference.call, self._packages)]
        return next(iter(same or [one for one in calls if self._rows_of(one)]), proposed.call)

    def _compare_call(self, call: Call, reference: Target | None) -> tuple[str, str, list[Target]]:
        if conflict := call.conflict(self._signatures.of(call.function)):
            return "unparsable", f"Python refuses the call: it {conflict}", []
        rows = self._rows_of(call)
        if reference is None:
            return (
                ("wrong_function" if rows else "unknown_api"),
                f"{call.written} for a reference that is no call",
                rows,
            )
        label, message = self._against(call, reference, exists=bool(rows))
        filled = _filled(call, reference)
        if label in RIGHT or filled is None or not same_function(call, reference.call, self._packages):
            return label, message, rows
        other, difference = self._against(filled, reference, exists=True)
        if other in RIGHT:
            return "unresolved", f"what decides cannot be followed: {message}", rows
        return other, difference, rows

    def difference(self, call: Call, reference: Target, computed: Mapping[str, bool] | None = None) -> str:
        """How a call that a program made differs from the reference; empty if it is right.

        Its arguments are values, and ``...`` stands for one that was not recorded. Such a value passes for what the
        reference writes as an expression.

        Args:
            call: with the values that the program passed.
            reference: what it should be.
            computed: for those of the reference's arguments that are calls themselves, whether the program made them;
                any value passes for such an argument if it did, and none if not.
        """
        if not same_function(call, reference.call, self._packages):
            return f"calls {call.function}; the reference calls {reference.call.function}"
        if conflict := call.conflict(self._signatures.of(call.function)):
            return f"Python refuses the call: it {conflict}"
        bound = aligned(call.bind(reference.signature), reference)
        for name, want in reference.bound.items():
            written = reference.written.get(name)
            is_named = written is not None and written.kind == "name" and is_data(name, reference)
            is_object = want.kind not in ("string", "constant") or is_named
            passes = is_object and name in bound and bound[name].text == _NOT_RECORDED
            if name in bound and (computed or {}).get(name, passes):
                bound[name] = want
        if difference := identity_difference(bound, reference):
            return difference
        label, message = argument_difference(bound, reference)
        return "" if label in RIGHT else message

    def _against(self, call: Call, reference: Target, *, exists: bool) -> tuple[str, str]:
        """Label and message; ``exists`` says whether the call names a row of the catalogue."""
        if not same_function(call, reference.call, self._packages):
            label = "wrong_function" if exists else "unknown_api"
            return label, f"calls {call.function}; the reference calls {reference.call.function}"
        bound = aligned(call.bind(reference.signature), reference)
        if difference := identity_difference(bound, reference):
            return ("wrong_model" if exists else "unknown_api"), difference
        return argument_difference(bound, reference)

    def _rows_named_by(self, call: Call) -> list[Target]:
        """The catalogue rows a call names: same function, same identity."""
        named = []
        for identity, group in self._rows.get(call.function.rsplit(".", 1)[-1], {}).items():
            sample = next(iter(group.values()))[0]
            if sample.signature is not None:
                bound = call.bind(sample.signature)
                same_key = group.get(identity_key(bound, identity, sample.signature), [])
                rows = [row for row in same_key if not identity_difference(bound, row)]
            else:
                rows = [row for rows in group.values() for row in rows if _names(call, row)]
            named += [row for row in rows if same_function(call, row.call, self._packages)]
        return list({id(row): row for row in named}.values())


def _filled(call: Call, reference: Target) -> Call | None:
    """The call with the reference's arguments where its own cannot be followed; None if all can be."""
    bound = call.bind(reference.signature)
    if not call.is_open and not any(value.kind == "unresolved" for value in bound.values()):
        return None
    open_ones = {name: reference.bound.get(name, value) for name, value in bound.items() if value.kind == "unresolved"}
    whole = (reference.bound if call.is_open else {}) | bound | open_ones
    return Call(call.written, call.function, (), tuple(whole.items()))


def _names(call: Call, row: Target) -> bool:
    bound = aligned(call.bind(row.signature), row)
    if row.identity:
        return not identity_difference(bound, row)
    # Nothing says which API is meant but the whole call.
    return argument_difference(bound, row)[0] == "exact"


def _example(api: Api) -> str:
    return api.example.replace(";", "\n")


def _closed(call: str) -> str:
    """A reference's call with the brackets closed that its author forgot to close."""
    closers = {"(": ")", "[": "]", "{": "}"}
    opened: list[str] = []
    for character in call:
        if character in closers:
            opened.append(closers[character])
        elif opened and character == opened[-1]:
            opened.pop()
    return call + "".join(reversed(opened))


def _squeeze(text: str) -> str:
    return "".join(text.split())
