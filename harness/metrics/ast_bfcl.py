"""``ast.bfcl``: the verdict of the checker of the Berkeley Function-Calling Leaderboard, answer for answer.

Source: eval_checker/ast_eval/ast_checker.py and default_decode_ast_prompting in model_handler/utils.py, in the wheel
that benchmarks/loaders names. An answer is a list of calls with keyword arguments; positional ones are not seen.
Texts are compared without case, white space and ``,./-_*^``, whole numbers stand for floats, an accepted empty text
lets an argument be left out, and several calls may come in any order. The label is the checker's ``error_type``.

Two differences. The package evaluates arithmetic in arguments with ``eval``, so that an answer's code is run: here only
arithmetic of literals is computed, and anything else there counts as an answer that cannot be read. And an answer for
which the checker itself ends in an exception, which stops the package's evaluation, is wrong here, by the label
``checker_error``.
"""

import json
import reprlib
from functools import lru_cache
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import MAX_TEXT, Extraction
from apigauge.harness.metrics.bfcl_answers import calls_of
from apigauge.harness.metrics.bfcl_values import VALID, Verdict, argument_verdict
from apigauge.harness.metrics.types import Metric, Scored

# A call as the package has it: its only key is the function, its value the arguments by keyword.
Call = dict[str, dict[str, Any]]
_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def version() -> str:
    """Nothing but Python, whose parser reads the answers."""
    return "the checker of bfcl-eval 2026.3.23"


def make(_benchmark: Benchmark) -> Metric:
    """The metric for one benchmark."""

    def metric(item: Item, extraction: Extraction) -> Scored:
        verdict = judge(item, extraction.answer) if len(extraction.text) <= MAX_TEXT else Verdict("too_long")
        messages = {"ast.bfcl": verdict.message} if verdict.message else {}
        return Scored({"ast.bfcl": float(verdict.label == "valid")}, {"ast.bfcl": verdict.label}, messages)

    return metric


def judge(item: Item, answer: str) -> Verdict:
    """The checker's verdict on an answer."""
    try:
        calls = calls_of(answer)
    except (*_ERRORS, SyntaxError, RecursionError, MemoryError) as error:
        return Verdict("ast_decoder:decoder_failed", f"not a list of calls: {error}")
    try:
        return check(_read(item.functions), calls, _read(item.possible_answers))
    except _ERRORS as error:
        return Verdict("checker_error", f"the checker ends with {type(error).__name__}: {error}")


@lru_cache(maxsize=64)
def _read(text: str) -> Any:
    return json.loads(text)


def check(functions: list[dict[str, Any]], calls: list[Call], answers: list[Call]) -> Verdict:
    """The verdict on the calls of an answer.

    Args:
        functions: the schemas that the question offers.
        calls: the answer's.
        answers: the right ones, each argument with the list of its accepted values.
    """
    kind = "multiple_function_checker" if len(functions) > 1 else "simple_function_checker"
    kind = "parallel_function_checker_no_order" if len(answers) > 1 else kind
    if len(calls) != len(answers):
        return Verdict(f"{kind}:wrong_count", f"{len(calls)} calls; the question wants {len(answers)}")
    if len(answers) == 1:
        return _call_verdict(_schema(functions, answers[0]), calls[0], answers[0])
    left = list(calls)
    for number, answer in enumerate(answers, 1):
        schema = _schema(functions, answer)
        verdicts: list[Verdict] = []
        for position, call in enumerate(left):
            verdicts.append(_call_verdict(schema, call, answer))
            if verdicts[-1] == VALID:
                del left[position]
                break
        else:
            message = f"no call is call {number} of {len(answers)}, of {schema['name']}: {verdicts[0].message}"
            return Verdict(f"{kind}:cannot_find_match", message)
    return VALID


def _schema(functions: list[dict[str, Any]], answer: Call) -> dict[str, Any]:
    """The schema of the function of a right call; of several with its name the first."""
    return next(function for function in functions if function["name"] in answer)


def _call_verdict(schema: dict[str, Any], call: Call, answer: Call) -> Verdict:
    """The verdict on one call against one right call."""
    accepted, arguments = next(iter(answer.values())), call.get(schema["name"])
    if arguments is None:
        name = next(iter(call))
        return Verdict("simple_function_checker:wrong_func_name", f"calls {name}; the question wants {schema['name']}")
    for name in schema["parameters"]["required"]:
        if name not in arguments:
            return Verdict("simple_function_checker:missing_required", f"{name} is missing, which the function needs")
    properties = schema["parameters"]["properties"]
    for name, value in arguments.items():
        if name not in properties or name not in accepted:
            return Verdict("simple_function_checker:unexpected_param", f"{name} is no argument of the right call")
        verdict = argument_verdict(value, properties[name], accepted[name])
        if verdict != VALID:
            return Verdict(
                verdict.label,
                f"{name} is {reprlib.repr(value)}; {verdict.message or f'accepted: {accepted[name]}'}"[:300],
            )
    for name, options in accepted.items():
        if name not in arguments and "" not in options:
            return Verdict("simple_function_checker:missing_optional", f"{name} is missing, and may not be")
    return VALID
