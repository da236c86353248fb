"""``apigauge cache list`` and ``prune``: what the cache holds, and removing what has not been used for long."""

import argparse
import contextlib
import re
import time
from collections.abc import Sequence
from typing import Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.cache_parts import KEPT, KINDS, Part, parts, root
from apigauge.harness.cli.output import add_json, print_json, say, say_error

_DAY = 86_400
_AGES = {"h": 3600, "d": _DAY, "w": 7 * _DAY}
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
# Kinds whose parts are too many for a list: they are one line.
_SUMMED = ("completions", "ceilings", "reports")


def declare_list(parser: argparse.ArgumentParser) -> None:
    """Declares the options of ``list``."""
    _add_kind(parser)
    add_json(parser)
    parser.set_defaults(function=list_parts)


def declare_prune(parser: argparse.ArgumentParser) -> None:
    """Declares the options of ``prune``."""
    _add_kind(parser)
    parser.add_argument(
        "--older-than", type=_age, metavar="AGE", help="what has not been used for so long: 12h, 30d, 8w"
    )
    parser.add_argument(
        "--max-size",
        type=_size,
        metavar="SIZE",
        help="the longest unused first, until the rest takes no more: 500M, 20G",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add_json(parser)
    parser.set_defaults(function=prune)


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        nargs="+",
        action="extend",
        choices=(*KINDS, *KEPT),
        metavar="KIND",
        help=f"only these: {', '.join((*KINDS, *KEPT))}",
    )


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of hours, days or weeks: 12h, 30d, 8w")
    return float(match[1]) * _AGES[match[2]]


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgt]?)b?", text.lower())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of bytes: 500M, 20G")
    return int(float(match[1]) * _SIZES[match[2]])


def list_parts(arguments: argparse.Namespace) -> int:
    """Prints what there is, by kind."""
    every = list(parts(tuple(arguments.kind) if arguments.kind else None))
    if arguments.json:
        print_json(
            {"folder": str(root()), "bytes": sum(part.size for part in every), "parts": [_record(p) for p in every]}
        )
        return 0
    from apigauge.harness.cli.tables import Column, print_table

    rows = []
    for kind in dict.fromkeys(part.kind for part in every):
        own = sorted((part for part in every if part.kind == kind), key=lambda part: -part.size)
        lines = [(f"{len(own):,} entries", own)] if kind in _SUMMED else [(part.name, [part]) for part in own]
        rows += [(kind, name, *_columns(group)) for name, group in lines]
    print_table(
        (Column("kind"), Column("what", folds=24), Column("MB", is_right=True), Column("last used", is_right=True)),
        rows,
        title=str(root()),
        caption=f"{sum(part.size for part in every) / 1e6:,.1f} MB in all; images share layers, so that they take less",
    )
    return 0


def prune(arguments: argparse.Namespace) -> int:
    """Removes what is chosen and not in use.

    Raises:
        UsageError: neither an age nor a size says what to remove.
    """
    if arguments.older_than is None and arguments.max_size is None:
        raise UsageError("cache prune: say what to remove: --older-than AGE, --max-size SIZE, or both")
    every = list(parts(tuple(arguments.kind or KINDS)))
    doomed = chosen(every, time.time(), arguments.older_than, arguments.max_size)
    removed: list[Part] = []
    in_use: list[Part] = []
    failed: list[Part] = []
    for part in doomed:
        try:
            (removed if _remove(part, is_dry=arguments.dry_run) else in_use).append(part)
        except (OSError, ApigaugeError) as error:
            failed.append(part)
            say_error(f"{part.kind} {part.name}: not removed: {error}")
    for part in in_use:
        say(f"apigauge: {part.kind} {part.name}: in use, and stays")
    record: dict[str, Any] = {
        "removed": [_record(part) for part in removed],
        "in_use": [_record(part) for part in in_use],
        "failed": [_record(part) for part in failed],
        "bytes": sum(part.size for part in removed),
        "dry_run": arguments.dry_run,
    }
    if arguments.json:
        print_json(record)
    else:
        counts = {kind: sum(part.kind == kind for part in removed) for kind in dict.fromkeys(p.kind for p in removed)}
        what = ", ".join(f"{count:,} of {kind}" for kind, count in counts.items()) or "nothing"
        print(f"{'would remove' if arguments.dry_run else 'removed'} {what}: {record['bytes'] / 1e6:,.1f} MB")
    return ApigaugeError.exit_code if failed else 0


def chosen(every: Sequence[Part], now: float, older_than: float | None, most: int | None) -> list[Part]:
    """What is to be removed, the longest unused first.

    Args:
        every: the parts.
        now: seconds since 1970.
        older_than: what has not been used for so many seconds.
        most: bytes that may be left; together with an age, only what is older goes.
    """
    by_use = sorted(every, key=lambda part: part.used)
    old = [part for part in by_use if older_than is None or now - part.used > older_than]
    if most is None:
        return old
    excess = sum(part.size for part in every) - most
    doomed = []
    for part in old:
        if excess <= 0:
            break
        doomed.append(part)
        excess -= part.size
    return doomed


def _remove(part: Part, *, is_dry: bool) -> bool:
    """Removes a part, unless it is in use or being built; whether it is free."""
    from apigauge.sandboxes.in_use import taken

    with contextlib.ExitStack() as stack:
        if not all(stack.enter_context(taken(lock)) for lock in part.locks):
            return False
        if not is_dry:
            part.remove()
    return True


def _record(part: Part) -> dict[str, Any]:
    return {"kind": part.kind, "name": part.name, "bytes": part.size, "last_used": _date(part.used)}


def _columns(group: Sequence[Part]) -> tuple[str, str]:
    return f"{sum(part.size for part in group) / 1e6:,.2f}", _date(max(part.used for part in group))[:10]


def _date(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
