# ruff: noqa: INP001 - one file among those of site-packages
"""Imports librosa with the functions that numba compiled when the image was made.

Compiling would take fourteen seconds in every program that reads a sound with librosa. numba uses its cache only in a
writable folder, and every folder that programs can write is emptied after each. So the cache is copied to where the
worker may write, librosa is imported before any program runs, and the copy is removed again.
"""

import importlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

_COMPILED, _CACHE = Path("/usr/share/numba"), Path(os.environ["NUMBA_CACHE_DIR"])

with suppress(OSError):
    shutil.copytree(_COMPILED, _CACHE, dirs_exist_ok=True)
for _name in ("librosa.core.audio", "librosa.effects", "librosa.feature.spectral"):
    importlib.import_module(_name)
with suppress(OSError):
    for _folder in list(_COMPILED.iterdir()):
        shutil.rmtree(_CACHE / _folder.name, ignore_errors=True)
