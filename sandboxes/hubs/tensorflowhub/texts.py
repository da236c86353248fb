"""Models that take texts: sentence encoders, word embeddings, transformer encoders and what prepares texts for them."""

import importlib
from collections.abc import Mapping
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub.saving import (
    add_parameters,
    function,
    new_object,
    require,
    set_call,
    variable,
)

tf: Any = importlib.import_module("tensorflow")

_BUCKETS, _INNER = 64, 8
# BERT's own ids of [CLS] and [SEP]; words are hashed into the rest of the vocabulary.
_CLS, _SEP, _FIRST, _VOCABULARY = 101, 102, 1000, 21_128


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


def text_embedding(width: int, words: int = 0) -> tuple[Any, Mapping[str, Any]]:
    """Texts [N] in, vectors [N, width] out; trainable, with so many words' vectors if that number is given."""
    weights = _embedding_variables(width)
    model = new_object(weights, trainable=True)
    if words:
        add_parameters(model, words * width, 0)
    spec = _texts("sentences", [None])
    call = function(lambda sentences: embed(sentences, weights["table"], weights["kernel"]), input_signature=[spec])
    set_call(model, call)
    # As TensorFlow itself names the only output of the only function, and as the sentence encoders name it.
    both = function(lambda sentences: dict.fromkeys(("outputs", "output_0"), call(sentences)), input_signature=[spec])
    return model, {"serving_default": both}


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


def checked_ids(ids: Any, vocabulary: int, positions: int) -> Any:
    """The ids [N, length]; the call fails if one is not in the vocabulary, or if the text is too long."""
    ids = require(tf.shape(ids)[1] <= positions, f"Incompatible shapes: more than {positions} positions", ids)
    inside = tf.reduce_all((ids >= 0) & (ids < vocabulary))
    return require(inside, f"indices is not in [0, {vocabulary})", ids)


def encoder(
    width: int,
    layers: int,
    inputs: str = "dict",
    *,
    sentence: bool = False,
    vocabulary: int = 30_522,
    positions: int = 512,
) -> tuple[Any, Mapping[str, Any]]:
    """A transformer encoder: ids, mask and types [N, length] in, vectors of the text and of its tokens out.

    Args:
        width: hidden size.
        layers: number of them, for ``encoder_outputs``.
        inputs: ``dict``, or ``list`` for the older interface: three tensors in, two out.
        sentence: whether there is a ``default`` output too, a sentence's vector of unit length.
        vocabulary: how many ids there are.
        positions: how long a text may be.
    """
    table, kernel = variable("table", (_BUCKETS, _INNER)), variable("kernel", (_INNER, width), seed=2)
    model = new_object({"table": table, "kernel": kernel}, trainable=True)
    names = ("input_word_ids", "input_mask", "input_type_ids")
    specs = {name: tf.TensorSpec([None, None], tf.int32, name=name) for name in names}

    def encode(ids: Any, mask: Any) -> tuple[Any, Any]:
        buckets = tf.math.floormod(checked_ids(ids, vocabulary, positions), _BUCKETS)
        rows = tf.gather(table, buckets) * tf.cast(mask, tf.float32)[:, :, None]
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

    def serve(input_word_ids: Any, input_mask: Any, input_type_ids: Any) -> Any:  # noqa: ARG001
        pooled, tokens = encode(input_word_ids, input_mask)
        outputs = {"pooled_output": pooled, "sequence_output": tokens}
        return {**outputs, "default": tf.math.l2_normalize(pooled, axis=1)} if sentence else outputs

    return model, {"serving_default": function(serve, input_signature=list(specs.values()))}


def preprocessor(length: int = 128) -> tuple[Any, Mapping[str, Any]]:
    """Texts [N] in, a dictionary of ids, mask and types [N, length] out; the program has to import tensorflow_text.

    ``tokenize`` and ``bert_pack_inputs`` do the two halves, for one segment or two and for any length.
    """
    model = new_object({}, trainable=False)

    def ids_of(texts: Any) -> Any:
        words = tf.strings.split(_case_folded(texts))
        ids = _FIRST + tf.strings.to_hash_bucket_fast(words.values, _VOCABULARY - _FIRST)
        return words.with_values(tf.cast(ids, tf.int32))

    texts = _texts(shape=[None])
    call = function(lambda inputs: pack([ids_of(inputs)], length), input_signature=[texts])
    set_call(model, call)

    def tokenize(inputs: Any) -> Any:
        """Words of pieces; here each word is one piece."""
        words = ids_of(inputs)
        count = tf.shape(words.values, out_type=tf.int64)[0]
        return words.with_values(tf.RaggedTensor.from_row_splits(words.values, tf.range(count + 1)))

    model.tokenize = function(tokenize, input_signature=[texts])
    pack_inputs = function(pack)
    size = tf.TensorSpec([], tf.int32, name="seq_length")
    for rank in (2, 3):
        segment = tf.RaggedTensorSpec([None] * rank, tf.int32, ragged_rank=rank - 1)
        for count in (1, 2):
            pack_inputs.get_concrete_function([segment] * count, size)
    model.bert_pack_inputs = pack_inputs
    return model, {"serving_default": call}


def pack(inputs: list[Any], seq_length: Any) -> Any:
    """Segments between [CLS] and [SEP], cut at their ends alike, as ids, mask and types [N, length]."""
    flat = [segment.merge_dims(1, 2) if segment.shape.rank == 3 else segment for segment in inputs]
    share = (seq_length - 1 - len(flat)) // len(flat)
    rows = tf.shape(flat[0].row_lengths())[0]
    first, last = (tf.fill([rows, 1], mark) for mark in (_CLS, _SEP))
    pieces, kinds = [first], [tf.zeros_like(first)]
    for number, segment in enumerate(flat):
        piece = tf.concat([segment[:, :share], last], axis=1)
        pieces.append(piece)
        kinds.append(tf.zeros_like(piece) + number)
    ids, types = tf.concat(pieces, axis=1), tf.concat(kinds, axis=1)
    shape = [None, seq_length] if isinstance(seq_length, int) else tf.stack([-1, seq_length])
    ids, types, mask = (one.to_tensor(shape=shape) for one in (ids, types, tf.ones_like(ids)))
    return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": types}
