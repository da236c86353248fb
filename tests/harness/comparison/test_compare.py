"""Compares runs whose differences the tests chose: counts, lists, and what is printed."""

import numpy as np
import pytest
from compared_runs import edit, edit_manifest, lines, write

from apigauge.__main__ import main
from apigauge.harness.comparison.compare import compare, read
from apigauge.harness.comparison.divergence import Words


def right(item):
    return f"<<<api_call>>>: {item.reference_call}\n<<<code>>>: {item.reference_program}"


@pytest.fixture
def answers(mini):
    """The reference answer of each of the first 24 items."""
    return {item.id: right(item) for item in mini.items[:24]}


def differing(answers, mini):
    """The answers with three changed: one in its prose alone, one into another API, one into none at all."""
    first, second, third = (item.id for item in mini.items[:3])
    other = next(item for item in mini.items if item.domain != mini.items[1].domain)
    return answers | {
        first: answers[first].replace("<<<code>>>", "\n<<<code>>>"),
        second: right(other),
        third: "I do not know.",
    }


def test_what_differs_is_counted_in_each_respect(make, answers, mini, compared):
    a, b = make("a", answers), make("b", differing(answers, mini))
    result, _ = compared(a, b)
    first, second, third = (item.id for item in mini.items[:3])
    assert (result["pairs"], result["only_a"], result["only_b"]) == (24, [], [])
    assert result["texts"] == {"compared": 24, "identical": 21, "share": 21 / 24}
    assert result["extractions"] == {"compared": 24, "identical": 22, "share": 22 / 24}
    assert result["verdicts"] == {"compared": 0, "identical": 0, "share": None}
    assert [one["item"] for one in result["different"]] == [first, second, third]
    prose, another, none = result["different"]
    assert (prose["extraction"], prose["verdict"], prose["metrics"]) == ({}, None, {})
    calls = {
        side: {row["item"]: row["extraction"] for row in lines(run / "scores.jsonl")}
        for side, run in (("a", a), ("b", b))
    }
    assert another["extraction"]["call"] == {side: calls[side][second]["call"] for side in "ab"}
    assert another["extraction"]["program"] == {side: calls[side][second]["program"] for side in "ab"}
    assert none["extraction"]["call"] == {"a": mini.items[2].reference_call, "b": None}
    assert another["metrics"]["ast.exact"] == none["metrics"]["ast.exact"] == {"a": 1.0, "b": 0.0}
    assert "hallucination" not in another["metrics"]


def test_a_metric_is_compared_by_its_means_over_the_same_answers_and_the_clusters_of_their_apis(
    make, answers, mini, compared
):
    a, b = make("a", answers), make("b", differing(answers, mini))
    result, _ = compared(a, b)
    values = result["metrics"]["ast.exact"]
    assert (values["a"], values["b"], values["n"]) == (1.0, 22 / 24, 24)
    assert values["difference"] == pytest.approx(-2 / 24)
    apis = [item.api for item in mini.items[:24]]
    lost = np.array([-1.0 if number in (1, 2) else 0.0 for number in range(24)])
    members = [np.flatnonzero(np.array(apis) == api) for api in sorted(set(apis))]
    assert len(members) < 24
    draw = np.random.default_rng(5)
    # Gaffke's bounds: random weights of the APIs, and of one more at the limit.
    sizes = np.array([len(group) for group in members] + [np.mean([(apis.count(api)) for api in apis])])
    weights = draw.exponential(size=(20_000, len(sizes))) * sizes
    means = [lost[group].mean() for group in members]
    ends = [
        np.percentile(weights @ [*means, limit] / weights.sum(axis=1), percentile)
        for limit, percentile in ((-1, 2.5), (1, 97.5))
    ]
    assert (values["low"], values["high"]) == pytest.approx(ends, abs=0.011)
    assert values["effective_apis"] == pytest.approx(24 / sizes[-1], abs=0.01)
    assert set(result["metrics"]) == {"ast.exact", "ast.domain", "hallucination", "rouge.1", "rouge.2", "rouge.L"}
    scores = [np.mean([row["metrics"]["rouge.L"] for row in lines(run / "scores.jsonl")]) for run in (a, b)]
    assert (result["metrics"]["rouge.L"]["a"], result["metrics"]["rouge.L"]["b"]) == pytest.approx(scores)
    assert result["metrics"]["rouge.L"]["difference"] == pytest.approx(scores[1] - scores[0])


