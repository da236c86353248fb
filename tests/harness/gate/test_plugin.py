"""The pytest plugin in users' projects: pytest runs in subprocesses."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from compared_runs import edit, edit_manifest
from openai_server import OpenAIServer, good

from apigauge.__main__ import main

pytest_plugins = ["pytester"]

_STATIC = 'options=["--sandbox", "none", "--metrics", "ast_match"]'
WORSE = "constant:torch.topk(scores, k=3)"


@pytest.fixture(scope="session")
def baseline(tmp_path_factory):
    """The outcomes of retrieval on mini, as saved."""
    folder = tmp_path_factory.mktemp("baseline")
    command = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", str(folder / "run")]
    assert main([*command, "--sandbox", "none", "--metrics", "ast_match"]) == 0
    assert main(["gate", str(folder / "run"), "--save-baseline", str(folder / "baseline.json")]) == 0
    command = ["run", "--benchmark", "mini", "--model", WORSE, "--out", str(folder / "worse")]
    assert main([*command, "--sandbox", "none", "--metrics", "ast_match"]) == 0
    return folder / "baseline.json"


@pytest.fixture
def project(pytester, baseline):
    """A user's project with a baseline; ``run`` calls pytest in it."""
    pytester.path.joinpath("baseline.json").write_bytes(baseline.read_bytes())
    pytester.makeini("[pytest]\naddopts = --strict-markers")
    return pytester


def marked(model, body="...", **more):
    fields = {"benchmark": '"mini"', "baseline": '"baseline.json"', "metric": '"ast.exact:0.15"', **more}
    if model:
        fields["model"] = repr(model)
    arguments = ", ".join(f"{name}={value}" for name, value in fields.items())
    return f"import pytest\n\n@pytest.mark.apigauge({arguments}, {_STATIC})\ndef test_model(apigauge_finding): {body}\n"


def pytest_in(project, *options):
    return project.runpytest_subprocess("-p", "no:randomly", *options)


