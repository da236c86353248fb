"""Every kind of page as a whole: each control is used, each count opens what it counts, nothing is cut, axe-core is content.

Controls and pages are discovered, so that a new one is covered without a word here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from apigauge.reports.comparison import write_comparison
from apigauge.reports.leaderboard import write_site
from apigauge.reports.training import write_training

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<script>window.pwned=1</script>\u202e\u200b\U000e0041\"'><img src=x onerror=window.pwned=1>"
SIZES = (360, 768, 1440, 1920)
LONG = "organisation-with-a-long-name/model-with-a-very-long-name-" + "x" * 40
# More controls than any page of the site has; a page that makes new ones for ever ends here.
MOST = 600

# Marks the next visible control that was not used yet, by what a reader takes it for.
NEXT = """(used) => {
  const all = document.querySelectorAll("a[href], button, summary, select, input, [role=tab]");
  for (const one of all) {
    const seen = one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length;
    const row = one.closest("tr, [class=item], details")?.textContent.slice(0, 80) ?? "";
    const name = [one.tagName, one.id, one.type, one.href, one.dataset.column, one.dataset.option, one.dataset.kind,
      one.dataset.metric, one.ariaLabel, one.tagName === "SUMMARY" || one.tagName === "BUTTON" ? one.textContent : "", row].join("|");
    if (!seen || one.closest("[aria-hidden=true]") || used.includes(name)) continue;
    document.querySelector("[data-next]")?.removeAttribute("data-next");
    one.setAttribute("data-next", "");
    return name;
  }
  return null;
}"""

# How many rows a control says that it opens: in itself, or in the first number of its row; null where it says nothing.
COUNT = """(one) => {
  const own = one.querySelector("[data-count]")?.textContent ?? (one.matches("button") ? one.textContent : "");
  const next = one.matches("tbody th :is(button, a[data-filter])") ? one.closest("tr").querySelector("td.num")?.textContent : "";
  const text = [own, next].find((each) => /^[\\d,]+$/.test(each?.trim() ?? ""));
  return text === undefined ? null : Number(text.replaceAll(",", ""));
}"""

# What is to the right of the screen, or cut by its box, and not in something that scrolls.
CUT = """(width) => {
  const scrolls = (one) => ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
  const out = [];
  for (const one of document.querySelectorAll("body *:not(script, style, option, title)")) {
    const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !one.checkVisibility() || one.closest(".hidden, .skip, svg, noscript")) continue;
    if (getComputedStyle(one.closest("h2") ?? one).clipPath !== "none") continue;
    let inside = false;
    let box = one.getBoundingClientRect();
    if (!box.width) continue;
    for (let up = one; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      inside ||= scrolls(up);
      if (style.overflowX === "hidden" && style.textOverflow !== "ellipsis" && style.webkitLineClamp === "none" && up.scrollWidth > up.clientWidth + 1) out.push(`cut: ${up.className} ${up.textContent.slice(0, 60)}`);
    }
    if (!inside && (box.right > width + 1 || box.left < -1)) out.push(`outside: ${one.tagName} ${one.className} ${one.textContent.slice(0, 60)} ${box.left} ${box.right}`);
  }
  return [...new Set(out)];
}"""


@pytest.fixture(scope="module")
def site(run, item, pair, contrast, comparison, training, eighteen, module_folder) -> Path:
    """Every kind of page, with ordinary runs and all that may be odd about one."""
    words = ["exact", "unknown_entry_point_of_a_long_name", HOSTILE]
    rows = [
        item(at, api=f"api {at % 5}", labels={"ast.exact": words[at % 3]}, unfinished="length" if at % 7 == 0 else None)
        for at in range(60)
    ]
    counts = {"ast.exact": {word: sum(row.labels["ast.exact"] == word for row in rows) for word in words}}
    odd = [
        run("labels", rows=rows, labels=counts, spec=f"hf:{LONG}@main"),
        run("few", items=7, expected=7),
        run("withheld", {"ast.exact": 0.4}, infra_error_rate=0.02, withheld=["exec.rate"]),
        run("elsewhere", digest="other", sandbox={"kind": "process", "caveats": ["anything"]}),
        run(HOSTILE, {"ast.exact": 0.5, HOSTILE: 0.2}, spec=HOSTILE, benchmark=HOSTILE, sandbox={"kind": HOSTILE}),
    ]
    odd[0].summary["unfinished"] = {"count": 9, "answers": 60, "share": 0.15, "reasons": {"length": 9}}
    odd[0].summary["usage"] = {"answers": 60, "prompt_tokens": 12_000, "completion_tokens": 6_000, "dollars": 0.0123}
    odd[0].summary["ceilings"] = {"ast.exact": 0.9}
    odd[0].manifest["created"] = "2026-07-09T12:00:00+00:00"
    odd[0].manifest["generator"]["parameters"] = 1_240_000_000
    odd[0].manifest["generator"]["engine"] = "transformers 5.24.0, torch 2.13.0"
    write_site([*eighteen()[:8], *odd], module_folder)
    pairs = [pair(f"api {at % 9}", at, float(at % 2), float(at % 3 == 0)) for at in range(120)]
    metrics = {"ast.exact": contrast(0.5, 0.6, 0.01), "hallucination": contrast(0.6, 0.5)}
    write_comparison(comparison(pairs, metrics, a=odd[-1]), module_folder / "comparison")
    write_training(training(base=HOSTILE), module_folder / "training")
    return module_folder


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def kinds(site: Path) -> dict[str, Path]:
    """A page of each kind: of those in one folder the one with the most buttons."""
    ordered = sorted(pages(site), key=lambda path: path.read_text(encoding="utf-8").count("<button"))
    return {path.parent.name if path.parent != site else path.stem: path for path in ordered}


def controls(page) -> Iterator[tuple[str, object]]:
    """Every control that is or becomes visible, once."""
    used: list[str] = []
    while (name := page.evaluate(NEXT, used)) is not None:
        used.append(name)
        assert len(used) < MOST
        yield name, page.locator("[data-next]")


def use(control) -> None:
    tag, kind = control.evaluate("one => [one.tagName, one.type]")
    if control.evaluate("one => one.matches('.skip')"):  # out of view until it has the focus
        control.press("Enter")
    elif tag == "SELECT":
        for value in control.evaluate("one => [...one.options].map((option) => option.value).slice(0, 12)"):
            option = control.locator(f"xpath=option[@value={value!r}]")
            if control.count() and option.count():  # the page may have been built anew for the last one
                control.select_option(value)
                control.page.wait_for_timeout(30)
                control.page.wait_for_load_state()
    elif tag == "INPUT" and kind in ("search", "number"):
        control.fill("o" if kind == "search" else "1")
        control.fill("")
    else:
        control.click(force=control.get_attribute("aria-disabled") == "true")


def opened_rows(page) -> set[int]:
    """How many rows the page says that it lists now."""
    numbers = set()
    for text in page.locator("output:visible").all_inner_texts():
        total = re.search(r" of ([\d,]+)$", text) if "\u2013" in text else re.match(r"([\d,]+)", text)
        numbers.add(int(total[1].replace(",", "")) if total else 0)
    return numbers


def test_every_control_of_every_page_works_and_every_count_is_that_of_the_rows_it_opens(site, visit):
    counted = 0
    for path in kinds(site).values():
        opened = visit(path)
        page = opened.page
        for name, control in controls(page):
            count = control.evaluate(COUNT)
            before = page.url.partition("#")[0]
            use(control)
            page.wait_for_timeout(30)
            page.wait_for_load_state()
            assert opened.complaints == [], (path, name)
            if page.url.partition("#")[0] != before:
                assert page.locator("h1").count() == 1, (path, name)
                page.go_back()
            elif count is not None:
                page.wait_for_timeout(120)
                assert count in opened_rows(page), (path, name, opened_rows(page))
                counted += 1
        assert page.evaluate("window.pwned") is None
        page.close()
    assert counted >= 8


def test_axe_has_nothing_to_say_of_any_kind_of_page_whatever_its_size_and_scheme(site, visit):
    violations = []
    for kind, path in kinds(site).items():
        page = visit(path).page
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true; }")
        for width in (360, 1440):
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)
                for one in Axe().run(page).response["violations"]:
                    nodes = [node["html"][:200] for node in one["nodes"][:3]]
                    violations.append((kind, width, scheme, one["id"], nodes))
        page.close()
    assert violations == []


def test_no_page_scrolls_sideways_or_cuts_a_text_at_any_size_or_in_print(site, visit):
    for path in pages(site):
        page = visit(path).page
        for width in SIZES:
            for media in ("screen", "print"):
                page.emulate_media(media=media)
                page.set_viewport_size({"width": width, "height": 900})
                if media == "screen" or width >= 1440:
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width, media)
                if media == "screen":
                    assert page.evaluate(CUT, width) == [], (path, width)
        page.close()


@pytest.mark.parametrize("kind", ["index", "runs", "comparison", "training"])
def test_on_a_phone_no_table_hides_a_number_to_the_side(site, visit, kind):
    page = visit(kinds(site)[kind]).page
    page.set_viewport_size({"width": 360, "height": 800})
    widths = page.locator(".scroller:visible").evaluate_all(
        "all => all.map(one => [one.scrollWidth, one.clientWidth, one.textContent.slice(0, 50)])"
    )
    assert widths
    assert [one for one in widths if one[0] > one[1]] == []


def test_hostile_names_are_visible_and_inert_in_titles_attributes_and_tooltips(site, visit):
    """Attack: markup, a bidi override, a zero-width space and a tag in the names of runs, models, metrics and benchmarks."""
    for path in pages(site):
        opened = visit(path)
        page = opened.page
        texts = page.evaluate(
            """() => [document.title, ...[...document.querySelectorAll("body *:not(script)")].flatMap((one) =>
              [...one.attributes].map((each) => each.value).concat([...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data)))]"""
        )
        assert not {"\u202e", "\u200b", "\U000e0041"} & set("".join(texts)), path
        assert (
            page.locator("img:not([src^='data:image/svg+xml;']), body script:not([type]):not(:last-of-type)").count()
            == 0
        ), path
        assert page.evaluate("window.pwned") is None
        assert opened.complaints == []
        page.close()
    page = visit(site / "index.html").page
    page.get_by_role("tab", name="<script>").click()
    cell = page.locator("td[data-v]:visible").last
    cell.hover()
    assert cell.get_attribute("title").startswith("<script>window.pwned=1</script>[U+202E][U+200B][U+E0041]")
