"""Which of an answer's blocks of code are its program: Python, and neither output nor data nor commands for a shell."""

import re
from typing import NamedTuple

from apigauge.harness.extraction.call_scan import imports
from apigauge.harness.extraction.data_values import whole
from apigauge.harness.extraction.markdown import Block
from apigauge.harness.extraction.program_text import as_program, is_code
from apigauge.harness.extraction.syntax import parses, syntax_tree, text_of, walk

PYTHON_TAGS = frozenset(
    {
        "ipython",
        "ipython3",
        "jupyter",
        "notebook",
        "py",
        "py3",
        "pycon",
        "python",
        "python-repl",
        "python2",
        "python3",
    }
    | {"code", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14", "sage", "tool_code", "code-python"}
)
_OTHER_TAGS = frozenset(
    [
        "bash",
        "bat",
        "batch",
        "c",
        "c#",
        "c++",
        "cfg",
        "cmake",
        "cmd",
        "console",
        "cpp",
        "cs",
        "csharp",
        "css",
        "csv",
        "cuda",
        "diff",
        "docker",
        "dockerfile",
        "error",
        "go",
        "graphql",
        "html",
        "http",
        "ini",
        "java",
        "javascript",
        "js",
        "json",
        "json5",
        "jsonc",
        "jsonl",
        "jsx",
        "julia",
        "kotlin",
        "latex",
        "log",
        "lua",
        "makefile",
        "markdown",
        "matlab",
        "md",
        "mermaid",
        "none",
        "out",
        "output",
        "perl",
        "php",
        "plain",
        "plaintext",
        "powershell",
        "ps1",
        "r",
        "requirements",
        "result",
        "ruby",
        "rust",
        "scala",
        "sh",
        "shell",
        "shellsession",
        "sql",
        "stderr",
        "stdout",
        "svg",
        "swift",
        "terminal",
        "tex",
        "text",
        "toml",
        "traceback",
        "ts",
        "tsv",
        "tsx",
        "txt",
        "typescript",
        "xml",
        "yaml",
        "yml",
        "zsh",
    ]
)
_SHELL = re.compile(
    r"\s*(?:[$!%]\s*)?(?:apt|apt-get|brew|cd|conda|curl|git|mkdir|pip|pip3|poetry|python|python3|sudo|uv|wget)\s"
)
_OUTPUT_LEAD = re.compile(
    r"\b(?:outputs?|results?|prints?|printed|returns?|displays?|shows?|errors?|console|terminal|see|get|gives?)\b"
    r"[^.\n]{0,60}\Z",
    re.IGNORECASE,
)
_BOUND = re.compile(r"^[ \t]*+([^\W\d]\w{0,80})[^=\n]{0,200}=|^[ \t]*+(?:def|class)[ \t]+(\w{1,80})", re.MULTILINE)


class _Piece(NamedTuple):
    block: Block
    code: str
    parses: bool
    tagged: bool


def is_foreign(block: Block) -> bool:
    """Whether a block's tag names something else than Python."""
    return block.tag in _OTHER_TAGS


def python_blocks(blocks: list[Block]) -> list[Block]:
    """The blocks that are the answer's program, each with the code that is left of it.

    Blocks that parse count; only where none does, those that are code all the same. A last one that was cut off by the
    answer's end is part of the program, too.
    """
    pieces = [piece for block in blocks if (piece := _piece(block))]
    good = [piece for piece in pieces if piece.parses]
    names = _bound_names([piece.code for piece in good if piece.tagged])
    accepted: list[_Piece] = []
    for piece in good:
        if piece.tagged or not _is_output(piece, names, is_first=not accepted and len(good) == 1):
            accepted.append(piece)
            names |= _bound_names([piece.code])
    broken = [piece for piece in pieces if not piece.parses]
    tagged = [piece for piece in pieces if piece.tagged]
    if tagged and not tagged[0].parses:  # the program itself is broken, and what follows belongs to it
        accepted = tagged
    elif not accepted:
        accepted = [piece for piece in broken if piece.tagged] or broken
    elif broken and broken[-1] is pieces[-1] and not broken[-1].block.is_closed:
        accepted.append(broken[-1])
    return [piece.block._replace(content=piece.code) for piece in accepted]


def _piece(block: Block) -> _Piece | None:
    tag, content = block.tag, block.content.strip()
    is_tagged = tag in PYTHON_TAGS
    if not content or is_foreign(block) or (content[0] in "{[" and whole(content)):
        return None
    code, is_program = as_program(block.content)
    if not is_program:
        is_python = not _SHELL.match(content) and (is_tagged or (not tag and is_code(code)))
        return _Piece(block, code, parses=False, tagged=is_tagged) if is_python else None
    if not is_tagged and not _does_something(code):
        return None
    if tag and not is_tagged and not imports(code):
        return None
    as_is = block.content if parses(content) else code + "\n"
    return _Piece(block, as_is, parses=True, tagged=is_tagged)


def _does_something(code: str) -> bool:
    """Whether a program has a statement that is more than a value: output that happens to parse has not."""
    root = syntax_tree(code.encode("utf-8", "replace")).root_node
    return not _is_of_values(code) or any(node.type == "call" for node in walk(root)) or not code.strip("# \n")


def _is_of_values(code: str) -> bool:
    root = syntax_tree(code.encode("utf-8", "replace")).root_node
    return all(
        node.type == "comment"
        or (
            node.type == "expression_statement"
            and not any(child.type in ("assignment", "augmented_assignment", "await") for child in node.children)
        )
        for node in root.named_children
    )


def _is_output(piece: _Piece, names: set[str], *, is_first: bool) -> bool:
    """Whether an untagged block is what a program prints: ``tensor([1.])``, with no name in it that the program has."""
    if not _is_of_values(piece.code):
        return False
    if _OUTPUT_LEAD.search(piece.block.lead.strip().rstrip(":*_ ")):
        return True
    if not names or is_first:
        return False
    root = syntax_tree(piece.code.encode("utf-8", "replace")).root_node
    callees = (text_of(node.children[0]).partition(".")[0] for node in walk(root) if node.type == "call")
    return not any(callee in names for callee in callees)


def _bound_names(programs: list[str]) -> set[str]:
    names = {"print"} if programs else set()
    for program in programs:
        names |= imports(program).keys() | {match[1] or match[2] for match in _BOUND.finditer(program)}
    return names
