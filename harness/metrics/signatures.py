"""Parameters of the functions APIBench calls, and which of them choose the API.

A small table, written from the libraries' public documentation; the signatures that a catalogue has take precedence.
"""

from dataclasses import dataclass, field

# Where something runs or how it is fetched does not make it another API.
NOT_IDENTIFYING = frozenset(
    {
        "cache_dir",
        "device",
        "device_map",
        "force_download",
        "force_reload",
        "framework",
        "local_files_only",
        "low_cpu_mem_usage",
        "revision",
        "skip_validation",
        "token",
        "torch_dtype",
        "trust_remote_code",
        "trust_repo",
        "use_auth_token",
        "verbose",
    }
)

# https://huggingface.co/docs/transformers/main_classes/pipelines: task names that mean the same.
TASK_ALIASES = {
    "ner": "token-classification",
    "sentiment-analysis": "text-classification",
    "text-to-speech": "text-to-audio",
    "vqa": "visual-question-answering",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's parameters in order.

    Attributes:
        parameters: positional ones, in order.
        identity: those whose values choose the API.
        defaults: parameter -> source of its default.
        aliases: other names of a parameter -> the name used here.
        required: those of ``identity`` without which Python refuses the call.
        keywords: every name that an argument may have; None if the function takes others too, or if that is not known.
        is_bounded: whether no more arguments go by position than ``parameters`` has.
    """

    parameters: tuple[str, ...]
    identity: tuple[str, ...] = ()
    defaults: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    keywords: frozenset[str] | None = None
    is_bounded: bool = False
    required: tuple[str, ...] = ()


_CHECKPOINT = Signature(
    ("pretrained_model_name_or_path",),
    ("pretrained_model_name_or_path",),
    aliases=dict.fromkeys(
        ("checkpoint_path", "model_tag"),  # pyannote's and ESPnet's names for it
        "pretrained_model_name_or_path",
    ),
)

# By the end of the function's dotted name; the longest key that fits is taken.
SIGNATURES = {
    "torch.hub.load": Signature(
        ("repo_or_dir", "model"),
        ("repo_or_dir", "model", "source"),
        {"pretrained": "False", "source": "github"},
    ),
    "from_pretrained": _CHECKPOINT,
    "pipeline": Signature(
        ("task", "model", "config", "tokenizer", "feature_extractor", "image_processor"), ("task", "model")
    ),
    "tensorflow_hub.load": Signature(("handle", "tags", "options"), ("handle",)),
    "KerasLayer": Signature(("handle", "trainable", "arguments"), ("handle",), {"trainable": "False"}),
    "SentenceTransformer": Signature(("model_name_or_path", "modules"), ("model_name_or_path",)),
    "CrossEncoder": Signature(("model_name", "num_labels", "max_length"), ("model_name",)),
    "timm.create_model": Signature(("model_name", "pretrained"), ("model_name",), {"pretrained": "False"}),
    "hf_hub_download": Signature(("repo_id", "filename"), ("repo_id", "filename"), required=("repo_id", "filename")),
    "load_from_hub": Signature(("repo_id", "filename"), ("repo_id", "filename"), required=("repo_id", "filename")),
    "load_model_ensemble_and_task_from_hf_hub": Signature(("model_id",), ("model_id",)),
    "from_hparams": Signature(("source", "hparams_file", "pymodule_file"), ("source",)),
    "foreign_class": Signature(("source", "hparams_file", "pymodule_file", "classname"), ("source",)),
    "SequenceTagger.load": Signature(("model_path",), ("model_path",)),
    "YOLO": Signature(("model", "task"), ("model",)),
    "joblib.load": Signature(("filename", "mmap_mode"), ("filename",)),
    "spacy.load": Signature(("name",), ("name",)),
}
