"""Tokenizers of the right kind with a toy vocabulary: slow files, ``tokenizer.json`` and settings.

``tokenizer_kinds`` writes the files that the slow class reads; the library itself makes the fast tokenizer of them.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface import tokenizer_kinds, vocabulary_sizes
from apigauge.sandboxes.hubs.huggingface.configs import Names
from apigauge.sandboxes.hubs.huggingface.tokenizer_kinds import Arguments

_USUAL = (
    ("pad", "[PAD] <pad>"),
    ("bos", "<s>"),
    ("eos", "</s>"),
    ("unk", "[UNK] <unk>"),
    ("cls", "[CLS]"),
    ("sep", "[SEP]"),
    ("mask", "[MASK] <mask> <special1>"),
)
# Its fast class cannot read what the slow one can, so its repositories leave the choice to the type of the model.
_SLOW_ONLY = "BlenderbotSmallTokenizer"


def write(name: str, folder: Path, entry: dict[str, Any]) -> Names:
    """Writes a tokenizer of that class and returns the facts that a model's configuration needs.

    Args:
        name: the slow class, or the fast one where there is no other.
        folder: where the files go.
        entry: the repository's line in the table.

    Raises:
        ValueError: no such tokenizer is known here.
    """
    writer = tokenizer_kinds.WRITERS.get(name)
    if writer is None:
        raise ValueError(f"{entry['repo']}: no vocabulary is known for {name}")
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch)
        arguments = writer(raw, entry | {"tokenizer": name})
        key = hashlib.sha256(json.dumps([name, arguments], sort_keys=True, default=str).encode())
        for path in sorted(raw.iterdir()):
            key.update(path.name.encode() + path.read_bytes())
        place, names = _made(key.hexdigest(), name, raw, arguments)
    shutil.copytree(place, folder, dirs_exist_ok=True)
    return Names(names.size, names.ids, vocabulary_sizes.rows(entry), names.codes)


# Many repositories have the same tokenizer, and making one takes seconds.
_MADE: dict[str, tuple[tempfile.TemporaryDirectory[str], Names]] = {}


def _made(key: str, name: str, raw: Path, arguments: Arguments) -> tuple[Path, Names]:
    """The folder with a tokenizer's files, made once in this process, and the facts about it."""
    if key not in _MADE:
        folder = tempfile.TemporaryDirectory()
        _MADE[key] = folder, _make(name, raw, Path(folder.name), arguments)
    folder, names = _MADE[key]
    return Path(folder.name), names


def _make(name: str, raw: Path, folder: Path, arguments: Arguments) -> Names:
    import transformers

    slow = getattr(transformers, name, None)
    if name.endswith("Fast"):
        return _fast_only(slow or transformers.PreTrainedTokenizerFast, raw, folder, arguments, name)
    if slow is None:
        return _by_hand(name, raw, folder, arguments)
    try:
        files = any(raw.iterdir())
        tokenizer = slow.from_pretrained(raw, **arguments) if files else slow(**arguments)
        tokenizer.save_pretrained(folder)
    except ImportError:
        return _by_hand(name, raw, folder, arguments)
    fast = getattr(transformers, f"{name}Fast", None)
    if fast is not None and name != _SLOW_ONLY:
        fast.from_pretrained(raw, **arguments).save_pretrained(folder)
    _clean(folder)
    return _names(tokenizer)


def _names(tokenizer: Any) -> Names:
    codes = getattr(tokenizer, "lang_code_to_id", None) or {}
    ids = {key.removesuffix("_token"): tokenizer.convert_tokens_to_ids(token) for key, token in _specials(tokenizer)}
    added = {token: number for token, number in tokenizer.get_added_vocab().items() if token.startswith("<|")}
    size = max([len(tokenizer), *(number + 1 for number in codes.values())])
    return Names(size, added | ids, codes=tuple(codes.values()))


def _specials(tokenizer: Any) -> list[tuple[str, str]]:
    specials = tokenizer.special_tokens_map.items()
    return [(key, str(token)) for key, token in specials if not isinstance(token, list | tuple)]


def _fast_only(cls: Any, raw: Path, folder: Path, arguments: Arguments, name: str) -> Names:
    tokenizer = cls(tokenizer_file=str(raw / "tokenizer.json"), **arguments)
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["tokenizer_class"] = name
    _json(path, settings)
    return _names(tokenizer)


def _by_hand(name: str, raw: Path, folder: Path, arguments: Arguments) -> Names:
    """For a class that needs a package which is not installed: the files unchanged, and settings."""
    folder.mkdir(exist_ok=True)
    for path in sorted(raw.iterdir()):
        shutil.copyfile(path, folder / path.name)
    _json(folder / "tokenizer_config.json", arguments | {"tokenizer_class": name})
    names = [path for path in sorted(raw.iterdir()) if path.stem.startswith("vocab")]
    text = names[0].read_text(encoding="utf-8")
    tokens = list(json.loads(text)) if names[0].suffix == ".json" else text.splitlines()
    ids = {key: tokens.index(token) for key, token in _USUAL for token in token.split() if token in tokens}
    return Names(len(tokens), ids)


def _clean(folder: Path) -> None:
    """Removes the folder in which the tokenizer was made from its settings."""
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    for key in ("name_or_path", "tokenizer_file", "vocab_file"):
        settings.pop(key, None)
    if settings.get("tokenizer_class") == _SLOW_ONLY:
        del settings["tokenizer_class"]
    _json(path, settings)


def _json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
