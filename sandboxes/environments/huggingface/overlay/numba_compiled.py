# ruff: noqa: INP001 - one file among those of site-packages
"""Imports librosa with what numba compiled of it when the image was made.

Compiling takes fourteen seconds, in every program that reads a sound with it. numba reads what it kept only from a
folder that it can write, and programs find none that outlives them; so it is copied to where the worker may write,
imported before any program runs, and taken away again.
"""

import importlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

_KEPT, _READ = Path("/usr/share/numba"), Path(os.environ["NUMBA_CACHE_DIR"])

with suppress(OSError):
    shutil.copytree(_KEPT, _READ, dirs_exist_ok=True)
for _name in ("librosa.core.audio", "librosa.effects", "librosa.feature.spectral"):
    importlib.import_module(_name)
with suppress(OSError):
    for _folder in list(_KEPT.iterdir()):
        shutil.rmtree(_READ / _folder.name, ignore_errors=True)
