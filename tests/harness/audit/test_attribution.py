"""What a failure is attributed to: what each rule matches, and what it must not match."""

import pytest

from apigauge.harness.audit.attribution import UNKNOWN, count_lines, rule_for

IMPORT = "ImportError: cannot import name 'XClipModel' from 'transformers' (/usr/lib/python3/transformers/__init__.py)"


@pytest.mark.parametrize(
    ("label", "reason", "attribution"),
    [
        ("failed/syntax", "SyntaxError: invalid syntax", "benchmark"),
        ("failed/name", "NameError: name 'scores' is not defined", "benchmark"),
        ("passed/not_called", "ran to its end", "benchmark"),
        ("failed/import", IMPORT, "benchmark"),
        ("failed/import", "ModuleNotFoundError: No module named 'espnet2'", "environment"),
        # An import that fails inside a library is not the program's asking for a name that never was.
        ("failed/import", "ImportError: cannot import name 'x' from partially initialized module 'y'", "environment"),
        ("failed/other", "ImportError: You need to install fugashi to use MecabTokenizer", "environment"),
        ("failed/assertion", "AssertionError: Torch not compiled with CUDA enabled", "environment"),
        ("failed/hub_not_found", "OSError: a/b is not a local folder and is not a valid model identifier", "benchmark"),
        ("failed/hub_not_found", "OSError: a/b does not appear to have a file named config.json. See", "benchmark"),
        # Another file that is missing may be one that the stand-in has forgotten.
        ("failed/hub_not_found", "OSError: a/b does not appear to have a file named pytorch_model.bin.", "ours"),
        ("failed/import", "ImportError: cannot import name 'x' from 'y.z' (unknown location)", "benchmark"),
        # A file of another name may be one that the stand-in has forgotten, a placeholder is none.
        (
            "failed/hub_not_found",
            "EntryNotFoundError: 404. Entry Not Found for url: https://h/m/%7BFILE%7D.zip",
            "benchmark",
        ),
        ("failed/hub_not_found", "EntryNotFoundError: 404. Entry Not Found for url: https://h/m/model.pth", "ours"),
        ("failed/other", "TypeError: the JSON object must be str, bytes or bytearray, not NoneType", "benchmark"),
        ("failed/attribute", "AttributeError: 'str' object has no attribute 'config'", "benchmark"),
        ("failed/arguments", "TypeError: f() got multiple values for argument 'model'", "benchmark"),
        ("failed/arguments", "TypeError: f() missing 1 required positional argument: 'filename'", "benchmark"),
        ("failed/arguments", "TypeError: f() got an unexpected keyword argument 'token_type_ids'", "ours"),
        ("failed/other", "KeyError: \"Unknown task ocr, available tasks are ['x']\"", "benchmark"),
        ("failed/other", "KeyError: 'best_loss'", "ours"),
        ("failed/other", "ZeroDivisionError: division by zero", "ours"),
    ],
)
def test_each_failure_has_the_attribution_of_its_rule(label, reason, attribution):
    assert rule_for(label, reason).attribution == attribution


def test_counts_are_by_attribution_and_kind():
    rules = [rule_for("failed/syntax", ""), rule_for("failed/syntax", ""), rule_for("failed/name", ""), UNKNOWN]
    assert count_lines(rules) == [
        "  benchmark: 3",
        "       2  not Python",
        "       1  a name that the program never defines",
        "  environment: 0",
        "  ours: 1",
        "       1  until shown otherwise",
    ]