def test_runs_and_baselines_may_be_at_addresses(project, baseline, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ["run", "--benchmark", "mini", "--model", WORSE, "--out", f"file://{tmp_path}/store/worse"]
    assert main([*command, "--sandbox", "none", "--metrics", "ast_match"]) == 0
    where = {"run": f'"file://{tmp_path}/store/worse"', "baseline": f'"file://{baseline}"'}
    project.makepyfile(test_gate=marked("", **where).replace(f", {_STATIC}", ""))
    result = pytest_in(project)
    result.assert_outcomes(failed=1)
    assert "ast.exact went from 0.3571 to 0.0357: a regression" in result.stdout.str()


def test_a_model_that_is_worse_fails_with_what_a_person_can_act_on(project):
    project.makepyfile(test_gate=marked(WORSE))
    result = pytest_in(project)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "test_model[ast.exact]" in text
    assert re.search(r"ast\.exact went from 0\.3571 to 0\.0357: a regression \(p = 0\.0\d+", text)
    assert "answers got worse in ast.exact, about 16 APIs" in text
    assert "heapq.nlargest(3,items): mini-214, mini-217" in text
    # Where CI is set, pytest's short summary repeats it.
    (accept,) = set(re.findall(r"To accept it: apigauge (.*)", text))
    assert main(accept.split()) == 0
    pytest_in(project).assert_outcomes(passed=1)


def test_the_function_s_own_body_may_ask_for_more(project):
    project.makepyfile(test_gate=marked("retrieval:bm25", "assert apigauge_finding.after > 0.3"))
    pytest_in(project).assert_outcomes(passed=1)
    project.makepyfile(test_gate=marked("retrieval:bm25", "assert apigauge_finding.after > 0.4"))
    result = pytest_in(project)
    result.assert_outcomes(failed=1)
    assert "assert apigauge_finding.after > 0.4" in result.stdout.str()


def test_each_metric_and_slice_is_a_test_to_be_selected_and_failed_ones_to_be_run_again(project):
    more = {"metric": '["ast.exact", "hallucination:0.15"]', "slice": '"library"'}
    project.makepyfile(test_gate=marked(WORSE, **more))
    result = pytest_in(project, "--junitxml=out.xml", "-v")
    cases = ET.parse(project.path / "out.xml").getroot().findall(".//testcase")
    kinds = {case.get("name"): [child.tag for child in case] for case in cases}
    assert kinds["test_model[ast.exact]"] == ["failure"]
    assert kinds["test_model[hallucination]"] == []
    # Too few answers in a slice are not a failure of the model.
    assert "skipped" in kinds["test_model[ast.exact-library:itertools]"]
    assert "skipped" in kinds["test_model[ast.exact-library:heapq]"]
    failed = sum(kind == ["failure"] for kind in kinds.values())
    assert failed == result.parseoutcomes()["failed"]
    assert pytest_in(project, "--lf").parseoutcomes() == {"failed": failed}
    selected = pytest_in(project, "-k", "library:torch and hallucination").parseoutcomes()
    assert selected == {"skipped": 1, "deselected": len(kinds) - 1}


def test_too_few_answers_fail_unless_the_test_says_to_skip(project):
    few = _STATIC[:-1] + ', "--limit", "5"]'
    run = ["run", "--benchmark", "mini", "--model", "retrieval:bm25", "--limit", "5", "--sandbox", "none"]
    assert main([*run, "--metrics", "ast_match", "--out", str(project.path / "few")]) == 0
    assert main(["gate", str(project.path / "few"), "--save-baseline", str(project.path / "baseline.json")]) == 0
    test = marked(WORSE).replace(_STATIC, few)
    project.makepyfile(test_gate=test)
    result = pytest_in(project)
    result.assert_outcomes(failed=1)
    assert "too few answers to tell" in result.stdout.str()
    project.makepyfile(test_gate=test.replace("benchmark=", 'inconclusive="skip", benchmark='))
    pytest_in(project).assert_outcomes(skipped=1)


TOML = """
[[gate]]
benchmark = "mini"
model = "retrieval:bm25"
baseline = "baseline.json"
metric = "ast.exact:0.15"
options = ["--sandbox", "none", "--metrics", "ast_match"]

[[gate]]
name = "constant"
benchmark = "mini"
model = "constant:torch.topk(scores, k=3)"
baseline = "baseline.json"
metric = "ast.exact"
options = ["--sandbox", "none", "--metrics", "ast_match"]
"""


def test_a_toml_file_declares_tests_without_python_code(project):
    project.path.joinpath("apigauge.toml").write_text(TOML, encoding="utf-8")
    result = pytest_in(project, "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["apigauge.toml::mini::ast.exact PASSED*", "apigauge.toml::constant::ast.exact FAILED*"]
    )
    pytest_in(project, "--lf").assert_outcomes(failed=1)
    pytest_in(project, "-k", "constant").assert_outcomes(failed=1, deselected=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_run_is_made_once_a_session_and_shared(project, workers):
    """Two files, four tests, perhaps two processes: each question is asked once. The next session asks again."""
    server = OpenAIServer()
    try:
        server.react = lambda _: good("torch.topk(scores, k=3)")
        options = f'["--sandbox", "none", "--metrics", "ast_match", "--base-url", "{server.url}", "--no-cache"]'
        manifest = json.loads((project.path / "baseline.json").read_text(encoding="utf-8"))
        test = marked("openai:m", metric='["ast.exact", "hallucination"]').replace(_STATIC, f"options={options}")
        project.makepyfile(test_one=test, test_two=test)
        first = pytest_in(project, "-n", workers)
        # Retrieval has other prompts than a server: the two cannot be compared, which shows once it has answered.
        assert "digest of the prompts differs" in first.stdout.str()
        assert manifest["prompts"] not in (None, "")
        assert first.parseoutcomes() == {"errors": 4}
        assert len(server.requests) == 56
        pytest_in(project, "-n", workers, "-k", "hallucination")
        assert len(server.requests) == 112
    finally:
        server.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"baseline": '"nowhere.json"'},
            "apigauge run --benchmark mini --model retrieval:bm25 --out runs/new && apigauge",
        ),
        ({"model": '"hf:no/such/folder"'}, "ended with"),
        ({"run": '"runs/no"', "model": None}, "is no run directory"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_not_a_failure_of_the_model(project, change, message):
    fields = {name: value for name, value in change.items() if name != "model"}
    model = change.get("model", '"retrieval:bm25"')
    project.makepyfile(test_gate=marked(model and model.strip('"'), **fields))
    result = pytest_in(project)
    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('benchmark="mini"', "baseline is missing"),
        ('benchmark="mini", baseline="baseline.json"', "give either a model"),
        ('benchmark="mini", baseline="baseline.json", model="a:b", run="r"', "give either a model"),
        (
            'benchmark="mini", baseline="baseline.json", model="a:b", metrics="ast.exact"',
            "there is no argument 'metrics'",
        ),
        ('benchmark="mini", baseline="baseline.json", model="a:b", metric="ast.exact:x"', "the form is NAME"),
        ('benchmark="mini", baseline="baseline.json", model="a:b", metric=3', "metric is a text or a list of texts"),
        ('benchmark="mini", baseline="baseline.json", model="a:b", slice="size"', "cut by domain or library"),
        ('benchmark="mini", baseline="baseline.json", model="a:b", inconclusive="ok"', "fail or skip"),
        ('"mini"', "takes its arguments by name"),
    ],
)
def test_wrong_declarations_are_refused_before_anything_runs(project, arguments, message):
    project.makepyfile(f"import pytest\n\n@pytest.mark.apigauge({arguments})\ndef test_model(): ...\n")
    result = pytest_in(project)
    assert result.ret != 0
    assert message in result.stdout.str() + result.stderr.str()
    assert "passed" not in result.parseoutcomes()


