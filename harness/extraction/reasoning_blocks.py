"""Reasoning between tags: which of a text's tags open and close a block, and what is left of the text without those."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from apigauge.harness.extraction.marked_answer import HINT
from apigauge.harness.extraction.reasoning_tags import CHANNELS, STRIP, Reasoning

_ANGLE = re.compile(r"<([a-zA-Z][\w:.-]{0,40})>")
_CHANNEL = r"<\|channel\|>(?:analysis[^<\n]{0,80}|commentary)<\|message\|>"
_CHANNEL_END = r"<\|end\|>(?=(?:<\|start\|>)?(?:assistant)?<\|channel\|>)"
_FINAL = r"<\|channel\|>final(?:\s{1,9}[^<\n]{0,80})?<\|message\|>"
# What chat programs fold reasoning into.
_DETAILS = (
    r"<details(?:\s[^<>\n]{0,200})?>\s{0,9}<summary>[^<\n]{0,40}(?i:thought|thinking|reasoning)[^<\n]{0,40}</summary>"
)
_FENCE = r"^[ \t]{0,12}(?P<fence>`{3,}|~{3,})(?=(?P<info>[^\n<]{0,80}))"
_NOTHING = "(?!)"
_FENCED = "fence"
_TURN_END = re.compile(r"(?:\s|<\|(?:end|return|start|im_end)\|>(?:assistant)?)+\Z")
_QUOTES = "'\"`"
# So many characters around a tag decide whether it is one.
_AROUND = 200
_SENTENCE_END = (".", "!", "?", ":", ")", "…", "`")


class Parts(NamedTuple):
    """A completion in two parts.

    Attributes:
        reasoning: what the model wrote before it answered; empty if nothing.
        answer: what is left; the whole text if there is no reasoning.
        is_closed: whether the reasoning ends; if not, there is no answer.
    """

    reasoning: str
    answer: str
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class Grammar:
    """Pairs of tags, compiled.

    Attributes:
        hint: occurs in the lower-case form of every text that has a tag or a mark: found much faster than a tag is.
        tag: a tag.
        token: a tag or a fence.
        literals: the kind of each tag that is no name in angle brackets, and whether it opens.
        has_channels: whether channels are among the tags.
    """

    hint: re.Pattern[str]
    tag: re.Pattern[str]
    token: re.Pattern[str]
    literals: dict[str, tuple[str, bool]]
    has_channels: bool

    def role(self, token: re.Match[str]) -> tuple[str, bool]:
        """The kind of a tag, and whether it opens."""
        if token["name"]:
            return token["name"].lower(), not token["slash"]
        if token["details"]:
            return "details", True
        return self.literals.get(token[0].lower(), ("channel", token["channel"] is not None))


@lru_cache(maxsize=64)
def grammar_of(how: Reasoning) -> Grammar:
    """The grammar of the tags that count; where all do, also of what is no pair of two constant texts."""
    names = []
    tags, is_default = how.tags, how.mode == STRIP and not how.template_tags
    literals: dict[str, tuple[str, bool]] = {"</details>": ("details", False)} if is_default else {}
    for pair in tags:
        opening, closing = pair
        match = _ANGLE.fullmatch(opening)
        if match and closing == f"</{match[1]}>":
            names.append(re.escape(match[1]))
        elif pair != CHANNELS:
            literals |= {opening.lower(): (opening, True), closing.lower(): (opening, False)}
    name = "|".join(sorted(names, key=len, reverse=True)) or _NOTHING
    literal = "|".join(re.escape(tag) for tag in sorted(literals, key=len, reverse=True)) or _NOTHING
    has_channels = CHANNELS in tags
    channel, end, final = (_CHANNEL, _CHANNEL_END, _FINAL) if has_channels else (_NOTHING,) * 3
    pattern = (
        rf"<(?P<slash>/?)(?P<name>(?i:{name}))(?:\s[^<>\n]{{0,200}})?(?<!/)>|(?P<literal>(?i:{literal}))"
        rf"|(?P<details>{_DETAILS if is_default else _NOTHING})|(?P<channel>{channel})|(?P<end>{end})"
        rf"|(?P<final>{final})"
    )
    hint = "|".join(
        [f"</?(?:{name.lower()})", *map(re.escape, literals), *([re.escape("<|channel|>")] * has_channels), HINT]
    )
    token = re.compile(f"{pattern}|{_FENCE}", re.MULTILINE)
    return Grammar(re.compile(hint), re.compile(pattern), token, literals, has_channels)


def separate_blocks(text: str, grammar: Grammar, prompt_tag: str = "") -> Parts:
    """A text without its blocks of reasoning. Linear in the text.

    Args:
        text: the completion.
        grammar: the tags.
        prompt_tag: the opening tag that the prompt ended with; empty if it did not.
    """
    begun = grammar.tag.fullmatch(prompt_tag)
    return _Blocks(text, grammar).separated(grammar.role(begun)[0] if begun else "")


class _Blocks:
    """A walk over the tags of a text."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self._text = text
        self._tokens = list(grammar.token.finditer(text))
        self._roles = [(_FENCED, False) if token["fence"] else grammar.role(token) for token in self._tokens]
        self._last_close = {kind: at for at, (kind, opens) in enumerate(self._roles) if not opens}
        self._reasoning: list[str] = []
        self._answer: list[str] = []

    def separated(self, kind: str) -> Parts:
        """The parts of the text; ``kind`` is that of the block that is open at its beginning, empty if none is."""
        fence, start = "", 0
        for at, token in enumerate(self._tokens):
            of, opens = self._roles[at]
            if of == _FENCED:
                fence = fence if kind else _fence_after(fence, token)
                continue
            end = token.start()
            if token["final"]:
                self._forget(self._text[start:end])
                kind = fence = ""
            elif kind:
                if opens or not self._ends_block(at, kind):
                    continue
                self._reasoning.append(self._text[start:end])
                kind = ""
            elif opens and self._is_opening(at, fence):
                self._answer.append(self._text[start:end])
                kind = of
            elif not opens and of != "details" and self._is_closing(at, fence):
                # A block ends that the prompt had opened, or that spoke of its own tags: nothing before it counts.
                self._forget(self._text[start:end])
                fence = ""
            else:
                continue
            start = token.end()
        (self._reasoning if kind else self._answer).append(self._text[start:])
        written = "\n".join(part.strip() for part in self._reasoning if part.strip())
        if not written and start == 0 and not kind:
            return Parts("", self._text)
        return Parts(written, _TURN_END.sub("", "".join(self._answer)).strip("\r\n"), is_closed=not kind)

    def _forget(self, stretch: str) -> None:
        """What was taken for the answer so far was reasoning."""
        self._reasoning += [*self._answer, stretch]
        self._answer.clear()

    def _ends_block(self, at: int, kind: str) -> bool:
        """Whether a closing tag ends the open block: one of its kind, or the last of any kind, and not in quotes."""
        of = self._roles[at][0]
        return (of == kind or self._last_close.get(kind, -1) < at) and not _is_quoted(*self._around(self._tokens[at]))

    def _is_opening(self, at: int, fence: str) -> bool:
        """Whether a tag opens a block of reasoning, and is neither a program's text nor spoken of."""
        token = self._tokens[at]
        before, after = self._around(token)
        if fence:  # no program begins with a tag, so a fence that does is around the reasoning
            previous = self._tokens[at - 1]
            return bool(previous["fence"]) and not self._text[previous.end() : token.start()].strip()
        if token["channel"] or token["details"] or _begins_line(before):
            return True
        if _is_quoted(before, after):
            return False
        is_closed_next = at + 1 < len(self._tokens) and self._roles[at + 1] == (self._roles[at][0], False)
        if is_closed_next and self._is_at_edge(self._tokens[at + 1]):
            return True
        return after[:1].isalnum() if is_closed_next else not after.strip()

    def _is_closing(self, at: int, fence: str) -> bool:
        """Whether a closing tag ends what stands before it, although no block is open."""
        token = self._tokens[at]
        before, after = self._around(token)
        if fence:
            return not before.strip() and not after.strip() and self._is_fence_left_open(at)
        if self._is_at_edge(token):
            return True
        if _is_quoted(before, after) or self._follows_its_opening(at):
            return False
        touches = before[-1:].strip() and after[:1].strip() and after[:1] not in ".,;:!?)"
        return bool(touches) or before.rstrip().endswith(_SENTENCE_END)

    def _follows_its_opening(self, at: int) -> bool:
        """Whether the tag before a closing one opens, on the same line: an answer that speaks of both."""
        if not at or self._roles[at - 1] != (self._roles[at][0], True):
            return False
        return "\n" not in self._text[self._tokens[at - 1].end() : self._tokens[at].start()]

    def _is_at_edge(self, token: re.Match[str]) -> bool:
        """Whether a tag begins or ends its line: one within a line may be a program's text, or be spoken of."""
        before, after = self._around(token)
        return _begins_line(before) or not after.strip()

    def _is_fence_left_open(self, at: int) -> bool:
        """Whether the fence before a tag is one that the reasoning did not close: those after it make pairs."""
        following, count = self._fences_after[at]
        return following is None or bool(following["info"].strip()) or count % 2 == 0

    @cached_property
    def _fences_after(self) -> list[tuple[re.Match[str] | None, int]]:
        """For each token the next fence after it, and how many there are."""
        rows: list[tuple[re.Match[str] | None, int]] = []
        following, count = None, 0
        for token in reversed(self._tokens):
            rows.append((following, count))
            if token["fence"]:
                following, count = token, count + 1
        return rows[::-1]

    def _around(self, token: re.Match[str]) -> tuple[str, str]:
        """What stands before and after a tag on its line, as far as it decides."""
        before = self._text[max(0, token.start() - _AROUND) : token.start()]
        return before.rpartition("\n")[2], self._text[token.end() : token.end() + _AROUND].partition("\n")[0]


def _begins_line(before: str) -> bool:
    """Whether a tag after this begins its line, but for marks of Markdown, or a turn."""
    return not before.strip("\ufeff \t>*#_-") or before.rstrip().endswith(("|>", "assistant"))


def _fence_after(fence: str, token: re.Match[str]) -> str:
    """The fence that is open after a line of a fence; empty if none."""
    marker, info = token["fence"], token["info"].strip()
    if "`" in info:  # code within a line
        return fence
    if not fence or (info and marker[0] == fence[0]):
        return marker
    return "" if marker[0] == fence[0] and len(marker) >= len(fence) and not info else fence


def _is_quoted(before: str, after: str) -> bool:
    """Whether a tag between these stands in quotation marks or in code within a line."""
    for quote in _QUOTES:
        if before.count(quote) % 2 and quote in after:
            near = before.removesuffix("\\n")[-1:] == quote or after.removeprefix("\\n")[:1] == quote
            if near or quote == "`":
                return True
    return False
