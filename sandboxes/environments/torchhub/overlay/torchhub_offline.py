# ruff: noqa: INP001 - one file among those of site-packages
"""Lets ``force_reload=True`` reload from the hub that is there.

torch.hub answers it by asking GitHub for the repository anew. The hub of a sandbox is mounted read-only and is all the
GitHub that there is: what it holds cannot be out of date, and what it lacks is still asked for, and not found.
"""

import os
from typing import Any

import torch.hub

_reload = torch.hub._get_cache_or_reload  # noqa: SLF001 - the one function that force_reload reaches


def _from_the_hub(github: str, force_reload: bool, *args: Any, **kwargs: Any) -> Any:
    return _reload(github, force_reload and os.access(torch.hub.get_dir(), os.W_OK), *args, **kwargs)


torch.hub._get_cache_or_reload = _from_the_hub  # noqa: SLF001
