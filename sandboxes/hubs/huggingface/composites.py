"""What a repository's line in the table means for its configuration; models made of two; settings of generation."""

from typing import Any

from apigauge.sandboxes.hubs.huggingface import generation as generating
from apigauge.sandboxes.hubs.huggingface import labels, languages
from apigauge.sandboxes.hubs.huggingface.configs import Maker, Names

PAIRS = frozenset({"encoder-decoder", "speech-encoder-decoder", "vision-encoder-decoder"})


def config(entry: dict[str, Any], names: Names | None, real: dict[str, Any], maker: Maker) -> Any:
    """The configuration of a repository's model.

    Args:
        entry: the repository's line.
        names: facts on its tokenizer.
        real: the real configuration, as far as it is available.
        maker: whether the model is a toy.
    """
    kind = entry["type"]
    if kind in PAIRS:
        return _pair(entry, names, maker)
    if kind == "musicgen":
        return _music(entry, names, maker)
    fixed = _fixed(entry, names, maker)
    made = maker.make(kind, names, real, **fixed)
    if made.is_encoder_decoder and getattr(made, "decoder_start_token_id", None) is None and names:
        first = "eos" if kind in {"mbart", "m2m_100"} else "pad"
        made.decoder_start_token_id = names.ids.get(first, names.ids.get("bos"))
    made.update(generating.settings(entry))
    return made


def _fixed(entry: dict[str, Any], names: Names | None, maker: Maker) -> dict[str, Any]:
    """Arguments that this repository's model has whatever its size."""
    kind, extra = entry["type"], entry.get("extra") or {}
    fixed: dict[str, Any] = dict(_BY_TYPE[kind](entry, names, maker)) if kind in _BY_TYPE else {}
    classes = labels.of(entry)
    if classes is not None:
        fixed["id2label"] = dict(enumerate(classes))
        fixed["label2id"] = {name: number for number, name in enumerate(classes)}
    for key in ("act_dim", "state_dim", "upscale", "is_vqa", "encoder_attention_type"):
        if key in extra:
            fixed[key] = extra[key]
    return fixed


def _tapas(entry: dict[str, Any], _names: Names | None, _maker: Maker) -> dict[str, Any]:
    aggregations = (entry.get("extra") or {}).get("aggregation_labels")
    if not aggregations:
        return {"num_aggregation_labels": 0, "select_one_column": True}
    return {
        "num_aggregation_labels": len(aggregations),
        "aggregation_labels": dict(enumerate(aggregations)),
        "use_answer_as_supervision": "wtq" in entry["repo"],
        "select_one_column": True,
    }


def _marian(_entry: dict[str, Any], names: Names | None, _maker: Maker) -> dict[str, Any]:
    assert names is not None
    pad = names.ids["pad"]
    start = {"decoder_start_token_id": pad, "bad_words_ids": [[pad]], "max_length": 512, "num_beams": 4}
    return {**start, "decoder_vocab_size": names.size, "max_position_embeddings": 512, "forced_eos_token_id": 0}


def _whisper(_entry: dict[str, Any], names: Names | None, maker: Maker) -> dict[str, Any]:
    if names is None:
        return {"vocab_size": 2000, "classifier_proj_size": 32} if maker.toy else {}
    end, start = names.ids["eos"], names.ids["<|startoftranscript|>"]
    ends = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), end)
    # One number for each time stamp from 0.00 to 30.00 comes after the tokens.
    return {**ends, "decoder_start_token_id": start, "vocab_size": names.size + 1501}


def _blip2(entry: dict[str, Any], names: Names | None, maker: Maker) -> dict[str, Any]:
    text = maker.make((entry.get("extra") or {}).get("text", "opt"), names)
    return {"text_config": text, "use_decoder_only_language_model": text.model_type != "t5"}


def _dpt(entry: dict[str, Any], _names: Names | None, maker: Maker) -> dict[str, Any]:
    if not (entry.get("extra") or {}).get("is_hybrid"):
        return {}
    backbone = maker.make("bit", None, global_padding="same", layer_type="bottleneck", embedding_dynamic_padding=True)
    backbone.out_features = ["stage1", "stage2", "stage3"]
    hybrid = {
        "is_hybrid": True,
        "backbone_config": backbone,
        "readout_type": "project",
        "neck_ignore_stages": [0, 1],
    }
    if maker.toy:
        return hybrid | {"backbone_featmap_shape": [1, 32, 24, 24], "neck_hidden_sizes": [16, 16, 32, 32]}
    sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
    shapes = {"backbone_featmap_shape": [1, 1024, 24, 24], "neck_hidden_sizes": [256, 512, 768, 768]}
    return hybrid | sizes | shapes | {"backbone_out_indices": [2, 5, 8, 11], "image_size": 384}


