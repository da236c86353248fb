"""The board as a reader uses it, in chromium: tabs, sorting, columns, search, drawings, and the address that keeps them."""

import pytest
from playwright.sync_api import expect

from apigauge.reports.leaderboard import write_site
from apigauge.reports.published import released_answers

pytestmark = pytest.mark.browser

MAIN = ["ast.exact", "ast.domain", "hallucination", "ast.gorilla", "exec.rate"]


def board(page):
    return page.locator(".board:visible")


def header(page, name: str):
    return board(page).locator(f'thead th[data-column="{name}"]')


def column(page, name: str) -> list[float | None]:
    """The values of a column of the board in view, top to bottom."""
    values = board(page).evaluate(
        """(table, name) => {
          const at = [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.column === name);
          return [...table.querySelectorAll("tr[data-file]")].map((row) => row.cells[at].dataset.v ?? null);
        }""",
        name,
    )
    return [None if value is None else float(value) for value in values]


def heads(page) -> list[str]:
    return board(page).locator("thead button:visible").all_text_contents()[1:]


def names(page) -> list[str]:
    return page.locator(".board tr[data-file]:visible").evaluate_all("rows => rows.map(row => row.dataset.name)")


def open_all_columns(opened):
    opened.page.locator(".chooser summary").click()
    opened.page.get_by_role("button", name="All", exact=True).click()
    return opened.page


@pytest.mark.parametrize(
    ("name", "first"),
    [("ast.gorilla", "descending"), ("hallucination.gorilla", "ascending"), ("exec.stage", "descending")],
)
def test_a_clicked_header_sorts_both_ways_with_missing_values_last(eighteen_runs, visit, tmp_path, name, first):
    page = open_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    second = {"ascending": "descending", "descending": "ascending"}[first]
    for direction in (first, second):
        header(page, name).get_by_role("button").click()
        values = column(page, name)
        present = [value for value in values if value is not None]
        assert len(present) > 3
        assert present == sorted(present, reverse=direction == "descending")
        assert values == present + [None] * (len(values) - len(present))
        states = board(page).locator("thead th").evaluate_all("heads => heads.map(head => head.ariaSort)")
        assert [state for state in states if state not in ("none", None)] == [direction]
        assert header(page, name).get_attribute("aria-sort") == direction


def test_exact_match_sorts_at_first_and_names_and_dates_as_text(run, visit, tmp_path):
    runs = [run(name, {"ast.exact": value}) for name, value in (("b", 0.5), ("c", 0.1), ("a", 0.9))]
    for view, date in zip(runs, ("2026-02-01", "2025-12-31", ""), strict=True):
        view.manifest["created"] = date
    page = open_all_columns(visit(write_site(runs, tmp_path, published=False)))
    assert names(page) == ["a", "b", "c"]
    header(page, "ast.exact").get_by_role("button").press("Enter")
    assert names(page) == ["c", "b", "a"]
    header(page, "run").get_by_role("button").click()
    assert names(page) == ["a", "b", "c"]
    header(page, "date").get_by_role("button").click()
    assert names(page) == ["c", "b", "a"]


def test_each_benchmark_is_a_tab_that_the_keyboard_reaches(eighteen_runs, visit, tmp_path):
    opened = visit(write_site(eighteen_runs, tmp_path))
    page = opened.page
    tabs = page.get_by_role("tab")
    chosen = page.get_by_role("tab", selected=True)
    assert [text.split()[0] for text in tabs.all_inner_texts()] == ["apibench-huggingface", "apibench-torchhub", "mini"]
    chosen.focus()
    for key, number in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2), ("Home", 0)):
        page.keyboard.press(key)
        expect(tabs.nth(number)).to_be_focused()
        expect(chosen).to_have_count(1)
        expect(tabs.nth(number)).to_have_attribute("aria-selected", "true")
        panel = page.locator(f"#{tabs.nth(number).get_attribute('aria-controls')}")
        expect(panel).to_be_visible()
        assert page.get_by_role("tabpanel").count() == 1
        assert len(names(page)) == int(tabs.nth(number).locator("[data-count]").inner_text()) == 6
    assert tabs.evaluate_all("tabs => tabs.map(tab => tab.tabIndex)") == [0, -1, -1]
    assert opened.complaints == []


def test_one_benchmark_needs_no_tabs(run, visit, tmp_path):
    page = visit(write_site([run("a")], tmp_path)).page
    assert page.get_by_role("tab").count() == 0
    expect(page.get_by_role("heading", name="apibench-torchhub")).to_be_visible()


