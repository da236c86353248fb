"""The charts as a reader sees them, in chromium."""

import base64
import io
import random

import pytest
from PIL import Image

from apigauge.reports.leaderboard import write_site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def charts(run, item, module_folder):
    """The charts of eight runs with long names, in a site."""
    rng = random.Random(2)
    runs = []
    for number in range(8):
        rows = [
            item(
                at,
                api=str(at % 40),
                domain=f"A domain with a long name, number {at % 9}",
                metrics={
                    "ast.exact": float(rng.random() < 0.4),
                    "exec.rate": (ok := float(rng.random() < 0.6)),
                    "exec.stage": 4 * ok,
                },
            )
            for at in range(80)
        ]
        scores = {"ast.exact": rng.random(), "exec.rate": rng.random(), "exec.call": rng.random()}
        labels = {"ast.exact": {name: rng.randrange(1, 50) for name in ("exact", "wrong_model", "unknown_api")}}
        one = run(f"organisation-model-with-a-long-name-{number}", scores, rows=rows, labels=labels)
        one.manifest["generator"]["parameters"] = 10 ** (number + 3)
        runs.append(one)
    return write_site(runs, module_folder).with_name("charts.html")


def test_pictures_load_without_complaint_and_say_what_they_show(charts, visit):
    opened = visit(charts)
    opened.page.wait_for_load_state("networkidle")
    assert opened.complaints == []
    assert opened.requests == [charts.as_uri()]
    pictures = opened.page.locator("figure img")
    assert pictures.count() == 5
    for picture in pictures.all():
        assert picture.evaluate("image => image.complete && image.naturalWidth === image.width")
        assert any(letter.isdigit() for letter in picture.get_attribute("alt"))
        figure = picture.locator("xpath=ancestor::figure")
        figure.get_by_text("The numbers").click()
        assert figure.locator("tbody tr:visible").count() > 0


@pytest.mark.parametrize("width", [360, 768, 1440, 1920])
def test_the_page_never_scrolls_sideways(charts, visit, width):
    page = visit(charts).page
    page.set_viewport_size({"width": width, "height": 900})
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture = page.locator(".picture").first
    assert width > 360 or picture.evaluate("box => box.scrollWidth > box.clientWidth")


def lightness(page):
    """Of a picture's darkest and lightest spot, 0 to 255."""
    picture = Image.open(io.BytesIO(page.locator("figure img").first.screenshot())).convert("L")
    return picture.getextrema()


def test_pictures_are_dark_on_light_paper_and_light_on_dark(charts, visit):
    page = visit(charts).page
    corner = (2, 2)

    def paper():
        return Image.open(io.BytesIO(page.locator("figure img").first.screenshot())).convert("L").getpixel(corner)

    page.emulate_media(color_scheme="light")
    assert paper() > 240
    assert lightness(page)[0] < 60
    page.emulate_media(color_scheme="dark")
    assert paper() < 50
    assert lightness(page)[1] > 200
    page.emulate_media(color_scheme="dark", media="print")
    assert paper() > 240
    assert lightness(page)[0] < 60


def test_the_board_leads_to_the_charts_and_back(charts, visit):
    page = visit(charts.with_name("index.html")).page
    page.get_by_role("link", name="Charts", exact=True).click()
    assert page.locator("h1").inner_text() == "Charts"
    page.locator("figure").filter(has_text="Score against parameters").get_by_role("listitem").first.get_by_role(
        "link"
    ).click()
    assert page.locator("h1").inner_text() == "organisation-model-with-a-long-name-0"
    page.go_back()
    page.locator(".back a").click()
    assert page.locator("h1").inner_text() == "API calls, measured"


CUT_OFF = """() => {
  const whole = document.documentElement.getBoundingClientRect();
  return [...document.querySelectorAll("text")].filter((text) => {
    const one = text.getBoundingClientRect();
    return one.left < whole.left || one.right > whole.right || one.top < whole.top || one.bottom > whole.bottom;
  }).map((text) => text.textContent);
}"""


def test_no_text_is_cut_off(charts, visit, tmp_path):
    """In this browser's fonts, which are not those that the pictures are laid out with."""
    sources = visit(charts).page.locator("figure img").evaluate_all("images => images.map(image => image.src)")
    for number, source in enumerate(sources):
        path = tmp_path / f"{number}.svg"
        path.write_bytes(base64.b64decode(source.partition(",")[2]))
        page = visit(path).page
        assert page.locator("text").count() > 5
        assert page.evaluate(CUT_OFF) == []
