"""The pages across runs as a reader uses them, in chromium."""

import re

import pytest
from playwright.sync_api import expect

from apigauge.reports.leaderboard import write_site

pytestmark = pytest.mark.browser

HOSTILE = "<script>window.pwned=1</script>\u202e\u200b\U000e0041\"'><img src=x onerror=window.pwned=1>"


@pytest.fixture(scope="module")
def site(run, item, module_folder):
    """Three runs over 120 questions: the first has 20 right, the second 25, the third 100 and one question less."""
    made = []
    for name, right in (("low", range(20)), ("near", range(5, 30)), ("high", range(100))):
        rows = [
            item(
                at,
                instruction=f"Question {at}: a zebra?" if at == 7 else f"Question {at}.",
                metrics={"ast.exact": float(at in right), "hallucination": float(at not in right)},
                labels={"ast.exact": "exact" if at in right else "wrong_model"},
                call=f"call_{name}({at})",
                api=f"api {at}",
            )
            for at in range(120)
        ]
        if name == "high":
            del rows[119].metrics["hallucination"]
        values = {"ast.exact": len(right) / 120, "hallucination": 1 - len(right) / 120}
        made.append(run(name, values, rows=tuple(rows), items=120, expected=120))
    write_site(made, module_folder)
    return module_folder


def texts(locator):
    return [re.sub(r"\s+", " ", text).strip() for text in locator.all_inner_texts()]


def at(opened, path, hash_=""):
    opened.page.goto("about:blank")
    opened.page.goto(path.as_uri() + hash_)
    return opened.page


def test_the_matrix_says_who_beats_whom_with_sign_words_and_a_link(site, visit):
    opened = visit(site / "matrix" / "apibench-torchhub.html")
    page = opened.page
    expect(page.locator("#body th a")).to_have_text(["high", "near", "low"])
    assert texts(page.locator("#body th .detail")) == ["rank 1 · 83.3", "rank 2 · 20.8", "rank 2 · 16.7"]
    assert texts(page.locator("#body .by")) == ["▲ +62.5", "▲ +66.7", "▼ −62.5", "· +4.2", "▼ −66.7", "· −4.2"]
    # 5 lost and 10 won: 2 * sum(C(15, k), k <= 5) / 2 ** 15.
    cell = page.locator("#body tr").nth(1).locator("td").nth(2)
    assert "p = 0.3" in texts(cell)[0]
    link = cell.locator("a")
    expect(link).to_have_attribute(
        "aria-label", re.compile(r"^near minus low: \+4\.2 percentage points.*cannot be told apart")
    )
    page.get_by_label("Metric").select_option(label="hallucination")
    expect(page.locator("#body .by").first).to_have_text("▲ −63.0")
    assert page.url.endswith("#metric=hallucination")
    page.go_back()
    expect(page.locator("#body .by").first).to_have_text("▲ +62.5")
    link.click()
    expect(page.locator("#names")).to_have_text("low and near")
    assert opened.complaints == []


def test_arrows_go_from_cell_to_cell_of_the_matrix(site, visit):
    page = visit(site / "matrix" / "apibench-torchhub.html").page
    expect(page.locator("td a[tabindex='0']")).to_have_count(1)
    page.locator("td a[tabindex='0']").focus()
    where = "[document.activeElement.closest('tr').rowIndex, document.activeElement.closest('td').cellIndex]"
    assert page.evaluate(where) == [1, 2]
    for key, place in (("ArrowDown", [3, 2]), ("ArrowLeft", [3, 1]), ("ArrowUp", [2, 1]), ("ArrowRight", [2, 3])):
        page.keyboard.press(key)
        assert page.evaluate(where) == place


def test_on_paper_a_wide_matrix_stands_in_parts_that_fit_and_hold_every_cell(run, item, visit, tmp_path):
    rows = [
        [item(at, api=f"api {at}", metrics={"ast.exact": float(at % 11 > own)}) for at in range(40)]
        for own in range(11)
    ]
    write_site(
        [
            run(f"model-of-an-organisation-{own}", {"ast.exact": own / 20}, rows=tuple(one), items=40, expected=40)
            for own, one in enumerate(rows)
        ],
        tmp_path,
    )
    page = visit(tmp_path / "matrix" / "apibench-torchhub.html").page
    expect(page.locator("#body tr")).to_have_count(11)
    cells, heads = (page.locator(f"#table {part}").all_text_contents() for part in ("td", "thead th:not(.corner)"))
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 with margins
    page.emulate_media(media="print")
    expect(page.locator("#table")).to_be_hidden()
    sheets = page.locator(".sheets table")
    assert sheets.locator("tbody tr").count() == 22
    assert sheets.locator("thead th:not(.corner)").all_text_contents() == heads
    assert sorted(sheets.locator("td").all_text_contents()) == sorted(cells)
    assert sheets.evaluate_all("all => all.map((one) => one.getBoundingClientRect().right <= 718)") == [True, True]
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    assert sheets.locator("td, th").evaluate_all(cut) == []
    page.emulate_media(media="screen")
    expect(page.locator("#table")).to_be_visible()
    expect(page.locator("#sheets")).to_be_hidden()


