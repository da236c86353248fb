"""Stages run once, and again when an input has changed."""

from dataclasses import replace

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.metrics import registry
from apigauge.harness.plugins.rlaif.digests import data_digest, folder_digest, scorer_digest
from apigauge.harness.plugins.rlaif.stages import FILE, once


@pytest.fixture
def stage(tmp_path):
    made = []

    def run(inputs, make=None, **options):
        def default():
            (tmp_path / "stage" / "result").write_text(str(inputs), encoding="utf-8")

        def counted():
            made.append(inputs)
            (make or default)()

        return once(tmp_path / "stage", inputs, counted, **options)

    run.made, run.folder = made, tmp_path / "stage"
    return run


def test_a_stage_runs_once_for_equal_inputs(stage):
    assert stage({"rate": 0.1, "names": ("a", "b")})
    assert not stage({"rate": 0.1, "names": ("a", "b")})
    assert len(stage.made) == 1


def test_another_input_repeats_the_stage_from_an_empty_folder(stage):
    stage({"rate": 0.1})
    (stage.folder / "left").write_text("of the first", encoding="utf-8")
    assert stage({"rate": 0.2})
    assert not (stage.folder / "left").exists()


def test_an_interrupted_stage_is_repeated(stage):
    def broken():
        (stage.folder / "half").write_text("", encoding="utf-8")
        raise KeyboardInterrupt

    for resumes in (False, True):
        with pytest.raises(KeyboardInterrupt):
            stage({"rate": 1}, broken, resumes=resumes)
    assert stage({"rate": 1}, lambda: None, resumes=True)
    assert (stage.folder / "half").exists(), "a stage that resumes finds what there was"
    with pytest.raises(KeyboardInterrupt):
        stage({"rate": 2}, broken)
    assert stage({"rate": 2}, lambda: None)
    assert not (stage.folder / "half").exists()
    with pytest.raises(KeyboardInterrupt):
        stage({"rate": 3}, broken, resumes=True)
    assert stage({"rate": 4}, lambda: None, resumes=True)
    assert not (stage.folder / "half").exists(), "nor does one that resumes find what was made of other inputs"


def test_two_processes_cannot_run_one_stage(stage):
    with (
        run_directory.writing(stage.folder.with_name(".stage.stage")),
        pytest.raises(RunError, match="another process"),
    ):
        stage({"rate": 1})


def test_a_folder_s_digest_is_of_its_files_alone(stage):
    stage({"rate": 1}, lambda: (stage.folder / "weights").write_bytes(b"1"))
    first = folder_digest(stage.folder, without=[FILE])
    stage({"rate": 2}, lambda: (stage.folder / "weights").write_bytes(b"1"))
    assert folder_digest(stage.folder, without=[FILE]) == first
    stage({"rate": 3}, lambda: (stage.folder / "weights").write_bytes(b"2"))
    assert folder_digest(stage.folder, without=[FILE]) != first
    stage({"rate": 4}, lambda: (stage.folder / "other").write_bytes(b"1"))
    assert folder_digest(stage.folder, without=[FILE]) != first


def test_another_training_item_and_another_scorer_are_other_inputs(monkeypatch, tmp_path):
    """APIBench's training part is in a file of its own, which the benchmark's digest leaves out."""
    mini = load_benchmark("mini")
    other = replace(mini, train=(replace(mini.train[0], reference_program="pass"), *mini.train[1:]))
    assert other.digest == mini.digest
    assert data_digest(other) != data_digest(mini)
    before = scorer_digest(["ast_match"]), data_digest(mini)
    for name in {
        *registry.EXTRACTION_CODE,
        *registry.EXECUTION_CODE,
        *registry.LOADER_CODE,
        *registry._code_of("ast_match"),
    }:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((registry._PACKAGE / name).read_bytes())
    monkeypatch.setattr(registry, "_PACKAGE", tmp_path)
    assert (scorer_digest(["ast_match"]), data_digest(mini)) == before
    for at, name in enumerate(("harness/evaluation/scoring.py", "benchmarks/files.py")):
        (tmp_path / name).write_text("changed", encoding="utf-8")
        assert (scorer_digest(["ast_match"]), data_digest(mini))[at] != before[at]


def test_a_result_for_other_inputs_is_deleted_only_if_allowed(tmp_path):
    """The fault: an option was changed, and a finished training was deleted at once."""

    def make():
        (tmp_path / "stage/weights").write_text("hours", encoding="utf-8")

    def run(steps, *, overwrites):
        return once(tmp_path / "stage", {"options": {"steps": steps}}, make, overwrites=overwrites)

    assert run(2, overwrites=False)
    assert not run(2, overwrites=False)
    with pytest.raises(RunError, match=r"other settings \(options.steps was 2 and is 1\).*another out.*--overwrite"):
        run(1, overwrites=False)
    assert (tmp_path / "stage/weights").exists()
    assert run(1, overwrites=True)


def test_what_an_interrupted_stage_left_is_deleted_only_if_allowed(tmp_path):
    def interrupt():
        (tmp_path / "stage/half").write_text("hours", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(tmp_path / "stage", {"steps": 2}, interrupt, resumes=True)
    with pytest.raises(RunError, match="steps was 2 and is 1"):
        once(tmp_path / "stage", {"steps": 1}, interrupt, resumes=True, overwrites=False)
    assert (tmp_path / "stage/half").exists()
