"""The checker of the wheel ``bfcl-eval``, run as it is on questions and answers; run as a program, not imported.

    python bfcl_package.py WHEEL < PAIRS > VERDICTS

A pair is a JSON line with the question's ``functions``, its ``possible_answers``, the ``category``, and the ``answer``. A
verdict is a JSON line: whether the answer is right, and the checker's error type; null where the checker raised.

Only what decides is loaded: the table of models, parsers of other languages and the network's clients, which need dozens of
packages, are left out.
"""

import json
import sys
import types
import warnings


class Anything:
    """Stands for what the checker's modules import and do not use here."""

    underscore_to_dot = False

    def __init__(self, *_):
        pass

    def __getattr__(self, name):
        return Anything()

    def __getitem__(self, name):
        return Anything()


ABSENT = {
    "bfcl_eval.constants.model_config": ["MODEL_CONFIG_MAPPING"],
    "bfcl_eval.utils": ["nothing"],
    "bfcl_eval.model_handler.parser.java_parser": ["parse_java_function_call"],
    "bfcl_eval.model_handler.parser.js_parser": ["parse_javascript_function_call"],
    "bfcl_eval.model_handler.parser.json_parser": ["parse_json_function_call"],
    "bfcl_eval.model_handler.parser.xml_parser": [
        "parse_verbose_xml_function_call",
        "parse_concise_xml_function_call",
    ],
    "tenacity": ["retry", "retry_if_exception_message", "retry_if_exception_type", "wait_random_exponential"],
}


def main(wheel):
    sys.path.insert(0, wheel)
    for name, contents in ABSENT.items():
        module = types.ModuleType(name)
        vars(module).update({content: Anything() for content in contents})
        sys.modules[name] = module
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker
    from bfcl_eval.model_handler.utils import default_decode_ast_prompting, formulate_system_prompt

    warnings.simplefilter("ignore")
    for line in sys.stdin:
        pair = json.loads(line)
        if "prompt_of" in pair:
            from bfcl_eval.constants.default_prompts import DEFAULT_SYSTEM_PROMPT_FORMAT

            print(json.dumps(formulate_system_prompt(DEFAULT_SYSTEM_PROMPT_FORMAT, pair["prompt_of"])))
            continue
        try:
            calls = default_decode_ast_prompting(pair["answer"])
        except Exception:  # noqa: BLE001 - the package catches all of them here, or none
            print(json.dumps([False, "ast_decoder:decoder_failed"]))
            continue
        try:
            verdict = ast_checker(
                pair["functions"], calls, pair["possible_answers"], Language.PYTHON, pair["category"], "any"
            )
            print(json.dumps([verdict["valid"], verdict.get("error_type", "")]))
        except Exception:  # noqa: BLE001 - the package catches all of them here, or none
            print("null")


if __name__ == "__main__":
    main(sys.argv[1])
