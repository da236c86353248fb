"""The pages as a reader sees them, in chromium: nothing from the network, nothing that an answer can run."""

import pytest
from playwright.sync_api import expect

from apigauge.reports.leaderboard import write_site

pytestmark = pytest.mark.browser

ATTACK = "<script>window.pwned=1</script></script><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"


def board(page, place: int = 0):
    return page.locator(".board").nth(place)


def column(page, number: int) -> list[float | None]:
    """The values of a column of the first table, top to bottom; the run's name is column 0."""
    cells = board(page).locator(f"tbody tr > :nth-child({number + 1})")
    values = cells.evaluate_all("cells => cells.map(cell => cell.dataset.value ?? null)")
    return [None if value is None else float(value) for value in values]


def header(page, name: str):
    return board(page).locator("thead th").filter(has=page.get_by_role("button", name=name, exact=True))


def with_all_columns(opened):
    opened.page.locator(".chooser summary").click()
    opened.page.get_by_role("button", name="All", exact=True).click()
    return opened.page


def visible_names(page) -> list[str]:
    rows = page.locator(".board tbody tr:visible")
    return rows.evaluate_all("rows => rows.map(row => row.dataset.name)")


def test_both_pages_open_without_complaint_or_request(eighteen_runs, visit, tmp_path):
    index = write_site(eighteen_runs, tmp_path)
    for path in (index, tmp_path / "runs" / "codegen-350m-mini.html"):
        opened = visit(path)
        opened.page.wait_for_load_state("networkidle")
        assert opened.complaints == []
        assert opened.requests == [path.as_uri()]
    assert opened.page.locator("#items details").count() == 4


