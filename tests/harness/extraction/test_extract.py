r"""Every shape an answer comes in, and answers of no shape at all.

``how`` is written to scores.jsonl, so its values are a contract.
"""

import re
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apigauge.harness.extraction.extract import MAX_TEXT, extract
from apigauge.harness.extraction.syntax import MAX_PROGRAM, parses

FUNCTIONS = frozenset({"torch.hub.load", "pipeline", "AutoModel.from_pretrained", "transformers.set_seed", "nn.Linear"})
LOAD = "torch.hub.load('pytorch/vision', model='resnet50')"
PROGRAM = f"import torch\nmodel = {LOAD}\nmodel.eval()"


def extracted(text):
    extraction = extract(text, FUNCTIONS)
    assert extraction.text == text
    return extraction.call, extraction.program, extraction.how


@pytest.mark.parametrize(
    "marker", ["<<<api_call>>>:", "<<<API_CALL>>> :", "### api call:", "###Api_Call :", "<<< api_call >>>:"]
)
def test_a_marked_section_holds_the_call(marker):
    text = f"<<<domain>>>: Vision\n{marker} {LOAD}\n<<<api_provider>>>: PyTorch\n<<<explanation>>>: f(1)"
    assert extracted(text) == (LOAD, None, "section")


def test_the_comma_between_two_sections_is_no_part_of_the_call():
    assert extracted(f"<<<api_call>>>: {LOAD}, <<<api_provider>>>: PyTorch") == (LOAD, None, "section")


def test_a_marked_code_section_is_the_program():
    assert extracted(f"<<<api_call>>>: {LOAD}\n<<<code>>>: {PROGRAM}\n") == (LOAD, PROGRAM, "section")


def test_a_fence_within_a_code_section_is_taken_off():
    text = f"<<<api_call>>>: {LOAD}\n###Code:\n```python\n{PROGRAM}\n```\nEnjoy!"
    assert extracted(text) == (LOAD, PROGRAM, "section")


def test_of_two_call_sections_the_first_with_a_call_counts():
    text = f"<<<api_call>>>: see below\n<<<api_call>>>: {LOAD}\n<<<api_call>>>: pipeline('x')"
    assert extracted(text) == (LOAD, None, "section")


def test_a_dictionary_whose_inner_quotes_are_not_escaped_is_read():
    text = (
        f"{{'domain': 'Vision', 'api_call': '{LOAD}', 'api_provider': 'PyTorch', 'explanation': 'loads, then runs', "
        f"'code': '{PROGRAM}'}}"
    )
    assert extracted(text) == (LOAD, PROGRAM, "dict")


def test_a_dictionary_in_double_quotes_is_read():
    text = f'{{"domain": "Vision", "api_call": "{LOAD}", "example_code": "{PROGRAM}"}}'
    assert extracted(text) == (LOAD, PROGRAM, "dict")


def test_a_fenced_block_is_the_program_and_its_call_is_found():
    assert extracted(f"Use this:\n\n```python\n{PROGRAM}\n```\nor pipeline('x').") == (LOAD, PROGRAM, "fence")


def test_fenced_blocks_of_python_are_one_program():
    text = f"First:\n```py\nimport os\n```\nthen:\n```\n{PROGRAM}\n```"
    assert extracted(text) == (LOAD, f"import os\n\n{PROGRAM}", "fence")


