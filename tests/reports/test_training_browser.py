"""The page of a training as a reader sees it, in chromium."""

import re

import pytest

from apigauge.reports.training import write_training
from apigauge.reports.views import TrainingCheckpoint, TrainingDifference, TrainingRow

pytestmark = pytest.mark.browser

ATTACK = "</pre></details><script>window.pwned=1</script><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"


def luminance(colour):
    """Relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture
def hostile(training):
    p = {ATTACK: 0.001}
    points = [
        TrainingCheckpoint(0, 0, {ATTACK: 0.5}, None, []),
        TrainingCheckpoint(1, 1, {ATTACK: 0.25}, p, [ATTACK]),
    ]
    return training(
        **dict.fromkeys(("benchmark", "base", "labeler", "method", "recipe"), ATTACK),
        metrics=[ATTACK],
        rows=[TrainingRow(ATTACK, ATTACK, {})],
        differences=[TrainingDifference(ATTACK, ATTACK, 0.1, 0.0, 0.2, {0: 0.1})],
        checkpoints={0: points},
        facts=[(ATTACK, ATTACK)],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_complaint_or_request_and_does_not_scroll_sideways(training, visit, tmp_path, scheme):
    opened = visit(write_training(training(seeds=[*range(8)]), tmp_path))
    page = opened.page
    page.emulate_media(color_scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    for width in (1400, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_load_state("networkidle")
    assert opened.complaints == []
    assert opened.requests == [(tmp_path / "index.html").as_uri()]


def test_a_hostile_name_is_shown_verbatim_and_does_not_run(hostile, visit, tmp_path):
    """Attack: markup in everything that names a model, a metric or a stage, to run a script in the reader's browser."""
    opened = visit(write_training(hostile, tmp_path))
    page = opened.page
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, script, [onload], [onerror]").count() == 0
    assert page.locator("#origin ~ details pre").text_content() == ATTACK
    assert page.locator(".models tbody bdi").text_content() == ATTACK
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert opened.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_stands_out_from_the_paper_and_has_its_own_colour(training, visit, tmp_path, scheme):
    page = visit(write_training(training(seeds=[*range(6)]), tmp_path)).page
    page.emulate_media(color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(paper) > 0.5) == (scheme == "light")
    lines = page.locator(".plots").first.locator(".plot").first.locator(".line")
    colours = lines.evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
    assert len({*colours}) == 6
    assert min(contrast(colour, paper) for colour in colours) >= 3


def test_no_line_or_number_leaves_its_drawing(training, visit, tmp_path):
    page = visit(write_training(training(), tmp_path)).page
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    boxes = page.locator(".plot svg").evaluate_all(
        """all => all.map(svg => [svg, ...svg.children].map(one => {
            const {left, right, top, bottom} = one.getBoundingClientRect();
            return [left, right, top, bottom];
        }))"""
    )
    # Five curves, and three drawings for each of three seeds.
    assert len(boxes) == 14
    for (left, right, top, bottom), *parts in boxes:
        assert right - left > 150
        for one in parts:
            assert left - 3 <= one[0] <= one[1] <= right + 12
            assert top - 3 <= one[2] <= one[3] <= bottom + 3


@pytest.mark.parametrize("width", [1400, 400])
def test_numbers_in_a_drawing_are_large_enough_to_be_read(training, visit, tmp_path, width):
    page = visit(write_training(training(), tmp_path)).page
    page.set_viewport_size({"width": width, "height": 900})
    scales = page.locator(".plot svg:visible").evaluate_all("all => all.map(one => one.getScreenCTM().a)")
    # Of letters 11 pixels high.
    assert min(scales) * 11 >= 9
