import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.sandboxes.hubs.tensorflowhub import specification

FOLDER = Path(specification.__file__).parent
HANDLES = specification.read()
URL = re.compile(r"https?://tfhub\.dev/[^\s'\"`)\\,>]*")
# In the released answers, and nowhere on the hub.
INVENTED = (
    "google/imagenet/inception_v3/element_detection/1",
    "google/imagenet/mobilenet_v2_100_224-feature_vector/4",
    "google/imagenet/mobilenet_v2_100_224_classification/4",
    "google/imagenet/mobilenet_v2_140_224-feature_vector/4",
    "google/two-sentence-vgg/1",
    # A version that was never published.
    "google/universal-sentence-encoder/5",
    "google/imagenet/inception_v3/classification/2",
    "google/movenet/singlepose/lightning/5",
)


def families():
    """The functions that make models, read without importing them, which would take TensorFlow."""
    functions = {}
    for name in ("images", "texts", "sounds", "legacy"):
        for node in ast.parse((FOLDER / f"{name}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert functions.setdefault(node.name, (name, node))[0] == name
    return functions


def test_every_handle_stands_once_and_in_order():
    paths = [handle.path for handle in HANDLES]
    assert paths == sorted(set(paths))
    assert len(paths) > 1000


def test_every_handle_is_that_of_a_version_without_host():
    assert [h.path for h in HANDLES if not re.fullmatch(r"[A-Za-z0-9-]+(/[A-Za-z0-9_.-]+)+/\d+", h.path)] == []


def test_every_source_is_one_that_the_contract_knows():
    assert {handle.source for handle in HANDLES} == specification.SOURCES


def test_every_family_is_a_function_that_takes_the_options_of_its_handles():
    functions = families()
    for handle in HANDLES:
        arguments = functions[handle.family][1].args
        names = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)} - {"folder"}
        assert set(handle.options) <= names, handle.path
        without_default = arguments.args[: len(arguments.args) - len(arguments.defaults)]
        required = {argument.arg for argument in without_default} - {"folder"}
        assert required <= set(handle.options), handle.path


def test_a_handle_is_looked_for_under_the_name_that_tensorflow_hub_gives_it():
    # Copied from what tensorflow_hub 0.16.1 downloads to, not computed here.
    url = "https://tfhub.dev/google/yamnet/1"
    assert specification.cache_name(url) == "9616fd04ec2360621642ef9455b84f4b668e219e"
    other = "https://tfhub.dev/google/yamnet/1/"
    assert specification.cache_name(other) == "aceb8d9f6b40d3cb292bd4e21bf5325c17518e47"


def test_handles_share_a_model_only_if_family_and_options_are_equal():
    by_model = {}
    for handle in HANDLES:
        by_model.setdefault(handle.model, set()).add((handle.family, json.dumps(handle.options, sort_keys=True)))
    assert all(len(descriptions) == 1 for descriptions in by_model.values())
    assert len(by_model) == len(specification.models(HANDLES)) < len(HANDLES) / 2


def test_the_name_of_a_model_does_not_depend_on_the_order_of_its_options():
    assert specification.model_name("pose", {"a": 1, "b": 2}) == specification.model_name("pose", {"b": 2, "a": 1})
    assert specification.model_name("pose", {"a": 1}) != specification.model_name("pose", {"a": 2})


def test_versions_of_the_imagenet_models_have_the_format_they_were_published_in():
    # The hub's pages: version 4 brought the format of TensorFlow 2, version 5 the signature.
    for handle in HANDLES:
        match = re.fullmatch(
            r"google/imagenet/(?:mobilenet_v[12]|inception|resnet|p?nasnet)\w*/(\w+)/(\d)", handle.path
        )
        if not match:
            continue
        kind, version = match[1], int(match[2])
        assert handle.family == ("image_module" if version <= 3 else "image_model"), handle.path
        assert handle.options["kind"] == ("logits" if kind == "classification" else kind)
        assert version <= 3 or handle.options["serving"] == (version == 5)
        assert kind != "classification" or handle.options["width"] == 1001


@pytest.mark.parametrize(
    ("path", "family", "options"),
    [
        ("google/imagenet/mobilenet_v2_140_224/feature_vector/4", "image_model", {"size": 224, "width": 1792}),
        ("google/imagenet/mobilenet_v1_050_160/classification/4", "image_model", {"size": 160, "width": 1001}),
        ("google/imagenet/inception_v3/feature_vector/5", "image_model", {"size": None, "width": 2048}),
        ("google/imagenet/inception_v3/feature_vector/1", "image_module", {"size": 299, "width": 2048}),
        ("google/universal-sentence-encoder/4", "sentence_encoder", {}),
        ("google/universal-sentence-encoder/2", "text_module", {"width": 512}),
        ("google/nnlm-en-dim128/2", "text_embedding", {"width": 128}),
        ("tensorflow/ssd_mobilenet_v2/2", "detector", {"anchors": 1917}),
        ("google/faster_rcnn/openimages_v4/inception_resnet_v2/1", "open_images_module", {}),
        ("google/movenet/singlepose/thunder/3", "pose", {"size": 256}),
    ],
)
def test_what_is_documented_of_a_model_is_what_is_built(path, family, options):
    handle = next(handle for handle in HANDLES if handle.path == path)
    assert handle.family == family
    assert options.items() <= handle.options.items()


def test_what_was_never_published_is_not_there():
    paths = {handle.path for handle in HANDLES}
    assert [path for path in INVENTED if path in paths] == []
    assert not any(handle.url.endswith("/") for handle in HANDLES)


@pytest.mark.apibench
def test_every_handle_of_the_catalogue_has_a_model():
    catalogue = load_benchmark("apibench-tensorflowhub").catalogue
    urls = {handle.url for handle in HANDLES}
    missing = Counter(url for api in catalogue for url in URL.findall(api.call) if url not in urls)
    assert missing == {}


@pytest.mark.apibench
def test_only_what_the_catalogue_names_is_there_on_its_word_alone():
    catalogue = load_benchmark("apibench-tensorflowhub").catalogue
    catalogue_urls = {url for api in catalogue for url in URL.findall(api.call)}
    only = [handle.url for handle in HANDLES if handle.source == "catalogue"]
    assert set(only) <= catalogue_urls
    # Kept in mind by a number: 14 of the catalogue's 57 handles are not, or not as a SavedModel, on the real hub.
    assert (len(only), len(catalogue_urls)) == (14, 57)
