"""The embedded benchmark has the properties that its README states."""

import ast
import difflib
import re
from collections import Counter

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.registry import make_metrics, score

MINI = load_benchmark("mini")


def words(text):
    return re.findall(r"[a-z0-9_]+", text.lower())


def trigrams(text):
    tokens = words(text)
    return {tuple(tokens[i : i + 3]) for i in range(len(tokens) - 2)}


def test_there_are_28_apis_with_eight_training_and_two_test_items_each():
    assert len(MINI.catalogue) == len({api.call for api in MINI.catalogue}) == 28
    calls = {api.call for api in MINI.catalogue}
    assert Counter(item.reference_call for item in MINI.train) == dict.fromkeys(calls, 8)
    assert Counter(item.reference_call for item in MINI.items) == dict.fromkeys(calls, 2)
    assert len({item.api for item in MINI.items}) == 28


def test_ids_are_unique_over_both_parts():
    ids = [item.id for item in (*MINI.train, *MINI.items)]
    assert sorted(ids) == [f"mini-{number:03}" for number in range(1, 281)]


def test_nine_domains_and_each_item_has_its_api_s_domain():
    domains = {api.call: api.domain for api in MINI.catalogue}
    assert len(set(domains.values())) == 9
    assert all(item.domain == domains[item.reference_call] for item in (*MINI.train, *MINI.items))


def test_every_program_and_example_parses_and_makes_the_reference_s_call():
    for item in (*MINI.train, *MINI.items):
        tree = ast.parse(item.reference_program)
        called = {ast.unparse(node.func).rsplit(".", 1)[-1] for node in ast.walk(tree) if isinstance(node, ast.Call)}
        name = item.reference_call.split("(")[0].rsplit(".", 1)[-1]
        # Imported under another name is allowed.
        aliases = {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == name
        }
        assert called & ({name} | aliases), item.id
    for api in MINI.catalogue:
        assert api.call.split("(")[0].rsplit(".", 1)[-1] in api.example
        ast.parse(api.example)


@pytest.mark.parametrize(
    "form",
    ["<<<api_call>>>: {call}", "{call}", "Use {call} for that.", "<<<api_call>>>: {call}\n<<<code>>>: {program}"],
)
def test_reference_calls_are_exact(form):
    metrics = make_metrics(["ast_match"], MINI)
    functions = functions_of(api.call for api in MINI.catalogue)
    for item in MINI.items:
        text = form.format(call=item.reference_call, program=item.reference_program)
        scored = score(metrics, item, extract(text, functions))
        assert scored.metrics == {"ast.exact": 1.0, "ast.domain": 1.0, "hallucination": 0.0}, item.id


def test_reference_programs_alone_are_exact_where_they_make_one_catalogue_call():
    """A program that seeds and then builds another API's model could answer either question; no other is ambiguous."""
    metrics = make_metrics(["ast_match"], MINI)
    functions = functions_of(api.call for api in MINI.catalogue)
    lasts = {api.name.rsplit(".", 1)[-1] for api in MINI.catalogue}
    checked = 0
    for item in MINI.items:
        tree = ast.parse(item.reference_program)
        called = {ast.unparse(node.func).rsplit(".", 1)[-1] for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if "seed" in item.reference_call and len(called & lasts) > 1:
            continue
        checked += 1
        assert score(metrics, item, extract(item.reference_program, functions)).metrics["ast.exact"] == 1, item.id
    assert checked >= 54


def test_no_reference_call_is_exact_for_another_api():
    metrics = make_metrics(["ast_match"], MINI)
    functions = functions_of(api.call for api in MINI.catalogue)
    for item in MINI.items:
        right = {
            api.call
            for api in MINI.catalogue
            if score(metrics, item, extract(api.call, functions)).metrics["ast.exact"] == 1
        }
        assert right == {item.reference_call}


def test_no_test_instruction_is_a_near_copy_of_another():
    """Near copy: more than half of its word trigrams stand in one other instruction."""
    everything = [(item.id, trigrams(item.instruction)) for item in (*MINI.train, *MINI.items)]
    for item in MINI.items:
        own = trigrams(item.instruction)
        assert own, item.id
        shares = [len(own & other) / len(own) for key, other in everything if key != item.id]
        assert max(shares) <= 0.5, item.id


def test_no_test_instruction_reads_like_a_training_one():
    """By difflib on words: at most half of both are common stretches in one order."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    for item in MINI.items:
        matcher.set_seq2(words(item.instruction))
        for other in MINI.train:
            matcher.set_seq1(words(other.instruction))
            if matcher.quick_ratio() > 0.5:
                assert matcher.ratio() <= 0.5, (item.id, other.id)


def test_training_and_test_instructions_and_programs_are_disjoint():
    for part in ("instruction", "reference_program"):
        train, test = ({" ".join(words(getattr(item, part))) for item in items} for items in (MINI.train, MINI.items))
        assert not train & test
        assert len(train) == 224
        assert len(test) == 56


def test_no_instruction_names_its_api():
    """Neither in full nor by a part of its dotted name that is no plain word."""
    names = {api.name for api in MINI.catalogue}
    shown = {part for name in names for part in (name, ".".join(name.split(".")[-2:]))}
    shown |= {name.rsplit(".", 1)[-1] for name in names if "_" in name.rsplit(".", 1)[-1]}
    for item in (*MINI.train, *MINI.items):
        mentioned = {part for part in shown if part.lower() in item.instruction.lower()}
        assert not mentioned, item.id


def bind(signature, call):
    """What each argument of a call binds to, as Python binds it: by calling a function of that signature."""
    name, _, parameters = signature.partition("(")
    function = ast.parse(f"def f({parameters}: pass", mode="exec").body[0]
    positional = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    keywords = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    tree = ast.parse(call, mode="eval").body
    assert len(tree.args) <= len(positional)
    taken = positional[: len(tree.args)]
    for keyword in tree.keywords:
        assert keyword.arg in keywords or function.args.kwarg, f"{call}: no parameter {keyword.arg}"
        assert keyword.arg not in taken, f"{call}: {keyword.arg} is given twice"
        taken.append(keyword.arg)
    defaults = len(function.args.defaults)
    required = positional[: len(positional) - defaults] if defaults else positional
    required += [a.arg for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is None]
    assert set(required) <= set(taken), f"{call}: lacks {set(required) - set(taken)}"
    return name, ast.unparse(tree.func)


def test_catalogue_signatures_accept_the_catalogue_s_calls():
    for api in MINI.catalogue:
        named, called = bind(api.signature, api.call)
        assert named == called == api.name


@pytest.mark.parametrize(
    "module", ["collections", "difflib", "heapq", "itertools", "secrets", "statistics", "textwrap"]
)
def test_signatures_of_the_standard_library_are_those_of_the_installed_one(module):
    """The parameters a call of the catalogue uses exist under those names in the running Python."""
    import importlib
    import inspect

    library = importlib.import_module(module)
    apis = [api for api in MINI.catalogue if api.name.startswith(f"{module}.")]
    assert apis
    for api in apis:
        function = getattr(library, api.name.rsplit(".", 1)[-1])
        tree = ast.parse(api.call, mode="eval").body
        try:
            real = inspect.signature(function)
        except ValueError:
            continue  # built in C, without one
        real.bind(*tree.args, **{keyword.arg: keyword.value for keyword in tree.keywords})
