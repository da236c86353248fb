"""A comparison's answers in parts: the first on the page itself, the others in files that its script loads."""

import base64
import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from apigauge.reports.pairing import Group
from apigauge.reports.rendering import macros
from apigauge.reports.unseen import plain

# In characters. Pages up to the first hold all answers, so that they can be read and searched without a script.
WHOLE, FIRST, PART = 8_000_000, 1_000_000, 500_000


@dataclass(frozen=True, slots=True)
class Part:
    """Answers in a row: their markup, and the number of the first."""

    html: Markup
    begin: int


def split(groups: Sequence[Group], names: Sequence[str]) -> Iterator[Part]:
    """The answers in one or more parts, each made when it is looked at; ``names`` are the runs' as shown."""
    template = macros("pairs.html")
    rendered = ((number, template.item(row, names)) for number, group in enumerate(groups) for row in group.rows)
    # As much as may be on the page, and one more.
    ahead, size = [], 0
    for entry in rendered:
        ahead.append(entry)
        size += len(entry[1])
        if size > WHOLE:
            break
    part: list[tuple[int, Markup]] = []
    begin, room = 0, WHOLE if size <= WHOLE else FIRST
    for entry in itertools.chain(ahead, rendered):
        if part and room < len(entry[1]):
            yield Part(_markup(part, groups), begin)
            begin += len(part)
            part, room = [], PART
        part.append(entry)
        room -= len(entry[1])
    yield Part(_markup(part, groups), begin)


def contents(groups: Sequence[Group], begins: Sequence[int], domains: Sequence[str]) -> dict[str, Any]:
    """What the page's script must know of all answers before it loads them.

    Args:
        groups: the answers by API.
        begins: the number of each part's first answer.
        domains: all domains.

    Returns:
        ``groups`` has the number of each answer's group, ``codes`` that of an entry in ``changes``: what changed by
        metric, and whether nothing did. ``apis`` has each group's words for the search, ``domains`` the number of its
        domain, ``parts`` each part's first answer.
    """
    places = {domain: at for at, domain in enumerate(domains)}
    changes: dict[tuple[str, bool], int] = {}
    codes = [
        changes.setdefault(("".join(outcome.changes), outcome.is_alike), len(changes))
        for group in groups
        for outcome in group.outcomes
    ]
    return {
        "groups": [number for number, group in enumerate(groups) for _ in group.outcomes],
        "codes": codes,
        "changes": list(changes),
        "apis": [plain(f"{group.api} {group.domain}") for group in groups],
        "domains": [places[group.domain] for group in groups],
        "parts": list(begins),
    }


def script_of(number: int, part: Part) -> bytes:
    """The file of a part: its markup, packed by zlib and in base64.

    A browser keeps each script that it has run, so that a search through all answers would keep all of their markup.
    """
    packed = base64.b64encode(zlib.compress(str(part.html).encode("utf-8", "xmlcharrefreplace"))).decode()
    return f'apigauge({number},"{packed}");'.encode()


def _markup(entries: Iterable[tuple[int, Markup]], groups: Sequence[Group]) -> Markup:
    pieces: list[str] = []
    at = None
    for number, html in entries:
        if number != at:
            pieces += [
                "" if at is None else "</section>\n",
                f'<section class="group" data-group="{number}">\n',
                macros("pairs.html").head(groups[number]),
                "\n",
            ]
            at = number
        pieces += [html, "\n"]
    return Markup("".join(pieces) + ("</section>" if entries else ""))  # noqa: S704 - of a template, which escapes
