"""`hallucination`: what an answer's calls name that does not exist, kind by kind, on APIBench's own benchmarks."""

import functools

import pytest

import apigauge
from apigauge import extract, load_benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.metrics import ast_match, existence

pytestmark = pytest.mark.apibench
ITEMS = {"huggingface": "795", "torchhub": "104", "tensorflowhub": "7"}
OPT = "pipeline('text-generation', model='facebook/opt-125m')"


@functools.cache
def judge(hub, data_dir):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    item = next(item for item in benchmark.items if item.id == ITEMS[hub])
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    return ast_match.make(benchmark), item, functions


def scored(hub, answer, data_dir):
    metric, item, functions = judge(hub, data_dir)
    return metric(item, extract(answer, functions))


INVENTED = [
    ("huggingface", f"from hugging_face import pipeline\n{OPT}", "unknown_package"),
    ("huggingface", f"import transfomers\ntransfomers.{OPT}", "unknown_package"),
    ("huggingface", f"from datasets import pipeline\n{OPT}", "unknown_function"),
    ("huggingface", f"import anthropic\nanthropic.{OPT}", "unknown_function"),
    ("huggingface", f"transformer.{OPT}", "unknown_function"),
    ("huggingface", "from transformers import AutoModelForPoetry\nAutoModelForPoetry.from_pretrained('gpt2')", "unknown_function"),
    ("huggingface", "from transformers import AutoModel\nAutoModel.from_pretrain('gpt2')", "unknown_function"),
    ("huggingface", "import numpy as np\nnp.zeroes(3)", "unknown_function"),
    ("huggingface", "from sentence_transformers import SentenceTransformer\nSentenceTransformer('gpt2', colour='red')", "unknown_argument"),
    ("huggingface", "from transformers import AutoModel\nAutoModel.from_pretrained(model_name='gpt2')", "unknown_argument"),
    ("huggingface", "pipeline('text-generation', model='gpt2', turbo_mode=True)", "unknown_argument"),
    ("huggingface", "AutoModel.from_pretrained('gpt2', turbo_mode=True)", "unknown_argument"),
    ("huggingface", "AutoTokenizer.from_pretrained('gpt2', fast_mode=True)", "unknown_argument"),
    ("huggingface", "from diffusers import DiffusionPipeline as D\nD.from_pretrained('CompVis/ldm-celebahq-256', turbo=1)", "unknown_argument"),
    ("huggingface", "from sklearn.trees import RandomForestRegressor as R\nR(max_depth=10)", "unknown_function"),
    ("tensorflowhub", "import tensorflow as tf\ntf.image.load('a.jpg')", "unknown_function"),
    ("huggingface", "pipeline('text-improvement', model='gpt2')", "unknown_task"),
    ("huggingface", "pipeline('text-generation', model='facebook/opt-999m')", "unknown_repository"),
    ("huggingface", "pipeline('text-generation', model='Facebook/OPT-125m')", "unknown_repository"),
    ("huggingface", "pipeline('text-generation', model='gpt2', tokenizer='invented/none-9b')", "unknown_repository"),
    ("huggingface", f"from transformers import *\n{OPT}\nAutoTokenizer.from_pretrained('invented/none-9b')", "unknown_repository"),
    ("huggingface", "pipeline('translation', model='facebook/opt-125m')", "unknown_model"),
    ("huggingface", "AutoModelForSeq2SeqLM.from_pretrained('facebook/opt-125m')", "unknown_model"),
    ("huggingface", "import timm\ntimm.create_model('resnet51_turbo')", "unknown_model"),
    ("torchhub", "torch.hub.get('pytorch/vision', 'resnet50')", "unknown_function"),
    ("torchhub", "import torch\nimport torchvision\ntorchvision.models.resnet51()", "unknown_function"),
    ("torchhub", "torch.hub.load(repo='pytorch/vision', model='resnet50')", "unknown_argument"),
    ("torchhub", "torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, use_turbo=True)", "unknown_argument"),
    ("torchhub", "torch.hub.load('hustvl/yolop', 'yolop', pretrained=True, wings=2)", "unknown_argument"),
    ("torchhub", "torch.hub.load('pytorch/visions', 'resnet50')", "unknown_repository"),
    ("torchhub", "torch.hub.load('pytorch/vision/', 'resnet50')", "unknown_repository"),
    ("torchhub", "torch.hub.load('pytorch/vision', 'resnet51')", "unknown_entry_point"),
    ("torchhub", "torch.hub.load('szq0214/MEAL-V2', 'meal_v2', 'mealv2_resnest51', pretrained=True)", "unknown_model"),
    ("torchhub", "torch.hub.load('szq0214/MEAL-V2', 'meal_v2', pretrained=True)", "unknown_model"),
    ("tensorflowhub", "hub.load_model('https://tfhub.dev/google/universal-sentence-encoder/4')", "unknown_function"),
    ("tensorflowhub", "hub.load('https://tfhub.dev/google/universal-sentence-encoder/4', colour='red')", "unknown_argument"),
    ("tensorflowhub", "hub.load('https://tfhub.dev/google/universal-sentence-decoder/4')", "unknown_handle"),
    ("tensorflowhub", "hub.load('https://tfhub.dev/google/universal-sentence-encoder/77')", "unknown_handle"),
    ("tensorflowhub", "import tensorflow as tf\ntf.keras.layers.Dense(3, colour='red')", "unknown_argument"),
]  # fmt: skip


