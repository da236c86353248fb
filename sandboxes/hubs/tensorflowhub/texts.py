"""Models that take texts: sentence encoders, word embeddings, transformer encoders and what prepares texts for them."""

import importlib
from collections.abc import Mapping
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub.saving import function, new_object, set_call, variable

tf: Any = importlib.import_module("tensorflow")

_BUCKETS, _INNER = 64, 8
# BERT's own ids of [CLS] and [SEP]; words are hashed into the rest of the vocabulary.
_CLS, _SEP, _FIRST, _VOCABULARY = 101, 102, 1000, 28_996


def _texts(name: str = "inputs", shape: list[int | None] | None = None) -> Any:
    return tf.TensorSpec(shape, tf.string, name=name)


def embed(texts: Any, table: Any, kernel: Any) -> Any:
    """Mean of the words' vectors for a vector of texts; anything but a vector is an error, as in the real models."""
    words = tf.raw_ops.StringSplit(input=texts, delimiter=" ", skip_empty=True)
    rows = tf.gather(table, tf.strings.to_hash_bucket_fast(words.values, _BUCKETS))
    sums = tf.math.unsorted_segment_sum(rows, words.indices[:, 0], words.shape[0])
    return tf.matmul(sums, kernel)


def _embedding_variables(width: int) -> dict[str, Any]:
    return {"table": variable("table", (_BUCKETS, _INNER)), "kernel": variable("kernel", (_INNER, width), seed=2)}


def _case_folded(texts: Any) -> Any:
    """Through an op of tensorflow_text, without which the real model cannot be loaded either."""
    return importlib.import_module("tensorflow_text").case_fold_utf8(texts)


def text_embedding(width: int) -> tuple[Any, Mapping[str, Any]]:
    """Texts [N] in, vectors [N, width] out; trainable."""
    weights = _embedding_variables(width)
    model = new_object(weights, trainable=True)
    spec = _texts("sentences", [None])
    call = function(lambda sentences: embed(sentences, weights["table"], weights["kernel"]), input_signature=[spec])
    set_call(model, call)
    serving = function(lambda sentences: {"outputs": call(sentences)}, input_signature=[spec])
    return model, {"serving_default": serving}


def sentence_encoder(
    width: int = 512, *, needs_text_ops: bool = False, trainable: bool = True, as_list: bool = False
) -> tuple[Any, Mapping[str, Any]]:
    """Texts in, vectors of unit length out.

    Args:
        width: of the vectors.
        needs_text_ops: whether the program has to import tensorflow_text first.
        trainable: whether hub.KerasLayer finds variables.
        as_list: whether the vectors come in a list, as Sentence-T5's do.
    """
    weights = _embedding_variables(width)
    model = new_object(weights, trainable=trainable)

    def encode(inputs: Any) -> Any:
        texts = _case_folded(inputs) if needs_text_ops else inputs
        vectors = tf.math.l2_normalize(embed(texts, weights["table"], weights["kernel"]), axis=1)
        return [vectors] if as_list else vectors

    call = function(encode, input_signature=[_texts(shape=[None] if needs_text_ops else None)])
    set_call(model, call)

    def serve(inputs: Any) -> Any:
        return {"outputs": call(inputs)[0] if as_list else call(inputs)}

    return model, {"serving_default": function(serve, input_signature=[_texts(shape=[None])])}


def question_answering(width: int = 512, *, needs_text_ops: bool = False) -> tuple[Any, Mapping[str, Any]]:
    """Signatures for questions and for answers in their context; the object itself cannot be called."""
    weights = _embedding_variables(width)
    model = new_object(weights, trainable=False)

    def encode(texts: Any) -> Any:
        folded = _case_folded(texts) if needs_text_ops else texts
        return tf.math.l2_normalize(embed(folded, weights["table"], weights["kernel"]), axis=1)

    def question(input: Any) -> Any:  # noqa: A002 - the signature's own name
        return {"outputs": encode(input)}

    def response(input: Any, context: Any) -> Any:  # noqa: A002
        return {"outputs": encode(tf.strings.join([input, context], separator=" "))}

    texts, context = _texts("input", [None]), _texts("context", [None])
    return model, {
        "question_encoder": function(question, input_signature=[texts]),
        "response_encoder": function(response, input_signature=[texts, context]),
    }


