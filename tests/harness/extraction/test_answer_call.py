"""Which of a program's calls answers the question."""

import pytest

from apigauge import extract
from apigauge.harness.extraction.answer_call import chosen_call
from apigauge.harness.extraction.call_scan import functions_of

FUNCTIONS = functions_of(
    [
        "torch.hub.load('a', 'b')",
        "pipeline('a', model='b')",
        "AutoModel.from_pretrained('a')",
        "StableDiffusionPipeline.from_pretrained('a')",
        "joblib.load('a')",
        "ControlNetModel.from_pretrained('a')",
        "hub.KerasLayer('a')",
        "tf.keras.Sequential([hub.KerasLayer('a')])",
        "collections.Counter('a')",
    ]
)


@pytest.mark.parametrize(
    ("program", "call"),
    [
        # A part is not the answer's call, the call that uses it is.
        ("v = AutoencoderKL.from_pretrained('v')\np = StableDiffusionPipeline.from_pretrained('x', vae=v)", "StableDiffusionPipeline.from_pretrained('x', vae=v)"),
        ("m = AutoModel.from_pretrained('x').to('cuda')\np = pipeline('t', model=m)", "pipeline('t', model=m)"),
        ("p = hf_hub_download('r', 'f')\nm = joblib.load(p)", "joblib.load(p)"),
        ("m = joblib.load(cached_download(hf_hub_url('r', 'f')))", "joblib.load(cached_download(hf_hub_url('r', 'f')))"),
        ("import pandas as pd\nd = pd.read_csv(hf_hub_download('r', 'f'))\nm = joblib.load('x')", "joblib.load('x')"),
        # A user that the catalogue does not have leaves the part the answer's.
        ("c = ControlNetModel.from_pretrained('x')\np = OtherPipeline.from_pretrained('y', controlnet=c)", "ControlNetModel.from_pretrained('x')"),
        ("l = hub.KerasLayer('x')\nm = tf.keras.Sequential([l])", "hub.KerasLayer('x')"),
        # What prepares an input, or leaves its model to a default, comes after what names one.
        ("t = torch.hub.load('r', 'transforms')\nm = torch.hub.load('r', 'MiDaS')", "torch.hub.load('r', 'MiDaS')"),
        ("d = pipeline('depth')\nm = ControlNetModel.from_pretrained('x')", "ControlNetModel.from_pretrained('x')"),
        ("d = pipeline('depth')", "pipeline('depth')"),
        ("T = AutoTokenizer\nt = T.from_pretrained('x')\nm = AutoModel.from_pretrained('x')", "AutoModel.from_pretrained('x')"),
        # Nobody asks for these.
        ("import numpy as np\nx = np.zeros(3)\nprint(len(x))", None),
        ("def load(n):\n    return n\nload(1)\nrange(3)", None),
        ("import json\njson.loads('1')", None),
        ("import collections\ncollections.Counter('a')", "collections.Counter('a')"),
        ("import torch\ntorch.hub.list('a')", "torch.hub.list('a')"),
        ("import torch\n# torch.hub.load('a', 'b')\nx = 'torch.hub.load(1)'", None),
        ("import torch\ndef unused():\n    torch.hub.load('a', 'b')\ntorch.hub.load('c', 'd')", "torch.hub.load('c', 'd')"),
        ("import torch\nmodel = torch.hub.load('a', 'b')\nmodel(torch.zeros(1))", "torch.hub.load('a', 'b')"),
    ],
)  # fmt: skip
def test_the_call_of_a_program_that_answers(program, call):
    chosen = chosen_call(program, FUNCTIONS)
    assert (chosen.text if chosen else None) == call


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        ("```python\nimport torch\n# torch.hub.load('a', 'b')\nx = 1\n```", None),
        ("Sure:\nimport torch\n# torch.hub.load('a', 'b')\nx = 1", None),
        ("Load it with `torch.hub.load()` and call it.", None),
        ("In general one would use AutoModel.from_pretrained(...).", None),
        ("Do not use torch.hub.load('a', 'b'); it is old.", None),
        ("Don't worry, torch.hub.load('a', 'b') does it.", "torch.hub.load('a', 'b')"),
        ("Use torch.hub.load('a', 'b').", "torch.hub.load('a', 'b')"),
        (
            "<<<api_call>>>: torch.hub.load(\n  'a',  # 1) the repository\n  'b')",
            "torch.hub.load(\n  'a',  # 1) the repository\n  'b')",
        ),
    ],
)
def test_the_call_of_an_answer(answer, call):
    assert extract(answer, FUNCTIONS).call == call


LIBRARY = frozenset({
    "numpy.arange", "numpy.vsplit", "pandas.DataFrame", "pandas.DataFrame.head", "sklearn.linear_model.Ridge",
    "sklearn.linear_model.Ridge.fit", "sklearn.linear_model.Ridge.predict",
})  # fmt: skip


@pytest.mark.parametrize(("program", "text", "method"), [
    ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})\nprint(df.head(2))", "df.head(2)", "pandas.DataFrame.head"),
    ("import pandas\nprint(pandas.DataFrame({'a': [1]}))\n", "pandas.DataFrame({'a': [1]})", ""),
    # Not a method of the catalogue, or of another class.
    ("import pandas as pd\ndf = pd.DataFrame({'a': [1]})\nprint(df.tail(2))", "pd.DataFrame({'a': [1]})", ""),
    ("import pandas as pd\ndf = pd.Series([1])\nx = pd.DataFrame(df.head(2))", "pd.DataFrame(df.head(2))", ""),
    # What is computed from a part is a part as well.
    ("import numpy as np\nx = np.arange(16).reshape(4, 4)\nnp.vsplit(x, 2)", "np.vsplit(x, 2)", ""),
])  # fmt: skip
def test_the_call_of_a_program_for_a_library(program, text, method):
    chosen = chosen_call(program, LIBRARY)
    assert (chosen.text, chosen.method if chosen.method in LIBRARY else "") == (text, method)


RIDGE = (
    "from sklearn.linear_model import Ridge\nX, y = [[1], [2]], [1, 2]\nm = Ridge(alpha=2)\nm.fit(X, y)\nm.predict(X)\n"
)


@pytest.mark.parametrize(("question", "text"), [
    ("", "m.fit(X, y)"),
    ("End with:\n\n    m.fit(X,  y)\n    m.predict(X)", "Ridge(alpha=2)"),
    ("Given m = Ridge(alpha=2), and end with m.predict(X)", "m.fit(X, y)"),
    # If the question has them all, it is not known which one is meant.
    ("Ridge(alpha=2) m.fit(X, y) m.predict(X)", "m.fit(X, y)"),
])  # fmt: skip
def test_a_call_of_the_question_itself_is_not_the_answers(question, text):
    assert chosen_call(RIDGE, LIBRARY, question=question).text == text
    assert extract(RIDGE, LIBRARY, question=question).call == text