@pytest.mark.parametrize(
    "before", ["```bash\npip install torch\n```", "```\npip install torch\n```", "```json\n{}\n```"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blocks_that_are_not_python_are_passed_over(before, end):
    call, program, how = extracted(f"{before}\n\nThen:\n\n```python\n{PROGRAM}\n```\nDone.".replace("\n", end))
    assert (call, program.split(), how) == (LOAD, PROGRAM.split(), "fence")


def test_a_definition_is_no_call():
    program = f"def load():\n    return {LOAD}"
    assert extracted(program) == (LOAD, program, "code")


def test_a_load_of_something_else_is_not_the_answer():
    program = f"import numpy as np\nlabels = np.load('l.npy')\nmodel = {LOAD}"
    assert extract(program, frozenset({"torch.hub.load"})).call == LOAD


def test_a_call_in_a_comment_or_a_string_of_a_program_is_no_call():
    for text in (f"# {LOAD}\nx = 1", f"x = {LOAD!r}"):
        assert extract(text, frozenset({"torch.hub.load"})).call is None


def test_a_fence_that_was_cut_off_reaches_to_the_end():
    assert extracted(f"Use this:\n```\n{PROGRAM}") == (LOAD, PROGRAM, "fence")


def test_bare_code_is_the_program():
    assert extracted(f"\n{PROGRAM}\n") == (LOAD, PROGRAM, "code")


def test_code_after_prose_begins_at_its_first_import():
    assert extracted(f"Sure, here you go!\n{PROGRAM}") == (LOAD, PROGRAM, "imports")


def test_a_catalogue_call_in_prose_is_found_without_a_program():
    assert extracted(f"You should call {LOAD} (it's quick).") == (LOAD, None, "prose")


def test_in_prose_a_call_of_nothing_in_the_catalogue_does_not_count():
    assert extracted("You should (I think) ask somebody(else) about it!") == (None, None, "nothing")


@pytest.mark.parametrize("text", ["", " \n", "I don't know.", "the model's name", "\0"])
def test_an_answer_without_a_call_has_none(text):
    call, _, how = extracted(text)
    assert (call, how) == (None, "nothing")


def test_line_ends_written_out_become_line_ends():
    text = f"<<<api_call>>>: {LOAD}\\n<<<code>>>: " + PROGRAM.replace("\n", "\\n")
    assert extracted(text) == (LOAD, PROGRAM, "section, unescaped")


def test_line_ends_and_quotes_escaped_twice_are_read_too():
    text = "<<<api_call>>>: pipeline(\\\\'ner\\\\')\\\\n<<<code>>>: import a\\\\nb = a.c(\\\\\"d\\\\\")"
    assert extracted(text) == ("pipeline('ner')", 'import a\nb = a.c("d")', "section, unescaped")


def test_quotes_written_with_a_backslash_lose_it():
    assert extracted('<<<api_call>>>: pipeline(\\"ner\\", model=\\"m\\")') == (
        'pipeline("ner", model="m")',
        None,
        "section, unescaped",
    )


def test_escapes_that_belong_to_a_program_stay():
    program = 'import torch\nm = torch.hub.load("a", "b")\nprint("it\\"s\\n")'
    assert extracted(program) == ('torch.hub.load("a", "b")', program, "code")


def test_a_call_that_was_cut_off_is_kept_as_far_as_it_goes():
    assert extracted("<<<api_call>>>: torch.hub.load('pytorch/vision', model='res") == (
        "torch.hub.load('pytorch/vision', model='res",
        None,
        "section",
    )


def test_a_section_without_a_call_yields_to_a_program_with_one():
    assert extracted(f"<<<api_call>>>: import torch\n<<<code>>>: {PROGRAM}") == (LOAD, PROGRAM, "code section")
    assert extracted(f"{{'api_call': 'import torch', 'code': '{PROGRAM}'}}") == (LOAD, PROGRAM, "code entry")


def test_a_section_without_a_call_is_kept_where_no_program_has_one():
    assert extracted("<<<api_call>>>: use resnet50\n<<<code>>>: print(1)") == (
        "use resnet50",
        "print(1)",
        "section, no call",
    )
    assert extracted("The answer is {'api_call': 'resnet50', 'api_provider': 'PyTorch'}") == (
        "resnet50",
        None,
        "dict, no call",
    )


def test_a_section_may_call_what_no_catalogue_has():
    assert extracted("<<<api_call>>>: made.up(1)") == ("made.up(1)", None, "section")


def test_bare_code_may_call_what_no_catalogue_has():
    assert extracted("x = made.up(1)") == ("made.up(1)", "x = made.up(1)", "code")


@pytest.mark.parametrize(
    "companion",
    [
        "AutoTokenizer.from_pretrained('m')",
        "transformers.BertTokenizerFast.from_pretrained('m')",
        "AutoProcessor.from_pretrained('m')",
        "ViTFeatureExtractor.from_pretrained('m')",
        "AutoConfig.from_pretrained('m')",
        "transformers.set_seed(1)",
    ],
)
def test_what_is_loaded_beside_the_model_is_passed_over(companion):
    program = f"a = {companion}\nb = AutoModel.from_pretrained('m')"
    assert extracted(program) == ("AutoModel.from_pretrained('m')", program, "code")


def test_a_companion_alone_is_the_call():
    program = "print('x')\na = AutoTokenizer.from_pretrained('m')"
    assert extracted(program) == ("AutoTokenizer.from_pretrained('m')", program, "code")


def test_companions_are_recognised_under_another_name():
    program = "from transformers import AutoTokenizer as T, AutoModel as M\nt = T.from_pretrained('m')\nm = M.from_pretrained('m')"
    assert extracted(program) == ("M.from_pretrained('m')", program, "code")


def test_a_catalogue_function_is_recognised_under_another_name():
    program = "from transformers import pipeline as build\nprint(1)\np = build('ner')"
    assert extracted(program) == ("build('ner')", program, "code")


def test_comments_and_strings_of_a_program_hold_no_call():
    program = "import torch\n# torch.hub.load('old', 'a')\nhelp = \"torch.hub.load('text', 'b')\"\nm = torch.hub.load('new', 'c')"
    assert extracted(program) == ("torch.hub.load('new', 'c')", program, "code")


def test_the_outer_call_is_taken_not_the_one_inside_it():
    assert extracted("nn.Linear(pipeline('x'), 2)") == (
        "nn.Linear(pipeline('x'), 2)",
        "nn.Linear(pipeline('x'), 2)",
        "code",
    )


def test_an_answer_is_read_up_to_a_million_characters_and_not_beyond():
    fits = f"<<<api_call>>>: {LOAD}\n<<<note>>>: "
    fits += "a" * (MAX_TEXT - len(fits))
    assert extracted(fits)[0] == LOAD
    assert extracted(fits + "a") == (None, None, "too long")


def test_a_program_is_cut_at_its_limit():
    program = "import a\n" + "b = 1\n" * MAX_PROGRAM
    assert extracted(f"```\n{program}```")[1] == program[:MAX_PROGRAM]


@pytest.mark.parametrize(
    ("program", "python"),
    [
        ("x = 1", True),
        ("", False),
        (" \n", False),
        ("f((", False),
        ("\0", False),
        ("'\ud800'", False),
        ("(" * 10_000, False),
        ("x" + ".a" * 20_000, None),
        ("-" * 20_000 + "1", None),
        ("1" * 5_000, None),
        ("if '\\d' is 1: pass", True),  # a warning for Python, which must not become an error
    ],
)
def test_parses_answers_for_any_program(program, python):
    answer = parses(program)
    assert isinstance(answer, bool)
    assert python is None or answer is python


FRAGMENTS = st.sampled_from(
    [
        "<<<api_call>>>:",
        "###api call",
        "<<<code>>>:",
        "'api_call': '",
        '"code": "',
        "'}",
        "```python\n",
        "```",
        "import ",
        "from a import b as c\n",
        "torch.hub.load(",
        "pipeline('x')",
        "AutoTokenizer.from_pretrained(",
        "f(",
        ")",
        "]",
        "{",
        "'",
        '"',
        '"""',
        "\\n",
        "\\",
        '\\"',
        "\n",
        " ",
        ",",
        ":",
        "=",
        "#",
        "\ud800",
        "\0",
        "\u2028",
        "é",
        "()",
        "a.b",
        "\r",
        "\x0c",
        "\ufeff",
        "x = 1\n",
        "def f():\n\t",
    ]
)
ANSWERS = st.text(st.characters(exclude_categories=()), max_size=400) | st.lists(FRAGMENTS, max_size=40).map("".join)


PLAIN = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u00a0\u202f\u3000", " ")
    | dict.fromkeys("\ufeff\u200b\u200c\u200d\u2060")
)


def unescaped(text):
    r"""Written-out line ends, tabs and quotes made real, in the two ways an answer is unescaped."""
    text = re.sub(r"\\+(['\"])", r"\1", text)
    return text, re.sub(r"\\+t", "\t", re.sub(r"\\+n", "\n", text))


@given(ANSWERS)
@example("\\n'\\")
@example("<<<api_call>>>:\\n\\'")
@example("'<<<API_CALL>>>:'")
@example("def A():\ufeff0")
@settings(max_examples=500, deadline=None)
def test_any_text_is_extracted_alike_each_time_and_nothing_is_made_up(text):
    extraction = extract(text, FUNCTIONS)
    assert extract(text, FUNCTIONS) == extraction
    source = (text, *unescaped(text)) if extraction.how.endswith(", unescaped") else (text,)
    # A text that is no program is read without characters that cannot be seen, and with plain blanks and quotes.
    source += tuple(form.translate(PLAIN) for form in source)
    # A value of JSON, or a tool call, is written otherwise in the text.
    is_decoded = extraction.how.startswith("tool call") or ", in a value" in extraction.how
    if extraction.call is not None:
        assert extraction.call
        assert is_decoded or any(all(line in form for line in extraction.call.split("\n")) for form in source)
    if extraction.program is not None:
        assert extraction.program
        # Line by line: several fenced blocks become one program.
        assert is_decoded or any(all(line in form for line in extraction.program.split("\n")) for form in source)
    assert (extraction.call is None) == (extraction.how.removesuffix(", unescaped") in ("nothing", "too long"))


@pytest.mark.parametrize(
    "opening", ["", "<<<api_call>>>: f", "<<<code>>>: f", "'api_call': 'f", "import a\nf", "```\nf"]
)
@pytest.mark.parametrize("bracket", ["(", "[", "{", "f(", ")", "([{"])
def test_a_hundred_thousand_nested_brackets_do_no_harm(opening, bracket):
    extraction = extract(opening + bracket * 100_000, FUNCTIONS)
    assert extraction.how


@pytest.mark.parametrize("quote", ["'", '"', '"""', "\\'"])
def test_two_megabytes_of_quotes_do_no_harm(quote):
    # Beyond the limit in one piece, and just within it.
    whole = quote * (2_000_000 // len(quote))
    assert extract(whole, FUNCTIONS).how == "too long"
    assert extract(whole[:MAX_TEXT], FUNCTIONS).call is None


ENDLESS = {
    "spaces in prose": "'x' + ' ' * N",
    "spaces before a section's colon": "'<<<api_call' + ' ' * N",
    "spaces in a section": "'<<<api_call>>>: x' + ' ' * N + 'y'",
    "commas in a section": "'<<<api_call>>>: x' + ',' * N + 'y'",
    "spaces in a dictionary's entry": "\"'api_call': 'x\" + ' ' * N + 'y'",
    "a dictionary that begins again and again": "\"'api_call': \" * (N // 12)",
    "line ends": "'<<<code>>>: x' + chr(10) * N + 'y'",
    "backslashes": "chr(92) + 'n' + chr(92) * N",
    "one sentence after another": "'a. ' * (N // 3)",
    "dots": "'a' + '. ' * (N // 2)",
    "open calls": "'f(' * (N // 2)",
    "open imports": "('import (' + chr(10)) * (N // 9)",
    "fences": "('```' + chr(10)) * (N // 4)",
    "sections": "'###api_call:' * (N // 12)",
    "nested quotes": "'> ' * (N // 2)",
    "nested lists": "'- ' * (N // 2)",
    "list items": "('- a' + chr(10)) * (N // 4)",
    "fences that hold no program": "('```python x' + chr(10)) * (N // 12)",
    "fences within a list": "('- ```python' + chr(10)) * (N // 12)",
    "fences at a line's end": "'```python' + chr(10) + ('x =```' + chr(10)) * (N // 7)",
    "backticks of every length": "' '.join('`' * i for i in range(1, 600))",
    "code within lines": "'`f.g(1)` ' * (N // 10)",
    "links and emphasis": "'*_[](' * (N // 5)",
    "objects that never end": "'{\"a\": ' * (N // 6)",
    "lists that end": "'[' * (N // 2) + ']' * (N // 2)",
    "tool calls that never end": '\'<tool_call>{"name": "f", "arguments": {\' * (N // 40)',
    "parameters that never end": "'<tool_call>f<arg_key>a</arg_key><arg_value>' * (N // 43)",
    "prompts": "('>>> x' + chr(10)) * (N // 6)",
    "triple quotes with backslashes": "(chr(39) * 3 + chr(92)) * (N // 4)",
    "code and prose in turn": "('x = 1' + chr(10) + 'and then a word' + chr(10)) * (N // 22)",
    "closing braces": "\"'api_call': x\" + '} ' * (N // 2) + 'y'",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_model_that_repeats_itself_without_end_does_not_hang_the_scorer(what):
    """A degenerate answer repeats one token until its budget is spent; a search that starts anew at each is quadratic.

    200,000 characters take well under a second in linear time and minutes in quadratic time, so that the time limit
    only tells a hang from an end; a fix that merely lowers MAX_TEXT would break the test of that limit.
    """
    program = f"N = 200_000\nfrom apigauge.harness.extraction.extract import extract\nprint(extract({ENDLESS[what]}, frozenset(['a.load'])).how)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (0, "")
