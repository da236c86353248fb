"""References that are no whole call of their own are compared with what their program means."""

import pytest

from apigauge import extract, load_benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.metrics import ast_match

pytestmark = pytest.mark.apibench
GPUNET = "torch.hub.load('NVIDIA/DeepLearningExamples:torchhub', 'nvidia_gpunet', pretrained=True, "
VIDEO = "DiffusionPipeline.from_pretrained('damo-vilab/text-to-video-ms-1.7b', torch_dtype=torch.float16, "
CARTPOLE = "load_from_hub(repo_id='sb3/dqn-CartPole-v1', filename='{MODEL FILENAME}.zip')"
SPEECH = "Text2Speech.from_pretrained('espnet/kan-bayashi_ljspeech_joint_finetune_conformer_fastspeech2_hifigan')"
MEAL = "torch.hub.load('szq0214/MEAL-V2', 'meal_v2', "


def right(hub, item_id, answer, data_dir):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    item = next(item for item in benchmark.items if item.id == item_id)
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    return ast_match.make(benchmark)(item, extract(answer, functions)).metrics["ast.exact"] == 1.0


@pytest.mark.parametrize(
    ("hub", "item", "answer", "is_right"),
    [
        ("torchhub", "58", f"{MEAL}'mealv2_resnest50_380x380', pretrained=True)", True),
        ("torchhub", "58", f"{MEAL}'mealv2_resnest50_cutmix', pretrained=True)", False),
        ("torchhub", "58", "torch.hub.load('meal_v2', model='mealv2_resnest50_380x380', pretrained=True)", False),
        ("torchhub", "34", f"{GPUNET}model_type='GPUNet-0', model_math='fp32')", True),
        ("torchhub", "34", f"{GPUNET}model_type=model_type, model_math=precision)", True),
        ("torchhub", "34", f"{GPUNET}model_type='banana', model_math='fp32')", False),
        ("torchhub", "34", f"{GPUNET}model_type=x, model_math=y)", False),
        ("torchhub", "65", "torch.hub.load('facebookresearch/pytorch_GAN_zoo', 'DCGAN', pretrained=True, useGPU=True)", True),
        ("torchhub", "65", "torch.hub.load('facebookresearch/pytorch_GAN_zoo', 'DCGAN', pretrained=True, useGPU='no')", False),
        ("huggingface", "265", f"{VIDEO}variant='fp16')", True),
        ("huggingface", "265", f"{VIDEO}variant='non_ema')", False),
        ("huggingface", "265", f"{VIDEO}variant=None)", False),
        ("huggingface", "550", "pipeline('text-to-image', model='SG161222/Realistic_Vision_V1.4')", True),
        ("huggingface", "550", "pipeline('text-to-image', model='SG161222/Realistic_Vision_V1')", False),
        ("huggingface", "216", "classifier('Ein Satz', ['a', 'b'], hypothesis_template='Es geht um {}.')", True),
        ("huggingface", "216", "classifier(1, 2, hypothesis_template=3)", False),
        ("huggingface", "438", "TF_Decision_Trees(input_features, target)", True),
        ("huggingface", "438", "TF_Decision_Trees(None, 0)", False),
        ("huggingface", "447", f"from huggingface_sb3 import load_from_hub\n{CARTPOLE}", True),
        ("huggingface", "447", f"from skops.io import load_from_hub\n{CARTPOLE}", False),
        ("huggingface", "233", f"from espnet2.bin.tts_inference import Text2Speech\n{SPEECH}", True),
        ("huggingface", "194", "from ultralytics import YOLO\nYOLO('keremberke/yolov8n-blood-cell-detection')", True),
    ],
)  # fmt: skip
def test_a_reference_accepts_what_its_program_means(hub, item, answer, is_right, data_dir):
    assert right(hub, item, answer, data_dir) is is_right


@pytest.mark.parametrize(("hub", "least"), [("huggingface", 904), ("tensorflowhub", 682), ("torchhub", 186)])
def test_references_fed_back_are_right(hub, least, data_dir):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    metric = ast_match.make(benchmark)
    answers = ((item, extract(f"<<<api_call>>>: {item.reference_call}", functions)) for item in benchmark.items)
    assert sum(metric(item, answer).metrics["ast.exact"] for item, answer in answers) >= least
