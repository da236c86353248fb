"""Two scored runs of ours, and the commands on whatever is read as a run."""

import json

import pytest

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.harness.evaluation.run_directory import read_scores

COMMANDS = {"gate": "--baseline", "compare": None}


@pytest.fixture(scope="session")
def ours(tmp_path_factory):
    """A baseline and a run on the first questions of mini, by a metric that is 0 or 1 and one that is a share."""
    folder = tmp_path_factory.mktemp("ours")
    for name, model in (("old", "retrieval:bm25"), ("new", "constant:torch.topk(scores, k=3)")):
        command = ["run", "--benchmark", "mini", "--model", model, "--out", str(folder / name), "--sandbox", "none"]
        assert main([*command, "--metrics", "ast_match", "rouge", "--limit", "40", "--quiet"]) == 0
    return folder / "old", folder / "new"


@pytest.fixture(scope="session")
def answers():
    """Of a run, for each answer: item, sample, API, its ast.exact and its rouge.1."""
    apis = {item.id: item.api for item in load_benchmark("mini").items}

    def read(run):
        return [
            (row["item"], row["sample"], apis[row["item"]], row["metrics"]["ast.exact"], row["metrics"]["rouge.1"])
            for row in read_scores(run)
        ]

    return read


@pytest.fixture
def judged(capsys):
    """``apigauge gate RUN --baseline BASELINE --json``: the exit code, the result and the standard error."""

    def run(new, old, *options):
        capsys.readouterr()
        code = main(["gate", str(new), "--baseline", str(old), *options, "--json"])
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if shown.out.strip() else None, shown.err

    return run


@pytest.fixture
def same_numbers(judged, capsys, ours):
    """Checks that gate and comparison say of two logs what they say of our runs with the same scores, to 1e-12."""

    def close(one, other, names):
        for mine, theirs in names.items():
            left, right = (
                {k: v for k, v in side[name].items() if k not in ("name", "lost")}
                for side, name in ((one, mine), (other, theirs))
            )
            assert left == pytest.approx(right, rel=1e-12, abs=1e-12)

    def check(old, new, names, *options, lost=lambda key: key):
        metrics = [word for name in names for word in ("--metric", name)]
        code, mine, _ = judged(ours[1], ours[0], *metrics)
        metrics = [word for name in names.values() for word in ("--metric", name)]
        code_of_logs, theirs, error = judged(new, old, *metrics, *options)
        assert theirs is not None, error
        assert (code_of_logs, theirs["decision"]) == (code, mine["decision"])
        by_name = [{one["name"]: one for one in side["metrics"]} for side in (mine, theirs)]
        close(*by_name, names)
        for mine_name, name in names.items():
            before, after = by_name[0][mine_name]["lost"], by_name[1][name]["lost"]
            assert {api: [[lost(item), sample] for item, sample in keys] for api, keys in before.items()} == after
        compared = []
        for paths, more in ((ours, ()), ((old, new), options)):
            capsys.readouterr()
            assert main(["compare", *map(str, paths), *more, "--json"]) == 0
            compared.append(json.loads(capsys.readouterr().out)["metrics"])
        # Adjusted for the metrics compared, of which our run has more.
        compared = [
            {name: {k: v for k, v in one.items() if k not in _OF_ALL} for name, one in side.items()}
            for side in compared
        ]
        close(*compared, names)

    return check


_OF_ALL = {"p_adjusted", "minimum_detectable", "minimum_detectable_apis"}
