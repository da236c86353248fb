"""Whether the tasks, repositories, entry points and handles in a call's arguments exist."""

import re
from dataclasses import dataclass, field

from apigauge.harness.metrics import address_book
from apigauge.harness.metrics.calls import parse_signature
from apigauge.harness.metrics.values import Value
from apigauge.sandboxes import public_names

_HUB_LIBRARIES = frozenset(
    {
        "transformers", "diffusers", "sentence_transformers", "speechbrain", "pyannote", "huggingface_hub", "asteroid",
        "huggingface_sb3", "rl_zoo3", "espnet2", "optimum", "peft", "controlnet_aux", "timm", "ultralytics",
        "ultralyticsplus", "fairseq",
    }
)  # fmt: skip
_REPOSITORY_PARAMETERS = frozenset(
    {"pretrained_model_name_or_path", "repo_id", "model_name_or_path", "model_id", "source", "#0"}
)
_PARTS_OF_PIPELINE = ("model", "tokenizer", "feature_extractor", "image_processor", "config", "processor")
# Functions that take a repository of the Hugging Face hub first.
_LOADERS = frozenset(
    {
        "from_pretrained", "from_hparams", "foreign_class", "SentenceTransformer", "CrossEncoder", "hf_hub_download",
        "load_from_hub", "load_model_ensemble_and_task_from_hf_hub", "snapshot_download", "cached_download",
        "hf_hub_url",
    }
)  # fmt: skip
_TRANSLATION = re.compile(r"translation_\w{2,8}_to_\w{2,8}")
# What torch.hub.load takes for itself.
_OF_LOAD = frozenset({"repo_or_dir", "model", "source", "trust_repo", "force_reload", "verbose", "skip_validation"})
_HANDLES = frozenset({"tensorflow_hub.load", "tensorflow_hub.KerasLayer", "tensorflow_hub.resolve"})

