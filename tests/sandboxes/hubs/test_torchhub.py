"""The stand-in of the Torch Hub, as torch.hub meets it without a network."""

import ast
import functools
import importlib.util
import json
import os
import socket
import sys
import types
import warnings
from urllib.error import URLError

import pytest
import torch

from apigauge.sandboxes import environments
from apigauge.sandboxes.digests import tree_digest
from apigauge.sandboxes.hubs.torchhub import build as builder
from apigauge.sandboxes.hubs.torchhub import language_models

OLD = "pytorch/vision:v0.10.0"
# One with torchvision's classes and without torchvision.
RESNET = "XingangPan/IBN-Net"
NVIDIA = "NVIDIA/DeepLearningExamples:torchhub"
# What the hub's environment has and the project's own need not have.
ENVIRONMENT_ONLY = {"timm", "torchaudio", "torchvision"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("torchhub") / "hub"
    builder.build(out)
    return out


@pytest.fixture
def load(built, monkeypatch):
    """``torch.hub.load`` on a machine that has the hub and no network."""

    def refuse(*args, **kwargs):
        raise URLError(socket.gaierror(-3, "Temporary failure in name resolution"))

    monkeypatch.setenv("TORCH_HOME", str(built))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    monkeypatch.setattr("builtins.input", lambda *_: (_ for _ in ()).throw(EOFError("EOF when reading a line")))
    # As where the hub is mounted read-only: no __pycache__ next to imported modules.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield functools.partial(torch.hub.load, verbose=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "stand_ins"]:
        del sys.modules[name]


def test_building_twice_gives_the_same_bytes(built, tmp_path):
    builder.build(tmp_path / "again")
    assert tree_digest(tmp_path / "again") == tree_digest(built)


def test_the_hub_lists_every_entry_point_once_with_its_source(built):
    entries = json.loads((built / "hub.json").read_text())["entries"]
    ids = [entry["id"] for entry in entries]
    assert ids == sorted(set(ids))
    assert len(ids) > 250
    assert {entry["source"] for entry in entries} == {"hub", "catalogue", "name"}
    catalogue_only = {entry["id"] for entry in entries if entry["source"] == "catalogue"}
    assert "mit-han-lab/ProxylessNAS proxylessnas_cpu" in catalogue_only
    assert "mit-han-lab/ProxylessNAS proxyless_cpu" not in catalogue_only


def test_every_entry_of_the_specification_loads_where_its_dependencies_are(built, load):
    calls = {entry["id"]: entry["call"] for entry in json.loads((built / "hub.json").read_text())["entries"]}
    missing = {}
    for repository in builder.specification():
        if "imports" in repository:  # another test covers transformers' own models
            continue
        for entry in repository["entries"]:
            call = calls[f"{repository['repository']} {entry['names'][0]}"]
            try:
                load(*map(ast.literal_eval, ast.parse(call, mode="eval").body.args))
            except (RuntimeError, ModuleNotFoundError) as error:
                missing[call] = str(error)
    elsewhere = {name for name in ENVIRONMENT_ONLY if importlib.util.find_spec(name) is None}
    assert {call: why for call, why in missing.items() if not any(name in why for name in elsewhere)} == {}


@pytest.mark.apibench
def test_the_catalogue_loads_through_its_own_calls(data_dir, load):
    """But for seven calls that are not Python and two that name no entry point; and what needs other libraries."""
    names = {"torch": types.SimpleNamespace(hub=types.SimpleNamespace(load=load))}
    names |= {"use_gpu": False, "model_type": "GPUNet-0", "precision": "fp32"}
    failed = {}
    for line in (data_dir / "api" / "torchhub_api.jsonl").read_text().splitlines():
        call = json.loads(line)["api_call"].replace(", force_reload=True", "")
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated")
                eval(call, dict(names))
        except Exception as error:  # noqa: BLE001 - counted below
            failed[call] = error
    elsewhere = ("Missing dependencies", "No module named")
    kinds = [type(error).__name__ for error in failed.values() if not str(error).startswith(elsewhere)]
    assert sorted(kinds) == ["SyntaxError"] * 7 + ["TypeError"] * 2


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        (("pytorch/visoin", "resnet18"), {}, RuntimeError, "repo could not be found in the cache"),
        (("nobody/nothing:v1", "resnet18"), {}, EOFError, "EOF when reading a line"),
        (("pytorch/vision:v9.9", "resnet18"), {}, URLError, "name resolution"),
        ((OLD, "resnet19"), {}, RuntimeError, "Cannot find callable resnet19 in hubconf"),
        ((OLD, "efficientnet_b0"), {}, RuntimeError, "Cannot find callable efficientnet_b0 in hubconf"),
        (("NVIDIA/DeepLearningExamples", "nvidia_resnet50"), {}, RuntimeError, "Cannot find callable"),
        ((RESNET, "resnet50_ibn_a"), {"pretraned": True}, TypeError, "unexpected keyword argument 'pretraned'"),
        (
            (RESNET, "resnet50_ibn_a"),
            {"pretrained": True, "num_classes": 10},
            RuntimeError,
            "size mismatch for fc.weight",
        ),
        (("mateuszbuda/brain-segmentation-pytorch", "unet", True), {"in_channels": 1}, RuntimeError, "size mismatch"),
        ((NVIDIA, "nvidia_resnet50"), {"classes": 3}, TypeError, "unexpected keyword argument 'classes'"),
        ((NVIDIA, "nvidia_gpunet"), {"model_type": "GPUNet-9"}, AssertionError, "model_type GPUNet-9 not found"),
        (("snakers4/silero-models", "silero_stt"), {"language": "xx"}, AssertionError, "^$"),
        (("snakers4/silero-models", "silero_tts"), {"language": "de"}, AssertionError, "please specify 'ru'"),
        (("facebookresearch/pytorch_GAN_zoo:hub", "PGAN", True), {"model_name": "x"}, ValueError, "celebAHQ-512"),
        (("sigsep/open-unmix-pytorch", "umxhq"), {"targets": ["piano"]}, KeyError, "piano"),
        (("ultralytics/yolov5", "custom", "nothing.pt"), {}, Exception, "Cache may be out of date"),
        (("facebookresearch/pytorchvideo", "slow_r50"), {"depth": 3}, TypeError, "create_resnet"),
        (("nicolalandro/ntsnet-cub200", "ntsnet"), {"top": 3}, TypeError, "unexpected keyword argument 'top'"),
        (("pytorch/vision",), {}, TypeError, "missing 1 required positional argument: 'model'"),
    ],
)
def test_a_wrong_call_fails_as_on_the_real_hub(load, arguments, options, error, text):
    with pytest.raises(error, match=text):
        load(*arguments, **options)


