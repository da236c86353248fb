"""Files of a report: nothing is overwritten or removed that a report did not write.

Each page ends with the digest of all that stands before it. So a page says of itself that it was written here and not
changed since, and the folder needs no list of its files.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from apigauge.errors import ApigaugeError

_END = re.compile(rb"\n(?:<!--|//) written by apigauge, sha256:([0-9a-f]{64})(?: -->)?\n\Z")
# Pages of versions that wrote no digest.
_FORMER = re.compile(
    rb'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '
    rb"content=\"default-src &#39;none&#39;; img-src data:; .{0,900}?apigauge( leaderboard)?</title>",
    re.DOTALL,
)


def write_pages(
    out: Path, pages: Mapping[str, Callable[[], bytes]], former: str, what: str, former_head: bytes = b""
) -> None:
    """Writes pages, and removes those that an earlier report wrote and this one does not have.

    Args:
        out: the folder, made if need be.
        pages: what makes each page, by its path in the folder.
        former: the pages that may be removed, as a pattern of paths.
        what: is written, for messages.
        former_head: how files without a digest begin that may be replaced all the same.

    Raises:
        ApigaugeError: a file is in the way that no report wrote or somebody changed, or the folder cannot be written.
    """
    for name in pages:
        check_free(out / name, what, former_head)
    try:
        for name, make in pages.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(signed(name, make()))
        for path in sorted(out.glob(former)):
            if path.relative_to(out).as_posix() not in pages and not path.is_symlink() and is_signed(path.read_bytes()):
                path.unlink()
    except OSError as error:
        raise ApigaugeError(f"{out}: the {what} cannot be written ({error}); choose another folder") from error


def check_free(path: Path, what: str, former_head: bytes = b"") -> None:
    """Refuses to write over what is not a report's.

    Raises:
        ApigaugeError: the file was not written by a report, or was changed since.
    """
    try:
        if not path.exists() and not path.is_symlink():
            return
        content = path.read_bytes()
    except OSError as error:
        raise ApigaugeError(f"{path}: the {what} cannot be written ({error}); choose another folder") from error
    is_former = not _END.search(content) and (
        _FORMER.match(content) or (former_head and content.startswith(former_head))
    )
    if not is_signed(content) and not is_former:
        raise ApigaugeError(
            f"{path}: was not written by apigauge, or was changed since, and is not overwritten; move it away, or "
            "choose another folder"
        )


def signed(name: str, content: bytes) -> bytes:
    """A page, or a script, with the digest at its end."""
    line = f"written by apigauge, sha256:{hashlib.sha256(content).hexdigest()}"
    return content + (f"\n// {line}\n" if name.endswith(".js") else f"\n<!-- {line} -->\n").encode()


def is_signed(content: bytes) -> bool:
    """Whether a report wrote this, and nobody changed it."""
    end = _END.search(content)
    return end is not None and hashlib.sha256(content[: end.start()]).hexdigest() == end[1].decode()
