"""The components of toy diffusion pipelines.

Text is as wide as on the hub, so that what does not fit there does not fit here; pictures' networks have few channels.
"""

import tempfile
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import tokenizers

_CHANNELS = (8, 16)
_NOISE_STEPS = 1000
# How wide the text of Stable Diffusion 1 is.
_FIRST_WIDTH = 768


def width(extra: dict[str, Any]) -> int:
    """How many numbers stand for a token of the prompt."""
    return int(extra.get("cross_attention_dim") or 768)


def unet(pipeline: str, text_width: int, in_channels: int) -> Any:
    """The denoiser of a Stable Diffusion pipeline."""
    from diffusers import UNet2DConditionModel

    if pipeline == "StableDiffusionLatentUpscalePipeline":
        return _upscaling_unet(text_width)
    upscales = pipeline == "StableDiffusionUpscalePipeline"
    return UNet2DConditionModel(
        sample_size=16 if upscales else 8,
        in_channels=in_channels,
        num_class_embeds=_NOISE_STEPS if upscales else None,
        **_conditional(text_width),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )


def control_net(text_width: int) -> Any:
    """A ControlNet that fits the denoisers for text of that width."""
    from diffusers import ControlNetModel

    return ControlNetModel(conditioning_embedding_out_channels=(4, 4, 8, 8), **_conditional(text_width))


def _conditional(text_width: int) -> dict[str, Any]:
    # Attention only where the picture is small: its time grows with the square of the area.
    return {
        "block_out_channels": _CHANNELS,
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "cross_attention_dim": text_width,
        "attention_head_dim": 8,
        "norm_num_groups": 4,
    }


def _upscaling_unet(text_width: int) -> Any:
    """The denoiser of the latent upscaler, whose blocks are of the k-diffusion kind.

    diffusers takes the first block on the way up for what it is where its width is that of the time's embedding, which
    is twice the first block's: the four blocks are those of the real one, (384, 384, 768, 768), a twelfth as wide.
    """
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=8,
        out_channels=5,
        act_fn="gelu",
        attention_head_dim=8,
        block_out_channels=(32, 32, 64, 64),
        layers_per_block=1,
        conv_in_kernel=1,
        conv_out_kernel=1,
        cross_attention_dim=text_width,
        down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 3),
        mid_block_type=None,
        norm_num_groups=None,
        only_cross_attention=False,
        resnet_time_scale_shift="scale_shift",
        # The noise level's 128 numbers and the pooled prompt.
        time_cond_proj_dim=128 + text_width,
        time_embedding_type="fourier",
        timestep_post_act="gelu",
        up_block_types=(*("KCrossAttnUpBlock2D",) * 3, "KUpBlock2D"),
    )


def video_unet(text_width: int) -> Any:
    """The denoiser of a text-to-video pipeline."""
    from diffusers import UNet3DConditionModel

    return UNet3DConditionModel(
        sample_size=8,
        block_out_channels=_CHANNELS,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=text_width,
        attention_head_dim=8,
        norm_num_groups=4,
    )


def unconditional_unet(pipeline: str, extra: dict[str, Any]) -> Any:
    """The denoiser of a pipeline without a prompt: the least there can be, as it runs a thousand times a picture."""
    from diffusers import UNet2DModel

    channels = extra.get("channels", 3)
    scores = pipeline == "ScoreSdeVePipeline"
    return UNet2DModel(
        sample_size=32,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(4,),
        layers_per_block=0,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        add_attention=False,
        norm_num_groups=2,
        time_embedding_type="fourier" if scores else "positional",
    )


def autoencoder(pipeline: str) -> Any:
    """The autoencoder of latents: an eighth of the picture's size, a fourth for the upscaler."""
    from diffusers import AutoencoderKL

    channels = (4, 4, 8) if pipeline == "StableDiffusionUpscalePipeline" else (4, 4, 4, 8)
    return AutoencoderKL(
        sample_size=64,
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        scaling_factor=0.08333 if pipeline == "StableDiffusionUpscalePipeline" else 0.18215,
    )


def quantizer() -> Any:
    """The autoencoder of the unconditional latent pipeline."""
    from diffusers import VQModel

    return VQModel(
        sample_size=64,
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=3,
        num_vq_embeddings=32,
        norm_num_groups=2,
    )


def text_encoder(text_width: int, entry: dict[str, Any]) -> Any:
    """CLIP's text tower as Stable Diffusion 1 and 2 have it, of no value yet; of its 12 and 23 layers, six.

    In half precision a processor needs seconds for all of them.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    from apigauge.sandboxes.hubs.huggingface import weights

    with tempfile.TemporaryDirectory() as scratch:
        tokens = tokenizers.write("CLIPTokenizer", Path(scratch), entry).size
    config = CLIPTextConfig(
        vocab_size=tokens,
        hidden_size=text_width,
        intermediate_size=4 * text_width,
        projection_dim=768 if text_width == _FIRST_WIDTH else 512,
        num_hidden_layers=6,
        num_attention_heads=text_width // 64,
        hidden_act="quick_gelu" if text_width == _FIRST_WIDTH else "gelu",
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
    )
    with weights.uninitialised():
        return CLIPTextModel(config)


def _vision(projection: int) -> dict[str, int]:
    return {
        "hidden_size": 16,
        "intermediate_size": 32,
        "projection_dim": projection,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 224,
        "patch_size": 32,
    }


def image_encoder(text_width: int) -> Any:
    """CLIP's image tower, whose embedding takes the prompt's place."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection(CLIPVisionConfig(**_vision(text_width)))


def safety_checker() -> Any:
    """The filter behind a picture; its thresholds are such that a toy picture passes."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=_vision(16), projection_dim=16))
    with torch.no_grad():
        for embeddings, thresholds in (
            (checker.concept_embeds, checker.concept_embeds_weights),
            (checker.special_care_embeds, checker.special_care_embeds_weights),
        ):
            embeddings.copy_(torch.randn(embeddings.shape))
            thresholds.fill_(1.0)
    return checker


def depth_estimator() -> Any:
    """The depth network in front of depth-to-image."""
    from transformers import DPTConfig, DPTForDepthEstimation

    return DPTForDepthEstimation(
        DPTConfig(
            hidden_size=8,
            intermediate_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            image_size=384,
            patch_size=32,
            backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[4, 4, 4, 4],
            fusion_hidden_size=4,
        )
    )


def image_processor(class_name: str) -> Any:
    """What turns a picture into a network's input, with the class's own defaults."""
    import transformers

    return getattr(transformers, class_name)()


def scheduler(class_name: str, extra: dict[str, Any], name: str) -> Any:
    """The noise schedule, as the hub has it."""
    import diffusers

    arguments: dict[str, Any] = {}
    if class_name == "ScoreSdeVeScheduler":
        arguments = {"num_train_timesteps": 2000, "sigma_max": 348.0}
    elif "text_encoder" in extra or "image_encoder" in extra:
        arguments = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
        if class_name in {"PNDMScheduler", "DDIMScheduler"} and name == "scheduler":
            arguments |= {"set_alpha_to_one": False, "steps_offset": 1}
        if class_name == "PNDMScheduler":
            arguments["skip_prk_steps"] = True
        if class_name == "DDIMScheduler":
            arguments["clip_sample"] = False
        if "prediction_type" in extra and name == "scheduler":
            arguments["prediction_type"] = extra["prediction_type"]
    return getattr(diffusers, class_name)(**arguments)
