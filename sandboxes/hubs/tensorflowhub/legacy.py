"""Modules in the format of TensorFlow 1: hub.load gives an object with signatures that cannot itself be called.

Every function returns what :func:`saving.save_legacy` writes: for each set of tags a function that fills a graph and
returns its signatures. Most real modules have a graph without tags and one tagged ``train``.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub import images, texts
from apigauge.sandboxes.hubs.tensorflowhub.saving import Signature, require, sized

tf: Any = importlib.import_module("tensorflow")

Graphs = Mapping[tuple[str, ...], Callable[[], Mapping[str, Signature]]]
_BOTH: tuple[tuple[str, ...], ...] = ((), ("train",))


def _placeholder(name: str, shape: list[int | None] | None, dtype: Any = None) -> Any:
    return tf.compat.v1.placeholder(dtype or tf.float32, shape, name=name)


def _weights(name: str, shape: tuple[int, ...]) -> Any:
    values = tf.random.stateless_normal(shape, seed=[1, len(shape)]) / float(shape[0]) ** 0.5
    return tf.compat.v1.get_variable(name, initializer=values, use_resource=True)


def image_module(width: int, size: int | None = None, kind: str = "logits", smallest: int = 1) -> Graphs:
    """Classification (``logits``) or feature vector (``feature_vector``): signature ``default`` and its long form."""

    def fill() -> Mapping[str, Signature]:
        inputs = _placeholder("images", [None, size, size, 3])
        pixels = images.large_enough(sized(inputs, [None, size, size, 3]), smallest)
        values = tf.matmul(tf.reduce_mean(pixels, [1, 2]), _weights("kernel", (3, width)))
        output = tf.nn.relu(values) if kind == "feature_vector" else values
        long = "image_classification" if kind == "logits" else "image_feature_vector"
        default = Signature({"images": inputs}, {"default": output})
        return {"default": default, long: Signature({"images": inputs}, {"default": output, kind: output})}

    return dict.fromkeys(_BOTH, fill)


def text_module(width: int, *, normalized: bool = False) -> Graphs:
    """Texts [N] in, vectors [N, width] out."""

    def fill() -> Mapping[str, Signature]:
        inputs = _placeholder("text", [None], tf.string)
        output = texts.embed(inputs, _weights("table", (64, 8)), _weights("kernel", (8, width)))
        output = tf.math.l2_normalize(output, axis=1) if normalized else output
        return {"default": Signature({"text": inputs}, {"default": output})}

    return {(): fill}


def elmo() -> Graphs:
    """ELMo: signatures ``default`` for texts and ``tokens`` for what has been split already."""

    def outputs(tokens: Any, lengths: Any, table: Any, kernel: Any) -> dict[str, Any]:
        rows = tf.gather(table, tf.strings.to_hash_bucket_fast(tokens, 64))
        vectors = tf.tensordot(rows, kernel, [[2], [0]])
        mask = tf.sequence_mask(lengths, tf.shape(tokens)[1], dtype=tf.float32)[:, :, None]
        mean = tf.reduce_sum(vectors * mask, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1.0)
        layers = dict.fromkeys(("lstm_outputs1", "lstm_outputs2", "elmo"), vectors)
        return {"default": mean, "word_emb": vectors[:, :, :512], **layers}

    def fill() -> Mapping[str, Signature]:
        table, kernel = _weights("table", (64, 8)), _weights("kernel", (8, 1024))
        sentences = _placeholder("text", [None], tf.string)
        words = tf.strings.split(sentences)
        tokens = _placeholder("tokens", [None, None], tf.string)
        lengths = _placeholder("sequence_len", [None], tf.int32)
        split = outputs(words.to_tensor(), words.row_lengths(), table, kernel)
        given = outputs(tokens, lengths, table, kernel)
        return {
            "default": Signature({"text": sentences}, split),
            "tokens": Signature({"tokens": tokens, "sequence_len": lengths}, given),
        }

    return dict.fromkeys(_BOTH, fill)


def encoder_module(width: int, vocabulary: int = 30_522, positions: int = 512) -> Graphs:
    """BERT and its kin: signature ``tokens``; ids up to the vocabulary's size, texts up to the number of positions."""

    def fill() -> Mapping[str, Signature]:
        inputs = {
            name: _placeholder(name, [None, None], tf.int32) for name in ("input_ids", "input_mask", "segment_ids")
        }
        ids = texts.checked_ids(inputs["input_ids"], vocabulary, positions)
        rows = tf.gather(_weights("table", (64, 8)), tf.math.floormod(ids, 64))
        rows *= tf.cast(inputs["input_mask"], tf.float32)[:, :, None]
        tokens = tf.tensordot(rows, _weights("kernel", (8, width)), [[2], [0]])
        pooled = tf.tanh(tokens[:, 0])
        outputs = {"default": pooled, "pooled_output": pooled, "sequence_output": tokens}
        return {"tokens": Signature(inputs, outputs)}

    return dict.fromkeys(_BOTH, fill)