def encoder(width: int, layers: int, inputs: str = "dict", *, sentence: bool = False) -> tuple[Any, Mapping[str, Any]]:
    """A transformer encoder: ids, mask and types [N, length] in, vectors of the text and of its tokens out.

    Args:
        width: hidden size.
        layers: number of them, for ``encoder_outputs``.
        inputs: ``dict``, or ``list`` for the older interface: three tensors in, two out.
        sentence: whether there is a ``default`` output too, a sentence's vector of unit length.
    """
    table, kernel = variable("table", (_BUCKETS, _INNER)), variable("kernel", (_INNER, width), seed=2)
    model = new_object({"table": table, "kernel": kernel}, trainable=True)
    names = ("input_word_ids", "input_mask", "input_type_ids")
    specs = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in names}

    def encode(ids: Any, mask: Any) -> tuple[Any, Any]:
        rows = tf.gather(table, tf.math.floormod(ids, _BUCKETS)) * tf.cast(mask, tf.float32)[:, :, None]
        tokens = tf.tensordot(rows, kernel, [[2], [0]])
        return tf.tanh(tokens[:, 0]), tokens

    def from_dict(inputs: Any, training: bool = False) -> Any:  # noqa: ARG001
        pooled, tokens = encode(inputs["input_word_ids"], inputs["input_mask"])
        outputs = {"pooled_output": pooled, "sequence_output": tokens, "encoder_outputs": [tokens] * layers}
        return {**outputs, "default": tf.math.l2_normalize(pooled, axis=1)} if sentence else outputs

    def from_list(inputs: Any, training: bool = False) -> Any:  # noqa: ARG001
        return encode(inputs[0], inputs[1])

    call = function(from_dict if inputs == "dict" else from_list)
    for training in (False, True):
        call.get_concrete_function(specs if inputs == "dict" else list(specs.values()), training)
    set_call(model, call)
    return model, {}


def preprocessor(length: int = 128) -> tuple[Any, Mapping[str, Any]]:
    """Texts [N] in, a dictionary of ids, mask and types [N, length] out; the program has to import tensorflow_text."""
    model = new_object({}, trainable=False)

    def ids_of(texts: Any) -> Any:
        words = tf.strings.split(_case_folded(texts))
        return words.with_values(_FIRST + tf.strings.to_hash_bucket_fast(words.values, _VOCABULARY - _FIRST))

    def prepare(inputs: Any) -> Any:
        ids = tf.cast(ids_of(inputs)[:, : length - 2].to_tensor(shape=[None, length - 2]), tf.int32)
        used = tf.reduce_sum(tf.cast(ids > 0, tf.int32), axis=1)
        first = tf.fill([tf.shape(ids)[0], 1], _CLS)
        last = tf.one_hot(used + 1, length, on_value=_SEP, off_value=0, dtype=tf.int32)
        word_ids = tf.pad(tf.concat([first, ids], axis=1), [[0, 0], [0, 1]]) + last
        mask = tf.sequence_mask(used + 2, length, dtype=tf.int32)
        return {"input_word_ids": word_ids, "input_mask": mask, "input_type_ids": tf.zeros_like(mask)}

    texts = _texts(shape=[None])
    call = function(prepare, input_signature=[texts])
    set_call(model, call)
    model.tokenize = function(
        lambda inputs: tf.expand_dims(tf.cast(ids_of(inputs), tf.int32), -1), input_signature=[texts]
    )
    return model, {"serving_default": call}
