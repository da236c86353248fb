"""Sizes of named variants: what differs from an architecture's own defaults, which are one published model's.

The sources are the papers' and cards' tables of variants. ``RULES`` is looked through in order; every rule whose
pattern the address matches adds its settings, so that special names come after general ones.
"""

import re
from typing import Any

Settings = dict[str, Any]


def _encoder(width: int, layers: int, heads: int, inner: int | None = None) -> Settings:
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner or 4 * width,
    }


def _t5(width: int, inner: int, layers: int, heads: int, head: int = 64) -> Settings:
    sizes = {"d_model": width, "d_ff": inner, "num_layers": layers, "num_decoder_layers": layers}
    return {**sizes, "num_heads": heads, "d_kv": head}


def _pair(width: int, layers: int, heads: int, inner: int | None = None, decoder: int | None = None) -> Settings:
    """An encoder and a decoder of BART's kind."""
    return {
        "d_model": width,
        "encoder_layers": layers,
        "decoder_layers": decoder or layers,
        **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), heads),
        **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), inner or 4 * width),
    }


def _gpt(width: int, layers: int, heads: int) -> Settings:
    return {"n_embd": width, "n_layer": layers, "n_head": heads}


_LARGE = _encoder(1024, 24, 16)
_SPEECH_LARGE = {**_LARGE, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
_GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
_SEGFORMER = {"hidden_sizes": [64, 128, 320, 512]}

RULES: tuple[tuple[str, str, Settings], ...] = (
    # --- encoders of text ---
    ("bert", r"large|rubert-large|gbert-large|roberta_wwm_ext_large", _LARGE),
    ("bert", r"MiniLM-L-?12|minilm-uncased|L12-H384", _encoder(384, 12, 12)),
    ("bert", r"MiniLM-L-?6|MiniLM-L6", _encoder(384, 6, 12)),
    ("bert", r"MiniLM-L-?3", _encoder(384, 3, 12)),
    ("bert", r"ms-marco-MiniLM-L-2", _encoder(384, 2, 12)),
    ("bert", r"TinyBERT-L-2|bert-tiny|L-2_H-128", _encoder(128, 2, 2)),
    ("bert", r"bert-mini", _encoder(256, 4, 4)),
    ("bert", r"legal-bert-small", _encoder(512, 6, 8)),
    ("bert", r"bert-medium", _encoder(512, 8, 8)),
    ("roberta|xlm-roberta|camembert|luke|markuplm|data2vec-text|xmod", r"large", _LARGE),
    ("roberta", r"distilroberta|distil-roberta|tinyroberta|CodeBERTa-small", {"num_hidden_layers": 6}),
    ("roberta", r"nli-MiniLM2-L6-H768", _encoder(768, 6, 12)),
    ("electra", r"base|generator", _encoder(768, 12, 12) | {"embedding_size": 768}),
    ("electra", r"large", _LARGE | {"embedding_size": 1024}),
    ("electra", r"base-generator", _encoder(256, 12, 4) | {"embedding_size": 768}),
    ("electra", r"small-generator|large-generator", _encoder(256, 12, 4)),
    ("deberta", r"-large", _LARGE),
    ("deberta", r"-xlarge", _encoder(1024, 48, 16)),
    ("deberta-v2", r"", _encoder(768, 12, 12)),
    ("deberta-v2", r"v3-small|small", _encoder(768, 6, 12)),
    ("deberta-v2", r"xsmall", _encoder(384, 12, 6)),
    ("deberta-v2", r"large", _LARGE),
    ("deberta-v2", r"xlarge", _encoder(1536, 24, 24)),
    ("deberta-v2", r"xxlarge", _encoder(1536, 48, 24)),
    ("albert", r"", _encoder(768, 12, 12)),
    ("albert", r"albert-small", _encoder(768, 6, 12)),
    ("albert", r"large", _LARGE),
    ("albert", r"xlarge", _encoder(2048, 24, 16)),
    ("albert", r"xxlarge", _encoder(4096, 12, 64, 16384)),
    ("splinter|tapas|layoutlm|layoutlmv3|layoutlmv2|longformer|big_bird|visual_bert|fnet|dpr", r"large", _LARGE),
    ("tapas", r"medium", _encoder(512, 8, 8)),
    ("tapas", r"small", _encoder(512, 4, 8)),
    ("tapas", r"mini", _encoder(256, 4, 4)),
    ("tapas", r"tiny", _encoder(128, 2, 2)),
    ("convbert", r"medium-small", _encoder(384, 12, 8, 1536) | {"embedding_size": 128, "num_groups": 2}),
    ("convbert", r"/conv-bert-small", _encoder(256, 12, 4) | {"embedding_size": 128}),
    ("xlnet", r"base", {"d_model": 768, "n_layer": 12, "n_head": 12, "d_inner": 3072}),
    ("flaubert", r"base", {"emb_dim": 768, "n_layers": 12, "n_heads": 12}),
    ("flaubert", r"small", {"emb_dim": 512, "n_layers": 6, "n_heads": 8}),
    ("flaubert", r"large", {"emb_dim": 1024, "n_layers": 24, "n_heads": 16, "pre_norm": True}),
    ("xlm", r"1280", {"emb_dim": 1280, "n_layers": 16, "n_heads": 16}),
    ("esm", r"", {"position_embedding_type": "rotary", "token_dropout": True, "emb_layer_norm_before": False}),
    ("esm", r"t6_8M", _encoder(320, 6, 20)),
    ("esm", r"t12_35M", _encoder(480, 12, 20)),
    # --- encoders and decoders of text ---
    ("t5", r"base", _t5(768, 3072, 12, 12)),
    ("t5", r"large", _t5(1024, 4096, 24, 16)),
    ("t5|mt5|umt5", r"v1_1|flan|GODEL-v1|cosmo|instructor-xl|rut5|it5|Cadet", _GATED),
    ("t5", r"(v1_1|flan|GODEL|rut5|it5|Cadet).*base|instructor-xl", {"d_ff": 2048}),
    ("t5", r"(v1_1|flan|GODEL).*large", {"d_ff": 2816}),
    ("t5", r"(v1_1|flan).*small|Cadet-Tiny", _t5(512, 1024, 8, 6)),
    ("t5", r"flan-t5-xl$|cosmo-xl", _t5(2048, 5120, 24, 32)),
    ("t5", r"flan-t5-xxl", _t5(4096, 10240, 24, 64)),
    ("t5", r"t5-3b|instructor-xl", _t5(1024, 16384, 24, 32, 128)),
    ("t5", r"t5-11b", _t5(1024, 65536, 24, 128, 128)),
    ("t5", r"byt5", _GATED | {"vocab_size": 384}),
    ("t5", r"byt5-small", _t5(1472, 3584, 12, 6) | {"num_decoder_layers": 4}),
    ("t5", r"byt5-base", _t5(1536, 3968, 18, 12) | {"num_decoder_layers": 6}),
    ("t5", r"byt5-large", _t5(1536, 3840, 36, 16) | {"num_decoder_layers": 12}),
    ("mt5", r"base|XLSum", _t5(768, 2048, 12, 12)),
    ("mt5", r"large", _t5(1024, 2816, 24, 16)),
    ("longt5", r"base", _t5(768, 2048, 12, 12) | _GATED),
    ("longt5", r"large", _t5(1024, 2816, 24, 16) | _GATED),
    ("longt5", r"tglobal", {"encoder_attention_type": "transient-global"}),
    ("switch_transformers", r"base", {"num_sparse_encoder_layers": 6, "num_sparse_decoder_layers": 6}),
    ("bart", r"base|kobart|tapex-base", _pair(768, 6, 12) | {"decoder_attention_heads": 12}),
    ("bart", r"kobart", {"encoder_attention_heads": 16, "decoder_attention_heads": 16}),
    ("bart", r"-12-1$", {"decoder_layers": 1}),
    ("bart", r"-12-3$", {"decoder_layers": 3}),
    ("bart", r"-12-6", {"decoder_layers": 6}),
    ("bart", r"-12-9$", {"decoder_layers": 9}),
    ("bart", r"-6-6", {"encoder_layers": 6, "decoder_layers": 6}),
    ("mbart", r"barthez", _pair(768, 6, 12)),
    ("pegasus", r"xsum|newsroom|reddit|aeslc|gigaword", {"max_position_embeddings": 512}),
    ("pegasus", r"paraphrase", {"max_position_embeddings": 60}),
    ("pegasus_x|led", r"base", _pair(768, 6, 12)),
    ("pegasus_x", r"base", {"encoder_layers": 12, "decoder_layers": 12}),
    ("marian", r"", _pair(512, 6, 8)),
    ("marian", r"tc-big", _pair(1024, 6, 16)),
    ("m2m_100", r"1\.2B|1\.3B", _pair(1024, 24, 16, 8192)),
    ("m2m_100", r"3\.3B", _pair(2048, 24, 16, 8192)),
    ("m2m_100", r"600M", _pair(1024, 12, 16, 4096)),
    ("blenderbot", r"400M", _pair(1280, 2, 32, 5120, 12)),
    ("blenderbot", r"1B", _pair(2560, 2, 32, 10240, 12)),
    # --- decoders of text ---
    ("gpt2", r"medium|personaGPT|BDBot|BaekBot|JohnBot|ShuanBot", _gpt(1024, 24, 16)),
    ("gpt2", r"large", _gpt(1280, 36, 20)),
    ("gpt2", r"xl", _gpt(1600, 48, 25)),
    ("gpt2", r"distilgpt2", {"n_layer": 6}),
    ("gpt2", r"tiny-gpt2", _gpt(2, 2, 2)),
    ("gpt2", r"Cerebras-GPT-111M", _gpt(768, 10, 12)),
    ("gpt2", r"Cerebras-GPT-256M", _gpt(1088, 14, 17)),
    ("gpt2", r"Cerebras-GPT-590M", _gpt(1536, 18, 12)),
    ("gpt2", r"Cerebras-GPT-1\.3B", _gpt(2048, 24, 16)),
    ("gpt2", r"Cerebras", {"n_positions": 2048}),
    ("gpt_neo", r"125m|125M", {"hidden_size": 768, "num_layers": 12, "num_heads": 12}),
    ("gpt_neo", r"125m|125M", {"attention_types": [[["global", "local"], 6]]}),
    ("gpt_neo", r"2\.7", {"hidden_size": 2560, "num_layers": 32, "num_heads": 20}),
    ("gpt_neo", r"2\.7", {"attention_types": [[["global", "local"], 16]]}),
    ("gpt_neox", r"pythia-70m", _encoder(512, 6, 8) | {"vocab_size": 50304}),
    ("gpt_neox", r"pythia-160m", _encoder(768, 12, 12) | {"vocab_size": 50304}),
    ("gpt_neox", r"pythia-410m", _encoder(1024, 24, 16) | {"vocab_size": 50304}),
    ("gpt_neox", r"1\.3b", _encoder(2048, 24, 16) | {"vocab_size": 50304}),
    ("opt", r"350m", {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096}),
    ("opt", r"350m", {"word_embed_proj_dim": 512, "do_layer_norm_before": False}),
    ("opt", r"1\.3b", {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32, "ffn_dim": 8192}),
    ("opt", r"2\.7b", {"hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32, "ffn_dim": 10240}),
    ("opt", r"6\.7b|-66b|-13b|-30b", {"hidden_size": 4096, "num_hidden_layers": 32, "ffn_dim": 16384}),
    ("opt", r"6\.7b|-66b|-13b|-30b", {"num_attention_heads": 32, "word_embed_proj_dim": 4096}),
    ("opt", r"1\.3b", {"word_embed_proj_dim": 2048}),
    ("opt", r"2\.7b", {"word_embed_proj_dim": 2560}),
    ("bloom", r"", {"hidden_size": 1024, "n_layer": 24, "n_head": 16, "vocab_size": 250880}),
    ("bloom", r"1b1", {"hidden_size": 1536}),
    ("bloom|bloomz", r"1b7", {"hidden_size": 2048}),
    ("bloom", r"-3b", {"hidden_size": 2560, "n_layer": 30, "n_head": 32}),
    ("bloom", r"7b1|/bloom$|/bloomz$", {"hidden_size": 4096, "n_layer": 30, "n_head": 32}),
    ("codegen", r"350M", _gpt(1024, 20, 16)),
    ("codegen", r"2B", _gpt(2560, 32, 32) | {"rotary_dim": 64}),
    ("codegen", r"350M", {"rotary_dim": 32, "vocab_size": 51200}),
    ("rwkv", r"169m", {"hidden_size": 768, "num_hidden_layers": 12, "attention_hidden_size": 768}),
    ("rwkv", r"169m", {"intermediate_size": 3072}),
    ("rwkv", r"430m", {"hidden_size": 1024, "num_hidden_layers": 24, "attention_hidden_size": 1024}),
    ("rwkv", r"430m", {"intermediate_size": 4096}),
    ("xglm", r"564M", {"d_model": 1024, "ffn_dim": 4096, "num_layers": 24, "attention_heads": 16}),
    ("imagegpt", r"small", _gpt(512, 24, 8)),
    ("imagegpt", r"medium", _gpt(1024, 36, 8)),
    ("imagegpt", r"large", _gpt(1536, 48, 16)),
    # --- images ---
    ("vit|deit|beit|vit_mae|vit_msn|data2vec-vision|videomae|dinov2", r"large", _LARGE),
    ("vit|deit|vit_msn", r"small", _encoder(384, 12, 6)),
    ("vit|deit", r"tiny", _encoder(192, 12, 3)),
    ("vit", r"dino-vits", _encoder(384, 12, 6)),
    ("vit", r"dino-vit.8", {"patch_size": 8}),
    ("vit", r"huge", _encoder(1280, 32, 16)),
    ("vit", r"patch32", {"patch_size": 32}),
    ("vit|beit|dpt", r"384$", {"image_size": 384}),
    ("dpt", r"large", _LARGE | {"backbone_out_indices": [5, 11, 17, 23], "neck_hidden_sizes": [256, 512, 1024, 1024]}),
    ("videomae", r"small", _encoder(384, 12, 6)),
    ("beit", r"", {"use_relative_position_bias": True, "use_mean_pooling": True}),
    ("swin", r"base", {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32]}),
    ("swin", r"large", {"embed_dim": 192, "depths": [2, 2, 18, 2], "num_heads": [6, 12, 24, 48]}),
    ("convnext|convnextv2", r"small", {"depths": [3, 3, 27, 3]}),
    ("convnext|convnextv2", r"base", {"depths": [3, 3, 27, 3], "hidden_sizes": [128, 256, 512, 1024]}),
    ("convnext|convnextv2", r"large", {"depths": [3, 3, 27, 3], "hidden_sizes": [192, 384, 768, 1536]}),
    ("resnet", r"18", {"depths": [2, 2, 2, 2]}),
    ("resnet", r"34", {"depths": [3, 4, 6, 3]}),
    ("resnet", r"18|34", {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512]}),
    ("resnet", r"101", {"depths": [3, 4, 23, 3]}),
    ("resnet", r"152", {"depths": [3, 8, 36, 3]}),
    ("segformer", r"[-_.]?b[1-5]|mit-b[1-5]", _SEGFORMER),
    ("segformer", r"b[2-5]", {"decoder_hidden_size": 768, "depths": [3, 4, 6, 3]}),
    ("segformer", r"b3", {"depths": [3, 4, 18, 3]}),
    ("segformer", r"b4", {"depths": [3, 8, 27, 3]}),
    ("segformer", r"b5", {"depths": [3, 6, 40, 3]}),
    ("glpn", r"", {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 8, 27, 3]}),
    ("mobilevit", r"x-small", {"hidden_sizes": [96, 120, 144], "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384]}),
    (
        "mobilevit",
        r"xx-small",
        {
            "hidden_sizes": [64, 80, 96],
            "neck_hidden_sizes": [16, 16, 24, 48, 64, 80, 320],
            "expand_ratio": 2.0,
            "hidden_dropout_prob": 0.05,
        },
    ),
    ("mobilenet_v1", r"0\.75", {"depth_multiplier": 0.75, "image_size": 192}),
    ("efficientnet", r"b0", {"image_size": 224, "width_coefficient": 1.0, "depth_coefficient": 1.0}),
    ("efficientnet", r"b0", {"hidden_dim": 1280, "dropout_rate": 0.2}),
    ("regnet", r"y-008", {"hidden_sizes": [64, 128, 320, 768], "depths": [1, 3, 8, 2], "groups_width": 16}),
    ("regnet", r"y-040", {"hidden_sizes": [128, 192, 512, 1088], "depths": [2, 6, 12, 2], "groups_width": 64}),
    ("poolformer", r"s12", {"depths": [2, 2, 6, 2]}),
    ("levit", r"128S", {"hidden_sizes": [128, 256, 384], "num_attention_heads": [4, 6, 8], "depths": [2, 3, 4]}),
    ("levit", r"128S", {"key_dim": [16, 16, 16]}),
    ("yolos", r"tiny", _encoder(192, 12, 3) | {"image_size": [800, 1333], "use_mid_position_embeddings": False}),
    ("yolos", r"small", _encoder(384, 12, 6) | {"image_size": [512, 864], "use_mid_position_embeddings": False}),
    # --- sound ---
    ("wav2vec2|hubert|wavlm|unispeech-sat|data2vec-audio|wav2vec2-conformer", r"large|xls|xlsr|lv-?60|-lg-", _LARGE),
    ("wav2vec2", r"xls|xlsr|lv-?60|robust|-lg-|stable-ln|emotion-detection-german", _SPEECH_LARGE),
    ("wav2vec2", r"robust-12", {"num_hidden_layers": 12}),
    ("hubert|wav2vec2-conformer", r"large", _SPEECH_LARGE),
    ("hubert", r"xlarge", _encoder(1280, 48, 16)),
    ("wavlm", r"large", {"feat_extract_norm": "layer", "do_stable_layer_norm": True}),
    ("whisper", r"base", _pair(512, 6, 8)),
    ("whisper", r"small", _pair(768, 12, 12)),
    ("whisper", r"medium", _pair(1024, 24, 16)),
    ("whisper", r"large", _pair(1280, 32, 20)),
    ("whisper", r"large-v3", {"num_mel_bins": 128}),
    ("speech_to_text", r"medium", _pair(512, 12, 8, 2048, 6)),
    ("speech_to_text", r"large", _pair(1024, 12, 16, 4096, 6)),
)

# Of models made of parts, by the class of the part's configuration.
PARTS: tuple[tuple[str, str, Settings], ...] = (
    ("CLIPVisionConfig", r"patch16", {"patch_size": 16}),
    ("CLIPVisionConfig", r"large-patch14|ViT-L-14", _LARGE | {"patch_size": 14}),
    ("CLIPVisionConfig", r"336", {"image_size": 336}),
    ("CLIPVisionConfig", r"ViT-H-14", _encoder(1280, 32, 16) | {"patch_size": 14}),
    ("CLIPTextConfig", r"large-patch14|ViT-L-14", _encoder(768, 12, 12)),
    ("CLIPTextConfig", r"ViT-H-14", _encoder(1024, 24, 16)),
    ("ChineseCLIPVisionConfig", r"base-patch16", {"patch_size": 16}),
    ("ChineseCLIPVisionConfig", r"large-patch14", _LARGE | {"patch_size": 14}),
    ("ChineseCLIPVisionConfig", r"336", {"image_size": 336}),
    ("OwlViTVisionConfig", r"patch16", {"patch_size": 16}),
    ("OwlViTVisionConfig", r"large-patch14", _LARGE | {"patch_size": 14, "image_size": 840}),
    ("OwlViTTextConfig", r"large-patch14", _encoder(768, 12, 12)),
    ("XCLIPVisionConfig", r"patch16", {"patch_size": 16, "num_frames": 32}),
    ("BlipVisionConfig", r"(?<!capfilt-)large", _LARGE),
    ("CLIPConfig", r"large-patch14|ViT-L-14", {"projection_dim": 768}),
    ("CLIPConfig", r"ViT-H-14", {"projection_dim": 1024}),
    ("ChineseCLIPConfig", r"large-patch14", {"projection_dim": 768}),
    ("OwlViTConfig", r"large-patch14", {"projection_dim": 768}),
    ("GitVisionConfig", r"large", _LARGE | {"patch_size": 14}),
)


def of(kind: str, repo: str) -> Settings:
    """What a repository's configuration has besides the defaults of its type."""
    settings: Settings = {}
    for kinds, pattern, rule in RULES:
        if kind in kinds.split("|") and re.search(pattern, repo):
            settings |= rule
    return settings


def of_part(name: str, repo: str) -> Settings:
    """The same for a part of a model, by the name of its class."""
    settings: Settings = {}
    for one, pattern, rule in PARTS:
        if name == one and re.search(pattern, repo):
            settings |= rule
    return settings
