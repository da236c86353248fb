"""Tool calls, as servers and chat templates write them, as the source of Python calls.

Read are objects with a name and arguments (OpenAI, Anthropic, Hermes, Cohere, Granite, BFCL), and the marks of chat
templates around them: Qwen and Hermes ``<tool_call>``, Llama ``<|python_tag|>`` and ``<function=...>``, Qwen3-Coder's
parameters, Mistral ``[TOOL_CALLS]``, DeepSeek, Kimi, GLM, MiniMax, and the harmony format of gpt-oss.
"""

import itertools
import re
from typing import Any, NamedTuple

from apigauge.harness.extraction.data_values import NAME, decode, source_of, whole
from apigauge.harness.extraction.syntax import RESERVED

MAX_CALLS = 50

_DOTTED = r"[^\W\d]\w{0,80}(?:\.[^\W\d]\w{0,80}){0,9}"
_CALLEE = re.compile(rf"{_DOTTED}\Z")
_SEP = "\uff5ctool\u2581sep\uff5c"

# What stands before the name of a call, whose arguments follow as JSON or as tagged parameters.
_NAMED = (
    r"<function=['\"]?{name}['\"]?\s{{0,9}}>",
    r"<\|tool_call_begin\|>\s{{0,9}}(?:functions\.)?{name}(?::\d{{1,6}})?\s{{0,9}}<\|tool_call_argument_begin\|>",
    r"<\uff5ctool\u2581call\u2581begin\uff5c>(?:function<" + _SEP + r">)?{name}\s{{0,9}}(?:<" + _SEP + r">)?",
    r"\[TOOL_CALLS\]\s{{0,9}}{name}(?:\[CALL_ID\]\w{{1,40}})?\[ARGS\]",
    r"\bto=(?:functions\.)?{name}(?:\s|<\|channel\|>\w{{1,20}}|<\|constrain\|>\w{{0,20}}|json|code){{0,9}}<\|message\|>",
    r"<(?:\w{{1,20}}:|\uff5cDSML\uff5c)?invoke name=['\"]{name}['\"]\s{{0,9}}>",
    r"<tool_call>\s{{0,9}}{name}\s{{0,9}}(?=<arg_key>|</tool_call>)",
    r"^Action:\s{{0,9}}{name}[ \t]{{0,9}}\r?\n\s{{0,9}}Action Input:",
    r"<\|python_tag\|>\s{{0,9}}<function={name}>",
)
# What stands before an object, a list of them, or Python calls.
_ANONYMOUS = (
    r"<tool_calls?>|<function_calls?>|<\|tool_calls?\|>|<TOOLCALL>|<tool_use>|<\|START_ACTION\|>|\[TOOL_CALLS\]|<\|python_tag\|>"
    r"|<tool_code>|<\|action_start\|>(?:<\|plugin\|>)?|<<function>>|\bfunctools(?=\[)"
)
_MARK = re.compile(
    "|".join([pattern.format(name=f"(?P<n{at}>{_DOTTED})") for at, pattern in enumerate(_NAMED)])
    + f"|(?:{_ANONYMOUS})",
    re.MULTILINE,
)
# Cheap, and true of every text that has a mark.
_MAY_HAVE_MARKS = re.compile(
    r"<[|\uff5c]|<tool_|<function|<TOOLCALL>|<<function>>|\[TOOL_CALLS\]|invoke name=|\bto=|^Action:|functools\[",
    re.MULTILINE,
)
_DSML = "(?:\uff5cDSML\uff5c)?"
_PARAMETER = re.compile(
    r"\s{0,99}(?:<parameter=(?P<a>[^<>\n]{1,80})>(?P<av>[^<]*+(?:<(?!/parameter>|parameter=|/function>)[^<]*+)*+)(?:</parameter>)?"
    rf"|<{_DSML}parameter name=['\"](?P<b>[^'\"\n]{{1,80}})['\"](?P<bt>[^>\n]{{0,80}})>"
    rf"(?P<bv>[^<]*+(?:<(?!/?{_DSML}parameter[ >])[^<]*+)*+)</{_DSML}parameter>"
    r"|<arg_key>(?P<c>[^<]{1,80})</arg_key>\s{0,9}"
    r"<arg_value>(?P<cv>[^<]*+(?:<(?!/arg_value>|arg_key>)[^<]*+)*+)</arg_value>)"
)
_END_OF_CODE = re.compile(r"</(?:tool_calls?|function_calls?|tool_code|TOOLCALL)>|<\||\[/?TOOL_CALLS\]|<<<|\n\n")
_FENCE = re.compile(r"\s{0,99}(?:```[ \t]{0,9}(?:json|python|py)?[ \t]{0,9}\n?)?\s{0,99}")

_NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name", "func", "api", "api_name", "action")
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "args",
    "kwargs",
    "input",
    "params",
    "tool_input",
    "action_input",
    "function_args",
    "inputs",
)
_WRAPPERS = ("function", "function_call", "functionCall", "tool_call", "toolUse", "tool_use")
# Tools that run a program.
_INTERPRETERS = re.compile(
    r"(?:python|ipython|jupyter|code|execute|exec|run)(?:$|[._])|.*(?:python|_code|interpreter)$", re.IGNORECASE
)
_PROGRAM_KEYS = ("code", "script", "source", "program", "python_code", "query", "input")


class ToolCall(NamedTuple):
    """One call of a tool.

    Attributes:
        source: the call, or the program that the tool is to run.
        is_program: whether it is a program.
        start: where it begins in the text; -1 where it is part of a value.
        end: where it ends.
    """

    source: str
    is_program: bool
    start: int = -1
    end: int = -1


def marked_calls(text: str) -> list[ToolCall]:
    """The tool calls that a chat template's marks announce, in order. Never raises; linear in the text."""
    if not _MAY_HAVE_MARKS.search(text):
        return []
    calls: list[ToolCall] = []
    end = 0
    for mark in itertools.islice(_MARK.finditer(text), MAX_CALLS):
        if mark.start() < end:
            continue
        name = next((value for value in mark.groupdict().values() if value), "")
        read = _named(text, mark.end(), name) if name else _anonymous(text, mark.end())
        calls += [call._replace(start=mark.start(), end=stop) for call, stop in read]
        end = max([end, *(stop for _, stop in read)])
    return calls


def _named(text: str, start: int, name: str) -> list[tuple[ToolCall, int]]:
    begin = _end_of_fence(text, start)
    if text[begin : begin + 1] == "{" and (decoded := decode(text, begin)):
        call = _call(name, decoded[0])
        return [(call, decoded[1])] if call else []
    if _INTERPRETERS.match(name) and text[begin : begin + 1] not in ("{", "<"):
        end = _end_of_code(text, begin, is_block=True)
        return [(ToolCall(text[begin:end].strip(), is_program=True), end)]
    arguments: dict[str, Any] = {}
    end = start
    while len(arguments) < MAX_CALLS and (parameter := _PARAMETER.match(text, end)):
        key = (parameter["a"] or parameter["b"] or parameter["c"]).strip()
        value = next(part for part in (parameter["av"], parameter["bv"], parameter["cv"]) if part is not None)
        arguments.setdefault(key, value if 'string="true"' in (parameter["bt"] or "") else _untyped(value))
        end = parameter.end()
    call = _call(name, arguments)
    return [(call, end)] if call else []


def _untyped(text: str) -> Any:
    """The value of a parameter that is written without quotes: a number, a constant, a container, else the text."""
    value = text.strip()
    read = whole(value) if len(value) <= 10_000 else None
    return text.strip("\r\n") if read is None or (isinstance(read[0], str) and value[:1] not in "'\"") else read[0]


def _anonymous(text: str, start: int) -> list[tuple[ToolCall, int]]:
    begin = _end_of_fence(text, start)
    read: list[tuple[ToolCall, int]] = []
    while text[begin : begin + 1] in ("{", "[") and (decoded := decode(text, begin)) and len(read) < MAX_CALLS:
        value, end = decoded
        read += [(call, end) for call in calls_of(value, is_announced=True)]
        follow = re.compile(r"[\s;,]{0,9}").match(text, end)
        begin = follow.end() if follow else end
    if read:
        return read
    end = _end_of_code(text, begin, is_block=False)
    source = text[begin:end].strip().strip("`").strip()
    return [(ToolCall(source, is_program=True), end)] if re.match(rf"\[?{_DOTTED}\s?[(=]|import |from ", source) else []


