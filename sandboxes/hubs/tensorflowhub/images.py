"""Models that take images: classification, feature vectors, detection, segmentation, poses, and images made anew."""

import importlib
from collections.abc import Mapping
from typing import Any

from apigauge.sandboxes.hubs.tensorflowhub.saving import (
    add_parameters,
    function,
    new_object,
    require,
    set_call,
    sized,
    variable,
)

tf: Any = importlib.import_module("tensorflow")

_KEYPOINTS, _PEOPLE, _DETECTIONS = 17, 6, 100


def _images(size: int | None, dtype: Any = None, batch: int | None = None, name: str = "inputs") -> Any:
    return tf.TensorSpec([batch, size, size, 3], dtype or tf.float32, name=name)


def image_model(
    width: int,
    size: int | None = None,
    kind: str = "logits",
    style: str = "slim",
    *,
    serving: bool = True,
    smallest: int = 1,
    parameters: list[int] | None = None,
) -> tuple[Any, Mapping[str, Any]]:
    """Classification or feature vector.

    Args:
        width: number of classes, or width of the feature vector.
        size: height and width of the images; None where the real model takes any.
        kind: ``logits`` or ``feature_vector``; also the signature's output.
        style: ``slim`` takes ``training`` and ``batch_norm_momentum``, ``keras`` only ``training``.
        serving: whether there is a ``serving_default``.
        parameters: how many numbers the real model learns, and how many it keeps besides; None where that is unknown.
        smallest: height and width below which convolutions without padding have nothing left.
    """
    kernel, bias = variable("kernel", (3, width)), variable("bias", (width,), seed=2)
    model = new_object({"kernel": kernel, "bias": bias}, trainable=True)
    if parameters:
        add_parameters(model, *parameters)

    def output(inputs: Any) -> Any:
        pixels = large_enough(sized(inputs, [None, size, size, 3]), smallest)
        values = tf.matmul(tf.reduce_mean(pixels, [1, 2]), kernel) + bias
        return tf.nn.relu(values) if kind == "feature_vector" else values

    def slim(inputs: Any, training: bool = False, batch_norm_momentum: Any = 0.99) -> Any:  # noqa: ARG001
        return output(inputs)

    def keras(inputs: Any, training: bool = False) -> Any:  # noqa: ARG001
        return output(inputs)

    images = _images(size)
    call = function(slim if style == "slim" else keras)
    more = (tf.TensorSpec([], tf.float32, name="batch_norm_momentum"),) if style == "slim" else ()
    for training in (False, True):
        call.get_concrete_function(images, training, *more)
    set_call(model, call)
    if not serving:
        return model, {}
    return model, {"serving_default": function(lambda inputs: {kind: output(inputs)}, input_signature=[images])}


def large_enough(images: Any, smallest: int) -> Any:
    """The images; the call fails if one of their sides is shorter."""
    if smallest <= 1:
        return images
    side = tf.reduce_min(tf.shape(images)[1:3])
    return require(side >= smallest, "Computed output size would be negative: the image is too small", images)


def detector(anchors: int, extra: str = "raw", batch: int | None = 1) -> tuple[Any, Mapping[str, Any]]:
    """A detector of the Object Detection API: one image of type uint8 in, a dictionary out.

    Args:
        anchors: raw detections before suppression.
        extra: ``raw`` (raw detections too), ``none``, ``keypoints`` or ``masks``.
        batch: images at a time.
    """
    kernel = variable("kernel", (3, _DETECTIONS * 6))
    model = new_object({"kernel": kernel}, trainable=False)

    def detect(input_tensor: Any) -> Any:
        input_tensor = sized(input_tensor, [batch, None, None, 3])
        boxes, scores, classes = _detections(tf.cast(input_tensor, tf.float32) / 255.0, kernel, 90)
        outputs = {
            "detection_boxes": boxes,
            "detection_classes": classes,
            "detection_scores": scores,
            "num_detections": tf.fill(tf.shape(boxes)[:1], float(_DETECTIONS)),
        }
        if extra in {"raw", "masks"}:
            outputs["raw_detection_boxes"] = tf.broadcast_to(boxes[:, :1], [1, anchors, 4])
            outputs["raw_detection_scores"] = tf.fill([1, anchors, 90], 0.01)
            outputs["detection_anchor_indices"] = tf.reshape(tf.range(float(_DETECTIONS)), [1, _DETECTIONS])
            outputs["detection_multiclass_scores"] = tf.tile(scores[:, :, None] / 91.0, [1, 1, 91])
        if extra == "keypoints":
            outputs["detection_keypoints"] = tf.tile(boxes[:, :, None, :2], [1, 1, _KEYPOINTS, 1])
            outputs["detection_keypoint_scores"] = tf.tile(scores[:, :, None], [1, 1, _KEYPOINTS])
        if extra == "masks":
            outputs["detection_masks"] = tf.tile(scores[:, :, None, None], [1, 1, 33, 33])
        return outputs

    call = function(detect, input_signature=[_images(None, tf.uint8, batch, "input_tensor")])
    set_call(model, call)
    return model, {"serving_default": call}


