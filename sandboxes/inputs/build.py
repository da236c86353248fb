"""Makes the files in this folder: ``python3 -m apigauge.sandboxes.inputs.build FOLDER``.

Needs numpy, Pillow, soundfile, OpenCV, imageio-ffmpeg, openpyxl and torchvision (``README.md``), which nothing else in
apigauge needs; therefore its output is checked in. Everything is computed from formulas: no picture, voice or film of a
real person.
"""

import csv
import importlib
import importlib.util
import io
import json
import math
import re
import runpy
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

RATE = 16_000
SECONDS = 1.0
FRAMES = 32
_DAWN = (1980, 1, 1, 0, 0, 0)

# The columns that APIBench's references and the released answers read from tables, and ``text`` for classifiers of
# text. ``features`` in the JSON has the same names, for programs that select the columns named in their model's
# ``config.json``.
FEATURES = ("feat_1", "feat_2", "feat_3")
COLUMNS: dict[str, list[Any]] = {
    **{name: [round(0.1 * (row + 1) * (place + 1), 2) for row in range(8)] for place, name in enumerate(FEATURES)},
    **{f"feature_{place}": [row + place for row in range(8)] for place in (1, 2, 3)},
    **{f"feature{place}": [row * place for row in range(8)] for place in (1, 2, 3)},
    "age": [34, 28, 51, 45, 23, 39, 62, 30],
    "gender": ["female", "male"] * 4,
    "passenger_class": [1, 3, 2, 3, 1, 2, 1, 3],
    "education": ["bachelor", "master", "school", "doctorate"] * 2,
    "experience": [10, 4, 25, 18, 1, 12, 35, 6],
    "skill1": [3, 5, 2, 4, 1, 4, 5, 2],
    "skill2": [1, 4, 4, 2, 3, 5, 3, 2],
    "text": [
        "The room was clean and the staff were kind.",
        "The parcel came two weeks late.",
        "A quiet film with a surprising end.",
        "I would not buy this again.",
        "The soup was warm and the bread fresh.",
        "Battery life is shorter than promised.",
        "Great value, and easy to set up.",
        "The line was busy all day.",
    ],
    "label": [1, 0, 1, 0, 1, 0, 1, 0],
    "target": [12.5, 8.0, 15.2, 7.1, 13.3, 6.4, 16.8, 5.9],
}
SENTENCES = (
    "The harbour town wakes early, and the first boats are back before the market opens.",
    "Most visitors come for the old bridge, which was finished in 1874 and repaired twice since.",
    "In winter the ferry runs three times a day; in summer every half hour.",
)


def build(folder: Path) -> None:
    """Writes every file into a folder, which may exist."""
    folder.mkdir(parents=True, exist_ok=True)
    files = _pictures() | _sounds() | _films() | _tables() | _texts() | _arrays()
    files["sample.zip"] = _zip({name: files[f"sample.{name}"] for name in ("txt", "csv", "jpg")})
    for name, data in sorted(files.items()):
        (folder / name).write_bytes(data)
        print(f"{len(data):7d} {name}")
    print(f"{sum(map(len, files.values())):7d} in total")


def _library(name: str) -> Any:
    return importlib.import_module(name)


def _scene(size: int, time: float = 0.0) -> Any:
    """A landscape, as 8-bit RGB of shape (size, size, 3): sky, a moving sun, two hills, a house, fine texture."""
    np = _library("numpy")
    y, x = np.mgrid[0:size, 0:size] / size
    picture = np.stack([110 + 90 * y, 160 + 60 * y, 235 - 40 * y], axis=-1)
    sun = ((x - 0.2 - 0.5 * time) ** 2 + (y - 0.2) ** 2) < 0.008
    picture[sun] = (255, 225, 120)
    far = y > 0.55 + 0.08 * np.sin(7 * x + 1)
    picture[far] = (90, 130, 110)
    near = y > 0.7 + 0.05 * np.sin(11 * x)
    picture[near] = (70, 120, 50)
    house = (abs(x - 0.65) < 0.12) & (abs(y - 0.68) < 0.1)
    picture[house] = (190, 90, 70)
    roof = (y > 0.47 + abs(x - 0.65) * 0.7) & (y < 0.58)
    picture[roof] = (110, 50, 45)
    door = (abs(x - 0.65) < 0.025) & (abs(y - 0.73) < 0.05)
    picture[door] = (60, 40, 30)
    texture = np.random.default_rng(0).normal(0, 4, (size, size, 1)) * (y > 0.55)[..., None]
    return np.clip(picture + texture, 0, 255).astype("uint8")


