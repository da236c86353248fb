"""Asteroid's separation models: the class, its arguments and the weights in one file."""

from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided

LIBRARY = "asteroid"

_FILTERS = {"n_filters": 16, "kernel_size": 16, "stride": 8}
_SIZES: dict[str, dict[str, Any]] = {
    "ConvTasNet": {"n_blocks": 2, "n_repeats": 1, "bn_chan": 8, "hid_chan": 16, "skip_chan": 8, **_FILTERS},
    "DPRNNTasNet": {"bn_chan": 8, "hid_size": 8, "chunk_size": 20, "n_repeats": 1, **_FILTERS},
    "DPTNet": {"ff_hid": 8, "chunk_size": 20, "n_repeats": 1, "n_heads": 2, **_FILTERS},
    "DCUNet": {"architecture": "mini", "stft_n_filters": 1024, "stft_kernel_size": 1024, "stft_stride": 256},
}
_BIG = 100_000


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the package that ``from_pretrained`` reads."""
    import asteroid.models
    import torch

    name, extra = entry["pipeline"], entry["extra"]
    if name not in _SIZES:
        # With this PyTorch the package cannot build it: its recurrent layer asks for a plain integer.
        (folder / "README.md").write_text("---\nlibrary_name: asteroid\n---\n", encoding="utf-8")
        return
    arguments = {**_SIZES[name], "sample_rate": extra["sample_rate"]}
    if name != "DCUNet":
        arguments["n_src"] = extra["n_src"]
    torch.manual_seed(0)
    model = getattr(asteroid.models, name)(**arguments)
    state = model.state_dict()
    if sum(value.numel() for value in state.values()) > _BIG:
        state = strided.overlapping(state)
    package = {"model_name": name, "model_args": arguments, "state_dict": state, "infos": {}}
    torch.save(package, folder / "pytorch_model.bin")