def _detections(images: Any, kernel: Any, classes: int) -> tuple[Any, Any, Any]:
    """Boxes [N, 100, 4], falling scores [N, 100] and classes from 1 on [N, 100] that depend on the image's colour."""
    raw = tf.reshape(tf.sigmoid(tf.matmul(tf.reduce_mean(images, [1, 2]), kernel)), [-1, _DETECTIONS, 6])
    corner, extent = raw[:, :, :2] * 0.5, raw[:, :, 2:4] * 0.5
    boxes = tf.concat([corner, corner + extent], axis=-1)
    scores = tf.sort(raw[:, :, 4], direction="DESCENDING")
    return boxes, scores, 1.0 + tf.floor(raw[:, :, 5] * (classes - 1))


def lite_detector() -> tuple[Any, Mapping[str, Any]]:
    """EfficientDet-Lite: a tuple of boxes in pixels, scores, classes and the number of detections."""
    kernel = variable("kernel", (3, _DETECTIONS * 6))
    model = new_object({"kernel": kernel}, trainable=False)

    def detect(images: Any) -> Any:
        images = sized(images, [None, None, None, 3])
        boxes, scores, classes = _detections(tf.cast(images, tf.float32) / 255.0, kernel, 90)
        height, width = tf.cast(tf.shape(images)[1], tf.float32), tf.cast(tf.shape(images)[2], tf.float32)
        count = tf.fill(tf.shape(images)[:1], _DETECTIONS)
        return boxes * tf.stack([height, width, height, width]), scores, classes, count

    call = function(detect, input_signature=[_images(None, tf.uint8, None, "images")])
    set_call(model, call)
    return model, {"serving_default": function(_named(call), input_signature=[_images(None, tf.uint8)])}


def _named(call: Any) -> Any:
    """A function whose outputs have the names that a signature gives to a tuple's items."""
    return lambda inputs: {f"output_{number}": value for number, value in enumerate(call(inputs))}


def open_images_detector() -> tuple[Any, Mapping[str, Any]]:
    """A detector with names of the Open Images classes, callable: what the catalogue's examples of it do."""
    kernel = variable("kernel", (3, _DETECTIONS * 6))
    model = new_object({"kernel": kernel}, trainable=False)

    def detect(images: Any) -> Any:
        return open_images_outputs(images, kernel)

    call = function(detect, input_signature=[_images(None, batch=1, name="images")])
    set_call(model, call)
    return model, {"default": call}


def open_images_outputs(images: Any, kernel: Any) -> dict[str, Any]:
    """Boxes and labels of one image, without a batch dimension, as both Open Images detectors give them."""
    boxes, scores, classes = _detections(sized(images, [1, None, None, 3]), kernel, 601)
    labels = tf.cast(classes[0], tf.int64)
    text = tf.strings.as_string(labels)
    return {
        "detection_boxes": boxes[0],
        "detection_scores": scores[0],
        "detection_class_labels": labels,
        "detection_class_names": tf.strings.join(["/m/", text]),
        "detection_class_entities": tf.strings.join(["Entity ", text]),
    }


def segmenter(size: int | None = None, classes: int = 21) -> tuple[Any, Mapping[str, Any]]:
    """A class for every pixel, under DeepLab's name for it."""
    kernel = variable("kernel", (3, classes))
    model = new_object({"kernel": kernel}, trainable=False)

    def segment(images: Any) -> Any:
        images = sized(images, [None, size, size, 3])
        scores = tf.tensordot(tf.cast(images, tf.float32), kernel, [[3], [0]])
        return {"SemanticPredictions": tf.argmax(scores, axis=-1)}

    call = function(segment)
    for dtype in (tf.float32, tf.uint8):
        call.get_concrete_function(_images(size, dtype, name="images"))
    set_call(model, call)
    return model, {"serving_default": call.get_concrete_function(_images(size, name="images"))}


