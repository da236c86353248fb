"""Reference programs with one fault each, and equivalent rewritings of the same programs.

The real library refuses each fault: a name that does not exist, a class that cannot hold the model, a keyword that the
function does not take. The reference alone decides which faults it gets.
"""

import ast
import copy
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from apigauge.harness.audit.references import program_answers
from apigauge.harness.extraction.syntax import parses
from apigauge.harness.metrics.executability import program_of
from apigauge.sandboxes.verdict import Program

# A class that holds none of these architectures, by what the class at hand is for. "Masked" is of text, as in MaskedLM.
_NOT_OF_TEXT = re.compile(
    r"Image|ViT|Detr|Segformer|Depth|Mask(?!ed)|Video|ObjectDetection|ConvNext|Swin|RegNet"
    r"|CTC|Audio|Speech|Whisper|Wav2Vec2|Hubert"
)
_FOREIGN_TO_TEXT = "AutoModelForImageSegmentation"
_FOREIGN_TO_OTHERS = "AutoModelForMultipleChoice"
_WRONG_TASK = "image-classificaton"
# A library may refuse by returning None, as pyannote.audio does a repository that is not there, with a printed message.
# That call has returned; that there is no model shows where the program uses it.
_USES_NONE = re.compile(r"'NoneType' object (?:is not|has no|does not)")


@dataclass(frozen=True)
class Variant:
    """A program made from a reference.

    Attributes:
        kind: which fault or which rewriting.
        source: the program.
        callee: its API call's function, as the program writes it.
    """

    kind: str
    source: str
    callee: str


def programs(benchmark):
    """The references that are Python and make a call, as (row, program)."""
    for answer in program_answers(benchmark):
        extraction = answer["extraction"]
        if extraction["program"] and parses(extraction["program"]):
            program = program_of(extraction["call"], extraction["program"])
            if program and program.callee:
                yield answer["item"], program


@dataclass(frozen=True)
class Outcome:
    """What one variant did: whether its call returned what the reference's does, and the sandbox's sentence about it."""

    variant: Variant
    is_fault: bool
    called: bool
    reason: str

    @property
    def as_expected(self):
        """Whether a fault was caught, or a rewriting passes."""
        return self.called != self.is_fault


def has_called(verdict, reason):
    """Whether a variant's call returned, and something else than None where the reference's did.

    Args:
        verdict: the variant's.
        reason: what the sandbox says about the reference.
    """
    return verdict.called and (not _USES_NONE.search(verdict.reason) or _USES_NONE.search(reason) is not None)


