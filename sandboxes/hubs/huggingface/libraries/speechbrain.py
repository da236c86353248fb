"""SpeechBrain models: ``hyperparams.yaml`` with small sizes and the parameters of the modules that it makes.

The YAML is the model: it is loaded here as the library loads it, so that files and sizes cannot disagree.
"""

from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided
from apigauge.sandboxes.hubs.huggingface.libraries.speechbrain_recipes import INTERFACE, recipe

LIBRARY = "speechbrain"

_LABELS = "label_encoder.txt"


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the recipe and a file for each module that its pretrainer asks for."""
    import torch
    from hyperpyyaml import load_hyperpyyaml

    text = recipe(entry)
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")
    if "pymodule_file" in entry["extra"]:
        (folder / entry["extra"]["pymodule_file"]).write_text(INTERFACE, encoding="utf-8")
    torch.manual_seed(0)
    pretrainer = load_hyperpyyaml(text)["pretrainer"]
    for name, module in sorted(pretrainer.loadables.items()):
        if name == "label_encoder":
            module.update_from_iterable(labels(entry))
            module.save(folder / _LABELS)
        elif name == "mean_var_norm_emb":
            module.eval()
            # What the class writes of itself, with the mean that the recipe's width asks for.
            module.glob_mean = torch.zeros(_EMBEDDING)
            module.glob_std = torch.ones(_EMBEDDING)
            module.count = 1
            module._save(folder / f"{name}.ckpt")  # noqa: SLF001 - as the library's own checkpoints do
        else:
            state = module.state_dict()
            big = sum(value.numel() for value in state.values()) > _BIG
            torch.save(strided.overlapping(state) if big else state, folder / f"{name}.ckpt")


_BIG = 100_000
_EMBEDDING = 16


def labels(entry: dict[str, Any]) -> list[str]:
    """The classes of a classifier in their order."""
    extra = entry["extra"]
    if "class_names" in extra:
        return list(extra["class_names"])
    if extra.get("label_set") == "voxlingua107":
        return [language.replace(":", ": ") for language in _LANGUAGES.split("|")]
    return [f"id{10001 + number}" for number in range(extra.get("num_classes", 40))]


# The languages of VoxLingua107.
_LANGUAGES = (
    "ab:Abkhazian|af:Afrikaans|am:Amharic|ar:Arabic|as:Assamese|az:Azerbaijani|ba:Bashkir|be:Belarusian|"
    "bg:Bulgarian|bn:Bengali|bo:Tibetan|br:Breton|bs:Bosnian|ca:Catalan|ceb:Cebuano|cs:Czech|cy:Welsh|da:Danish|"
    "de:German|el:Greek|en:English|eo:Esperanto|es:Spanish|et:Estonian|eu:Basque|fa:Persian|fi:Finnish|fo:Faroese|"
    "fr:French|gl:Galician|gn:Guarani|gu:Gujarati|gv:Manx|ha:Hausa|haw:Hawaiian|hi:Hindi|hr:Croatian|ht:Haitian|"
    "hu:Hungarian|hy:Armenian|ia:Interlingua|id:Indonesian|is:Icelandic|it:Italian|iw:Hebrew|ja:Japanese|"
    "jw:Javanese|ka:Georgian|kk:Kazakh|km:Central Khmer|kn:Kannada|ko:Korean|la:Latin|lb:Luxembourgish|ln:Lingala|"
    "lo:Lao|lt:Lithuanian|lv:Latvian|mg:Malagasy|mi:Maori|mk:Macedonian|ml:Malayalam|mn:Mongolian|mr:Marathi|"
    "ms:Malay|mt:Maltese|my:Burmese|ne:Nepali|nl:Dutch|nn:Norwegian Nynorsk|no:Norwegian|oc:Occitan|pa:Panjabi|"
    "pl:Polish|ps:Pushto|pt:Portuguese|ro:Romanian|ru:Russian|sa:Sanskrit|sco:Scots|sd:Sindhi|si:Sinhala|"
    "sk:Slovak|sl:Slovenian|sn:Shona|so:Somali|sq:Albanian|sr:Serbian|su:Sundanese|sv:Swedish|sw:Swahili|ta:Tamil|"
    "te:Telugu|tg:Tajik|th:Thai|tk:Turkmen|tl:Tagalog|tr:Turkish|tt:Tatar|uk:Ukrainian|ur:Urdu|uz:Uzbek|"
    "vi:Vietnamese|war:Waray|yi:Yiddish|yo:Yoruba|zh:Chinese"
)
