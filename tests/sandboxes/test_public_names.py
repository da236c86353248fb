"""The tables of public names: what they say, and that they are of the environments that there are."""

import json
import lzma

import pytest

from apigauge.sandboxes import environments, public_names
from apigauge.sandboxes.public_names import packed, remake

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
        ("torch.nn.Linear.forward", "exists"),
        ("torch.nn.Linear.register_buffer", "exists"),  # of its base
        ("torch.nn.Linear.backwards", "missing"),
        ("transformers.pipelines.base.Any", "exists"),  # imported by a module
        ("pandas.core.frame.DataFrame", "exists"),  # below a module that is not listed
        ("pandas.read_csvs", "missing"),
        ("IPython.display.Audio", "exists"),  # imported from a module that is not listed
        ("IPython.display.Sound", "missing"),
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
    assert set(table["libraries"].values()) <= packed.lines().all().keys()


def test_the_tables_are_small_and_all_are_used():
    tables = public_names.environments()
    used = {name for table in tables.values() for name in table["libraries"].values()}
    assert packed.lines().all().keys() == used | set(environments.names())
    assert packed.FILE.stat().st_size < 650_000


def test_what_is_stored_is_read_again(tmp_path):
    """Entries and classes whose numbers follow are left out of a line; those that do not follow are not."""
    table = {
        "version": "1.0",
        "modules": {
            "a": {"b": 1, "c": 3, "d": 0, "*": 0},
            "a.b": {"c": 2, "b": 1, "f": 4, "g": 9},
            "a.c": {"c": 2, "d": 5, "g": 6, "h": 0, "i": 7, "j": 8},
            "a.d": "a.c",
            "a.e": "*",
            "a.f": {},
        },
        "entries": [None, ["x y= *"], ["x", 1], ["", 0], ["?", -1], [""], ["", 3], ["", 2], ["", 5], ["", 4]],
        "classes": [
            [[], "m", {"n": "self"}],
            [[0], "", {}],
            [[0, 1], "p q", {"k": "* o="}],
            [[], "", {}, 1],
            [[3], "", {"r": "?"}],
            [[10], "", {}],
        ],
    }
    tables = {"one": {"packages": ["a"], "libraries": {"a": "a-listed-1.0"}}, "a-listed-1.0": table}
    packed.write(tmp_path / "tables", tables)
    lines = packed.Lines(tmp_path / "tables")
    assert lines.first() == ["one"]
    assert {name: packed.unpack(line) for name, line in lines.all().items()} == tables
    assert packed.unpack(packed.Lines(tmp_path / "tables")["a-listed-1.0"]) == table
    with pytest.raises(KeyError):
        lines["b-listed-1.0"]


@pytest.mark.parametrize("name", ["a b", "a+", "=", "a=1"])
def test_a_name_that_a_line_cannot_say_is_refused(name):
    table = {"version": "1.0", "modules": {"a": {name: 1}}, "entries": [None, [""]], "classes": []}
    with pytest.raises(ValueError, match="the table a-listed"):
        packed.pack("a-listed-1.0", table)


def test_the_digest_is_of_the_content_and_not_of_its_compression(tmp_path, monkeypatch):
    before = public_names.digest()
    text = lzma.decompress(packed.FILE.read_bytes())
    environment, *rest = text.splitlines(keepends=True)

    def digest_of(content):
        (tmp_path / "tables").write_bytes(lzma.compress(content, preset=0))
        monkeypatch.setattr(packed, "lines", lambda: packed.Lines(tmp_path / "tables"))
        return public_names.digest.__wrapped__()

    assert digest_of(text) == before
    changed = json.loads(environment) | {"packages": []}
    assert digest_of(b"".join([json.dumps(changed).encode() + b"\n", *rest])) != before


def test_what_a_table_does_not_repeat_can_be_looked_up():
    """A method of a base, and a name that a module imports, are listed once."""
    table = {
        "version": "1.0",
        "modules": {
            "a": {"B": 1, "C": 2},
            "a.m": {"B": 1, "C": 0, "D": 0, "f": 3},
            "a.n": {"D": 0, "E": 0, "f": 0},
            "a.o": {"*": 0, "E": 0},
        },
        "entries": [None, ["x", 0], ["x y=", 1], ["z"]],
        "classes": [[[], {"m": 0, "n": "self"}], [[0], {"m": 0, "n": "self", "o": "", "p": 0}]],
    }
    small = remake.compact(table)
    assert small["modules"]["a.m"] == {"B": 1, "D": 0, "f": 3}
    assert small["modules"]["a.n"] == {"E": 0}
    assert small["modules"]["a.o"] == {"*": 0}
    assert small["classes"] == [[[], "m", {"n": "self"}], [[0], "o p", {}]]
    for name in ("a.m.C", "a.n.B", "a.n.D", "a.n.f", "a.o.E", "a.o.f.g", "a.B.n", "a.C.m", "a.C.n", "a.C.o", "a.n.E.q"):
        assert public_names.find(small, name).state == "exists", name
    for name in ("a.D", "a.E", "a.f", "a.B.o", "a.C.q", "a.n.G"):
        assert public_names.find(small, name).state == "missing", name
    assert public_names.find(small, "a.C.n").parameters == ("self",)


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
            assert remake.compact(collected["libraries"][library]) == packed.read(file), library
