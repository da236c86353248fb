"""What stands around and between the lines of a program costs no program."""

import pytest

from apigauge.harness.extraction.extract import extract

FUNCTIONS = frozenset({"torch.hub.load", "pipeline", "torch.nn.LSTM", "torch.nn.GRU", "AutoModel.from_pretrained"})
LSTM = "torch.nn.LSTM(input_size=8, hidden_size=16)"
PROGRAM = f"import torch\nlayer = {LSTM}\nprint(layer(torch.zeros(1, 3, 8))[0].shape)"


def indented(text, count):
    return "\n".join(" " * count + line if line else line for line in text.split("\n"))


CASES = [
    (
        "pycon",
        f"```pycon\n>>> import torch\n>>> layer = {LSTM}\n>>> layer.training\nTrue\n```",
        LSTM,
        f"import torch\nlayer = {LSTM}\nlayer.training",
    ),
    (
        "pycon cont",
        f">>> import torch\n>>> for i in range(2):\n...     layer = {LSTM}\n...\n>>> layer\nLSTM(8, 16)\n",
        LSTM,
        f"import torch\nfor i in range(2):\n    layer = {LSTM}\n\nlayer",
    ),
    (
        "pycon prose",
        f"Try this:\n\n>>> import torch\n>>> layer = {LSTM}\nLSTM(8, 16)\n\nDone.",
        LSTM,
        f"import torch\nlayer = {LSTM}",
    ),
    (
        "ipython",
        f"In [1]: import torch\n\nIn [2]: layer = {LSTM}\n\nIn [3]: layer.training\nOut[3]: True\n",
        LSTM,
        f"import torch\nlayer = {LSTM}\nlayer.training",
    ),
    (
        "ipython cont",
        f"In [1]: import torch\n   ...: layer = {LSTM}\nOut[1]: LSTM(8, 16)\n",
        LSTM,
        f"import torch\nlayer = {LSTM}",
    ),
    ("space", " " + PROGRAM, LSTM, PROGRAM),
    ("tab", "\t" + PROGRAM, LSTM, PROGRAM),
    ("bom", "\ufeff" + PROGRAM, LSTM, PROGRAM),
    ("zw", "\u200b" + PROGRAM, LSTM, PROGRAM),
    ("nbsp", "\u00a0" + PROGRAM, LSTM, PROGRAM),
    ("uniform", indented(PROGRAM, 4), LSTM, PROGRAM),
    ("uniform tab", "\n".join("\t" + line for line in PROGRAM.split("\n")), LSTM, PROGRAM),
    ("first line flush", "import torch\n" + indented("\n".join(PROGRAM.split("\n")[1:]), 4), LSTM, PROGRAM),
    ("nbsp inside", PROGRAM.replace(" = ", "\u00a0=\u00a0"), LSTM, PROGRAM),
    (
        "quotes",
        "import torch\nm = torch.hub.load(\u2018pytorch/vision\u2019, \u201cresnet50\u201d)",
        "torch.hub.load('pytorch/vision', \"resnet50\")",
        None,
    ),
    (
        "quotes prose",
        "Use torch.hub.load(\u2018pytorch/vision\u2019, \u2018resnet50\u2019).",
        "torch.hub.load('pytorch/vision', 'resnet50')",
        None,
    ),
    ("crlf", PROGRAM.replace("\n", "\r\n"), LSTM, None),
    ("crlf fence", f"Hi\n```python\n{PROGRAM}\n```\n".replace("\n", "\r\n"), LSTM, PROGRAM),
    ("</s>", PROGRAM + "</s>", LSTM, PROGRAM),
    ("im_end", PROGRAM + "<|im_end|>\n", LSTM, PROGRAM),
    ("eot", f"```python\n{PROGRAM}\n```<|eot_id|>", LSTM, PROGRAM),
    ("word python", "python\n" + PROGRAM + "\n```", LSTM, PROGRAM),
    ("escaped", PROGRAM.replace("\n", "\\n"), LSTM, PROGRAM),
    ("escaped fence", f"```python\n{PROGRAM}\n```".replace("\n", "\\n"), LSTM, PROGRAM),
    (
        "data string",
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM,
        LSTM,
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM,
    ),
    (
        "data string fence",
        "Don't \\n:\n```python\nimport torch\nr = 'a\\nb\\nc\\nd\\ne\\nf\\n1\\n2\\n3'\nlayer = " + LSTM + "\n```",
        LSTM,
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf\\n1\\n2\\n3'\nlayer = " + LSTM,
    ),
    (
        "data string cut",
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM + "\nprint(layer(",
        LSTM,
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM + "\nprint(layer(",
    ),
    (
        "data string section",
        "<<<api_call>>>: " + LSTM + "\n<<<code>>>: import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM,
        LSTM,
        "import torch\nr = 'a\\nb\\nc\\nd\\ne\\nf'\nlayer = " + LSTM,
    ),
    (
        "quoted data",
        'import torch\ns = "say \\"hi\\""\nlayer = ' + LSTM,
        LSTM,
        'import torch\ns = "say \\"hi\\""\nlayer = ' + LSTM,
    ),
    ("cut comment", "# torch.nn.GRU(8)\nimport torch\nlayer = " + LSTM + "\nprint(layer(", LSTM, None),
    ("cut comment noimport", "# torch.nn.GRU(8)\nlayer = " + LSTM + "\nprint(layer(", LSTM, None),
    ("cut docstring", '"""torch.nn.GRU(8)"""\nlayer = ' + LSTM + "\nprint('''x", LSTM, None),
    ("html", f'<pre><code class="python">{PROGRAM}</code></pre>', LSTM, PROGRAM),
    ("answer tag", f"<answer>{PROGRAM}</answer>", LSTM, PROGRAM),
    ("answer tag fence", f"<answer>\n```python\n{PROGRAM}\n```\n</answer>", LSTM, PROGRAM),
    ("line numbers", "\n".join(f"{i + 1} {line}" for i, line in enumerate(PROGRAM.split("\n"))), LSTM, PROGRAM),
    (
        "line numbers colon fence",
        "```python\n" + "\n".join(f"{i + 1}: {line}" for i, line in enumerate(PROGRAM.split("\n"))) + "\n```",
        LSTM,
        PROGRAM,
    ),
    ("prose import", f"Remember to\nimport what you need.\n\n{PROGRAM}", LSTM, PROGRAM),
    ("trailing prose", f"{PROGRAM}\n\nThis will print the shape.", LSTM, PROGRAM),
    ("both prose", f"Sure, here it is:\n{PROGRAM}\n\nThis will print the shape.", LSTM, PROGRAM),
    (
        "sections with explanation after",
        f"<<<api_call>>>: {LSTM}\n<<<code>>>: {PROGRAM}\n<<<explanation>>>: This does it.",
        LSTM,
        PROGRAM,
    ),
]


