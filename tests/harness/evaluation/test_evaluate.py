"""A run from end to end on the embedded benchmark: scores, resuming, scoring again, and several processes."""

import json
import math
import re
import shutil
from collections import Counter

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.errors import ResponsesError, RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.evaluation.rescore import score_run
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.metrics.registry import LOADER_CODE, code_digest

STATIC = ["ast_match", "rouge"]
TOPK = "torch.topk(scores, k=3)"


@pytest.fixture(scope="module")
def mini():
    return load_benchmark("mini")


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def by_key(path):
    rows = lines(path)
    keyed = {(row["item"], row["sample"]): row for row in rows}
    assert len(keyed) == len(rows), "a key stands twice"
    return keyed


def replay_file(path, mini, samples, items=None):
    """Several answers to each item: the reference, another item's reference, prose, a cut-off call, ..."""
    wanted = mini.items[:items]
    with path.open("w", encoding="utf-8") as file:
        for sample in range(samples):
            for number, item in enumerate(wanted):
                other = mini.items[(number + sample) % len(mini.items)]
                text = (
                    f"<<<api_call>>>: {other.reference_call}\n<<<code>>>: {other.reference_program}",
                    f"```python\n{other.reference_program}```",
                    f"You could use {other.reference_call} here, sample {sample}.",
                    f"<<<api_call>>>: {other.reference_call[:-4]}",
                )[(number + sample) % 4]
                file.write(json.dumps({"item": item.id, "sample": sample, "text": text}) + "\n")
    return f"replay:{path}"


def test_a_constant_answer_is_right_for_its_own_api_and_in_domain_for_its_neighbours(tmp_path, mini):
    """mini asks twice for each of 28 APIs; four of them, torch.topk among them, are of one domain."""
    summary = evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, STATIC)
    metrics = summary["metrics"]
    assert metrics["ast.exact"]["value"] == pytest.approx(2 / 56)
    assert metrics["ast.domain"]["value"] == pytest.approx(8 / 56)
    assert metrics["hallucination"]["value"] == 0
    assert metrics["hallucination"]["high"] == pytest.approx(1 - 0.025 ** (1 / 28))
    assert {entry["n"] for entry in metrics.values()} == {56}
    assert {entry["clusters"] for entry in metrics.values()} == {28}
    assert (summary["items"], summary["expected"], summary["problems"]) == (56, 56, [])
    assert summary["labels"]["ast.exact"]["exact"] == 2
    assert sum(summary["labels"]["ast.exact"].values()) == 56
    assert run_directory.read_json(tmp_path / "summary.json") == summary


def test_a_call_of_an_api_that_does_not_exist_hallucinates_everywhere(tmp_path, mini):
    summary = evaluate(mini, open_generator("constant:torch.no_such_thing(1)"), tmp_path, ["ast_match"])
    assert {name: entry["value"] for name, entry in summary["metrics"].items()} == {
        "ast.exact": 0,
        "ast.domain": 0,
        "hallucination": 1,
    }


def test_a_run_holds_what_its_files_are_documented_to_hold(tmp_path, mini):
    evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, STATIC)
    answers, scores = lines(tmp_path / "generations.jsonl"), lines(tmp_path / "scores.jsonl")
    assert [row["item"] for row in answers] == [row["item"] for row in scores] == [item.id for item in mini.items]
    documented = {"item", "sample", "prompt_sha256", "text", "finish_reason", "prompt_tokens", "completion_tokens"}
    assert documented <= set(answers[0])
    assert {"item", "sample", "extraction", "metrics", "labels", "verdict"} <= set(scores[0])
    assert scores[0]["extraction"] == {"call": TOPK, "program": TOPK, "how": "code"}
    assert {row["text"] for row in answers} == {TOPK}
    assert len({row["prompt_sha256"] for row in answers}) == 56
    manifest = run_directory.read_json(tmp_path / "manifest.json")
    loader = manifest["benchmark"].pop("loader")
    assert loader == code_digest(*LOADER_CODE)
    assert manifest["benchmark"] == {
        "name": "mini",
        "digest": mini.digest,
        "items": 56,
        "version": "1-A",
        "licence": "Apache-2.0",
    }
    assert manifest["generator"]["spec"] == f"constant:{TOPK}"
    assert set(manifest["metrics"]) == set(STATIC)
    assert manifest["timings"]["seconds"] > 0


