"""Silero: speech to text, text to speech, text enhancement, voice activity."""

import importlib
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded

_STT = ("en", "de", "es", "ua")
_LABELS = ["_", *"abcdefghijklmnopqrstuvwxyz", "'", "2", " "]
_SPEAKERS = {
    "ru": "v4_ru v3_1_ru ru_v3 aidar_v2 aidar_8khz aidar_16khz baya_v2 baya_8khz baya_16khz irina_v2 irina_8khz "
    "irina_16khz kseniya_v2 kseniya_8khz kseniya_16khz natasha_v2 natasha_8khz natasha_16khz "
    "ruslan_v2 ruslan_8khz ruslan_16khz",
    "en": "v3_en v3_en_indic lj_v2 lj_8khz lj_16khz",
    "de": "v3_de thorsten_v2 thorsten_8khz thorsten_16khz",
    "es": "v3_es tux_v2 tux_8khz tux_16khz",
    "fr": "v3_fr gilles_v2 gilles_8khz gilles_16khz",
    "ba": "aigul_v2",
    "xal": "v3_xal erdni_v2",
    "tt": "v3_tt dilyara_v2",
    "uz": "v4_uz v3_uz dilnavoz_v2",
    "ua": "v4_ua v3_ua mykyta_v2",
    "indic": "v4_indic v3_indic",
    "cyrillic": "v4_cyrillic",
    "multi": "multi_v2",
}


class Recognizer(nn.Module):
    """Letters for samples."""

    labels = _LABELS

    def __init__(self, language: str) -> None:
        super().__init__()
        with seeded(f"silero stt {language}"):
            self.encoder = nn.Conv1d(1, len(_LABELS), 640, 640)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, samples at 16 kHz) -> log probabilities, (batch, frames, labels)."""
        return torch.log_softmax(self.encoder(x[:, None]).transpose(1, 2), dim=-1)


class Decoder:
    """Text for one recording's probabilities."""

    def __init__(self, labels: list[str]) -> None:
        self.labels, self.blank_idx, self.space_idx = labels, labels.index("_"), labels.index(" ")

    def __call__(self, probs: Tensor, wav_len: float = 0, word_align: bool = False) -> Any:
        """The text, and with ``word_align`` also where its words are."""
        assert len(self.labels) == probs.shape[1]
        text = "".join(
            letter for letter, _ in groupby(self.labels[i] for i in probs.argmax(dim=1) if i != self.blank_idx)
        )
        if not (wav_len and word_align):
            return text.strip()
        words = text.split()
        share = wav_len / max(1, len(words))
        return text.strip(), [
            {"word": w, "start_ts": n * share, "end_ts": (n + 1) * share} for n, w in enumerate(words)
        ]


def read_audio(path: Any, sampling_rate: int = 16000) -> Tensor:
    """Samples of one channel."""
    import torchaudio

    samples, rate = torchaudio.load(path)
    resampled: Tensor = torchaudio.functional.resample(samples.mean(dim=0), rate, sampling_rate)
    return resampled


def save_audio(path: str, tensor: Tensor, sampling_rate: int = 16000) -> None:
    """Writes samples of one channel."""
    import torchaudio

    torchaudio.save(path, tensor.unsqueeze(0), sampling_rate, bits_per_sample=16)


def read_batch(audio_paths: list[Any]) -> list[Tensor]:
    """Recordings."""
    return [read_audio(path) for path in audio_paths]


def split_into_batches(lst: list[Any], batch_size: int = 10) -> list[list[Any]]:
    """A list in pieces."""
    return [lst[start : start + batch_size] for start in range(0, len(lst), batch_size)]


def prepare_model_input(batch: list[Tensor], device: Any = "cpu") -> Tensor:
    """Recordings filled up to one length, of at least 0.8 s."""
    filled = nn.utils.rnn.pad_sequence(batch, batch_first=True)
    return nn.functional.pad(filled, (0, max(0, 12800 - filled.shape[1]))).to(device)


def stt(language: str, device: Any = "cpu") -> tuple[Any, ...]:
    """Model, decoder and helpers."""
    assert language in _STT
    model = Recognizer(language).to(device).eval()
    return model, Decoder(_LABELS), (read_batch, split_into_batches, read_audio, prepare_model_input)


_RUSSIAN = ["aidar", "baya", "kseniya", "xenia", "eugene"]


