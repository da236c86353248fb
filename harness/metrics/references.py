"""References as their authors meant them: calls that Python refuses, names without a value, forgotten quotes.

A reference of APIBench is one call out of a program. What its names stand for, and what it should have been where it is
no Python, the program says; where it does not, a name accepts only what can be no other value.
"""

import re
from typing import TYPE_CHECKING

from apigauge.harness.extraction.call_scan import find_calls
from apigauge.harness.extraction.syntax import syntax_tree, text_of
from apigauge.harness.metrics.calls import Call, parse_call
from apigauge.harness.metrics.signatures import NOT_IDENTIFYING, Signature
from apigauge.harness.metrics.values import Value, follow

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTAINERS = ("[", "(", "{")
# What a method without arguments gives, of an object that the reference leaves to the user.
_OF_A_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+\(\)")


def repaired(call: Call, text: str, program: str, signature: Signature | None, names: dict[str, str]) -> Call:
    """A call that Python accepts, in place of a reference that it refuses.

    The arguments are taken in the order in which they are written: ``load(repo_or_dir='a/b', 'entry', model='m')``
    means ``load('a/b', 'entry', 'm')``, as it does on the repository's page. If that does not help, the reference's own
    program may have it right.

    Returns:
        The call itself if neither helps.
    """
    spans = (span for span in find_calls(program) if span.callee == call.written)
    others = (parse_call(program[span.start : span.end], names) for span in spans)
    in_order = parse_call(_in_order(text, signature), names)
    return next((other for other in (in_order, *others) if other and not other.conflict(signature)), call)


def _in_order(text: str, signature: Signature | None) -> str:
    """The call with the names of its positional parameters left out."""
    source = text.encode()
    parameters = signature.parameters if signature else ()
    node: Node | None = syntax_tree(source).root_node
    while node is not None and node.type != "argument_list":
        node = next((child for child in reversed(node.named_children)), None)
    for child in reversed(node.named_children if node is not None else ()):
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type == "keyword_argument" and name is not None and value is not None and text_of(name) in parameters:
            source = source[: child.start_byte] + source[value.start_byte :]
    return source.decode()


def with_example(call: Call, program: str, signature: Signature | None, names: dict[str, str]) -> dict[str, Value]:
    """The reference's arguments, those that are no constants replaced by what its program gives them.

    A name is what the program binds it to; what is no value at all (``variant=fp16``, an id without quotes) is what the
    program's own call of the function passes. A call stays as it is.
    """
    bound = call.bind(signature)
    kinds = ("name", "expression")
    unknown = [
        name
        for name, value in bound.items()
        if value.kind in kinds and "(" not in value.text and name not in NOT_IDENTIFYING
    ]
    if not unknown:
        return bound
    if not program:  # nothing says what they are
        return bound | {name: Value("unresolved", bound[name].text) for name in unknown if bound[name].kind == "name"}
    spans = [span for span in find_calls(program) if span.callee == call.written]
    others = [other for span in spans if (other := parse_call(program[span.start : span.end], names, program))]
    for name in unknown:
        value = follow(bound[name], program) if bound[name].kind == "name" else bound[name]
        if value.kind not in ("string", "constant"):
            passed = (other.bind(signature).get(name) for other in others)
            value = next((one for one in passed if one and one.kind in ("string", "constant")), value)
        bound[name] = value
    return bound


def accepts(want: Value, got: Value, written: Value | None, *, is_data: bool) -> bool:
    """Whether an answer's argument is the reference's.

    Args:
        want: the reference's value, from :func:`with_example`.
        got: the answer's value.
        written: the reference's value as it is written, before anything is followed.
        is_data: whether the argument is what the function works on, and not how: a name stands for the user's data
            then, and other data of its kind will do.
    """
    if want.kind == "unresolved":
        return True
    if want.accepts(got) or is_copied(written, got):
        return True
    if is_data and written is not None and _OF_A_NAME.fullmatch(written.text):  # another model's ``parameters()``
        return got.kind in ("name", "expression", "unresolved")
    if want.kind == "expression" and got.kind == "expression":
        return want.text.replace("'", "") == got.text.replace("'", "")
    if is_data and written is not None and written.kind == "name":
        return _is_alike(want, got)
    if want.kind != "name":
        return False
    # Nothing says what it is: what only a program can compute, or a switch.
    return got.kind in ("name", "expression", "unresolved") or got.text in ("True", "False")


def is_copied(written: Value | None, got: Value) -> bool:
    """Whether an answer copies what a reference writes without a value: a name, an id without quotes."""
    kinds = ("name", "expression", "unresolved")
    return written is not None and written.kind in kinds and got.kind in kinds and written.text == got.text


def _is_alike(want: Value, got: Value) -> bool:
    """Whether data that an answer passes is of the reference's kind: its own text for another text."""
    if got.kind in ("name", "expression", "unresolved"):
        return True
    if want.kind in ("name", "expression"):
        return got.text[:1] in _CONTAINERS and got.kind == "constant"
    if want.kind != got.kind or want.kind == "string":
        return want.kind == got.kind
    ours, theirs = got.text[:1], want.text[:1]
    return (ours in _CONTAINERS) == (theirs in _CONTAINERS) and (theirs in _CONTAINERS or ours == theirs)
