"""Code that a repository brings itself, for models which load only with ``trust_remote_code``."""

from pathlib import Path
from typing import Any

_CONFIGURATION = '''\
"""Configuration of a stand-in model."""

from transformers import {base}


class {name}({base}):
    """As its base, under the name that the repository gives it."""

    model_type = "{kind}"
'''
_MODEL = '''\
"""A stand-in model."""

from transformers import {base}

from .{module} import {configuration}


class {name}({base}):
    """As its base, under the name that the repository gives it."""

    config_class = {configuration}
'''


def write(entry: dict[str, Any], model: Any, folder: Path) -> None:
    """Writes the modules that ``auto_map`` names.

    Args:
        entry: the repository's line; ``extra.remote_classes`` is its ``auto_map``.
        model: the library's class that stands behind the repository's own.
        folder: where the snapshot is.
    """
    classes = dict(entry["extra"]["remote_classes"])
    module, configuration = classes.pop("AutoConfig").split(".")
    base = model.config_class.__name__
    text = _CONFIGURATION.format(base=base, name=configuration, kind=entry["type"])
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    for place in sorted(set(classes.values())):
        file, name = place.split(".")
        text = _MODEL.format(base=model.__name__, module=module, configuration=configuration, name=name)
        (folder / f"{file}.py").write_text(text, encoding="utf-8")