def open_images_module() -> Graphs:
    """A detector with names of the Open Images classes: one image [1, H, W, 3] in."""

    def fill() -> Mapping[str, Signature]:
        inputs = _placeholder("images", [1, None, None, 3])
        outputs = images.open_images_outputs(inputs, _weights("kernel", (3, 600)))
        return {"default": Signature({"images": inputs}, outputs)}

    return {(): fill}


def video_module(width: int) -> Graphs:
    """I3D: videos [N, frames, 224, 224, 3] in, logits out."""

    def fill() -> Mapping[str, Signature]:
        inputs = _placeholder("rgb_input", [None, None, 224, 224, 3])
        clips = sized(inputs, [None, None, 224, 224, 3])
        clips = require(tf.shape(clips)[1] >= 9, "Computed output size would be negative: the clip is too short", clips)
        output = tf.matmul(tf.reduce_mean(clips, [1, 2, 3]), _weights("kernel", (3, width)))
        return {"default": Signature({"rgb_input": inputs}, {"default": output})}

    return {(): fill}


def image_generator(size: int, latent: int, classes: int = 1000) -> Graphs:
    """BigGAN: noise ``z``, class ``y`` and ``truncation`` in, images between -1 and 1 out."""

    def fill() -> Mapping[str, Signature]:
        noise, label = _placeholder("z", [None, latent]), _placeholder("y", [None, classes])
        truncation = _placeholder("truncation", [])
        colour = tf.matmul(noise * truncation, _weights("noise", (latent, 3)))
        colour += tf.matmul(label, _weights("class", (classes, 3)))
        image = tf.tile(tf.tanh(colour)[:, None, None, :], [1, size, size, 1])
        inputs = {"z": noise, "y": label, "truncation": truncation}
        return {"default": Signature(inputs, {"default": image})}

    return dict.fromkeys(_BOTH, fill)


def face_generator(size: int = 128, latent: int = 512) -> Graphs:
    """Progressive GAN: ``latent_vector`` in, images between 0 and 1 out."""

    def fill() -> Mapping[str, Signature]:
        noise = _placeholder("latent_vector", [None, latent])
        colour = tf.sigmoid(tf.matmul(noise, _weights("noise", (latent, 3))))
        image = tf.tile(colour[:, None, None, :], [1, size, size, 1])
        return {"default": Signature({"latent_vector": noise}, {"default": image})}

    return {(): fill}


def style_module() -> Graphs:
    """Arbitrary image stylization, first version: two placeholders in, the stylized image out."""

    def fill() -> Mapping[str, Signature]:
        content, style = (_placeholder(name, [None, None, None, 3]) for name in ("placeholder", "placeholder_1"))
        mixed = 0.5 * content + 0.5 * tf.reduce_mean(style, [1, 2], keepdims=True) + 0.0 * _weights("weight", (1,))
        return {"default": Signature({"placeholder": content, "placeholder_1": style}, {"default": mixed})}

    return {(): fill}
