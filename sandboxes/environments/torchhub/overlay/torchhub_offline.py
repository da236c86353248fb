# ruff: noqa: INP001 - one file among those of site-packages
"""Makes ``force_reload=True`` use the mounted hub.

With this option torch.hub downloads the repository from GitHub again. In a sandbox the hub is mounted read-only and
takes GitHub's place: what it has cannot be out of date, and what it lacks is requested from the network as before, and
fails.
"""

import os
from typing import Any

import torch.hub

_reload = torch.hub._get_cache_or_reload  # noqa: SLF001 - the one function that force_reload reaches


def _from_the_hub(github: str, force_reload: bool, *args: Any, **kwargs: Any) -> Any:
    return _reload(github, force_reload and os.access(torch.hub.get_dir(), os.W_OK), *args, **kwargs)


torch.hub._get_cache_or_reload = _from_the_hub  # noqa: SLF001