def test_a_pair_whose_own_interval_and_adjusted_test_seem_to_disagree_has_a_mark(site, visit):
    page = visit(site / "matrix" / "apibench-torchhub.html").page
    marks = {
        ("+0.10", "+2.00", "open"): "\u2021",
        ("\u22122.00", "\u22120.10", "open"): "\u2021",
        ("\u22120.10", "+2.00", "better"): "\u2020",
        ("\u22120.10", "+2.00", "open"): "",
        ("+0.10", "+2.00", "better"): "",
        ("0.00", "+2.00", "open"): "",
    }
    for (low, high, verdict), mark in marks.items():
        assert page.evaluate("(pair) => markOf(pair)", {"low": low, "high": high, "verdict": verdict}) == mark
    assert page.locator(".table-note").filter(has_text="\u2020 The test, adjusted for all pairs").count() == 1


def test_two_runs_have_the_matrix_numbers_and_each_count_opens_its_answers(site, visit):
    opened = visit(site / "compare.html")
    page = at(opened, site / "compare.html", "#a=low&b=near")
    expect(page.locator("#numbers tr")).to_have_count(2)
    assert texts(page.locator("#numbers tr").first.locator("td")) == [
        "· +4.2 cannot be told apart", "−3.06 to +11.59", "0.3", "0.3", "120", "5", "10", "105", "0"
    ]  # fmt: skip
    for count, ids in ((0, [str(n) for n in range(5)]), (1, [str(n) for n in range(20, 30)])):
        page.locator("#numbers tr").first.get_by_role("button").nth(count).click()
        expect(page.locator("#items .item-id")).to_have_text(ids)
        assert page.evaluate("document.activeElement.id") == "kind"
    assert "kind=better" in page.url
    page.get_by_role("button", name="Swap").click()
    expect(page.locator("#numbers tr").first.locator("td").first).to_have_text(re.compile("−4.2"))
    expect(page.locator("#items .item-id")).to_have_text([str(n) for n in range(5)])
    page.reload()
    expect(page.locator("#names")).to_have_text("near and low")
    expect(page.locator("#items .item-id")).to_have_text([str(n) for n in range(5)])
    page.go_back()
    expect(page.locator("#names")).to_have_text("low and near")
    assert opened.complaints == []


def test_every_count_of_two_runs_is_the_number_of_answers_it_opens(site, visit):
    page = at(visit(site / "compare.html"), site / "compare.html", "#a=low&b=high")
    expect(page.locator("#numbers tr")).to_have_count(2)
    expect(page.locator("#numbers tr").nth(1).locator("td").nth(8)).to_have_text("1")
    buttons = page.locator("#numbers button")
    for number in range(buttons.count()):
        count = int(buttons.nth(number).inner_text())
        buttons.nth(number).click()
        expect(page.locator("#position")).to_have_text(re.compile(rf"of {count}$"))
        expect(page.locator("#items .item")).to_have_count(min(count, 50))
        rows = [page.locator("#numbers tr").nth(row).locator("td") for row in range(2)]
        assert [sum(int(row.nth(cell).inner_text()) for cell in range(5, 9)) for row in rows] == [120, 120]


def test_answers_of_two_runs_are_paged_and_open_to_both_sides(site, visit):
    opened = visit(site / "compare.html")
    page = at(opened, site / "compare.html", "#a=low&b=high&page=2")
    expect(page.locator("#position")).to_have_text("51–100 of 120")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#position")).to_have_text("101–120 of 120")
    assert page.evaluate("document.activeElement.id") == "next"
    page.keyboard.press("Enter")
    expect(page.locator("#position")).to_have_text("101–120 of 120")
    page.locator("#items summary").first.click()
    expect(page.locator(".pair > section > h4 bdi")).to_have_text(["low", "high"])
    body = page.locator("#items details[open]").first
    expect(body).to_contain_text("call_low(100)")
    expect(body).to_contain_text("call_high(100)")
    assert opened.complaints == []
    page.get_by_role("link", name="This question in all runs").click()
    expect(page.locator("#item-head")).to_have_text("Question 100")


def test_an_address_of_a_run_that_is_gone_says_so(site, visit):
    page = at(visit(site / "compare.html"), site / "compare.html", "#a=nobody&b=high")
    expect(page.locator("#status")).to_contain_text("a run that is not here")


def test_questions_are_listed_hardest_first_and_found_by_words(site, visit):
    opened = visit(site / "question.html")
    page = opened.page
    expect(page.locator("#status")).to_have_text("120 of 120 questions")
    assert texts(page.locator("#rows th"))[:3] == ["100", "101", "102"]
    assert texts(page.locator("#rows td.num"))[0] == "0 of 3"
    page.get_by_label("Order").select_option(label="easiest first")
    expect(page.locator("#rows th").first).to_have_text("5")
    expect(page.locator("#rows td.num").first).to_have_text("3 of 3")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("#position")).to_have_text("101–120 of 120")
    page.get_by_label("Search").fill("ZEBRA")
    expect(page.locator("#rows th")).to_have_text(["7"])
    page.locator("#rows a").click()
    expect(page.locator("#item-head")).to_have_text("Question 7")
    expect(page.locator("#place")).to_have_text("1 of 1")
    page.reload()
    expect(page.locator("#item-head")).to_have_text("Question 7")
    assert opened.complaints == []


