"""The list of a run's answers in chromium: filters combine, every count is what it opens, the address is the state."""

import difflib
import random
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from apigauge.reports.leaderboard import write_site

pytestmark = pytest.mark.browser

ATTACK = "<script>window.pwned=1</script></script><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"
HIDDEN = "\u202e\u2067\xad\u200b\U000e0041"
LABELS = {"ast.exact": ("exact", "wrong_model", "~none", ""), "exec.rate": ("passed", "failed/name", "a=b&c")}


@pytest.fixture
def mixed(run, item):
    """A run of 120 questions with two answers each, whose properties vary independently."""
    draw = random.Random(5)
    rows = [
        item(
            number,
            sample=sample,
            instruction=f"Question {number} of {['red', 'green', 'blue'][number % 3]} things",
            domain=draw.choice(["Vision", "Audio", f"{ATTACK}{HIDDEN}"]),
            api=f"api{number % 11}",
            call=draw.choice([None, f"load('m{draw.randrange(9)}')"]),
            program=f"load()  # {draw.choice(['left', 'right'])}",
            text=f"{draw.choice(['needle', 'hay'])} " * draw.randrange(9),
            metrics={"ast.exact": float(draw.random() < 0.5), "rouge.1": draw.randrange(5) / 4}
            | ({"exec.rate": 1.0} if draw.random() < 0.5 else {}),
            labels={name: draw.choice(words) for name, words in LABELS.items() if draw.random() < 0.8},
            verdict=draw.choice([None, *({"status": "x", "stage": at, "reason": f"stage {at}"} for at in range(5))]),
            unfinished=draw.choice([None, None, "length", "reasoning"]),
        )
        for number in range(120)
        for sample in range(2)
    ]
    return run("a", rows=rows)


@pytest.fixture
def browse(visit, tmp_path):
    """Opens the page of a run at an address; the reader sees answers then."""

    def at(view, address=""):
        write_site([view], tmp_path)
        opened = visit(tmp_path / "runs" / "a.html")
        expect(opened.page.locator("#items .item").first).to_be_visible()
        if address:
            go(opened.page, address)
        return opened

    return at


def go(page, address):
    page.evaluate("address => { location.hash = address }", address)
    expect(page.locator("#status")).to_be_empty()


def listed(page) -> list[str]:
    """The names of all answers that a reader gets to by going through the pages."""
    names = []
    while True:
        names += page.locator(".item-id").all_inner_texts()
        if page.locator("#next").get_attribute("aria-disabled") == "true":
            return names
        first = page.locator(".item-id").first.inner_text()
        page.locator("#next").click()
        expect(page.locator(".item-id").first).not_to_have_text(first)


def names_of(rows) -> list[str]:
    return [f"{row.id} · {row.sample}" for row in rows]


def key(value):
    """How a value stands in the address, from the documentation of the page."""
    return "~none" if value is None else f"~={value}" if value == "" or value.startswith("~") else value


def values(row) -> dict[str, str]:
    """By filter, what an answer has in the address's words."""
    return {
        "stage": key(str(row.verdict["stage"]) if row.verdict else None),
        "unfinished": "yes" if row.unfinished else "no",
        "domain": key(row.domain),
        "api": key(row.api),
        **{f"label:{name}": key(row.labels.get(name)) for name in LABELS},
    }


@pytest.mark.parametrize("seed", range(6))
def test_filters_combine_and_each_choice_opens_as_many_as_it_counts(mixed, browse, seed):
    draw = random.Random(seed)
    some = values(draw.choice(mixed.rows))
    wanted = {name: some[name] for name in draw.sample(sorted(some), seed % 3)}
    score = draw.choice([{}, {"score": "0.25,0.75,rouge.1"}])
    rows = [row for row in mixed.rows if all(values(row)[name] == value for name, value in wanted.items())]
    rows = [row for row in rows if not score or 0.25 <= row.metrics["rouge.1"] <= 0.75]
    opened = browse(mixed, urlencode(wanted | score))
    page = opened.page
    expect(page.locator("#position")).to_contain_text(f" of {len(rows)}" if rows else "No answer")
    assert listed(page) == names_of(rows)
    page.wait_for_timeout(50)
    facets = list(some)
    name = draw.choice(facets)
    select = page.locator(f"#facet-{facets.index(name)}")
    for text in select.locator("option").all_inner_texts():
        select.select_option(label=text)
        count = int(re.search(r"\((\d+)\)$", text)[1])
        expect(page.locator("#position")).to_contain_text(f" of {count}" if count else "No answer")
    others = {other: value for other, value in wanted.items() if other != name}
    left = {values(row)[name] for row in mixed.rows if not others.items() - values(row).items()}
    assert score or select.locator("option").count() == 1 + len(left)
    assert opened.complaints == []


