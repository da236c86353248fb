"""Whatever raises, wherever: the exit code 1 says that a model is worse, and nothing else may say so."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from few import few

import apigauge
from apigauge import __main__
from apigauge.__main__ import main

PACKAGE = str(Path(apigauge.__file__).parent)
# What raises in the outermost function raises in whoever called it.
OUTERMOST = __main__.main.__code__
PARTS = 12
KINDS = (
    RuntimeError("planted"),
    KeyError("planted"),
    OSError(28, "No space left on device"),
    SystemExit(1),
    BrokenPipeError(32, "Broken pipe"),
    MemoryError(),
    AssertionError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "planted"),
    StopIteration(),
    GeneratorExit(),
    RecursionError("planted"),
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, model in (("run", "retrieval:bm25"), ("worse", "constant:torch.topk(scores, k=3)")):
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(folder / name), "--limit", "12"]
        assert main([*command, "--sandbox", "none", "--metrics", "rouge", "--quiet"]) == 0
    assert main(["--quiet", "gate", str(folder / "run"), "--save-baseline", str(folder / "baseline.json")]) == 0
    return folder


def commands(runs, folder):
    """The ways through the gate: with all options, of what is broken, and with a budget."""
    documents = ["--markdown", str(folder / "gate.md"), "--junit", str(folder / "gate.xml")]
    judged = ["--baseline", str(runs / "baseline.json"), "--metric", "rouge.1:0.5"]
    saved = ["--save-baseline", str(folder / "saved.json"), "--slice", "domain"]
    budget = ["--budget", "12", "--model", "retrieval:bm25", "--sandbox", "none", "--workers", "1"]
    return [
        ["gate", str(runs / "run"), *judged, *saved, *documents],
        ["gate", str(runs / "run"), *judged, *documents, "--json", "--verbose"],
        ["gate", str(runs / "run"), "--baseline", str(runs / "no.json"), *documents],
        ["gate", str(folder / "new"), *judged[:2], "--metric", "rouge.1:0.9", *budget, *documents],
    ]


def profiled(command, on_call):
    """The exit code of a command; ``on_call`` gets the code object of each function that it calls, and may raise."""

    def profile(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE) and frame.f_code.co_name != "<module>":
            on_call(frame.f_code)

    sys.setprofile(profile)
    try:
        return main(command)
    except SystemExit as stop:
        return stop.code
    finally:
        sys.setprofile(None)


def called(command):
    codes = {}
    profiled(command, codes.setdefault)
    return [code for code in codes if code is not OUTERMOST]


def raising(command, target, error):
    """The exit code of a command in which a function raises whenever it is called first."""

    def on_call(code):
        if code is target:
            raise error

    return profiled(command, on_call)


# Of the functions that a command calls, every twelfth, from this one on.
@pytest.mark.parametrize("first", few(range(PARTS), PARTS))
def test_no_function_that_raises_makes_the_gate_end_with_one(runs, tmp_path, capsys, first):
    done, wrong = set(), []
    for way in range(4):
        (tmp_path / str(way)).mkdir()
        command = commands(runs, tmp_path / str(way))[way]
        targets = [code for code in called(command) if code not in done]
        done.update(targets)
        for number, target in list(enumerate(targets))[first::PARTS]:
            folder = tmp_path / str(way) / str(number)
            folder.mkdir()
            code = raising(commands(runs, folder)[way], target, KINDS[number % len(KINDS)])
            name = f"{target.co_qualname if hasattr(target, 'co_qualname') else target.co_name}: {code}"
            if code not in (0, 2, 3, 4):
                wrong.append(name)
            # Once the gate has decided, only how long it took is left to say.
            if code == 4 and (folder / "gate.xml").exists() and target.co_name != "say_detail":
                text = (folder / "gate.md").read_text(encoding="utf-8")
                kinds = [error.get("type") for error in ET.parse(folder / "gate.xml").getroot().iter("error")]
                wrong += [f"{name}: {text}"] * ("### apigauge: broken" not in text or kinds != ["broken"])
    capsys.readouterr()
    assert wrong == []
    assert len(done) > 150