def test_a_question_shows_all_answers_filtered_by_who_is_right_and_leads_to_the_next(site, visit):
    opened = visit(site / "question.html")
    page = at(opened, site / "question.html", "#item=25")
    expect(page.locator("#answers .item-id")).to_have_text(["high", "low", "near"])
    assert texts(page.locator("#answers .chip"))[:2] == ["✓ exact", "not executed"]
    for kind, names in (("1", ["high", "near"]), ("2", ["low"]), ("0", ["high", "low", "near"])):
        page.get_by_label("Show").select_option(kind)
        expect(page.locator("#answers .item-id")).to_have_text(names)
    expect(page.locator("#who option")).to_have_text(["all answers (3)", "right (2)", "wrong (1)"])
    page.locator("#answers summary").nth(1).click()
    expect(page.locator("#answers details[open]")).to_contain_text("call_low(25)")
    expect(page.get_by_role("link", name="This answer on the run's page")).to_have_attribute(
        "href", "runs/low.html#item=25"
    )
    page.get_by_label("Order").select_option(label="as in the data")
    page.get_by_role("button", name="Next question").click()
    expect(page.locator("#item-head")).to_have_text("Question 26")
    page.get_by_role("button", name="Previous question").click()
    expect(page.locator("#item-head")).to_have_text("Question 25")
    page.go_back()
    expect(page.locator("#item-head")).to_have_text("Question 26")
    page.get_by_role("button", name="All questions").click()
    expect(page.locator("#rows tr")).to_have_count(100)
    assert opened.complaints == []


def test_hostile_texts_are_seen_and_inert_on_every_page_across_runs(run, item, visit, tmp_path):
    rows = tuple(
        item(at, id=f"{HOSTILE}{at}", instruction=HOSTILE, domain=HOSTILE, api=HOSTILE, text=HOSTILE, call=HOSTILE,
             reference_call=HOSTILE, program=HOSTILE, how=HOSTILE, labels={"ast.exact": HOSTILE}, messages={"ast.exact": HOSTILE},
             verdict={"status": HOSTILE, "reason": HOSTILE})
        for at in range(2)
    )  # fmt: skip
    write_site([run(f"{HOSTILE}{at}", rows=rows, benchmark=HOSTILE) for at in range(2)], tmp_path)
    (matrix,) = tmp_path.glob("matrix/*")
    for path, ready in (
        (matrix, "#body td a"),
        (tmp_path / "compare.html", "#items summary"),
        (tmp_path / "question.html", "#rows a"),
    ):
        opened = visit(path)
        page = opened.page
        page.wait_for_selector(ready, state="attached")
        if path.name == "compare.html":
            page.locator("#items summary").first.click()
            page.wait_for_selector("#items .pair h4")
        if path.name == "question.html":
            page.locator("#rows a").first.click()
            page.locator("#answers summary").first.click()
        assert page.evaluate("window.pwned") is None
        assert "<script>window.pwned=1</script>U+202EU+200B" in page.locator("body").inner_text()
        for unseen in ("\u202e", "\u200b", "\U000e0041"):
            assert unseen not in page.locator("body").inner_text()
            assert unseen not in page.title()
            assert not page.evaluate(
                "(sign) => [...document.querySelectorAll('[aria-label]')].some((one) => one.ariaLabel.includes(sign))",
                unseen,
            )
        assert opened.complaints == []


def test_another_benchmark_is_chosen_without_loading_the_page_again(run, item, visit, tmp_path):
    runs = []
    for benchmark, mark in (("first", "one"), ("second", "two")):
        for number in range(2):
            rows = (item(number, id=f"{mark}-{number}", api="x"),)
            runs.append(run(f"{mark} {number}", rows=rows, benchmark=benchmark, digest=mark))
    write_site(runs, tmp_path)
    for name, ready, first, second in (
        ("compare.html", "#items .item-id", ["one-0", "one-1"], ["two-0", "two-1"]),
        ("question.html", "#rows th", ["one-1", "one-0"], ["two-1", "two-0"]),
    ):
        opened = visit(tmp_path / name)
        page = opened.page
        expect(page.locator(ready)).to_have_text(first)
        page.get_by_label("Benchmark").select_option(label="second")
        expect(page.locator(ready)).to_have_text(second)
        assert "benchmark=second" in page.url
        page.go_back()
        expect(page.locator(ready)).to_have_text(first)
        page = at(opened, tmp_path / name, "#benchmark=second")
        expect(page.locator(ready)).to_have_text(second)
        assert opened.complaints == []
    board = visit(tmp_path / "index.html").page
    links = board.locator("a[href^='question.html#']")
    assert [link.get_attribute("href") for link in links.all()] == [
        "question.html#benchmark=first",
        "question.html#benchmark=second",
    ]