def test_a_run_does_not_differ_from_itself(make, answers, compared):
    run = make("a", answers)
    result, stderr = compared(run, run)
    assert stderr == ""
    assert (result["different"], result["manifests"]) == ([], [])
    assert result["texts"]["share"] == result["extractions"]["share"] == 1
    for values in result["metrics"].values():
        assert (values["difference"], values["n"]) == (0, 24)
        # What nothing lost of 12 APIs leaves open.
        limit = 1 - 0.025 ** (1 / values["effective_apis"])
        assert (values["low"], values["high"]) == pytest.approx((-limit, limit), abs=1e-6)


def test_answers_are_paired_by_item_and_sample_and_the_others_are_named(make, mini, capsys, compared):
    items = [item.id for item in mini.items]
    a = make("a", {(item, sample): right(mini.items[0]) for item in items[:12] for sample in (0, 1)})
    b = make("b", {(items[0], 1): "prose", (items[1], 0): right(mini.items[0]), (items[40], 0): "prose"})
    result, _ = compared(a, b)
    assert (result["pairs"], result["texts"]["identical"]) == (2, 1)
    assert [(one["item"], one["sample"]) for one in result["different"]] == [(items[0], 1)]
    assert result["only_b"] == [{"item": items[40], "sample": 0}]
    only_a = [{"item": item, "sample": sample} for item in items[:12] for sample in (0, 1)]
    only_a.remove({"item": items[0], "sample": 1})
    only_a.remove({"item": items[1], "sample": 0})
    assert result["only_a"] == only_a
    assert {values["n"] for values in result["metrics"].values()} == {2}
    main(["compare", str(a), str(b)])
    shown = capsys.readouterr().out.splitlines()
    (line,) = (line for line in shown if line.startswith("only in A"))
    assert line.startswith(
        f"only in A: 22 of its answers: {items[0]}, {items[1]} (sample 1), {items[2]}, {items[2]} (sample 1), "
    )
    assert line.endswith(f", {items[5]}, {items[5]} (sample 1) and 12 more")
    assert f"only in B: 1 of its answers: {items[40]}" in shown


