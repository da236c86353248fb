"""Data sets that the catalogue's examples load with their model: a few rows with the real columns.

They are written as the hub has them today: Parquet files, and a card that says which file is which split.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

RATE = 16_000
_ROWS = 8
_EDGE = 224
# The rows of the real one, since programs take the 7306th; a few speakers take turns in ours.
_SPEAKERS = 7931
_DISTINCT = 16
_XVECTOR = 512
_EMOTIONS = ("neu", "hap", "ang", "sad")

# Each data set's kind, its configurations and their splits.
TABLE: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "Matthijs/cmu-arctic-xvectors": ("speakers", {"default": ("validation",)}),
    "anton-l/superb_demo": ("commands", {"er": ("session1",), "ks": ("test",), "si": ("test",)}),
    "hf-internal-testing/librispeech_asr_demo": ("speech", {"clean": ("validation",)}),
    "hf-internal-testing/librispeech_asr_dummy": ("speech", {"clean": ("validation",)}),
    "huggingface/cats-image": ("pictures", {"image": ("test",)}),
    "patrickvonplaten/librispeech_asr_dummy": ("speech", {"clean": ("validation",)}),
}


def write(folder: Path, only: set[str] | None = None) -> Iterator[tuple[str, Path]]:
    """Writes all data sets, or some, each into its own folder below this one; yields address and folder of each."""
    for number, (repo, (kind, configurations)) in enumerate(TABLE.items()):
        if only is not None and repo not in only:
            continue
        place = folder / str(number)
        place.mkdir()
        lines = ["---", "configs:"]
        for configuration, splits in configurations.items():
            lines += [f"- config_name: {configuration}", "  data_files:"]
            for split in splits:
                name = f"{configuration}/{split}-00000-of-00001.parquet"
                (place / name).parent.mkdir(exist_ok=True)
                _KINDS[kind]().to_parquet(place / name)
                lines += [f"  - split: {split}", f"    path: {name}"]
        (place / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")
        yield repo, place


def write_sample(path: Path) -> None:
    """Writes one that stands for the user's own data: a table with the columns that programs use."""
    from datasets import Audio, Image, Value

    sounds = _sounds()
    columns: dict[str, tuple[Any, list[Any]]] = {
        "image": (Image(), _pictures()),
        "audio": (Audio(sampling_rate=RATE), sounds),
        "file": (Value("string"), [sound["path"] for sound in sounds]),
        "text": (Value("string"), _texts()),
        "label": (Value("int64"), [number % 2 for number in range(_ROWS)]),
    }
    _table(columns).to_parquet(path)


def _speech() -> "Dataset":
    from datasets import Audio, Value

    sounds = _sounds()
    return _table(
        {
            "file": (Value("string"), [sound["path"] for sound in sounds]),
            "audio": (Audio(sampling_rate=RATE), sounds),
            "text": (Value("string"), [text.upper() for text in _texts()]),
            "speaker_id": (Value("int64"), [1272] * _ROWS),
            "chapter_id": (Value("int64"), [128104] * _ROWS),
            "id": (Value("string"), [sound["path"].removesuffix(".wav") for sound in sounds]),
        }
    )


def _commands() -> "Dataset":
    from datasets import Audio, ClassLabel, Value

    sounds = _sounds()
    return _table(
        {
            "file": (Value("string"), [sound["path"] for sound in sounds]),
            "audio": (Audio(sampling_rate=RATE), sounds),
            "label": (ClassLabel(names=list(_EMOTIONS)), [number % len(_EMOTIONS) for number in range(_ROWS)]),
        }
    )


def _speakers() -> "Dataset":
    from datasets import Sequence, Value

    vectors = [[round(math.sin(speaker + place), 4) for place in range(_XVECTOR)] for speaker in range(_DISTINCT)]
    return _table(
        {
            "filename": (Value("string"), [f"cmu_us-arctic-wav-arctic_{number:05}" for number in range(_SPEAKERS)]),
            "xvector": (Sequence(Value("float32")), [vectors[number % _DISTINCT] for number in range(_SPEAKERS)]),
        }
    )


def _cats() -> "Dataset":
    from datasets import Image

    return _table({"image": (Image(), _pictures()[:1])})


_KINDS = {"commands": _commands, "pictures": _cats, "speakers": _speakers, "speech": _speech}


def _table(columns: dict[str, tuple[Any, list[Any]]]) -> "Dataset":
    from datasets import Dataset, Features

    values = {name: content for name, (_, content) in columns.items()}
    return Dataset.from_dict(values, features=Features({name: kind for name, (kind, _) in columns.items()}))


def _texts() -> list[str]:
    return [f"this is sentence number {number}" for number in range(1, _ROWS + 1)]


def _sounds() -> list[dict[str, Any]]:
    """A second of a tone each."""
    import io

    import numpy as np
    import soundfile

    sounds = []
    for number in range(_ROWS):
        file = io.BytesIO()
        tone = 0.3 * np.sin(2 * np.pi * (220 + 40 * number) * np.arange(RATE) / RATE)
        soundfile.write(file, tone, RATE, format="WAV", subtype="PCM_16")
        sounds.append({"bytes": file.getvalue(), "path": f"1272-128104-{number:04}.wav"})
    return sounds


def _pictures() -> list[dict[str, Any]]:
    """A ramp of colour each."""
    import io

    import numpy as np
    from PIL import Image

    pictures = []
    ramp = np.arange(_EDGE, dtype=np.uint8)
    for number in range(_ROWS):
        parts = np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(30 * number))
        file = io.BytesIO()
        Image.fromarray(np.stack(parts, axis=-1).astype(np.uint8)).save(file, "PNG")
        pictures.append({"bytes": file.getvalue(), "path": f"{number}.png"})
    return pictures
