"""A model's engines on a real Ray cluster of this machine: the answers are those of one engine, whatever is lost.

The faults: an engine's process ends while it answers; a question ends every engine that gets it, which must not take
its neighbours with it; engines differ; there is room for fewer; a run is stopped in between.
"""

import json
import os
import threading

import pytest
from ray_work import DeadlyEngine, cluster
from tiny_checkpoints import CHAT, save_gpt2

from apigauge import run
from apigauge.benchmarks import load_benchmark
from apigauge.errors import ExecutorError, ModelError, UsageError
from apigauge.harness.executors import ray_engines
from apigauge.harness.executors.engines import open_model
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request

# One cluster at a time, as in test_ray.py.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]


@pytest.fixture(scope="module")
def nodes():
    with cluster(1, 2) as started:
        yield started


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    save_gpt2(folder, [item.instruction for item in load_benchmark("mini").items], chat=CHAT)
    return folder


@pytest.fixture
def echo(executor, monkeypatch):
    """Opens engines that say prompts back."""
    monkeypatch.setattr(ray_engines, "NodeEngine", DeadlyEngine)

    def opened(count=2, name="echo"):
        said = []
        generator = open_model(executor, f"hf:{name}", ModelOptions(Sampling(max_new_tokens=7)), count, said.append)
        return generator.engine, said

    return opened


def requests(*prompts):
    return [Request(str(number), 0, prompt, 100 + number) for number, prompt in enumerate(prompts)]


def texts(engine, work):
    answers = list(engine.answer(work, "plain"))
    assert len({request.item for request, _ in answers}) == len(answers)
    return {request.item: answer.text for request, answer in answers}


def rows(folder):
    lines = (folder / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted(map(json.loads, lines), key=lambda row: (row["item"], row["sample"]))


@pytest.mark.parametrize("sampling", [Sampling(max_new_tokens=12), Sampling(12, temperature=1.1, samples=2)])
def test_answers_and_manifest_are_those_of_one_engine_here(nodes, checkpoint, tmp_path, monkeypatch, sampling):
    monkeypatch.chdir(checkpoint.parent)  # where processes of other machines are not
    folders = []
    for place in ({}, {"executor": "ray", "ray_address": nodes.address, "engines": 2, "workers": None}):
        folder = tmp_path / f"run-{len(place)}"
        options = ModelOptions(sampling, cached=False, dtype="float32", batch_size=8)
        run("mini", "hf:tiny", out=folder, limit=20, metrics=["ast.exact"], options=options, **place)
        folders.append(folder)
    assert rows(folders[1]) == rows(folders[0])
    assert len(rows(folders[0])) == 20 * sampling.samples
    assert len({row["text"] for row in rows(folders[0])}) > 10
    ours, theirs = (json.loads((folder / "manifest.json").read_bytes()) for folder in folders)
    assert theirs["generator"] == ours["generator"]
    assert theirs["generator"]["prompt"] == "chat"


def test_every_question_is_answered_once_with_its_seed_and_sampling(echo):
    engine, _ = echo()
    work = requests(*(f"question {number}" for number in range(300)))
    assert texts(engine, work) == {one.item: f"{one.prompt} {one.seed} 7" for one in work}
    assert engine.problems == ["echo is no model", "was slow"]
    other = engine.sampled(Sampling(max_new_tokens=3))
    assert texts(other, work[:5]) == {one.item: f"{one.prompt} {one.seed} 3" for one in work[:5]}
    assert (engine.spec, engine.parameters, engine.is_identified, engine.has_chat) == ("hf:echo", 12, True, False)


@pytest.mark.parametrize("count", [1, 2])
def test_a_question_that_ends_every_engine_is_left_out_and_its_neighbours_are_not(echo, count):
    engine, said = echo(count)
    work = requests(*(f"question {number}" for number in range(30)), "DEADLY", *(f"more {n}" for n in range(30)))
    answers = texts(engine, work)
    assert set(answers) == {one.item for one in work} - {"30"}
    assert [problem for problem in engine.problems if problem.startswith("30: ended each of the 3 engines")]
    assert any("another one is in its place" in line for line in said)


def test_a_killed_engine_costs_no_answer(echo, executor):
    engine, _ = echo()
    ray = executor.cluster.ray
    answers = {}
    work = requests(*(f"question {number}" for number in range(400)))
    for request, answer in engine.answer(work, "plain"):
        answers[request.item] = answer.text
        if len(answers) == 20:
            ray.kill(engine._actors.all[0])
    assert answers == {one.item: f"{one.prompt} {one.seed} 7" for one in work}


def test_what_an_engine_leaves_out_is_named_and_what_it_raises_is_raised(echo):
    engine, _ = echo()
    assert set(texts(engine, requests("a", "missing", "c"))) == {"0", "2"}
    assert "1: the engine did not answer" in engine.problems
    with pytest.raises(ModelError, match=r"^the model fails$"):
        texts(engine, requests("a", "failing", "c"))
    assert texts(engine, requests("a")) == {"0": "a 100 7"}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_stopped_run_ends_soon_and_the_engines_go_on_later(echo, at_once):
    engine, _ = echo()
    work = requests(*(f"question {number}" for number in range(4_000)))
    answers = 0
    for _ in engine.answer(work, "plain"):
        answers += 1
        if answers == 10:
            threading.Thread(target=engine.stop, kwargs={"at_once": at_once}).start()
    assert 10 <= answers < 2_000
    assert not [problem for problem in engine.problems if "did not answer" in problem]
    assert len(texts(engine, work[:40])) == 40


def test_engines_that_differ_or_have_no_room_are_refused(echo, executor):
    with pytest.raises(ExecutorError, match="the engines differ in revision: every node needs the same checkpoint"):
        echo(name="differing")
    with pytest.raises(UsageError, match="--engines 4: the cluster has room for 3 at most"):
        echo(4)
    with pytest.raises(UsageError, match="--engines: needs --executor ray"):
        open_model(LocalExecutor(), "hf:echo", None, 2, print)
    assert open_model(executor, "constant:x", None, 2, print).describe()["spec"] == "constant:x"


def test_a_model_that_a_node_cannot_load_is_refused_as_here(executor, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="empty"):
        open_model(executor, f"hf:{tmp_path / 'empty'}", None, 1, print)


def test_the_engines_processes_end_with_the_generator(executor, monkeypatch):
    monkeypatch.setattr(ray_engines, "NodeEngine", DeadlyEngine)
    generator = open_model(executor, "hf:echo", None, 2, print)
    ray = executor.cluster.ray
    pids = {int(ray.get(actor.chat.remote(""))) for actor in generator.engine._actors.all}
    assert len(pids) == 2
    del generator
    for pid in pids:
        wait_for_end(pid)


def wait_for_end(pid):
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.05)


def test_engines_on_all_cores_leave_room_for_scoring(apigauge, nodes, checkpoint, tmp_path):
    more = ["--executor", "ray", "--ray-address", nodes.address, "--engines", 3, "--sandbox", "none", "--no-cache"]
    command = ["run", "--benchmark", "mini", "--model", f"hf:{checkpoint}", "--limit", 6, "--max-new-tokens", 6, *more]
    done = apigauge(*map(str, [*command, "--out", tmp_path / "run", "--json"]))
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "run")) == 6