def _end_of_fence(text: str, start: int) -> int:
    match = _FENCE.match(text, start)
    return match.end() if match else start


def _end_of_code(text: str, start: int, *, is_block: bool) -> int:
    for end in _END_OF_CODE.finditer(text, start):
        if not (is_block and end[0] == "\n\n"):
            return end.start()
    return len(text)


def calls_of(value: Any, functions: frozenset[str] = frozenset(), *, is_announced: bool = False) -> list[ToolCall]:
    """The tool calls in a value: in an object, in a list of them, and in the message of a server around them.

    Args:
        value: a JSON value.
        functions: the catalogue's; an object with such names as keys and arguments as values is a call as well.
        is_announced: whether a mark says that this is a call, so that it needs no arguments.
    """
    calls: list[ToolCall] = []
    waiting = [value]
    for _ in range(1_000):
        if not waiting or len(calls) >= MAX_CALLS:
            break
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(reversed(part[:MAX_CALLS]))
        elif isinstance(part, dict):
            if call := _of_object(part, is_announced=is_announced):
                calls.append(call)
            elif keyed := _of_keys(part, functions):
                calls += keyed
            else:
                waiting.extend(child for child in reversed(part.values()) if isinstance(child, dict | list))
        elif (
            isinstance(part, str)
            and is_announced
            and (inner := whole(part.strip()))
            and isinstance(inner[0], dict | list)
        ):
            waiting.append(inner[0])
    return calls


def _of_object(value: dict[str, Any], *, is_announced: bool) -> ToolCall | None:
    for key in _WRAPPERS:
        inner = value.get(key)
        if isinstance(inner, dict) and (call := _of_object(inner, is_announced=True)):
            return call
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "").strip()
    given = [value[key] for key in _ARGUMENT_KEYS if key in value]
    if not _CALLEE.match(name) or not (given or is_announced):
        return None
    if isinstance(value.get("args"), list) and isinstance(value.get("kwargs"), dict):
        return ToolCall(_source(name, value["args"], value["kwargs"]), is_program=False)
    return _call(name, given[0] if given else {})


def _of_keys(value: dict[str, Any], functions: frozenset[str]) -> list[ToolCall]:
    """``{"torch.hub.load": {"model": "x"}}``: BFCL's form."""
    is_form = value and all(
        isinstance(given, dict) and _CALLEE.match(key) and ("." in key or key in functions)
        for key, given in value.items()
    )
    return [call for key, given in value.items() if (call := _call(key, given))] if is_form else []


def _call(name: str, given: Any) -> ToolCall | None:
    if isinstance(given, str):
        read = whole(given.strip())
        if read is None or not isinstance(read[0], dict | list):
            if _INTERPRETERS.match(name):
                return ToolCall(given.strip(), is_program=True)
            given = [given] if given.strip() else []
        else:
            given = read[0]
    name = name.removeprefix("functions.").removeprefix("default_api.")
    if isinstance(given, dict):
        if _INTERPRETERS.match(name):
            program = next((given[key] for key in _PROGRAM_KEYS if isinstance(given.get(key), str)), None)
            if program is not None:
                return ToolCall(program, is_program=True)
        return ToolCall(_source(name, [], given), is_program=False)
    if isinstance(given, list):
        return ToolCall(_source(name, given, {}), is_program=False)
    return ToolCall(f"{name}()", is_program=False) if given is None else None


def _source(name: str, positional: list[Any], keywords: dict[str, Any]) -> str:
    named = {key: value for key, value in keywords.items() if NAME.match(key) and key not in RESERVED}
    others = {key: value for key, value in keywords.items() if key not in named}
    parts = [source_of(value) for value in positional] + [f"{key}={source_of(value)}" for key, value in named.items()]
    return f"{name}({', '.join(parts + ([f'**{source_of(others)}'] if others else []))})"
