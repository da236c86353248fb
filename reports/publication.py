"""A site that others link to: addresses that stay, pages of runs that are not given any more, and its place on the web.

A run's page says which run it is of, and which data it reads. So the folder itself says what it already has.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

from apigauge.errors import ApigaugeError
from apigauge.reports.file_names import page_names
from apigauge.reports.ordering import ordered
from apigauge.reports.pages import signature
from apigauge.reports.views import RunView

PREVIEW, NOT_FOUND = "preview.png", "404.html"
_MARK = "apigauge-"
_DATA = re.compile(r"benchmarks/[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class OlderPage:
    """A run's page that an earlier build wrote.

    Attributes:
        file: its name in ``runs/``, without extension.
        run: as of :func:`identity_of`.
        data: the folder of its questions in ``data/``.
        name: of the run.
        spec: what answered.
        benchmark: the benchmark's name.
    """

    file: str
    run: str
    data: str
    name: str
    spec: str
    benchmark: str

    def has(self, path: str) -> bool:
        """Whether the page is, or reads, a file of the site."""
        return path == f"runs/{self.file}.html" or path.startswith((f"data/runs/{self.file}/", f"data/{self.data}/"))


@dataclass(frozen=True, slots=True)
class Publication:
    """What a published site has besides the runs.

    Attributes:
        site_url: where the site is on the web, with a slash at its end; empty if that was not said.
        older: pages of runs that are not given any more, by name and address.
    """

    site_url: str = ""
    older: tuple[OlderPage, ...] = ()


def identity_of(run: RunView) -> str:
    """What a run is recognised by when it is scored again or goes on: name, benchmark, model and start."""
    parts = [run.name, run.benchmark, run.spec, str(run.manifest.get("created", ""))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def prepare(runs: Sequence[RunView], out: Path, site_url: str) -> tuple[list[RunView], Publication]:
    """The runs, each with the name of the page that it had in the folder, or a new one; and what else the site has.

    Raises:
        ApigaugeError: the folder cannot be read.
    """
    former = _pages(out)
    places = {page.run: page.file for page in former}
    taken = {page.file.casefold() for page in former}
    named = []
    for run in ordered(runs):
        file = places.pop(identity_of(run), "")
        if not file:
            (stem,) = page_names([run.name])
            count = 1
            file = stem
            while file.casefold() in taken:
                count += 1
                file = f"{stem}-{count}"
            taken.add(file.casefold())
        named.append(replace(run, file=file))
    current = {run.file for run in named}
    older = sorted((page for page in former if page.file not in current), key=lambda page: (page.name, page.file))
    return named, Publication(site_url, tuple(older))


def _pages(out: Path) -> list[OlderPage]:
    try:
        contents = {path.stem: path.read_bytes() for path in sorted(out.glob("runs/*.html"))}
    except OSError as error:
        raise ApigaugeError(f"{out}: cannot be read ({error}); choose another folder") from error
    return [page for file, content in contents.items() if signature(content) and (page := _page(file, content))]


def _page(file: str, content: bytes) -> OlderPage | None:
    """What a page says of its run; None for one of a version that did not say it."""
    marks = _Marks(content[: content.find(b"<style>")].decode("utf-8", "replace")).values
    if not marks.get("run") or not _DATA.fullmatch(marks.get("data", "")):
        return None
    return OlderPage(
        file, marks["run"], marks["data"], *(marks.get(name, "") for name in ("name", "spec", "benchmark"))
    )


class _Marks(HTMLParser):
    def __init__(self, head: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(head)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "meta" and name.startswith(_MARK):
            self.values[name.removeprefix(_MARK)] = given.get("content") or ""
