"""Models that take sound: waveforms of mono samples at 16 kHz between -1 and 1."""

import csv
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub.saving import function, new_object, set_call, sized, variable

tf: Any = importlib.import_module("tensorflow")

# Samples of spectra's windows and of the step to the next, 25 ms and 10 ms. 96 of them, 0.96 s, are one patch.
_WINDOW, _HOP = 400, 160
_PATCH = _WINDOW + 95 * _HOP
# From one of YAMNet's patches to the next, and from one of VGGish's.
_STEP, _NEXT = 7_680, 15_360
_YAMNET_CLASSES = 521


def _waveform(name: str = "waveform") -> Any:
    return tf.TensorSpec([None], tf.float32, name=name)


def _frames(waveform: Any, length: int, step: int) -> Any:
    """Frames [N, length], at least one: a short waveform is padded."""
    return tf.signal.frame(waveform, length, step, pad_end=True)


def _loudness(frames: Any) -> Any:
    """Mean, and root of the mean square, of every frame: [N, 2]."""
    return tf.stack([tf.reduce_mean(frames, 1), tf.sqrt(tf.reduce_mean(frames * frames, 1) + 1e-9)], axis=1)


def _names() -> list[str]:
    """AudioSet's names of YAMNet's classes, https://research.google.com/audioset/ontology; CC BY 4.0."""
    return Path(__file__).with_name("audioset_names.txt").read_text(encoding="utf-8").splitlines()


def yamnet(folder: Path) -> tuple[Any, Mapping[str, Any]]:
    """A tuple of scores [N, 521], embeddings [N, 1024] and spectrogram [M, 64]; ``class_map_path()`` names a table."""
    scores, vectors = variable("scores", (2, _YAMNET_CLASSES)), variable("embeddings", (2, 1024), seed=2)
    bands = variable("bands", (2, 64), seed=3)
    model = new_object({"scores": scores, "embeddings": vectors, "bands": bands}, trainable=False)
    table = folder / "yamnet_class_map.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["index", "mid", "display_name"])
        lines.writerows([number, f"/m/{number:05d}", name] for number, name in enumerate(_names()))
    model.class_map = tf.saved_model.Asset(str(table))

    def listen(waveform: Any) -> Any:
        # Filled up to whole patches, at least one, as in features.py of the published code.
        samples = tf.shape(sized(waveform, [None]))[0]
        beyond = tf.maximum(samples - _PATCH, 0)
        whole = _PATCH + _STEP * ((beyond + _STEP - 1) // _STEP)
        filled = tf.pad(waveform, [[0, whole - samples]])
        loudness = _loudness(tf.signal.frame(filled, _PATCH, _STEP))
        spectrum = tf.matmul(_loudness(tf.signal.frame(filled, _WINDOW, _HOP)), bands)
        return tf.sigmoid(tf.matmul(loudness, scores)), tf.nn.relu(tf.matmul(loudness, vectors)), spectrum

    call = function(listen, input_signature=[_waveform()])
    set_call(model, call)
    model.class_map_path = function(lambda: model.class_map.asset_path, input_signature=[])
    serving = function(lambda waveform: {f"output_{n}": value for n, value in enumerate(call(waveform))})
    return model, {"serving_default": serving.get_concrete_function(_waveform())}


def audio_embedding(width: int) -> tuple[Any, Mapping[str, Any]]:
    """A waveform in, a vector for every 0.96 s out: VGGish."""
    kernel = variable("kernel", (2, width))
    model = new_object({"kernel": kernel}, trainable=False)

    def listen(waveform: Any) -> Any:
        return tf.matmul(_loudness(tf.signal.frame(sized(waveform, [None]), _PATCH, _NEXT)), kernel)

    call = function(listen, input_signature=[_waveform()])
    set_call(model, call)
    serving = function(lambda waveform: {"output": call(waveform)})
    return model, {"serving_default": serving.get_concrete_function(_waveform())}


def speech_embedding(width: int = 512, layer: int = 12_288) -> tuple[Any, Mapping[str, Any]]:
    """TRILL: samples and their rate in, a dictionary of ``embedding`` and ``layer19`` out."""
    kernel, deep = variable("kernel", (2, width)), variable("deep", (2, layer), seed=2)
    model = new_object({"kernel": kernel, "deep": deep}, trainable=False)

    def listen(samples: Any, sample_rate: Any) -> Any:
        step = tf.maximum(sample_rate // 6, 1)
        frames = tf.signal.frame(samples, tf.maximum(sample_rate, 1), step, pad_end=True)
        loudness = _loudness(frames)
        return {"embedding": tf.matmul(loudness, kernel), "layer19": tf.matmul(loudness, deep)}

    specs = [
        tf.TensorSpec(None, tf.float32, name="samples"),
        tf.TensorSpec([], tf.int32, name="sample_rate"),
    ]
    call = function(listen, input_signature=specs)
    set_call(model, call)
    return model, {"serving_default": call}


def pitch() -> tuple[Any, Mapping[str, Any]]:
    """SPICE: only a signature; pitch and uncertainty for every 32 ms."""
    kernel = variable("kernel", (2, 2))
    model = new_object({"kernel": kernel}, trainable=False)

    def listen(input_audio_samples: Any) -> Any:
        values = tf.sigmoid(tf.matmul(_loudness(_frames(sized(input_audio_samples, [None]), 1024, 512)), kernel))
        return {"pitch": values[:, 0], "uncertainty": values[:, 1]}

    return model, {"serving_default": function(listen, input_signature=[_waveform("input_audio_samples")])}


def speech_model(width: int, samples: int = 246_000, frames: int = 768) -> tuple[Any, Mapping[str, Any]]:
    """wav2vec 2.0: [N, samples] in, a vector for each of the frames out.

    Args:
        width: hidden size, or size of the vocabulary with a head on top.
        samples: the real model's own, fixed when it was exported.
        frames: what its feature extractor makes of them.
    """
    kernel = variable("kernel", (2, width))
    model = new_object({"kernel": kernel}, trainable=True)
    spec = tf.TensorSpec([None, samples], tf.float32, name="speech")

    def listen(speech: Any, training: bool = False) -> Any:  # noqa: ARG001
        speech = sized(speech, [None, samples])
        framed = tf.reshape(speech[:, : frames * (samples // frames)], [-1, frames, samples // frames])
        loudness = tf.stack([tf.reduce_mean(framed, 2), tf.math.reduce_variance(framed, 2)], axis=2)
        return tf.tensordot(loudness, kernel, [[2], [0]])

    call = function(listen)
    for training in (False, True):
        call.get_concrete_function(spec, training)
    set_call(model, call)
    serving = function(lambda speech: {"output_0": call(speech, False)})
    return model, {"serving_default": serving.get_concrete_function(spec)}
