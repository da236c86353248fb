"""One snapshot of a transformers repository: configuration, weights, tokenizer, processor."""

import json
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import (
    composites,
    configs,
    generation,
    processors,
    remote,
    sentences,
    sizes,
    tokenizers,
    weights,
)
from apigauge.sandboxes.hubs.huggingface.configs import Maker, Names

SEED = 0


def write(entry: dict[str, Any], folder: Path, real: dict[str, Any] | None = None) -> None:
    """Writes all files of a repository's snapshot.

    Args:
        entry: the repository's line in the table.
        folder: an empty folder.
        real: the real ``config.json``, where it is known.
    """
    entry = as_real(entry, real or {})
    names = tokenizers.write(entry["tokenizer"], folder, entry) if entry.get("tokenizer") else None
    try:
        configs.class_of(entry["type"])
    except KeyError:
        # Newer than the library: it says so itself when it reads the type.
        _json(folder / "config.json", {"architectures": [entry["architecture"]], "model_type": entry["type"]})
        return
    config = _write_model(entry, names, real or {}, folder)
    processors.write(entry, config, folder)
    _as_written(entry, folder)
    if (entry.get("extra") or {}).get("remote_classes"):
        remote.write(entry, model_class(entry), folder)
    if (entry.get("extra") or {}).get("sentence_transformers"):
        sentences.write(entry, config, folder)


def as_real(entry: dict[str, Any], real: dict[str, Any]) -> dict[str, Any]:
    """The line with the architecture that the real configuration names, if the library has it and it is one model."""
    import transformers

    kind, (architecture, *_) = real.get("model_type"), real.get("architectures") or [""]
    if kind in composites.PAIRS or entry["type"] in composites.PAIRS or not hasattr(transformers, architecture):
        return entry
    try:
        configs.class_of(str(kind))
    except KeyError:
        return entry
    return entry | {"type": kind, "architecture": architecture}


def model_class(entry: dict[str, Any]) -> Any:
    """The library's class for a repository's architecture; for one of the authors' own, what it is built on."""
    import transformers

    name = entry["architecture"]
    for old, new in (("ForSpeechClassification", "ForSequenceClassification"), ("HeadCustomModel", "HeadModel")):
        name = name.replace(old, new)
    return getattr(transformers, name)


def _write_model(entry: dict[str, Any], names: Names | None, real: dict[str, Any], folder: Path) -> Any:
    """Writes the weights and the configuration, which it returns."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(SEED)
    try:
        model = sizes.fitting(entry, _written_class(entry), lambda toy: _config(entry, names, real, toy=toy))
    except ImportError:
        # The library refuses to build this architecture without a package that is not installed, and will again: it
        # looks for weights first and then at nothing in them.
        config = _config(entry, names, real, toy=True)
        config.save_pretrained(folder)
        save_file({}, folder / "model.safetensors", metadata={"format": "pt"})
        return config
    config = model.config
    composites.generation(entry, names, model)
    config.torch_dtype = "float32"
    config.save_pretrained(folder)
    if model.can_generate():
        model.generation_config.save_pretrained(folder)
    weights.save(model, folder, generation.ends(entry, names, config))
    return config


def _written_class(entry: dict[str, Any]) -> Any:
    """The class whose weights the files hold: BERT's have a pooler, which the architecture that they name lacks."""
    import transformers

    return transformers.BertForPreTraining if entry["architecture"] == "BertForMaskedLM" else model_class(entry)


def _config(entry: dict[str, Any], names: Names | None, real: dict[str, Any], *, toy: bool) -> Any:
    return composites.config(entry, names, real, Maker(entry["repo"], toy=toy))


def _as_written(entry: dict[str, Any], folder: Path) -> None:
    """The names that the repository itself uses, where the library of today writes others."""
    extra = entry.get("extra") or {}
    path = folder / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["architectures"] = [extra.get("written_architecture", entry["architecture"])]
    if "written_type" in extra:
        settings["model_type"] = extra["written_type"]
    if "remote_classes" in extra:
        settings["auto_map"] = extra["remote_classes"]
    for key in ("_name_or_path", "transformers_version"):
        settings.pop(key, None)
    _json(path, settings)
    path = folder / "tokenizer_config.json"
    if not path.is_file():
        return
    settings = json.loads(path.read_text(encoding="utf-8"))
    if "written_tokenizer" in extra:
        settings["tokenizer_class"] = extra["written_tokenizer"]
    if entry.get("processor_class"):
        settings["processor_class"] = entry["processor_class"]
    _json(path, settings)


def _json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
