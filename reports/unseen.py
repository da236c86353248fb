"""Characters that a reader would not see, or that reorder or pass for others: named and not obeyed.

Which these are follows from Unicode's properties, written down here because no two Python versions have the same
tables: controls (Cc), format characters (Cf), Default_Ignorable_Code_Point, separators (Z*) but the plain space, code
points without a meaning of their own (Cs, Co, noncharacters), and the few symbols and letters drawn as nothing.
What ordinary text needs of these is kept where it is seen to act: emoji with their selectors and joiners, joiners
between letters that they shape, the wide space between wide letters. A test compares this table with a browser's.
"""

import re
from collections.abc import Callable

from markupsafe import Markup, escape

# Tab and line break are left out: they are layout.
CONTROLS = "0-8 B-1F 7F-9F"
IGNORABLE = (
    "AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8 "
    "1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
FORMAT = "600-605 6DD 70F 890-891 8E2 FFF9-FFFB 110BD 110CD 13430-1343F"
SPACES = "A0 1680 2000-200A 2028-2029 202F 205F 3000"
# Braille without a dot, an Egyptian blank, the Khitan filler, a note without a head, the object replacement character.
BLANK = "2800 13441-13442 16FE4 1D159 FFFC"
MEANINGLESS = "D800-DFFF E000-F8FF FDD0-FDEF F0000-10FFFF " + " ".join(f"{at:X}FFFE-{at:X}FFFF" for at in range(15))
UNSEEN = f"{CONTROLS} {IGNORABLE} {FORMAT} {SPACES} {BLANK} {MEANINGLESS}".replace(" 0FFFE-0FFFF", " FFFE-FFFF")

# Emoji that are drawn as text unless a selector follows, and those that may stand in a joined sequence.
_SELECTED = (
    "A9 AE 203C 2049 2122 2139 2194-2199 21A9-21AA 2328 23CF 23ED-23EF 23F1-23F2 23F8-23FA 24C2 25AA-25AB 25B6 25C0 "
    "25FB-25FC 2600-2604 260E 2611 2618 261D 2620 2622-2623 2626 262A 262E-262F 2638-263A 2640 2642 265F-2660 2663 "
    "2665-2666 2668 267B 267E 2692 2694-2697 2699 269B-269C 26A0 26A7 26B0-26B1 26C8 26CF 26D1 26D3 26E9 26F0-26F1 "
    "26F4 26F7-26F9 2702 2708-2709 270C-270D 270F 2712 2714 2716 271D 2721 2733-2734 2744 2747 2763-2764 27A1 "
    "2934-2935 2B05-2B07 3030 303D 3297 3299 1F170-1F171 1F17E-1F17F 1F202 1F237 1F321 1F324-1F32C 1F336 1F37D "
    "1F396-1F397 1F399-1F39B 1F39E-1F39F 1F3CB-1F3CE 1F3D4-1F3DF 1F3F3 1F3F5 1F3F7 1F43F 1F441 1F4FD 1F549-1F54A "
    "1F56F-1F570 1F573-1F579 1F587 1F58A-1F58D 1F590 1F5A5 1F5A8 1F5B1-1F5B2 1F5BC 1F5C2-1F5C4 1F5D1-1F5D3 "
    "1F5DC-1F5DE 1F5E1 1F5E3 1F5E8 1F5EF 1F5F3 1F5FA 1F6CB 1F6CD-1F6CF 1F6E0-1F6E5 1F6E9 1F6F0 1F6F3"
)
_COLOURFUL = "1F300-1F3FA 1F400-1F64F 1F680-1F6FC 1F90C-1F9FF 1FA70-1FAF8 26A7 2640 2642 2695-2696 2708 2764 2B1B 27A1"
_SKIN = "1F3FB-1F3FF"
# Arabic letters that join to the next one, and those that join at all; marks between them do not count.
_JOINS_NEXT = "626 628 62A-62E 633-63F 641-647 649-64A 66E-66F 678-687 69A-6BF 6C1-6C2 6CC 6CE 6D0-6D1 6FA-6FC 6FF"
_JOINS = "620 622-63F 641-64A 66E-66F 671-673 675-6D3 6D5 6EE-6EF 6FA-6FC 6FF"
_MARKS = "64B-65F 670"
_VIRAMAS = "94D 9CD A4D ACD B4D BCD C4D CCD D4D DCA"
_INDIC = "904-939 985-9B9 A05-A39 A85-AB9 B05-B39 B83-BB9 C05-C39 C85-CB9 D05-D3A D85-DC6"
_WIDE = "2E80-2FDF 3001-303F 3041-3163 3165-33FF 3400-4DBF 4E00-9FFF AC00-D7A3 F900-FAFF FF01-FF60 20000-3FFFD"
# The three flags that Unicode recommends; other sequences of tags may spell anything.
_FLAGS = ("gbeng", "gbsct", "gbwls")

_Escape = Callable[[int], str]


def _kept(code: _Escape) -> str:
    """A pattern of what is kept; ``code`` writes a code point in the language's own way."""

    def one_of(ranges: str) -> str:
        ends = (tuple(int(end, 16) for end in part.split("-")) for part in ranges.split())
        return f"[{''.join('-'.join(map(code, both)) for both in ends)}]"

    selected, colourful, skin = one_of(_SELECTED), one_of(_COLOURFUL), one_of(_SKIN)
    emoji = f"(?:{selected}{code(0xFE0F)}|{colourful}{skin}?)"
    tags = "|".join("".join(code(0xE0000 + ord(letter)) for letter in flag) for flag in _FLAGS)
    non_joiner, joiner = code(0x200C), code(0x200D)
    return "|".join(
        (
            r"\r\n",
            f"[0-9#*]{code(0xFE0F)}{code(0x20E3)}",
            f"{code(0x1F3F4)}(?:{tags}){code(0xE007F)}",
            f"{emoji}(?:{joiner}{emoji})*",
            f"{one_of(_VIRAMAS)}[{non_joiner}{joiner}](?={one_of(_INDIC)})",
            f"{one_of(_JOINS_NEXT)}{one_of(_MARKS)}*{non_joiner}(?={one_of(_JOINS)})",
            f"(?<={one_of(_WIDE)}){code(0x3000)}(?={one_of(_WIDE)})",
            f"({one_of(UNSEEN)})",
        )
    )


def script_pattern() -> str:
    """The same pattern for a page's script, as a literal; its only group is what must be named."""
    return f"/{_kept(_script_escape)}/gu"


def _script_escape(point: int) -> str:
    return f"\\u{{{point:x}}}"


_PATTERN = re.compile(_kept(lambda point: f"\\U{point:08x}"))


def shown(text: str) -> Markup:
    """Text for a page, with a mark around the name of each character that would not be seen."""
    named = _PATTERN.sub(lambda match: _name(match, '<span class="unseen">{}</span>'), escape(text))
    return Markup(named)  # noqa: S704 - escaped above


def plain(text: str) -> str:
    """Text where no markup can stand (titles, attributes, drawings): names of unseen characters in brackets."""
    return _PATTERN.sub(lambda match: _name(match, "[{}]"), text)


def _name(match: re.Match[str], form: str) -> str:
    return form.format(f"U+{ord(match[1]):04X}") if match[1] else match[0]