def test_counts_of_the_outcomes_are_what_their_links_open(mixed, browse):
    page = browse(mixed, "text=nowhere").page
    links = page.locator("a[data-filter]").all()
    assert len(links) == 7
    for link in links:
        count = link.locator("xpath=ancestor::tr").locator("td").nth(1).inner_text()
        link.click()
        expect(page.locator("#position")).to_contain_text(f" of {count}")


def test_words_are_searched_at_once_and_whole_answers_on_demand(mixed, browse):
    page = browse(mixed).page
    page.get_by_label("Search").fill("RED things")
    red = [row for row in mixed.rows if "red things" in row.instruction]
    expect(page.locator("#position")).to_have_text(f"1–50 of {len(red)}")
    assert listed(page) == names_of(red)
    page.get_by_label("Search").fill("needle")
    expect(page.locator("#position")).to_have_text("No answer matches.")
    page.get_by_label("also in whole answers").check()
    expect(page.locator("#position")).to_contain_text(f" of {sum('needle' in row.text for row in mixed.rows)}")
    for words, rows in (
        ("# left", [row for row in mixed.rows if "# left" in row.program]),
        ("stage 3", [row for row in mixed.rows if row.verdict and row.verdict["stage"] == 3]),
        ("m7", [row for row in mixed.rows if "m7" in (row.call or "")]),
    ):
        page.get_by_label("Search").fill(words)
        expect(page.locator("#position")).to_contain_text(f" of {len(rows)}")
        assert listed(page) == names_of(rows)
    assert "whole=1" in page.url


@pytest.mark.parametrize("order", ["score:rouge.1", "-score:rouge.1", "-score:exec.rate", "length", "-length"])
def test_answers_are_sorted_and_those_without_a_score_come_last(mixed, browse, order):
    page = browse(mixed, urlencode({"sort": order})).page
    sign = -1 if order.startswith("-") else 1
    name = order.lstrip("-").removeprefix("score:")
    scores = [len(row.text) if name == "length" else row.metrics.get(name) for row in mixed.rows]
    places = sorted(range(len(scores)), key=lambda at: (scores[at] is None, sign * (scores[at] or 0)))
    assert listed(page) == names_of([mixed.rows[at] for at in places])


def test_the_address_brings_back_what_was_seen(mixed, browse):
    page = browse(mixed).page
    position, exact = page.locator("#position"), page.get_by_label("ast.exact")
    count = sum(row.labels.get("ast.exact") == "exact" for row in mixed.rows)
    exact.select_option(f"exact ({count})")
    expect(position).to_contain_text(f" of {count}")
    page.get_by_label("Domain").select_option(index=2)
    expect(position).not_to_contain_text(f" of {count}")
    page.get_by_label("Sort").select_option("longest answer first")
    page.locator("#items summary").nth(2).click()
    expect(page.locator(".item-body .question")).to_be_visible()
    state = (listed_now(page), page.locator("#items .item[open] .item-id").inner_text(), page.url)
    page.reload()
    expect(page.locator(".item-body .question")).to_be_visible()
    assert (listed_now(page), page.locator("#items .item[open] .item-id").inner_text(), page.url) == state
    assert page.get_by_label("Sort").locator("option:checked").inner_text() == "longest answer first"
    page.go_back()
    expect(page.locator(".item-body:visible")).to_have_count(0)
    page.go_back()
    expect(page.get_by_label("Sort").locator("option:checked")).to_have_text("by question")
    page.go_back()
    expect(position).to_contain_text(f" of {count}")
    page.go_back()
    expect(position).to_contain_text(" of 240")
    page.go_forward()
    expect(position).to_contain_text(f" of {count}")
    page.get_by_role("button", name="Remove all filters").click()
    expect(position).to_contain_text(" of 240")
    assert "=" not in page.url


