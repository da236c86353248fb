"""Programs of Hugging Face's libraries in the stand-in hub: what programs do with each kind of model, and what fails."""

import pytest

from apigauge.sandboxes.verdict import Program

# In the process of the other tests of this hub, with their sandbox.
pytestmark = [pytest.mark.docker("huggingface"), pytest.mark.slow, pytest.mark.xdist_group("hub-huggingface")]


@pytest.fixture(scope="module")
def sandbox(sandbox_of):
    return sandbox_of("huggingface")


GOOD = {
    "a pipeline learns task and library from the hub": (
        "from transformers import pipeline\nanswer = pipeline(model='martin-ha/toxic-comment-model')('you fool')[0]\n"
        "assert set(answer) == {'label', 'score'}"
    ),
    "LayoutLMv2 sees a page through its backbone": """
import torch
from transformers import LayoutLMv2Model
model = LayoutLMv2Model.from_pretrained('microsoft/layoutlmv2-base-uncased')
page = {"bbox": torch.zeros(1, 2, 4, dtype=torch.long), "image": torch.zeros(1, 3, 224, 224)}
assert model(input_ids=torch.tensor([[1, 2]]), **page).last_hidden_state.shape == (1, 2 + 7 * 7, model.config.hidden_size)
""",
    "tables of sines are those of the library's own loops, to the bit": """
import numpy as np, torch
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding as Halves
from transformers.models.videomae.modeling_videomae import get_sinusoid_encoding_table
from transformers.models.xlm.modeling_xlm import create_sinusoidal_embeddings
for rows, width in ((512, 512), (300, 768), (33, 9)):
    angles = np.array([[row / np.power(10000, 2 * (column // 2) / width) for column in range(width)] for row in range(rows)])
    sines, cosines = (torch.FloatTensor(part) for part in (np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])))
    halves = Halves(rows, width).weight
    assert torch.equal(halves, torch.cat([sines, cosines], 1)) and not halves.requires_grad
    turns = torch.empty(rows, width)
    create_sinusoidal_embeddings(rows, width, turns)
    for table in (turns, get_sinusoid_encoding_table(rows, width)[0]):
        assert torch.equal(table[:, 0::2], sines) and torch.equal(table[:, 1::2], cosines)
""",
    "configurations are imported before the program": """
import sys
assert {f"transformers.models.{kind}.configuration_{kind}" for kind in ("bros", "yoso", "umt5")} <= {*sys.modules}
""",
    "an encoder and decoder knows what its decoder begins with": """
from transformers import T5ForConditionalGeneration, T5Tokenizer
text = T5Tokenizer.from_pretrained('t5-3b')('translate', return_tensors='pt')
assert T5ForConditionalGeneration.from_pretrained('t5-3b').generate(**text).shape[0] == 1
""",
    "depth from both kinds of DPT": """
from PIL import Image
from transformers import pipeline
for name in ('Intel/dpt-large', 'Intel/dpt-hybrid-midas'):
    assert pipeline('depth-estimation', model=name)(Image.new('RGB', (64, 64)))['depth'].size == (64, 64)
""",
    "sentences of unequal length in one batch": """
from sentence_transformers import SentenceTransformer
model = SentenceTransformer('sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2')
assert len(model.encode(['one', 'two and three'])) == 2
""",
    "a sound by its path, through ffmpeg": """
from transformers import pipeline
assert 'text' in pipeline('automatic-speech-recognition', model='facebook/wav2vec2-base-960h')('speech.mp3')
""",
    "data sets that the catalogue's examples load": """
from datasets import load_dataset
speech = load_dataset('hf-internal-testing/librispeech_asr_demo', 'clean', split='validation')
assert speech.features['audio'].sampling_rate == 16000 and speech[0]['audio']['array'].shape == (16000,)
assert load_dataset('anton-l/superb_demo', 'er', split='session1')[0]['label'] == 0
assert load_dataset('huggingface/cats-image')['test']['image'][0].size == (224, 224)
assert len(load_dataset('Matthijs/cmu-arctic-xvectors', split='validation')[7306]['xvector']) == 512
""",
    "a data set of one's own": """
from datasets import load_dataset
mine = load_dataset('your_dataset')
assert set(mine) == {'train', 'validation', 'test'}
assert mine['test']['image'][0].size == (224, 224) and mine['train'][0]['audio']['sampling_rate'] == 16000
""",
    "a picture in a model's repository": """
from diffusers.utils import load_image
address = 'https://huggingface.co/lllyasviel/sd-controlnet-depth/resolve/main/images/stormtrooper.png'
assert load_image(address).size == (96, 96)
""",
    "a model of its time that is a pickle": """
from huggingface_sb3 import load_from_hub
from stable_baselines3 import PPO
PPO.load(load_from_hub('araffin/ppo-LunarLander-v2', 'ppo-LunarLander-v2.zip'))
""",
    "a name that only the catalogue has": """
from transformers import AutoModel
there = AutoModel.from_pretrained('graphormer-base-pcqm4mv1')
assert type(there) is type(AutoModel.from_pretrained('clefourrier/graphormer-base-pcqm4mv1'))
""",
    "sizes as published: widths, layers, heads, vocabulary, weights": """
import torch
from transformers import AutoModel, AutoTokenizer
name = 'bert-base-uncased'
model, tokenizer = AutoModel.from_pretrained(name), AutoTokenizer.from_pretrained(name)
out = model(**tokenizer('hello world', return_tensors='pt'), output_hidden_states=True)
assert torch.nn.Linear(768, 2)(out.pooler_output).shape == (1, 2)
assert len(out.hidden_states) == 13 == len(model.encoder.layer) + 1 == model.config.num_hidden_layers + 1
assert model.config.num_attention_heads == 12 and len(tokenizer) == model.config.vocab_size == 30522
assert model.num_parameters() == 109_482_240
assert tokenizer('hello world')['input_ids'] == [101, 7592, 2088, 102]
""",
    "a text that ends by itself": """
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
name = 'Helsinki-NLP/opus-mt-en-de'
model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(name), AutoTokenizer.from_pretrained(name)
ids = model.generate(**tokenizer('Good morning', return_tensors='pt'))[0]
assert 2 < len(ids) < 128 and ids[-1] == tokenizer.eos_token_id
""",
    "several sequences, by the settings that the model has": """
from transformers import pipeline
texts = pipeline('text-generation', model='gpt2')('Hello', max_length=12, num_return_sequences=3)
assert len(texts) == 3
""",
    "a model's weights are its own, though they are pages of one table": """
import resource
import torch
from huggingface_hub import hf_hub_download
from transformers import BertModel
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
one, two = (BertModel.from_pretrained('bert-base-uncased') for _ in range(2))
assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 60_000  # each has 107,000 pages
name = 'encoder.layer.3.output.dense.weight'
first, second = one.get_parameter(name), two.get_parameter(name)
state = torch.load(hf_hub_download('bert-base-uncased', 'pytorch_model.bin'))
saved = state['bert.' + name]
assert first.is_contiguous() and torch.equal(first, second) and torch.equal(first, saved)
assert abs(first.std() - 0.02) < 0.001 and not torch.equal(first, one.get_parameter(name.replace('3', '4')))
with torch.no_grad():
    first.mul_(2)
assert torch.equal(first, 2 * second) and torch.equal(second, saved)
assert torch.equal(BertModel.from_pretrained('bert-base-uncased').get_parameter(name), second)
saved.add_(1)
state['bert.encoder.layer.4.output.dense.weight'].data.add_(1)
two.load_state_dict({key.removeprefix('bert.'): value for key, value in state.items()}, strict=False)
assert torch.equal(second, saved) and two.encoder.layer[4].output.dense.weight.mean() > 0.9
trained, name = one.encoder.layer[5].output.dense.weight, 'bert.encoder.layer.5.output.dense.weight'
assert torch.equal(trained, state[name])
optimizer = torch.optim.SGD(one.parameters(), lr=10.0)
one(torch.tensor([[101, 7592, 102]])).last_hidden_state[0, 0, :9].sum().backward()
optimizer.step()
loaded = two.encoder.layer[5].output.dense.weight
assert not torch.equal(trained, state[name]) and torch.equal(loaded, state[name])
with torch.no_grad():
    loaded.mul_(2)
assert torch.equal(loaded, 2 * state[name])
del one, two, state, saved
torch.save(first, 'weight.pt')
assert torch.equal(torch.load('weight.pt'), first)
""",
    "names of classes": """
from transformers import AutoConfig
assert AutoConfig.from_pretrained('google/vit-base-patch16-224').id2label[0] == 'tench, Tinca tinca'
assert AutoConfig.from_pretrained('nvidia/segformer-b0-finetuned-ade-512-512').id2label[0] == 'wall'
assert AutoConfig.from_pretrained('MIT/ast-finetuned-audioset-10-10-0.4593').id2label[137] == 'Music'
""",
    "an address from before and after the move": """
from transformers import AutoTokenizer
assert AutoTokenizer.from_pretrained('gpt2').vocab == AutoTokenizer.from_pretrained('openai-community/gpt2').vocab
""",
}


