"""The faults that the hubs' tests make are faults: the real library refuses them."""

import pytest
import reference_mutations

from apigauge.sandboxes.verdict import CALLED, IMPORTS, Verdict

NOTHING = "TypeError: 'NoneType' object is not callable"


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        # transformers has a multiple-choice class for every kind of model that has a masked-language-model class.
        ("AutoModelForMaskedLM", "AutoModelForImageSegmentation"),
        ("AlbertForMaskedLM", "AutoModelForImageSegmentation"),
        ("MaskFormerForInstanceSegmentation", "AutoModelForMultipleChoice"),
        ("Mask2FormerForUniversalSegmentation", "AutoModelForMultipleChoice"),
        ("ViTForMaskedImageModeling", "AutoModelForMultipleChoice"),
        ("Wav2Vec2ForCTC", "AutoModelForMultipleChoice"),
    ],
)
def test_a_foreign_class_holds_no_such_model(name, foreign):
    source = f"from transformers import {name}\nmodel = {name}.from_pretrained('a/b')"
    (variant,) = [one for one in reference_mutations.faults(source, f"{name}.from_pretrained") if one.kind == "class"]
    assert variant.callee == f"{foreign}.from_pretrained"


@pytest.mark.parametrize(
    ("stage", "reason", "of_the_reference", "has_called"),
    [
        (CALLED, "", "", True),
        (CALLED, "NameError: name 'x' is not defined", "", True),
        (IMPORTS, "OSError: a/b is not a local folder", "", False),
        # pyannote.audio prints that there is no such repository, and returns None.
        (CALLED, NOTHING, "", False),
        # The reference's own call returned something, and what is None is something else.
        (CALLED, NOTHING, NOTHING, True),
    ],
)
def test_a_call_that_returns_nothing_where_the_reference_returns_a_model_is_refused(
    stage, reason, of_the_reference, has_called
):
    verdict = Verdict("failed", stage, "other", reason)
    assert reference_mutations.has_called(verdict, of_the_reference) is has_called
