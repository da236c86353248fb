"""The pages as a reader sees them, in chromium: nothing from the network, nothing that an answer can run."""

import pytest
from playwright.sync_api import expect

from apigauge.reports.leaderboard import write_site

pytestmark = pytest.mark.browser

ATTACK = "<script>window.pwned=1</script></script><img src=x onerror=window.pwned=1><svg onload=window.pwned=1>"


def test_both_pages_open_without_complaint_or_request(eighteen_runs, visit, tmp_path):
    index = write_site(eighteen_runs, tmp_path)
    for path in (index, tmp_path / "runs" / "codegen-350m-mini.html"):
        opened = visit(path)
        opened.page.wait_for_load_state("networkidle")
        assert opened.complaints == []
        assert opened.requests[0] == path.as_uri()
        assert all(request.startswith((tmp_path / "data").as_uri()) for request in opened.requests[1:])
        assert path != index or len(opened.requests) == 1
    expect(opened.page.locator("#items details")).to_have_count(4)


def test_the_link_of_a_row_leads_to_its_run_and_back(eighteen_runs, visit, tmp_path):
    page = visit(write_site(eighteen_runs, tmp_path)).page
    page.get_by_role("tab", name="mini").click()
    page.get_by_role("rowheader").get_by_role("link", name="qwen-0.5b-mini").click()
    assert page.locator("h1").inner_text() == "qwen-0.5b-mini"
    page.get_by_role("link", name="Leaderboard").click()
    assert page.locator(".board").count() == 3


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
    links = page.locator(".bars a").all()
    assert len(links) == 10
    for link in links:
        page.get_by_label("Search").fill("nowhere")
        expect(page.locator("#position")).to_have_text("No answer matches.")
        link.click()
        count = link.locator("xpath=ancestor::tr").locator("td").nth(1).inner_text()
        expect(page.locator("#position")).to_contain_text(f" of {count}")
    assert opened.complaints == []


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
    page.locator("#items .item > summary").click()
    expect(page.locator("#items pre").last).to_have_text(ATTACK)
    assert page.locator(".question").text_content() == ATTACK
    page.get_by_label("ast.exact").select_option(f"{ATTACK} (1)")
    expect(page.locator("#items .item")).to_have_count(1)
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.locator("#items img, #items svg, #items script").count() == 0
    assert all(request.startswith(tmp_path.as_uri()) for request in opened.requests)
    assert opened.complaints == []


def test_even_markup_that_gets_onto_the_page_is_forbidden_to_run(run, visit, tmp_path):
    """Attack: suppose an escape is forgotten one day. The content security policy must still stop the script."""
    write_site([run("a")], tmp_path)
    path = tmp_path / "runs" / "a.html"
    beacon = (tmp_path / "own.js").as_uri()
    forgotten = f"<main>{ATTACK}<script src={beacon}></script>".encode()
    path.write_bytes(path.read_bytes().replace(b"<main>", forgotten, 1))
    (tmp_path / "own.js").write_text("window.pwned = 1")
    opened = visit(path)
    page = opened.page
    expect(page.locator("#items .item")).to_have_count(4)
    for attempt in (
        "document.body.insertAdjacentHTML('beforeend', text)",
        "const s = document.createElement('script'); s.textContent = 'window.pwned=1'; document.body.append(s)",
        "const s = document.createElement('script'); s.src = beacon; document.body.append(s)",
    ):
        page.evaluate(f"([text, beacon]) => {{ try {{ {attempt} }} catch {{ }} }}", [ATTACK, beacon])
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert beacon not in opened.requests


def test_unseen_characters_are_named(run, item, visit, tmp_path):
    """Attack: a right-to-left override or a NUL makes an answer read as another one."""
    write_site([run("a", rows=(item(0, text="a\x00b\u202ec\u2028d\r\ne"),))], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    page.locator("#items summary").click()
    expect(page.locator("#items pre").last).to_be_visible()
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
    page.locator(".bars").get_by_role("link", name="failed/name").click()
    expect(page.locator("#position")).to_have_text("1–1 of 1")
    page.locator("#items summary").click()
    expect(page.locator(".verdict")).to_be_visible()
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
    page.get_by_label("exec.rate").select_option("infra (1)")
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
            expect(opened.page.locator(".verdict")).to_be_visible()
            shown = opened.page.locator(".verdict tr").filter(has_text="stderr").locator("td").text_content()
            assert shown == f"{ATTACK}\nU+0000U+202E"
            assert opened.page.locator("#items img, #items svg, #items script").count() == 0
        assert opened.page.evaluate("window.pwned") is None
        assert opened.page.locator("img").count() == 0
        assert all(request.startswith(tmp_path.as_uri()) for request in opened.requests)
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
    write_site([run("a", rows=[item(number) for number in range(911)])], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    position = page.locator("#position")
    expect(position).to_have_text("1–50 of 911")
    page.get_by_role("button", name="Next").click()
    expect(position).to_have_text("51–100 of 911")
    expect(page.locator(".item-id").first).to_have_text("50")
    page.get_by_label("ast.exact").select_option("unknown_api (455)")
    expect(position).to_have_text("1–50 of 455")
    page.get_by_label("Search").fill("question 907:")
    expect(position).to_have_text("1–1 of 1")
    expect(page.locator(".item-id")).to_have_text("907")
    page.get_by_label("Search").fill("")
    page.locator(".bars").get_by_role("link", name="exact").click()
    expect(position).to_have_text("1–50 of 456")
