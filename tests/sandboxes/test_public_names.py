"""The tables of public names: what they say, and that they are of the environments that there are."""

import pytest

from apigauge.sandboxes import environments, public_names
from apigauge.sandboxes.public_names import remake

BY_IMAGE = [pytest.param(name, marks=[pytest.mark.docker(name), pytest.mark.slow]) for name in environments.names()]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("torch.hub.load", "exists"),
        ("torch.hub", "module"),
        ("torch.hub.lode", "missing"),
        ("torch.nn.functional.conv2d", "exists"),
        ("torch.ops.anything.at.all", "exists"),
        ("transformers.AutoModel.from_pretrained", "exists"),
        ("transformers.AutoModel.from_pretrain", "missing"),
        ("transformers.models.bert.modeling_bert.BertModel", "exists"),
        ("transformers.Conversation", "exists"),  # of the benchmark's time
        ("transformers.TFAutoModel.from_pretrained", "exists"),  # its library is not installed
        ("huggingface_sb3.load_from_hub", "exists"),  # a function that hides its module
        ("tensorflow.keras.layers.Dense", "exists"),
        ("keras.layers.Dense", "exists"),
        ("statistics.quantiles", "exists"),
        ("statistics.quintiles", "missing"),
        ("urllib3.PoolManager", "unlisted"),
        ("transformerz.pipeline", "no_package"),
        ("", "no_package"),
    ],
)
def test_whether_a_name_exists(name, state):
    assert public_names.look_up(name).state == state


def test_the_shortest_name_that_is_missing_is_named():
    assert public_names.look_up("torch.hubb.load").missing == "torch.hubb"
    assert public_names.look_up("torch.hub.lode.x").missing == "torch.hub.lode"


@pytest.mark.parametrize(
    ("function", "keyword", "is_accepted"),
    [
        ("tensorflow_hub.load", "tags", True),
        ("tensorflow_hub.load", "signature", False),
        ("tensorflow_hub.KerasLayer", "input_shape", True),  # by the layer's own **kwargs
        ("tensorflow_hub.KerasLayer", "colour", False),
        ("tensorflow.keras.Model", "inputs", True),
        ("torchvision.models.resnet50", "num_classes", True),  # by the model that it makes
        ("torchvision.models.resnet50", "pretrained", True),
        ("torchvision.models.resnet50", "use_turbo", False),
        ("transformers.pipeline", "anything", True),
        ("torch.topk", "anything", True),  # Python does not know its parameters
    ],
)
def test_which_keywords_a_function_takes(function, keyword, is_accepted):
    assert public_names.accepts(public_names.look_up(function).parameters, keyword) is is_accepted


def test_what_a_call_still_needs():
    assert public_names.needed("repo_or_dir model * source= **", 1, ["pretrained"]) == "model"
    assert public_names.needed("repo_or_dir model * source= **", 1, ["model"]) == ""
    assert public_names.needed("task= model= **", 0, []) == ""


def test_tasks_say_what_they_take_and_which_models_they_can_use():
    tasks = public_names.tasks()
    assert {"conversational", "text-generation", "sentiment-analysis"} <= tasks.keys()
    assert "opt" in tasks["text-generation"]["kinds"]
    assert "opt" not in tasks["translation"]["kinds"]
    assert "vision-encoder-decoder" in tasks["document-question-answering"]["kinds"]
    assert "opt" in public_names.kinds_of("AutoModelForCausalLM")


@pytest.mark.parametrize("name", environments.names())
def test_the_table_is_of_the_environment_that_there_is(name):
    """Whoever changes an environment makes its table again: docs/how-to/public-names.md."""
    table = public_names.environments()[name]
    assert table["environment"] == environments.load(name).lock_digest
    assert all((public_names.FOLDER / file).is_file() for file in table["libraries"].values())


def test_the_tables_are_small_and_all_are_used():
    files = set(public_names.FOLDER.glob("*.json.gz"))
    tables = public_names.environments()
    used = {file for table in tables.values() for file in table["libraries"].values()} | {
        f"{n}.json.gz" for n in tables
    }
    assert {path.name for path in files} == used
    assert sum(path.stat().st_size for path in files) < 1_500_000


@pytest.mark.parametrize("name", BY_IMAGE)
def test_the_image_makes_the_same_table_again(name):
    collected = remake.collect(environments.load(name))
    table = public_names.environments()[name]
    for key in ("packages", "tasks", "auto_classes", "repositories", "timm"):
        assert collected[key] == table[key], key
    assert set(collected["libraries"]) == set(table["libraries"])
    tables = public_names.environments()
    for library, file in table["libraries"].items():
        first = next(other for other in sorted(tables) if tables[other]["libraries"].get(library) == file)
        if first == name:
            assert remake.compact(collected["libraries"][library]) == public_names.read(file), library
