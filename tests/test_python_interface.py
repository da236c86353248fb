"""``import apigauge``: what a program or a notebook of a user's relies on."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import apigauge
from apigauge import errors
from apigauge.harness.evaluation.sandbox_choice import SandboxOptions

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "tests" / "user_program.py"


@pytest.fixture
def mini():
    return apigauge.load_benchmark("mini")


def test_dir_shows_the_public_names_and_nothing_else():
    assert dir(apigauge) == sorted(apigauge.__all__)
    assert all(getattr(apigauge, name) is not None for name in apigauge.__all__)


def test_every_error_of_the_tree_is_public():
    tree = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert tree <= set(apigauge.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        apigauge.scores  # noqa: B018


def test_importing_apigauge_loads_the_standard_library_alone():
    program = (
        "import sys; before = set(sys.modules); import apigauge; dir(apigauge)\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded == "apigauge\n"


def test_the_user_s_program_uses_every_public_name():
    text = PROGRAM.read_text(encoding="utf-8")
    assert [name for name in apigauge.__all__ if f"apigauge.{name}" not in text and f"    {name},\n" not in text] == []


def test_the_user_s_program_passes_mypy_strict(tmp_path):
    copy = tmp_path / "user_program.py"
    copy.write_text(PROGRAM.read_text(encoding="utf-8") + "\nreveal_type(apigauge.read_run('x').metrics)\n")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--config-file=",
        f"--cache-dir={tmp_path}",
        copy.name,
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"MYPYPATH": str(ROOT / "src")}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MetricSummary" in done.stdout


def test_the_user_s_program_runs(tmp_path):
    done = subprocess.run([sys.executable, PROGRAM, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == apigauge.__version__
    assert lines[1].endswith(" 1.0 0.9821428571428571")
    assert lines[2] == "56 56 regression index.html"


def test_one_answer_scores_as_in_a_run(mini, tmp_path):
    answers = [
        {"item": item.id, "text": item.reference_call + "\n# " + other.reference_call}
        for item, other in zip(mini.items, mini.items[::-1], strict=True)
    ]
    table = apigauge.score(answers, "mini", out=tmp_path / "run").answers.set_index("item")
    for item, answer in zip(mini.items, answers, strict=True):
        one = apigauge.score_answer(answer["text"], item)
        row = table.loc[item.id]
        assert {name: row[name] for name in one.metrics} == one.metrics
        assert {name: row[f"label.{name}"] for name in one.labels} == one.labels
        assert (row["call"], row["program"]) == (one.call, one.program)


def test_an_item_by_its_id_needs_its_benchmark(mini):
    item = mini.items[0]
    with pytest.raises(apigauge.UsageError, match="benchmark=NAME"):
        apigauge.score_answer("f(1)", item.id)
    by_name = apigauge.score_answer(item.reference_call, item.id, benchmark="mini")
    assert by_name == apigauge.score_answer(item.reference_call, item)
    with pytest.raises(apigauge.UsageError, match="no item 'nowhere'"):
        apigauge.score_answer("f(1)", "nowhere", benchmark=mini)


def test_an_item_of_no_loaded_benchmark_is_refused():
    item = apigauge.Item("mini-001", "?", "f(1)", "", "d", "f(1)")
    with pytest.raises(apigauge.UsageError, match="no benchmark loaded here"):
        apigauge.score_answer("f(1)", item)


def test_answers_may_be_a_file_texts_by_item_or_rows(mini, tmp_path):
    texts = {item.id: item.reference_program for item in mini.items[:4]}
    rows = [{"item": name, "text": text} for name, text in texts.items()]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    means = [
        {name: entry["value"] for name, entry in apigauge.score(answers, mini, metrics=["rouge"]).metrics.items()}
        for answers in (file, str(file), texts, rows, iter(rows))
    ]
    assert set(means[0]) == {"rouge.1", "rouge.2", "rouge.L"}
    assert means == [means[0]] * 5


def test_a_run_that_nobody_named_lasts_as_long_as_its_object(mini):
    run = apigauge.score({mini.items[0].id: "f(1)"}, mini, metrics=["ast_match"])
    path = run.path
    assert (path / "scores.jsonl").is_file()
    del run
    assert not path.exists()


def test_a_run_measures_executability_where_a_sandbox_is_given(mini, tmp_path):
    texts = {item.id: item.reference_program for item in mini.items[:3]}
    anywhere = SandboxOptions("process", accepts_no_isolation=True)
    run = apigauge.score(texts, mini, out=tmp_path / "run", metrics=["exec.rate"], sandbox=anywhere)
    assert run.metrics["exec.rate"]["value"] == 1.0
    assert list(run.answers["status"]) == ["passed"] * 3


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(apigauge.RunError, match="no run directory"):
        apigauge.read_run(tmp_path)


def test_without_pandas_answers_say_how_to_get_it(mini, tmp_path, monkeypatch):
    run = apigauge.score({mini.items[0].id: "f(1)"}, mini, out=tmp_path / "run", metrics=["ast_match"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(apigauge.UsageError, match=r"pip install 'apigauge\[pandas\]'"):
        run.answers  # noqa: B018
    assert run.metrics["ast.exact"]["n"] == 1


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "apigauge", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"apigauge {apigauge.__version__}\n"


_SCRIPT = """
import sys
import apigauge
mini = apigauge.load_benchmark("mini")
answers = [{"item": item.id, "text": item.api, "sample": sample} for item in mini.items for sample in range(4)]
print(apigauge.score(answers, mini, **eval(sys.argv[1])).summary["items"])
"""


def _run_script(tmp_path, options):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    return subprocess.run(
        [sys.executable, script, options], capture_output=True, text=True, check=False, timeout=100, cwd=tmp_path
    )


def test_a_plain_script_scores_many_answers(tmp_path):
    done = _run_script(tmp_path, "{}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "56\n", "")


def test_a_script_without_a_guard_and_with_workers_ends_with_an_error(tmp_path):
    """Each new process runs the script again."""
    done = _run_script(tmp_path, "{'workers': 2}")
    assert done.returncode == 1
    assert "__name__ == '__main__'" in done.stderr


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": -1}, {"limit": "3"}, {"workers": 0}, {"sandbox": "nope"}])
def test_an_option_that_makes_no_sense_is_refused(mini, tmp_path, options):
    with pytest.raises(errors.UsageError, match=next(iter(options))):
        apigauge.run(mini, "constant:x", out=tmp_path / "run", **options)


@pytest.mark.parametrize(("text", "item"), [(None, "mini-003"), (b"f()", "mini-003"), ("f()", None), ("f()", 3)])
def test_an_answer_or_item_of_the_wrong_type_is_refused(mini, text, item):
    with pytest.raises(errors.UsageError, match="give a text and an item"):
        apigauge.score_answer(text, item, benchmark=mini)


def test_an_item_that_was_pickled_is_still_of_its_benchmark(mini):
    item = mini.items[0]
    copy = pickle.loads(pickle.dumps(item))
    assert apigauge.score_answer(item.reference_program, copy).metrics["ast.exact"] == 1.0


def test_one_value_may_stand_for_a_list(mini, tmp_path):
    run = apigauge.run(mini, "constant:x", out=tmp_path / "run", limit=3, metrics="rouge.1")
    assert "rouge.1" in run.metrics
    assert apigauge.report(run, tmp_path / "site").is_file()
    assert apigauge.report(str(run.path), tmp_path / "site").is_file()


def test_reasoning_and_unfinished_answers_as_on_the_command_line(mini):
    item = mini.items[0]
    draft, answer = "heapq.nlargest(3, items)", item.reference_call
    text = f"<think>{draft}</think>\n{answer}"
    stripped, kept = (apigauge.score_answer(text, item, reasoning=mode) for mode in ("strip", "keep"))
    assert (stripped.call, stripped.reasoning, stripped.unfinished) == (answer, draft, None)
    assert (kept.call, kept.reasoning) == (draft, "")
    cut = apigauge.score_answer("Let me", item, finish_reason="length")
    assert (cut.unfinished, cut.labels["ast.exact"]) == ("length", "unfinished")
    assert apigauge.score_answer(f"<plan>{draft}</plan>{answer}", item, reasoning="<plan>,</plan>").call == answer
    with pytest.raises(apigauge.UsageError, match="give strip, keep, or tags"):
        apigauge.score_answer(text, item, reasoning="stirp")
    rows = [{"item": item.id, "text": text, "finish_reason": "length"}]
    run = apigauge.score(rows, mini, reasoning="keep", metrics=["ast.exact"])
    assert run.manifest["reasoning"] == {"mode": "keep"}
    assert run.summary["unfinished"]["count"] == 1
    run = apigauge.score([*rows, {"item": mini.items[1].id, "text": answer}], mini, metrics=["ast.exact"])
    assert run.answers["reasoning"].fillna("").tolist() == [draft, ""]


def test_too_many_unfinished_answers_are_logged(mini, caplog):
    apigauge.score([{"item": mini.items[0].id, "text": "", "finish_reason": "length"}], mini, metrics=["ast.exact"])
    assert "1 of 1 answers are unfinished" in caplog.text