def judge(sandbox, benchmark, references, sample):
    """Runs faults and rewritings of references whose call returns, at most so many of each kind.

    Args:
        sandbox: which runs them.
        benchmark: whose references.
        references: what they did there (``run_references``).
        sample: how many variants of each kind; the references are taken evenly.
    """
    good = {one.row: one.reason for one in references.references if one.metrics.get("exec.call") == 1}
    variants = defaultdict(list)
    for row, program in programs(benchmark):
        if row in good:
            for is_fault, make in ((True, faults), (False, rewritings)):
                for variant in make(program.source, program.callee):
                    variants[is_fault, variant.kind].append((variant, good[row]))
    chosen = [
        (is_fault, variant, reason)
        for (is_fault, _), group in sorted(variants.items())
        for variant, reason in group[:: max(1, len(group) // sample)][:sample]
    ]
    with ThreadPoolExecutor(sandbox.concurrency) as pool:
        verdicts = pool.map(sandbox.run, [Program(variant.source, variant.callee) for _, variant, _ in chosen])
        return [
            Outcome(variant, is_fault, has_called(verdict, reason), verdict.reason)
            for (is_fault, variant, reason), verdict in zip(chosen, verdicts, strict=True)
        ]


def table(outcomes):
    """Lines for the terminal: of each kind, how many were tried and did as expected."""
    lines = []
    for is_fault, title in ((True, "faults caught"), (False, "rewritings that pass")):
        group = [one for one in outcomes if one.is_fault == is_fault]
        good = sum(one.as_expected for one in group)
        lines.append(f"{title}: {good} of {len(group)} ({good / max(len(group), 1):.4f})")
        for kind in dict.fromkeys(one.variant.kind for one in group):
            some = [one for one in group if one.variant.kind == kind]
            lines.append(f"  {kind:24}{sum(one.as_expected for one in some):6} of {len(some):4}")
    return lines


def faults(source: str, callee: str) -> list[Variant]:
    """The reference with one fault each."""
    variants = []
    for kind, change in _FAULTS.items():
        tree = ast.parse(source)
        call = _call(tree, callee)
        if call is not None and (name := change(tree, call, callee)):
            variants.append(Variant(kind, ast.unparse(ast.fix_missing_locations(tree)), name))
    return variants


def rewritings(source: str, callee: str) -> list[Variant]:
    """The reference written another way."""
    variants = []
    for kind, change in _REWRITINGS.items():
        tree = ast.parse(source)
        call = _call(tree, callee)
        if call is not None and (changed := change(tree, call, callee)):
            tree, name = changed
            variants.append(Variant(kind, ast.unparse(ast.fix_missing_locations(tree)), name))
    return variants


def _call(tree, callee):
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == callee]
    return calls[0] if calls else None


def _texts(call):
    """The call's literal strings, first argument first."""
    return [
        node
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _misspell(text):
    """The last letter of the name doubled twice: nothing is called that."""
    at = max(i for i, letter in enumerate(text) if letter.isalpha())
    return f"{text[: at + 1]}{text[at]}{text[at]}{text[at + 1 :]}"


def _repository(tree, call, callee):
    """The repository's or handle's name misspelt."""
    for text in _texts(call):
        if "/" in text.value and any(letter.isalpha() for letter in text.value):
            head, slash, tail = text.value.rpartition("/")
            if callee.endswith("hub.load") and "://" not in text.value:  # ORG/REPO:REF
                repository, colon, ref = text.value.partition(":")
                text.value = f"{_misspell(repository)}{colon}{ref}"
            elif tail.isdigit():  # a handle ends in its version
                text.value = f"{_misspell(head)}{slash}{tail}"
            else:
                text.value = _misspell(text.value)
            return callee
    return None


def _entry_point(tree, call, callee):
    """Another entry point of the repository, or another version of the handle, that is not there."""
    texts = _texts(call)
    if callee == "torch.hub.load" and len(texts) > 1:
        texts[1].value = _misspell(texts[1].value)
        return callee
    if texts and "://" in texts[0].value and texts[0].value.rpartition("/")[2].isdigit():
        texts[0].value = texts[0].value.rpartition("/")[0] + "/97"
        return callee
    return None


def _foreign_class(tree, call, callee):
    """A class that cannot hold the model."""
    if not callee.endswith(".from_pretrained") or callee.count(".") != 1:
        return None
    name = callee.partition(".")[0]
    if not name.startswith("AutoModel") and not any(word in name for word in ("For", "Model")):
        return None
    foreign = _FOREIGN_TO_OTHERS if _NOT_OF_TEXT.search(name) else _FOREIGN_TO_TEXT
    if not _imports(tree, "transformers", name):
        return None
    tree.body.insert(0, ast.parse(f"from transformers import {foreign}").body[0])
    call.func.value.id = foreign
    return f"{foreign}.from_pretrained"


def _keyword(tree, call, callee):
    """The first argument under a name that the function does not have.

    Not of ``pipeline``: it passes on unknown keywords, and some of its tasks take anything (11 of 50 references).
    """
    function = callee.rpartition(".")[2]
    if function in ("load", "KerasLayer", "from_pretrained") and (call.args or call.keywords):
        if call.args:
            call.keywords.insert(0, ast.keyword("nmae_or_path", call.args.pop(0)))
        else:
            call.keywords[0].arg = "nmae_or_path"
    else:
        return None
    return callee


def _missing(tree, call, callee):
    """The argument without which the function cannot work."""
    function = callee.rpartition(".")[2]
    if callee == "torch.hub.load" and len(call.args) + len(call.keywords) > 1:
        if len(call.args) > 1:
            call.args[:] = call.args[:1]
        else:
            call.keywords[:] = [keyword for keyword in call.keywords if keyword.arg != "model"]
    elif function in ("load", "KerasLayer", "from_pretrained", "pipeline") and (call.args or call.keywords):
        call.args.clear()
        call.keywords.clear()
    else:
        return None
    return callee


def _task(tree, call, callee):
    """A task that no pipeline is for."""
    if callee.rpartition(".")[2] != "pipeline":
        return None
    tasks = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "task")]
    if not tasks or not isinstance(tasks[0], ast.Constant):
        return None
    tasks[0].value = _WRONG_TASK
    return callee


