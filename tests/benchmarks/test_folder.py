"""A benchmark that is a folder: what it becomes, what is refused, and where a run finds it again."""

import io
import json
import tarfile
import zipfile

import pytest
from compared_runs import edit_manifest

from apigauge import load_benchmark, score_answer
from apigauge.__main__ import main
from apigauge.benchmarks import files, folder, mini, reopen
from apigauge.errors import DataError, UsageError
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes.verdict import ObservedCall, Verdict

pytest_plugins = ["pytester"]
SETTINGS = 'name = "geometry"\nversion = "2-B"\nlicence = "MIT"\n'
CATALOGUE = [
    {"api_call": "math.hypot(x, y)", "domain": "distances", "extra": {"kept": True}},
    {"api_call": "math.degrees(angle)", "domain": "angles", "signature": "math.degrees(x, /)"},
]
ITEMS = [
    {"id": "g1", "instruction": "How far is it?", "api_call": "math.hypot( x, y )", "program": "import math"},
    {"id": "g2", "instruction": "In degrees?", "api_call": "math.degrees(angle)", "domain": "angles"},
    {"id": "g3", "instruction": "In degrees!", "api_call": "math.degrees(angle)", "split": "train"},
]


def rows(values):
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.fixture
def geometry(tmp_path, monkeypatch):
    """The folder; the test runs in its parent."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "geometry"
    path.mkdir()
    for name, text in (
        ("benchmark.toml", SETTINGS),
        ("catalogue.jsonl", rows(CATALOGUE)),
        ("items.jsonl", rows(ITEMS)),
    ):
        (path / name).write_text(text, encoding="utf-8")
    return path


def test_the_files_become_a_benchmark(geometry):
    benchmark = load_benchmark("geometry")
    assert (benchmark.name, benchmark.version, benchmark.licence, benchmark.path) == (
        "geometry",
        "2-B",
        "MIT",
        "geometry",
    )
    assert [item.id for item in benchmark.items] == ["g1", "g2"]
    assert [item.id for item in benchmark.train] == ["g3"]
    assert benchmark.items[0].api == "math.hypot(x,y)"
    assert json.loads(benchmark.items[0].document) == CATALOGUE[0]
    assert benchmark.prompt(benchmark.items[0]) == "###Instruction: How far is it?\n###Output:"
    (geometry / "benchmark.toml").write_text(SETTINGS + 'prompt = "Q: {instruction} {x}"\n', encoding="utf-8")
    assert load_benchmark("./geometry").prompt(benchmark.items[0]) == "Q: How far is it? {x}"


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("import parcels\nparcels.cost(3)", "unknown_function"),
        ("import parcles\nparcles.price(3)", "unknown_package"),
        ("import parcels\nparcels.price(3)", None),
    ],
)
def test_a_package_that_only_the_catalogue_has_exists(answer, label, geometry):
    (geometry / "catalogue.jsonl").write_text(rows([{"api_call": "parcels.price(weight)"}]), encoding="utf-8")
    item = {"id": "p1", "instruction": "What does it cost?", "api_call": "parcels.price(weight)"}
    (geometry / "items.jsonl").write_text(rows([item]), encoding="utf-8")
    score = score_answer(answer, "p1", benchmark="geometry")
    assert (score.labels.get("hallucination"), score.metrics["hallucination"]) == (label, float(label is not None))


def test_items_say_what_their_programs_do(geometry):
    fields = {
        "tests": "assert x",
        "output": "5",
        "tolerance": 0.1,
        "provenance": {"by": "hand"},
        "environment": "python",
    }
    (geometry / "environment").mkdir()
    (geometry / "environment" / "environment.json").write_text("{}", encoding="utf-8")
    more = [{**ITEMS[0], **fields}, {**ITEMS[1], "output": ["5", "5.0"], "environment": "environment"}]
    (geometry / "items.jsonl").write_text(rows(more), encoding="utf-8")
    (geometry / "benchmark.toml").write_text(SETTINGS + 'environment = "environment"\n', encoding="utf-8")
    benchmark = load_benchmark("geometry")
    first, second = benchmark.items
    assert (first.tests, first.output, first.tolerance, first.environment) == ("assert x", ("5",), 0.1, "python")
    assert first.provenance == {"by": "hand"}
    assert (second.tests, second.output, second.tolerance) == ("", ("5", "5.0"), 1e-6)
    assert second.environment == benchmark.environment == "geometry/environment"


def test_mini_is_such_a_folder_and_its_digest_is_what_it_was():
    benchmark = load_benchmark("mini")
    assert folder.is_folder(mini.FOLDER)
    assert (len(benchmark.items), len(benchmark.train), benchmark.path) == (56, 224, "")
    assert benchmark.digest == files.named_files_digest([mini.FOLDER / "catalogue.jsonl", mini.FOLDER / "items.jsonl"])


def test_names_that_need_no_import_are_part_of_the_digest(geometry):
    before = load_benchmark("geometry").digest
    (geometry / "benchmark.toml").write_text(SETTINGS + 'conventions = { m = "math" }\n', encoding="utf-8")
    assert load_benchmark("geometry").conventions == {"m": "math"}
    assert load_benchmark("geometry").digest != before


SETTINGS_FAULTS = {
    "": "benchmark.toml: name is missing or empty; add it",
    'name = "geometry"': "benchmark.toml: version is missing or empty; add it",
    SETTINGS + "name": "benchmark.toml: cannot be read as TOML",
    SETTINGS.replace("2-B", "2"): "benchmark.toml: version is '2'; write it like '1-A'",
    SETTINGS.replace("geometry", "a/b"): "benchmark.toml: name is 'a/b'; write it like 'my-library'",
    SETTINGS.replace("geometry", "mini"): "comes with apigauge is called 'mini'; give yours another name",
    SETTINGS + "inputs = 3": "benchmark.toml: inputs is '3', and no text; write it in quotes",
    SETTINGS + 'inputs = "some"': "benchmark.toml: inputs is 'some'; write 'none' or 'fixtures'",
    SETTINGS + 'licens = "MIT"': "benchmark.toml: there is no field 'licens'; did you mean 'licence'?",
    SETTINGS + 'prompt = "Go"': "benchmark.toml: the prompt has no {instruction} in it",
    SETTINGS + 'gorilla_dialect = "x"': "benchmark.toml: gorilla_dialect is 'x', no upstream scorer; leave it out",
    SETTINGS + 'environment = "./here"': "benchmark.toml: environment is './here', and no folder of the benchmark",
    SETTINGS + "conventions = { np = 3 }": "benchmark.toml: conventions is a table of names and packages",
}
FIRST, SECOND = rows(ITEMS[:1]), rows(ITEMS[1:2])
ITEMS_FAULTS = {
    "": "items.jsonl: it has no line; write one JSON object on each",
    FIRST + "\n\n[1]\n": "items.jsonl, line 4: a JSON object was expected; correct it.",
    FIRST + "{": "items.jsonl, line 2: not JSON",
    FIRST + SECOND.replace("g2", "g1"): "items.jsonl, line 2: id 'g1' stands on line 1 too; give each item its own",
    FIRST
    + SECOND.replace("degrees", "radians"): "items.jsonl, line 2: the reference 'math.radians(angle)' is in no row",
    SECOND.replace("angles", "").replace(
        '"g2"', "2"
    ): "items.jsonl, line 1: id is '2', and no text; write it in quotes",
    SECOND.replace("In degrees?", ""): "items.jsonl, line 1: instruction is missing or empty; add it",
    SECOND.replace('"domain"', '"domein"'): "items.jsonl, line 1: there is no field 'domein'; did you mean 'domain'?",
    SECOND.replace(
        '"domain": "angles"', '"split": "dev"'
    ): "items.jsonl, line 1: split is 'dev'; write 'test' or 'train'",
    SECOND.replace('"domain"', '"accepted"'): "items.jsonl, line 1: accepted is 'angles', and no list of calls",
    rows([ITEMS[1] | {"accepted": ["f(x)"]}]): "items.jsonl, line 1: the function of 'f(x)', in accepted, is in no row",
    rows([ITEMS[1] | {"tests": 3}]): "items.jsonl, line 1: tests is '3', and no text; write it in quotes",
    rows([ITEMS[1] | {"tests": " "}]): "items.jsonl, line 1: tests is empty, and would pass every answer",
    rows(
        [ITEMS[0], ITEMS[1] | {"tests": "x = 1\nassert ("}]
    ): "items.jsonl, line 2: tests is no Python program ('(' was never closed, line 2 of it); correct it",
    rows([ITEMS[1] | {"tests": "x" * 200_001}]): "items.jsonl, line 1: tests has 200,001 characters, more than 200,000",
    rows([ITEMS[1] | {"output": 5}]): "items.jsonl, line 1: output is '5', and no text or list of texts; write what is",
    rows([ITEMS[1] | {"output": []}]): "items.jsonl, line 1: output is '[]', and no text or list of texts",
    rows(
        [ITEMS[1] | {"output": "x" * 100_001}]
    ): "items.jsonl, line 1: output has 100,001 characters, more than 100,000",
    rows(
        [ITEMS[1] | {"output": "5", "tolerance": True}]
    ): "items.jsonl, line 1: tolerance is 'True', and no number from 0",
    rows([ITEMS[1] | {"output": "5", "tolerance": -1}]): "items.jsonl, line 1: tolerance is '-1', and no number from 0",
    rows([ITEMS[1] | {"tolerance": 0.1}]): "items.jsonl, line 1: tolerance is for numbers in output, and there is none",
    rows([ITEMS[1] | {"provenance": "me"}]): "items.jsonl, line 1: provenance is 'me', and no object; write it in {}",
    rows([ITEMS[1] | {"environment": "env/"}]): "items.jsonl, line 1: environment is 'env/', and no folder of the",
    rows(
        [ITEMS[1] | {"environment": "../geometry"}]
    ): "items.jsonl, line 1: environment is '../geometry', and no folder",
    rows(ITEMS[2:]): "items.jsonl: it has items to train on and none to ask",
}
CATALOGUE_FAULTS = {
    rows([*CATALOGUE, {"api_call": "math.hypot(x,y)"}]): "line 3: 'math.hypot(x,y)' stands on line 1 too; keep one",
    rows([*CATALOGUE, {"domain": "x"}]): "catalogue.jsonl, line 3: api_call is missing or empty; add it",
    rows([{"api_call": "f()", "domain": None}]): "catalogue.jsonl, line 1: domain is 'None', and no text",
}
FAULTS = [
    (name, text, message)
    for name, faults in (
        ("benchmark.toml", SETTINGS_FAULTS),
        ("items.jsonl", ITEMS_FAULTS),
        ("catalogue.jsonl", CATALOGUE_FAULTS),
    )
    for text, message in faults.items()
]


@pytest.mark.parametrize(("name", "text", "message"), FAULTS, ids=[message[:60] for *_, message in FAULTS])
def test_a_damaged_file_is_one_message_that_says_what_to_do(name, text, message, geometry, capsys):
    (geometry / name).write_text(text, encoding="utf-8")
    assert main(["benchmarks", "show", "geometry"]) == 4
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("name", ["items.jsonl", "catalogue.jsonl"])
def test_a_missing_file_is_named(name, geometry):
    (geometry / name).unlink()
    with pytest.raises(DataError, match=rf"geometry/{name}: there is no such file"):
        load_benchmark("./geometry")


def test_what_is_no_benchmark_is_refused(geometry):
    (geometry / "benchmark.toml").unlink()
    with pytest.raises(UsageError, match=r"^geometry: no benchmark, since it has no benchmark\.toml"):
        load_benchmark("geometry")
    with pytest.raises(UsageError, match=r"no benchmark is at \./nothing"):
        load_benchmark("./nothing")
    with pytest.raises(DataError, match="neither a folder with a benchmark nor"):
        load_benchmark("geometry/items.jsonl")


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@pytest.mark.parametrize("inside", ["", "geometry/"])
def test_an_archive_is_as_good_as_its_folder(form, inside, geometry, tmp_path, monkeypatch):
    monkeypatch.setattr("apigauge.benchmarks.archive.cache_dir", lambda: tmp_path / "cache" / "gorilla")
    path, names = tmp_path / f"geometry.{form}", sorted(entry.name for entry in geometry.iterdir())
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(geometry / name, inside + name)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                archive.add(geometry / name, inside + name)
    for _ in range(2):
        packed = load_benchmark(str(path))
        assert (packed.digest, packed.path) == (load_benchmark("geometry").digest, str(path))


def test_an_archive_writes_nothing_outside_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("apigauge.benchmarks.archive.cache_dir", lambda: tmp_path / "cache" / "gorilla")
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("../../outside"), io.BytesIO())
    with pytest.raises(DataError, match=r"evil\.tar: a damaged archive"):
        load_benchmark(str(path))
    assert not list(tmp_path.rglob("outside"))
    path.write_bytes(b"\x1f\x8b" + b"0" * 50)
    with pytest.raises(DataError, match="neither a folder"):
        load_benchmark(str(path))


@pytest.fixture
def runs(geometry):
    """Two runs of the folder."""
    for name, model in (("a", "constant:math.hypot(x, y)"), ("b", "constant:math.degrees(angle)")):
        command = ["run", "--benchmark", "geometry", "--model", model, "--sandbox", "none", "--out", name]
        assert main([*command, "--metrics", "ast.exact", "ast.gorilla", "--quiet"]) == 0
    return geometry


def test_every_command_finds_a_run_s_benchmark_again(runs, capsys):
    manifest = json.loads((runs.parent / "a" / "manifest.json").read_text(encoding="utf-8"))
    record = manifest["benchmark"]
    assert {name: record[name] for name in ("name", "version", "licence", "path")} == {
        "name": "geometry",
        "version": "2-B",
        "licence": "MIT",
        "path": "geometry",
    }
    assert manifest["metrics"].keys() == {"ast_match"}  # no upstream scorer reads it
    assert main(["gate", "a", "--save-baseline", "baseline.json"]) == 0
    assert main(["gate", "b", "--baseline", "baseline.json", "--slice", "domain"]) == 3
    assert main(["compare", "a", "b"]) == 0
    assert main(["rerun", "a"]) == 0
    assert main(["report", "a", "b", "--out", "site"]) == 0
    capsys.readouterr()
    runs.rename(runs.with_name("moved"))
    assert main(["gate", "b", "--baseline", "baseline.json"]) == 4
    assert "the run read this benchmark from geometry, and it is not there; put it back" in capsys.readouterr().err
    (runs.with_name("moved") / "benchmark.toml").write_text(SETTINGS.replace("geometry", "other"), encoding="utf-8")
    with pytest.raises(DataError, match="moved: holds 'other' now, and the run is of 'geometry'"):
        reopen(record | {"path": "moved"})


def test_versions_of_different_letters_are_not_compared(runs, capsys):
    edit_manifest(runs.parent / "b", lambda manifest: manifest["benchmark"].update(version="3-C"))
    assert main(["gate", "b", "--baseline", "a"]) == 4
    assert "the benchmark's version is 2-B in a and 3-C in b" in capsys.readouterr().err
    edit_manifest(runs.parent / "b", lambda manifest: manifest["benchmark"].update(version="3-B"))
    assert main(["gate", "b", "--baseline", "a"]) == 3


def test_a_run_goes_on_wherever_its_benchmark_lies(runs):
    runs.rename(runs.with_name("moved"))
    command = [
        "run",
        "--model",
        "constant:math.hypot(x, y)",
        "--sandbox",
        "none",
        "--out",
        "a",
        "--metrics",
        "ast.exact",
    ]
    assert main([*command, "--benchmark", "moved", "--quiet"]) == 0


def test_pytest_gates_it_from_the_folder_of_the_test(runs, pytester):
    for name in ("a", "geometry"):
        (pytester.path / name).symlink_to(runs.parent / name)
    declared = 'benchmark="geometry", run="a", baseline="a", metric=["ast.exact:0.9"]'
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.apigauge({declared})\ndef test_model():\n    pass\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rA")
    assert "ast.exact" in result.stdout.str()
    assert "broken" not in result.stdout.str()


RIGHT = {
    "math.degrees(angle)": 1,
    "math.hypot(2, y)": 1,
    "math.hypot(y, 2)": 0,
    "math.hypot(3, y)": 0,
    "math.tan(angle)": 0,
}


@pytest.mark.parametrize("call", RIGHT)
def test_every_accepted_call_is_right(call, geometry):
    (geometry / "items.jsonl").write_text(rows([ITEMS[1] | {"accepted": ["math.hypot(2, y)"]}]), encoding="utf-8")
    scored = score_answer(f"import math\nangle, y = 1.0, 2.0\n{call}", "g2", benchmark=load_benchmark("geometry"))
    assert scored.metrics["ast.exact"] == RIGHT[call]


def test_a_program_that_makes_an_accepted_call_is_right(geometry):
    (geometry / "items.jsonl").write_text(rows([ITEMS[1] | {"accepted": ["math.hypot(2, y)"]}]), encoding="utf-8")
    observed = ObservedCalls(load_benchmark("geometry"))
    assert observed.functions == ("math.degrees", "math.hypot")
    made = {"2, ...": True, "3, ...": False}
    for arguments, is_right in made.items():
        call = ObservedCall("math.hypot", tuple(arguments.split(", ")), {})
        judged, difference = observed.judge("g2", Verdict("passed", 4, calls=(call,)))
        assert (judged, bool(difference)) == (is_right, not is_right)


def test_items_with_tests_have_exec_correct_and_their_references_are_held_to_it(geometry, capsys):
    """A reference that its own tests reject is named; a model's answer is scored by the same tests."""
    program = "import math\nlength = math.hypot(3, 4)\nprint(length)"
    items = [
        {**ITEMS[0], "program": program, "tests": "assert length == 5", "output": "5"},
        {**ITEMS[1], "program": "import math\nmath.degrees(1)", "tests": "import math\nassert length == 5"},
        {
            "id": "g4",
            "instruction": "And?",
            "api_call": "math.degrees(angle)",
            "program": "import math\nmath.degrees(2)",
        },
    ]
    (geometry / "items.jsonl").write_text(rows(items), encoding="utf-8")
    (geometry / "benchmark.toml").write_text(SETTINGS + 'environment = "python"\n', encoding="utf-8")
    isolated = ["--sandbox", "process", "--accept-no-isolation", "--sandbox-workers", "1"]
    assert main(["benchmarks", "check", "geometry", *isolated]) == 0
    shown = capsys.readouterr().out
    assert "  exec.correct            0.5000" in shown
    assert "references that their own tests or output reject (1):" in shown
    assert (
        "  row g2: tests/failed: tests, line 2 (`assert length == 5`): NameError: name 'length' is not defined" in shown
    )
    answer = [{"item": one["id"], "text": f"```python\n{program}\n```"} for one in items]
    (geometry / "answers.jsonl").write_text(rows(answer), encoding="utf-8")
    run = ["run", "--benchmark", "geometry", "--model", "replay:geometry/answers.jsonl", "--out", "run", *isolated]
    assert main([*run, "--metrics", "exec.correct"]) == 0
    summary = json.loads((geometry.parent / "run" / "summary.json").read_bytes())
    correct = summary["metrics"]["exec.correct"]
    assert (correct["value"], correct["n"], summary["ceilings"]["exec.correct"]) == (1.0, 2, 0.5)
    assert summary["labels"]["exec.correct"] == {"correct": 2}
    lines = (geometry.parent / "run" / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    scores = [json.loads(line) for line in lines]
    assert scores[0]["verdict"]["tests"] == {"status": "passed", "reason": "", "line": None}
    assert "exec.correct" not in scores[2]["metrics"]
    assert "output" not in scores[0]["verdict"]


def test_a_reference_may_pass_more_than_the_one_row_of_its_function(geometry):
    """Items of a function are one cluster then, and are shown one document."""
    (geometry / "items.jsonl").write_text(
        rows([ITEMS[0], {"id": "g2", "instruction": "Far?", "api_call": "math.hypot(x, 2, z)"}]), encoding="utf-8"
    )
    first, second = load_benchmark(str(geometry)).items
    assert first.api == second.api == "math.hypot(x,y)"
    assert first.document == second.document
    assert second.reference_call == "math.hypot(x, 2, z)"
    # Of two rows it is not known which one is meant.
    two = [*CATALOGUE, {"api_call": "math.hypot(x, y, z)"}]
    (geometry / "catalogue.jsonl").write_text(rows(two), encoding="utf-8")
    with pytest.raises(DataError, match="is in no row"):
        load_benchmark(str(geometry))
