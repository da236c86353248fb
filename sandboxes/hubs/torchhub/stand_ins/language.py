"""The models that huggingface/transformers loads: its own classes with the real settings, and weights made here."""

from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.torchhub.stand_ins.weights import generated

# What from_pretrained keeps for itself; everything else goes to the settings, or to the model, which refuses it.
_OWN = frozenset(
    {
        "cache_dir",
        "force_download",
        "local_files_only",
        "low_cpu_mem_usage",
        "proxies",
        "resume_download",
        "revision",
        "token",
        "trust_remote_code",
        "use_auth_token",
        "use_safetensors",
    }
)


def model(auto: Any, name: Any, *arguments: Any, **options: Any) -> Any:
    """A model of a class that the settings choose; one that a program has saved is loaded as ever."""
    from transformers import AutoConfig

    kept = {key: options.pop(key) for key in list(options) if key in _OWN}
    if arguments or options.keys() & {"dtype", "output_loading_info", "torch_dtype"} or Path(str(name)).is_dir():
        return auto.from_pretrained(name, *arguments, **options, **kept)
    config = options.pop("config", None)
    if config is None:
        config, options = AutoConfig.from_pretrained(name, return_unused_kwargs=True, **options)
    with generated(str(name)):
        return auto.from_config(config, **options).eval()