def test_five_columns_are_shown_at_first_and_the_others_on_demand(eighteen_runs, visit, tmp_path):
    opened = visit(write_site(eighteen_runs, tmp_path))
    page = opened.page
    assert heads(page) == MAIN
    expect(page.locator("#column-count")).to_have_text("5 of 17")
    page.locator(".chooser summary").click()
    page.get_by_role("checkbox", name="sandbox").check()
    page.get_by_role("checkbox", name="ast.domain").uncheck()
    assert heads(page) == ["ast.exact", "hallucination", "ast.gorilla", "exec.rate", "sandbox"]
    for row in board(page).locator("tr[data-file]").all():
        assert row.locator("td:not(.rank):visible").count() == 5
    page.get_by_role("button", name="All", exact=True).click()
    assert len(heads(page)) == 17
    page.get_by_role("button", name="Main ones").click()
    assert heads(page) == MAIN
    assert opened.complaints == []


def test_a_partial_run_stays_below_whole_ones_whichever_column_sorts(run, visit, tmp_path):
    runs = [
        run("few", {"ast.exact": 1.0}, items=12, expected=12),
        run("low", {"ast.exact": 0.2}),
        run("high", {"ast.exact": 0.5}),
    ]
    page = visit(write_site(runs, tmp_path, published=False)).page
    assert names(page) == ["high", "low", "few"]
    header(page, "ast.exact").get_by_role("button").click()
    assert names(page) == ["low", "high", "few"]
    header(page, "run").get_by_role("button").click()
    assert names(page) == ["high", "low", "few"]
    expect(page.locator(".group-head")).to_be_visible()
    page.get_by_label("Search").fill("high")
    expect(page.locator(".group-head")).to_be_hidden()


def test_every_word_is_searched_in_all_fields_of_all_benchmarks(run, visit, tmp_path):
    runs = [
        run("a", spec="hf:org/Zebra@1"),
        run("b", items=3),
        run("c", kind="constant", benchmark="mini"),
        run("d", benchmark="mini"),
    ]
    runs[0].manifest["generator"]["engine"] = "vllm 0.11"
    runs[3].manifest["created"] = "2026-07-09T12:00:00+00:00"
    page = visit(write_site(runs, tmp_path, published=False)).page
    for words, first, second in (
        ("org/zebra", ["a"], []),
        ("VLLM zebra", ["a"], []),
        ("zebra partial", [], []),
        ("partial", ["b"], []),
        ("2026-07", [], ["d"]),
        ("baseline", [], ["c"]),
        ("docker", ["a", "b"], ["c", "d"]),
        ("", ["a", "b"], ["c", "d"]),
    ):
        page.get_by_label("Search").fill(words)
        for tab, left in ((page.get_by_role("tab").first, first), (page.get_by_role("tab").last, second)):
            tab.click()
            assert names(page) == left
            assert int(tab.locator("[data-count]").inner_text()) == len(left)
        count = len(second)
        expect(page.locator("#shown")).to_have_text("2 runs" if count == 2 else f"{count} of 2 runs")


