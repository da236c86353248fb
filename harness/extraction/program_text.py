r"""From a stretch of an answer to a Python program: what is around or in between its lines is taken off.

A text that parses is a program as it is and is never rewritten. What does not parse is tried without its indentation,
the prompts of a session, a notebook's lines for the shell, typographic quotes, written-out line ends, line numbers, and
the prose before and after it, and kept so only if it then parses.
"""

import itertools
import re
from collections.abc import Callable, Iterator

from apigauge.harness.extraction.syntax import parses, syntax_tree

# Repairs are for programs that a model writes, which seldom have a thousand lines; each costs a parser's time.
_MAX_REPAIRED = 50_000
_MAX_STARTS = 4
# A string that never ends is looked for from each quote.
_MAX_EVIDENCE = 10_000

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00a0\u202f\u3000"
_END = (
    r"<\|(?:im_end|end|eot_id|eom_id|end_of_text|endoftext|eos|return|call|eot|end_of_turn|START|END)\|>|</s>|<eos>"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>|<end_of_turn>|\[/?INST\]|<\|end_of_turn\|>"
)
_BEFORE = re.compile(rf"(?:[ \t]{{0,9}}\r?\n|[{_INVISIBLE}])+|(?:<s>|<bos>|<\|begin_of_text\|>)")
_LAST_END_MARK = re.compile(rf"(?:{_END})\Z")
_LAST_FENCE = re.compile(r"(?:\A|\n)[ \t]{0,9}(?:`{3,9}|~{3,9})\Z")
_IPYTHON = re.compile(r"^[ \t]{0,9}In[ \t]?\[", re.MULTILINE)
_TAG_LINE = re.compile(r"\A[ \t]{0,9}(?:python3?|py|ipython|pycon)[ \t]{0,9}\r?\n(?=\s{0,99}\S)", re.IGNORECASE)

# A notebook's lines for the shell and for itself (``!pip install x``, ``%matplotlib inline``), and the bare command.
_NOTEBOOK_LINE = re.compile(
    r"[ \t]{0,9}(?:[!%]{1,2}[ \t]{0,9}[a-z]|\$[ \t]|(?:conda|pip|pip3|apt|apt-get)[ \t]{1,9}install[ \t]"
    r"|python3?[ \t]{1,9}-m[ \t]{1,9}pip[ \t])"
)
_IMPORT_LINE = re.compile(r"^(?:import|from)[ \t]+\w", re.MULTILINE)
_ONLY_FENCE = re.compile(r"[ \t]{0,9}(?:`{3,9}|~{3,9})(?:\w{0,20}(?:`{3,9})?)?[\"'\s]{0,9}\Z")
_PROMPT = re.compile(r"^[ \t]{0,9}(?:>>>|In[ \t]?\[\d{0,6}\]:)(?:[ \t]|$)", re.MULTILINE)
_SESSION_LINE = re.compile(r"[ \t]{0,9}(?:>>>|\.\.\.:?|In[ \t]?\[\d{0,6}\]:)(?:[ \t](.*)|[ \t]{0,9})\Z", re.DOTALL)
_LINE_NUMBER = re.compile(r"[ \t]{0,9}\d{1,5}(?:[ \t]?[:|.)\u2502]|[ \t])[ \t]?")
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u00a0\u202f\u3000", " ")
    | dict.fromkeys("\ufeff\u200b\u200c\u200d\u2060")
)

