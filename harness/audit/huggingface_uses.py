"""Hugging Face: a typical and a wrong use of each task and library."""

import json
from collections.abc import Iterable
from typing import Any

from apigauge.harness.audit.use import Use
from apigauge.sandboxes import hubs

_TEXT = "'Paris is the capital of France.'"
_PIPELINE = "from transformers import pipeline\n\nuse = pipeline({task!r}, model={model!r})\n"
_DIFFUSION = "from diffusers import DiffusionPipeline\n\nuse = DiffusionPipeline.from_pretrained({model!r})\n"
_LANGUAGE = (
    "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
    "tokenizer = AutoTokenizer.from_pretrained({model!r})\n"
    "model = AutoModelForSeq2SeqLM.from_pretrained({model!r})\n"
    "given = tokenizer('some text', return_tensors='pt')\n"
)
_FEATURES = (
    "from transformers import AutoModel, AutoTokenizer\n\n"
    "tokenizer = AutoTokenizer.from_pretrained({model!r})\n"
    "model = AutoModel.from_pretrained({model!r})\n"
)
_SENTENCES = "from sentence_transformers import SentenceTransformer\n\nuse = SentenceTransformer({model!r})\n"
_CONTROL = (
    "from diffusers import ControlNetModel, StableDiffusionControlNetPipeline\n\n"
    "part = ControlNetModel.from_pretrained({model!r})\n"
    "whole = StableDiffusionControlNetPipeline.from_pretrained('runwayml/stable-diffusion-v1-5', controlnet=part)\n"
)
_FRAMES = (
    "from transformers import AutoImageProcessor, AutoModelForVideoClassification\n\n"
    "processor = AutoImageProcessor.from_pretrained({model!r})\n"
    "model = AutoModelForVideoClassification.from_pretrained({model!r})\n"
    "frames = [numpy.zeros((3, 224, 224))] * getattr(model.config, 'num_frames', 16)\n"
)
_NO_PICTURE = "use('this is no picture')"
_STEREO = "use({{'raw': numpy.zeros((2, 16000), numpy.float32), 'sampling_rate': 16000}})"
_MONO = "use(numpy.zeros(16000, numpy.float32))"
_MISSPELT = "use('Once upon a time', max_new_token=8)"
_WRONG_HEAD = "__import__('transformers').AutoModelForImageClassification.from_pretrained({model!r})"

