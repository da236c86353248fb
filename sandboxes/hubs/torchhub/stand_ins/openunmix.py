"""Open-Unmix: a song, or noisy speech, in parts."""

from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import generated

MUSIC = ("vocals", "drums", "bass", "other")
SPEECH = ("speech", "noise")
# Name: hidden size, channels, FFT size, step, rate; the models hear up to 16 kHz.
_SIZES = {
    "umx": (512, 2, 4096, 1024, 44100.0),
    "umxhq": (512, 2, 4096, 1024, 44100.0),
    "umxl": (1024, 2, 4096, 1024, 44100.0),
    "umxse": (256, 1, 1024, 512, 16000.0),
}


class OpenUnmix(nn.Module):
    """One target's spectrogram from a mixture's, of the real sizes."""

    def __init__(self, nb_bins: int, nb_channels: int, hidden_size: int, max_bin: int) -> None:
        super().__init__()
        self.nb_output_bins, self.nb_bins, self.hidden_size = nb_bins, max_bin, hidden_size
        self.fc1 = nn.Linear(self.nb_bins * nb_channels, hidden_size, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden_size)
        self.lstm = nn.LSTM(hidden_size, hidden_size // 2, 3, bidirectional=True, dropout=0.4)
        self.fc2 = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden_size)
        self.fc3 = nn.Linear(hidden_size, nb_bins * nb_channels, bias=False)
        self.bn3 = nn.BatchNorm1d(nb_bins * nb_channels)
        self.input_mean = nn.Parameter(torch.zeros(self.nb_bins))
        self.input_scale = nn.Parameter(torch.ones(self.nb_bins))
        self.output_scale = nn.Parameter(torch.ones(nb_bins))
        self.output_mean = nn.Parameter(torch.ones(nb_bins))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bins, frames) -> the same."""
        x = x.permute(3, 0, 1, 2)
        frames, batch, channels, _ = x.shape
        mix = x.detach().clone()
        x = (x[..., : self.nb_bins] + self.input_mean) * self.input_scale
        x = torch.tanh(self.bn1(self.fc1(x.reshape(-1, channels * self.nb_bins))).view(frames, batch, -1))
        x = torch.cat([x, self.lstm(x)[0]], -1)
        x = torch.relu(self.bn2(self.fc2(x.reshape(-1, x.shape[-1]))))
        x = self.bn3(self.fc3(x)).reshape(frames, batch, channels, self.nb_output_bins)
        return (torch.relu(x * self.output_scale + self.output_mean) * mix).permute(1, 2, 3, 0)


class Separator(nn.Module):
    """Targets from a mixture of samples; with the mixture's phase, and without the Wiener filter's steps."""

    def __init__(self, target_models: dict[str, nn.Module], residual: bool, niter: int, size: str) -> None:
        super().__init__()
        _, channels, self.n_fft, self.n_hop, rate = _SIZES[size]
        self.target_models = nn.ModuleDict(target_models)
        self.nb_targets, self.residual, self.niter, self.nb_channels = len(target_models), residual, niter, channels
        self.register_buffer("sample_rate", torch.as_tensor(rate))
        self.register_buffer("window", torch.hann_window(self.n_fft))

    def freeze(self) -> None:
        """Makes it one for use alone."""
        for parameter in self.parameters():
            parameter.requires_grad = False
        self.eval()

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, targets, channels, time)."""
        length = audio.shape[-1]
        options: dict[str, Any] = {"n_fft": self.n_fft, "hop_length": self.n_hop, "window": self.window, "center": True}
        mixture = torch.stft(audio.reshape(-1, length), **options, onesided=True, return_complex=True)
        mixture = mixture.view((*audio.shape[:-1], *mixture.shape[-2:]))
        masks = [model(mixture.abs().detach()) for model in self.target_models.values()]
        if len(masks) + self.residual == 1 and self.niter > 0:
            raise Exception(  # noqa: TRY002 - Open-Unmix's own
                "Cannot use EM if only one target is estimated."
                "Provide two targets or create an additional one with `--residual`"
            )
        phase = torch.exp(1j * mixture.angle())
        estimates = torch.stack([mask * phase for mask in masks], dim=1)
        if self.residual:
            estimates = torch.cat((estimates, (mixture[:, None] - estimates.sum(dim=1, keepdim=True))), dim=1)
        samples = torch.istft(estimates.flatten(0, 2), **options, length=length)
        return samples.view((*estimates.shape[:3], length))

    def to_dict(self, estimates: Tensor, aggregate_dict: dict[str, list[str]] | None = None) -> dict[str, Tensor]:
        """Estimates by target, or by the groups given."""
        names = [*self.target_models, *(["residual"] if self.residual else [])]
        by_target = {name: estimates[:, number] for number, name in enumerate(names)}
        if aggregate_dict is None:
            return by_target
        return {
            group: torch.stack([by_target[one] for one in ones]).sum(dim=0) for group, ones in aggregate_dict.items()
        }


def spectrograms(name: str, trained: tuple[str, ...], targets: list[str] | None, device: Any) -> dict[str, nn.Module]:
    """A model for each target.

    Raises:
        KeyError: a target that it has no weights for.
    """
    for target in targets or trained:
        if target not in trained:
            raise KeyError(target)
    hidden, channels, n_fft, _, rate = _SIZES[name.removesuffix("_spec")]
    bins = n_fft // 2 + 1
    hears = min(bins, int(16000.0 / (rate / 2 / (bins - 1))) + 1)
    models: dict[str, nn.Module] = {}
    for target in targets or trained:
        with generated(f"{name} {target}"):
            models[target] = OpenUnmix(bins, channels, hidden, hears).eval().to(device)
    return models


def separator(
    name: str,
    trained: tuple[str, ...],
    targets: list[str] | None,
    residual: bool,
    niter: int,
    device: Any,
    filterbank: str,
) -> nn.Module:
    """All of them in one.

    Raises:
        NotImplementedError: the filterbank is not known.
    """
    if filterbank not in ("torch", "asteroid"):
        raise NotImplementedError
    return Separator(spectrograms(name, trained, targets, device), residual, niter, name).to(device)