def _after_exit(tree, call, callee):
    """The program ends itself before its call."""
    for at, statement in enumerate(tree.body):
        if any(node is call for node in ast.walk(statement)):
            tree.body[at:at] = ast.parse("import sys\nsys.exit(0)").body
            return callee
    return None


_FAULTS = {
    "repository": _repository,
    "entry_point": _entry_point,
    "class": _foreign_class,
    "keyword": _keyword,
    "missing": _missing,
    "task": _task,
    "after_exit": _after_exit,
}


def _imports(tree, module, name):
    return any(
        isinstance(node, ast.ImportFrom) and node.module == module and any(alias.name == name for alias in node.names)
        for node in tree.body
    )


def _alias(tree, call, callee):
    """The name imported under another one."""
    first, dot, rest = callee.partition(".")
    if any(isinstance(node, ast.Name) and node.id == f"{first}_" for node in ast.walk(tree)):
        return None
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == first:
                    alias.asname = f"{first}_"
                    _rename(tree, first)
                    return tree, f"{first}_{dot}{rest}"
    return None


def _rename(tree, name):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = f"{name}_"


_FIRST_NAMES = {"pipeline": "task", "from_pretrained": "pretrained_model_name_or_path", "KerasLayer": "handle"}


def _keyword_for_positional(tree, call, callee):
    """The first argument by its name (the first two, for torch.hub.load)."""
    function = callee.rpartition(".")[2]
    if not call.args or any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if callee == "torch.hub.load" and len(call.args) == 2:
        names = ["repo_or_dir", "model"]
    elif callee in ("hub.load", "tensorflow_hub.load") and len(call.args) == 1:
        names = ["handle"]
    elif function in _FIRST_NAMES and len(call.args) == 1 and _named_so(tree, callee):
        names = [_FIRST_NAMES[function]]
    else:
        return None
    call.keywords[:0] = [ast.keyword(name, value) for name, value in zip(names, call.args, strict=True)]
    call.args.clear()
    return tree, callee


def _named_so(tree, callee):
    """Whether the function is one of those libraries that call their first argument so."""
    first = callee.partition(".")[0]
    return first == "hub" or any(_imports(tree, module, first) for module in ("transformers", "diffusers"))


def _is_movable(tree):
    """Whether the program means the same inside a function."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Global, ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.DictComp)
    if any(isinstance(node, kinds) for node in ast.walk(tree)):
        return False
    return all(alias.name != "*" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names)


def _helper(tree, call, callee):
    """The call moved into a function, which is called at the old place."""
    names = {node.id for argument in ast.walk(call) for node in [argument] if isinstance(node, ast.Name)}
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if names & assigned or not _is_movable(tree):
        return None
    function = ast.parse("def load_it():\n    return None").body[0]
    function.body[0].value = copy.deepcopy(call)
    replaced = ast.parse("load_it()").body[0].value
    call.func, call.args, call.keywords = replaced.func, [], []
    last_import = max((i for i, s in enumerate(tree.body) if isinstance(s, ast.Import | ast.ImportFrom)), default=-1)
    first_use = next(i for i, s in enumerate(tree.body) if any(n is call for n in ast.walk(s)))
    if last_import >= first_use:
        return None
    tree.body.insert(last_import + 1, function)
    return tree, callee


def _main(tree, call, callee):
    """The whole program in ``main()`` behind a guard."""
    if not _is_movable(tree) or not tree.body:
        return None
    guarded = ast.parse("def main():\n    pass\n\nif __name__ == '__main__':\n    main()")
    guarded.body[0].body = tree.body
    return guarded, callee


_REWRITINGS = {"alias": _alias, "keyword": _keyword_for_positional, "helper": _helper, "main": _main}
