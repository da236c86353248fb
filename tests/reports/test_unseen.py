"""Attack: names and answers hold what a reader does not see. A fix could be wrong by a list of examples, or by its reach."""

import unicodedata

import pytest

from apigauge.reports.comparison import write_comparison
from apigauge.reports.leaderboard import write_site
from apigauge.reports.unseen import plain, shown

# Bidi overrides and isolates, soft hyphen, spaces, Arabic letter mark, tags, selectors, fillers, joiners, a lone CR.
HIDDEN = "".join(
    map(chr, (0x202E, 0x2067, 0xAD, 0xA0, 0x2003, 0x3000, 0x61C, 0xE0041, 0xFE0F, 0x180E, 0x3164, 0xFFA0, 0x200D,
              0x200C, 0x2063, 0x2800, 0x34F, 0xE0100, 0x1D173, 0x13437, 0xFFFE, 0xE000, 0x1F, 0x2028, 0xD))
)  # fmt: skip
ORDINARY = (
    "naïve façade",
    "привет, мир",
    "שלום",
    "می\u200cخواهم",
    "हिन्दी क्\u200dष",
    "日本\u3000語 한국어",
    "ไทย",
    "❤\ufe0f 👍🏽 5\ufe0f\u20e3 👩\u200d❤\ufe0f\u200d👨 🏳\ufe0f\u200d🌈 ☕",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "two\tcells\r\nand a line",
)


def names(text: str) -> str:
    return "".join(f"U+{ord(one):04X}" for one in text)


@pytest.mark.parametrize("character", HIDDEN)
def test_what_is_not_seen_is_named_wherever_it_stands(character):
    for before, after in (("resnet50", ""), ("", "resnet"), ("a", "b"), ("5", "5"), ("é", "(")):
        name = f"U+{ord(character):04X}"
        assert plain(before + character + after) == f"{before}[{name}]{after}"
        assert shown(before + character + after) == f'{before}<span class="unseen">{name}</span>{after}'


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_and_emoji_are_left_as_they_are(text):
    assert plain(text) == text
    assert shown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f3f4\U000e0068\U000e0069\U000e007f",
        "a\u200d👍",
        "👍\ufe0f",
        "ا\u200cب",
        "क\u200dष",
        "5\ufe0f5",
        "語\u3000(",
        "❤\ufe0f\ufe0f",
    ],
)
def test_what_makes_no_visible_difference_is_named_next_to_letters_and_emoji_too(text):
    assert "U+" in plain(text)


def test_every_control_format_and_separator_of_this_python_is_named():
    for point in range(0x110000):
        if unicodedata.category(chr(point)) in {"Cc", "Cf", "Zl", "Zp", "Zs", "Cs", "Co"} and point not in {9, 10, 32}:
            assert plain(f"a{chr(point)}b") == f"a[U+{point:04X}]b"


@pytest.mark.browser
def test_the_table_is_unicodes_and_the_script_names_the_same(run, item, visit, tmp_path):
    """Default_Ignorable_Code_Point is not in Python; a browser has it."""
    write_site([run("a", rows=(item(0),))], tmp_path)
    page = visit(tmp_path / "runs" / "a.html").page
    ranges = page.evaluate(
        """() => ["\\\\p{DI}", "\\\\p{Cf}", "[\\\\p{Z}\\\\p{Co}\\\\p{Cs}\\\\p{Cc}]"].map((property) => {
          const pattern = new RegExp(property, "u");
          return [...Array(0x110000).keys()].filter((point) => pattern.test(String.fromCodePoint(point)));
        })"""
    )
    wanted = {point for points in ranges for point in points} - {9, 10, 32}
    assert len(wanted) > 140_000
    assert [hex(point) for point in sorted(wanted) if plain(f"a{chr(point)}b") == f"a{chr(point)}b"] == []
    named = page.evaluate(
        "() => [...Array(0x110000).keys()].filter(point => shown('a' + String.fromCodePoint(point) + 'b').childElementCount)"
    )
    assert named == [point for point in range(0x110000) if plain(f"a{chr(point)}b") != f"a{chr(point)}b"]
    texts = [*ORDINARY, *(f"x{one}y" for one in HIDDEN if one < "\ud800" or one > "\udfff")]
    assert page.evaluate("texts => texts.map(text => shown(text).textContent)", texts) == [
        "".join(shown(text).striptags() if "U+" in shown(text) else text) for text in texts
    ]


@pytest.mark.browser
def test_nothing_unseen_reaches_any_page_from_a_name_a_model_a_tag_or_a_label(
    run, item, comparison, pair, visit, tmp_path
):
    hidden = f"<b>{HIDDEN}x"
    row = item(0, id=hidden, domain=hidden, how=hidden, labels={hidden: hidden}, metrics={hidden: 1.0})
    view = run(
        hidden, {hidden: 0.5}, rows=(row,), benchmark=hidden, spec=hidden, digest=hidden, labels={hidden: {hidden: 1}},
        sandbox={"kind": hidden, "caveats": [hidden], "hub": {"mode": hidden, "digest": hidden}}, versions={hidden: hidden},
    )  # fmt: skip
    view.manifest["tags"] = [hidden]
    index = write_site([view, run("b", benchmark=hidden)], tmp_path)
    rows = [pair(hidden, 1, 1, 0, id=hidden, labels={"ast.exact": hidden})]
    manifests = [(hidden, hidden, {hidden: hidden})]
    compared = write_comparison(comparison(rows, a=view, manifests=manifests), tmp_path / "two")
    for path in (index, next((tmp_path / "runs").glob("b*x.html"), tmp_path / "runs" / "b-x.html"), compared):
        opened = visit(path)
        page = opened.page
        if page.locator("#open-all").count():
            page.locator("#open-all").click()
        else:
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.wait_for_timeout(100)
        texts = page.evaluate(
            """() => [document.title, ...[...document.querySelectorAll("body, body *:not(script)")].flatMap((one) =>
              [...[...one.attributes].map((each) => each.value),
               ...[...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data)])]"""
        )
        joined = "\n".join(texts)
        assert not set(HIDDEN) & set(joined), path
        assert "U+202E" in page.title() or path == index
        assert names(HIDDEN) in page.evaluate("document.body.textContent")
        assert opened.complaints == []