def listed_now(page) -> list[str]:
    return page.locator(".item-id").all_inner_texts()


def test_an_answer_has_an_address_and_neighbours_within_the_filter(mixed, browse):
    rows = [row for row in mixed.rows if row.labels.get("exec.rate") == "passed"]
    place = 49
    row, after = rows[place], rows[place + 1]
    address = urlencode({"label:exec.rate": "passed", "item": row.id, "sample": row.sample})
    page = browse(mixed, address).page
    here = page.locator("#items .item[open]")
    expect(here.locator(".steps")).to_contain_text(f"{place + 1} of {len(rows)}")
    assert here.locator(".item-id").inner_text() == names_of([row])[0]
    for press in (lambda: page.get_by_role("button", name="Next answer").click(), lambda: page.keyboard.press("j")):
        go(page, address)
        expect(here.locator(".item-id")).to_have_text(names_of([row])[0])
        press()
        expect(here.locator(".item-id")).to_have_text(names_of([after])[0])
        expect(page.locator("#position")).to_contain_text("51–")
        page.keyboard.press("k")
        expect(here.locator(".item-id")).to_have_text(names_of([row])[0])
    page.get_by_role("button", name="Next answer").focus()
    page.keyboard.press("Enter")
    expect(here.locator(".item-id")).to_have_text(names_of([after])[0])
    expect(page.get_by_role("button", name="Next answer")).to_be_focused()
    page.get_by_label("Search").press("j")
    assert page.get_by_label("Search").input_value() == "j"


def test_samples_of_a_question_stand_together_and_lead_to_each_other(mixed, browse):
    page = browse(mixed, urlencode({"item": "7", "sample": "0"})).page
    here = page.locator("#items .item[open]")
    table = here.locator(".samples tr")
    expect(table).to_have_count(2)
    calls = [row.call or "no call" for row in mixed.rows if row.id == "7"]
    assert [entry.locator("td").first.inner_text() for entry in table.all()] == calls
    here.get_by_role("link", name="answer 1").click()
    expect(here.locator(".item-id")).to_have_text("7 · 1")


def test_an_answer_outside_the_filter_is_opened_and_the_filter_said_to_be_gone(mixed, browse):
    row = next(row for row in mixed.rows if not row.unfinished)
    page = browse(mixed).page
    page.evaluate(
        "hash => { location.hash = hash }", urlencode({"unfinished": "yes", "item": row.id, "sample": row.sample})
    )
    expect(page.locator("#status")).to_have_text("The filter was removed: it leaves this answer out.")
    assert page.locator("#items .item[open] .item-id").inner_text() == names_of([row])[0]
    assert "unfinished" not in page.url


def test_a_value_that_the_run_does_not_have_matches_nothing(mixed, browse):
    page = browse(mixed, "domain=elsewhere").page
    expect(page.locator("#position")).to_have_text("No answer matches.")
    expect(page.get_by_label("Domain").locator("option:checked")).to_have_text("elsewhere (0)")


def test_anchors_of_the_page_leave_the_state_alone(mixed, browse):
    page = browse(mixed, "domain=Audio").page
    count = page.locator("#position").inner_text()
    page.get_by_role("link", name="Skip to the answers").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    assert page.locator("#position").inner_text() == count != "1–50 of 240"


def test_data_of_another_report_is_refused_and_missing_data_named(run, item, visit, tmp_path):
    rows = [item(number) for number in range(60)]
    write_site([run("a", rows=rows)], tmp_path / "one")
    write_site([run("a", rows=rows[1:])], tmp_path / "two")
    part = "data/runs/a/texts-1.js"
    (tmp_path / "one" / part).write_bytes((tmp_path / "two" / part).read_bytes())
    page = visit(tmp_path / "one" / "runs" / "a.html").page
    expect(page.locator("#items .item").first).to_be_visible()
    go(page, "item=55")
    expect(page.locator(".item-body .warning")).to_contain_text("of another report")
    (tmp_path / "one" / "data/runs/a/texts-0.js").unlink()
    go(page, "item=5")
    expect(page.locator(".item-body .warning")).to_contain_text("cannot be read")


