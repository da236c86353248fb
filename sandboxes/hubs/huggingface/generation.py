"""Settings of generation, as the published configurations have them, and what a text begins and ends with."""

import re
from typing import Any

from apigauge.sandboxes.hubs.huggingface import endings
from apigauge.sandboxes.hubs.huggingface.configs import Names
from apigauge.sandboxes.hubs.huggingface.endings import Ends

Settings = dict[str, Any]

# Types of models that continue a prompt, and how many tokens of their own they write before they end: more than the
# usual programs let them, as the published ones seldom end. With a large vocabulary a token costs several times more.
_CONTINUE = frozenset(
    {"bloom", "biogpt", "codegen", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "openai-gpt", "opt", "xglm"}
)
_CONTINUATION, _SHORTER, _LARGE_VOCABULARY = 63, 21, 200_000

_T5_TASKS: dict[str, tuple[str, Settings]] = {
    "summarize: ": (
        "summarization",
        {"length_penalty": 2.0, "max_length": 200, "min_length": 30, "no_repeat_ngram_size": 3},
    ),
    "translate English to French: ": ("translation_en_to_fr", {"max_length": 300}),
    "translate English to German: ": ("translation_en_to_de", {"max_length": 300}),
    "translate English to Romanian: ": ("translation_en_to_ro", {"max_length": 300}),
}
_SAMPLED = {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}
_BART_TASKS = {
    "summarization": {"length_penalty": 1.0, "max_length": 128, "min_length": 12, "num_beams": 4},
    "summarization_cnn": {"length_penalty": 2.0, "max_length": 142, "min_length": 56, "num_beams": 4},
    "summarization_xsum": {"length_penalty": 1.0, "max_length": 62, "min_length": 11, "num_beams": 6},
}
_BART: Settings = {"early_stopping": True, "no_repeat_ngram_size": 3, "num_beams": 4, "forced_eos_token_id": 2}
_NEWS = {**_BART, "forced_bos_token_id": 0, "length_penalty": 2.0, "max_length": 142, "min_length": 56}
_BLENDERBOT: Settings = {
    "encoder_no_repeat_ngram_size": 3,
    "forced_eos_token_id": 2,
    "length_penalty": 0.65,
    "max_length": 60,
    "min_length": 20,
    "no_repeat_ngram_size": 3,
    "num_beams": 10,
}
# By model type and address, in order; each that matches adds its settings.
_RULES: tuple[tuple[str, str, Settings], ...] = (
    ("gpt2", r"(^|openai-community/)gpt2|distilgpt2", _SAMPLED),
    ("openai-gpt", r"", _SAMPLED),
    (
        "gpt_neo",
        r"EleutherAI",
        {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50, "temperature": 0.9}}},
    ),
    ("gpt2", r"DialoGPT", {"task_specific_params": {"conversational": {"max_length": 1000}}}),
    ("xlnet", r"", {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 250}}}),
    ("bart", r"facebook/bart-(base|large)", {**_BART, "task_specific_params": _BART_TASKS}),
    ("bart", r"mnli", {"task_specific_params": None, "num_beams": 1, "early_stopping": False}),
    ("bart", r"cnn|samsum", _NEWS),
    ("bart", r"xsum", {**_NEWS, "length_penalty": 1.0, "max_length": 62, "min_length": 11, "num_beams": 6}),
    ("bart", r"tapex|omnitab", {"max_length": 1024, "num_beams": 1, "early_stopping": False}),
    ("pegasus", r"", {"length_penalty": 0.8, "max_length": 256, "num_beams": 8, "forced_eos_token_id": 1}),
    ("pegasus", r"xsum|paraphrase", {"length_penalty": 0.6, "max_length": 64}),
    ("pegasus", r"cnn|paraphrase", {"max_length": 128, "min_length": 32}),
    ("pegasus", r"paraphrase", {"max_length": 60, "min_length": 0}),
    ("mbart|m2m_100", r"", {"max_length": 200, "num_beams": 5}),
    ("blenderbot", r"", _BLENDERBOT),
    ("blenderbot-small", r"", {**_BLENDERBOT, "max_length": 128}),
)


def settings(entry: dict[str, Any]) -> Settings:
    """What a repository's configuration says about generation, besides its special tokens."""
    made: Settings = {}
    for kinds, pattern, rule in _RULES:
        if entry["type"] in kinds.split("|") and re.search(pattern, entry["repo"]):
            made |= rule
    prefixes = (entry.get("extra") or {}).get("prefixes")
    if prefixes:
        usual = {"early_stopping": True, "num_beams": 4}
        made["task_specific_params"] = {
            task: {**usual, **own, "prefix": prefix} for prefix, (task, own) in _T5_TASKS.items() if prefix in prefixes
        }
    return made


def ends(entry: dict[str, Any], names: Names | None, config: Any) -> Ends | None:
    """What a repository's texts begin and end with; None if they need no end."""
    if names is None:
        return None
    continues = entry["type"] in _CONTINUE
    if not (config.is_encoder_decoder or continues):
        return None
    decoder: Any = getattr(config, "decoder", None)
    inner: Any = decoder if hasattr(decoder, "model_type") else config
    end = config.eos_token_id if config.eos_token_id is not None else inner.eos_token_id
    start = end if continues else getattr(config, "decoder_start_token_id", None)
    if not isinstance(end, int) or not isinstance(start, int):
        return None
    if continues:
        extra = entry.get("extra") or {}
        converses = extra.get("pipeline_tag") == "conversational" or re.search("DialoGPT|dialog", entry["repo"])
        length = _SHORTER if config.vocab_size > _LARGE_VOCABULARY else _CONTINUATION
        return Ends(start, end) if converses else Ends(start, end, length=length)
    specials = [number for token, number in names.ids.items() if token.startswith("<|")]
    forced = [getattr(config, "forced_bos_token_id", None)]
    scaled = entry["type"] in {"t5", "mt5", "umt5"} and config.tie_word_embeddings
    return Ends(start, end, endings.firsts(forced, specials, names.codes), 90.0 if scaled else 4.0)
