"""Code in Markdown, as chat models write it: which blocks are the program."""

import pytest

from apigauge.harness.extraction.extract import extract

FUNCTIONS = frozenset({"torch.hub.load", "pipeline", "torch.nn.LSTM", "torch.nn.GRU", "AutoModel.from_pretrained"})
LSTM = "torch.nn.LSTM(input_size=8, hidden_size=16)"
PROGRAM = f"import torch\nlayer = {LSTM}\nprint(layer(torch.zeros(1, 3, 8))[0].shape)"


def indented(text, count):
    return "\n".join(" " * count + line if line else line for line in text.split("\n"))


CASES = [
    ("list fence", f"1. Do:\n\n   ```python\n{indented(PROGRAM, 3)}\n   ```\n\n2. x", LSTM, PROGRAM),
    (
        "quote fence",
        "> Use:\n> ```python\n" + "\n".join("> " + line for line in PROGRAM.split("\n")) + "\n> ```\n",
        LSTM,
        PROGRAM,
    ),
    ("tilde", f"~~~python\n{PROGRAM}\n~~~", LSTM, PROGRAM),
    ("tilde plain w backticks", f"~~~~\n{PROGRAM}\n~~~~\nok", LSTM, PROGRAM),
    ("4 backticks", f"````python\n{PROGRAM}\n````", LSTM, PROGRAM),
    ("indented", f"Solution:\n\n{indented(PROGRAM, 4)}\n\nDone.", LSTM, PROGRAM),
    ("indented 4 fence after para", f"Code:\n    ```python\n{indented(PROGRAM, 4)}\n    ```\nok", LSTM, PROGRAM),
    ("indented 8 in list", f"- x\n\n      ```python\n{indented(PROGRAM, 6)}\n      ```\nok", LSTM, PROGRAM),
    ("import on line", f"```{PROGRAM}\n```", LSTM, PROGRAM),
    ("python import on line", f"```python {PROGRAM}\n```", LSTM, PROGRAM),
    ("py tag", f"```py\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("Python tag title", f'```Python title="a.py"\n{PROGRAM}\n```', LSTM, PROGRAM),
    ("{.python}", f"```{{.python}}\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("{python}", f"```{{python}}\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("python3", f"```python3\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("close at line end", f"```python\n{PROGRAM}```", LSTM, PROGRAM),
    ("close at line end2", f"```python\n{PROGRAM}```\nThen:\n```python\nx = 1\n```", LSTM, PROGRAM + "\n\nx = 1"),
    ("only opening", f"```python\n{PROGRAM}", LSTM, PROGRAM),
    ("only opening, prose", f"```python\n{PROGRAM}\n\nThis prints the shape.", LSTM, PROGRAM),
    ("only closing", f"{PROGRAM}\n```", LSTM, PROGRAM),
    ("only closing prose", f"{PROGRAM}\n```\nThis prints the shape of it.", LSTM, PROGRAM),
    ("closing, then another block", f"{PROGRAM}\n```\nOr so:\n```python\nx = 1\n```\n", LSTM, PROGRAM + "\n\nx = 1"),
    ("missing close then open", f"```python\n{PROGRAM}\n```python\nx = 1\n```", LSTM, PROGRAM + "\n\nx = 1"),
    ("output block", f"```python\n{PROGRAM}\n```\nOutput:\n```\ntorch.Size([1, 3, 16])\n```", LSTM, PROGRAM),
    ("tensor output", f"```python\n{PROGRAM}\n```\n```\ntensor([[0.1, 0.2]])\n```", LSTM, PROGRAM),
    ("number output", f"```python\n{PROGRAM}\n```\n```\n0.93\n```", LSTM, PROGRAM),
    ("list output", f"```python\n{PROGRAM}\n```\n```\n[{{'label': 'A', 'score': 0.9}}]\n```", LSTM, PROGRAM),
    ("text block", f"```text\nimport this\n```\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("bash", f"```bash\npip install torch\n```\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("$ shell untagged", f"```\n$ pip install torch\n```\n```\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("json tag config", f'```json\n{{"content": "x"}}\n```\n```python\n{PROGRAM}\n```', LSTM, PROGRAM),
    ("tree", f"```\nproject/\n  main.py\n```\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("file name", f"```\nmain.py\n```\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    (
        "traceback",
        f'```python\n{PROGRAM}\n```\n```\nTraceback (most recent call last):\n  File "x", line 1\nValueError: bad (1)\n```',
        LSTM,
        PROGRAM,
    ),
    ("two", f"```python\nimport torch\n```\n```python\nlayer = {LSTM}\n```", LSTM, f"import torch\n\nlayer = {LSTM}"),
    (
        "fence comment",
        f"```python\nimport torch\n# layer = {LSTM}\nx = 1\n```",
        None,
        f"import torch\n# layer = {LSTM}\nx = 1",
    ),
    (
        "fence comment prose",
        f"Use `{LSTM}`:\n```python\nimport torch\n# layer = torch.nn.GRU(8)\nx = 1\n```",
        LSTM,
        None,
    ),
    ("fence string", f"```python\nhint = '{LSTM}'\n```", None, None),
    ("backtick call", f"You should use `{LSTM}` here.", LSTM, None),
    ("backtick alone", f"`{LSTM}`", LSTM, LSTM),
    ("triple alone", f"```{LSTM}```", LSTM, LSTM),
    ("code see below", f"### Code: see below\n\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    ("nested list fence 2 less", "- a\n  - b\n    ```python\n" + indented(PROGRAM, 4) + "\n    ```\n", LSTM, PROGRAM),
    ("less-indented content", f"1. Do:\n   ```python\n{PROGRAM}\n   ```\n", LSTM, PROGRAM),
    ("dataset yaml", f"```yaml\nmodel: lstm\n```\n```python\n{PROGRAM}\n```", LSTM, PROGRAM),
    (
        "cut last block",
        f"```python\nimport torch\n```\n```python\nlayer = {LSTM}\nprint(layer(",
        LSTM,
        f"import torch\n\nlayer = {LSTM}\nprint(layer(",
    ),
    ("broken untagged after", f"```python\n{PROGRAM}\n```\n```\nlayer = = 1\n```", LSTM, PROGRAM),
]


@pytest.mark.parametrize(("text", "call", "program"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_program_of_a_markdown_answer(text, call, program):
    """``program`` is None where only the call matters."""
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == call
    if program is not None:
        assert extraction.program == program


def test_a_bare_word_and_a_value_are_no_program_beside_one():
    text = f"```python\n{PROGRAM}\n```\nThis prints:\n```\ntorch.Size([1, 3])\n```"
    assert extract(text, FUNCTIONS).program == PROGRAM
    for block in ["main.py", "0.93", "[1, 2]", "True", "tensor([1.0])"]:
        text = f"```\n{block}\n```\n```python\n{PROGRAM}\n```\nThis prints:\n```\n{block}\n```"
        assert extract(text, FUNCTIONS).program == PROGRAM, block


def test_a_first_block_that_is_broken_keeps_what_follows():
    text = f"```python\nimport torch\nlayer = {LSTM}\nx = = 1\n```\nThen:\n```python\nlayer.eval()\n```"
    extraction = extract(text, FUNCTIONS)
    assert (extraction.call, extraction.program.split("\n")[-1]) == (LSTM, "layer.eval()")


def test_a_broken_block_behind_a_program_is_no_part_of_it():
    text = f"```python\n{PROGRAM}\n```\nNot so:\n```python\nlayer = = torch\n```"
    assert extract(text, FUNCTIONS).program == PROGRAM


@pytest.mark.parametrize("tag", ["text", "output", "bash", "json", "yaml", "markdown", "java", "console"])
def test_a_block_of_another_language_is_no_python_even_if_it_parses(tag):
    assert extract(f"```{tag}\n{PROGRAM}\n```", FUNCTIONS).program is None


def test_the_call_of_a_comment_is_not_found_in_the_prose_around_its_program():
    text = f"Here:\n```python\nimport torch\n# {LSTM}\nx = 1\n```\nThat is all."
    assert extract(text, FUNCTIONS).call is None


@pytest.mark.parametrize(
    "text", ["Call `embed(['a'])` then.", "See `np.zeros()`.", "Use `torch.foo.load` here.", "`torch.foo.load(...)`"]
)
def test_what_is_only_mentioned_within_a_line_is_no_call(text):
    assert extract(text, FUNCTIONS).call in (None, "torch.foo.load(...)")


def test_a_complete_call_within_a_line_counts_though_no_catalogue_has_it():
    extraction = extract("You can use `torch.hub.get('pytorch/vision', 'resnet50')` for that.", FUNCTIONS)
    assert (extraction.call, extraction.how) == ("torch.hub.get('pytorch/vision', 'resnet50')", "inline code")


def test_an_untagged_value_alone_is_no_program():
    assert extract("The file is\n```\nmain.py\n```\nand that is it.", FUNCTIONS).program is None