# By task, of transformers: how it is loaded, a call that runs, and one that the library refuses: an argument missing or
# misspelt, a text for a picture, two channels of sound, a head that the model's kind does not have.
_TASKS = {
    "fill-mask": (_PIPELINE, "use(f'Paris is the {{use.tokenizer.mask_token}} of France.')", f"use({_TEXT})"),
    "text-generation": (_PIPELINE, "use('Once upon a time', max_new_tokens=8)", _MISSPELT),
    "text2text-generation": (_PIPELINE, "use('Once upon a time', max_new_tokens=8)", _MISSPELT),
    "summarization": (_PIPELINE, "use('Once upon a time', max_new_tokens=8)", _MISSPELT),
    "translation": (
        _LANGUAGE,
        "tokenizer.batch_decode(model.generate(**given, max_new_tokens=8))",
        "model.generate(**given, max_new_token=8)",
    ),
    "feature-extraction": (_FEATURES, f"model(**tokenizer({_TEXT}, return_tensors='pt'))[0].shape", _WRONG_HEAD),
    "text-classification": (_PIPELINE, f"use({_TEXT})", _WRONG_HEAD),
    "token-classification": (_PIPELINE, f"use({_TEXT})", _WRONG_HEAD),
    "zero-shot-classification": (_PIPELINE, f"use({_TEXT}, candidate_labels=['city', 'sport'])", f"use({_TEXT})"),
    "question-answering": (
        _PIPELINE,
        f"use(question='What is Paris?', context={_TEXT})",
        "use(question='What is Paris?')",
    ),
    "table-question-answering": (
        _PIPELINE,
        "use(table={{'city': ['Paris', 'Rome'], 'people': ['2', '3']}}, query='How many people has Rome?')",
        "use(query='How many people has Rome?')",
    ),
    "conversational": (
        "from transformers import Conversation, pipeline\n\nuse = pipeline({task!r}, model={model!r})\n",
        "use(Conversation('Hello, who are you?'))",
        "use('Hello, who are you?')",
    ),
    "image-classification": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "object-detection": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "image-segmentation": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "depth-estimation": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "image-to-text": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "image-to-image": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "image-feature-extraction": (_PIPELINE, "use(picture)", _NO_PICTURE),
    "zero-shot-image-classification": (_PIPELINE, "use(picture, candidate_labels=['a cat', 'a dog'])", "use(picture)"),
    "zero-shot-object-detection": (_PIPELINE, "use(picture, candidate_labels=['a cat', 'a dog'])", "use(picture)"),
    "visual-question-answering": (_PIPELINE, "use(picture, 'What is this?')", "use(picture)"),
    "document-question-answering": (
        _PIPELINE,
        "use(image=picture, question='What is this?', word_boxes=[('Paris', [1, 1, 90, 90])])",
        "use(image=picture)",
    ),
    "automatic-speech-recognition": (_PIPELINE, _MONO, _STEREO),
    "audio-classification": (_PIPELINE, _MONO, _STEREO),
    "zero-shot-audio-classification": (
        _PIPELINE,
        "use(numpy.zeros(48000, numpy.float32), candidate_labels=['a dog', 'a car'])",
        _STEREO,
    ),
    "video-classification": (
        _FRAMES,
        "model(**processor(frames, return_tensors='pt')).logits.shape",
        "processor('this is no clip', return_tensors='pt')",
    ),
}
# Architectures that are not used as their task says: with words and boxes, or with a text next to the picture.
_OTHERWISE = {"clipseg", "layoutlmv2", "layoutlmv3", "xclip"}
_DRAWN = (
    _DIFFUSION,
    "use('a cat', num_inference_steps=2).images",
    "use('a cat', num_inference_steps=2, height=100, width=100)",
)
# By the class of a diffusers pipeline.
_PIPELINES = {
    "StableDiffusionPipeline": _DRAWN,
    "DDPMPipeline": (_DIFFUSION, "use(num_inference_steps=2).images", "use('a cat', num_inference_steps=2)"),
    "ScoreSdeVePipeline": (_DIFFUSION, "use(num_inference_steps=2).images", "use('a cat', num_inference_steps=2)"),
    "LDMPipeline": (_DIFFUSION, "use(num_inference_steps=2).images", "use('a cat', num_inference_steps=2)"),
    "TextToVideoSDPipeline": (
        _DIFFUSION,
        "use('a cat', num_inference_steps=2, num_frames=2).frames[0].shape",
        "use('a cat', num_inference_steps=2, height=100, width=100)",
    ),
    "ControlNetModel": (
        _CONTROL,
        "whole('a cat', picture.resize((128, 128)), num_inference_steps=2).images",
        "whole('a cat', num_inference_steps=2)",
    ),
}
# By library, of those that are neither.
_LIBRARIES = {
    "timm": (
        "import timm\n\nuse = timm.create_model('hf_hub:' + {model!r}, pretrained=True).eval()\n",
        "use(torch.zeros(1, 3, 224, 224)).shape",
        "use(torch.zeros(1, 1, 224, 224))",
    ),
    "flair": (
        "from flair.data import Sentence\nfrom flair.nn import Classifier\n\nuse = Classifier.load({model!r})\n",
        f"use.predict(Sentence({_TEXT}))",
        "use.predict(7)",
    ),
    "asteroid": (
        "from asteroid.models import BaseModel\n\nuse = BaseModel.from_pretrained({model!r})\n",
        "use(torch.zeros(1, 1, 16000)).shape",
        "use(torch.zeros(1, 1, 1, 1, 16000))",
    ),
}
_HEAD = "import numpy\nimport torch\nfrom PIL import Image\n\npicture = Image.new('RGB', (256, 256), 'red')\n"


def uses(calls: Iterable[tuple[str, ...]]) -> list[Use]:
    """The uses of the repositories that calls name, once each; a call is given by its strings."""
    repositories = _repositories()
    named = dict.fromkeys(text for call in calls for text in call if text in repositories)
    return [_use(repositories[name]) for name in named]


def _repositories() -> dict[str, dict[str, Any]]:
    """The rows of the hub's specification, by address."""
    lines = (hubs.FOLDER / "huggingface" / "repositories.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["repo"]: row for row in map(json.loads, lines)}


def _use(row: dict[str, Any]) -> Use:
    model, library, extra = row["repo"], row["library"], row["extra"]
    task = extra.get("pipeline_tag")
    if library == "transformers" and extra.get("sentence_transformers"):
        kind = "sentence-transformers"
        how = (
            _SENTENCES,
            "use.encode(['a text', 'another']).shape",
            "use.similarity(use.encode(['a text']), torch.zeros(1, 100))",
        )
    elif library == "transformers" and row["type"] in _OTHERWISE:
        kind, how = f"{task} ({row['type']})", ("", "", "")
    elif library == "transformers":
        kind = str(task)
        how = _TASKS.get("feature-extraction" if task == "sentence-similarity" else kind, ("", "", ""))
    elif library == "diffusers":
        kind = row["pipeline"]
        how = _PIPELINES.get(kind, ("", "", ""))
    else:
        kind = library
        how = _LIBRARIES.get(library, ("", "", ""))
    load, typical, wrong = how
    if not typical:
        return Use(model, kind, (model,))
    programs = (
        f"{_HEAD}{load}result = {call}\nprint(type(result))\n".format(model=model, task=task)
        for call in (typical, wrong)
    )
    return Use(model, kind, (model,), *programs)