@pytest.mark.parametrize("name", GOOD)
def test_it_runs_to_its_end(sandbox, name):
    verdict = sandbox.run(Program(GOOD[name]))
    assert verdict.status == "passed", verdict


BAD = {
    "a misspelt model": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('bert-base-uncasedd')",
        "hub_not_found",
    ),
    "what detectron2's stand-in lacks": ("from detectron2.engine import DefaultPredictor", "import"),
    "a class for another architecture": (
        "from transformers import AutoModelForCTC\nAutoModelForCTC.from_pretrained('bert-base-uncased')",
        "other",
    ),
    "a head of another width": (
        (
            "import torch\nfrom transformers import AutoModel\n"
            "out = AutoModel.from_pretrained('bert-base-uncased')(torch.tensor([[101, 102]]))\n"
            "torch.nn.Linear(1024, 2)(out.pooler_output)"
        ),
        "other",
    ),
    "a number of another vocabulary": (
        (
            "import torch\nfrom transformers import AutoModel\n"
            "AutoModel.from_pretrained('bert-base-uncased')(torch.tensor([[40000]]))"
        ),
        "other",
    ),
    "a misspelt data set": ("from datasets import load_dataset\nload_dataset('anton-l/superb_dem')", "network"),
    "a split that a data set does not have": (
        "from datasets import load_dataset\nload_dataset('anton-l/superb_demo', 'er', split='validation')",
        "other",
    ),
    "a configuration that a data set does not have": (
        "from datasets import load_dataset\nload_dataset('anton-l/superb_demo', 'ex', split='session1')",
        "other",
    ),
    "a picture requested as a file of a repository": (
        "from huggingface_hub import hf_hub_download\nhf_hub_download('gpt2', 'x.png')\n'https://huggingface.co'",
        "hub_not_found",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused(sandbox, name):
    source, category = BAD[name]
    verdict = sandbox.run(Program(source))
    assert (verdict.status, verdict.category) == ("failed", category), verdict


def test_a_revision_that_no_repository_can_have_is_not_found(sandbox):
    program = (
        "from transformers import AutoModel\nAutoModel.from_pretrained('bert-base-uncased', revision='no such tag')"
    )
    verdict = sandbox.run(Program(program))
    assert (verdict.status, verdict.category) == ("failed", "hub_not_found"), verdict
