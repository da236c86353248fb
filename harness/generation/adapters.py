"""An adapter of PEFT on its model: embeddings for the tokens that it added, and refusals where the two do not fit.

An adapter that was trained with more tokens than its model has must bring their embeddings, in one of PEFT's ways:
whole layers (``modules_to_save``, or saved because their size changed), LoRA on a resized layer whose weights are saved
too, or ``trainable_token_indices``. If it does not, the tokens' embeddings are lost, and any others would be noise.
"""

import json
import warnings
from collections.abc import Mapping
from typing import Any

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.tokens import CheckpointTokenizer

Shapes = Mapping[str, tuple[int, ...]]


def load_adapter(model: Any, adapter: Checkpoint, tokens: CheckpointTokenizer, *, merge: bool) -> Any:
    """The model with its adapter.

    Args:
        model: of transformers; its embeddings are resized to the adapter's.
        adapter: the adapter's files.
        tokens: the tokenizer of the two.
        merge: whether the adapter is merged into the weights.

    Raises:
        ModelError: the adapter is not for this model, or embeddings that it needs are not among its files.
        UsageError: merged, it would be another model than the one that was trained.
    """
    from peft import PeftModel

    shapes = tensor_shapes(adapter)
    entrance, exit_ = _layers(model)
    if merge and exit_ is None and any(f".{entrance}.lora_" in name for name in shapes):
        raise UsageError(
            f"--adapter {adapter.name}: changes the layer that embeds tokens, whose weights score them too in this "
            "model; merged, it would change both: give --no-merge"
        )
    _resize(model, adapter, tokens, shapes)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Found missing adapter keys")
            adapted: Any = PeftModel.from_pretrained(model, str(adapter.folder), local_files_only=True)
    except Exception as error:  # damaged files make the libraries raise what they like
        raise ModelError(f"--adapter {adapter.name} is not for this model: {_first_lines(error)}") from error
    _refuse_unused(adapted, adapter, shapes)
    try:
        return adapted.merge_and_unload() if merge else adapted
    except Exception as error:
        raise ModelError(
            f"--adapter {adapter.name} cannot be merged into the weights: {_first_lines(error)}; try --no-merge"
        ) from error


def adapter_config(adapter: Checkpoint) -> dict[str, Any]:
    """``adapter_config.json``.

    Raises:
        ModelError: it is missing or cannot be read.
    """
    try:
        config = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"--adapter {adapter.name} is no adapter of PEFT: {_first_lines(error)}") from error
    if not isinstance(config, dict):
        raise ModelError(f"--adapter {adapter.name} is no adapter of PEFT: adapter_config.json is no JSON object")
    return config


def tensor_shapes(adapter: Checkpoint) -> Shapes:
    """The shapes of an adapter's tensors, by name; nothing is loaded of ``adapter_model.safetensors`` but its head.

    Raises:
        ModelError: the file is missing or damaged.
    """
    file = adapter.folder / "adapter_model.safetensors"
    older = adapter.folder / "adapter_model.bin"
    try:
        if file.is_file():
            from safetensors import safe_open

            with safe_open(file, framework="numpy") as opened:
                return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
        import torch

        tensors = torch.load(older, map_location="meta", weights_only=True)
        return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    except Exception as error:  # damaged files make the libraries raise what they like
        raise ModelError(f"--adapter {adapter.name} cannot be read: {_first_lines(error)}") from error


def trained_tokens(config: Mapping[str, Any]) -> dict[str, set[int]]:
    """The single tokens whose embeddings an adapter trained, by layer; ``""`` stands for the input's."""
    indices = config.get("trainable_token_indices") or config.get("token_indices") or []
    by_layer = indices if isinstance(indices, dict) else {"": indices}
    return {str(layer): {int(token) for token in tokens} for layer, tokens in by_layer.items()}


def stored_rows(shapes: Shapes, layer: str, *, is_whole: bool = False) -> int | None:
    """The rows of an embedding layer among an adapter's tensors; None if it is not there.

    Args:
        shapes: the tensors.
        layer: the layer's name in the model.
        is_whole: whether its weights themselves must be there, and not only LoRA's on them.
    """
    axes = {"weight": 0, "base_layer.weight": 0} | ({} if is_whole else {"lora_embedding_A": 1, "lora_B.weight": 0})
    for name, shape in shapes.items():
        for what, axis in axes.items():
            if name.endswith(f".{layer}.{what}"):
                return shape[axis]
    return None


def _resize(model: Any, adapter: Checkpoint, tokens: CheckpointTokenizer, shapes: Shapes) -> None:
    """Gives the model's embeddings the rows that they had when the adapter was trained."""
    entrance, exit_ = _layers(model)
    before, needed = model.get_input_embeddings().weight.shape[0], len(tokens.tokenizer)
    stored = {rows for layer in (entrance, exit_) if layer and (rows := stored_rows(shapes, layer))}
    if len(stored) > 1:
        raise ModelError(f"--adapter {adapter.name}: its embeddings have {sorted(stored)} rows, and must have as many")
    rows = stored.pop() if stored else max(before, needed)
    if rows < needed or (rows > before and tokens.source != "tokenizer"):
        raise ModelError(
            f"--adapter {adapter.name}: its embeddings have {rows} rows, and its tokenizer {needed} tokens"
            + ("" if tokens.source == "tokenizer" else f" (the model's own, which has {before} rows)")
            + ": copy the tokenizer that it was trained with into its folder"
        )
    if rows == before:
        return
    lost = set(range(before, needed))
    for layer in filter(None, (entrance, exit_)):
        _refuse_lost(adapter, tokens, lost, layer, is_entrance=layer == entrance, shapes=shapes)
    model.resize_token_embeddings(rows, mean_resizing=False)


def _layers(model: Any) -> tuple[str, str | None]:
    """The names of the layer that embeds tokens, and of the one that scores them if it has weights of its own."""
    entrance, exit_ = model.get_input_embeddings(), model.get_output_embeddings()
    names = {id(module): name for name, module in model.named_modules()}
    is_tied = exit_ is None or exit_.weight is entrance.weight
    return names[id(entrance)], None if is_tied else names[id(exit_)]


def _refuse_lost(
    adapter: Checkpoint, tokens: CheckpointTokenizer, new: set[int], layer: str, *, is_entrance: bool, shapes: Shapes
) -> None:
    """Refuses an adapter whose new tokens have no weights in a layer."""
    if stored_rows(shapes, layer, is_whole=True):
        return
    trained = trained_tokens(adapter_config(adapter))
    covered = set().union(
        *(ids for name, ids in trained.items() if (is_entrance and not name) or (name and layer.endswith(name)))
    )
    if lost := sorted(new - covered):
        names = ", ".join(repr(tokens.tokenizer.convert_ids_to_tokens(token)) for token in lost[:5])
        raise ModelError(
            f"--adapter {adapter.name} added {len(new)} tokens to the model's vocabulary, and its files have no "
            f"weights of {layer} for {len(lost)} of them ({names}): save them with the adapter (modules_to_save, or "
            "trainable_token_indices), or merge it where it was trained and give the whole checkpoint"
        )


def _refuse_unused(adapted: Any, adapter: Checkpoint, shapes: Shapes) -> None:
    """Refuses an adapter of which PEFT silently leaves out a part: weights of layers that the model does not have."""
    from peft import get_peft_model_state_dict

    loaded = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    if unused := [name for name in shapes if ".lora_" in name and name not in loaded]:
        raise ModelError(
            f"--adapter {adapter.name} is not for this model, which has no layer for {len(unused)} of its "
            f"{len(shapes)} weights, such as {unused[0]}"
        )


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__