def bm25(query, documents):
    """Lucene's BM25 with k1 = 1.5 and b = 0.75, written out."""
    lengths = [len(document) for document in documents]
    average = sum(lengths) / len(lengths)
    scores = []
    for document, length in zip(documents, lengths, strict=True):
        counts, score = Counter(document), 0.0
        for word in query:
            holding = sum(word in other for other in documents)
            idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            score += idf * counts[word] / (counts[word] + 1.5 * (1 - 0.75 + 0.75 * length / average))
        scores.append(score)
    return scores


def test_retrieval_answers_with_the_catalogue_row_nearest_by_bm25(tmp_path, mini):
    import bm25s.stopwords

    evaluate(mini, open_generator("retrieval:bm25"), tmp_path, ["ast_match"])

    def words(text):
        return [w for w in re.findall(r"\b\w\w+\b", text.lower()) if w not in bm25s.stopwords.STOPWORDS_EN]

    documents = [words(f"{api.domain} {api.name} {api.description}") for api in mini.catalogue]
    rows = {api.call: number for number, api in enumerate(mini.catalogue)}
    answers = by_key(tmp_path / "generations.jsonl")
    for item in mini.items:
        text = answers[item.id, 0]["text"]
        call = re.search(r"<<<api_call>>>: (.*)\n<<<code>>>: ", text)[1]
        scores = bm25(words(item.instruction), documents)
        assert scores[rows[call]] == pytest.approx(max(scores), rel=1e-4), item.id


def test_only_the_first_items_are_answered_under_a_limit(tmp_path, mini):
    summary = evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, ["ast_match"], limit=5)
    assert (summary["items"], summary["expected"]) == (5, 5)
    assert [row["item"] for row in lines(tmp_path / "scores.jsonl")] == [item.id for item in mini.items[:5]]
    with pytest.raises(RunError, match=r"benchmark\.items was 5 and is 4.*--limit 5 or more"):
        evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, ["ast_match"], limit=4)
    assert len(lines(tmp_path / "scores.jsonl")) == 5


def damage(path, dropped, torn):
    """Deletes the last lines of a file, and the end of the line then last if it is to be torn."""
    kept = path.read_bytes().splitlines(keepends=True)[:-dropped]
    if torn:
        kept[-1] = kept[-1][: len(kept[-1]) // 2]
    path.write_bytes(b"".join(kept))


@pytest.mark.parametrize("spec", [f"constant:{TOPK}", "retrieval:bm25"])
@pytest.mark.parametrize(
    ("answers", "scores"),
    [
        ((3, True), (3, False)),
        ((1, True), (20, True)),
        ((1, False), (55, True)),
        ((40, False), (41, True)),
        (None, (10, True)),
    ],
)
def test_a_run_that_broke_off_goes_on_to_the_undisturbed_result(tmp_path, mini, spec, answers, scores):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = evaluate(mini, open_generator(spec), whole, STATIC)
    shutil.copytree(whole, broken)
    (broken / "summary.json").unlink()
    if answers:
        damage(broken / "generations.jsonl", *answers)
    damage(broken / "scores.jsonl", *scores)
    assert evaluate(mini, open_generator(spec), broken, STATIC) == expected
    for name in ("generations.jsonl", "scores.jsonl"):
        assert by_key(broken / name) == by_key(whole / name)


@pytest.mark.parametrize(("dropped", "torn"), [(1, False), (7, True), (30, False), (35, True)])
def test_several_answers_to_an_item_are_all_there_after_a_run_that_broke_off(tmp_path, mini, dropped, torn):
    """An item with one of its answers stored is not yet an item answered: the others must come on resuming."""
    spec = replay_file(tmp_path / "answers.jsonl", mini, samples=4, items=10)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = evaluate(mini, open_generator(spec), whole, ["ast_match"])
    shutil.copytree(whole, broken)
    for name in ("generations.jsonl", "scores.jsonl"):
        damage(broken / name, dropped, torn)
    assert evaluate(mini, open_generator(spec), broken, ["ast_match"]) == expected
    for name in ("generations.jsonl", "scores.jsonl"):
        assert by_key(broken / name) == by_key(whole / name)


def test_resuming_a_finished_run_changes_no_answer_and_no_score(tmp_path, mini):
    first = evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, STATIC)
    before = [(tmp_path / name).read_bytes() for name in ("generations.jsonl", "scores.jsonl")]
    scored_again = []
    again = evaluate(mini, open_generator(f"constant:{TOPK}"), tmp_path, STATIC, tick=lambda: scored_again.append(1))
    assert again == first
    assert scored_again == []
    assert [(tmp_path / name).read_bytes() for name in ("generations.jsonl", "scores.jsonl")] == before


