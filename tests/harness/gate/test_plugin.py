"""The pytest plugin in users' projects: pytest runs in subprocesses."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
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


@pytest.mark.parametrize("text", ["gate = 1", "[[gates]]\n", "[[gate]\n", "[[gate]]\nbenchmark = 'mini'\n"])
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