def test_every_metric_of_the_baseline_is_a_test_unless_metrics_are_named(project):
    project.makepyfile(test_gate=marked(WORSE, metric="[]"))
    result = pytest_in(project, "--collect-only", "-q")
    assert re.findall(r"\[(.*)\]", result.stdout.str()) == ["ast.exact", "ast.domain", "hallucination"]


def test_gates_of_one_name_have_ids_of_their_own(project, baseline):
    """An id selects one test: of two gates on one benchmark, `pytest ID` ran both, and so did --lf."""
    gate = '[[gate]]\nbenchmark = "mini"\nrun = "{}"\nbaseline = "baseline.json"\nmetric = "ast.exact:0.5"\n'
    gates = "".join(gate.format(baseline.parent / name) for name in ("run", "worse", "run"))
    project.path.joinpath("apigauge.toml").write_text(gates, encoding="utf-8")
    result = pytest_in(project, "-v")
    result.assert_outcomes(passed=2, failed=1)
    ids = re.findall(r"^(apigauge.toml::\S+) (?:PASSED|FAILED)", result.stdout.str(), re.MULTILINE)
    assert ids == [f"apigauge.toml::mini{suffix}::ast.exact" for suffix in ("", "-2", "-3")]
    pytest_in(project, "apigauge.toml::mini-2::ast.exact").assert_outcomes(failed=1)


def test_stacked_markers_all_count(project, decorator):
    """The good model's marker stands nearest to the function, and the bad one's class and module have more."""
    mark, good = decorator("worse"), decorator("run", metric='"ast.exact:0.5"')
    text = f"import pytest\n\n{good}\ndef test_model(apigauge_finding): ...\n"
    project.makepyfile(test_gate=text.replace("@pytest", f"{mark}\n@pytest", 1))
    result = pytest_in(project, "-v")
    result.assert_outcomes(passed=1, failed=1)
    ids = re.findall(r"test_model\[(\S+)\] (?:PASSED|FAILED)", result.stdout.str())
    assert ids == ["mini-ast.exact0", "mini-ast.exact1"]
    inherited = text.replace("import pytest\n", f"import pytest\n\npytestmark = {mark[1:]}\n")
    project.makepyfile(test_gate=inherited)
    pytest_in(project).assert_outcomes(passed=1, failed=1)


UNITTEST = """
import unittest
import pytest

{mark}
class TestModel(unittest.TestCase):
    {inner}
    def test_model(self): {body}

    async def helper(self): ...

{after}
"""


@pytest.fixture
def decorator(baseline):
    """A decorator with a run that exists: ``run`` or ``worse``."""

    def make(of, **more):
        text = marked(None, run=repr(str(baseline.parent / of)), **more)
        return next(line for line in text.splitlines() if line.startswith("@"))

    return make


@pytest.mark.parametrize("on", ["mark", "inner"])
def test_a_method_of_unittest_is_judged_like_a_function(project, decorator, on):
    """pytest makes no tests of parameters of them, so that one test has all metrics."""
    both = '["ast.exact", "hallucination"]'

    def outcome(run, body="...", **more):
        marks = {"mark": "", "inner": "", on: decorator(run, **{"metric": both, **more})}
        project.makepyfile(test_gate=UNITTEST.format(**marks, body=body, after=""))
        return pytest_in(project)

    failed = outcome("worse")
    failed.assert_outcomes(failed=1)
    assert "ast.exact went from 0.3571 to 0.0357: a regression" in failed.stdout.str()
    missing = outcome("run", baseline='"nowhere.json"')
    missing.assert_outcomes(errors=1)
    assert "nowhere.json does not exist yet" in missing.stdout.str()
    outcome("run", metric='["ast.exact:0.5", "hallucination:0.5"]').assert_outcomes(passed=1)
    if on == "mark":
        return
    outcome("run", body="assert False", metric='"ast.exact:0.5"').assert_outcomes(failed=1)
    wrong = outcome("run", slice='"size"')
    assert "cut by domain or library" in wrong.stdout.str()
    assert "passed" not in wrong.parseoutcomes()