def test_a_run_is_not_continued_by_another_model(tmp_path, mini):
    evaluate(mini, open_generator("constant:a(1)"), tmp_path, ["ast_match"])
    with pytest.raises(RunError, match=r"generator\.spec was 'constant:a\(1\)' and is 'constant:b\(1\)'"):
        evaluate(mini, open_generator("constant:b(1)"), tmp_path, ["ast_match"])


def test_a_replayed_file_that_changed_is_another_run(tmp_path, mini):
    spec = replay_file(tmp_path / "a.jsonl", mini, samples=1)
    evaluate(mini, open_generator(spec), tmp_path / "run", ["ast_match"])
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(RunError, match=r"generator\.digest"):
        evaluate(mini, open_generator(spec), tmp_path / "run", ["ast_match"])


def test_two_runs_of_one_thing_have_equal_manifests_apart_from_date_host_timings_and_cache(tmp_path, mini):
    manifests = []
    for name in ("a", "b"):
        evaluate(mini, open_generator("retrieval:bm25"), tmp_path / name, STATIC)
        manifest = run_directory.read_json(tmp_path / name / "manifest.json")
        manifests.append({key: value for key, value in manifest.items() if key not in run_directory.NOT_IDENTIFYING})
    assert manifests[0] == manifests[1]
    assert (tmp_path / "a" / "scores.jsonl").read_bytes() == (tmp_path / "b" / "scores.jsonl").read_bytes()
    assert set(manifests[0]) == {
        "schema_version",
        "apigauge_version",
        "benchmark",
        "prompt_sha256",
        "generator",
        "extraction",
        "reasoning",
        "metrics",
        "libraries",
        "sandbox",
    }


def test_several_processes_give_the_scores_of_one(tmp_path, mini):
    spec = replay_file(tmp_path / "answers.jsonl", mini, samples=5)
    one = evaluate(mini, open_generator(spec), tmp_path / "one", STATIC, workers=1)
    two = evaluate(mini, open_generator(spec), tmp_path / "two", STATIC, workers=2)
    assert one == two
    assert len(by_key(tmp_path / "one" / "scores.jsonl")) == 56 * 5
    assert (tmp_path / "one" / "scores.jsonl").read_bytes() == (tmp_path / "two" / "scores.jsonl").read_bytes()
    assert one["metrics"]["ast.exact"]["n"] == 56 * 5


def test_items_without_an_answer_show_as_fewer_than_expected(tmp_path, mini):
    spec = replay_file(tmp_path / "answers.jsonl", mini, samples=2, items=10)
    summary = evaluate(mini, open_generator(spec), tmp_path / "run", ["ast_match"])
    assert (summary["items"], summary["expected"]) == (10, 56)
    assert summary["metrics"]["ast.exact"]["n"] == 20


def test_a_file_that_answers_nothing_is_no_run(tmp_path, mini):
    (tmp_path / "answers.jsonl").write_text('{"question_id": 1, "text": "f(1)"}\n')
    with pytest.raises(ResponsesError, match="line 1"):
        evaluate(mini, open_generator(f"replay:{tmp_path / 'answers.jsonl'}"), tmp_path / "run", ["ast_match"])


def test_answers_made_now_and_scored_later_are_scored_alike(tmp_path, mini):
    together, apart = tmp_path / "together", tmp_path / "apart"
    expected = evaluate(mini, open_generator("retrieval:bm25"), together, ["ast_match"])
    assert generate(mini, open_generator("retrieval:bm25"), apart) == 56
    assert not (apart / "scores.jsonl").exists()
    summary, _ = score_run(mini, apart, ["ast_match"])
    assert summary == expected
    assert by_key(apart / "scores.jsonl") == by_key(together / "scores.jsonl")


@pytest.fixture
def scored(tmp_path, mini):
    evaluate(mini, open_generator("retrieval:bm25"), tmp_path / "run", STATIC)
    return tmp_path / "run"


