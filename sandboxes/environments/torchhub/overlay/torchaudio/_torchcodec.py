# ruff: noqa: INP001 - one file among those of site-packages
"""In the place of torchaudio's module of this name: libsndfile reads and writes audio, as before torchaudio 2.9.

torchaudio leaves files to torchcodec, which needs FFmpeg's libraries. The functions keep the names under which the
package calls them. libsndfile knows WAV, FLAC, OGG and MP3, not what is inside a video.
"""

import os
import warnings
from typing import Any, BinaryIO

import torch
from torch import Tensor

_SUBTYPES = {"PCM_S": {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}, "PCM_F": {32: "FLOAT", 64: "DOUBLE"}}


def load_with_torchcodec(
    uri: BinaryIO | str | os.PathLike[str],
    frame_offset: int = 0,
    num_frames: int = -1,
    normalize: bool = True,
    channels_first: bool = True,
    format: str | None = None,  # noqa: A002 - torchaudio's own name
    buffer_size: int = 4096,
    backend: str | None = None,
) -> tuple[Tensor, int]:
    """Samples between -1 and 1, (channels, time) or its transpose, and the sampling rate.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: libsndfile cannot read it.
    """
    import soundfile

    ignored = (("normalize", normalize, True), ("buffer_size", buffer_size, 4096), ("format", format, None))
    for name, value, default in (*ignored, ("backend", backend, None)):
        if value != default:
            warnings.warn(f"The {name!r} parameter is ignored.", UserWarning, stacklevel=3)
    if isinstance(uri, str | os.PathLike) and not os.path.exists(uri):  # noqa: PTH110 - may be any path-like
        raise FileNotFoundError(2, os.strerror(2), os.fspath(uri))
    try:
        samples, rate = soundfile.read(uri, num_frames, frame_offset, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise RuntimeError(f"Failed to decode audio samples: {error}") from error
    waveform = torch.from_numpy(samples)
    return (waveform.t().contiguous() if channels_first else waveform), int(rate)


def save_with_torchcodec(
    uri: str | os.PathLike[str],
    src: Tensor,
    sample_rate: int,
    channels_first: bool = True,
    format: str | None = None,  # noqa: A002 - torchaudio's own name
    encoding: str | None = None,
    bits_per_sample: int | None = None,
    **ignored: Any,  # noqa: ARG001 - as torchaudio.save passes them on
) -> None:
    """Writes samples between -1 and 1.

    Raises:
        ValueError: they are not a tensor of one or two dimensions.
    """
    import soundfile

    if not 1 <= src.ndim <= 2:
        raise ValueError(f"Expected 1D or 2D tensor, got {src.ndim}D tensor")
    samples = src.detach().cpu().reshape(1, -1) if src.ndim == 1 else src.detach().cpu()
    if channels_first or src.ndim == 1:
        samples = samples.t()
    subtype = _SUBTYPES.get(encoding or "PCM_S", {}).get(bits_per_sample or 0)
    soundfile.write(uri, samples.numpy(), sample_rate, subtype, format=format)