def test_baselines_can_be_left_out(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    page.get_by_role("checkbox", name="baselines").uncheck()
    assert len(names(page)) == 4
    assert page.locator(".badge-baseline:visible").count() == 0
    page.get_by_role("checkbox", name="baselines").check()
    assert len(names(page)) == 6


def test_the_address_keeps_everything_that_was_chosen(eighteen_runs, visit, tmp_path):
    index = write_site(eighteen_runs, tmp_path)
    opened = visit(index)
    page = opened.page

    def seen():
        return [names(page), heads(page), page.get_by_label("Search").input_value(), page.url.partition("#")[2]]

    states = [seen()]
    assert states[0][3] == ""
    steps = [
        lambda: page.get_by_role("tab", name="mini").click(),
        lambda: header(page, "hallucination").get_by_role("button").click(),
        lambda: header(page, "hallucination").get_by_role("button").click(),
        lambda: page.get_by_role("checkbox", name="exec.stage").check(),
        lambda: page.get_by_role("checkbox", name="baselines").uncheck(),
    ]
    page.locator(".chooser summary").click()
    for step in steps:
        step()
        states.append(seen())
    assert len({str(one) for one in states}) == 6
    page.get_by_label("Search").fill("docker q")
    last = seen()
    assert last[0] == ["qwen-0.5b-mini"]
    page.reload()
    assert seen() == last
    other = visit(index).page
    other.goto(page.url)
    assert names(other) == last[0]
    for state in reversed(states[:-1]):
        page.go_back()
        assert seen() == state
    page.go_forward()
    assert seen() == states[1]
    assert opened.complaints == []


@pytest.mark.parametrize(
    "address",
    [
        "tab=nowhere&sort=__proto__&order=constructor",
        "columns=%25%25 %20&tick=../x&tick=",
        "=&&==",
        "tab=%E0%A4%A&search=%00",
    ],
)
def test_an_address_that_makes_no_sense_shows_the_board_as_at_first(eighteen_runs, visit, tmp_path, address):
    index = write_site(eighteen_runs, tmp_path)
    opened = visit(index)
    before = heads(opened.page)
    opened.page.goto(f"{index.as_uri()}#{address}")
    opened.page.reload()
    assert heads(opened.page) == before
    assert opened.complaints == []


def test_a_bar_has_the_value_its_interval_and_the_tables_marks_on_the_metrics_own_scale(run, visit, tmp_path):
    digest = next(digest for digest, name in released_answers().items() if name == "FT 0-shot")
    gorilla = run("gorilla", {"ast.exact": 0.4, "exec.stage": 3.0}, kind="replay")
    gorilla.manifest["generator"]["digest"] = digest
    runs = [
        gorilla,
        run("a", {"ast.exact": 0.5, "exec.stage": 1.0}, ceilings={"exec.stage": 3.5}),
        run("floor", {"ast.exact": 0.2, "exec.stage": 2.0}, kind="constant"),
    ]
    page = visit(write_site(runs, tmp_path, published=False)).page
    drawings = page.locator('tr[data-name="a"] td:visible svg').evaluate_all(
        "all => all.map(one => Object.fromEntries([...one.children].map(e => [e.className.baseVal, e.getAttribute('d') ?? e.getAttribute('width')])))"
    )
    assert drawings == [
        {"track": "100", "bar": "50.00", "whisker": "M45.00 7H55.00M45.00 4V10M55.00 4V10", "floor": "M20.00 0V14", "released": "M40.00 0V14"},
        {"track": "100", "bar": "25.00", "whisker": "M23.75 7H26.25M23.75 4V10M26.25 4V10", "floor": "M50.00 0V14", "released": "M75.00 0V14", "ceiling": "M83.50 1H87.50V13H83.50"},
    ]  # fmt: skip
    cell = page.locator('tr[data-name="a"] td:visible').last
    cell.hover()
    assert cell.get_attribute("title") == "exec.stage = 1.0, 95 % interval 0.95 to 1.05; the references reach 3.5"


def test_the_header_and_the_first_column_stay_in_view_and_the_page_does_not_scroll_sideways(
    eighteen_runs, visit, tmp_path
):
    page = open_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    page.set_viewport_size({"width": 768, "height": 500})
    assert page.evaluate("document.documentElement.scrollWidth") <= 768
    scroller = page.locator(".scroller:visible").first
    scroller.evaluate("element => { element.scrollLeft = 400; element.scrollTop = 200; }")
    assert scroller.evaluate("element => [element.scrollLeft, element.scrollTop]") == [400, 200]
    box = scroller.bounding_box()
    assert abs(header(page, "exec.rate").bounding_box()["y"] - box["y"]) <= 1
    rank, name = (board(page).locator(f"tbody .{one}").last.bounding_box() for one in ("rank", "name"))
    assert abs(rank["x"] - box["x"]) <= 1
    assert abs(name["x"] - rank["x"] - rank["width"]) <= 1


def test_on_a_phone_a_run_is_a_card_with_every_chosen_number_in_view(eighteen_runs, visit, tmp_path):
    page = open_all_columns(visit(write_site(eighteen_runs, tmp_path)))
    page.set_viewport_size({"width": 360, "height": 800})
    cells = board(page).locator("tbody td:not([hidden], .rank)")
    assert cells.count() == 6 * 17
    edges = cells.evaluate_all("all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])")
    assert all(left >= 0 and right <= 360 for left, right in edges)
    page.get_by_label("Sort by").select_option("hallucination")
    values = column(page, "hallucination")
    assert values == sorted(values)
    page.get_by_role("button", name="Reverse").click()
    assert column(page, "hallucination") == values[::-1]


def test_without_a_script_everything_is_there(eighteen_runs, chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(write_site(eighteen_runs, tmp_path).as_uri())
    assert page.locator(".board:visible").count() == 3
    assert page.locator(".board td[data-v]:visible").count() == page.locator(".board td[data-v]").count() > 100
    assert page.locator("#toolbar").is_hidden()
    context.close()
