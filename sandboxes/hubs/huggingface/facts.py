"""What published models have and their architectures' defaults do not say, by model type or class of configuration.

Also what a program's time and memory force; ``SPECIFICATION.md`` lists that.
"""

from typing import Any

_RESNET: dict[str, Any] = {"model_type": "resnet", "out_features": ["stage1", "stage2", "stage3", "stage4"]}
_DETR: dict[str, Any] = {
    "use_timm_backbone": False,
    "use_pretrained_backbone": False,
    "backbone": None,
    "backbone_config": _RESNET,
    "backbone_kwargs": None,
}
_SWIN_BACKBONE: dict[str, Any] = {
    "model_type": "swin",
    "image_size": 384,
    "window_size": 12,
    "embed_dim": 128,
    "depths": [2, 2, 18, 2],
    "num_heads": [4, 8, 16, 32],
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
_SMALL_SWIN = {**_SWIN_BACKBONE, "embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "window_size": 7}
_SPEECH = {"layerdrop": 0.0}

FACTS: dict[str, dict[str, Any]] = {
    "bigbird_pegasus": {"max_position_embeddings": 4096},
    "camembert": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "codegen": {"n_positions": 2048},
    "conditional_detr": _DETR,
    "data2vec-audio": _SPEECH,
    "deformable_detr": {**_DETR, "backbone_config": {**_RESNET, "out_features": ["stage2", "stage3", "stage4"]}},
    "detr": _DETR,
    "donut-swin": {
        "embed_dim": 128,
        "depths": [2, 2, 14, 2],
        "num_heads": [4, 8, 16, 32],
        "image_size": [640, 480],
        "window_size": 10,
    },
    "deberta": {"max_position_embeddings": 512, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "gpt_neo": {"max_position_embeddings": 2048},
    "hubert": _SPEECH,
    "imagegpt": {"vocab_size": 513},
    "layoutlmv3": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "led": {"max_encoder_position_embeddings": 16384, "attention_window": 1024},
    "longformer": {"max_position_embeddings": 4098, "type_vocab_size": 1},
    "luke": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "lilt": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "m2m_100": {"encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0},
    "markuplm": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "mask2former": {"backbone_config": _SMALL_SWIN, "backbone": None},
    "maskformer": {"backbone_config": _SWIN_BACKBONE, "backbone": None},
    "mpnet": {"max_position_embeddings": 514},
    "opt": {"layerdrop": 0.0},
    "pix2struct_text_model": {"use_cache": True},
    "reformer": {"is_decoder": True},
    "roberta": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "speech_to_text": {"encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0},
    "swinv2": {"image_size": 256, "window_size": 8},
    "t5": {"n_positions": 512},
    "table-transformer": _DETR,
    "timesformer": {"num_frames": 8},
    "unispeech-sat": _SPEECH,
    "upernet": {
        "backbone_config": {
            "model_type": "convnext",
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
        "backbone": None,
        "auxiliary_in_channels": 384,
        "hidden_size": 512,
    },
    "vilt": {"num_images": -1, "max_image_length": -1, "modality_type_vocab_size": 2},
    "visual_bert": {"visual_embedding_dim": 2048},
    "wav2vec2": _SPEECH,
    "wav2vec2-conformer": _SPEECH,
    "wavlm": _SPEECH,
    "whisper": {"encoder_layerdrop": 0.0},
    "xlm-roberta": {"max_position_embeddings": 514, "type_vocab_size": 1},
    "yolos": {"image_size": [800, 1333], "num_detection_tokens": 100, "use_mid_position_embeddings": True},
}