_STRAY_ESCAPE = re.compile(r"[(,=\s:\[{]\\++['\"]")
# Only from the first backslash of a run: else a run of a million is read a million times.
_ESCAPED_LINE_END = re.compile(r"(?<!\\)\\++n")
_ESCAPED_TAB = re.compile(r"(?<!\\)\\++t")
_ESCAPED_QUOTE = re.compile(r"(?<!\\)\\++(['\"])")
_ESCAPE = re.compile(r"\\([ntr\\'\"])")
# An import and a written-out line end: what no program begins with, whatever follows.
_ESCAPED_START = re.compile(r"\s{0,99}(?:import|from)[ \t][\w.,* \t]{0,200}+\\(?!\r?\n)")
_OUTSIDE_STRINGS = re.compile(
    r"'''(?:[^\\']|\\.|'(?!''))*+'''|\"\"\"(?:[^\\\"]|\\.|\"(?!\"\"))*+\"\"\""
    r"|'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|(?P<escape>\\(?![\r\n]))",
    re.DOTALL,
)

_KEYWORDS = (
    r"(?:False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|exec|finally|for"
    r"|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|print|raise|return|try|type|while|with|yield)"
)
_TWO_WORDS = re.compile(
    rf"(?<![\w.'])(?!{_KEYWORDS}\b)[^\W\d]\w{{0,40}}+[ \t]{{1,9}}(?!{_KEYWORDS}\b)[^\W\d_]\w{{0,40}}\b(?!['\"])"
    r"(?![\w.]{0,80}\()"
)
_SENTENCE = re.compile(
    r"[ \t]{0,3}(?:[A-Z][\w' ]{0,80}[.!?:]|[A-Z]\w{0,40}, .{0,80}|[-*+][ \t]|\d{1,3}[.)][ \t]|<[/|!\w])"
)
_EXCLAMATION = re.compile(r"[ \t]{0,3}[A-Z]\w{0,40}[.!:]{1,3}\s*\Z")
_QUOTE_OR_COMMENT = re.compile(r"['\"#]")
_CODE_LINE = re.compile(
    r"[ \t]{0,40}(?:(?:import|from|def|class|for|while|if|with|try|return|async)\b|@\w"
    r"|[\w.\[\], \t'\"]{1,80}?[-+*/|&]?=[ \t]{0,9}[^\s=]|[\w.]{1,120}\()"
)
# Wrong Python is Python: an assignment, a call, an import that does not end like a sentence.
_SURE_CODE = re.compile(
    r"[ \t]{0,40}(?:[\w.]{1,80}(?:\[[^\]\n]{0,80}\])?(?:, ?[\w.]{1,80}){0,9}[ \t]?[-+*/|&]?=[^=]|[\w.]{1,80}\("
    r"|(?:import|from)[ \t][^\n]{0,200}?(?:_| as |[\w]\.\w)|from[ \t]+\S{1,80}[ \t]+import\b)"
)
_CALL_OR_CODE = re.compile(rf"\w\(|^(?:{_CODE_LINE.pattern})")


def trimmed(text: str) -> str:
    """A text without what stands around it: blank lines, byte order marks, end tokens, a fence that only closes."""
    start = 0
    while match := _BEFORE.match(text, start):
        start = match.end()
    text = _without_end(text[start:])
    return _TAG_LINE.sub("", text)


def _without_end(text: str) -> str:
    end = len(text)
    while end:
        character = text[end - 1]
        if character.isspace() or character in _INVISIBLE:
            end -= 1
            continue
        if character not in ">]`~":
            break
        window = text[max(0, end - 40) : end]
        if match := _LAST_END_MARK.search(window):
            end -= match.end() - match.start()
        elif match := _LAST_FENCE.search(window):
            if _has_opening_fence(text, end - (match.end() - match.start())):
                return text[:end]
            end -= match.end() - match.start()
        else:
            break
    return text[:end]


def _has_opening_fence(text: str, end: int) -> bool:
    return "```" in text[:end] or "~~~" in text[:end]


def has_statement(program: str) -> bool:
    """Whether a program is more than comments."""
    return any(node.type != "comment" for node in syntax_tree(program.encode("utf-8", "replace")).root_node.children)