def test_a_required_argument_of_an_entry_point_is_required(load, monkeypatch):
    monkeypatch.setattr(torch.hub, "_check_dependencies", lambda _: None)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'model_name'"):
        load("szq0214/MEAL-V2", "meal_v2")
    with pytest.raises(KeyError, match="mealv3"):
        load("szq0214/MEAL-V2", "meal_v2", "mealv3")
    assert load("szq0214/MEAL-V2", "meal_v2", "mealv2_resnest50")(torch.rand(1, 3, 64, 64)).shape == (1, 1000)


def test_a_name_that_github_redirects_is_the_same_repository(load, built):
    assert load("isl-org/MiDaS", "transforms").dpt_transform is not None
    assert str((built / "hub" / "facebookresearch_fairseq_main").readlink()) == "pytorch_fairseq_main"


@pytest.mark.parametrize(
    ("repository", "name", "options", "count"),
    [
        (RESNET, "resnet50_ibn_a", {}, 25_557_032),
        (RESNET, "resnet18_ibn_a", {}, 11_689_512),
        ("zhanghang1989/ResNeSt", "resnest50", {}, 27_483_240),
        ("mateuszbuda/brain-segmentation-pytorch", "unet", {}, 7_763_041),
        ("ultralytics/yolov5", "yolov5s", {"_verbose": False}, 7_225_885),
        ("ultralytics/yolov5", "yolov5n", {"_verbose": False}, 1_867_405),
    ],
)
def test_models_have_as_many_parameters_as_the_real_ones(load, repository, name, options, count):
    assert sum(one.numel() for one in load(repository, name, **options).parameters()) == count


