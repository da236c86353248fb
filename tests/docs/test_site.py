"""The site: builds without a warning and without a network, and loads nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from doc_pages import ROOT

pytestmark = pytest.mark.xdist_group("site")

# Attributes by which a page makes a browser fetch something.
_FETCHES = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}


@pytest.fixture(scope="module")
def built_site(tmp_path_factory):
    """The site's folder and what building it printed; addresses outside this machine cannot be reached meanwhile."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*arguments, **named):\n"
        "    raise AssertionError(f'the build uses the network: {arguments}')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "site"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")]), "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder / "site", done.stdout


class Fetches(HTMLParser):
    """What a page fetches, and its text."""

    def __init__(self):
        super().__init__()
        self.addresses, self.text = [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        is_fetched = tag != "link" or "canonical" not in (named.get("rel") or "")
        self.addresses += [value for name, value in attrs if (tag, name) in _FETCHES and is_fetched]

    def handle_data(self, data):
        self.text.append(data)


def parsed(page):
    parser = Fetches()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def pages(site):
    return [
        page for page in sorted(site.rglob("*.html")) if not {"rlaif-torchhub", "rlaif-huggingface"} & {*page.parts}
    ]


def test_the_site_builds_without_a_warning(built_site):
    _, printed = built_site
    assert not re.search(r"warning|error", printed, re.IGNORECASE), printed


def test_pages_and_styles_fetch_nothing_from_elsewhere(built_site):
    site, _ = built_site
    assert len(pages(site)) > 30
    for page in pages(site):
        for address in parsed(page).addresses:
            assert not re.match(r"(?:https?:)?//", address), f"{page}: {address}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"""(?:url\(\s*["']?|@import\s*["'])(?:https?:)?//""", text), style


def test_the_parts_written_from_the_code_are_there(built_site):
    from apigauge.harness.metrics.table import METRICS

    site, _ = built_site
    texts = {page.relative_to(site).as_posix(): " ".join("".join(parsed(page).text).split()) for page in pages(site)}
    assert "--samples N" in texts["reference/cli.html"]
    assert "apigauge sandbox exec" in texts["reference/cli.html"]
    for info in METRICS:
        assert f"{info.name} " in texts["reference/metrics.html"], info.name
    for name in ("load_benchmark", "score_answer", "RunError"):
        assert name in texts["reference/python.html"]
    for name in ("prompt_sha256", "ScoreRow", "infra_error_rate"):
        assert name in texts["reference/files.html"]
    assert "call_scan.py" in texts["explanation/architecture.html"]
    assert not [name for name, text in texts.items() if "generated:" in text]


@pytest.mark.browser
def test_a_browser_fetches_nothing_from_elsewhere(built_site):
    """Scripts included, which tests of their text cannot judge."""
    chromium = shutil.which("chromium")
    if chromium is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    site, _ = built_site
    requests = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        for name in ("index.html", "reference/python.html", "how-to/gate.html"):
            page.goto((site / name).as_uri(), wait_until="networkidle")
            assert page.title()
        browser.close()
    assert requests
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
