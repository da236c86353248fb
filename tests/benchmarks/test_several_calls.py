"""Items with several calls, and with several values of an argument: what is read, what is right, what is refused."""

import json

import pytest

from apigauge import load_benchmark, score_answer
from apigauge.__main__ import main
from apigauge.errors import DataError
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes.verdict import ObservedCall, Verdict

SETTINGS = 'name = "weather"\nversion = "1-A"\nprompt = "{functions}|{instruction}"\n'
CATALOGUE = [
    {"api_call": "sky.report(city, unit, days)", "signature": "sky.report(city, unit=None, days=None)"},
    {"api_call": "sky.plan(route)", "signature": "sky.plan(route, token=None)"},
]
ONE = {
    "id": "w1",
    "instruction": "The weather in Boston, please.",
    "api_call": "sky.report(city='Boston', unit='C')",
    "values": {"city": ["'Boston'", '"Boston, MA"'], "unit": ["'C'", "'celsius'", ""], "days": ["1", "1.0", ""]},
}
TWO = {
    "id": "w2",
    "instruction": "The weather in Boston and then the way there.",
    "api_call": "sky.report(city='Boston')",
    "calls": ["sky.report(city='Boston')", "sky.plan(route=['Rome', 'Boston'])"],
    "values": [{"city": ["'Boston'", "'BOS'"]}, {"token": ["3", ""]}],
}


