"""TensorFlow Hub: a typical and a wrong use of each family of models."""

from collections.abc import Iterable

from apigauge.harness.audit.use import Use
from apigauge.sandboxes.hubs.tensorflowhub import specification
from apigauge.sandboxes.hubs.tensorflowhub.specification import Handle

_LAYER = "model = hub.KerasLayer({url!r})\n"
_LOADED = "model = hub.load({url!r})\n"
_SIGNATURE = _LOADED + "call = model.signatures[{signature!r}]\n"
_IDS = "ids = tf.constant([[101, 102, 103, 0]])\n"
_BERT = "{{'input_word_ids': ids, 'input_mask': tf.ones_like(ids), 'input_type_ids': tf.zeros_like(ids)}}"

# By family: how it is loaded, a call that runs, and one that the real model refuses: most often another type, rank or
# number of channels, a text where ids belong, a list of texts that is one level too deep.
_FAMILIES = {
    "image_model": (_LAYER, "model(tf.zeros([1, {size}, {size}, 3]))", "model(tf.zeros([1, {size}, {size}, 1]))"),
    "image_module": (_LAYER, "model(tf.zeros([1, {size}, {size}, 3]))", "model(tf.zeros([{size}, {size}, 3]))"),
    "encoder": (_LAYER + _IDS, f"model({_BERT})", "model(tf.constant(['a text that nobody has preprocessed']))"),
    "listed_encoder": (
        _LAYER + _IDS,
        "model([ids, tf.ones_like(ids), tf.zeros_like(ids)])",
        "model(tf.constant(['a text that nobody has preprocessed']))",
    ),
    "encoder_module": (
        _SIGNATURE + _IDS,
        "call(input_ids=ids, input_mask=tf.ones_like(ids), segment_ids=tf.zeros_like(ids))",
        "call(tf.constant(['a text that nobody has preprocessed']))",
    ),
    "preprocessor": (_LAYER, "model(tf.constant(['some text']))", "model(tf.constant([1, 2]))"),
    "text_embedding": (_LAYER, "model(tf.constant(['a text', 'another']))", "model(tf.constant([['a text']]))"),
    "text_module": (_LAYER, "model(tf.constant(['a text', 'another']))", "model(tf.constant([['a text']]))"),
    "elmo": (_LAYER, "model(tf.constant(['a text', 'another']))", "model(tf.constant([['a text']]))"),
    "sentence_encoder": (_LOADED, "model(tf.constant(['a text', 'another']))", "model(tf.constant([1, 2]))"),
    "question_answering": (
        _LOADED,
        "model.signatures['question_encoder'](tf.constant(['What is it?']))",
        "model.signatures['response_encoder'](tf.constant(['It is this.']))",
    ),
    "detector": (_LOADED, "model(tf.zeros([1, 320, 320, 3], tf.uint8))", "model(tf.zeros([1, 320, 320, 3]))"),
    "lite_detector": (_LOADED, "model(tf.zeros([1, 320, 320, 3], tf.uint8))", "model(tf.zeros([1, 320, 320, 3]))"),
    "open_images_detector": (
        _SIGNATURE,
        "call(tf.zeros([1, 320, 320, 3]))",
        "call(tf.zeros([1, 320, 320, 3], tf.uint8))",
    ),
    "open_images_module": (
        _SIGNATURE,
        "call(tf.zeros([1, 320, 320, 3]))",
        "call(tf.zeros([1, 320, 320, 3], tf.uint8))",
    ),
    "pose": (_SIGNATURE, "call(tf.zeros([1, {size}, {size}, 3], tf.int32))", "call(tf.zeros([1, {size}, {size}, 3]))"),
    "video": (_LOADED, "model(tf.zeros([1, 8, {size}, {size}, 3]))", "model(tf.zeros([8, {size}, {size}, 3]))"),
    "named_video": (
        _LAYER,
        "model({{'image': tf.zeros([1, 8, {size}, {size}, 3])}})",
        "model({{'image': tf.zeros([8, {size}, {size}, 3])}})",
    ),
    "video_module": (_SIGNATURE, "call(tf.zeros([1, 16, 224, 224, 3]))", "call(tf.zeros([1, 16, 112, 112, 3]))"),
    "image_generator": (
        _SIGNATURE,
        "call(z=tf.zeros([1, {latent}]), y=tf.zeros([1, 1000]), truncation=tf.constant(0.5))",
        "call(z=tf.zeros([1, {latent} + 1]), y=tf.zeros([1, 1000]), truncation=tf.constant(0.5))",
    ),
    "face_generator": (_SIGNATURE, "call(tf.zeros([1, 512]))", "call(tf.zeros([1, 128]))"),
    "style_module": (
        _SIGNATURE,
        "call(placeholder=tf.zeros([1, 64, 64, 3]), placeholder_1=tf.zeros([1, 256, 256, 3]))",
        "call(placeholder=tf.zeros([1, 64, 64, 3]))",
    ),
    "style_transfer": (
        _LOADED,
        "model(tf.zeros([1, 64, 64, 3]), tf.zeros([1, 256, 256, 3]))",
        "model(tf.zeros([64, 64, 3]), tf.zeros([256, 256, 3]))",
    ),
    "super_resolution": (_LOADED, "model(tf.zeros([1, 32, 32, 3]))", "model(tf.zeros([32, 32, 3], tf.uint8))"),
    "interpolator": (
        _LOADED,
        "model([tf.zeros([1, 64, 64, 3]), tf.zeros([1, 64, 64, 3])])",
        "model(tf.zeros([1, 64, 64, 3]))",
    ),
    "segmenter": (_LOADED, "model(tf.zeros([1, {size}, {size}, 3]))", "model(tf.zeros([1, {size}, {size}, 1]))"),
    "yamnet": (_LOADED, "model(tf.zeros([16000]))", "model(tf.zeros([2, 16000]))"),
    "audio_embedding": (_LOADED, "model(tf.zeros([16000]))", "model(tf.zeros([2, 16000]))"),
    "speech_embedding": (_LOADED, "model(tf.zeros([16000]), tf.constant(16000))", "model(tf.zeros([16000]))"),
    "pitch": (_SIGNATURE, "call(tf.zeros([16000]))", "call(tf.zeros([1, 16000]))"),
    "speech_model": (_LOADED, "model(tf.zeros([1, 246000]))", "model(tf.zeros([1, 16000]))"),
}
_HEAD = "import tensorflow as tf\nimport tensorflow_hub as hub\nimport tensorflow_text\n\n"
# Where a model takes any size.
_SIZE = 224


def uses(calls: Iterable[tuple[str, ...]]) -> list[Use]:
    """The uses of the models that calls name, once each; a call is given by its strings."""
    handles = {handle.url: handle for handle in specification.read()}
    named = dict.fromkeys(text for call in calls for text in call if text in handles)
    return [_use(handles[url]) for url in named]


def _use(handle: Handle) -> Use:
    load, typical, wrong = _FAMILIES.get(_form(handle), ("", "", ""))
    if not load:
        return Use(handle.url, handle.family, (handle.url,))
    signatures = {"encoder_module": "tokens", "pose": "serving_default", "pitch": "serving_default"}
    facts = {"signature": signatures.get(handle.family, "default"), **handle.options, "url": handle.url}
    facts["size"] = facts.get("size") or _SIZE
    programs = (f"{_HEAD}{load}result = {call}\nprint(type(result))\n".format(**facts) for call in (typical, wrong))
    return Use(handle.url, handle.family, (handle.url,), *programs)


def _form(handle: Handle) -> str:
    """The family, or which of a family's two forms a model has."""
    if handle.family == "encoder" and handle.options.get("inputs") == "list":
        return "listed_encoder"
    if handle.family == "video" and handle.options.get("form") == "dict":
        return "named_video"
    return handle.family
