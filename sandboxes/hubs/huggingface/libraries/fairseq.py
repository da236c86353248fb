"""fairseq's speech models: a checkpoint with the arguments it was made from, its vocabulary and the data's settings.

A speech translator here has fairseq's convolutional transformer where the hub's has wav2vec 2.0 in front.
"""

import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided

LIBRARY = "fairseq"

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Sizes as the command line takes them.
_SMALL = {
    "tts_transformer": {
        "encoder-transformer-layers": 1,
        "encoder-embed-dim": 16,
        "encoder-ffn-embed-dim": 16,
        "encoder-conv-layers": 1,
        "decoder-transformer-layers": 1,
        "decoder-embed-dim": 16,
        "decoder-ffn-embed-dim": 16,
        "prenet-dim": 8,
        "postnet-layers": 2,
        "postnet-conv-dim": 8,
    },
    "fastspeech2": {
        "encoder-layers": 1,
        "encoder-embed-dim": 16,
        "decoder-layers": 1,
        "decoder-embed-dim": 16,
        "fft-hidden-dim": 16,
        "var-pred-hidden-dim": 8,
        "var-pred-n-bins": 8,
    },
    "s2t_transformer": {
        "encoder-layers": 1,
        "encoder-embed-dim": 16,
        "encoder-ffn-embed-dim": 16,
        "encoder-attention-heads": 2,
        "decoder-layers": 1,
        "decoder-embed-dim": 16,
        "decoder-ffn-embed-dim": 16,
        "decoder-attention-heads": 2,
        "conv-channels": 16,
    },
}
_CRITERIA = {"tts_transformer": "tacotron2", "fastspeech2": "fastspeech2"}
_VOCODER: dict[str, Any] = {
    "resblock": "1",
    "upsample_rates": [5, 4, 4, 2, 2],
    "upsample_kernel_sizes": [11, 8, 8, 4, 4],
    "upsample_initial_channel": 32,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3, 5]],
    "model_in_dim": 16,
    "sampling_rate": 16000,
}


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes a vocoder of units, a synthesiser or a translator."""
    import torch

    torch.manual_seed(0)
    kind = entry["extra"]["model"]
    if kind == "unit_hifigan":
        _units(entry, folder)
        return
    arch = kind if kind in _CRITERIA else "s2t_transformer"
    text = list(_LETTERS) if arch in _CRITERIA else [str(unit) for unit in range(100)]
    vocabulary = "vocab.txt" if arch in _CRITERIA else "dict.txt"
    (folder / vocabulary).write_text("".join(f"{token} 1\n" for token in text), encoding="utf-8")
    _settings(entry, folder, vocabulary, synthesises=arch in _CRITERIA)
    weights = "pytorch_model.pt" if arch in _CRITERIA else "model.pt"
    if arch in _CRITERIA:
        _loudness(folder)
        _waves(folder)
    torch.save(_checkpoint(arch, folder), folder / weights)


def _settings(entry: dict[str, Any], folder: Path, vocabulary: str, *, synthesises: bool) -> None:
    import yaml

    settings: dict[str, Any] = {"vocab_filename": vocabulary, "input_feat_per_channel": 80, "input_channels": 1}
    if synthesises:
        settings |= {
            "features": {"sample_rate": 22050, "type": "spectrogram+melscale+log", "n_mels": 80, "n_fft": 1024}
            | {
                "hop_length": 256,
                "win_length": 1024,
                "f_min": 20,
                "f_max": 8000,
                "win_len_t": 0.046,
                "hop_len_t": 0.012,
            }
            | {"pitch_min": -4.6, "pitch_max": 5.7, "energy_min": -4.9, "energy_max": 3.2},
            "vocoder": {"type": "hifigan", "config": "hifigan.json", "checkpoint": "hifigan.bin"},
            "global_cmvn": {"stats_npz_path": "fbank_mfcc_gcmvn_stats.npz"},
            "hub": {"lang": entry["repo"].rpartition("-")[0][-2:], "phonemizer": None},
        }
        if "speakers.txt" in entry["files"]:
            settings |= {"speaker_set_filename": "speakers.txt"}
            (folder / "speakers.txt").write_text("0\n1\n", encoding="utf-8")
    else:
        settings["hub"] = {"input_type": "fbank80_w_utt_cmvn"}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def _checkpoint(arch: str, folder: Path) -> dict[str, Any]:
    """A network of that architecture, built as training builds it."""
    options, tasks = importlib.import_module("fairseq.options"), importlib.import_module("fairseq.tasks")

    task_name = "text_to_speech" if arch in _CRITERIA else "speech_to_text"
    parser = options.get_training_parser(default_task=task_name)
    criterion = _CRITERIA.get(arch, "label_smoothed_cross_entropy")
    command = [
        str(folder),
        "--arch",
        arch,
        "--task",
        task_name,
        "--criterion",
        criterion,
        "--config-yaml",
        "config.yaml",
    ]
    for name, value in _SMALL[arch].items():
        command += [f"--{name}", str(value)]
    arguments = options.parse_args_and_arch(parser, command)
    task = tasks.setup_task(arguments, from_checkpoint=True)
    state = task.build_model(arguments).state_dict()
    # The program that loads it passes the data's folder, which is not the folder of this build.
    arguments.data = "."
    history = {"criterion_name": "Criterion", "optimizer_name": "Adam", "lr_scheduler_state": {"best": None}}
    return {
        "args": arguments,
        "cfg": None,
        "model": state,
        "optimizer_history": [history | {"num_updates": 0}],
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}, "val_loss": None},
    }


def _loudness(folder: Path) -> None:
    """Mean and deviation of each mel band, in an archive without a clock."""
    import numpy as np

    with zipfile.ZipFile(folder / "fbank_mfcc_gcmvn_stats.npz", "w") as archive:
        for name, value in (("mean", -5.0), ("std", 2.0)):
            buffer = io.BytesIO()
            np.save(buffer, np.full(80, value, dtype=np.float32))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())


def _waves(folder: Path) -> None:
    """The vocoder from mel bands."""
    import torch

    hifigan = importlib.import_module("fairseq.models.text_to_speech.hifigan")
    sizes = {"upsample_rates": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4], "upsample_initial_channel": 32}
    settings = _VOCODER | sizes | {"model_in_dim": 80, "sampling_rate": 22050}
    (folder / "hifigan.json").write_text(json.dumps(settings, indent=4), encoding="utf-8")
    torch.save({"generator": strided.overlapping(hifigan.Generator(settings).state_dict())}, folder / "hifigan.bin")


def _units(entry: dict[str, Any], folder: Path) -> None:
    """The vocoder from discrete units."""
    import torch

    codehifigan = importlib.import_module("fairseq.models.text_to_speech.codehifigan")
    settings = _VOCODER | {"num_embeddings": 2500 if "km2500" in entry["repo"] else 1000, "embedding_dim": 16}
    if entry["repo"].endswith("_dur"):
        predictor = {"encoder_embed_dim": 16, "var_pred_hidden_dim": 16, "var_pred_kernel_size": 3}
        settings["dur_predictor_params"] = predictor | {"var_pred_dropout": 0.5}
    (folder / "config.json").write_text(json.dumps(settings, indent=4), encoding="utf-8")
    torch.save(
        {"generator": strided.overlapping(codehifigan.CodeGenerator(settings).state_dict())}, folder / "model.pt"
    )