def _pictures() -> dict[str, bytes]:
    image = _library("PIL.Image")
    made = {}
    for kind, size, options in (
        ("jpg", 224, {"quality": 80}),
        ("png", 96, {"optimize": True}),
        ("bmp", 48, {}),
        ("webp", 224, {"quality": 70}),
        ("tiff", 64, {"compression": "tiff_lzw"}),
    ):
        data = io.BytesIO()
        image.fromarray(_scene(size)).save(data, "JPEG" if kind == "jpg" else kind.upper(), **options)
        made[f"sample.{kind}"] = data.getvalue()
    frames = [image.fromarray(_scene(48, time / 4)).quantize(32, dither=0) for time in range(4)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    made["sample.gif"] = data.getvalue()
    return made


def _speech() -> Any:
    """A voice that says four vowels: harmonics of a falling pitch, louder near each vowel's two formants."""
    np = _library("numpy")
    time = np.arange(int(RATE * SECONDS)) / RATE
    pitch = 130 - 25 * time
    phase = 2 * math.pi * np.cumsum(pitch) / RATE
    voice = np.zeros_like(time)
    formants = ((730, 1090), (270, 2290), (570, 840), (300, 870))
    syllable = np.minimum((time / SECONDS * len(formants)).astype(int), len(formants) - 1)
    first, second = np.array(formants, dtype=float)[syllable].T
    for harmonic in range(1, 28):
        frequency = harmonic * pitch
        loudness = np.exp(-(((frequency - first) / 120) ** 2)) + 0.6 * np.exp(-(((frequency - second) / 160) ** 2))
        voice += (loudness + 0.05 / harmonic) * np.sin(harmonic * phase)
    envelope = np.sin(math.pi * (time / SECONDS * len(formants) % 1)) ** 0.5
    voice *= envelope
    return (0.5 * voice / abs(voice).max()).astype("float32")


def _sounds() -> dict[str, bytes]:
    soundfile = _library("soundfile")
    voice = _speech()
    made = {}
    for kind, form, subtype in (
        ("wav", "WAV", "PCM_16"),
        ("flac", "FLAC", "PCM_16"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
    ):
        data = io.BytesIO()
        soundfile.write(data, voice, RATE, format=form, subtype=subtype)
        made[f"sample.{kind}"] = data.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "voice.wav").write_bytes(made["sample.wav"])
        made["sample.m4a"] = _ffmpeg(folder, "-i", "voice.wav", "-c:a", "aac", "-b:a", "32k", "voice.m4a")
        made["sample.ogg"] = _ffmpeg(folder, "-i", "voice.wav", "-c:a", "libvorbis", "-q:a", "1", "voice.ogg")
    return made


def _films() -> dict[str, bytes]:
    """One film in two formats: H.264, which most readers expect, and motion JPEG, which all can read."""
    cv2 = _library("cv2")
    with tempfile.TemporaryDirectory() as folder:
        for frame in range(FRAMES):
            cv2.imwrite(f"{folder}/{frame:03d}.png", _scene(64, frame / FRAMES)[..., ::-1])
        frames = ("-framerate", "16", "-i", "%03d.png")
        mp4 = _ffmpeg(folder, *frames, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "30", "film.mp4")
        avi = _ffmpeg(folder, *frames, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "20", "film.avi")
    return {"sample.mp4": mp4, "sample.avi": avi}


def _ffmpeg(folder: str, *arguments: str) -> bytes:
    program = _library("imageio_ffmpeg").get_ffmpeg_exe()
    exactly = ("-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1")
    *rest, name = arguments
    command = [program, "-loglevel", "error", "-y", *rest, *exactly, name]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own command
    return (Path(folder) / name).read_bytes()


def _tables() -> dict[str, bytes]:
    rows = [list(COLUMNS), *map(list, zip(*COLUMNS.values(), strict=True))]
    made = {}
    for kind, mark in (("csv", ","), ("tsv", "\t")):
        text = io.StringIO()
        csv.writer(text, delimiter=mark, lineterminator="\n").writerows(rows)
        made[f"sample.{kind}"] = text.getvalue().encode()
    book = _library("openpyxl").Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    with zipfile.ZipFile(data) as archive:
        # docProps/core.xml contains the time of writing.
        parts = {
            name: re.sub(rb"20\d\d-[\dT:-]+Z", b"1980-01-01T00:00:00Z", archive.read(name))
            for name in archive.namelist()
        }
    made["sample.xlsx"] = _zip(parts)
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]
    made["sample.jsonl"] = "".join(json.dumps(record) + "\n" for record in records).encode()
    # Keys that programs look up in a model's configuration and in data.
    about = {
        "features": list(FEATURES),
        "target": "target",
        "id2label": {"0": "negative", "1": "positive"},
        "labels": ["negative", "positive"],
        "text": SENTENCES[0],
        "data": [{name: record[name] for name in ("text", "label")} for record in records],
    }
    made["sample.json"] = (json.dumps(about, indent=1) + "\n").encode()
    return made