def seems_escaped(text: str) -> bool:
    r"""Whether line ends and quotes seem to be written out: more ``\n`` than line ends, or ``\"`` out of strings."""
    if "\\" not in text:
        return False
    if text.count("\\n") <= text.count("\n") and not _STRAY_ESCAPE.search(text):
        return False
    lines = text[:_MAX_EVIDENCE].split("\n")
    if sum(1 for line in lines if _CODE_LINE.match(line)) < 2:
        return True
    # A program with real line ends, which are few because a text in it has many.
    return any(mark.lastgroup for mark in _OUTSIDE_STRINGS.finditer(text, 0, _MAX_EVIDENCE))


def unescaped(text: str) -> str:
    """The text with written-out quotes, and where they are more than the real ones line ends and tabs, as real ones."""
    if text.count("\\n") > text.count("\n"):
        text = _ESCAPED_TAB.sub("\t", _ESCAPED_LINE_END.sub("\n", text))
    return _ESCAPED_QUOTE.sub(r"\1", text)


def begins_escaped(text: str) -> bool:
    """Whether a text can be no program because a line end is written out behind its first import."""
    return _ESCAPED_START.match(text) is not None


def is_prose(line: str) -> bool:
    """Whether a line is a sentence: two words stand side by side, which Python never has outside of a string."""
    line = line[:400]
    if _SURE_CODE.match(line):
        return False
    code = line if _SENTENCE.match(line) else _QUOTE_OR_COMMENT.split(line, maxsplit=1)[0]
    return _TWO_WORDS.search(code) is not None or _EXCLAMATION.match(line) is not None


def can_begin_program(text: str) -> bool:
    """Whether a text's first line may be Python's; spares the parser what is prose."""
    line = text.lstrip()[:400].partition("\n")[0]
    return bool(line) and _TWO_WORDS.search(_QUOTE_OR_COMMENT.split(line, maxsplit=1)[0]) is None


def is_code(text: str) -> bool:
    """Whether a text that does not parse is a program that was cut off or is wrong, not prose and not output."""
    lines = [line for line in text[:20_000].split("\n") if line.strip()][:200]
    if not lines or is_prose(lines[0]):
        return False
    return any(map(_CODE_LINE.match, lines)) and sum(map(is_prose, lines)) * 4 <= len(lines)


def program_as_it_is(text: str) -> str | None:
    """The text if it is a program, but for its indentation or the prompts of a session; None if it is none."""
    if parses(code := text.strip()):
        return code
    if text[:1] in (" ", "\t") and parses(code := _dedented(text).strip()):
        return code
    if _PROMPT.match(text) and parses(code := without_prompts(text).strip()):
        return code
    return None


def as_program(text: str) -> tuple[str, bool]:
    """The program in a text that is to be code, and whether it parses; else the text as far as is certain."""
    code = text.strip()
    if not _has_a_quote_too_many(code) and parses(code):
        return code, True
    if len(code) > _MAX_REPAIRED:
        return code, False
    text = _without_stray_quotes(text.strip("\r\n"))
    code = certain = text.strip()
    if parses(code):
        return code, True
    for repair, is_certain in _REPAIRS:
        changed = repair(text if repair is _dedented else code).strip()
        if changed == code or not changed:
            continue
        if parses(changed) and (has_statement(changed) or repair is _without_notebook_lines):
            return changed, True
        if is_certain:
            code = certain = changed
    for part in _without_prose(code):
        if parses(part) and has_statement(part):
            return part, True
    return certain, False


def _dedented(text: str) -> str:
    """Without the indentation that all lines have, or that all but the first have."""
    lines = text.strip("\r\n").split("\n")
    for count in (0, 1):
        margin = _margin(lines[count:])
        if margin:
            return "\n".join(
                [line.lstrip() for line in lines[:count]] + [_less(line, margin) for line in lines[count:]]
            )
    return text


def _margin(lines: list[str]) -> str:
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip()]
    first, last = min(margins, default=""), max(margins, default="")
    length = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:length]


def _less(line: str, margin: str) -> str:
    return line[len(margin) :] if line.startswith(margin) else line.lstrip(" \t")


