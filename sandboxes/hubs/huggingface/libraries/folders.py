"""The caches of libraries that do not look where ``huggingface_hub`` does: links to the same snapshots.

Their own variables name these folders, except for fairseq, which uses the home folder: to run programs with it, link
``~/.cache/fairseq`` to ``{hub}/hub``.
"""

import os
from pathlib import Path

VARIABLES = {
    "ASTEROID_CACHE": "{hub}/hub",
    "FLAIR_CACHE_ROOT": "{hub}/flair",
    "PYANNOTE_CACHE": "{hub}/hub",
}
# Diarization embeds speakers with this one, and SpeechBrain collects it in a folder of pyannote's cache.
_SPEAKERS = "models--speechbrain--spkrec-ecapa-voxceleb"


def link(out: Path) -> None:
    """Adds the links to a hub that is built below a folder."""
    hub = out / "hub"
    for place in sorted(hub.glob("models--flair--*")):
        # The package has a separate cache for every model.
        _link(out / "flair" / "models" / place.name.removeprefix("models--flair--") / place.name, place)
    for snapshot in sorted((hub / _SPEAKERS / "snapshots").glob("*")):
        for file in sorted(snapshot.iterdir()):
            _link(hub / "speechbrain" / file.name, file)
            if file.suffix == ".txt":
                _link(hub / "speechbrain" / f"{file.stem}.ckpt", file)


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))
