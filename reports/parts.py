"""A comparison's answers in parts: the first on the page itself, the others in files that its script loads."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from apigauge.reports.pairing import Group, Row
from apigauge.reports.rendering import macros
from apigauge.reports.unseen import plain

# In characters. Pages up to the first hold all answers, so that they can be read and searched without a script.
WHOLE, FIRST, PART = 8_000_000, 1_000_000, 500_000


@dataclass(frozen=True, slots=True)
class Part:
    """Answers in a row: their markup, and the number of the first."""

    html: Markup
    begin: int


def split(groups: Sequence[Group], names: Sequence[str]) -> list[Part]:
    """The answers in one or more parts; ``names`` are the runs' as shown."""
    template = macros("pairs.html")
    rendered = [(number, group, template.item(row, names)) for number, group, row in _rows(groups)]
    heads = [template.head(group) for group in groups]
    size = sum(len(html) for _, _, html in rendered)
    parts: list[list[tuple[int, Group, Markup]]] = [[]]
    room = WHOLE if size <= WHOLE else FIRST
    for entry in rendered:
        if parts[-1] and room < len(entry[2]):
            parts.append([])
            room = PART
        parts[-1].append(entry)
        room -= len(entry[2])
    begins = [sum(map(len, parts[:at])) for at in range(len(parts))]
    return [Part(_markup(part, heads), begin) for part, begin in zip(parts, begins, strict=True)]


def contents(groups: Sequence[Group], parts: Sequence[Part], domains: Sequence[str]) -> dict[str, Any]:
    """What the page's script must know of all answers before it loads them.

    Returns:
        ``groups`` has the number of each answer's group, ``codes`` that of an entry in ``changes``: what changed by
        metric, and whether nothing did. ``apis`` has each group's words for the search, ``domains`` the number of its
        domain, ``parts`` each part's first answer.
    """
    places = {domain: at for at, domain in enumerate(domains)}
    changes: dict[tuple[str, bool], int] = {}
    codes = [changes.setdefault(("".join(row.changes), row.is_alike), len(changes)) for _, _, row in _rows(groups)]
    return {
        "groups": [number for number, _, _ in _rows(groups)],
        "codes": codes,
        "changes": list(changes),
        "apis": [plain(f"{group.api} {group.domain}") for group in groups],
        "domains": [places[group.domain] for group in groups],
        "parts": [part.begin for part in parts],
    }


def script_of(number: int, part: Part) -> bytes:
    """The file of a part."""
    return f"apigauge({number},{json.dumps(part.html)});".encode("ascii")


def _rows(groups: Sequence[Group]) -> Iterator[tuple[int, Group, Row]]:
    return ((number, group, row) for number, group in enumerate(groups) for row in group.rows)


def _markup(entries: Sequence[tuple[int, Group, Markup]], heads: Sequence[Markup]) -> Markup:
    pieces: list[str] = []
    at = None
    for number, _, html in entries:
        if number != at:
            pieces += [
                "" if at is None else "</section>\n",
                f'<section class="group" data-group="{number}">\n',
                heads[number],
                "\n",
            ]
            at = number
        pieces += [html, "\n"]
    return Markup("".join(pieces) + ("</section>" if entries else ""))  # noqa: S704 - of a template, which escapes
