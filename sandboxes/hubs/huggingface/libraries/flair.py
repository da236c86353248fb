"""Flair's taggers: character language models in both directions and a classifier over the real tag set.

The real models have word vectors or a transformer too, which the package would fetch from elsewhere.
"""

from pathlib import Path
from typing import Any

LIBRARY = "flair"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the tagger's state as the package saves it."""
    import torch
    from flair.data import Dictionary
    from flair.embeddings import FlairEmbeddings, StackedEmbeddings
    from flair.models import SequenceTagger

    extra = entry["extra"]
    tags = Dictionary(add_unk=True)
    for name in extra["class_names"]:
        tags.add_item(name)
    tags.span_labels = extra["tag_type"] == "ner"
    torch.manual_seed(0)
    embeddings = StackedEmbeddings([FlairEmbeddings(_language_model(forward=forward)) for forward in (True, False)])
    tagger = SequenceTagger(
        embeddings=embeddings,
        tag_dictionary=tags,
        tag_type=extra["tag_type"],
        hidden_size=8,
        use_crf=True,
        tag_format="BIOES",
    )
    tagger.eval()
    tagger.model_card = None
    tagger.save(folder / "pytorch_model.bin")


def _language_model(*, forward: bool) -> Any:
    from flair.data import Dictionary
    from flair.models import LanguageModel

    characters = Dictionary(add_unk=True)
    for code in range(32, 127):
        characters.add_item(chr(code))
    return LanguageModel(characters, is_forward_lm=forward, hidden_size=8, nlayers=1, embedding_size=4)
