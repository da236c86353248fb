"""Whether two calls are one: the same function, the same identity, the same arguments."""

from dataclasses import dataclass, field

from apigauge.harness.metrics.accepted_values import Options, first_difference, settled
from apigauge.harness.metrics.address_book import is_package
from apigauge.harness.metrics.calls import Call
from apigauge.harness.metrics.references import accepts, is_copied
from apigauge.harness.metrics.signatures import NOT_IDENTIFYING, TASK_ALIASES, Signature
from apigauge.harness.metrics.values import Value
from apigauge.sandboxes import public_names

# What a call is to its reference when it is right.
RIGHT = frozenset({"exact", "extra_argument"})

# The values that say which API a call means.
Key = tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A call to compare answers with: a reference or a catalogue row.

    Attributes:
        call: as it is written, or as Python accepts it.
        bound: its arguments by parameter, see :func:`~.references.with_example`.
        written: the same, before the program around it was consulted.
        identity: the parameters that say which API is meant.
        signature: of the function.
        domain: the API's.
        conflict: why Python refuses the call as it is written.
        options: further values that arguments may have.
    """

    call: Call
    bound: dict[str, Value]
    written: dict[str, Value]
    identity: tuple[str, ...]
    signature: Signature | None
    domain: str
    conflict: str
    options: Options = field(default_factory=dict)


def identity_key(bound: dict[str, Value], identity: tuple[str, ...], signature: Signature | None) -> Key:
    """What identifies a call, a default standing for absence."""
    values = ((name, bound.get(name)) for name in identity)
    return tuple(
        None if value is None or _is_default(name, value, signature) else _identifier(name, value)
        for name, value in values
    )


def same_function(answer: Call, reference: Call, packages: frozenset[str] = frozenset()) -> bool:
    """Whether two callees name one function.

    The reference's written name must stand at the end of the answer's resolved one; where both say which top-level
    package they come from, it must be the same, unless the reference names a package that the catalogue does not know
    and the answer one that it does. An answer that imports nothing is read as the reference is.
    """
    if answer.function == reference.function or answer.function == answer.written == reference.written:
        return True
    ours, theirs = answer.function.split("."), reference.function.split(".")
    written = len(reference.written.split("."))
    if len(ours) < written or ours[-written:] != theirs[-written:]:
        return public_names.is_same(answer.function, reference.function)
    if len(ours) == written or ours[0] == theirs[0]:
        return True
    if len(theirs) == written:  # a module is where it is; a function or class may be imported from its package
        return written == 1 or not theirs[0][:1].islower()
    if theirs[0] not in packages and ours[0] in packages:
        return True
    return _is_there_instead(answer.function, reference.function)


def _is_there_instead(ours: str, theirs: str) -> bool:
    """Whether the answer imports from the package that has the function, and the reference from another.

    A class is taken for the same in two packages that have one of its name (``YOLO``), and a function in a module that
    only imports it.
    """
    here, there = public_names.look_up(ours), public_names.look_up(theirs)
    if there.state in ("exists", "unlisted"):
        is_alike = ours.split(".")[1][:1].isupper() or (there.state == "exists" and not there.parameters)
        return here.state == "exists" and is_alike
    return here.state in ("exists", "unlisted") or (here.state == "no_package" and is_package(ours.partition(".")[0]))


def aligned(bound: dict[str, Value], target: Target) -> dict[str, Value]:
    """Pairs an unnamed argument of one side with a named one of the other where their values agree."""
    result = dict(bound)
    for name, value in target.bound.items():
        if name in result or value.kind not in ("string", "constant"):
            continue
        for other, candidate in bound.items():
            if other not in target.bound and other.startswith("#") != name.startswith("#") and value.accepts(candidate):
                result.pop(other, None)
                result[name] = candidate
                break
    return settled(result, target.bound, target.options) if target.options else result


def identity_difference(bound: dict[str, Value], target: Target) -> str:
    """What says that another API is meant; empty if nothing does."""
    for name in target.identity:
        want, got = target.bound.get(name), bound.get(name)
        if want is None and got is not None and not _is_default(name, got, target.signature):
            return f"{name} is {got.text!r}; the reference leaves it out"
        if want is not None and got is None and not _is_default(name, want, target.signature):
            return f"{name} is missing; the reference has {want.text!r}"
        if got is not None and is_copied(target.written.get(name), got):
            continue
        if want is not None and got is not None and not _same_identity(name, want, got):
            return f"{name} is {got.text!r}; the reference has {want.text!r}"
    return ""


def _same_identity(name: str, want: Value, got: Value) -> bool:
    if want.kind == "string" and got.kind != "string":
        return False  # an answer that forgets the quotes names a variable
    if got.kind == "unresolved":
        return want.kind == "name" or want.accepts(got)
    return _identifier(name, want) == _identifier(name, got)


def _identifier(name: str, value: Value) -> tuple[str, str]:
    """A value as an identity: without the tag of a repository, and one name for each task."""
    if value.kind == "name":
        return "name", ""
    text = value.text
    if name == "repo_or_dir":
        text = text.partition(":")[0]
    if name == "task":
        text = TASK_ALIASES.get(text, text)
    return "", text


def argument_difference(bound: dict[str, Value], reference: Target) -> tuple[str, str]:
    """The label of two calls of one API, and a message: what the answer leaves out, passes otherwise, or passes too."""
    if reference.options and (other := first_difference(bound, reference.bound, reference.options)):
        return other
    for name, want in reference.bound.items():
        if name in reference.identity or name in NOT_IDENTIFYING:
            continue
        got = bound.get(name)
        if got is None and not _is_default(name, want, reference.signature):
            return "missing_argument", f"{name} is missing; the reference has {want.text}"
        if got is None or _is_same_checkpoint(want, got, reference):
            continue
        if not accepts(want, got, reference.written.get(name), is_data=is_data(name, reference)):
            return "different_argument", f"{name} is {got.text}; the reference has {want.text}"
    extra = [
        name
        for name, value in bound.items()
        if name not in reference.bound
        and name not in NOT_IDENTIFYING
        and not _is_default(name, value, reference.signature)
    ]
    return ("extra_argument", f"also passes {', '.join(extra)}") if extra else ("exact", "")


def _is_same_checkpoint(want: Value, got: Value, reference: Target) -> bool:
    """Whether an answer names the model's own checkpoint where the reference passes an object made before.

    ``tokenizer='a/b'`` loads what ``tokenizer=tokenizer`` passes.
    """
    checkpoints = [reference.bound[name] for name in reference.identity if name in reference.bound]
    return want.kind in ("name", "expression") and got.kind == "string" and got in checkpoints


def is_data(name: str, reference: Target) -> bool:
    """Whether a parameter is what the function works on.

    The reference passes it by position, or the function is none of a library's (``classifier(text, labels)``).
    """
    function = reference.call.function
    return name not in dict(reference.call.keywords) or ("." not in function and function[:1].islower())


def _is_default(name: str, value: Value, signature: Signature | None) -> bool:
    """Whether an argument says what its absence says; a default that is not known is taken to be None."""
    return value.text == (signature.defaults.get(name, "None") if signature else "None")
