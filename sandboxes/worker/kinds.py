"""Which kind of data a path or an address names, by its extension and its words; None if it is no data.

Files of models are never data, whether their extension or their location shows what they are.
"""

import re
from typing import NamedTuple

_ADDRESS = re.compile(
    r"https?://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:@]+)(?::\d*)?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"%([0-9A-Fa-f]{2})")
_ALIASES = {
    "htm": "html",
    "jpe": "jpg",
    "jpeg": "jpg",
    "log": "txt",
    "m4v": "mp4",
    "md": "txt",
    "mkv": "mp4",  # readers detect the format from the content
    "mov": "mp4",
    "ndjson": "jsonl",
    "oga": "ogg",
    "pickle": "pkl",
    "tif": "tiff",
    "webm": "mp4",
    "yml": "yaml",
}
_PICTURES = frozenset({"bmp", "gif", "jpg", "png", "tiff", "webp"})
_SOUNDS = frozenset({"flac", "m4a", "mp3", "ogg", "wav"})
_FILMS = frozenset({"avi", "mp4"})
_MEDIA = _PICTURES | _SOUNDS | _FILMS
_DATA = _MEDIA | {"csv", "html", "json", "jsonl", "npy", "npz", "pdf", "tsv", "txt", "xlsx", "xml", "yaml"}
# Formats that models are stored in as well.
_PARTS = frozenset({"json", "npy", "npz", "xml", "yaml", "zip"})
_MODEL_NAME = re.compile(r"model|weights|checkpoint")
_MODELS = re.compile(
    r"\.(?:bin|ckpt|gguf|h5|hdf5|joblib|keras|model|msgpack|onnx|pb|pdparams|pickle|pkl|pth?|safetensors|t7|tar|tflite|"
    r"tgz|(?:tar\.)?(?:bz2|gz|xz)|weights|whl)$"
)
# The first match counts. Only for names without an extension: an "audio_image.txt" is text.
_WORDS = (
    ("wav", re.compile(r"audio|speech|sound|(?<!in)voice|music|podcast|recording|utterance")),
    ("mp4", re.compile(r"video|movie|footage")),
    ("jpg", re.compile(r"image|img|photo|picture|portrait|screenshot|painting")),
    ("csv", re.compile(r"csv|spreadsheet|dataset|table")),
    ("json", re.compile(r"json|\bapi\b")),
    ("pdf", re.compile(r"pdf")),
)
_PLACEHOLDER = re.compile(r"(?:^|[^a-z])(?:path|file)(?:[^a-z]|$)")
_OWN = re.compile(r"(?:^|[^a-z])(?:my|path|your)(?:[^a-z]|$)")
_NO_DATA = re.compile(
    r"model|checkpoint|ckpt|config|dir|folder|output|repo|results?|save|token|vocab|vocoder|weights|[\s:{}<>()\[\],;=]"
)
_PICTURE_HOSTS = re.compile(
    r"(?:^|\.)(?:cocodataset\.org|flickr\.com|imgur\.com|pexels\.com|picsum\.photos|pinimg\.com|pixabay\.com|"
    r"placeimg\.com|postimg\.cc|staticflickr\.com|unsplash\.com|upload\.wikimedia\.org)$"
)
# Hosts from which libraries load models, and that have nothing else.
_HUBS = re.compile(
    r"(?:^|\.)(?:api\.github\.com|codeload\.github\.com|download\.pytorch\.org|kaggle\.com|"
    r"modelscope\.cn|tfhub\.(?:com|dev|google\.com))$|^(?:api|api-inference|router|cdn-lfs[\w-]*)\.huggingface\.co$"
)
# Hosts of models and data: only files with an extension of data count. On hosts where JSON, text and archives are parts
# of models, only media count.
_STORES = re.compile(
    r"(?:^|\.)(?:amazonaws\.com|bitbucket\.org|dl\.fbaipublicfiles\.com|download\.tensorflow\.org|github\.com|"
    r"gitlab\.com|raw\.githubusercontent\.com|storage\.googleapis\.com|zenodo\.org)$"
)
_MODEL_STORES = re.compile(r"(?:^|\.)(?:hf-mirror\.com|hf\.co|huggingface\.co)$")
_NOWHERE = re.compile(r"(?:^|\.)(?:internal|invalid|local|localhost|onion)$|^[\d.]+$|^\[")
_CLASS_NAMES = re.compile(r"(?:labels?|class(?:es|names)?|categories|names|synset_words)(?![a-z])")


def extension(name: str) -> str:
    """A name's extension, lower-case, in the spelling that the sample files have; empty if there is none."""
    stem, dot, end = name.rpartition("/")[2].rpartition(".")
    end = end.lower()
    return _ALIASES.get(end, end) if dot and stem else ""


def of_path(path: str, others: frozenset[str] = frozenset()) -> str | None:
    """The kind that a path names.

    Args:
        path: as a program writes it.
        others: further kinds for which there are files.
    """
    end = extension(path)
    if end in others or end in _DATA | {"zip"}:
        # A name such as model.json or weights.npz belongs to a model; other configurations are read as data too.
        return None if end in _PARTS and _MODEL_NAME.search(path.rpartition("/")[2].lower()) else end
    return None if end else _of_placeholder(path)


def _of_placeholder(path: str) -> str | None:
    """The kind of a placeholder such as ``path/to/an/audio/file``."""
    text = path.lower()
    return of_words(text) if _PLACEHOLDER.search(text) and not _NO_DATA.search(text) else None


def is_own(name: str) -> bool:
    """Whether a data set's name stands for the user's own: ``your_dataset``, ``path/to/data``."""
    return _OWN.search(name.lower()) is not None


def of_words(text: str) -> str | None:
    """The kind that a text mentions."""
    return next((kind for kind, words in _WORDS if words.search(text.lower())), None)


def may_lie_at(host: str, source: str) -> bool:
    """Whether a host may have data and the program names it: addresses that only libraries name are no inputs."""
    return host.lower() in source.lower() and of_address(f"http://{host}/x.jpg") is not None


def of_named_address(address: str, source: str) -> str | None:
    """As :func:`of_address`, but None for a host that the program does not name."""
    return of_address(address) if may_lie_at(_split(address).host, source) else None


def of_address(address: str) -> str | None:
    """The kind of the data at an address; None if it belongs to a hub or a model, or cannot exist."""
    host, path, query = _split(address)
    if not host or _NOWHERE.search(host) or "tf-hub-format" in query:
        return None
    if _HUBS.search(host) or _MODELS.search(path.lower()):
        return None
    end = extension(path) if path.strip("/") else extension(host)
    if _MODEL_STORES.search(host):
        return end if end in (_DATA if path.startswith("/datasets/") else _MEDIA) else None
    if end in _DATA:
        return end
    if _STORES.search(host):
        return None
    return "zip" if end == "zip" else _of_words(host, path, query)


class _Address(NamedTuple):
    host: str
    path: str
    query: str


def _split(address: str) -> _Address:
    """The parts of a web address; an empty host if it is none. Without urllib: programs would find it imported."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return _Address("", "", "")
    return _Address(match["host"].lower(), _unquoted(match["path"]), _unquoted(match["query"] or "").lower())


def _unquoted(text: str) -> str:
    return _QUOTED.sub(lambda match: chr(int(match[1], 16)), text)


def _of_words(host: str, path: str, query: str) -> str:
    if match := re.search(r"(?:^|[=.])(" + "|".join(sorted(_DATA | set(_ALIASES))) + r")(?:&|$)", query):
        return _ALIASES.get(match[1], match[1])
    return of_words(f"{host}{path} {query}") or ("jpg" if _PICTURE_HOSTS.search(host) else "html")


def class_list(name: str) -> str | None:
    """Which classifier's classes a file lists, by its name: ``coco`` or ``imagenet``; None if it is no list."""
    name = name.lower()
    if not _CLASS_NAMES.search(name) or "index" in name or extension(name) not in ("json", "names", "txt"):
        return None
    if "coco" in name:
        return "coco"
    return "imagenet" if "imagenet" in name or not name.endswith(".json") else None