def test_a_page_for_elsewhere_needs_no_file(run, item, visit, tmp_path):
    from apigauge.reports.run_page import render_run
    from apigauge.reports.tables import Page

    (tmp_path / "a.html").write_bytes(render_run(Page(run("a", rows=[item(number) for number in range(9)]), "a", "a")))
    opened = visit(tmp_path / "a.html")
    opened.page.locator("#items summary").nth(3).click()
    expect(opened.page.locator(".question")).to_have_text("Question 3: which model detects objects?")
    assert opened.requests == [(tmp_path / "a.html").as_uri()]
    assert opened.complaints == []


def test_hostile_text_is_inert_in_differences_and_highlighted_code(run, item, browse):
    """Attack: markup and unseen characters in what is cut into words and tokens, where a fix may forget one piece."""
    program = f"# {ATTACK}{HIDDEN}\nx = '{ATTACK}{HIDDEN}' + \"{HIDDEN}\"\nreturn{HIDDEN} {HIDDEN}1"
    hostile = item(
        0, call=f"load('{ATTACK}{HIDDEN}', 1)", reference_call=f"load({HIDDEN}'resnet', {ATTACK})", program=program,
        reference_program=program, text=f"before {program} after", reasoning=f"{ATTACK}{HIDDEN}",
    )  # fmt: skip
    opened = browse(run("a", rows=[hostile]), "item=0")
    page = opened.page
    expect(page.locator(".item-body ins").first).to_be_visible()
    page.locator(".fold summary").click()
    names = "".join(f"U+{ord(one):04X}" for one in HIDDEN)
    for title, text in (
        ("Call extracted", hostile.call),
        ("Reference call", hostile.reference_call),
        ("Reference program", program),
        ("Answer as written", hostile.text),
    ):
        block = page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True)).last
        assert block.locator("pre").text_content() == text.replace(HIDDEN, names)
    assert not set(HIDDEN) & set(page.evaluate("document.body.textContent"))
    assert page.locator(".item-body .code-comment").count() == 3
    assert page.locator(".item-body :is(script, img, svg)").count() == 0
    assert page.evaluate("window.pwned") is None
    assert opened.complaints == []


def test_reasoning_before_an_answer_is_folded(run, item, browse):
    thought = "👍 \ud7ff I think of resnet"
    row = item(0, text=f"<think>{thought}</think>load('👍')", separated=thought)
    page = browse(run("a", rows=[row, item(1)]), "item=0").page
    section = page.locator("section").filter(has=page.get_by_role("heading", name="Answer as written")).last
    expect(section.locator("pre").last).to_have_text("</think>load('👍')")
    expect(section.locator(".fold pre")).to_be_hidden()
    section.locator("summary").click()
    expect(section.locator(".fold pre")).to_have_text(f"<think>{thought}")


def test_the_document_that_a_retriever_added_is_folded_and_searched(run, item, browse):
    document = f"{{'api_call': 'resnet'}} {ATTACK}{HIDDEN} haystack"
    opened = browse(run("a", rows=[item(0, document=document), item(1)]), "item=0")
    page = opened.page
    fold = page.locator(".fold").filter(has_text="Document that the retriever added")
    expect(fold.locator("pre")).to_be_hidden()
    fold.locator("summary").click()
    assert fold.locator("pre").text_content() == document.replace(
        HIDDEN, "".join(f"U+{ord(one):04X}" for one in HIDDEN)
    )
    go(page, "item=1")
    expect(page.locator(".fold")).to_have_count(1)
    go(page, "text=haystack&whole=1")
    expect(page.locator("#position")).to_have_text("1\u20131 of 1")
    assert page.evaluate("window.pwned") is None
    assert opened.complaints == []


