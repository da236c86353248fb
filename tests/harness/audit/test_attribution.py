"""What a failure is attributed to: what each rule matches, and what it must not match."""

import pytest

from apigauge.harness.audit.attribution import NO_TASK, ONLY_A_NAME, UNKNOWN, count_lines, rule_for

IMPORT = "ImportError: cannot import name 'XClipModel' from 'transformers' (/usr/lib/python3/transformers/__init__.py)"
RANGE = (
    "ValueError: The image to be converted to a PIL image contains values outside the range [0, 1], got [-4.8, 4.2] which "
    "cannot be converted to uint8."
)


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
        ("failed/arguments", "TypeError: f.__call__() takes 2 positional arguments but 3 were given", "benchmark"),
        ("failed/arguments", "TypeError: f() takes from 1 to 2 positional arguments but 3 were given", "benchmark"),
        ("failed/assertion", "AssertionError: Table must be of type pd.DataFrame", "benchmark"),
        ("failed/other", "ValueError: table is empty", "ours"),
        ("failed/other", "ValueError: All arrays must be of the same length", "benchmark"),
        ("failed/other", "ValueError: If using all scalar values, you must pass an index", "benchmark"),
        (
            "failed/other",
            "RuntimeError: Inferring the task automatically requires to check the hub with a",
            "benchmark",
        ),
        (
            "failed/other",
            "TypeError: The current model class (T5Model) is not compatible with `.generate()`",
            "benchmark",
        ),
        (
            "failed/other",
            "ValueError: Parameter config in `A(config)` should be an instance of class `PretrainedConfig`. To",
            "benchmark",
        ),
        ("failed/attribute", "AttributeError: 'str' object has no attribute 'shape'", "benchmark"),
        ("failed/attribute", "AttributeError: 'str' object has no attribute 'items'", "ours"),
        # A release of the time of the programs took these.
        (
            "failed/other",
            RANGE,
            "environment",
        ),
        ("failed/other", "ValueError: Fetch a.mp3: `savedir` must be specified for URI fetches", "environment"),
        ("failed/other", "DeprecatedEnv: Environment version v2 for `LunarLander` is deprecated.", "environment"),
        ("failed/other", "ZeroDivisionError: division by zero", "ours"),
    ],
)
def test_each_failure_has_the_attribution_of_its_rule(label, reason, attribution):
    assert rule_for(label, reason).attribution == attribution


@pytest.mark.parametrize(
    ("program", "attribution"),
    [
        ("DDPMPipeline.from_pretrained('a/b').generate_image()", "benchmark"),
        # Which class an automatic one gives is up to the hub, and so is which attribute a library looks for.
        ("DiffusionPipeline.from_pretrained('a/b').generate_image()", "ours"),
        ("getattr(DDPMPipeline.from_pretrained('a/b'), name)()", "ours"),
        ("DDPMPipelines, generate_images", "ours"),
    ],
)
def test_a_missing_method_is_the_benchmark_s_only_if_the_program_names_both_class_and_method(program, attribution):
    reason = "AttributeError: 'DDPMPipeline' object has no attribute 'generate_image'"
    assert rule_for("failed/attribute", reason, program).attribution == attribution


def test_what_a_repository_lacks_of_which_only_the_name_is_known_is_not_the_benchmark_s():
    reason = "OSError: a/b does not appear to have a file named config.json. Checkout"
    assert rule_for("failed/hub_not_found", reason, only_names={"a/b"}) is ONLY_A_NAME
    # Whatever the repository has, there is no such pipeline.
    for task, rule in (("'text-to-video'", NO_TASK), ('task="robotics"', NO_TASK), ("'summarization'", ONLY_A_NAME)):
        program = f"pipeline({task}, model='a/b')"
        assert rule_for("failed/hub_not_found", reason, program, {"a/b"}) is rule
    assert rule_for("failed/hub_not_found", reason, only_names={"a/c"}).attribution == "benchmark"


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