def _fsmt(_entry: dict[str, Any], names: Names | None, _maker: Maker) -> dict[str, Any]:
    return dict.fromkeys(("src_vocab_size", "tgt_vocab_size"), names.size) if names else {}


def _swin2sr(entry: dict[str, Any], _names: Names | None, _maker: Maker) -> dict[str, Any]:
    name = entry["repo"].lower()
    kinds = {"lightweight": "pixelshuffledirect", "realworld": "nearest+conv", "compressed": "pixelshuffle_aux"}
    return {"upsampler": next((kind for part, kind in kinds.items() if part in name), "pixelshuffle")}


def _timesformer(entry: dict[str, Any], _names: Names | None, _maker: Maker) -> dict[str, Any]:
    name = entry["repo"]
    if "-hr-" in name:
        return {"num_frames": 16, "image_size": 448}
    return {"num_frames": 96} if "-large-" in name else {"num_frames": 8}


def _roberta(entry: dict[str, Any], _names: Names | None, _maker: Maker) -> dict[str, Any]:
    return {"max_position_embeddings": 130} if entry.get("tokenizer") == "BertweetTokenizer" else {}


def _graphormer(entry: dict[str, Any], _names: Names | None, _maker: Maker) -> dict[str, Any]:
    return {"num_classes": entry.get("labels") or 1}


_BY_TYPE = {
    "blip-2": _blip2,
    "dpt": _dpt,
    "fsmt": _fsmt,
    "graphormer": _graphormer,
    "marian": _marian,
    "roberta": _roberta,
    "swin2sr": _swin2sr,
    "tapas": _tapas,
    "timesformer": _timesformer,
    "whisper": _whisper,
}


def _pair(entry: dict[str, Any], names: Names | None, maker: Maker) -> Any:
    """An encoder and a decoder of types of their own."""
    import transformers

    extra = entry["extra"]
    kind, start = extra["decoder"], _start(extra["decoder"], names)
    text = kind in {"bert", "roberta"} and entry["type"] == "encoder-decoder"
    encoder = maker.make(extra["encoder"], names if text else None)
    decoder = maker.make(kind, names, is_decoder=True, add_cross_attention=True)
    if hasattr(decoder, "cross_attention_hidden_size"):
        decoder.cross_attention_hidden_size = getattr(encoder, "hidden_size", None)
    pair = {
        "encoder-decoder": transformers.EncoderDecoderConfig,
        "speech-encoder-decoder": transformers.SpeechEncoderDecoderConfig,
        "vision-encoder-decoder": transformers.VisionEncoderDecoderConfig,
    }[entry["type"]]
    made = pair.from_encoder_decoder_configs(encoder, decoder, **start)
    if extra.get("tie_encoder_decoder"):
        made.tie_encoder_decoder = True
    return made


def _music(entry: dict[str, Any], names: Names | None, maker: Maker) -> Any:
    import transformers

    extra = entry["extra"]
    text, audio = maker.make(extra["text_encoder"], names), maker.make(extra["audio_encoder"], None)
    decoder = maker.make(extra["decoder"], None, vocab_size=2048)
    parts = {"text_encoder": text, "audio_encoder": audio, "decoder": decoder}
    return transformers.MusicgenConfig(**{name: part.to_dict() for name, part in parts.items()})


def _start(decoder: str, names: Names | None) -> dict[str, Any]:
    """How a pair's decoder begins and ends."""
    ids = names.ids if names else {}
    if decoder == "gpt2":
        return dict.fromkeys(("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id"), ids.get("eos"))
    first = ids.get("cls") if decoder == "bert" else ids.get("eos")
    last = ids.get("sep") if decoder == "bert" else ids.get("eos")
    return {"decoder_start_token_id": first, "eos_token_id": last, "pad_token_id": ids.get("pad")}


def generation(entry: dict[str, Any], names: Names | None, model: Any) -> None:
    """Settings of generation that an architecture cannot do without."""
    settings = getattr(model, "generation_config", None)
    if settings is None or names is None:
        return
    ids = names.ids
    if entry["type"] == "whisper" and "<|transcribe|>" in ids:
        english = entry["repo"].endswith(".en")
        # Else the library makes them anew from the configuration.
        settings._from_model_config = False  # noqa: SLF001 - the library has no other way
        settings.is_multilingual = not english
        settings.no_timestamps_token_id = ids["<|notimestamps|>"]
        settings.prev_sot_token_id = ids["<|startofprev|>"]
        settings.max_length, settings.max_initial_timestamp_index = 448, 50
        settings.begin_suppress_tokens, settings.suppress_tokens = [ids["eos"]], []
        settings.alignment_heads = [[1, 0], [1, 1]]
        if not english:
            settings.lang_to_id = {f"<|{code}|>": ids[f"<|{code}|>"] for code in languages.whisper_languages()}
            settings.task_to_id = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