@pytest.mark.parametrize(
    ("repository", "name", "options", "inputs"),
    [
        ("mateuszbuda/brain-segmentation-pytorch", "unet", {}, torch.zeros(1, 3, 250, 250)),
        ("intel-isl/MiDaS", "MiDaS_small", {}, torch.zeros(1, 3, 250, 250)),
        ("hustvl/yolop", "yolop", {}, torch.zeros(1, 3, 100, 100)),
        ("ultralytics/yolov5", "yolov5n", {"_verbose": False}, torch.zeros(1, 3, 100, 100)),
        ("sigsep/open-unmix-pytorch", "umxhq", {}, torch.zeros(1, 1, 44100)),
        ("sigsep/open-unmix-pytorch", "umxhq", {}, torch.zeros(2, 44100)),
        ("facebookresearch/pytorchvideo", "slow_r50", {}, torch.zeros(1, 3, 4, 256, 256)),
        ("facebookresearch/pytorchvideo", "x3d_s", {}, torch.zeros(1, 3, 13, 96, 96)),
        ("facebookresearch/pytorchvideo", "mvit_base_16x4", {}, torch.zeros(1, 3, 16, 256, 256)),
    ],
)
def test_inputs_that_the_real_model_refuses_are_refused(load, repository, name, options, inputs):
    with pytest.raises(RuntimeError):
        load(repository, name, **options)(inputs)


def test_one_target_alone_cannot_be_filtered(load):
    with pytest.raises(Exception, match="only one target"):
        load("sigsep/open-unmix-pytorch", "umxhq", targets=["vocals"])(torch.zeros(1, 2, 8192))


def test_a_model_can_be_trained(load):
    model = load(RESNET, "resnet18_ibn_a")
    before = model.layer4[0].conv1.weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(torch.rand(2, 3, 64, 64)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(before, model.layer4[0].conv1.weight)


def test_weights_are_always_the_same_and_the_programs_random_numbers_its_own(load):
    torch.manual_seed(3)
    expected = torch.rand(5)
    torch.manual_seed(3)
    first, second = (load(RESNET, "resnet18_ibn_a") for _ in range(2))
    assert torch.equal(torch.rand(5), expected)
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.conv1.weight, load(RESNET, "resnet18_ibn_b").conv1.weight)
    # What is made afterwards is random again.
    assert not torch.equal(torch.nn.Linear(4, 4).weight, torch.nn.Linear(4, 4).weight)


def test_outputs_have_the_shapes_of_their_kind(load):
    image = torch.rand(1, 3, 96, 128)
    assert load("mateuszbuda/brain-segmentation-pytorch", "unet", out_channels=2)(image).shape == (1, 2, 96, 128)
    assert load("intel-isl/MiDaS", "MiDaS_small")(image).shape == (1, 96, 128)
    boxes, area, lanes = load("hustvl/yolop", "yolop").eval()(image)
    assert boxes[0].shape == (1, 3 * (12 * 16 + 6 * 8 + 3 * 4), 6)
    assert area.shape == lanes.shape == (1, 2, 96, 128)
    places, scores = load(NVIDIA, "nvidia_ssd")(torch.rand(2, 3, 300, 300))
    assert (places.shape, scores.shape) == ((2, 4, 8732), (2, 81, 8732))
    clip = torch.rand(1, 3, 8, 224, 224)
    assert load("facebookresearch/pytorchvideo", "slow_r50")(clip).shape == (1, 400)
    assert load("facebookresearch/pytorchvideo", "slowfast_r50")([clip, clip.repeat(1, 1, 4, 1, 1)]).shape == (1, 400)
    separator = load("sigsep/open-unmix-pytorch", "umxhq")
    assert separator(torch.rand(1, 2, 8000)).shape == (1, 4, 2, 8000)
    gan = load("facebookresearch/pytorch_GAN_zoo:hub", "PGAN", model_name="celebAHQ-512", pretrained=True, useGPU=False)
    assert gan.test(gan.buildNoiseData(2)[0]).shape == (2, 3, 512, 512)


