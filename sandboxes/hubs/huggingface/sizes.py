"""Which models are as large as published, which have fewer layers, and which stay toys.

A program has 20 seconds of CPU time and 2 GiB of memory. Loading costs a fifth of a second and 0.4 GB for each hundred
million weights; a model that writes text reads every weight of its decoder for each token.
"""

import re
from collections.abc import Callable
from typing import Any

from apigauge.sandboxes.hubs.huggingface import weights

# Weights that a program can load, and that it can generate text with.
LARGEST = 420_000_000
LARGEST_THAT_WRITES = 360_000_000
LARGEST_PAIR = 270_000_000
_FEWEST = 2
# What an address says of a model that no program could load, or that is a toy on the hub too.
_GIANT = re.compile(r"(?<![\d.])(?:[3-9]|\d\d+|[1-9]\.[3-9])[bB](?![a-z])|xxl$|tiny-random|random-tiny|tiny-.*-random")
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
        *("gptj", "falcon", "llama", "xlm-roberta-xl", "timesformer", "vivit", "gemma3n"),
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
    limit = LARGEST
    if entry["architecture"].endswith(_WRITES):
        limit = LARGEST_PAIR if config.is_encoder_decoder else LARGEST_THAT_WRITES
    layers = _most(config)
    while (count := weights.parameters(built := _made(model, config))) > limit:
        if layers <= _FEWEST:
            return _made(model, make(True))
        layers = max(_FEWEST, min(layers - 1, int(layers * limit / count)))
        _cut(config, layers)
    return built


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
    return max([count for count in counts if isinstance(count, int)], default=0)


def _cut(config: Any, layers: int) -> None:
    """Leaves out what is above that many layers."""
    for part in _parts(config):
        for name in _LAYERS:
            if isinstance(vars(part).get(name), int):
                setattr(part, name, min(vars(part)[name], layers))
        if isinstance(windows := getattr(part, "attention_window", None), list):
            part.attention_window = windows[:layers]
        if part.model_type == "gpt_neo":
            part.num_layers = layers - layers % 2
            part.attention_types = [[["global", "local"], part.num_layers // 2]]
            part.attention_layers = part.expand_attention_types_params(part.attention_types)