def test_differences_are_a_longest_common_subsequence_of_words(run, item, browse):
    page = browse(run("a")).page
    draw = random.Random(1)
    words = ["load", "(", "'a b'", ",", " ", "x", "=", "7", ")", "é", "👍"]
    for _ in range(60):
        first, second = ("".join(draw.choices(words, k=draw.randrange(14))) for _ in range(2))
        parts = page.evaluate("([a, b]) => differences(a, b)", [first, second])
        assert "".join(word for side, word in parts if side != "+") == first
        assert "".join(word for side, word in parts if side != "-") == second
        tokens = [re.findall(r"\w+|\s+|[^\w\s]", text) for text in (first, second)]
        matcher = difflib.SequenceMatcher(None, *tokens, autojunk=False)
        assert sum(side == "=" for side, _ in parts) >= sum(match.size for match in matcher.get_matching_blocks())
    long = page.evaluate("differences('x '.repeat(2000) + 'a', 'y '.repeat(2000) + 'a').filter(one => one[0] === '=')")
    assert long == [["=", " "], ["=", "a"]]


def test_highlighting_agrees_with_pygments(run, item, browse):
    from pygments.lexers.python import PythonLexer
    from pygments.token import Comment, Keyword, Number, Operator, String

    kinds = {Comment: "comment", String: "string", Number: "number", Keyword: "keyword", Operator.Word: "keyword"}
    programs = (
        "from torch import hub  # 'not' a string\nx = hub.load(\"a\\\"b\", r'c\\d', pretrained=True)\n",
        'def f(a, *, b=1_000, c=0x1F, d=.5, e=1e-3):\n    """Doc # "string".\n    more"""\n    return a if b is not None else lambda: 0\n',
        "async def g():\n    async with a as b:\n        await b['x']  # end\n    raise ValueError(\"don't\")\n",
        "class A:\n    pass\n\n\nfor i in range(10):\n    print(i, not_a_keyword, e1, x2y, b'bytes', u'é', '''a\n'b' ''')\n",
        "try:\n    import tensorflow_hub\nexcept ImportError:\n    assert False, ''\nfinally:\n    del y\n",
    )
    page = browse(run("a")).page
    for program in programs:
        parts = page.evaluate(
            """program => [...highlighted(program).childNodes].flatMap((node) =>
               [...node.textContent].map((one) => [one, (node.className ?? "").replace("code-", "")]))""",
            program,
        )
        wanted = [
            [one, next((kind for token, kind in kinds.items() if lexed in token), "")]
            for lexed, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(program)
            for one in text
        ]
        assert [part for part in parts if part[0].strip()] == [part for part in wanted if part[0].strip()]


def test_twenty_thousand_answers_are_filtered_right(run, item, browse):
    draw = random.Random(2)
    rows = [
        item(number, api=f"api {number % 700}", labels={"ast.exact": draw.choice(["exact", "no_call"])})
        for number in range(20_000)
    ]
    page = browse(run("a", rows=rows)).page
    expect(page.locator("#position")).to_have_text("1–50 of 20000")
    count = sum(row.labels["ast.exact"] == "exact" and row.api == "api 12" for row in rows)
    go(page, urlencode({"label:ast.exact": "exact", "api": "api 12"}))
    expect(page.locator("#position")).to_have_text(f"1–{count} of {count}")
    page.get_by_role("button", name="Remove all filters").click()
    page.get_by_label("Search").fill("question 19")
    expect(page.locator("#position")).to_have_text("1–50 of 1111")
    expect(page.locator(".item-question").nth(2)).to_have_text("Question 191: which model detects objects?")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_of_an_open_answer_is_cut(mixed, browse, width):
    opened = browse(mixed)
    opened.page.set_viewport_size({"width": width, "height": 800})
    go(opened.page, "item=7&sample=1")
    expect(opened.page.locator(".item-body .question")).to_be_visible()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    cut = opened.page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((one) => {
          const style = getComputedStyle(one);
          const isHidden = one.closest(".hidden, .item-question, option") || !one.clientWidth;
          return !isHidden && style.overflowX === "hidden" && one.scrollWidth > one.clientWidth + 1;
        }).map((one) => one.outerHTML.slice(0, 90))"""
    )
    assert cut == []
