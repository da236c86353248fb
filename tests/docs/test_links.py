"""Links in the documentation's sources; `mkdocs build --strict` checks those between the pages of the site as well."""

import re
from urllib.parse import urlsplit

import pytest
from doc_pages import PAGES, ROOT, prose

# GitHub shows these pages outside the site.
FILES = (
    *PAGES,
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "mini" / "README.md",
    ROOT / "benchmarks" / "mini" / "checkpoint" / "README.md",
    *sorted((ROOT / "sandboxes").rglob("README.md")),
    ROOT / ".github" / "pull_request_template.md",
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$")


def links(page):
    """Targets of a page's links; one may begin on one line and end on the next."""
    text = "\n".join(line for _, line in prose(page))
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", text))


def anchors(page):
    """The anchors of a page's headings, as Python-Markdown and GitHub both make them."""
    headings = [match[1] for _, line in prose(page) if (match := _HEADING.match(line))]
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", FILES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in links(page):
        address = urlsplit(target)
        if address.scheme:
            assert address.scheme == "https", f"{page}: {target}"
            assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+", address.netloc), f"{page}: {target}"
            continue
        file = (page.parent / address.path).resolve() if address.path else page
        assert file.exists(), f"{page}: there is no {target}"
        if address.fragment:
            assert address.fragment in anchors(file), f"{page}: {target} has no such heading"


def test_links_of_the_site_stay_in_the_site():
    """A page under docs/ that links out of it works on GitHub and not on the site."""
    for page in PAGES:
        if page.is_relative_to(ROOT / "docs"):
            for target in links(page):
                if not urlsplit(target).scheme and urlsplit(target).path:
                    assert (page.parent / urlsplit(target).path).resolve().is_relative_to(ROOT / "docs"), target


def test_every_page_of_the_site_can_be_reached_from_the_first():
    start = ROOT / "docs" / "index.md"
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for target in links(page):
            file = (page.parent / urlsplit(target).path).resolve()
            if file.suffix == ".md" and file not in reached and not urlsplit(target).scheme:
                reached.add(file)
                waiting.append(file)
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages <= reached, sorted(str(page.relative_to(ROOT)) for page in pages - reached)