def rows(values):
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.fixture
def weather(tmp_path, monkeypatch):
    """Writes the folder with these items."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weather").mkdir()
    (tmp_path / "weather" / "benchmark.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "weather" / "catalogue.jsonl").write_text(rows(CATALOGUE), encoding="utf-8")

    def write(*items):
        (tmp_path / "weather" / "items.jsonl").write_text(rows(items), encoding="utf-8")
        return load_benchmark("./weather")

    return write


ANSWERS = {
    "sky.report(city='Boston', unit='C')": "exact",
    "sky.report('Boston', 'celsius')": "exact",
    "sky.report(city='Boston, MA')": "exact",
    "sky.report(city='Boston', unit='C', days=1)": "exact",
    "place = 'Boston'\nsky.report(place, days=1.0)": "exact",
    "sky.report(city='Boston', days=2)": "different_argument",
    "sky.report(city='Boston', days='1')": "different_argument",
    "sky.report(city='Rome', unit='C')": "different_argument",
    "sky.report(unit='C')": "missing_argument",
    "sky.plan(route='Boston')": "wrong_function",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_argument_may_have_each_accepted_value(answer, weather):
    scored = score_answer(f"import sky\n{answer}", "w1", benchmark=weather(ONE))
    assert scored.labels["ast.exact"] == ANSWERS[answer]
    assert scored.metrics["ast.exact"] == float(ANSWERS[answer] == "exact")


def test_the_message_says_what_is_accepted(weather):
    scored = score_answer("sky.report(city='Rome')", "w1", benchmark=weather(ONE))
    assert scored.messages["ast.exact"] == "city is Rome; the item accepts Boston or Boston, MA"


SEQUENCES = {
    "sky.report(city='Boston')\nsky.plan(route=['Rome', 'Boston'])": ("exact", "exact"),
    "[sky.report(city='BOS'), sky.plan(route=['Rome', 'Boston'], token=3)]": ("exact", "exact"),
    "sky.report(city='Rome')\nsky.report(city='Boston')\nsky.plan(['Rome', 'Boston'])": ("exact", "exact"),
    "sky.plan(route=['Rome', 'Boston'])\nsky.report(city='Boston')": ("missing_call", "exact"),
    "sky.report(city='Boston')": ("missing_call", "missing_call"),
    "sky.report(city='Boston')\nsky.plan(route=['Rome'])": ("different_argument", "different_argument"),
    # A token never counts elsewhere; an item that lists its values makes it count.
    "sky.report(city='Boston')\nsky.plan(route=['Rome', 'Boston'], token=4)": ("different_argument",) * 2,
    "I cannot.": ("no_call", "no_call"),
}


@pytest.mark.parametrize("answer", SEQUENCES)
def test_every_call_must_be_made_in_the_order_that_is_asked_for(answer, weather):
    for order, label in zip(({}, {"order": "any"}), SEQUENCES[answer], strict=True):
        scored = score_answer(answer, "w2", benchmark=weather(TWO | order))
        assert (order, scored.labels["ast.exact"]) == (order, label)


def test_calls_in_any_order_are_assigned_as_well_as_they_can_be(weather):
    """The first call serves both expected ones, the second only one; taken greedily, one would be left."""
    calls = ["sky.report(city='Boston')", "sky.report(city='BOS')"]
    item = TWO | {"calls": calls, "order": "any", "values": [{"city": ["'Boston'", "'BOS'"]}, {"city": ["'BOS'"]}]}
    benchmark = weather(item)
    for answer, right in (("BOS Boston", 1.0), ("Boston BOS", 1.0), ("BOS BOS", 1.0), ("Boston Boston", 0.0)):
        text = "\n".join(f"sky.report(city='{city}')" for city in answer.split())
        assert score_answer(text, "w2", benchmark=benchmark).metrics["ast.exact"] == right, answer


def test_an_accepted_call_stands_for_the_reference_among_the_calls(weather):
    benchmark = weather(TWO | {"accepted": ["sky.report(city='Logan')"]})
    text = "sky.report(city='{}')\nsky.plan(route=['Rome', 'Boston'])"
    assert score_answer(text.format("Logan"), "w2", benchmark=benchmark).metrics["ast.exact"] == 1.0
    assert score_answer(text.format("Rome"), "w2", benchmark=benchmark).metrics["ast.exact"] == 0.0


def test_a_program_s_calls_are_judged_by_the_same_rule(weather):
    def call(function, *positional, **keywords):
        return ObservedCall(function, positional, keywords)

    both = [call("sky.report", "'BOS'"), call("sky.plan", route="['Rome', 'Boston']", token="3")]
    observed = ObservedCalls(weather(ONE, TWO))
    assert observed.judge("w2", Verdict("passed", 4, calls=tuple(both))) == (True, "")
    right, message = observed.judge("w2", Verdict("passed", 4, calls=tuple(reversed(both))))
    assert (right, message) == (False, "call 2 of 2, of sky.plan, was not made as it should be")
    in_any_order = ObservedCalls(weather(TWO | {"order": "any"}))
    assert in_any_order.judge("w2", Verdict("passed", 4, calls=tuple(reversed(both)))) == (True, "")
    observed = ObservedCalls(weather(ONE))
    for unit, is_right in (("'celsius'", True), ("'K'", False)):
        verdict = Verdict("passed", 4, calls=(call("sky.report", "'Boston'", unit=unit),))
        assert observed.judge("w1", verdict)[0] is is_right


def test_functions_are_put_into_the_prompt_once(weather):
    schema = {"name": "sky.report", "description": "of {instruction}"}
    benchmark = weather(ONE | {"functions": [schema], "instruction": "{functions}?"})
    assert benchmark.prompt(benchmark.items[0]) == json.dumps([schema], indent=4) + "|{functions}?"


FAULTS = {
    "calls is 'f(x)', and no list of calls": TWO | {"calls": "f(x)"},
    "the function of 'sky.fall()', in calls, is in no row of catalogue.jsonl": TWO | {"calls": ["sky.fall()"]},
    "api_call \"sky.report(city='Boston')\" is none of calls; add it": TWO | {"calls": ["sky.plan(route=1)"]},
    "order is 'random'; write 'any'": TWO | {"order": "random"},
    "order is of calls, and there are none": ONE | {"order": "any"},
    "values is '3'; write an object": ONE | {"values": 3},
    "values is '[{}]'; write an object, or a list of 2, one for each call": TWO | {"values": [{}]},
    "the reference 'f(x)' is in no row of catalogue.jsonl": ONE | {"api_call": "f(x)"},
    "values of city is 'Boston'; write a list of literals": ONE | {"values": {"city": "Boston"}},
    "'Boston', of city in values, is no Python literal": ONE | {"values": {"city": ["Boston"]}},
    "has a value of unit that is none of its values": ONE | {"values": {"unit": ["'F'"]}},
    "functions is '[3]'; write a list of objects": ONE | {"functions": [3]},
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_damaged_field_is_one_message_with_its_line(message, weather, capsys):
    with pytest.raises(DataError, match=r"weather/items\.jsonl, line 2"):
        weather(ONE | {"id": "w0"}, FAULTS[message])
    assert main(["benchmarks", "show", "weather"]) == 4
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
