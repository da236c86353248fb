"""Work on a real Ray cluster of several nodes on this machine: equal to local work, whatever is lost on the way.

The faults: a node vanishes with its work; an item ends every process that does it, which a fix could blame on its
neighbours, or retry for ever; the head dies; no engine is left; the driver is killed at any moment.
``APIGAUGE_RAY_ITEMS`` says how many items a run with a lost node has.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from plugin_packages import Packages
from ray_work import DEADLY, cluster, differing, lacking, sleeping, squaring
from sandbox_kinds import open_kind

from apigauge import score
from apigauge.benchmarks import load_benchmark
from apigauge.errors import ExecutorError, SandboxError, UsageError
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.executors import ray_cluster, ray_sandbox
from apigauge.harness.executors.local import ordered
from apigauge.harness.executors.prefetch import PENDING
from apigauge.harness.executors.ray import RayExecutor
from apigauge.sandboxes.verdict import Program

# Two clusters at once would fight for ports and for the cores.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

ITEMS = int(os.environ.get("APIGAUGE_RAY_ITEMS", "600"))
SAMPLES = 5

DEADLY_METRIC = """
    import os, signal
    from apigauge.harness.metrics.table import MetricInfo
    from apigauge.harness.metrics.types import Scored
    from apigauge.harness.plugins import hookimpl

    @hookimpl
    def apigauge_metrics():
        return [MetricInfo("deadly", "length", "none", module="deadly", top=1e6)]

    def version():
        return "1"

    def make(benchmark):
        def metric(item, extraction):
            if "DEADLY" in (extraction.program or ""):
                os.kill(os.getpid(), signal.SIGKILL)
            return Scored({"deadly": 1.0})
        return metric