class _Any(list[str]):
    """The voices of models whose voices are not known here."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)


class Speaker(nn.Module):
    """Samples for text."""

    def __init__(self, speaker: str) -> None:
        super().__init__()
        with seeded(speaker):
            self.tone = nn.Parameter(torch.rand(1))
        self.old = speaker.endswith("_v2") or speaker.startswith("ru_v3")
        names = {"v3_en": [f"en_{number}" for number in range(118)], "v4_ru": _RUSSIAN, "v3_1_ru": _RUSSIAN}
        self.speakers = [*names[speaker], "random"] if speaker in names else _Any()

    def forward(self, text: str, sample_rate: int = 16000) -> Tensor:
        """A sixteenth of a second for each letter."""
        time = torch.arange(len(text) * sample_rate // 16) / sample_rate
        return torch.sin(time * 600 * (1 + self.tone)).detach() * 0.3

    def apply_tts(
        self,
        text: Any = None,
        ssml_text: str | None = None,
        speaker: Any = None,
        sample_rate: int | None = None,
        texts: Any = None,
        **other: Any,
    ) -> Any:
        """Samples of a text, or of each in a list for the voices of version 2.

        Raises:
            AssertionError: a rate or a voice that the model does not have.
        """
        for name in other:
            if name not in ("put_accent", "put_yo", "put_stress_homo", "put_yo_homo", "symbol_durs"):
                raise TypeError(f"apply_tts() got an unexpected keyword argument {name!r}")
        rate = sample_rate or (16000 if self.old else 48000)
        rates = (8000, 16000) if self.old else (8000, 24000, 48000)
        assert rate in rates, f"`sample_rate` should be in {list(rates)}, current value is {rate}"
        if self.old:
            return [self(one, rate) for one in ([texts] if isinstance(texts, str) else texts)]
        has_voice = speaker in (None, "random") or speaker in self.speakers
        assert has_voice, f"`speaker` should be in {', '.join(self.speakers)}"
        return self(ssml_text if text is None else text, rate)


def apply_tts(texts: list[str], model: nn.Module, sample_rate: int, symbols: str, device: Any) -> list[Tensor]:
    """Samples for each text; letters must be among the symbols."""
    clean = ["".join(letter for letter in one.lower() if letter in symbols) for one in texts]
    return [model(one, sample_rate).to(device) for one in clean]


def tts(language: str, speaker: str) -> tuple[Any, ...]:
    """Model and what is needed to use it, more of it for older voices."""
    languages = list(_SPEAKERS)
    assert language in languages, f"Language not in the supported list {languages}"
    of = {name: code for code, names in _SPEAKERS.items() for name in names.split()}
    assert speaker in of, f"Speaker not in the supported list {list(of)}"
    assert language == of[speaker], f"Incorrect language '{language}' for this speaker, please specify '{of[speaker]}'"
    model, example = Speaker(speaker), "The stars shine over the quiet hills."
    if speaker == "multi_v2":
        return model, list(of)
    if any(mark in speaker for mark in ("_v2", "_v3", "v3_", "v4_")):
        return model, example
    return (
        model,
        "_~abcdefghijklmnopqrstuvwxyz .,!?'-:;+",
        8000 if speaker.endswith("_8khz") else 16000,
        example,
        apply_tts,
    )


class Enhancer(nn.Module):
    """Capitals and full stops for bare text."""

    examples = ("hello how are you", "the weather is fine today")

    def enhance_text(self, text: str, lan: str = "en", len_limit: int = 150) -> str:  # noqa: ARG002
        """One sentence of it."""
        return f"{text[:1].upper()}{text[1:]}."


def te() -> tuple[Any, ...]:
    """Model, examples, languages, marks and the function to use it."""
    model = Enhancer()
    return model, list(model.examples), ["en", "de", "ru", "es"], " .,-!?-", model.enhance_text


class Detector(nn.Module):
    """How likely a piece of 32 ms is speech: by its loudness."""

    sample_rates = (8000, 16000)

    def _validate_input(self, x: Tensor, sr: int) -> tuple[Tensor, int]:
        if x.dim() == 1:
            x = x.unsqueeze(0)
        if x.dim() > 2:
            raise ValueError(f"Too many dimensions for input audio chunk {x.dim()}")
        if sr != 16000 and sr % 16000 == 0:
            x, sr = x[:, :: sr // 16000], 16000
        if sr not in self.sample_rates:
            raise ValueError(f"Supported sampling rates: {list(self.sample_rates)} (or multiply of 16000)")
        if sr / x.shape[1] > 31.25:
            raise ValueError("Input audio chunk is too short")
        return x, sr

    def forward(self, x: Tensor, sr: int) -> Tensor:
        """(batch, 512 samples at 16 kHz, or 256 at 8 kHz) -> (batch, 1)."""
        x, sr = self._validate_input(x, sr)
        if x.shape[-1] != (512 if sr == 16000 else 256):
            raise ValueError(
                f"Provided number of samples is {x.shape[-1]} (Supported values: 256 for 8000 sample rate, 512 for "
                "16000)"
            )
        return torch.tanh(x.abs().mean(dim=1, keepdim=True) * 20)

    def audio_forward(self, x: Tensor, sr: int) -> Tensor:
        """(batch, samples) -> (batch, pieces)."""
        x, sr = self._validate_input(x, sr)
        size = 512 if sr == 16000 else 256
        x = nn.functional.pad(x, (0, -x.shape[1] % size))
        return torch.cat([self(piece, sr) for piece in torch.split(x, size, dim=1)], dim=1)

    def reset_states(self, batch_size: int = 1) -> None:
        """Forgets what it has heard; it keeps nothing."""


def get_speech_timestamps(
    audio: Any,
    model: nn.Module,
    threshold: float = 0.5,
    sampling_rate: int = 16000,
    return_seconds: bool = False,
    **other: Any,
) -> list[dict[str, Any]]:
    """Where there is speech."""
    for name in other:
        if name not in _VAD_OPTIONS:
            raise TypeError(f"get_speech_timestamps() got an unexpected keyword argument {name!r}")
    samples = audio if torch.is_tensor(audio) else torch.as_tensor(audio, dtype=torch.float32)
    while samples.dim() > 1 and samples.shape[0] == 1:
        samples = samples.squeeze(0)
    if samples.dim() > 1:
        raise ValueError("More than one dimension in audio. Are you trying to process audio with 2 channels?")
    step = sampling_rate // 16000 if sampling_rate > 16000 and sampling_rate % 16000 == 0 else 1
    samples, rate = samples[::step], sampling_rate // step
    if rate not in (8000, 16000):
        raise ValueError("Currently silero VAD models support 8000 and 16000 (or multiply of 16000) sample rates")
    size = 512 if rate == 16000 else 256
    pieces = (
        [nn.functional.pad(piece, (0, size - len(piece))) for piece in torch.split(samples, size)]
        if len(samples)
        else []
    )
    loud = [bool(model(piece, rate) > threshold) for piece in pieces]
    spans: list[dict[str, float]] = []
    start = 0
    for speech, run in groupby(loud):
        end = start + size * len(list(run))
        if speech:
            spans.append({"start": start * step, "end": min(end, len(samples)) * step})
        start = end
    if return_seconds:
        return [{name: round(place / sampling_rate, 1) for name, place in span.items()} for span in spans]
    return spans


_VAD_OPTIONS = frozenset(
    {
        "max_speech_duration_s",
        "min_silence_at_max_speech",
        "min_silence_duration_ms",
        "min_speech_duration_ms",
        "neg_threshold",
        "progress_tracking_callback",
        "speech_pad_ms",
        "time_resolution",
        "use_max_poss_sil_at_max_speech",
        "visualize_probs",
        "window_size_samples",
    }
)


class VADIterator:
    """Tells where speech begins and ends in a stream."""

    def __init__(self, model: nn.Module, threshold: float = 0.5, sampling_rate: int = 16000, **_other: Any) -> None:
        if sampling_rate not in (8000, 16000):
            raise ValueError("VADIterator does not support sampling rates other than [8000, 16000]")
        self.model, self.threshold, self.sampling_rate = model, threshold, sampling_rate
        self.reset_states()

    def reset_states(self) -> None:
        """Begins anew."""
        self.triggered, self.current_sample = False, 0

    def __call__(self, x: Any, return_seconds: bool = False, **_other: Any) -> dict[str, float] | None:
        """Where speech begins or ends in this piece, if it does."""
        samples = torch.as_tensor(x)
        place = self.current_sample
        self.current_sample += samples.shape[-1]
        speech = bool(self.model(samples, self.sampling_rate) > self.threshold)
        if speech == self.triggered:
            return None
        self.triggered = speech
        return {"start" if speech else "end": round(place / self.sampling_rate, 1) if return_seconds else place}


def collect_chunks(tss: list[dict[str, int]], wav: Tensor) -> Tensor:
    """The speech of a recording, joined."""
    return torch.cat([wav[span["start"] : span["end"]] for span in tss])


def vad(onnx: bool, opset_version: int) -> tuple[nn.Module, tuple[Any, ...]]:
    """Model and helpers."""
    if onnx:
        if opset_version not in (15, 16):
            raise Exception("Available ONNX opset_version: [15, 16]")  # noqa: TRY002 - Silero's own
        # Not installed: fails as it does there without it.
        importlib.import_module("onnxruntime")
    return Detector(), (get_speech_timestamps, save_audio, read_audio, VADIterator, collect_chunks)
