"""Loads a checkpoint's weights by transformers: of which kind, quantised or not, with Python code of its own or not."""

from importlib.util import find_spec
from typing import Any

from apigauge.errors import ModelError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.options import ModelOptions

# What a way of quantising needs: modules to import, and what `pip install` calls them.
_LIBRARIES = {
    "aqlm": {"aqlm": "aqlm[gpu,cpu]"},
    "auto-round": {"auto_round": "auto-round"},
    "awq": {"gptqmodel": "gptqmodel"},
    "bitsandbytes": {"bitsandbytes": "bitsandbytes"},
    "compressed-tensors": {"compressed_tensors": "compressed-tensors"},
    "eetq": {"kernels": "kernels"},
    "fbgemm_fp8": {"fbgemm_gpu": "fbgemm-gpu"},
    "fp_quant": {"fp_quant": "fp_quant"},
    "gptq": {"optimum": "optimum", "gptqmodel": "gptqmodel"},
    "higgs": {"flute": "flute-kernel"},
    "hqq": {"hqq": "hqq"},
    "mxfp4": {"kernels": "kernels"},
    "quanto": {"optimum.quanto": "optimum-quanto"},
    "quark": {"quark": "amd-quark"},
    "spqr": {"spqr_quant": "spqr_quant[gpu]"},
    "torchao": {"torchao": "torchao"},
    "vptq": {"vptq": "vptq"},
}


def is_pair(checkpoint: Checkpoint, *, trust_remote_code: bool = False) -> bool:
    """Whether a checkpoint has encoder and decoder; False if it has a decoder only.

    Raises:
        ModelError: it has neither, or is code that may not run.
    """
    from transformers.models.auto import modeling_auto as auto

    config = checkpoint.config()
    kind, architectures = config.get("model_type"), config.get("architectures") or []
    pairs, decoders = auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    for mapping, has_encoder in ((pairs, True), (decoders, False)):
        classes = mapping.get(kind, ())
        classes = (classes,) if isinstance(classes, str) else classes
        # Without ``architectures`` in the configuration, the model type alone decides.
        if classes and (not architectures or set(architectures) & set(classes)):
            return has_encoder
    code = config.get("auto_map")
    for name, has_encoder in (("AutoModelForSeq2SeqLM", True), ("AutoModelForCausalLM", False)):
        if isinstance(code, dict) and name in code:
            if not trust_remote_code:
                raise ModelError(checkpoint.code_refusal())
            return has_encoder
    description = ", ".join(architectures) or f"a model of type {kind!r}"
    raise ModelError(
        f"{checkpoint.name} is {description}, which does not answer in text: a causal or a sequence-to-sequence "
        "language model is needed"
    )


def load_weights(checkpoint: Checkpoint, options: ModelOptions, *, has_encoder: bool) -> Any:
    """The model, with its weights of the type that is stored or that ``--dtype`` says.

    Raises:
        ModelError: the files are damaged, the library of a quantised checkpoint is missing, or this machine could run
            the checkpoint in another type than its own only.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    method = checkpoint.quantization()
    _refuse_missing_library(checkpoint, method)
    kind = AutoModelForSeq2SeqLM if has_encoder else AutoModelForCausalLM
    device = options.device
    if device == "auto":
        device = "auto" if torch.cuda.device_count() > 1 else "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model: Any = kind.from_pretrained(
            checkpoint.folder,
            dtype=options.dtype,
            device_map=device,
            local_files_only=True,
            trust_remote_code=options.trust_remote_code,
        )
    except Exception as error:  # damaged files make the libraries raise what they like
        if "trust_remote_code" in str(error):
            raise ModelError(checkpoint.code_refusal()) from error
        about = f" ({checkpoint.name} is quantised by {method})" if method else ""
        raise ModelError(f"{checkpoint.name} cannot be loaded: {_first_lines(error)}{about}") from error
    if method and not is_quantized(model):
        _refuse_expanded(checkpoint, method, str(model.dtype).removeprefix("torch."), is_wanted=options.dtype != "auto")
    return model


def is_quantized(model: Any) -> bool:
    """Whether the weights are as a quantised checkpoint stores them; transformers may have expanded them."""
    return bool(getattr(model, "is_quantized", False))


def _refuse_expanded(checkpoint: Checkpoint, method: str, dtype: str, *, is_wanted: bool) -> None:
    """Refuses weights that transformers expanded, or read as if they were not quantised, with a warning at most."""
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    if method not in AUTO_QUANTIZATION_CONFIG_MAPPING and method != "bitsandbytes":
        raise ModelError(f"{checkpoint.name} is quantised in a way that transformers does not know here: {method}")
    if not is_wanted:
        raise ModelError(
            f"{checkpoint.name} is quantised ({method}), and this machine can run it only with its weights expanded to "
            f"{dtype}, which is another model: give --dtype {dtype} to do so all the same"
        )


def _refuse_missing_library(checkpoint: Checkpoint, method: str | None) -> None:
    missing = [name for module, name in _LIBRARIES.get(method or "", {}).items() if not _is_importable(module)]
    if missing:
        raise ModelError(
            f"{checkpoint.name} is quantised by {method}, which needs {' and '.join(missing)}, not installed here: pip "
            f"install {' '.join(repr(name) if '[' in name else name for name in missing)}"
        )


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__