@pytest.mark.parametrize(("hub", "answer", "label"), INVENTED)
def test_what_exists_nowhere_is_a_hallucination_with_a_label_and_a_message(hub, answer, label, data_dir):
    result = scored(hub, answer, data_dir)
    assert (result.metrics["hallucination"], result.labels.get("hallucination")) == (1.0, label)
    assert result.messages["hallucination"]


def test_every_label_is_among_the_cases():
    assert {label for _, _, label in INVENTED} == set(existence.LABELS)


@pytest.mark.parametrize(
    ("hub", "answer"),
    [
        ("huggingface", "AutoModel.from_pretrained('distilbert-base-uncased-finetuned-sst-2-english')"),
        ("huggingface", "AutoTokenizer.from_pretrained('openai-community/gpt2')"),
        ("huggingface", "pipeline('sentiment-analysis')"),
        ("huggingface", "pipeline('translation_en_to_de', model='t5-small')"),
        ("huggingface", "pipeline('document-question-answering', model='naver-clova-ix/donut-base-finetuned-docvqa')"),
        ("huggingface", "from PIL import Image\nImage.open('cat.jpg')\nAutoModel.from_pretrained('gpt2')"),
        ("huggingface", "AutoModel.from_pretrained('./my_model')"),
        ("huggingface", "AutoModel.from_pretrained('path/to/model')"),
        ("huggingface", "def f(name):\n    return AutoModel.from_pretrained(name)"),
        ("huggingface", "import openai\nopenai.chat.completions.create(model='x')"),
        ("huggingface", "from utils import clean\nclean('x')"),
        ("huggingface", "pipeline('text-generation', model='gpt2', num_return_sequences=2, return_full_text=False, penalty_alpha=0.6)"),
        ("huggingface", "AutoModel.from_pretrained('gpt2', resid_pdrop=0.2, num_labels=3, use_flash_attention_2=True)"),
        ("huggingface", "AutoTokenizer.from_pretrained('gpt2', padding_side='left', use_fast=False, from_slow=True)"),
        ("huggingface", "from diffusers import DiffusionPipeline as D\nD.from_pretrained('CompVis/ldm-celebahq-256', variant='fp16', vqvae=None)"),
        ("torchhub", "torch.hub.list('pytorch/vision')"),
        ("torchhub", "torch.hub.load('pytorch/vision', 'vit_b_16', weights='DEFAULT')"),
        ("torchhub", "torch.hub.load('facebookresearch/detr', 'detr_resnet50')"),
        ("torchhub", "torch.hub.load('./yolov5', 'custom', source='local')"),
        ("torchhub", "import torchvision\ntorchvision.models.resnet101(num_classes=7)"),
        ("tensorflowhub", "hub.KerasLayer('https://tfhub.dev/google/universal-sentence-encoder/4')"),
        ("tensorflowhub", "hub.load('https://tfhub.dev/google/universal-sentence-encoder/2')"),
        ("tensorflowhub", "hub.load('https://tfhub.dev/google/universal-sentence-encoder')"),
        ("tensorflowhub", "import tensorflow as tf\ntf.keras.Model(inputs=[], outputs=[])"),
    ],
)  # fmt: skip
def test_what_exists_somewhere_or_cannot_be_said_is_none(hub, answer, data_dir):
    result = scored(hub, answer, data_dir)
    assert (result.metrics["hallucination"], result.messages.get("hallucination")) == (0.0, None)
    assert "hallucination" not in result.labels


@pytest.mark.parametrize(
    ("hub", "answer", "label"),
    [
        ("torchhub", "torch.hub.load('pytorch/vision', 'vit_b_16', pretrained=True)", "outside_catalogue"),
        ("torchhub", "torch.hub.load('pytorch/vision', 'vit_b_99', pretrained=True)", "unknown_api"),
        ("torchhub", "torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)", "wrong_model"),
        ("torchhub", "import torchvision\ntorchvision.models.resnet101()", "outside_catalogue"),
        ("huggingface", "AutoModel.from_pretrained('gpt2')", "outside_catalogue"),
    ],
)
def test_what_exists_and_is_no_row_is_outside_the_catalogue(hub, answer, label, data_dir):
    assert scored(hub, answer, data_dir).labels["ast.exact"] == label


def test_an_invented_keyword_leaves_a_right_call_right(data_dir):
    right = "torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, use_turbo=True)"
    result = scored("torchhub", right, data_dir)
    assert (result.metrics["ast.exact"], result.metrics["hallucination"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("module", "keyword", "label", "hallucination"),
    [
        ("ensemble", "n_jobs", "extra_argument", 0.0),
        ("ensemble", "num_jobs", "extra_argument", 1.0),
        ("trees", "n_jobs", "unknown_api", 1.0),
    ],
)
def test_a_right_call_without_any_text_is_looked_up_too(module, keyword, label, hallucination):
    answer = f"from sklearn.{module} import RandomForestRegressor as R\nR(max_depth=10, n_estimators=50, random_state=59, {keyword}=2)"
    score = apigauge.score_answer(answer, "445", benchmark="apibench-huggingface")
    assert (score.labels["ast.exact"], score.metrics["hallucination"]) == (label, hallucination)


@pytest.mark.parametrize("text", ["a" * 200_000, "x(" * 20_000, "hub.load('" * 5_000, "\ud800.f()", "(" * 50_000])
def test_no_text_harms_it(text, data_dir):
    assert scored("tensorflowhub", text, data_dir).metrics["hallucination"] in (0.0, 1.0)