@pytest.mark.parametrize("own", [False, True])
def test_a_marked_parameter_is_judged(project, decorator, own):
    """`pytest.param(..., marks=...)` marks a test that pytest has made already; the function may have a marker too."""
    text = f"""
import pytest

WORSE = {decorator("worse")[1:]}
SAME = {decorator("run", metric='"ast.exact:0.5"')[1:]}

{decorator("run", metric='"hallucination:0.5"') if own else ""}
@pytest.mark.parametrize("number", [pytest.param(1, marks=WORSE), pytest.param(2, marks=SAME), 3])
def test_model(number): ...
"""
    project.makepyfile(test_gate=text)
    result = pytest_in(project, "-v")
    result.assert_outcomes(passed=2, failed=1)
    assert "ast.exact went from 0.3571 to 0.0357: a regression" in result.stdout.str()


def test_a_marker_that_a_fixture_adds_is_judged(project, decorator):
    project.makepyfile(
        test_gate=f"""
import pytest

@pytest.fixture(autouse=True)
def marked(request):
    request.node.add_marker({decorator("worse")[1:]})

def test_model(): ...
"""
    )
    pytest_in(project).assert_outcomes(failed=1)


def test_the_finding_of_a_test_with_several_is_not_guessed(project, decorator):
    stacked = ", ".join(decorator("worse", name=name)[1:] for name in ('"a"', '"b"'))
    project.makepyfile(
        test_gate=f"""
import pytest

@pytest.mark.parametrize("number", [pytest.param(1, marks=[{stacked}])])
def test_model(number, apigauge_finding): ...
"""
    )
    result = pytest_in(project)
    result.assert_outcomes(errors=1)
    assert "this test has 2 findings; name one metric" in result.stdout.str()


def test_what_the_new_run_lacks_is_an_error(project, baseline):
    run = project.mkdir("new")
    for name in ("manifest.json", "scores.jsonl"):
        (run / name).write_bytes((baseline.parent / "run" / name).read_bytes())
    edit_manifest(run, lambda manifest: manifest["metrics"].pop("ast_match"))
    edit(run / "scores.jsonl", lambda row: row["metrics"].clear())
    project.makepyfile(test_gate=marked(None, run='"new"', metric="[]"))
    result = pytest_in(project)
    result.assert_outcomes(errors=3)
    assert "it has no ast.exact, which" in result.stdout.str()


def test_an_exception_of_ours_is_broken_and_no_failure_of_the_model(project, decorator):
    project.makeconftest(
        """
        import apigauge.harness.gate.decide as decide

        def judge(*_):
            raise ZeroDivisionError("planted")

        decide.judge = judge
        """
    )
    project.makepyfile(test_gate=f"import pytest\n\n{decorator('run')}\ndef test_model(): ...\n")
    result = pytest_in(project)
    result.assert_outcomes(errors=1)
    assert "broken: internal error: ZeroDivisionError: planted" in result.stdout.str()


@pytest.mark.parametrize(
    "text", ["gate = 1", "[[gates]]\n", "[[gate]\n", "[[gate]]\nbenchmark = 'mini'\n", "gate = [1]"]
)
def test_a_wrong_toml_file_is_refused(project, text):
    project.path.joinpath("apigauge.toml").write_text(text, encoding="utf-8")
    result = pytest_in(project)
    assert result.ret != 0
    assert "apigauge" in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_the_model_may_be_named_on_the_command_line(project):
    project.makepyfile(test_gate=marked(None))
    pytest_in(project, "--apigauge-model", WORSE).assert_outcomes(failed=1)
    pytest_in(project, "--apigauge-model", "retrieval:bm25").assert_outcomes(passed=1)


def test_it_loads_nothing_where_it_is_not_used_and_does_not_shadow_packages_named_like_our_folders(pytester):
    for name in ("benchmarks", "reports", "harness", "sandboxes"):
        package = pytester.mkpydir(name)
        package.joinpath("own.py").write_text(f"NAME = '{name}'\n", encoding="utf-8")
    pytester.makepyfile(
        test_own="""
        import sys

        def test_packages():
            import benchmarks.own, harness.own, reports.own, sandboxes.own
            modules = (benchmarks.own, reports.own, harness.own, sandboxes.own)
            assert [one.NAME for one in modules] == ["benchmarks", "reports", "harness", "sandboxes"]

        def test_modules():
            ours = {name for name in sys.modules if name.split(".")[0] == "apigauge"}
            assert ours == {"apigauge", "apigauge.harness", "apigauge.harness.gate", "apigauge.harness.gate.plugin"}
            heavy = {"torch", "transformers", "numpy", "scipy", "pandas", "docker", "rich", "tree_sitter", "jinja2"}
            assert not heavy & sys.modules.keys()
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=2)
