"""A trained checkpoint as a folder for a hub: what is in it, and what its card says."""

import json

import pytest
from tiny_checkpoints import save_words
from transformers import AutoModelForCausalLM

from apigauge.__main__ import main
from apigauge.errors import RunError
from apigauge.harness.plugins.rlaif import publishing, recipe

SUMMARY = {
    "benchmark": "mini",
    "seeds": [0, 1],
    "looks": 3,
    "means": {
        name: {"exec.rate": {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 56}}
        for name, value in {"SFT": 0.5, "RLAIF": 0.625}.items()
    },
}


@pytest.fixture
def ran(tmp_path):
    """The recipe of a training whose last checkpoint is of step 20."""
    (tmp_path / "rlaif.toml").write_text('benchmark = "mini"\nmodel = "smollm2-135m"\n', encoding="utf-8")
    for step in (10, 20):
        folder = tmp_path / f"rlaif/seed-0/train/checkpoints/step-{step:06d}"
        save_words(folder, ["a", "b"], seed=step)
        for name in ("trainer.pt", "progress.json"):
            (folder / name).write_text("{}", encoding="utf-8")
    return tmp_path / "rlaif.toml"


def test_the_folder_has_the_last_checkpoint_without_what_a_training_resumes_from(ran, tmp_path, capsys):
    assert main(["rlaif", "publish", str(ran), str(tmp_path / "made")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "made")
    names = {path.name for path in (tmp_path / "made").iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= names
    assert names & {"trainer.pt", "progress.json"} == set()
    last = tmp_path / "rlaif/seed-0/train/checkpoints/step-000020/model.safetensors"
    assert (tmp_path / "made/model.safetensors").read_bytes() == last.read_bytes()
    AutoModelForCausalLM.from_pretrained(tmp_path / "made")
    card = (tmp_path / "made/README.md").read_text(encoding="utf-8")
    for text in ("base_model: HuggingFaceTB/SmolLM2-135M-Instruct", "license: apache-2.0", "20 steps", "no report yet"):
        assert text in card
    assert str(tmp_path) not in card
    with pytest.raises(RunError, match="exists already"):
        publishing.write(recipe.read(ran), 0, tmp_path / "made")


def test_the_card_has_the_figures_of_the_report(ran, tmp_path):
    (tmp_path / "rlaif/report").mkdir()
    (tmp_path / "rlaif/report/summary.json").write_text(json.dumps(SUMMARY), encoding="utf-8")
    card = publishing.model_card(recipe.read(ran), 0, "made", 20)
    assert "56 questions of mini, means over the seeds [0, 1]" in card
    assert "scored on the test questions: 3." in card
    assert "| RLAIF | 0.6250 [0.5250, 0.7250] |" in card


def test_without_a_checkpoint_there_is_nothing_to_publish(ran, tmp_path, capsys):
    assert main(["rlaif", "publish", str(ran), str(tmp_path / "made"), "--seed", "1"]) == 4
    assert "has no trained checkpoint of seed 1; run the recipe first" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
