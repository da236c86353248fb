"""Files of a report: nothing is overwritten or removed that a report did not write.

Each page ends with the digest of all that stands before it. So a page says of itself that it was written here and not
changed since, and the folder needs no list of its files.
"""

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from apigauge.errors import ApigaugeError
from apigauge.reports.build_cache import write_atomically

_END = re.compile(rb"\n(?:<!--|//) written by apigauge, sha256:([0-9a-f]{64})(?: -->)?\n\Z")
_LONGEST_END = 200
# The last chunk of a PNG has no content; a comment before it has the digest of all else.
_PNG_END = 12
_PNG_DIGEST = re.compile(
    rb".{4}tEXtComment\0written by apigauge, sha256:([0-9a-f]{64}).{4}(?=\0{4}IEND.{4}\Z)", re.DOTALL
)
# Pages of versions that wrote no digest.
_FORMER = re.compile(
    rb'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '
    rb"content=\"default-src &#39;none&#39;; img-src data:; .{0,900}?apigauge( leaderboard)?</title>",
    re.DOTALL,
)


def write_pages(
    out: Path,
    pages: Mapping[str, Callable[[], bytes]],
    former: Sequence[str],
    what: str,
    former_head: bytes = b"",
    *,
    current: Mapping[str, str] | None = None,
    is_kept: Callable[[str], bool] = lambda _path: False,
) -> dict[str, str]:
    """Writes pages, and removes those that an earlier report wrote and this one does not have.

    Each is replaced whole, so that nobody reads half of one, and not touched if it is the same already.

    Args:
        out: the folder, made if need be.
        pages: what makes each page, by its path in the folder.
        former: the pages that may be removed, as patterns of paths; a folder that is empty then goes, too.
        what: is written, for messages.
        former_head: how files without a digest begin that may be replaced all the same.
        is_kept: whether a file is not removed all the same.
        current: digests of what pages would be made, where that is sure; such a page is not made if it is there.

    Returns:
        The digest of each page.

    Raises:
        ApigaugeError: a file is in the way that no report wrote or somebody changed, or the folder cannot be written.
    """
    digests = {name: check_free(out / name, what, former_head) for name in pages}
    try:
        for name, make in pages.items():
            if digests[name] and digests[name] == (current or {}).get(name):
                continue
            content = make()
            digest = hashlib.sha256(content).hexdigest()
            if digest != digests[name]:
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                write_atomically(out / name, signed(name, content))
            digests[name] = digest
        for path in sorted({path for pattern in former for path in out.glob(pattern)}):
            place = path.relative_to(out).as_posix()
            if place not in pages and not is_kept(place) and not path.is_symlink() and signature(path.read_bytes()):
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
    except OSError as error:
        raise ApigaugeError(f"{out}: the {what} cannot be written ({error}); choose another folder") from error
    return digests


def check_free(path: Path, what: str, former_head: bytes = b"") -> str:
    """Refuses to write over what is not a report's.

    Returns:
        The digest that the file has at its end; empty if there is no file, or one without a digest.

    Raises:
        ApigaugeError: the file was not written by a report, or was changed since.
    """
    try:
        if not path.exists() and not path.is_symlink():
            return ""
        content = path.read_bytes()
    except OSError as error:
        raise ApigaugeError(f"{path}: the {what} cannot be written ({error}); choose another folder") from error
    is_former = not _END.search(content, max(0, len(content) - _LONGEST_END)) and (
        _FORMER.match(content) or (former_head and content.startswith(former_head))
    )
    digest = signature(content)
    if not digest and not is_former:
        raise ApigaugeError(
            f"{path}: was not written by apigauge, or was changed since, and is not overwritten; move it away, or "
            "choose another folder"
        )
    return digest


def signed(name: str, content: bytes) -> bytes:
    """A page, a script or a PNG, with the digest at its end."""
    if name.endswith(".png"):
        text = b"tEXtComment\0written by apigauge, sha256:" + hashlib.sha256(content).hexdigest().encode()
        chunk = (len(text) - 4).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
        return content[:-_PNG_END] + chunk + content[-_PNG_END:]
    line = f"written by apigauge, sha256:{hashlib.sha256(content).hexdigest()}"
    return content + (f"\n// {line}\n" if name.endswith(".js") else f"\n<!-- {line} -->\n").encode()


def signature(content: bytes) -> str:
    """The digest at the end of what a report wrote; empty if none did, or somebody changed it."""
    if image := _PNG_DIGEST.search(content, max(0, len(content) - _LONGEST_END)):
        before = content[: image.start()] + content[-_PNG_END:]
        return image[1].decode() if hashlib.sha256(before).hexdigest() == image[1].decode() else ""
    # What stands before the digest may be large, and a search would begin at each of its line ends.
    end = _END.search(content, max(0, len(content) - _LONGEST_END))
    if end is None or hashlib.sha256(memoryview(content)[: end.start()]).hexdigest() != end[1].decode():
        return ""
    return end[1].decode()
