"""Attributes the failure of a reference program to the benchmark, to the environment or to apigauge ("ours").

A rule matches a program's outcome and the sentence that gives the reason, and some also what the program's text has.
Attributed to the benchmark are failures that no machine could avoid: errors of Python, and errors that a library raises
whatever the weights are; to the environment those that another machine, or another release of a library, avoids. A
failure that no rule matches is attributed to apigauge until shown otherwise.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable
from typing import Literal, NamedTuple

Attribution = Literal["benchmark", "environment", "ours"]
ATTRIBUTIONS: tuple[Attribution, ...] = Attribution.__args__  # type: ignore[attr-defined]


class Rule(NamedTuple):
    """Attributes a kind of failure.

    Attributes:
        attribution: what the failure is attributed to.
        why: the kind of failure, in words.
        labels: the outcomes that it matches; empty for any.
        reason: a regular expression that the reason must contain.
        is_written: whether what the expression's groups have matched must stand in the program's text, as words.
    """

    attribution: Attribution
    why: str
    labels: frozenset[str] = frozenset()
    reason: str = ""
    is_written: bool = False

    def covers(self, label: str, reason: str, program: str = "") -> bool:
        """Whether the rule matches this outcome and reason of a program."""
        if self.labels and label not in self.labels:
            return False
        match = re.search(self.reason, reason)
        if match is None or not self.is_written:
            return match is not None
        return all(re.search(rf"\b{re.escape(word)}\b", program) for word in match.groups())


def _rule(attribution: Attribution, why: str, *labels: str, reason: str = "", is_written: bool = False) -> Rule:
    return Rule(attribution, why, frozenset(labels), reason, is_written)


NOT_INSTALLED = re.compile(
    r"No module named|requires the \w+ library but it was not found|You need to install|to install"
)
NO_TASK = _rule("benchmark", "a task that its library does not have", reason="Unknown task |task defaults can't be")
# The first rule that matches decides.
RULES = (
    _rule("benchmark", "not Python", "failed/syntax"),
    _rule("benchmark", "a name that the program never defines", "failed/name"),
    _rule("benchmark", "the program does not make its call", "passed/not_called", "early_exit"),
    _rule("benchmark", "waits for a person to type", reason="EOF when reading a line"),
    _rule(
        "benchmark",
        "a name that its library never had (the environment's version has all that any measured version has)",
        "failed/import",
        reason=r"^ImportError: cannot import name '\w+' from '[\w.]+' \((?:/|unknown location)",
    ),
    _rule("environment", "a library that is not installed", "failed/import"),
    _rule("environment", "a library that is not installed", reason=NOT_INSTALLED.pattern),
    _rule("environment", "asks for a GPU", reason="not compiled with CUDA|object on a CUDA device|NVIDIA driver"),
    # Videos of numpy.random.randn, as cards had them: transformers at first did not look at the range of the numbers
    # that it makes an image of (huggingface/transformers#25774). SpeechBrain before 1 fetched without a folder,
    # Gymnasium before 1 had LunarLander-v2.
    _rule(
        "environment",
        "what the environment's release of a library refuses and a former one took",
        reason=r"outside the range \[0, 1\].*cannot be converted to uint8|`savedir` must be specified for URI fetches|"
        "^DeprecatedEnv: ",
    ),
    _rule(
        "benchmark",
        "a model that the hub does not have under that name",
        "failed/hub_not_found",
        reason="not a valid model identifier|not a local folder|git identifier|Repository Not Found|HFValidationError|"
        "^OSError: Cannot load model .* model is not cached locally",
    ),
    _rule(
        "benchmark",
        "a model that the hub has for another library",
        "failed/hub_not_found",
        reason=r"does not appear to have a file named config\.json",
    ),
    _rule("benchmark", "a placeholder in place of a file's name", "failed/hub_not_found", reason=r"Not Found.*%7B"),
    _rule("benchmark", "an argument that is given twice or left out", reason="got multiple values|missing \\d+ requi"),
    _rule("benchmark", "more arguments than its function takes", reason=r"takes .*positional arguments? but \d+ w"),
    _rule("benchmark", "a table that its function does not read", reason="Table must be of type pd.DataFrame"),
    _rule(
        "benchmark",
        "columns that make no table",
        reason="^ValueError: (All arrays must be of the same length|If using all scalar values, you must pass)",
    ),
    NO_TASK,
    _rule("benchmark", "a class that is not for this architecture", reason="Unrecognized configuration class"),
    _rule("benchmark", "a model that is not for this library", reason="Unrecognized model in |Tokenizer class \\S+ d"),
    _rule("benchmark", "a model object without its tokenizer or processor", reason="Impossible to guess which "),
    _rule("benchmark", "a model object without its task", reason="Inferring the task automatically requires to check"),
    _rule("benchmark", "a model without the head that generates", reason=r"is not compatible with `\.generate\(\)`"),
    _rule(
        "benchmark",
        "a configuration of another model's class",
        reason=r"Parameter config in `.*` should be an instance of class `PretrainedConfig`",
    ),
    # A fast BERT tokenizer reads its normalizer from its file, which has none for other models.
    _rule("benchmark", "a processor for another model's tokenizer", reason="JSON object must be str, .* not NoneType"),
    _rule("benchmark", "a model's name in place of the model", reason="'str' object has no attribute 'config'"),
    _rule(
        "benchmark",
        "text in place of a tensor or a conversation",
        reason="'str' object has no attribute '(?:shape|size|add_message)'",
    ),
    _rule("benchmark", "a placeholder in place of a URL", reason="Invalid URL|unknown url type"),
    _rule("benchmark", "calls what cannot be called", reason="'module' object is not callable|'ellipsis' object"),
    _rule("benchmark", "a method that its class never had", reason=r"type object '\w+' has no attribute"),
    _rule("benchmark", "a method that its class never had", reason="'function' object has no attribute"),
    # Of a class that the program itself names; which class an automatic one gives is up to the hub.
    _rule(
        "benchmark",
        "a method that its class never had",
        "failed/attribute",
        reason=r"^AttributeError: '(\w+)' object has no attribute '(\w+)'",
        is_written=True,
    ),
)
UNKNOWN = Rule("ours", "until shown otherwise")
ONLY_A_NAME = Rule("ours", "a repository of which the hub's specification knows only the name")
# Tags of the hub for which transformers never had a pipeline. It looks at the task after the model's configuration.
_TAGS = (
    "audio-to-audio|graph-ml|reinforcement-learning|robotics|sentence-similarity|tabular-classification|"
    "tabular-regression|text-to-image|text-to-video|unconditional-image-generation|voice-activity-detection"
)
_PIPELINE_OF_TAG = re.compile(rf"\bpipeline\(\s*(?:task\s*=\s*)?['\"](?:{_TAGS})['\"]")
# What a hub says that has nothing in a repository that a library looks for.
_LACKS_FILES = re.compile(r"OSError: (\S+) does not appear to have a file named ")


def rule_for(label: str, reason: str, program: str = "", only_names: Container[str] = ()) -> Rule:
    """The rule for a program that failed.

    Args:
        label: its outcome, as in a run's labels.
        reason: why, in a sentence.
        program: its text.
        only_names: the repositories of which the hub has nothing but the name. What the real ones have is not known, so
            that it is missing here is not attributed to the benchmark.
    """
    if (lacking := _LACKS_FILES.search(reason)) and lacking[1] in only_names:
        return NO_TASK if _PIPELINE_OF_TAG.search(program) else ONLY_A_NAME
    return next((rule for rule in RULES if rule.covers(label, reason, program)), UNKNOWN)


def count_lines(rules: Iterable[Rule]) -> list[str]:
    """For the terminal: the number of failures by attribution and, within each, by kind."""
    failures = list(rules)
    lines = []
    for attribution in ATTRIBUTIONS:
        attributed = [rule for rule in failures if rule.attribution == attribution]
        lines.append(f"  {attribution}: {len(attributed)}")
        lines += [f"    {count:4}  {why}" for why, count in Counter(rule.why for rule in attributed).most_common()]
    return lines