@pytest.mark.parametrize("options", [[], ["--logits", "hf:/nowhere"]], ids=["texts", "before a model is loaded"])
@pytest.mark.parametrize("field", ["name", "digest"])
def test_runs_over_different_benchmarks_or_data_are_not_compared(make, answers, capsys, field, options):
    a, b = make("a", answers, None), make("b", answers, None)
    edit_manifest(b, lambda manifest: manifest["benchmark"].update({field: "something-else"}))
    assert main(["compare", str(a), str(b), "--json", *options]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"benchmark's {field} differs" in shown.err
    assert "'something-else'" in shown.err
    assert "Traceback" not in shown.err


def test_a_folder_that_is_no_run_is_reported(make, answers, tmp_path, capsys):
    assert main(["compare", str(make("a", answers, None)), str(tmp_path)]) == 4
    assert f"{tmp_path} is no run directory" in capsys.readouterr().err


def test_of_a_run_without_scores_the_texts_are_compared_and_its_data_is_not_needed(
    make, answers, mini, tmp_path, compared
):
    a, b = make("a", answers), make("b", differing(answers, mini), None)
    for run in (a, b):
        edit_manifest(run, lambda manifest: manifest["benchmark"].update({"name": "apibench-torchhub"}))
    result, stderr = compared(a, b, "--data-dir", tmp_path / "nowhere")
    assert result["texts"]["identical"] == 21
    assert (result["metrics"], result["extractions"]["compared"]) == ({}, 0)
    assert [one["extraction"] for one in result["different"]] == [{}, {}, {}]
    assert "only texts are compared" in stderr


def test_data_that_was_replaced_since_is_reported(make, answers, compared):
    run = make("a", answers)
    edit_manifest(run, lambda manifest: manifest["benchmark"].update({"digest": "0" * 64}))
    result, stderr = compared(run, run)
    assert "mini here has other data than the runs answered" in stderr
    assert result["metrics"]["ast.exact"]["n"] == 24


def test_an_answer_to_an_unknown_item_is_reported(make, answers, capsys):
    run = make("a", answers)
    for name in ("generations.jsonl", "scores.jsonl"):
        edit(run / name, lambda row: row.update({"item": f"gone-{row['item']}"}))
    assert main(["compare", str(run), str(run)]) == 4
    assert "is not in the benchmark; was its data replaced?" in capsys.readouterr().err


def verdict(status, stage, category=None):
    """A verdict as in a run; each has its own evidence and reason."""
    verdict.count = getattr(verdict, "count", 0) + 1
    return {
        "status": status,
        "stage": stage,
        "category": category,
        "reason": f"reason {verdict.count}",
        "evidence": {"cpu_seconds": verdict.count / 7},
    }


def execute(run, verdicts):
    """Gives a run's answers, in their order, these verdicts and the scores that follow."""
    remaining = iter(verdicts)

    def change(row):
        row["verdict"] = next(remaining)
        stage = row["verdict"]["stage"]
        if row["verdict"]["status"] != "infra":
            row["metrics"] |= {
                "exec.rate": float(stage == 4),
                "exec.call": float(stage >= 3),
                "exec.stage": float(stage),
            }

    edit(run / "scores.jsonl", change)


def test_verdicts_differ_by_status_category_or_stage_and_by_nothing_else(make, answers, compared):
    a, b = make("a", answers, ["ast_match"]), make("b", answers, ["ast_match"])
    execute(a, [verdict("failed", 2, "name") for _ in range(24)])
    changed = [verdict("timeout", 2, "name"), verdict("failed", 2, "import"), verdict("failed", 3, "name")]
    execute(b, changed + [verdict("failed", 2, "name") for _ in range(21)])
    result, _ = compared(a, b)
    assert result["verdicts"] == {"compared": 24, "identical": 21, "share": 21 / 24}
    assert [one["item"] for one in result["different"]] == list(answers)[:3]
    assert result["different"][0]["verdict"] == {
        "a": {"status": "failed", "category": "name", "stage": 2},
        "b": {"status": "timeout", "category": "name", "stage": 2},
    }
    assert result["different"][0]["text"] is None
    assert result["different"][2]["metrics"]["exec.stage"] == {"a": 2, "b": 3}
    assert result["metrics"]["exec.stage"]["difference"] == pytest.approx(1 / 24)
    assert (result["metrics"]["exec.stage"]["a"], result["metrics"]["exec.stage"]["b"]) == pytest.approx(
        (2, 2 + 1 / 24)
    )


def test_an_interval_of_rungs_is_in_rungs(make, mini, compared):
    """With one API only, the interval goes 97.5 % of the way to four rungs either way."""
    api = mini.items[0].api
    texts = {item.id: right(item) for item in mini.items if item.api == api}
    assert len(texts) == 2
    a, b = make("a", texts, ["ast_match"]), make("b", texts, ["ast_match"])
    execute(a, [verdict("failed", 1, "syntax"), verdict("failed", 2, "name")])
    execute(b, [verdict("failed", 2, "name"), verdict("passed", 4)])
    result, _ = compared(a, b)
    stage = result["metrics"]["exec.stage"]
    assert (stage["difference"], stage["low"], stage["high"]) == pytest.approx(
        (1.5, 1.5 - 0.975 * 5.5, 1.5 + 0.975 * 2.5)
    )


def test_a_sandbox_failure_is_not_a_difference(make, mini, compared):
    """Up to one in a hundred it is left out of verdicts and scores: here one answer in 120."""
    texts = {(item.id, sample): right(item) for item in mini.items[:40] for sample in range(3)}
    a, b = make("a", texts, ["ast_match"]), make("b", texts, ["ast_match"])
    execute(a, [verdict("passed", 4)] * 120)
    execute(b, [verdict("infra", 0), *[verdict("passed", 4)] * 119])
    result, stderr = compared(a, b)
    assert stderr == ""
    assert result["verdicts"] == {"compared": 119, "identical": 119, "share": 1}
    assert (result["different"], result["withheld"]) == ([], [])
    assert (result["metrics"]["exec.rate"]["n"], result["metrics"]["ast.exact"]["n"]) == (119, 120)


@pytest.mark.parametrize("in_which", ["a", "b"])
def test_withheld_metrics_are_left_out_and_reported(make, answers, compared, in_which):
    runs = {name: make(name, answers, ["ast_match"]) for name in "ab"}
    for name, run in runs.items():
        infra = [verdict("infra", 0)] if name == in_which else [verdict("passed", 4)]
        execute(
            run,
            [
                *infra,
                verdict("passed", 4) if name == "a" else verdict("failed", 3, "other"),
                *[verdict("passed", 4)] * 22,
            ],
        )
    result, stderr = compared(*runs.values())
    assert result["withheld"] == ["exec.rate", "exec.call", "exec.exact", "exec.stage", "exec.deprecated"]
    assert set(result["metrics"]) == {"ast.exact", "ast.domain", "hallucination"}
    (one,) = result["different"]
    assert one["metrics"] == {}
    assert one["verdict"]["b"]["stage"] == 3
    assert "exec.rate, exec.call, exec.exact, exec.stage, exec.deprecated left out" in stderr


def test_a_score_that_differs_alone_is_a_difference_and_how_a_call_was_found_is_none(make, answers, compared):
    a, b = make("a", answers), make("b", answers)
    first, second = list(answers)[:2]

    def change(row):
        if row["item"] == first:
            row["metrics"]["rouge.1"] = 0.5
        if row["item"] == second:
            row["extraction"]["how"] = "guessed"

    edit(b / "scores.jsonl", change)
    result, _ = compared(a, b)
    (one,) = result["different"]
    assert (one["item"], one["text"], one["extraction"], set(one["metrics"])) == (first, None, {}, {"rouge.1"})
    assert one["metrics"]["rouge.1"]["b"] == 0.5
    assert result["extractions"]["share"] == 1


def test_a_metric_of_one_run_alone_is_not_compared(make, answers, compared):
    result, _ = compared(make("a", answers, ["ast_match"]), make("b", answers))
    assert set(result["metrics"]) == {"ast.exact", "ast.domain", "hallucination"}
    assert result["different"] == []
    assert {"name": "metrics.rouge", "a": None} in [
        {k: v for k, v in one.items() if k != "b"} for one in result["manifests"]
    ]


def test_answers_not_scored_yet_take_part_as_texts(make, answers, compared):
    a, b = make("a", answers), make("b", answers)
    write(b / "scores.jsonl", lines(b / "scores.jsonl")[:20])
    result, _ = compared(a, b)
    assert (result["texts"]["compared"], result["extractions"]["compared"]) == (24, 20)
    assert result["metrics"]["ast.exact"]["n"] == 20


def test_people_see_a_table_what_differs_in_the_manifests_and_where_each_text_diverges(make, answers, mini, capsys):
    a, b = make("a", answers), make("b", differing(answers, mini))
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    rows = [line.replace("│", " ").split() for line in shown.out.splitlines() if "│" in line]
    (exact,) = (row for row in rows if row[0] == "ast.exact")
    assert exact[1:4] == ["1.0000", "0.9167", "-0.0833"]
    assert exact[-2:] == ["24", "12.0"]
    assert "made differently: generator.spec: 'replay:a.jsonl' -> 'replay:b.jsonl'" in shown.out
    assert "identical texts: 21 of 24 (87.50%)" in shown.out
    assert "identical extractions: 22 of 24 (91.67%)" in shown.out
    assert "identical verdicts: none to compare" in shown.out
    block = shown.out.split(f"\nitem {mini.items[2].id}\n")[1]
    assert block.startswith("  text: token 0 is '<' in A, 'I' in B; before it ''\n")
    assert f"  call: {mini.items[2].reference_call!r} -> None\n" in block
    assert "ast.exact 1 -> 0" in block


def test_people_see_how_a_verdict_changed(make, answers, capsys):
    a, b = make("a", answers, ["ast_match"]), make("b", answers, ["ast_match"])
    execute(a, [verdict("passed", 4)] * 24)
    execute(b, [verdict("failed", 2, "name"), *[verdict("passed", 4)] * 23])
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "identical verdicts: 23 of 24 (95.83%)" in shown
    assert "\n  verdict: passed at stage 4 -> failed/name at stage 2\n" in shown


def test_people_see_the_first_twenty_that_differ_and_how_many_more_there_are(make, answers, capsys, compared):
    a, b = (
        make("a", answers, ["ast_match"]),
        make("b", {item: f"{text} " for item, text in answers.items()}, ["ast_match"]),
    )
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert [line[5:] for line in shown.splitlines() if line.startswith("item ")] == list(answers)[:20]
    assert "and 4 more that differ" in shown
    result, _ = compared(a, b)
    assert [one["item"] for one in result["different"]] == list(answers)


def test_no_answer_can_steer_the_terminal_or_break_the_output(make, answers, capsys, compared):
    """An escape sequence would clear the screen; a lone surrogate, which a server may send, is not UTF-8."""
    item = next(iter(answers))
    a, b = make("a", answers), make("b", answers | {item: "\x1b[2J"})
    edit(a / "generations.jsonl", lambda row: row.update({"text": "\ud800"}) if row["item"] == item else None)
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert r"token 0 is '\ud800' in A, '\x1b' in B" in shown
    result, _ = compared(a, b)
    assert (result["different"][0]["text"]["a"], result["different"][0]["text"]["b"]) == ("\ud800", "\x1b")


def test_no_items_name_can_steer_the_terminal(make, answers, capsys):
    a, b = make("a", answers, None), make("b", answers, None)
    edit(a / "generations.jsonl", lambda row: row.update({"item": "\x1b[2J"}))
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert r"only in A: 1 of its answers: '\x1b[2J'" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--logits", "vllm:x"], "the form is hf:PATH_OR_ID"),
        (["--logits", "hf:"], "the form is hf:PATH_OR_ID"),
        (["--logits", "hf:x", "--tokenizer", "y"], "leave out one of the two"),
    ],
)
def test_contradictory_options_are_refused(make, answers, capsys, options, said):
    run = str(make("a", answers, None))
    assert main(["compare", run, run, *options]) == 2
    assert said in capsys.readouterr().err


def test_texts_with_equal_tokens_diverge_at_no_token(make, mini):
    """Some tokenizers fold case or spaces; the texts still count as different."""

    class Folding(Words):
        def encode(self, text):
            return super().encode(text.lower())

    item = mini.items[0]
    a, b = make("a", {item.id: "Torch"}, None), make("b", {item.id: "torch"}, None)
    (one,) = compare(read(a), read(b), {}, Folding()).different
    assert (one.text.position, one.text.a, one.text.b) == (1, None, None)


def test_what_an_older_run_does_not_say_is_not_called_different(make, mini, capsys):
    runs = [make(name, {item.id: item.reference_call for item in mini.items[:2]}) for name in "ab"]
    edit_manifest(runs[0], lambda manifest: manifest["benchmark"].pop("loader"))
    assert main(["compare", *map(str, runs)]) == 0
    assert "not known: whether benchmark.loader is equal; A is of an older version" in capsys.readouterr().out
