"""Every command and every block of Python in the documentation: what can run is run, everything else is parsed."""

import ast
import json
import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from doc_pages import PAGES, ROOT, Block, Session, blocks, prose

from apigauge.harness.cli import main
from apigauge.harness.plugins.rlaif import command, recipe

# Blocks that are run where the need is met, by the marks that say whether it is.
RUN_WITH = {
    "apibench": [pytest.mark.apibench],
    "bfcl": [pytest.mark.bfcl],
    "bwrap": [pytest.mark.bwrap],
    "docker": [pytest.mark.docker, pytest.mark.slow],
    "docker(torchhub)": [pytest.mark.docker("torchhub"), pytest.mark.apibench, pytest.mark.slow],
    "ray": [pytest.mark.slow, pytest.mark.xdist_group("ray")],
    "others": [pytest.mark.inspect_ai, pytest.mark.lm_eval, pytest.mark.slow],
    "docker(huggingface-current)": [
        pytest.mark.docker("huggingface-current"),
        pytest.mark.apibench,
        pytest.mark.slow,
    ],
}
# Blocks that are only parsed, and why.
PARSED = {
    "install": "installs packages from an index",
    "checkout": "runs this project's own tests",
    "network": "downloads models or data",
    "docker-build": "builds images or hubs: gigabytes, and minutes to hours",
    "cluster": "needs several machines",
    "vllm": "needs vLLM and its runs",
    "server": "needs a model behind a server",
    "minutes": "trains for minutes to hours",
    "other-harness": "needs another harness and its runs",
    "watch": "goes on until it is interrupted",
    "ci": "runs inside a job of CI",
}
LANGUAGES = {"bash", "csv", "python", "text", "toml", "yaml", "json"}

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUNNABLE = {page: [block for block in blocks(page) if block.language in ("bash", "python")] for page in PAGES}


def parser():
    return main.parser(command.apigauge_commands)


def sessions():
    """A test for each page and need: its blocks with that need, and the outputs that follow them."""
    for page, runnable in RUNNABLE.items():
        name = str(page.relative_to(ROOT))
        for need in sorted({block.needs for block in runnable} - PARSED.keys()):
            yield pytest.param(page, need, id=f"{name}-{need}" if need else name, marks=RUN_WITH.get(need, []))


@pytest.mark.parametrize(("page", "need"), sessions())
def test_the_commands_of_a_page_run_in_order_and_print_what_is_shown(page, need, tmp_path, request):
    assert not need or need in RUN_WITH, f"{page}: unknown need {need}"
    session = Session(tmp_path, isolated=not need.startswith(("bfcl", "docker")))
    if need == "others":
        folder = Path(request.getfixturevalue("lm_eval_python")).parent
        session.environment["PATH"] = f"{folder}{os.pathsep}{session.environment['PATH']}"
        session.environment |= {"HF_HUB_OFFLINE": "1"}
    ran = False
    try:
        for block in blocks(page):
            if not block.is_output and not block.title:
                ran = block.needs == need
            if ran or block.title:
                session.run(block)
    finally:
        session.close()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.needs in PARSED], ids=lambda b: b.place)
def test_commands_that_cannot_run_here_parse(block):
    assert block.language == "bash"
    lines = [words for line in logical_lines(block.text) for words in split(line)]
    assert lines
    for words in lines:
        check_command(block, words)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.place)
def test_every_block_is_checked_by_something(block):
    """A language that no test reads, or a need that no test knows, would let a block escape."""
    assert block.language in LANGUAGES, f"{block.place}: a fence needs a language, one of {sorted(LANGUAGES)}"
    assert block.needs in {"", *RUN_WITH, *PARSED}, f"{block.place}: unknown need"
    assert not block.is_output or block.language == "text"
    match block.language:
        case "python":
            ast.parse(block.text)
        case "toml":
            tomllib.loads(block.text)
        case "yaml":
            yaml.safe_load(block.text)
        case "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_stands_outside_a_fence(page):
    for number, line in prose(page):
        assert not re.match(r" {4,}(?:apigauge|pip|make|python3?|pytest|\$) ", line), f"{page}:{number}: {line}"
        assert not re.match(r"\s+```", line), f"{page}:{number}: an indented fence is not run"


@pytest.mark.parametrize("text", [
    "apigauge run --benchmark mini --model hf:x --no-such-option",
    "apigauge no-such-command",
    "pip install '.[no-such-extra]'",
    "make no-such-target",
    "pytest tests/no_such_folder",
    "no-such-program",
])  # fmt: skip
def test_a_command_that_does_not_parse_is_noticed(text):
    block = Block(ROOT / "README.md", 1, "bash", text)
    with pytest.raises((AssertionError, SystemExit)):
        check_command(block, shlex.split(text))


def test_commands_in_tables_and_sentences_parse():
    """`apigauge ...` in backquotes, as far as it names a command: the command and its options exist."""
    top = parser()
    names = {name for action in top._actions if action.choices for name in action.choices}
    for page in PAGES:
        for number, line in prose(page):
            for text in re.findall(r"`apigauge ([a-z][^`]*)`", line):
                words = text.split()
                assert words[0] in names, f"{page}:{number}: apigauge {text}"
                options = set(re.findall(r"--[a-z][a-z-]*", text))
                assert options <= options_of(top, words), f"{page}:{number}: apigauge {text}"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.title == "rlaif.toml"], ids=lambda b: b.place)
def test_the_recipe_shown_is_one(block, tmp_path):
    file = tmp_path / block.title
    file.write_text(block.text, encoding="utf-8")
    assert recipe.read(file).seeds == (0, 1, 2)


def options_of(top, words):
    """The options of the command that the words name, and of all below it."""
    current = top
    for word in words:
        action = next((one for one in current._actions if isinstance(one.choices, dict)), None)
        if action is None or word not in action.choices:
            break
        current = action.choices[word]
    options = set(current._option_string_actions)
    for action in current._actions:
        if isinstance(action.choices, dict):
            options |= {name for child in action.choices.values() for name in child._option_string_actions}
    return options


def logical_lines(text):
    """The lines of a script, continued ones joined, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def split(line):
    """The simple commands of a line, each as its words."""
    commands, current = [], []
    for word in shlex.split(line, comments=True):
        if word in ("&&", "||", "|", ";"):
            commands.append(current)
            current = []
        else:
            current.append(word)
    return [words for words in [*commands, current] if words]


def check_command(block, words):
    name, *rest = words
    if name == "apigauge":
        parser().parse_args(rest)  # argparse prints what is wrong and exits
    elif name == "pip":
        assert rest[0] == "install"
        check_requirements(block, [word for word in rest[1:] if not word.startswith("-")])
    elif name == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert {word for word in rest if "=" not in word} <= targets, f"{block.place}: {words}"
    elif name in ("pytest", "python", "python3"):
        for word in rest:
            assert "/" not in word or (ROOT / word).exists(), f"{block.place}: there is no {word}"
    else:
        others = (".", "pre-commit", "lm_eval", "inspect", "ray", "docker", "ssh", "rsync")
        assert name in others, f"{block.place}: what is {name}?"


def check_requirements(block, requirements):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for requirement in requirements:
        match = re.fullmatch(r"\.(?:\[(?P<extras>[\w,]+)\])?|pre-commit|codebleu==0\.7\.0", requirement)
        assert match, f"{block.place}: {requirement}"
        assert set((match["extras"] or "").split(",")) - {""} <= extras.keys(), f"{block.place}: {requirement}"
