"""The cache of ``huggingface_hub``: where its programs look for a repository's files before they ask a server.

``models--ORG--NAME/refs/REVISION`` holds a commit, ``snapshots/COMMIT/`` one link per file, ``.no_exist/COMMIT/`` one
empty file per file that is known to be missing (huggingface_hub's guide "Understand caching"). All repositories
share one folder of contents and one of lists of missing files.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

# Optional files that the libraries look for. If they are marked as missing, the libraries neither ask nor give up.
OPTIONAL = (
    *("adapter_config.json", "added_tokens.json", "chat_template.jinja", "chat_template.json", "config.json"),
    *("custom_generate/generate.py", "flax_model.msgpack", "generation_config.json", "merges.txt", "model_index.json"),
    *("model.safetensors", "model.safetensors.index.json", "modules.json", "preprocessor_config.json"),
    *("processor_config.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "sentencepiece.bpe.model"),
    *("special_tokens_map.json", "spiece.model", "tf_model.h5", "tokenizer.json", "tokenizer.model"),
    *("tokenizer_config.json", "video_preprocessor_config.json", "vocab.json", "vocab.txt"),
    *("sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json"),
    *("sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json"),
    *("sentence_xlnet_config.json", "config_sentence_transformers.json", "tokenizer_file.json", "spm.model"),
    *("additional_chat_templates", "README.md", "audio_tokenizer_config.json", "image_processor_config.json"),
)
# The layout that transformers looks for before it rearranges an older one.
_LAYOUT = "1"


class Cache:
    """A cache that repositories are added to.

    Args:
        root: its folder; ``hub`` below it is what ``HF_HUB_CACHE`` names.
    """

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._missing = root / "missing"
        self._hub = root / "hub"
        for folder in (self._blobs, self._missing, self._hub):
            folder.mkdir(parents=True)
        (self._hub / "version.txt").write_text(_LAYOUT, encoding="utf-8")

    def add(
        self, repo: str, files: Path, revisions: Iterable[str] = (), *, kind: str = "models", flat: bool = False
    ) -> None:
        """Moves a repository's files in; ``main`` and the given revisions all name them.

        Args:
            repo: its address.
            files: a folder.
            revisions: further branches, tags and commits besides ``main``.
            kind: ``models`` or ``datasets``.
            flat: also put the files where ``cached_download`` looks, which names every file by its address.
        """
        contents = {
            path.relative_to(files).as_posix(): self._keep(path)
            for path in sorted(files.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
        commit = _commit(repo, contents)
        place = self._hub / f"{kind}--{repo.replace('/', '--')}"
        snapshot = place / "snapshots" / commit
        for name, digest in contents.items():
            link = snapshot / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(self._blobs / digest, link.parent))
            if flat:
                link = self._hub / _flat_name(f"https://huggingface.co/{repo}/resolve/main/{name}", digest)
                link.symlink_to(os.path.relpath(self._blobs / digest, link.parent))
        snapshot.mkdir(parents=True, exist_ok=True)
        (place / "blobs").mkdir()  # the library would create it, and fails if it cannot
        for revision in ("main", *revisions):
            reference = place / "refs" / revision
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit, encoding="ascii")
        missing = place / ".no_exist" / commit
        missing.parent.mkdir()
        missing.symlink_to(os.path.relpath(self._lack(contents), missing.parent))

    def _keep(self, path: Path) -> str:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not (self._blobs / digest).exists():
            shutil.move(path, self._blobs / digest)
        return digest

    def _lack(self, contents: Iterable[str]) -> Path:
        """A folder with an empty file for each optional file that is not among these."""
        names = sorted(set(OPTIONAL) - set(contents))
        folder = self._missing / hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder


def _flat_name(address: str, digest: str) -> str:
    """What huggingface_hub before 0.26 called a file: its address and its tag, both hashed (``url_to_filename``)."""
    parts = (address, f'"{digest}"')
    ending = ".h5" if address.endswith(".h5") else ""
    return ".".join(hashlib.sha256(part.encode()).hexdigest() for part in parts) + ending


def _commit(repo: str, contents: dict[str, str]) -> str:
    """A commit id of forty digits, like Git's, that depends on the files."""
    text = "\n".join([repo, *(f"{name} {digest}" for name, digest in sorted(contents.items()))])
    return hashlib.sha256(text.encode()).hexdigest()[:40]
