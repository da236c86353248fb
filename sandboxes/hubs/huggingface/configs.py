"""Configurations of the published models, and toy ones of those that are too large or too slow.

An architecture's defaults are one published model's. ``facts`` says what the defaults leave out, ``variants`` what
other sizes have. Of a model that stays a toy, everything that does not depend on size is real too; its widths and
depths shrink: ``RULES`` says how by the name of an argument, ``SHAPES`` where an architecture ties several together.
"""

import copy
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apigauge.sandboxes.hubs.huggingface import variants
from apigauge.sandboxes.hubs.huggingface.facts import FACTS
from apigauge.sandboxes.hubs.huggingface.shapes import SHAPES

WIDTH, HEADS, LAYERS, FEED_FORWARD = 32, 4, 2, 64

RULES: dict[str, int] = {
    **dict.fromkeys(
        (
            *("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "d_embed", "encoder_hidden_size", "embedding_dim"),
            *("projection_dim", "embedding_size", "decoder_hidden_size", "text_embed_dim", "word_embed_proj_dim"),
            *("hidden_dim", "xvector_output_dim", "classifier_proj_size", "fusion_hidden_size", "auxiliary_channels"),
            *("fpn_feature_size", "mask_feature_size", "qformer_hidden_size", "image_text_hidden_size"),
            *("decoder_hidden_dim", "codevector_dim", "proj_codevector_dim", "entity_vocab_size", "semantic_dim"),
        ),
        WIDTH,
    ),
    **dict.fromkeys(
        (
            *("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"),
            *("num_decoder_layers", "speech_encoder_prenet_layers", "decoder_num_hidden_layers"),
            *("output_hidden_layers", "num_text_layers"),
        ),
        LAYERS,
    ),
    **dict.fromkeys(
        (
            *("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"),
            *("decoder_attention_heads", "decoder_num_attention_heads", "num_key_value_heads"),
        ),
        HEADS,
    ),
    **dict.fromkeys(
        (
            *("intermediate_size", "d_ff", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim", "ffn_dim", "dff"),
            *("decoder_intermediate_size", "dim_feedforward", "feedforward_dim", "encoder_feedforward_dim"),
        ),
        FEED_FORWARD,
    ),
    **dict.fromkeys(("d_kv", "head_dim", "rotary_dim", "d_head"), WIDTH // HEADS),
    "max_position_embeddings": 1024,
    "max_source_positions": 3000,
}
_BASES = frozenset({"PretrainedConfig", "PreTrainedConfig"})
_TOKENS = ("pad", "bos", "eos", "sep", "cls", "mask", "unk")


class Names:
    """Facts on a tokenizer for the configuration of its model.

    Attributes:
        size: how many tokens it has.
        ids: of its special tokens.
        rows: how many rows the model's embedding has, which may be more.
        codes: ids of languages.
    """

    def __init__(self, size: int, ids: dict[str, int], rows: int = 0, codes: tuple[int, ...] = ()) -> None:
        self.size = size
        self.codes = codes
        self.ids = ids
        self.rows = max(size, rows)


@dataclass(frozen=True)
class Maker:
    """How the configurations of one repository are made.

    Attributes:
        repo: its address, which says the variant; empty for a model without a variant.
        toy: whether widths and depths shrink.
    """

    repo: str = ""
    toy: bool = False

    def make(self, kind: str, names: Names | None, real: dict[str, Any] | None = None, **fixed: Any) -> Any:
        """A configuration.

        Args:
            kind: the model type, as in ``config.json``.
            names: of the model's tokenizer, if there is one.
            real: the real model's configuration, if known; of a toy all but its sizes.
            fixed: arguments to use unchanged.
        """
        settings = {} if self.toy else variants.of(kind, self.repo)
        return self._made(class_of(kind), names, settings | (real or {}), fixed)

    def _made(self, cls: Any, names: Names | None, real: dict[str, Any], fixed: dict[str, Any]) -> Any:
        """An instance of a class of configurations; nested ones too."""
        arguments = _arguments(cls)
        tables = SHAPES if self.toy else FACTS
        shapes = {**tables.get(cls.model_type, {}), **tables.get(cls.__name__, {})}
        if not self.toy:
            shapes |= variants.of_part(cls.__name__, self.repo)
        shape = copy.deepcopy(
            {key: value for key, value in shapes.items() if key in arguments and (self.toy or key not in real)}
        )
        made: dict[str, Any] = {}
        nested = _nested(cls)
        for name, default in arguments.items():
            value = real.get(name, default)
            if name in fixed or name in shape:
                continue
            if name in nested:
                given = value if isinstance(value, dict) else {}
                made[name] = self._made(nested[name], names, given, {}).to_dict()
            elif name == "vocab_size" and names is not None:
                made[name] = max(names.rows, 0 if self.toy else int(real.get(name) or 0))
            elif self.toy and name in RULES and isinstance(value, int) and not isinstance(value, bool):
                made[name] = min(value, RULES[name])
            elif self.toy and name == "vocab_size" and isinstance(value, int):
                made[name] = min(value, 2000)
            elif name in real:
                made[name] = value
        made |= {key: value for key, value in _token_ids(arguments, names) if key not in fixed and key not in shape}
        for key, value in {**shape, **fixed}.items():
            made[key] = value.to_dict() if hasattr(value, "to_dict") else value
        return cls(**made)


def class_of(kind: str) -> Any:
    """The class of a model type's configurations.

    Raises:
        KeyError: the library knows no such type.
    """
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    # Parts of other models, which have no place in the table.
    parts = {"hifigan": "SpeechT5HifiGanConfig", "musicgen_decoder": "MusicgenDecoderConfig"}
    return getattr(transformers, parts[kind]) if kind in parts else CONFIG_MAPPING[kind]


def _arguments(cls: Any) -> dict[str, Any]:
    """The arguments of a configuration and their defaults; where a class passes on the rest, its base's too."""
    arguments: dict[str, Any] = {}
    for base in cls.__mro__:
        if base.__name__ in _BASES:
            break
        parameters = inspect.signature(base.__init__).parameters
        for name, parameter in parameters.items():
            if name != "self" and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}:
                arguments.setdefault(name, None if parameter.default is parameter.empty else parameter.default)
        if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return arguments


def _nested(cls: Any) -> dict[str, Any]:
    """Which arguments are configurations themselves, and of which class."""
    try:
        default = cls()
    except (ValueError, TypeError, KeyError, AssertionError):
        return {}
    pretrained = next(base for base in cls.__mro__ if base.__name__ in _BASES)
    return {
        name: type(value) for name in _arguments(cls) if isinstance(value := getattr(default, name, None), pretrained)
    }


def _token_ids(arguments: dict[str, Any], names: Names | None) -> Iterable[tuple[str, int]]:
    """Ids of special tokens where the architecture has a default for them."""
    for token in _TOKENS if names else ():
        key = f"{token}_token_id"
        default = arguments.get(key)
        if default is None or names is None:
            continue
        if token in names.ids:
            yield key, names.ids[token]
        elif isinstance(default, int) and default >= names.size:
            # A tokenizer without that role: any of its last tokens is as good, the real number is out of range.
            yield key, names.size - 1