def without_prompts(text: str) -> str:
    """What was typed in an interactive session: the lines behind a prompt, without it; the text if it has none."""
    if not _PROMPT.search(text):
        return text
    typed: list[str] = []
    is_ipython = _IPYTHON.search(text) is not None
    for line in text.split("\n"):
        if match := _SESSION_LINE.match(line.rstrip("\r")):
            if typed or not line.lstrip().startswith("..."):
                typed.append(match[1] or "")
        elif is_ipython and typed and line[:1] in " \t" and line.strip() and not line.lstrip().startswith("Out"):
            typed.append(line)
    return "\n".join(typed)


def _without_notebook_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _NOTEBOOK_LINE.match(line))


def _with_plain_quotes(text: str) -> str:
    return text.translate(_QUOTES)


def with_plain_quotes(text: str) -> str:
    """The text with typographic quotes as Python's, if it is Python only then."""
    plain = text.translate(_QUOTES)
    return plain if plain != text and not parses(text) and parses(plain) else text


def _with_an_escape_less(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1]), text)


def _without_escapes(text: str) -> str:
    return _ESCAPED_QUOTE.sub(r"\1", _ESCAPED_TAB.sub("\t", _ESCAPED_LINE_END.sub("\n", text)))


def _without_line_numbers(text: str) -> str:
    lines = text.split("\n")
    if not all(_LINE_NUMBER.match(line) or line.strip().isdigit() for line in lines if line.strip()):
        return text
    return _dedented("\n".join(_LINE_NUMBER.sub("", line, count=1) for line in lines))


def _has_a_quote_too_many(code: str) -> bool:
    """Whether a text certainly is no program, for the quote at its end; spares the parser the most frequent fault."""
    quote, line = code[-1:], code[code.rfind("\n") + 1 :]
    if quote not in ("'", '"') or line.count(quote) % 2 == 0 or "\\" in line or "#" in line:
        return False
    if "\\\n" in code or ("{" in code and "}" in line):  # a string over several lines
        return False
    return {"'": '"', '"': "'"}[quote] not in line and '"""' not in code and "'''" not in code


def _without_stray_quotes(text: str) -> str:
    text = text.rstrip()
    return text.rstrip("'\"").rstrip() if text.endswith(('"', "'")) else text


def _without_fences(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _ONLY_FENCE.match(line))


_REPAIRS: tuple[tuple[Callable[[str], str], bool], ...] = (
    (_dedented, False),
    (_without_fences, True),
    (without_prompts, True),
    (_with_an_escape_less, False),
    (_without_escapes, False),
    (_without_notebook_lines, False),
    (_with_plain_quotes, False),
    (_without_line_numbers, False),
)


def _without_prose_behind(text: str) -> Iterator[str]:
    """The text up to each of the first lines of prose behind its last line of code, one of which may end a string."""
    lines = text.split("\n")
    numbers = range(len(lines) - 1, -1, -1)
    last = next(
        (number for number in numbers if _CALL_OR_CODE.search(lines[number]) and not is_prose(lines[number])), -1
    )
    behind = range(last + 1, len(lines))
    ends = (at for at in behind if at and not lines[at][:1].isspace() and is_prose(lines[at]))
    yield from ("\n".join(lines[:end]).strip() for end in itertools.islice(ends, _MAX_STARTS))


def _without_prose(text: str) -> Iterator[str]:
    """Parts of a text that may be its program: from the first import on, and up to where only prose follows."""
    code = _without_notebook_lines(text)
    lines = ((match.start(), code[match.start() : match.start() + 400]) for match in _IMPORT_LINE.finditer(code))
    start = next(
        (start for start, line in itertools.islice(lines, _MAX_STARTS) if not is_prose(line.partition("\n")[0])), 0
    )
    if start:
        yield code[start:]
    for begin in dict.fromkeys((start, 0)):
        if can_begin_program(code[begin:]):
            yield from _without_prose_behind(code[begin:])
