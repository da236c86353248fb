"""The files that sentence-transformers adds to a transformers model: its modules and how they pool."""

import json
from pathlib import Path
from typing import Any

_PACKAGE = "sentence_transformers.models"


def write(entry: dict[str, Any], config: Any, folder: Path) -> None:
    """Writes the modules of a sentence encoder.

    Args:
        entry: the repository's line; ``extra.modules`` names the modules in their order.
        config: of the transformers model.
        folder: where that model is.
    """
    extra = entry["extra"]
    width = getattr(config, "hidden_size", None) or getattr(config, "d_model", None) or config.dim
    modules = []
    for number, name in enumerate(extra.get("modules") or ["Transformer", "Pooling"]):
        path = "" if name == "Transformer" else f"{number}_{name}"
        modules.append({"idx": number, "name": str(number), "path": path, "type": f"{_PACKAGE}.{name}"})
        if path:
            (folder / path).mkdir()
        if name == "Pooling":
            _json(folder / path / "config.json", _pooling(entry["repo"], width))
        elif name == "Dense":
            width = _dense(folder / path, width, 512 if "distiluse" in entry["repo"] else 768)
    _json(folder / "modules.json", modules)
    _json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": extra.get("max_seq_length", 128), "do_lower_case": False},
    )
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.7.0", "pytorch": "1.9.0+cu102"}
    _json(folder / "config_sentence_transformers.json", {"__version__": versions})


def _pooling(repo: str, width: int) -> dict[str, Any]:
    first = "dot" in repo or "LaBSE" in repo or "cls" in repo
    return {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": first,
        "pooling_mode_mean_tokens": not first,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }


def _dense(folder: Path, width: int, out: int) -> int:
    import torch

    from apigauge.sandboxes.hubs.huggingface import weights

    settings = {"in_features": width, "out_features": out, "bias": True}
    _json(folder / "config.json", {**settings, "activation_function": "torch.nn.modules.activation.Tanh"})
    shapes = {"linear.weight": torch.empty((out, width)), "linear.bias": torch.empty(out)}
    torch.save(weights.views(shapes, set(shapes)), folder / "pytorch_model.bin")
    return out


def _json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