def edit_score(run, item, metric, value):
    rows = lines(run / "scores.jsonl")
    (row,) = (row for row in rows if row["item"] == item)
    old = row["metrics"][metric]
    row["metrics"][metric] = value
    (run / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return old


def test_scoring_again_with_nothing_changed_finds_no_change(scored, apigauge):
    before = {name: (scored / name).read_bytes() for name in ("scores.jsonl", "summary.json", "generations.jsonl")}
    done = apigauge("rerun", scored, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"run": str(scored), "items": 56, "changes": []}
    assert {name: (scored / name).read_bytes() for name in before} == before
    plain = apigauge("rerun", scored)
    assert plain.stdout == ""
    assert re.search(r"\b0 scores changed", plain.stderr)


def test_an_edited_score_is_named_alone_and_nothing_explains_it(scored, mini, apigauge):
    item = mini.items[7].id
    old = edit_score(scored, item, "rouge.2", 0.123)
    done = apigauge("rerun", scored)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"item {item}, sample 0: rouge.2 0.123 -> {old} ")
    assert "nothing in the manifest explains it" in line
    assert by_key(scored / "scores.jsonl")[item, 0]["metrics"]["rouge.2"] == old
    assert not [name.name for name in scored.iterdir() if name.name.endswith(".tmp")]


def test_a_changed_metric_explains_its_own_scores_and_no_others(scored, mini):
    """The manifest says an older rouge made these: that explains a rouge score, not one of ast_match."""
    manifest = run_directory.read_json(scored / "manifest.json")
    installed = manifest["metrics"]["rouge"]
    manifest["metrics"]["rouge"] = "rouge-score 0.0.7"
    run_directory.write_json(scored / "manifest.json", manifest)
    rouge_item, ast_item = mini.items[3].id, mini.items[9].id
    edit_score(scored, rouge_item, "rouge.L", 0.5)
    edit_score(scored, ast_item, "ast.domain", 0.5)
    _, changes = score_run(mini, scored, STATIC)
    causes = {(change.item, change.metric): change.because for change in changes}
    assert causes == {
        (rouge_item, "rouge.L"): (f"metrics.rouge: 'rouge-score 0.0.7' -> '{installed}'",),
        (ast_item, "ast.domain"): (),
    }
    assert run_directory.read_json(scored / "manifest.json")["metrics"]["rouge"] == installed


def test_what_all_scores_share_explains_any_of_them(scored, mini):
    manifest = run_directory.read_json(scored / "manifest.json")
    manifest["benchmark"]["digest"] = "0" * 64
    run_directory.write_json(scored / "manifest.json", manifest)
    edit_score(scored, mini.items[0].id, "ast.exact", 0.5)
    _, (change,) = score_run(mini, scored, STATIC)
    assert [cause.split(":")[0] for cause in change.because] == ["benchmark.digest"]


def test_scoring_again_with_fewer_metrics_names_the_lost_ones(scored, mini):
    _, changes = score_run(mini, scored, ["ast_match"])
    assert {change.metric for change in changes} == {"rouge.1", "rouge.2", "rouge.L"}
    assert {change.new for change in changes} == {None}
    assert len(changes) == 56 * 3


def test_an_answer_to_no_item_of_the_benchmark_is_named(scored, mini):
    with (scored / "generations.jsonl").open("a") as file:
        file.write('{"item": "mini-999", "sample": 0, "text": "f(1)"}\n')
    with pytest.raises(RunError, match="mini-999"):
        score_run(mini, scored, ["ast_match"])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("generations.jsonl", '{"item": "mini-003", "sample": 5}'),
        ("generations.jsonl", '{"item": "mini-003", "sample": 5, "text": 7}'),
        ("scores.jsonl", '{"item": "mini-003", "sample": 5}'),
        (
            "scores.jsonl",
            '{"item": "mini-003", "sample": 5, "extraction": {}, "metrics": {"rouge.1": "0.5"}, "labels": {}}',
        ),
    ],
)
def test_a_row_that_lacks_what_it_must_hold_is_reported_without_a_traceback(scored, apigauge, name, line):
    """A run may come from elsewhere, or have been edited."""
    with (scored / name).open("a") as file:
        file.write(line + "\n")
    done = apigauge("rerun", scored)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        ("summary.json", ("metrics", "rouge.1", "value"), 10**400),
        ("summary.json", ("labels", "ast.exact"), ["exact"]),
        ("manifest.json", ("benchmark", "name"), ["mini"]),
    ],
)
def test_a_damaged_field_is_reported_by_every_reader(scored, apigauge, tmp_path, name, keys, value):
    content = json.loads((scored / name).read_text())
    entry = content
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = value
    (scored / name).write_text(json.dumps(content))
    assert apigauge("runs", scored).stdout.count("damaged") >= 1
    done = apigauge("report", scored, "--out", tmp_path / "site")
    assert done.returncode == 4
    assert name in done.stderr
    assert "internal error" not in done.stderr
