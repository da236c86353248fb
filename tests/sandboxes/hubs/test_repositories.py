"""The stand-in hub's list of repositories: it has what the catalogue names, and only what a library can know."""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.sandboxes.hubs import FOLDER

TABLE = FOLDER / "huggingface" / "repositories.jsonl"
SOURCES = {"catalogue", "name", "library"}
TRANSFORMERS_FIELDS = {"architecture", "labels", "processor", "processor_class", "tokenizer", "type"}
OTHER_FIELDS = {"files", "pipeline"}

# What the catalogue writes where a repository's name belongs, and why the hub has none of that name.
NO_REPOSITORY = {
    "45473113800": "the number at the end of an AutoTrain name; the catalogue does not say whose",
    "AICVTG_What_if_a_machine_could_create_captions_automatically": "a title; no owner, and the call is of another",
    "GTA5_PROCESS_LEARNING_AI": "a title; no owner, and the call is of another",
    "CQI_Visual_Question_Awnser_PT_v0": "no owner; the call is of microsoft/layoutlm-base-uncased",
    "TF_Decision_Trees": "no owner, and no call of a hub",
    "VC1_BASE_NAME": "a constant of a package; the model is facebook/vc1-base",
    "audio-spectrogram-transformer": "an architecture; the call is of MIT/ast-finetuned-audioset-10-10-0.4593",
    "fastspeech2-en-male1": "no owner; the call is of facebook/fastspeech2-en-200_speaker-cv4",
    "mgp-str": "an architecture; the call is of alibaba-damo/mgp-str-base",
    "model_name": "a placeholder",
    "nvidia/segformer-b5-finetuned-ade-512-512": "a slip of a card: the b5 model is of 640 by 640 pixels",
    "sd-class-pandas-32": "no owner; the call is of schdoel/sd-class-AFHQ-32",
    "wav2vec2-xlsr-53-russian-emotion-recognition": "no owner; the call is of facebook/wav2vec2-large-xlsr-53",
}
# Data sets, which are no models; data_sets.TABLE has those that an example loads.
DATA_SETS = {
    "Matthijs/cmu-arctic-xvectors",
    "anton-l/superb_demo",
    "hf-internal-testing/librispeech_asr_demo",
    "hf-internal-testing/librispeech_asr_dummy",
    "huggingface/cats-image",
    "nateraw/dino-clips",
    "patrickvonplaten/librispeech_asr_dummy",
}
# Folders and files of the user who runs an example.
LOCAL = re.compile(r"(images|pretrained_models|path_to_folder|path|audio-test|tests)/")

# Classes that transformers had in version 4.57.6 and has no longer.
FORMER_CLASSES = {
    "GraphormerForGraphClassification",
    "BloomTokenizerFast",
    "ElectraTokenizer",
    "GPT2TokenizerFast",
    "GPTNeoXTokenizerFast",
    "LEDTokenizer",
    "LayoutLMTokenizer",
    "LongformerTokenizer",
    "LxmertTokenizer",
    "MvpTokenizer",
    "TapexTokenizer",
}
FORMER_TYPES = {"graphormer"}


@cache
def table() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


def named_in(code: str) -> set[str]:
    """What code names as a repository. The catalogue lost some of its quotes, so a loader's argument may have none."""
    quoted = re.findall(r"""['"]([A-Za-z0-9][\w.-]*/[\w.-]+)['"]""", code)
    loader = r"(?:from_pretrained(?:_keras)?|from_hparams|from_hf_hub|SentenceTransformer|CrossEncoder|TextToSpeech)"
    loaded = re.findall(loader + r"""\(\s*(?:source\s*=\s*)?['"]?([A-Za-z0-9][\w.-]*/[\w.-]+)""", code)
    bare = re.findall(r"""(?:from_pretrained\(|model\s*=)\s*['"]([\w.-]+)['"]""", code)
    assigned = re.findall(r"""\b[\w.]+\s*=\s*['"]?([A-Za-z0-9][\w.-]*/[\w.-]*\w)(?![\w/{-])""", code)
    return {*quoted, *loaded, *bare, *assigned}


def test_table_is_sorted_and_names_each_repository_once() -> None:
    names = [entry["repo"] for entry in table()]
    assert names == sorted(set(names))


def test_lines_are_written_in_one_way() -> None:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    assert [json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False) for line in lines] == lines


def test_entries_have_the_fields_of_their_library() -> None:
    for entry in table():
        own = TRANSFORMERS_FIELDS if entry["library"] == "transformers" else OTHER_FIELDS
        assert set(entry) == {"extra", "library", "repo", "source", *own}, entry["repo"]
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+)?", entry["repo"])
        assert entry["source"] in SOURCES, entry["repo"]
        assert None not in entry["extra"].values(), entry["repo"]
        if entry["library"] == "transformers":
            _check_transformers(entry)
        else:
            assert entry["pipeline"] or entry["files"], entry["repo"]
            assert entry["pipeline"] is None or isinstance(entry["pipeline"], str)
            assert entry["files"] is None or all(isinstance(name, str) for name in entry["files"])


def _check_transformers(entry: dict[str, Any]) -> None:
    assert isinstance(entry["type"], str)
    assert isinstance(entry["architecture"], str)
    for field in ("tokenizer", "processor", "processor_class"):
        assert entry[field] is None or isinstance(entry[field], str)
    labels = entry["labels"]
    if isinstance(labels, list):
        assert labels
        assert len(set(labels)) == len(labels)
        assert all(isinstance(label, str) for label in labels)
    else:
        assert labels is None or labels > 0


def test_other_names_of_a_repository_say_the_same_of_it() -> None:
    entries = {entry["repo"]: entry for entry in table()}
    for entry in entries.values():
        if "same_as" in entry["extra"]:
            original = entries[entry["extra"]["same_as"]]
            assert "same_as" not in original["extra"]
            for field in TRANSFORMERS_FIELDS | OTHER_FIELDS:
                assert entry.get(field) == original.get(field), entry["repo"]


@pytest.mark.apibench
def test_every_repository_of_the_catalogue_is_listed_or_excepted(data_dir: Path) -> None:
    """What is excepted must be missing too: an exception for what is listed, or is never named, hides nothing."""
    listed = {entry["repo"] for entry in table()}
    missing = set()
    for entry in load_benchmark("apibench-huggingface", data_dir).catalogue:
        # Two rows have a call for a name, others a repository's name without its owner or only the number that ends it.
        named = named_in(f"{entry.name}\n{entry.call}\n{entry.example}")
        if "(" not in entry.name and not any(re.search(rf"(^|[/-]){re.escape(entry.name)}$", name) for name in listed):
            named.add(entry.name)
        missing |= {name for name in named - listed if not LOCAL.match(name)}
    assert missing == NO_REPOSITORY.keys() | DATA_SETS


@pytest.mark.skipif(not find_spec("transformers"), reason="transformers is not installed")
def test_classes_and_types_are_those_of_transformers() -> None:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    types = {*CONFIG_MAPPING_NAMES, *FORMER_TYPES, "hifigan"}
    for entry in table():
        if entry["library"] != "transformers":
            continue
        own = {"trust_remote_code", "custom_class"} & entry["extra"].keys()
        names = {entry[field] for field in ("tokenizer", "processor", "processor_class")}
        names |= set() if own else {entry["architecture"]}
        for name in names - {None} - FORMER_CLASSES:
            assert hasattr(transformers, name), (entry["repo"], name)
        assert entry["type"] in types, entry["repo"]
