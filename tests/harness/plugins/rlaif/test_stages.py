"""Stages run once, and again when an input has changed."""

import pytest

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.plugins.rlaif.digests import folder_digest
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