def _texts() -> dict[str, bytes]:
    # The file itself: importing its package would need torch.
    package = importlib.util.find_spec("torchvision")
    assert package
    assert package.submodule_search_locations
    names = runpy.run_path(f"{package.submodule_search_locations[0]}/models/_meta.py")
    paragraphs = "".join(f"<p>{sentence}</p>\n" for sentence in SENTENCES)
    records = "".join(f'  <item id="{place}">{sentence}</item>\n' for place, sentence in enumerate(SENTENCES))
    return {
        "sample.txt": ("\n".join(SENTENCES) + "\n").encode(),
        "sample.html": (
            '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>The harbour town</title></head>\n'
            f"<body>\n<h1>The harbour town</h1>\n{paragraphs}</body>\n</html>\n"
        ).encode(),
        "sample.xml": f'<?xml version="1.0" encoding="UTF-8"?>\n<items>\n{records}</items>\n'.encode(),
        "sample.yaml": b"name: sample\nlabels:\n  - negative\n  - positive\nsize: 224\nthreshold: 0.5\n",
        "sample.pdf": _pdf(SENTENCES),
        "imagenet_labels.txt": "".join(f"{name}\n" for name in names["_IMAGENET_CATEGORIES"]).encode(),
        "coco_labels.txt": "".join(f"{name}\n" for name in names["_COCO_CATEGORIES"][1:]).encode(),
    }


def _pdf(lines: tuple[str, ...]) -> bytes:
    """One page of text, A4. PDF 32000-1:2008, 7.5."""
    words = "".join(f"({line.translate({40: None, 41: None, 92: None})}) Tj T*\n" for line in lines)
    page = f"BT /F1 10 Tf 60 760 Td 16 TL\n{words}ET\n".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%sendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + end


def _arrays() -> dict[str, bytes]:
    """A vector as long as a speaker embedding (x-vector), as APIBench's programs load one, and a few arrays."""
    np = _library("numpy")
    vector = np.random.default_rng(0).normal(size=512).astype("float32")
    vector /= np.linalg.norm(vector)
    made = {}
    for name, array in (
        ("sample", vector),
        ("x", np.linspace(0, 1, 24, dtype="float32").reshape(8, 3)),
        ("y", np.arange(8) % 2),
    ):
        data = io.BytesIO()
        np.save(data, array)
        made[f"{name}.npy"] = data.getvalue()
    return {"sample.npy": made["sample.npy"], "sample.npz": _zip({name: made[name] for name in ("x.npy", "y.npy")})}


def _zip(members: dict[str, bytes]) -> bytes:
    """An archive without times, so that the same members give the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            inside = name if "." in name or "/" in name else f"sample.{name}"
            entry = zipfile.ZipInfo(inside, _DAWN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return data.getvalue()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