"""


def set_aside(task, reason):
    return f"{task}: {reason}"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return Packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def nodes(packages):
    with cluster(1, 2, paths=[packages.folder]) as started:
        yield started


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """A few hundred answers to the small benchmark, right and wrong ones."""
    items = load_benchmark("mini").items
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, item in enumerate(items):
            for sample in range(SAMPLES):
                other = items[(number + sample // 3) % len(items)]
                text = f"<<<api_call>>>: {other.reference_call}\n<<<code>>>: {other.reference_program}# {sample}"
                file.write(json.dumps({"item": item.id, "sample": sample, "text": text}) + "\n")
    return path


def command(answers, out, *more):
    score = ["score", "--benchmark", "mini", "--responses", answers, "--out", out, "--sandbox", "none", "--json"]
    return [*map(str, score), *more]


def scored(run):
    return sorted((run / "scores.jsonl").read_bytes().splitlines())


def test_results_equal_those_of_this_machine_in_their_order(executor):
    tasks = [*range(100), PENDING, *range(100, 300)]
    results = [one for one in executor.ordered(squaring, tasks, 300, set_aside) if one is not PENDING]
    assert results == list(ordered(squaring, range(300), 300, 1))


def test_tasks_are_drawn_only_a_bounded_number_ahead(executor):
    drawn = []
    results = executor.ordered(squaring, (drawn.append(n) or n for n in range(100_000)), 100_000, set_aside)
    next(results)
    assert len(drawn) < 1_000
    results.close()


def test_an_item_that_ends_its_process_is_set_aside_and_its_neighbours_are_not(executor):
    tasks = [*range(50), DEADLY, *range(50, 80)]
    results = list(executor.ordered(squaring, tasks, 81, set_aside))
    assert "-7: it ended each of the 3 processes" in results.pop(50)
    assert results == [n * n for n in range(80)]


def test_an_error_of_a_task_is_raised_as_it_is(executor):
    with pytest.raises(TypeError):
        list(executor.ordered(squaring, ["no number"], 1, set_aside))


def test_a_lost_node_costs_no_result_and_doubles_none(nodes, executor):
    lost = nodes.add_node(num_cpus=2)
    threading.Timer(2, nodes.remove_node, (lost, False)).start()
    results = list(executor.ordered(partial(squaring, 0.02), range(ITEMS), ITEMS, set_aside))
    assert results == [n * n for n in range(ITEMS)]
    assert not any(node.node_id == lost.node_id for node in nodes.worker_nodes)


def test_programs_on_all_nodes_and_after_one_is_lost(nodes, executor):
    lost = nodes.add_node(num_cpus=4)
    sandbox = executor.sandbox(partial(sleeping, 0.03, None), print)
    assert sandbox.concurrency == 7
    threading.Timer(1, nodes.remove_node, (lost, False)).start()
    verdicts = [sandbox.submit(Program(f"print({n})")) for n in range(ITEMS)]
    assert [one.result(120).reason for one in verdicts] == [f"print({n})" for n in range(ITEMS)]
    sandbox.close()


def test_a_program_that_ends_its_sandbox_is_infra_and_its_neighbours_are_not(executor):
    sandbox = executor.sandbox(partial(sleeping, 0.01, None), print)
    sources = [f"print({n})" for n in range(60)]
    sources.insert(20, "poison")
    verdicts = [sandbox.submit(Program(source)) for source in sources]
    outcomes = [one.result(120).status for one in verdicts]
    assert outcomes.pop(20) == "infra"
    assert set(outcomes) == {"passed"}
    sandbox.close()


def rows(sources):
    for number, source in enumerate(sources):
        extraction = {"call": source.splitlines()[-1], "program": source, "how": "code"}
        yield {"item": str(number), "sample": 0, "extraction": extraction, "metrics": {}, "labels": {}, "verdict": None}


def _process(cores, say):
    return open_kind("process", concurrency=cores)


@pytest.mark.bwrap
def test_verdicts_of_the_process_sandbox_equal_those_of_this_machine(executor):
    sources = ["import math\nmath.sqrt(4)", "import os\nos._exit(3)", "1/0", "while True: pass", "def"]
    sources += [f"import math\nmath.sqrt({n})" for n in range(20)]
    local = open_kind("process", concurrency=2)
    ours = list(executed(rows(sources), local))
    local.close()
    sandbox = executor.sandbox(_process, print)
    described = sandbox.describe()
    theirs = list(executed(rows(sources), sandbox))
    sandbox.close()
    for row in (*ours, *theirs):
        row["verdict"]["evidence"] = {}
    assert theirs == ours
    assert described == local.describe()


def test_a_run_on_ray_equals_the_run_on_this_machine(apigauge, nodes, answers, tmp_path):
    for out, more in (("local", ()), ("ray", ("--executor", "ray", "--ray-address", nodes.address))):
        done = apigauge(*command(answers, tmp_path / out, *more))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["items"] == 56
    assert (tmp_path / "ray" / "scores.jsonl").read_bytes() == (tmp_path / "local" / "scores.jsonl").read_bytes()
    one, other = (json.loads((tmp_path / out / "manifest.json").read_bytes()) for out in ("local", "ray"))
    for manifest in (one, other):
        del manifest["created"], manifest["timings"]
    assert one == other


def test_python_and_a_sweep_on_ray_give_the_rows_of_this_machine(apigauge, nodes, answers, tmp_path):
    ours = score(answers, "mini", out=tmp_path / "local", metrics=["ast.exact"])
    theirs = score(
        answers, "mini", out=tmp_path / "ray", metrics=["ast.exact"], executor="ray", ray_address=nodes.address
    )
    rows = (ours.path / "scores.jsonl").read_bytes()
    assert (theirs.path / "scores.jsonl").read_bytes() == rows
    with pytest.raises(UsageError, match="ray_address"):
        score(answers, "mini", out=tmp_path / "none", ray_address=nodes.address)
    text = 'benchmark = "mini"\nmetrics = ["ast.exact"]\nsandbox = "none"\nsite = "none"\nexecutor = "ray"\n'
    text += f'ray-address = "{nodes.address}"\n[matrix]\nmodel = ["replay:{answers}"]\nreasoning = ["strip", "keep"]\n'
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
    done = apigauge("sweep", tmp_path / "sweep.toml", "--out", tmp_path / "sweep", "--json")
    assert done.returncode == 0, done.stderr
    first, _ = json.loads(done.stdout)["cells"]
    lines = (tmp_path / "sweep" / first["cell"] / "scores.jsonl").read_bytes().splitlines()
    assert sorted(lines) == sorted(rows.splitlines())


def test_a_killed_driver_resumes_to_the_same_rows(apigauge, nodes, answers, tmp_path):
    assert apigauge(*command(answers, tmp_path / "whole")).returncode == 0
    more = ("--executor", "ray", "--ray-address", nodes.address)
    arguments = command(answers, tmp_path / "killed", *more)
    scores = tmp_path / "killed" / "scores.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "apigauge", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not (scores.exists() and scores.read_bytes().count(b"\n") > 40):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert apigauge(*arguments).returncode == 0
    assert scored(tmp_path / "killed") == scored(tmp_path / "whole")


def test_an_answer_that_ends_its_scorer_is_infra_and_the_run_goes_on(packages, nodes, tmp_path):
    packages.add("deadly", DEADLY_METRIC)
    items = load_benchmark("mini").items[:8]
    file = tmp_path / "answers.jsonl"
    texts = [f"```python\n{item.reference_program}\n```" for item in items]
    texts[3] = "```python\nDEADLY = 1\nprint(DEADLY)\n```"
    file.write_text(
        "".join(json.dumps({"item": i.id, "text": text}) + "\n" for i, text in zip(items, texts, strict=True))
    )
    done = packages.apigauge(
        *command(file, tmp_path / "run", "--limit", "8", "--metrics", "deadly", "ast_match"),
        *("--executor", "ray", "--ray-address", nodes.address),
    )
    assert done.code == 0, done.err
    assert "1 answers ended every process that scored them; they are set aside as infra and left out" in done.err
    lines = [json.loads(line) for line in (tmp_path / "run" / "scores.jsonl").read_text().splitlines()]
    (row,) = [line for line in lines if not line["metrics"]]
    assert row["item"] == items[3].id
    assert set(row["labels"].values()) == {"infra"}
    assert json.loads(done.out)["metrics"]["ast.exact"]["n"] == 7


@pytest.mark.docker
def test_a_node_that_lacks_the_image_is_named_and_so_are_nodes_that_differ(executor):
    with pytest.raises(SandboxError, match=r"(?s)no programs can run on these nodes.*is not on this engine. Build it"):
        executor.sandbox(lacking, print)
    with pytest.raises(SandboxError, match=r"different sandboxes \(image\).*docker save"):
        executor.sandbox(differing, print)


def test_without_an_engine_on_any_node_the_run_ends_and_resumes(executor, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_sandbox, "NODE_SECONDS", 1)
    broken = tmp_path / "broken"
    sources = [f"print({n})" for n in range(200)]
    finished = []

    def run(sandbox):
        for row in executed(rows(sources), sandbox):
            finished.append(row)
            if len(finished) == 20:
                broken.touch()

    sandbox = executor.sandbox(partial(sleeping, 0.01, str(broken)), print)
    with pytest.raises(ExecutorError, match=r"no node is left .*the engine went away.* the same command does the rest"):
        run(sandbox)
    assert {row["verdict"]["status"] for row in finished} == {"passed"}
    broken.unlink()
    sandbox = executor.sandbox(partial(sleeping, 0.01, str(broken)), print)
    rest = list(executed(rows(sources[len(finished) :]), sandbox))
    sandbox.close()
    assert [row["verdict"]["reason"] for row in (*finished, *rest)] == sources


def test_a_lost_head_ends_the_run_with_what_to_do(monkeypatch):
    monkeypatch.setattr(ray_cluster, "HEAD_SECONDS", 2)
    with cluster(1) as started:
        executor = RayExecutor(started.address)
        results = executor.ordered(partial(squaring, 0.05), range(10_000), 10_000, set_aside)
        assert next(results) == 0
        os.kill(started.head_node.all_processes["gcs_server"][0].process.pid, signal.SIGKILL)
        with pytest.raises(ExecutorError, match=r"Ray's head at .* does not answer.* the same command does the rest"):
            list(results)
        executor.close()


def test_a_full_object_store_ends_the_run_with_what_to_do():
    with cluster(1, store=80 << 20, settings={"local_fs_capacity_threshold": 0.0}) as started:
        executor = RayExecutor(started.address)
        with pytest.raises(ExecutorError, match=r"object store is full .*the same command does the rest"):
            list(executor.ordered(partial(squaring, bytes(200 << 20)), range(3), 3, set_aside))
        executor.close()


def test_alone_it_starts_ray_on_the_loopback_without_telemetry():
    program = (
        "import sys\n"
        "from apigauge.harness.executors.ray_cluster import Cluster\n"
        "assert 'ray' not in sys.modules\n"
        "cluster = Cluster(None, 1)\n"
        "print(cluster.ray.get_runtime_context().gcs_address.rpartition(':')[0], cluster.cores)\n"
        "from ray._common.usage.usage_lib import usage_stats_enabled\n"
        "print(usage_stats_enabled())\n"
        "cluster.close()\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["127.0.0.1", "1", "False"]


def test_what_cannot_be_used_is_refused_with_what_to_do(apigauge, answers, tmp_path):
    with pytest.raises(UsageError, match="give HOST:PORT"):
        ray_cluster.Cluster("ray://127.0.0.1:10001", None)
    done = apigauge(*command(answers, tmp_path / "run", "--ray-address", "127.0.0.1:1"))
    assert done.returncode == 2
    assert "--ray-address" in done.stderr
    assert "is for the executor ray" in done.stderr
    done = apigauge(*command(answers, tmp_path / "run", "--executor", "ray", "--ray-address", "127.0.0.1:1"))
    assert done.returncode == 4
    assert "the Ray cluster at 127.0.0.1:1 cannot be used" in done.stderr
