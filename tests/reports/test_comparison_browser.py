"""The page of two runs as a reader uses it, in chromium."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from apigauge.reports.comparison import write_comparison
from apigauge.reports.views import PairView

pytestmark = pytest.mark.browser

ATTACK = "</pre></details><script>window.pwned=1</script><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"


def expect_items(page, *ids):
    """The questions in view, from top to bottom, once the page has come to rest."""
    expect(page.locator(".item:visible .item-id")).to_have_text(ids)


@pytest.fixture
def page(comparison, contrast, pair, visit, tmp_path):
    """Seven pairs about five APIs, in two domains and two metrics; opened, with what it asked for."""

    def scored(api, number, exact, rouge, **changes):
        one = pair(api, number, *exact, **changes)
        for side, value in zip((one.a, one.b), rouge, strict=True):
            side.metrics["rouge.L"] = value
        return one

    heard = pair("heard", 7, 1, 0)
    pairs = [
        scored("same", 1, (1, 1), (0.5, 0.5)),
        scored("lost", 2, (1, 0), (0.5, 0.25)),
        scored("lost", 3, (1, 0), (0.5, 0.75)),
        scored("won", 4, (0, 1), (0.5, 0.75)),
        scored("worded", 5, (0, 0), (0.5, 0.25)),
        scored("worded", 6, (0, 0), (0.5, 0.5), text="A zebra."),
        PairView("heard", *(replace(side, domain="Audio") for side in (heard.a, heard.b))),
    ]
    view = comparison(pairs, {"ast.exact": contrast(0.6, 0.4), "rouge.L": contrast(0.5, 0.5, mcnemar=None)})
    return visit(write_comparison(view, tmp_path))


def test_it_opens_without_complaint_or_request_with_the_worst_first(page, tmp_path):
    page.page.wait_for_load_state("networkidle")
    assert page.complaints == []
    assert page.requests == [(tmp_path / "index.html").as_uri()]
    expect_items(page.page, "2", "3", "7", "4", "5", "6", "1")
    assert page.page.locator("#shown").inner_text() == "7 answers"


@pytest.mark.parametrize(
    ("kind", "metric", "left"),
    [
        ("worse", "0", ["2", "3", "7"]),
        ("better", "0", ["4"]),
        ("other", "0", ["5", "6"]),
        ("alike", "0", ["1"]),
        ("worse", "1", ["2", "5"]),
        ("better", "1", ["3", "4"]),
        ("worse", "any", ["2", "3", "7", "5"]),
        ("better", "any", ["3", "4"]),
        ("other", "any", ["6"]),
        ("", "any", ["2", "3", "7", "4", "5", "6", "1"]),
    ],
)
def test_answers_are_filtered_by_what_became_of_them_in_a_metric(page, kind, metric, left):
    page.page.get_by_label("Show").select_option(kind)
    page.page.get_by_label("in", exact=True).select_option(metric)
    expect_items(page.page, *left)
    count = "7 answers" if len(left) == 7 else f"{len(left)} of 7 answers"
    expect(page.page.locator("#shown")).to_have_text(count)
    apis = {"2": "lost", "3": "lost", "7": "heard", "4": "won", "5": "worded", "6": "worded", "1": "same"}
    expect(page.page.locator(".group:visible h3 code")).to_have_text(list(dict.fromkeys(map(apis.get, left))))


def test_answers_are_filtered_by_domain_and_by_words_in_either_answer_question_and_api(page):
    page.page.get_by_label("Domain").select_option("Audio")
    expect_items(page.page, "7")
    page.page.get_by_label("Domain").select_option("")
    for words, left in (("A ZEBRA", ["6"]), ("worded", ["5", "6"]), ("question 4:", ["4"]), ("nowhere", [])):
        page.page.get_by_label("Search").fill(words)
        expect(page.page.locator("#shown")).to_have_text(f"{len(left)} of 7 answers")
        expect_items(page.page, *left)


def test_a_count_in_the_table_leads_to_its_answers(page):
    page.page.locator(".numbers tr", has_text="rouge.L").get_by_role("button").last.click()
    expect_items(page.page, "3", "4")
    assert page.page.get_by_label("Show").input_value() == "better"
    page.page.locator(".numbers tr", has_text="ast.exact").get_by_role("button").first.click()
    expect_items(page.page, "2", "3", "7")


def test_an_answer_opens_to_both_sides(page):
    entry = page.page.locator(".item").nth(1)
    expect(entry.locator(".item-body")).to_be_hidden()
    entry.locator("summary").first.click()
    sides = entry.locator(".pair > section")
    assert [text.split("\n")[0] for text in sides.all_inner_texts()] == ["A before", "B after"]
    for side, label in zip(sides.all(), ("exact", "wrong_model"), strict=True):
        text = side.inner_text()
        assert f"ast.exact {label}: message 3" in text
        assert "torch.hub.load('pytorch/vision', 'model3')" in text
        assert "<<<api_call>>>" not in text
        side.get_by_text("Answer as written").click()
        assert "<<<api_call>>>: torch.hub.load" in side.inner_text()
    rows = entry.locator(".compared tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
    )
    assert rows == [["ast.exact", "1", "0", "▼ worse"], ["rouge.L", "0.5", "0.75", "▲ better"]]


def test_a_hostile_answer_is_shown_verbatim_and_does_not_run(comparison, item, run, visit, tmp_path):
    """Attack: markup in everything a model or a program wrote, to run a script in the reader's browser."""
    names = ("id", "instruction", "domain", "text", "call", "program", "how", "reference_call", "reference_program")
    words = {"labels": {"ast.exact": ATTACK}, "messages": {"ast.exact": ATTACK}}
    verdict = {"status": ATTACK, "category": ATTACK, "stage": ATTACK, "reason": ATTACK, "evidence": {ATTACK: [ATTACK]}}
    hostile = item(0, **dict.fromkeys(names, ATTACK), **words, verdict=verdict)
    view = comparison(
        [PairView(ATTACK, item(0, instruction=ATTACK, domain=ATTACK), hostile)],
        manifests=[(ATTACK, ATTACK, [ATTACK])],
        b=run(ATTACK, spec=ATTACK),
    )
    opened = visit(write_comparison(view, tmp_path))
    page = opened.page
    page.locator(".item > summary").click()
    page.locator(".item .more").evaluate_all("all => all.forEach(one => { one.open = true; })")
    side = page.locator(".pair > section").last
    assert side.locator("pre").evaluate_all("all => all.map(one => one.textContent)")[:3] == [ATTACK] * 3
    page.get_by_label("Domain").select_option(ATTACK)
    assert page.locator(".item:visible").count() == 1
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, main script, #groups svg").count() == 0
    assert opened.requests == [(tmp_path / "index.html").as_uri()]
    assert opened.complaints == []


def test_without_a_script_all_is_there(comparison, pair, chromium, tmp_path):
    path = write_comparison(comparison([pair("x", number, 1, 0) for number in range(60)]), tmp_path)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".item").count() == 60
    page.locator(".item").nth(59).locator("summary").first.click()
    expect(page.locator(".item").nth(59).locator(".pair")).to_be_visible()
    context.close()


def test_a_narrow_screen_scrolls_the_table_and_not_the_page(page):
    page.page.set_viewport_size({"width": 390, "height": 844})
    page.page.locator(".item > summary").first.click()
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    sides = page.page.locator(".item").first.locator(".pair > section")
    tops = sides.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert tops[1] > tops[0]
