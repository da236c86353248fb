"""Addresses of runs, such as ``s3://bucket/runs/mine``, and the folder here, the journal, that each has."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from apigauge.errors import UsageError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ONE_SLASH = re.compile(r"[a-z][a-z0-9+.-]+:/(?!/)")
_NO_HOST = "-"


def is_address(text: str) -> bool:
    """Whether a text is an address rather than a path."""
    return bool(_ADDRESS.match(text))


def root() -> Path:
    """The folder of all journals."""
    return platformdirs.user_cache_path("apigauge") / "remote"


def journal(path: str | os.PathLike[str]) -> Path:
    """A path itself; of an address its journal. Nothing is read or written.

    Raises:
        UsageError: the address cannot be one of a folder that lasts, or has a password.
    """
    text = os.fspath(path)
    if _ONE_SLASH.match(text) and not Path(Path(text).parts[0]).exists():
        raise UsageError(f"{text}: an address has two slashes, and is text, not a Path: {text.replace(':/', '://', 1)}")
    if not is_address(text):
        return Path(path)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UsageError(f"{text}: is no address: {error}") from error
    names = [name for name in parts.path.split("/") if name]
    if parts.password:
        raise UsageError(
            f"{parts.scheme}://...: leave out the password, which others see in a command; fsspec takes it from "
            f"FSSPEC_{parts.scheme.upper()}_PASSWORD or from its file of settings"
        )
    if parts.query or parts.fragment or "::" in text or not (parts.netloc or names):
        raise UsageError(f"{text}: is not the address of a folder, such as s3://bucket/runs/mine")
    if any(name.startswith(".") or "\0" in name for name in (parts.netloc, *names)):
        raise UsageError(f"{text}: no part of an address may begin with a dot")
    if parts.scheme == "memory" or (parts.scheme in ("file", "local") and parts.netloc):
        raise UsageError(f"{text}: keeps nothing; a folder of this machine is file:///absolute/path")
    return root().joinpath(parts.scheme, parts.netloc or _NO_HOST, *names)


def local(path: str | os.PathLike[str]) -> Path:
    """A path of this machine.

    Raises:
        UsageError: it is an address.
    """
    if address_of(folder := journal(path)) and is_address(os.fspath(path)):
        raise UsageError(f"{path}: an address is for runs; this is read or written on this machine")
    return folder


def address_of(folder: Path) -> str | None:
    """The address of a journal; None for any other folder."""
    try:
        scheme, host, *names = folder.absolute().relative_to(root()).parts
    except ValueError:
        return None
    return f"{scheme}://{'' if host == _NO_HOST else host}/{'/'.join(names)}"


def shown(folder: Path) -> str:
    """A folder as a user names it: a journal by its address."""
    return address_of(folder) or str(folder)
