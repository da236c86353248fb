"""Language codes that are part of a vocabulary or of an address."""

import re
from typing import Any

from apigauge.sandboxes.hubs.huggingface.word_lists import LISTS

# The order of openai/whisper's own list: a language's place in it is part of the format.
_WHISPER = LISTS["whisper_languages"]
_MARIAN = re.compile(r"opus-mt-(?:tc-big-)?(?P<source>[A-Za-z_]+)-(?P<target>[A-Za-z_]+)$")


def whisper_tokens() -> list[str]:
    """Whisper's special tokens in their order, without the time stamps."""
    tasks = ("translate", "transcribe", "startoflm", "startofprev", "nocaptions", "notimestamps")
    return ["<|startoftranscript|>", *(f"<|{code}|>" for code in _WHISPER), *(f"<|{task}|>" for task in tasks)]


def whisper_languages() -> list[str]:
    """Whisper's language codes in their order."""
    return list(_WHISPER)


def marian_pair(entry: dict[str, Any]) -> tuple[str, str]:
    """Source and target language of a Marian model; English to German where nothing says them."""
    match = _MARIAN.search(entry["repo"])
    pair = {"source_language": "en", "target_language": "de"}
    if match:
        pair = {"source_language": match["source"], "target_language": match["target"]}
    pair |= {key: value for key, value in (entry.get("extra") or {}).items() if key in pair}
    return pair["source_language"], pair["target_language"]


def marian_targets(entry: dict[str, Any]) -> list[str]:
    """The tokens that select one of a model's several target languages."""
    return [f">>{code}<<" for code in (entry.get("extra") or {}).get("prefix_codes", ())]
