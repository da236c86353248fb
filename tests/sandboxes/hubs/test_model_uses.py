"""Some models of each hub, used as ``hubs verify`` uses all of them."""

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.audit import model_uses

MODELS = {
    "huggingface": ("bert-base-uncased", "deepset/roberta-base-squad2", "microsoft/resnet-50"),
    "tensorflowhub": ("https://tfhub.dev/google/yamnet/1", "https://tfhub.dev/google/movenet/singlepose/lightning/3"),
    "torchhub": ("pytorch/vision mobilenet_v2", "ultralytics/yolov5 yolov5s", "NVIDIA/* nvidia_resnet50"),
}
PARAMS = [
    pytest.param(hub, pattern, marks=[pytest.mark.docker(hub), pytest.mark.slow, pytest.mark.xdist_group(f"hub-{hub}")])
    for hub, patterns in MODELS.items()
    for pattern in patterns
]


@pytest.mark.apibench
@pytest.mark.parametrize(("hub", "pattern"), PARAMS)
def test_a_typical_use_runs_and_a_wrong_one_fails(hub, pattern, sandbox_of, data_dir):
    uses = model_uses.uses_of(hub, load_benchmark(f"apibench-{hub}", data_dir).catalogue, pattern)
    (measured,) = model_uses.measure(uses, sandbox_of(hub)).rows
    assert (measured.typical, measured.wrong) == (True, True), measured.reason