def test_the_link_of_a_row_leads_to_its_run_and_back(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    page.get_by_role("rowheader").get_by_role("link", name="qwen-0.5b-mini").click()
    assert page.locator("h1").inner_text() == "qwen-0.5b-mini"
    page.get_by_role("link", name="Leaderboard").click()
    assert page.locator(".board").count() == 3


@pytest.mark.parametrize(
    "case",
    [("ast.gorilla", 4, "descending"), ("hallucination.gorilla", 5, "ascending"), ("exec.stage", 13, "descending")],
)
def test_a_clicked_header_sorts_both_ways_with_missing_values_last(eighteen_runs, visit, tmp_path, case):
    name, number, first = case
    page = with_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    second = {"ascending": "descending", "descending": "ascending"}[first]
    for direction in (first, second):
        header(page, name).get_by_role("button").click()
        values = column(page, number)
        present = [value for value in values if value is not None]
        assert len(present) > 3
        assert present == sorted(present, reverse=direction == "descending")
        assert values == present + [None] * (len(values) - len(present))
        states = board(page).locator("thead th").evaluate_all("heads => heads.map(head => head.ariaSort)")
        assert [state for state in states if state != "none"] == [direction]
        assert header(page, name).get_attribute("aria-sort") == direction


def test_exact_match_is_sorted_first_and_toggles_from_there(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    before = column(page, 1)
    assert before[:6] == sorted(before[:6], reverse=True)
    assert header(page, "ast.exact").get_attribute("aria-sort") == "descending"
    header(page, "ast.exact").get_by_role("button").press("Enter")
    assert column(page, 1)[:6] == before[:6][::-1]


def test_sorting_one_table_leaves_the_others(eighteen_runs, visit, tmp_path):
    page = with_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    other = board(page, 1).inner_text()
    header(page, "rouge.1").get_by_role("button").click()
    assert board(page, 1).inner_text() == other


def test_printed_rows_keep_badge_and_source_when_sorted_to_the_top(eighteen_runs, visit, tmp_path):
    page = with_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    header(page, "hallucination.gorilla").get_by_role("button").click()
    printed = board(page).locator("tr[data-kind=printed]")
    assert printed.count() == 8
    for text in printed.locator("th").all_inner_texts():
        assert "printed elsewhere" in text
        assert "arXiv" in text


def test_five_columns_are_shown_at_first_and_the_others_on_demand(eighteen_runs, visit, tmp_path):
    opened = visit(write_site(eighteen_runs, tmp_path))
    page = opened.page

    def heads():
        return board(page).locator("thead button:visible").all_text_contents()[1:]

    main = ["ast.exact", "ast.domain", "hallucination", "ast.gorilla", "exec.rate"]
    assert heads() == main
    expect(page.locator("#column-count")).to_have_text("5 of 13")
    page.locator(".chooser summary").click()
    page.get_by_role("checkbox", name="exec.stage").check()
    page.get_by_role("checkbox", name="ast.domain").uncheck()
    assert heads() == ["ast.exact", "hallucination", "ast.gorilla", "exec.rate", "exec.stage"]
    for row in board(page).locator("tbody tr").all():
        assert row.locator("td:visible").count() == 5
    page.get_by_role("button", name="All", exact=True).click()
    assert len(heads()) == 13
    page.get_by_role("button", name="Main ones").click()
    assert heads() == main
    assert opened.complaints == []


def test_a_partial_run_stays_below_whole_ones_whichever_column_sorts(run, visit, tmp_path):
    runs = [
        run("few", {"ast.exact": 1.0}, items=12, expected=12),
        run("low", {"ast.exact": 0.2}),
        run("high", {"ast.exact": 0.5}),
    ]
    page = visit(write_site(runs, tmp_path, published=False)).page
    assert visible_names(page) == ["high", "low", "few"]
    header(page, "ast.exact").get_by_role("button").click()
    assert visible_names(page) == ["low", "high", "few"]
    header(page, "ast.exact").get_by_role("button").click()
    assert visible_names(page) == ["high", "low", "few"]


def test_the_filter_searches_the_model_and_the_badges_too(run, visit, tmp_path):
    runs = [run("a", spec="hf:org/Zebra@1"), run("b", items=3), run("c", kind="constant")]
    page = visit(write_site(runs, tmp_path, published=False)).page
    for words, left in (("org/zebra", ["a"]), ("partial", ["b"]), ("baseline", ["c"]), ("nowhere", [])):
        page.get_by_label("Filter by name or model").fill(words)
        assert visible_names(page) == left


def test_turning_pages_keeps_the_focus_also_at_the_ends(run, item, visit, tmp_path):
    write_site([run("a", rows=[item(number) for number in range(101)])], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.locator("#next").focus()
    for position in ("51–100 of 101", "101–101 of 101", "101–101 of 101"):
        page.keyboard.press("Enter")
        expect(page.locator("#position")).to_have_text(position)
        expect(page.locator("#next")).to_be_focused()
    assert page.locator("#next").get_attribute("aria-disabled") == "true"
    page.locator("#previous").focus()
    for position in ("51–100 of 101", "1–50 of 101", "1–50 of 101"):
        page.keyboard.press("Enter")
        expect(page.locator("#position")).to_have_text(position)
        expect(page.locator("#previous")).to_be_focused()


def test_text_that_scrolls_can_be_focused_and_other_text_is_no_stop(run, item, visit, tmp_path):
    write_site([run("a", rows=(item(0, program="line\n" * 300),))], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.locator("#items summary").click()
    stops = page.locator("#items pre").evaluate_all(
        "all => all.map(one => [one.scrollHeight > one.clientHeight, one.tabIndex])"
    )
    assert [True, 0] in stops
    assert all(tab == (0 if scrolls else -1) for scrolls, tab in stops)


def test_every_label_leads_to_as_many_answers_as_it_counts(run, item, visit, tmp_path):
    words = ["exact", 'a "b" <c>', "a\r\nb", "x\u00ad", "x\u200b", "line\nline"]
    rows = [item(at, labels={"ast.exact": words[at % 6], "exec.rate": words[at % 4]}) for at in range(200)]
    counts = {"ast.exact": {w: sum(r.labels["ast.exact"] == w for r in rows) for w in words}}
    write_site([run("a", rows=rows, labels=counts)], tmp_path)
    opened = visit(tmp_path / "runs" / "a.html")
    page = opened.page
    buttons = page.locator(".bars button").all()
    assert len(buttons) == 10
    for button in buttons:
        page.get_by_label("Search").fill("nowhere")
        button.click()
        count = button.locator("xpath=ancestor::tr").locator("td").nth(1).inner_text()
        expect(page.locator("#position")).to_contain_text(f" of {count}")
    assert opened.complaints == []


def test_the_filter_box_hides_other_rows(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    assert len(visible_names(page)) == 34
    page.get_by_label("Filter by name").fill("QWEN")
    assert sorted(visible_names(page)) == [
        "qwen-0.5b-apibench-huggingface",
        "qwen-0.5b-apibench-torchhub",
        "qwen-0.5b-mini",
    ]
    expect(page.locator("#shown")).to_have_text("3 of 34 rows")
    page.get_by_label("Filter by name").fill("")
    assert len(visible_names(page)) == 34


def test_the_checkboxes_hide_rows_with_their_badge(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    page.get_by_role("checkbox", name="baselines").uncheck()
    assert len(visible_names(page)) == 28
    assert page.locator(".badge-baseline:visible").count() == 0
    page.get_by_role("checkbox", name="printed elsewhere").uncheck()
    assert len(visible_names(page)) == 12
    assert page.locator(".badge-printed:visible").count() == 0
    page.get_by_role("checkbox", name="baselines").check()
    assert len(visible_names(page)) == 18


def test_a_narrow_screen_scrolls_the_table_and_not_the_page(eighteen_runs, visit, tmp_path):
    page = with_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scroller = page.locator(".scroller").first
    scroller.evaluate("element => element.scrollLeft = 400")
    assert scroller.evaluate("element => element.scrollLeft") == 400
    scroller.evaluate("element => element.scrollTop = 300")
    top = "element => element.getBoundingClientRect().top"
    assert abs(board(page).locator("thead th").nth(1).evaluate(top) - scroller.evaluate(top)) <= 1
    head = board(page).locator("tbody th").first
    left = "element => element.getBoundingClientRect().left"
    assert abs(head.evaluate(left) - scroller.evaluate(left)) <= 1


def test_a_hostile_answer_is_shown_verbatim_and_does_not_run(run, item, visit, tmp_path):
    """Attack: markup in everything a model wrote, and in the words about it, to run a script in the reader's browser."""
    hostile = item(
        0, id=ATTACK, instruction=ATTACK, domain=ATTACK, text=ATTACK, call=ATTACK, program=ATTACK, how=ATTACK,
        reference_call=ATTACK, reference_program=ATTACK, labels={"ast.exact": ATTACK}, messages={"ast.exact": ATTACK},
        verdict={"status": ATTACK},
    )  # fmt: skip
    view = run("a", rows=(hostile,), labels={"ast.exact": {ATTACK: 1}})
    write_site([view], tmp_path)
    opened = visit(tmp_path / "runs" / "a.html")
    page = opened.page
    page.locator("#items summary").click()
    assert page.locator("#items pre").last.text_content() == ATTACK
    assert page.locator(".question").text_content() == ATTACK
    page.locator("#label").select_option(index=1)
    assert page.locator("#items details").count() == 1
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.locator("#items img, #items svg, #items script").count() == 0
    assert opened.requests == [(tmp_path / "runs" / "a.html").as_uri()]
    assert opened.complaints == []


def test_even_markup_that_gets_onto_the_page_is_forbidden_to_run(run, visit, tmp_path):
    """Attack: suppose an escape is forgotten one day. The content security policy must still stop the script."""
    write_site([run("a")], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", ATTACK)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.pwned=1'; document.body.append(s) }"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None


def test_unseen_characters_are_named(run, item, visit, tmp_path):
    """Attack: a right-to-left override or a NUL makes an answer read as another one."""
    write_site([run("a", rows=(item(0, text="a\x00b\u202ec\u2028d\r\ne"),))], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.locator("#items summary").click()
    assert page.locator("#items pre").last.text_content() == "aU+0000bU+202EcU+2028d\r\ne"


def verdict(**changes):
    evidence = {"exception": "NameError", "line": 3, "stderr": "Traceback\n  boom", "cpu_seconds": 0.25}
    common = {"status": "failed", "stage": 2, "category": "name", "reason": "x is not defined", "evidence": evidence}
    return common | changes


def test_a_verdict_is_shown_and_its_label_can_be_filtered(run, item, visit, tmp_path):
    outcomes = {0: ("failed/name", 0.0), 1: ("passed", 1.0), 2: ("infra", None)}
    rows = [
        item(
            number,
            metrics={"exec.rate": rate} if rate is not None else {},
            labels={"exec.rate": label},
            messages={},
            verdict=verdict() if number == 0 else verdict(status=label, stage=4, category=None, evidence={}),
        )
        for number, (label, rate) in outcomes.items()
    ]
    write_site([run("a", rows=rows, labels={})], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.locator(".bars").get_by_role("button", name="failed/name").click()
    expect(page.locator("#position")).to_have_text("1–1 of 1")
    page.locator("#items summary").click()
    cells = page.locator(".verdict tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    assert cells == [
        ["status", "failed"],
        ["category", "name"],
        ["stage", "2 of 4: imports resolve"],
        ["reason", "x is not defined"],
        ["exception", "NameError"],
        ["line", "3"],
        ["stderr", "Traceback\n  boom"],
        ["cpu_seconds", "0.25"],
    ]
    page.locator("#label").select_option("exec.rate=infra")
    chip = page.locator(".chip")
    expect(chip).to_have_text("exec.rate infra")
    assert chip.get_attribute("class").strip() == "chip"


def test_what_a_program_wrote_is_shown_verbatim_and_does_not_run(run, item, visit, tmp_path):
    """Attack: reason, label, message and both streams of a verdict are the program's own words."""
    evidence = {"stderr": f"{ATTACK}\n\x00\u202e", ATTACK: [ATTACK, {ATTACK: ATTACK}], "stdout": ATTACK}
    hostile = verdict(status=ATTACK, category=ATTACK, stage=ATTACK, reason=ATTACK, evidence=evidence)
    row = item(0, labels={"exec.rate": ATTACK}, messages={"exec.rate": ATTACK}, verdict=hostile)
    sandbox = {"kind": ATTACK, "caveats": [ATTACK]}
    index = write_site([run("a", rows=(row,), labels={}, sandbox=sandbox)], tmp_path)
    for path in (index, tmp_path / "runs" / "a.html"):
        opened = visit(path)
        opened.page.wait_for_timeout(200)
        if path != index:
            opened.page.locator("#items summary").click()
            shown = opened.page.locator(".verdict tr").filter(has_text="stderr").locator("td").text_content()
            assert shown == f"{ATTACK}\nU+0000U+202E"
            assert opened.page.locator("#items img, #items svg, #items script").count() == 0
        assert opened.page.evaluate("window.pwned") is None
        assert opened.page.locator("img").count() == 0
        assert opened.requests == [path.as_uri()]
        assert opened.complaints == []


def test_items_are_collapsed_and_open_to_everything_known(run, item, visit, tmp_path):
    write_site([run("a", rows=[item(number, program=f"program {number}") for number in range(3)])], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    assert page.locator("#items details[open]").count() == 0
    page.locator("#items summary").nth(1).click()
    body = page.locator("#items details").nth(1).locator(".item-body")
    expect(body).to_be_visible()
    text = body.inner_text()
    for expected in (
        "Question 1",
        "model1",
        "resnet50",
        "unknown_api",
        "message 1",
        "program 1",
        "section",
        "Not executed",
        "hallucination",
    ):
        assert expected in text
    page.get_by_role("button", name="Open all on this page").click()
    expect(page.locator("#items details[open] .item-body")).to_have_count(3)


def test_answers_are_paged_searched_and_filtered_by_label(run, item, visit, tmp_path):
    rows = [item(number) for number in range(911)]
    write_site([run("a", rows=rows, labels={"ast.exact": {"exact": 456, "unknown_api": 455}})], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    position = page.locator("#position")
    expect(position).to_have_text("1–50 of 911")
    page.get_by_role("button", name="Next").click()
    expect(position).to_have_text("51–100 of 911")
    expect(page.locator(".item-id").first).to_have_text("50")
    page.locator("#label").select_option("ast.exact=unknown_api")
    expect(position).to_have_text("1–50 of 455")
    page.get_by_label("Search").fill("question 907:")
    expect(position).to_have_text("1–1 of 1")
    expect(page.locator(".item-id")).to_have_text("907")
    page.get_by_label("Search").fill("")
    page.locator(".bars").get_by_role("button", name="exact").click()
    expect(position).to_have_text("1–50 of 456")


def test_a_page_of_911_answers_is_ready_within_two_seconds(run, item, visit, tmp_path):
    rows = [item(number, text="answer " * 260, program="line\n" * 200) for number in range(911)]
    write_site([run("a", rows=rows)], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    assert page.locator("#items details").count() == 50
    assert page.evaluate("performance.getEntriesByType('navigation')[0].domComplete") < 2_000
