"""A benchmark whose items have tests and no reference call."""

import json

import pytest

from apigauge import load_benchmark
from apigauge.errors import DataError
from apigauge.harness.audit.benchmark_audit import check_benchmark


def test_an_item_may_have_tests_and_no_reference_call(tmp_path, process_sandbox):
    """Then nothing asks which call was made; the catalogue may be missing too."""
    item = {"id": "w3", "instruction": "A function that doubles.", "program": "def double(x):\n    return 2 * x"}
    tests = {"tests": "assert double(2) == 4"}
    (tmp_path / "benchmark.toml").write_text('name = "weather"\nversion = "1-A"\n', encoding="utf-8")

    def read(row):
        (tmp_path / "items.jsonl").write_text(json.dumps(row), encoding="utf-8")
        return load_benchmark(str(tmp_path))

    benchmark = read(item | tests)
    assert (benchmark.items[0].api, benchmark.catalogue) == ("item w3", ())
    report = check_benchmark(benchmark, sandbox=process_sandbox())
    assert report.execution.metrics == {"exec.rate": 1.0, "exec.correct": 1.0}
    assert set(report.ceilings["reference program"]) >= {"hallucination", "rouge.1"}
    assert not set(report.ceilings["reference program"]) & {"ast.exact", "ast.domain", "ast.bfcl"}
    assert "exec.rate" in report.to_text()
    assert report.reference_call_not_python == report.reference_not_in_catalogue == []
    for damaged, message in (
        (item, "api_call is missing or empty; add it, or tests or output"),
        (item | tests | {"accepted": ["sky.plan()"]}, "accepted is of a reference call, and there is none"),
    ):
        with pytest.raises(DataError, match=message):
            read(damaged)
