"""What holds for all metrics together."""

import pytest

from apigauge import Item, UsageError, extract, load_benchmark
from apigauge.harness.metrics import registry as metrics
from apigauge.harness.metrics import table


def test_a_metric_that_fails_leaves_its_numbers_out_and_harms_no_other(monkeypatch):
    from apigauge.harness.metrics import rouge

    def broken(_benchmark):
        def metric(_item, _extraction):
            raise ZeroDivisionError("on purpose")

        return metric

    monkeypatch.setattr(rouge, "make", broken)
    benchmark = load_benchmark("mini")
    made = metrics.make_metrics(["ast_match", "rouge"], benchmark)
    scored = metrics.score(made, benchmark.items[0], extract("f(1)"))
    assert set(scored.metrics) == {"ast.exact", "ast.domain", "hallucination"}
    assert scored.labels["rouge.1"] == "scorer_error"
    assert scored.messages["rouge.1"] == "ZeroDivisionError: on purpose"


def test_a_metric_may_be_asked_for_by_its_own_name_or_its_modules():
    assert metrics.modules_for(["hallucination"]) == ["ast_match"]
    assert metrics.modules_for(["rouge", "codebleu.corrected"]) == ["rouge", "codebleu_corrected"]
    assert metrics.modules_for(["exec.call", "rouge.1"]) == ["rouge", "executability"]
    with pytest.raises(UsageError, match=r"no metric 'bleu'.*rouge\.L"):
        metrics.modules_for(["bleu"])


def test_every_metric_gives_exactly_the_names_its_module_declares():
    benchmark = load_benchmark("mini")
    item: Item = benchmark.items[0]
    for module, names in table.STATIC.items():
        if module == "ast_bfcl":  # tests/benchmarks/test_bfcl.py has a benchmark for it
            assert metrics.make_metrics([module], benchmark) == []
            continue
        (metric,) = metrics.make_metrics([module], benchmark)
        for answer in (item.reference_program, "", "no call"):
            assert tuple(metric(item, extract(answer)).metrics) == names
