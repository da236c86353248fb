"""pyannote.audio: segmentation checkpoints as Lightning writes them, and pipelines, which are a YAML file."""

from pathlib import Path
from typing import Any

LIBRARY = "pyannote"

_ACTIVITY = "params:\n  min_duration_off: 0.0\n  min_duration_on: 0.0\n"
_DIARIZATION = """\
params:
  clustering:
    method: centroid
    min_cluster_size: 15
    threshold: 0.7153814381597874
  segmentation:
    min_duration_off: 0.5817029604921046
    threshold: 0.4442333667381752
"""


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes a model or a pipeline."""
    if "pipeline_class" in entry["extra"]:
        (folder / "config.yaml").write_text(_pipeline(entry), encoding="utf-8")
    else:
        _model(folder / "pytorch_model.bin")


def _pipeline(entry: dict[str, Any]) -> str:
    extra = entry["extra"]
    lines = ["version: 2.1.1", "pipeline:", f"  name: {extra['pipeline_class']}", "  params:"]
    lines.append(f"    segmentation: {extra['segmentation']}")
    if "embedding" not in extra:
        lines.append("")
        return "\n".join(lines) + _ACTIVITY.replace("params:\n", "params:\n  offset: 0.5\n  onset: 0.5\n")
    lines += [f"    embedding: {extra['embedding']}", "    embedding_exclude_overlap: true"]
    lines += ["    clustering: AgglomerativeClustering", ""]
    return "\n".join(lines) + _DIARIZATION


def _model(path: Path) -> None:
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(0)
    model = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 8, "num_layers": 1},
        linear={"hidden_size": 8, "num_layers": 1},
        sample_rate=16000,
        num_channels=1,
    )
    model.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=5.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        permutation_invariant=True,
    )
    model.build()
    model.setup()
    checkpoint = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": "1.5.4",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pyannote.audio": {
            "architecture": {"module": "pyannote.audio.models.segmentation.PyanNet", "class": "PyanNet"},
            "specifications": model.specifications,
            "versions": {"torch": "1.10.0", "pyannote.audio": "2.0.0"},
        },
    }
    torch.save(checkpoint, path)
