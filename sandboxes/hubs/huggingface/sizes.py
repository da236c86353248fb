"""Which models are as large as published, which have fewer layers, and which stay toys.

A program has 20 seconds of CPU time and 2 GiB of memory, and a benchmark has a thousand programs. Loading costs half a
second and 0.4 GB for each hundred million weights; a model that writes text reads every weight of its decoder for each
token, which takes a twentieth of a second. Models of the usual base size, and all smaller ones, have all their layers.
"""

import re
from collections.abc import Callable
from typing import Any

from apigauge.sandboxes.hubs.huggingface import weights

# Weights that a program can load; those of the layers, which can be cut; and what a token can cost with its vocabulary.
LARGEST = 420_000_000
LARGEST_LAYERS = 127_000_000
LARGEST_FOR_A_TOKEN = 130_000_000
# So many weights of the layers stay, whatever the vocabulary costs.
_LEAST = 45_000_000
_FEWEST = 2
# Layers that a network of depth takes its features from.
_TAPS = 4
# Thousands of patches go through each layer.
_SLOW = frozenset({"videomae", "segformer", "glpn"})
LARGEST_SLOW = 30_000_000
# What an address says of a model that no program could load, or that is a toy on the hub too.
_GIANT = re.compile(
    r"(?<![\d.])(?:[3-9]|\d\d+|[1-9]\.[3-9])[bB](?![a-z])|xxl$|tiny-random|random-tiny|tiny-.*-random|tiny-marian"
)
_LAYERS = (
    *("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers"),
    "num_decoder_layers",
)
_WRITES = ("ForConditionalGeneration", "ForCausalLM", "LMHeadModel", "MTModel", "EncoderDecoderModel", "Seq2Seq")
# Slow by their inputs rather than by their weights: large pictures, long sounds, hundreds of steps.
TOYS = frozenset(
    {
        *("align", "bark", "blip-2", "clap", "encodec", "flava", "graphormer", "groupvit", "hifigan", "instructblip"),
        *("llava_onevision", "musicgen", "oneformer", "pix2struct", "qwen3_vl", "sam", "smollm3", "speecht5"),
        *("superglue", "swin2sr", "xclip", "bridgetower", "imagegpt", "reformer", "perceiver", "ctrl", "maskformer"),
        *("mask2former", "longt5", "pegasus_x", "bigbird_pegasus", "switch_transformers", "decision_transformer"),
        *("gptj", "falcon", "llama", "xlm-roberta-xl", "timesformer", "vivit", "gemma3n", "owlvit"),
    }
)


def fitting(entry: dict[str, Any], model: Callable[[Any], Any], make: Callable[[bool], Any]) -> Any:
    """The largest model of a repository's kind that a program can use, without values.

    Args:
        entry: the repository's line.
        model: its class.
        make: makes the configuration, of a toy if the argument is true.
    """
    if entry["type"] in TOYS or _GIANT.search(entry["repo"]):
        return _made(model, make(True))
    config = make(False)
    layers = _most(config)
    while True:
        built = _made(model, config)
        cuttable, vocabulary = _shares(built)
        limit = _limit(entry, vocabulary)
        if cuttable <= limit or layers <= _FEWEST:
            fits = cuttable + vocabulary <= LARGEST and cuttable <= 2 * limit and not _searches(entry, vocabulary)
            return built if fits else _made(model, make(True))
        layers = max(_FEWEST, min(layers - 1, int(layers * limit / cuttable)))
        _cut(config, layers)


def _searches(entry: dict[str, Any], vocabulary: int) -> bool:
    """Whether its texts cost a search with beams too much: a T5 has no bias that could lead all beams to an end."""
    return entry["type"] in {"mt5", "umt5"} and vocabulary > 2 * LARGEST_FOR_A_TOKEN


def _limit(entry: dict[str, Any], vocabulary: int) -> int:
    if entry["type"] in _SLOW:
        return LARGEST_SLOW
    if entry["architecture"].endswith(_WRITES):
        return max(_LEAST, min(LARGEST_LAYERS, LARGEST_FOR_A_TOKEN - vocabulary))
    return LARGEST_LAYERS


def _shares(built: Any) -> tuple[int, int]:
    """How many weights are in layers and all else that is no vocabulary, and how many in the vocabulary's tables."""
    sizes = {getattr(part, "vocab_size", None) for part in _parts(built.config)} - {None}
    tables = (weight for weight in built.parameters() if weight.dim() == 2 and weight.shape[0] in sizes)
    vocabulary = sum(table.numel() for table in tables)
    return weights.parameters(built) - vocabulary, vocabulary


def _made(model: Callable[[Any], Any], config: Any) -> Any:
    with weights.uninitialised():
        made = model(config)
    # Which is left out where nothing is initialised.
    made.tie_weights()
    return made


def _parts(config: Any) -> list[Any]:
    return [config, *(value for value in vars(config).values() if hasattr(value, "model_type"))]


def _most(config: Any) -> int:
    counts = [vars(part).get(name) for part in _parts(config) for name in _LAYERS]
    depths = [depth for part in _parts(config) for depth in vars(part).get("depths") or ()]
    return max([count for count in [*counts, *depths] if isinstance(count, int)], default=0)


def _cut(config: Any, layers: int) -> None:
    """Leaves out what is above that many layers."""
    for part in _parts(config):
        for name in _LAYERS:
            if isinstance(vars(part).get(name), int):
                setattr(part, name, min(vars(part)[name], layers))
        if depths := vars(part).get("depths"):
            part.depths = [min(depth, layers) for depth in depths]
        if len(getattr(part, "backbone_out_indices", None) or ()) == _TAPS <= layers:
            part.backbone_out_indices = [layers * tap // _TAPS - 1 for tap in range(1, _TAPS + 1)]
        if isinstance(windows := getattr(part, "attention_window", None), list):
            part.attention_window = windows[:layers]
        if part.model_type == "gpt_neo":
            part.num_layers = layers - layers % 2
            part.attention_types = [[["global", "local"], part.num_layers // 2]]
            part.attention_layers = part.expand_attention_types_params(part.attention_types)
