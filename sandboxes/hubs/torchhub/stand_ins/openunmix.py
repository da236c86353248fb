"""Open-Unmix: a song, or noisy speech, in parts."""

from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded

MUSIC = ("vocals", "drums", "bass", "other")
SPEECH = ("speech", "noise")


class OpenUnmix(nn.Module):
    """One target's spectrogram from a mixture's."""

    def __init__(self, name: str) -> None:
        super().__init__()
        with seeded(name):
            self.gain = nn.Parameter(torch.rand(1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bins, frames) -> the same."""
        return x * torch.sigmoid(self.gain)


class Separator(nn.Module):
    """Targets from a mixture of stereo samples."""

    def __init__(self, target_models: dict[str, nn.Module], residual: bool, niter: int, rate: float) -> None:
        super().__init__()
        self.target_models = nn.ModuleDict(target_models)
        self.nb_targets, self.residual, self.niter = len(target_models), residual, niter
        self.register_buffer("sample_rate", torch.as_tensor(rate))

    def freeze(self) -> None:
        """Makes it one for use alone."""
        for parameter in self.parameters():
            parameter.requires_grad = False
        self.eval()

    def forward(self, audio: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, targets, channels, time)."""
        estimates = torch.stack([model(audio) for model in self.target_models.values()], dim=1)
        return (
            torch.cat((estimates, audio[:, None] - estimates.sum(dim=1, keepdim=True)), dim=1)
            if self.residual
            else estimates
        )

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
    return {target: OpenUnmix(f"{name} {target}").to(device) for target in targets or trained}


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
    rate = 16000.0 if trained == SPEECH else 44100.0
    return Separator(spectrograms(name, trained, targets, device), residual, niter, rate).to(device)