def style_transfer() -> tuple[Any, Mapping[str, Any]]:
    """Content and style in, a list with the stylized image out."""
    weight = variable("weight", (1,))
    model = new_object({"weight": weight}, trainable=False)

    def stylize(placeholder: Any, placeholder_1: Any) -> Any:
        content = sized(placeholder, [None, None, None, 3])
        style = tf.reduce_mean(sized(placeholder_1, [None, None, None, 3]), [1, 2], keepdims=True)
        return [tf.clip_by_value(0.5 * content + 0.5 * style + 0.0 * weight, 0.0, 1.0)]

    specs = [_images(None, name="placeholder"), _images(None, name="placeholder_1")]
    call = function(stylize, input_signature=specs)
    set_call(model, call)
    serving = function(lambda placeholder, placeholder_1: {"output_0": call(placeholder, placeholder_1)[0]})
    return model, {"serving_default": serving.get_concrete_function(*specs)}


def super_resolution(factor: int = 4) -> tuple[Any, Mapping[str, Any]]:
    """An image ``factor`` times as high and wide, with values as in the input."""
    weight = variable("weight", (3,))
    model = new_object({"weight": weight}, trainable=True)

    def enlarge(inputs: Any) -> Any:
        larger = tf.repeat(tf.repeat(inputs, factor, axis=1), factor, axis=2)
        return tf.ensure_shape(larger + 0.0 * weight, [None, None, None, 3])

    call = function(enlarge, input_signature=[_images(None, name="input_1")])
    set_call(model, call)
    serving = function(lambda input_1: {"output_0": call(input_1)})
    return model, {"serving_default": serving.get_concrete_function(_images(None, name="input_1"))}


def pose(size: int | None, people: int = 1) -> tuple[Any, Mapping[str, Any]]:
    """MoveNet: only a signature, an int32 image in, key points out; the object itself cannot be called.

    Args:
        size: height and width; None for the model of several people, which takes multiples of 32.
        people: 1, or 6 for that model.
    """
    width = _KEYPOINTS * 3 if people == 1 else _PEOPLE * 56
    kernel = variable("kernel", (3, width))
    model = new_object({"kernel": kernel}, trainable=False)

    def find(image: Any) -> Any:
        image = sized(image, [1, size, size, 3])
        if size is None:
            even = tf.reduce_all(tf.math.floormod(tf.shape(image)[1:3], 32) == 0)
            image = require(even, "Incompatible shapes: height and width must be multiples of 32", image)
        colour = tf.reduce_mean(tf.cast(image, tf.float32) / 255.0, [1, 2])
        shape = [1, 1, _KEYPOINTS, 3] if people == 1 else [1, _PEOPLE, 56]
        return {"output_0": tf.reshape(tf.sigmoid(tf.matmul(colour, kernel)), shape)}

    return model, {"serving_default": function(find, input_signature=[_images(size, tf.int32, 1, "input")])}


def interpolator() -> tuple[Any, Mapping[str, Any]]:
    """A list of two frames in, the frame between them out, by ``call``: what the catalogue's example of it does."""
    model = new_object({}, trainable=False)

    def between(inputs: Any) -> Any:
        return 0.5 * (inputs[0] + inputs[1])

    call = function(between, input_signature=[[_images(None, name="frame_0"), _images(None, name="frame_1")]])
    model.call = call
    set_call(model, call)
    return model, {}


def video(width: int, size: int | None, form: str = "tensor") -> tuple[Any, Mapping[str, Any]]:
    """Classification of videos [N, frames, height, width, 3].

    Args:
        width: number of classes.
        size: height and width; None where the real model takes any.
        form: ``tensor``, or ``dict`` for a dictionary with the key ``image``.
    """
    kernel = variable("kernel", (3, width))
    model = new_object({"kernel": kernel}, trainable=True)
    spec = tf.TensorSpec([None, None, size, size, 3], tf.float32, name="image")

    def classify(inputs: Any, training: bool = False) -> Any:  # noqa: ARG001
        frames = sized(inputs["image"] if form == "dict" else inputs, [None, None, size, size, 3])
        return tf.matmul(tf.reduce_mean(frames, [1, 2, 3]), kernel)

    call = function(classify)
    for training in (False, True):
        call.get_concrete_function({"image": spec} if form == "dict" else spec, training)
    set_call(model, call)
    if form != "dict":

        def serve(rgb_input: Any) -> Any:
            return {"default": call(rgb_input, False)}

        # As the modules of I3D in the old format have it.
        named = tf.TensorSpec(spec.shape, tf.float32, name="rgb_input")
        return model, {"default": function(serve, input_signature=[named])}
    serving = function(lambda image: {"classifier_head": call({"image": image}, False)})
    return model, {"serving_default": serving.get_concrete_function(spec)}