Problem = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a catalogue and its references name.

    Attributes:
        values: every string that they pass.
        tasks: the tasks of pipelines.
        keywords: last part of a function and a keyword that it is given.
        handles: the values as handles of TensorFlow Hub.
        hub_repositories: the values as repositories of the Torch Hub, in small letters.
    """

    values: frozenset[str]
    tasks: frozenset[str]
    keywords: frozenset[tuple[str, str]]
    handles: frozenset[str] = field(init=False)
    hub_repositories: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        repositories = (value.casefold().partition(":")[0] for value in self.values)
        object.__setattr__(self, "handles", frozenset(map(address_book.handle_of, self.values)))
        object.__setattr__(self, "hub_repositories", frozenset(one for one in repositories if one.count("/") == 1))


def hub_problem(
    function: str, bound: dict[str, Value], catalogue: Catalogue, *, is_row: bool, is_open: bool
) -> Problem:
    """The label and a message for the first argument that names what does not exist; None if none does.

    Args:
        function: the call's function, with its package.
        bound: its arguments by parameter.
        catalogue: what the catalogue names.
        is_row: whether the call names a row of the catalogue.
        is_open: whether the call has arguments that could not be followed.
    """
    strings = {name: value.text for name, value in bound.items() if value.kind == "string"}
    if function == "torch.hub.load":
        is_local = bound.get("source", _GITHUB).text != "github"
        return None if is_local else _torch_hub(bound, strings, catalogue, is_row=is_row, is_open=is_open)
    if function in _HANDLES:
        return _handle(strings, catalogue)
    if function == "timm.create_model":
        return _timm(strings.get("model_name", ""), catalogue)
    if function == "transformers.pipeline":
        return _pipeline(bound, strings, catalogue, is_row)
    return _loader(function, bound, strings, catalogue, is_row)


_GITHUB = Value("string", "github")


def _repository(name: str, catalogue: Catalogue) -> Problem:
    if name in catalogue.values or address_book.is_repository(name) is not False:
        return None
    return "unknown_repository", f"the Hugging Face hub has no repository {name} that is listed"


def _loader(
    function: str, bound: dict[str, Value], strings: dict[str, str], catalogue: Catalogue, is_row: bool
) -> Problem:
    head, last = function.partition(".")[0], function.rpartition(".")[2]
    if head not in _HUB_LIBRARIES or last not in _LOADERS:
        return None
    first = next(iter(bound), "")
    name = strings.get(first, "")
    if not name or first not in _REPOSITORY_PARAMETERS | {"model_name"}:
        return None
    if problem := _repository(name, catalogue):
        return problem
    kinds = public_names.kinds_of(function.split(".")[-2]) if last == "from_pretrained" else frozenset()
    is_remote = "trust_remote_code" in bound
    if is_row or is_remote or not kinds:
        return None
    return _kind_problem(name, kinds, function.split(".")[-2])


def _kind_problem(name: str, kinds: frozenset[str], where: str) -> Problem:
    """Whether a model of the address book is of a kind that a class or a task has."""
    row = address_book.huggingface().get(name)
    if row is None or row["library"] != "transformers" or not row.get("type") or row["extra"].get("remote_classes"):
        return None
    if row["type"] in kinds or row["extra"].get("catalogue_only"):
        return None
    return "unknown_model", f"{name} is of the kind {row['type']}, for which there is no {where}"


def _pipeline(bound: dict[str, Value], strings: dict[str, str], catalogue: Catalogue, is_row: bool) -> Problem:
    task = strings.get("task")
    entry = public_names.tasks().get(task or "")
    if task is not None and entry is None and not _TRANSLATION.fullmatch(task) and task not in catalogue.tasks:
        return "unknown_task", f"transformers has no pipeline for the task {task!r}"
    for part in _PARTS_OF_PIPELINE:
        if (name := strings.get(part)) and (problem := _repository(name, catalogue)):
            return problem
    if entry and entry["keywords"] is not None:
        for name in bound:
            is_listed = name in entry["keywords"] or ("pipeline", name) in catalogue.keywords
            if not is_listed and not name.startswith("#"):
                return "unknown_argument", f"a pipeline for {task!r} has no parameter {name}"
    model = strings.get("model")
    if task is None or model is None or is_row or "trust_remote_code" in bound:
        return None
    if entry is None:
        if _TRANSLATION.fullmatch(task):
            entry = public_names.tasks()["translation"]
        else:
            return "unknown_task", f"transformers has no pipeline for {task!r}, and the catalogue none with {model}"
    return _kind_problem(model, entry["kinds"], f"pipeline for {task!r}")


def _torch_hub(
    bound: dict[str, Value], strings: dict[str, str], catalogue: Catalogue, *, is_row: bool, is_open: bool
) -> Problem:
    if "repo_or_dir" not in strings:
        return None
    repository = strings["repo_or_dir"].partition(":")[0]
    entries = address_book.torch_hub().get(repository.casefold())
    if entries is None:
        if repository.casefold() in catalogue.hub_repositories | address_book.torch_hub_unlisted():
            return None
        return "unknown_repository", f"the Torch Hub has no repository {repository} that is listed"
    name = strings.get("model")
    if name is None:
        return None
    if name not in entries:
        return None if is_row else ("unknown_entry_point", f"{repository} has no entry point {name}")
    problem = _entry_keywords(repository, name, entries[name], bound)
    return problem or (None if is_row or is_open else _entry_model(repository, name, entries[name], bound, catalogue))


def _entry_keywords(repository: str, name: str, takes: str, bound: dict[str, Value]) -> Problem:
    """Whether an entry point has the parameters that ``torch.hub.load`` passes on to it."""
    accepted = set(re.findall(r"(\w+)", re.sub(r"=[^,]*", "", takes))) | {"pretrained"}
    is_closed = "**" not in takes
    if not is_closed and repository.casefold() == "pytorch/vision":
        parameters = public_names.look_up(f"torchvision.models.{name}").parameters
        is_closed = bool(parameters) and not any("**" in text for text in parameters)
        accepted |= {word.rstrip("=") for text in parameters for word in text.split()}
    for key in bound:
        if is_closed and key not in _OF_LOAD | accepted and not key.startswith("#"):
            return "unknown_argument", f"{name} of {repository} has no parameter {key}"
    return None


def _entry_model(repository: str, name: str, takes: str, bound: dict[str, Value], catalogue: Catalogue) -> Problem:
    """Whether an entry point that needs the name of a model (MEAL V2's) is given one that there is."""
    signature = parse_signature(f"f({takes.split(', *', maxsplit=1)[0]})")
    if signature is None:
        return None
    needed = [one for one in signature[1].parameters if one not in signature[1].defaults]
    for index, parameter in enumerate(needed):
        value = bound.get(parameter) or bound.get(f"#{index}")
        if value is None:
            return "unknown_model", f"{name} of {repository} needs {parameter}, which says the model"
        if parameter == "model_name" and value.kind == "string" and value.text not in catalogue.values:
            return "unknown_model", f"{name} of {repository} has no model {value.text}"
    return None


def _handle(strings: dict[str, str], catalogue: Catalogue) -> Problem:
    text = strings.get("handle", "")
    if not text or address_book.is_handle(text, catalogue.handles) is not False:
        return None
    return "unknown_handle", f"TensorFlow Hub has no {text} that is listed"


def _timm(name: str, catalogue: Catalogue) -> Problem:
    prefix, _, repository = name.partition(":")
    if prefix in ("hf_hub", "hf-hub"):
        return _repository(repository, catalogue)
    if not name or name in public_names.timm_models() or name in catalogue.values:
        return None
    return "unknown_model", f"timm has no model {name}"