def test_speech_models_come_with_their_helpers(load):
    model, decoder, (_, split, _, prepare) = load("snakers4/silero-models", "silero_stt", language="en")
    assert split(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]
    output = model(prepare([torch.rand(100), torch.rand(200)]))
    assert output.shape[0] == 2
    assert isinstance(decoder(output[0]), str)
    model, symbols, rate, text, apply_tts = load(
        "snakers4/silero-models", "silero_tts", language="en", speaker="lj_16khz"
    )
    assert rate == 16000
    assert apply_tts([text], model, rate, symbols, "cpu")[0].ndim == 1
    assert len(load("snakers4/silero-models", "silero_tts", language="en", speaker="v3_en")) == 2
    tacotron, waveglow = (load(NVIDIA, f"nvidia_{name}", model_math="fp16") for name in ("tacotron2", "waveglow"))
    letters, lengths = load(NVIDIA, "nvidia_tts_utils").prepare_input_sequence(["Hello.", "Hi"], cpu_run=True)
    mel, frames, _ = tacotron.infer(letters, lengths)
    assert (mel.shape, frames.tolist()) == ((2, 80, 30), [30, 10])
    assert waveglow.infer(mel).shape == (2, 30 * 256)


def test_fairseq_translates_and_roberta_predicts(load):
    model = load("pytorch/fairseq", "transformer.wmt14.en-fr", tokenizer="moses", bpe="subword_nmt")
    assert model.translate("Hello world !", beam=5) == "Hello world !"
    assert len(model.generate(model.encode("a b"), beam=3)) == 3
    roberta = load("pytorch/fairseq", "roberta.large.mnli")
    tokens = roberta.encode("It rains.", "It is dry.")
    assert roberta.predict("mnli", tokens).exp().sum().item() == pytest.approx(1)
    assert roberta.extract_features(tokens).shape == (1, len(tokens), 1024)
    with pytest.raises(AssertionError, match="<mask>"):
        roberta.fill_mask("no mask here")


def test_loading_writes_nothing_into_the_hub(load, built):
    before = tree_digest(built)
    load(RESNET, "resnet50_ibn_a")
    load("snakers4/silero-models", "silero_te")
    assert tree_digest(built) == before


def test_list_and_help_know_the_entry_points(load):
    names = torch.hub.list(OLD, verbose=False)
    assert {"resnet18", "vgg19_bn", "lraspp_mobilenet_v3_large"} <= set(names)
    assert not {"regnet_y_8gf", "vit_b_16", "get_weight", "resnet200"} & set(names)
    assert "resnet18 of pytorch/vision" in torch.hub.help(OLD, "resnet18")


def test_reloading_by_force_takes_the_hub_that_is_there(load, monkeypatch):
    """The hub is mounted read-only; a writable folder is reloaded as ever, from the network."""
    path = environments.load("torchhub").folder / "overlay" / "torchhub_offline.py"
    monkeypatch.setattr(torch.hub, "_get_cache_or_reload", torch.hub._get_cache_or_reload)
    spec = importlib.util.spec_from_file_location("torchhub_offline", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    with pytest.raises(URLError):
        load(RESNET, "resnet50_ibn_a", force_reload=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert load(RESNET, "resnet50_ibn_a", force_reload=True).fc.in_features == 2048
    with pytest.raises(RuntimeError, match="could not be found in the cache"):
        load("pytorch/visoin", "resnet50", force_reload=True)


@pytest.mark.slow
def test_language_models_lie_where_transformers_looks(tmp_path):
    from transformers import AutoModel, AutoTokenizer

    language_models.build(tmp_path / "one")
    language_models.build(tmp_path / "two")
    assert tree_digest(tmp_path / "one") == tree_digest(tmp_path / "two")
    options = {"cache_dir": tmp_path / "one", "local_files_only": True}
    tokens = AutoTokenizer.from_pretrained("bert-base-cased", **options)("Who was Jim Henson ?", return_tensors="pt")
    assert tokens["input_ids"][0, [0, -1]].tolist() == [101, 102]
    hidden = AutoModel.from_pretrained("bert-base-cased", **options)(**tokens).last_hidden_state
    assert hidden.shape == (1, tokens["input_ids"].shape[1], 768)
    with pytest.raises(OSError, match="couldn't find them in the cached files"):
        AutoTokenizer.from_pretrained("bert-base-case", **options)
