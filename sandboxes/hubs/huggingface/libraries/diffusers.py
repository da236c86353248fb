"""Diffusers pipelines and their components: the real classes and schedulers, networks of a few thousand weights.

What a pipeline checks stays as it is on the hub: which components there are, of which class, how many channels a UNet
takes, that a ControlNet and a UNet of different generations do not fit. Images are 64 pixels wide where nothing asks
for another size.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import tokenizers, weights
from apigauge.sandboxes.hubs.huggingface.libraries import diffusers_parts as parts

LIBRARY = "diffusers"

# What a component is called in its file, without the ending.
_STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
_TEXT = ("text_encoder", "tokenizer")


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes a pipeline with all its components, or the one component that the repository is."""
    extra = entry["extra"]
    if extra.get("component") == "model":
        _model(_component(entry["pipeline"], entry), folder, entry["files"])
        return
    parts_of = _components(entry["pipeline"], extra)
    for name, class_name in parts_of.items():
        if name == "tokenizer":
            tokenizers.write("CLIPTokenizer", folder / name, entry)
        elif class_name is not None:
            _save(_component(class_name, entry, name), folder / name, extra.get("variants", ()))
    index: dict[str, Any] = {"_class_name": entry["pipeline"], "_diffusers_version": "0.15.0"}
    index |= {name: [_origin(class_name), class_name] for name, class_name in parts_of.items()}
    if "safety_checker" in extra and entry["pipeline"] in _CHECKED:
        index["requires_safety_checker"] = bool(extra["safety_checker"])
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


_CHECKED = frozenset(
    {"StableDiffusionPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionImageVariationPipeline"}
)
_UNCONDITIONAL = frozenset({"DDPMPipeline", "DDIMPipeline", "PNDMPipeline", "ScoreSdeVePipeline", "LDMPipeline"})


def _components(pipeline: str, extra: dict[str, Any]) -> dict[str, str | None]:
    """The components of a pipeline and their classes; None for one that the repository leaves out."""
    if pipeline in _UNCONDITIONAL:
        components: dict[str, str | None] = {"scheduler": extra["scheduler"], "unet": "UNet2DModel"}
        return components | ({"vqvae": "VQModel"} if "vqvae" in extra else {})
    components = {"scheduler": extra["scheduler"], "unet": extra["unet"].removeprefix("K-"), "vae": extra["vae"]}
    if "text_encoder" in extra:
        components |= {"text_encoder": extra["text_encoder"], "tokenizer": "CLIPTokenizer"}
    for name in ("image_encoder", "low_res_scheduler", "depth_estimator", "feature_extractor"):
        if name in extra:
            components[name] = extra[name]
    if pipeline in _CHECKED:
        checked = bool(extra.get("safety_checker"))
        components["safety_checker"] = "StableDiffusionSafetyChecker" if checked else None
        components.setdefault("feature_extractor", "CLIPImageProcessor")
    return dict(sorted(components.items()))


def _origin(class_name: str | None) -> str | None:
    """The library that a component's class is looked up in."""
    import diffusers

    if class_name is None:
        return None
    if class_name == "StableDiffusionSafetyChecker":
        return "stable_diffusion"
    return "diffusers" if hasattr(diffusers, class_name) else "transformers"


def _component(class_name: str, entry: dict[str, Any], name: str = "") -> Any:
    """A component of that class, with the weights that its settings alone decide.

    Raises:
        ValueError: no such component is known here.
    """
    import torch

    torch.manual_seed(0)
    extra = entry["extra"]
    if class_name.endswith("Scheduler"):
        return parts.scheduler(class_name, extra, name)
    if class_name in {"CLIPImageProcessor", "DPTFeatureExtractor"}:
        return parts.image_processor(class_name)
    width = parts.width(extra)
    makers: dict[str, Callable[[], Any]] = {
        "AutoencoderKL": lambda: parts.autoencoder(entry["pipeline"]),
        "CLIPTextModel": lambda: parts.text_encoder(width, entry),
        "CLIPVisionModelWithProjection": lambda: parts.image_encoder(width),
        "ControlNetModel": lambda: parts.control_net(width),
        "DPTForDepthEstimation": parts.depth_estimator,
        "StableDiffusionSafetyChecker": parts.safety_checker,
        "UNet2DConditionModel": lambda: parts.unet(entry["pipeline"], width, extra.get("unet_in_channels", 4)),
        "UNet2DModel": lambda: parts.unconditional_unet(entry["pipeline"], extra),
        "UNet3DConditionModel": lambda: parts.video_unet(width),
        "VQModel": parts.quantizer,
    }
    if class_name not in makers:
        raise ValueError(f"{entry['repo']}: no component is known for {class_name}")
    return makers[class_name]()


def _save(component: Any, folder: Path, variants: tuple[str, ...]) -> None:
    """Writes a component, and each of its variants in half precision."""
    if type(component).__name__ == "CLIPTextModel":
        component.config.torch_dtype = "float32"
        folder.mkdir()
        component.config.save_pretrained(folder)
        weights.save(component, folder)
        for variant in variants:
            weights.save(component, folder, file=f"pytorch_model.{variant}.bin")
        return
    component.save_pretrained(folder)
    if variants and hasattr(component, "half"):
        half = component.half()
        for variant in variants:
            half.save_pretrained(folder, variant=variant)


def _model(model: Any, folder: Path, files: list[str]) -> None:
    """Writes a repository that is one model, in each of the formats that the repository has."""
    import torch

    model.save_pretrained(folder)
    state = model.state_dict()
    for file in files:
        if file.endswith(".bin"):
            kept = {key: value.half() for key, value in state.items()} if ".fp16." in file else state
            torch.save(kept, folder / file)
    if any(".fp16.safetensors" in file for file in files):
        model.half().save_pretrained(folder, variant="fp16")