@pytest.mark.parametrize(("text", "call", "program"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_program_in_a_text(text, call, program):
    """``program`` is None where only the call matters."""
    extraction = extract(text, FUNCTIONS)
    assert extraction.call == call
    if program is not None:
        assert extraction.program == program


@pytest.mark.parametrize(
    "program", ["x = 'a\\nb\\nc'", 's = "\\"q\\""', "r = r'C:\\new'; y = 'it\\'s'", "x = '``` \\n'"]
)
def test_what_parses_is_never_rewritten(program):
    for text in (program, f"```python\n{program}\n```", f"Here:\n```python\n{program}\n```\nDone."):
        assert extract(text, FUNCTIONS).program == program


def test_prose_is_cut_off_behind_a_program_and_never_within_it():
    program = f"{PROGRAM}\ntext = '''\nThis is a long text\n'''"
    assert extract(f"```python\n{program}\nThis is what it does.\n```", FUNCTIONS).program == program
    broken = f"import torch\nThis is wrong here\nlayer = {LSTM}"
    assert extract(f"```python\n{broken}\n```", FUNCTIONS).program == broken


def test_a_wrong_line_of_code_is_never_taken_for_prose():
    program = f"import torch_huimport torch as t\nimport torch\nlayer = {LSTM}\nmodel = Universal Sentence Encoder"
    assert extract(f"<<<code>>>: {program}", FUNCTIONS).program == program


def test_prose_is_not_looked_for_in_a_code_section_that_is_a_program():
    assert extract(f"Here.\n<<<code>>>: import torch\n# {LSTM}\nx = 1", FUNCTIONS).call is None
