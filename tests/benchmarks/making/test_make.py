"""A benchmark made from a package, for real: wheel, virtual environment, sandbox, files."""

import json
import os
import shutil

import pytest
from openai_server import OpenAIServer, good
from shapes_source import SHAPES
from tiny_package import write_wheel

from apigauge import load_benchmark
from apigauge.__main__ import main
from apigauge.sandboxes.engine import connect

pytestmark = [pytest.mark.bwrap, pytest.mark.xdist_group("made_benchmark")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the wheel, and a cache of its own."""
    folder = tmp_path_factory.mktemp("making")
    write_wheel(folder / "wheels", "shapes", "1.0", {"shapes.py": SHAPES.format(marker=str(folder / "imported"))})
    return folder


@pytest.fixture(scope="module")
def make(place, apigauge):
    def run(out, *more, **env):
        done = apigauge(
            "benchmarks", "make", "shapes==1.0", "--out", place / out, "--wheels", place / "wheels", *more,
            env={"XDG_CACHE_HOME": str(place / "cache")} | env,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return place / out

    return run


@pytest.fixture(scope="module")
def made(make):
    return make("made")


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def reasons(folder):
    return {row["api"]: row["reason"] for row in lines(folder / "report.jsonl")}


def test_examples_that_hold_become_items_and_the_others_are_reported(made):
    items = {row["api_call"].partition("(")[0]: row for row in lines(made / "items.jsonl")}
    dropped = reasons(made)
    assert items.keys() == {f"shapes.{one}" for one in (
        "Box", "Box.grown", "circle", "circumference", "disc", "hull", "kind", "moved", "rectangle",
    )}  # fmt: skip
    assert "random" not in dropped
    assert {api: dropped[f"shapes.{api}"].partition(":")[0] for api in (
        "any_point", "broken", "maker", "moved", "perimeter", "refused", "shaken", "wrong",
    )} == {
        "any_point": "it prints something else than the documentation shows",
        "broken": "the program does not run",
        "maker": "it prints an address",
        "moved": "it does not print the same twice",
        "perimeter": "its call is accepted as another answer to the same question",
        "refused": "it is documented to raise",
        "shaken": "it does not print the same twice",  # an item to train on, if it did
        "wrong": "it prints something else than the documentation shows",
    }  # fmt: skip
    assert items["shapes.circumference"]["accepted"] == ["shapes.perimeter(square)"]
    report = (made / "report.md").read_text()
    assert "| it prints something else than the documentation shows | 2 |" in report
    assert "1 deprecated" in report


def test_a_question_has_the_data_the_values_and_what_to_print_but_not_the_call(made):
    items = {row["api_call"]: row for row in lines(made / "items.jsonl")}
    assert items["shapes.disc(2)"]["instruction"] == (
        "Compute the area of a disc.\n\nCall it with `radius=2`. Print the result."
    )
    assert items["shapes.disc(2)"]["output"] == ["12.566370614359172\n"]
    hull = items["shapes.hull(points)"]
    assert hull["instruction"] == (
        "Find the smallest upright rectangle around some points. A point on its edge counts.\n\n"
        "Given:\n\n```python\npoints = [(0, 1), (4, 3), (2, 7)]\n```\n\n"
        "Assign the result to `corners`, and end with:\n\n```python\nprint(corners[1])\n```"
    )
    assert hull["program"] == (
        "from shapes import hull\npoints = [(0, 1), (4, 3), (2, 7)]\ncorners = hull(points)\nprint(corners[1])\n"
    )
    assert "Call it with `value=3`, `of=int`." in items["shapes.kind(3, int)"]["instruction"]
    grown = items["shapes.Box.grown(2)"]
    assert "box = Box(2, height=3)" in grown["instruction"]
    assert "Call it on `box` with `factor=2`." in grown["instruction"]
    assert "sides[0]" in items["shapes.rectangle(width, height, rounded=True)"]["instruction"]


def test_the_catalogue_has_every_public_callable_with_what_is_deprecated(made):
    rows = {row["api_name"]: row for row in lines(made / "catalogue.jsonl")}
    assert {"shapes.wrong", "shapes.Box", "shapes.Box.area", "shapes.Box.grown"} < rows.keys()
    assert not [name for name in rows if "_hidden" in name]
    assert rows["shapes.circle"]["deprecated"] == "1.1 Use :func:`disc`."
    assert "deprecated" not in rows["shapes.disc"]
    assert rows["shapes.rectangle"]["signature"] == "shapes.rectangle(width, height, *, rounded=False)"
    assert rows["shapes.Box.grown"]["api_call"] == "shapes.Box.grown(factor)"


def test_the_package_is_imported_in_the_sandbox_only(made, place):
    assert made.is_dir()
    assert not (place / "imported").exists()


def test_a_second_build_is_equal_to_the_byte(made, make):
    again = make("again")
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert [str(path) for path in files] == [
        "benchmark.toml", "catalogue.jsonl", "environment/Dockerfile", "environment/README.md",
        "environment/environment.json", "environment/lock.txt", "environment/requirements.txt", "items.jsonl",
        "report.jsonl", "report.md",
    ]  # fmt: skip
    for path in files:
        assert (made / path).read_bytes() == (again / path).read_bytes(), path


@pytest.mark.slow
@pytest.mark.docker
def test_an_image_gives_the_same_files_as_a_virtual_environment(made, make):
    base = "debootstrap" if shutil.which("debootstrap") and os.geteuid() == 0 else "docker"
    client = connect()
    try:
        other = make("in-docker", "--sandbox", "docker", "--base", base)
        for path in (path for path in made.rglob("*") if path.is_file()):
            assert path.read_bytes() == (other / path.relative_to(made)).read_bytes(), path
    finally:
        for image in client.images.list("apigauge/shapes-1.0"):
            client.images.remove(image.id)
        client.close()


def test_no_api_is_in_both_splits(made):
    benchmark = load_benchmark(str(made))
    assert benchmark.environment
    assert not {item.api for item in benchmark.items} & {item.api for item in benchmark.train}


def test_its_own_references_reach_every_score(made, place, apigauge):
    checked = apigauge(
        "benchmarks", "check", made, "--sandbox", "process", "--json", env={"XDG_CACHE_HOME": str(place / "cache")}
    )
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)
    assert report["disagreements"] == []
    assert report["near_copies_in_training"] == []
    assert {one["ast.exact"] for one in report["ceilings"].values()} == {1.0}
    assert report["execution"]["metrics"] == {"exec.rate": 1.0, "exec.call": 1.0, "exec.correct": 1.0}
    assert report["execution"]["not_passed"] == []


def test_a_model_may_put_the_questions_in_other_words(make):
    server = OpenAIServer()
    server.react = lambda request: good(
        "Use grown() on it" if "some times as wide" in request.prompt else "How much, please?"
    )
    try:
        folder = make("asked", "--rewrite", "openai:poet", "--base-url", server.url)
    finally:
        server.close()
    items = {row["api_call"]: row for row in lines(folder / "items.jsonl")}
    disc = items["shapes.disc(2)"]
    assert disc["instruction"] == "How much, please?\n\nCall it with `radius=2`. Print the result."
    assert disc["provenance"]["rewrite"]["original"] == "Compute the area of a disc."
    assert disc["provenance"]["rewrite"]["model"] == "openai:poet"
    grown = items["shapes.Box.grown(2)"]
    assert grown["instruction"].startswith("Return a box that is some times as wide")
    assert grown["provenance"]["rewrite"]["not_taken"] == "it names the function"


def test_a_folder_with_something_in_it_is_left_alone(place, apigauge):
    (place / "full").mkdir()
    (place / "full" / "notes.txt").write_text("mine")
    done = apigauge("benchmarks", "make", "shapes==1.0", "--out", place / "full", "--wheels", place / "wheels")
    assert done.returncode == 2
    assert "new or empty" in done.stderr
    assert [path.name for path in (place / "full").iterdir()] == ["notes.txt"]


def test_the_gate_judges_what_programs_print(made, place, monkeypatch, capsys):
    """The worse answers make the same calls, so that only ``exec.correct`` can tell them apart."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    items = [row for row in lines(made / "items.jsonl") if row["split"] == "test"]

    def score(run, ending, *metrics):
        texts = ({"item": row["id"], "text": f"```python\n{row['program']}{ending}```"} for row in items)
        (place / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts))
        command = ["score", "--benchmark", made, "--responses", place / "answers.jsonl", "--out", place / run, "-q"]
        assert main([*map(str, command), "--sandbox", "process", "--workers", "1", "--metrics", *metrics]) == 0

    def gate(run, baseline, *metrics):
        named = [option for metric in metrics for option in ("--metric", metric)]
        capsys.readouterr()
        code = main(["gate", str(place / run), "--baseline", str(place / baseline), "--json", *named])
        return code, capsys.readouterr()

    score("good", "", "ast.exact", "exec.correct")
    score("bad", "print('done')\n", "ast.exact", "exec.correct")
    code, printed = gate("bad", "good", "ast.exact:0.5", "exec.correct")
    exact, correct = json.loads(printed.out)["metrics"]
    assert code == 1
    assert (exact["name"], exact["before"], exact["after"]) == ("ast.exact", 1.0, 1.0)
    assert (correct["name"], correct["before"], correct["after"]) == ("exec.correct", 1.0, 0.0)
    assert correct["n"] == len(items)
    assert gate("good", "good", "exec.correct:0.5")[0] == 0
    score("unmeasured", "", "ast.exact")
    code, printed = gate("unmeasured", "unmeasured", "exec.correct")
    assert code == 4
    assert f"it has no exec.correct, and neither has {place / 'unmeasured'}. exec.* needs a sandbox" in printed.err
