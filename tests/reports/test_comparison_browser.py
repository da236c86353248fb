"""The page of two runs as a reader uses it, in chromium."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from apigauge.reports import parts
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


# Letters of one, two and four bytes, and those that markup escapes.
WORDS = "Łódź é & \"日本\" 'x' &#65; 👍"


@pytest.fixture
def in_parts(comparison, contrast, pair, visit, tmp_path, monkeypatch):
    """300 pairs about 30 APIs in two metrics, on a page that has room for few of them."""
    for name, size in {"WHOLE": 100_000, "FIRST": 20_000, "PART": 50_000}.items():
        monkeypatch.setattr(parts, name, size)
    rows = [
        pair(f"api {at % 30}", at, float(at % 3 > 0), float(at % 5 > 1), text=f"zebra{at}. {WORDS} <{at}>")
        for at in range(300)
    ]
    for one in rows:
        for side, value in ((one.a, int(one.a.id) % 7), (one.b, int(one.a.id) % 4)):
            side.metrics["rouge.L"] = value / 7
    view = comparison(rows, {"ast.exact": contrast(0.6, 0.4), "rouge.L": contrast(0.5, 0.5, mcnemar=None)})
    return visit(write_comparison(view, tmp_path))


def ids(page) -> list[str]:
    return page.locator(".item .item-id").all_text_contents()


def listed(page) -> list[str]:
    """The questions on all pages of the list, which the pager turns without losing the focus."""
    seen = ids(page)
    while page.locator("#next").get_attribute("aria-disabled") == "false" and page.locator(".pager").is_visible():
        before = page.locator("#position").inner_text()
        page.locator("#next").click()
        expect(page.locator("#position")).not_to_have_text(before)
        expect(page.locator("#next")).to_be_focused()
        seen += ids(page)
    return seen


def test_every_count_of_a_page_in_parts_opens_as_many_answers_that_changed_so(in_parts, tmp_path):
    page = in_parts.page
    assert len(list((tmp_path / "answers").iterdir())) > 3
    expect(page.locator("#shown")).to_have_text("300 answers")
    assert sorted(listed(page), key=int) == [str(at) for at in range(300)]
    wanted = {
        "ast.exact": [at for at in range(300) if (at % 3 > 0) != (at % 5 > 1)],
        "rouge.L": [at for at in range(300) if at % 7 != at % 4],
    }
    signs = {
        "ast.exact": lambda at: (at % 5 > 1) > (at % 3 > 0),
        "rouge.L": lambda at: at % 4 > at % 7,
    }
    page.locator("#search").fill("nowhere")
    page.locator("#domain").select_option(index=1)
    for button in page.locator(".numbers button.link").all():
        metric = button.locator("xpath=ancestor::tr").locator("code").inner_text()
        button.click()
        count = int(button.inner_text())
        expect(page.locator("#shown")).to_have_text(f"{count} of 300 answers")
        is_better = button.get_attribute("data-kind") == "better"
        expected = [at for at in wanted[metric] if signs[metric](at) == is_better]
        assert count == len(expected) > 0
        assert sorted(map(int, listed(page))) == expected
    assert page.locator(".numbers button.link").count() == 4
    assert in_parts.complaints == []


def test_words_are_searched_in_all_parts_and_the_scores_that_stayed_can_be_listed(in_parts):
    page = in_parts.page
    page.locator("#search").fill("zebra29")
    expect(page.locator("#shown")).to_have_text("11 of 300 answers")
    page.locator("#search").fill("zebra299")
    expect(page.locator("#shown")).to_have_text("1 of 300 answers")
    assert ids(page) == ["299"]
    page.locator(".item summary").first.click()
    page.locator(".item").get_by_text("Answer as written").last.click()
    expect(page.locator(".item pre").last).to_have_text(f"zebra299. {WORDS} <299>")
    page.locator("#search").fill(f"{WORDS} <298>")
    expect(page.locator(".item .item-id")).to_have_text("298")
    page.locator("#search").fill("")
    page.locator("#metric").select_option("1")
    page.locator("#kind").select_option("same")
    same = [at for at in range(300) if at % 7 == at % 4]
    expect(page.locator("#shown")).to_have_text(f"{len(same)} of 300 answers")
    assert sorted(map(int, listed(page))) == same
    assert in_parts.complaints == []


def test_an_answer_in_a_part_is_hostile_in_vain(comparison, pair, visit, tmp_path, monkeypatch):
    """Attack: a part is a script, and its answers are put onto the page as markup."""
    monkeypatch.setattr(parts, "WHOLE", 10)
    monkeypatch.setattr(parts, "FIRST", 10)
    hostile = f'`${{window.pwned=1}}`\'"\\");window.pwned=1;//\u2028{ATTACK}'
    rows = [pair("x", at, 1, 0, text=hostile, call=hostile, id=hostile) for at in range(3)]
    opened = visit(write_comparison(comparison(rows), tmp_path))
    expect(opened.page.locator(".item")).to_have_count(3)
    opened.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    shown = opened.page.locator(".pair section:last-child pre").last
    expect(shown).to_have_text(hostile.replace("\u2028", "U+2028"))
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("img, #groups svg, #groups script").count() == 0
    assert opened.complaints == []


def test_a_part_that_is_missing_is_said(comparison, pair, visit, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "WHOLE", 10)
    monkeypatch.setattr(parts, "FIRST", 10)
    index = write_comparison(comparison([pair("x", at, 1, 0) for at in range(300)]), tmp_path)
    (tmp_path / "answers" / "part-1.js").unlink()
    expect(visit(index).page.locator("#shown")).to_have_text("cannot be read: answers/part-1.js")
