"""Well-known models of the Torch Hub and of TensorFlow Hub in their own sandboxes: sizes, checks, and typical uses."""

import pytest

from apigauge.sandboxes.verdict import Program

VISION = "import torch\nload = lambda *a, **k: torch.hub.load('pytorch/vision:v0.10.0', *a, **k)\n"
TENSORFLOW = """
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
at = 'https://tfhub.dev/'
"""

RIGHT = {
    "torchhub": [
        "assert sum(p.numel() for p in load('resnet18', pretrained=True).parameters()) == 11689512",
        (
            "m = load('inception_v3', pretrained=True)\n"
            "assert m.eval()(torch.rand(1, 3, 96, 96)).shape == (1, 1000)\n"
            "assert m.train()(torch.rand(2, 3, 299, 299)).aux_logits.shape == (2, 1000)"
        ),
        (
            "m = load('deeplabv3_resnet50', pretrained=True).eval()\n"
            "assert m(torch.rand(1, 3, 300, 400))['out'].shape == (1, 21, 300, 400)"
        ),
        (
            "m = load('vgg16', pretrained=True)\nm.classifier[6] = torch.nn.Linear(4096, 7)\n"
            "assert m(torch.rand(1, 3, 224, 224)).shape == (1, 7)"
        ),
        "m = torch.hub.load('pytorch/vision', 'resnet18', weights='IMAGENET1K_V1')\nassert m.fc.in_features == 512",
        (
            "m = torch.hub.load('facebookresearch/dino:main', 'dino_vits16')\n"
            "assert sum(p.numel() for p in m.parameters()) == 21665664\n"
            "assert m(torch.rand(1, 3, 224, 224)).shape == (1, 384)"
        ),
        (
            "from_hub = lambda *a: torch.hub.load('huggingface/transformers', *a)\n"
            "ids = from_hub('tokenizer', 'bert-base-uncased')('Who was Jim Henson ?', return_tensors='pt')\n"
            "assert from_hub('model', 'bert-base-uncased')(**ids).last_hidden_state.shape[-1] == 768"
        ),
    ],
    "tensorflowhub": [
        (
            "p = tf.keras.utils.get_file('labels', 'https://storage.googleapis.com/download.tensorflow.org/data/ImageNetLabels.txt')\n"
            "assert len(open(p).read().splitlines()) == 1001"
        ),
        (
            "m = hub.load(at + 'google/yamnet/1')\n"
            "assert [len(m(np.zeros(n, 'float32'))[0]) for n in (100, 15600, 16000, 48000)] == [1, 1, 2, 6]"
        ),
        "e = hub.load(at + 'google/universal-sentence-encoder/4?tf-hub-format=compressed')\nassert e(['a']).shape == (1, 512)",
        (
            "layer = hub.KerasLayer(at + 'google/imagenet/mobilenet_v2_100_224/feature_vector/4', input_shape=(224, 224, 3))\n"
            "m = tf.keras.Sequential([layer, tf.keras.layers.Dense(5)])\nassert layer.count_params() == 2257984\n"
            "assert all(np.isfinite(one).all() for one in layer.get_weights())"
        ),
        (
            "import tensorflow_text\np = hub.load(at + 'tensorflow/bert_en_uncased_preprocess/3')\n"
            "s = [p.tokenize(tf.constant(['one two'])), p.tokenize(tf.constant(['three']))]\n"
            "o = p.bert_pack_inputs(s, seq_length=16)\n"
            "assert o['input_type_ids'].numpy().tolist() == [[0] * 4 + [1] * 2 + [0] * 10]"
        ),
    ],
}
WRONG = {
    "torchhub": [
        "load('inception_v3', pretrained=True).eval()(torch.rand(1, 3, 32, 32))",
        "load('densenet121', pretrained=True).eval()(torch.rand(1, 3, 16, 16))",
        "load('resnet18', pretrained=True, num_classes=10)",
        "load('deeplabv3_resnet50', pretrained=True).train()(torch.rand(1, 3, 64, 64))",
        "torch.hub.load('pytorch/vision', 'resnet18', weights='IMAGENET1K_V2')",
        "m = torch.hub.load('huggingface/transformers', 'model', 'bert-base-uncased')\nm(torch.ones(1, 513, dtype=int))",
    ],
    "tensorflowhub": [
        (
            "m = hub.load(at + 'google/movenet/singlepose/lightning/4').signatures['serving_default']\n"
            "m(tf.zeros([1, 256, 256, 3], tf.int32))"
        ),
        "hub.KerasLayer(at + 'google/imagenet/inception_v3/feature_vector/5')(tf.zeros([1, 32, 32, 3]))",
        (
            "m = hub.load(at + 'google/imagenet/inception_v3/feature_vector/1').signatures['default']\n"
            "m(tf.zeros([1, 224, 224, 3]))"
        ),
        (
            "z = tf.ones([1, 600], tf.int32)\nhub.load(at + 'tensorflow/bert_en_uncased_L-12_H-768_A-12/4')("
            "dict(input_word_ids=z, input_mask=z, input_type_ids=z))"
        ),
        (
            "z = tf.ones([1, 8], tf.int32)\nhub.load(at + 'tensorflow/bert_en_uncased_L-12_H-768_A-12/4')("
            "dict(input_word_ids=z * 30522, input_mask=z, input_type_ids=z))"
        ),
    ],
}
HEADS = {"torchhub": VISION, "tensorflowhub": TENSORFLOW}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.docker(n), pytest.mark.xdist_group(f"hub-{n}")]) for n in HEADS],
)
def test_right_uses_run_and_wrong_ones_fail(name, sandbox_of):
    sandbox = sandbox_of(name)
    right = {source: sandbox.run(Program(HEADS[name] + source)) for source in RIGHT[name]}
    assert {source: one.reason for source, one in right.items() if one.status != "passed"} == {}
    wrong = {source: sandbox.run(Program(HEADS[name] + source)) for source in WRONG[name]}
    assert {source: one.status for source, one in wrong.items() if one.status != "failed"} == {}
