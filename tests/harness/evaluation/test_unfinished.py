"""An answer without an end is a state of its own: in its row, in the summary, and in every report of the run."""

import json

import pytest
from compared_runs import edit, edit_manifest, lines, write

from apigauge.__main__ import main
from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation import run_directory, unfinished
from apigauge.harness.evaluation.evaluate import evaluate
from apigauge.harness.evaluation.rescore import score_run
from apigauge.harness.evaluation.scoring import with_end
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.types import Completion, FixedAnswers
from apigauge.reports.views import MOST_UNFINISHED

RIGHT, DRAFT = "torch.topk(x, 3)", "heapq.nlargest(3, items)"


class Answers(FixedAnswers):
    """Answers with these completions, the first to the first item and so on."""

    def __init__(self, *completions, template="", prompt=None):
        super().__init__()
        self._completions, self._prompt = completions, prompt
        self.chat_template = template

    def describe(self):
        return {"spec": "answers:fixed", "kind": "fixed"}

    def prompts(self, benchmark, items):
        return [self._prompt or benchmark.prompt(item) for item in items]

    def generate(self, _benchmark, items, done=()):
        for item, fields in zip(items, self._completions, strict=False):
            if (item.id, 0) not in done:
                yield Completion(item.id, 0, **fields)


def states(run):
    return [row["unfinished"] for row in lines(run / "scores.jsonl")]


def labels(run):
    return [row["labels"]["ast.exact"] for row in lines(run / "scores.jsonl")]


def test_each_way_of_having_no_end_is_in_its_row_and_counted(mini, tmp_path):
    generator = Answers(
        {"text": RIGHT},
        {"text": "Let me see", "finish_reason": "length"},
        {"text": f"<think>{DRAFT}", "finish_reason": "length"},
        {"text": f"<think>{DRAFT}"},
        {"text": "", "finish_reason": "length"},
        {"text": "", "reasoning": f"Perhaps {DRAFT}", "finish_reason": "length"},
        {"text": "", "reasoning": f"Perhaps {DRAFT}"},
        {"text": RIGHT, "reasoning": f"Perhaps {DRAFT}"},
        {"text": "I decline."},
        {"text": "layer = torch.topk(x, 3", "finish_reason": "MAX_TOKENS"},
    )
    summary = evaluate(mini, generator, tmp_path, ["ast_match", "rouge"], limit=10)
    reasons = [None, "length", "reasoning", "reasoning", "length", "reasoning", "reasoning", None, None, "length"]
    assert states(tmp_path) == reasons
    assert [label == "unfinished" for label in labels(tmp_path)] == [bool(reason) for reason in reasons]
    assert summary["unfinished"] == {"count": 7, "answers": 10, "share": 0.7, "reasons": {"length": 3, "reasoning": 4}}
    assert {(one["unfinished"], one["unfinished_share"]) for one in summary["metrics"].values()} == {(7, 0.7)}
    assert summary["labels"]["ast.exact"]["unfinished"] == 7
    row = lines(tmp_path / "scores.jsonl")[7]
    assert (row["extraction"]["call"], row["extraction"]["reasoning"]) == (RIGHT, f"Perhaps {DRAFT}")
    assert [row.get("reasoning", "") for row in lines(tmp_path / "generations.jsonl")][5:8] == [f"Perhaps {DRAFT}"] * 3
    assert "reasoning" not in lines(tmp_path / "generations.jsonl")[0]


def test_a_cut_off_answer_with_a_complete_call_is_scored_as_usual(mini, tmp_path):
    item = mini.items[0]
    text = f"```python\n{item.reference_program}\nprint("
    summary = evaluate(mini, Answers({"text": text, "finish_reason": "length"}), tmp_path, ["ast_match"], limit=1)
    assert labels(tmp_path) == ["exact"]
    assert summary["metrics"]["ast.exact"]["value"] == 1.0
    assert summary["unfinished"]["count"] == 1


def test_a_draft_that_equals_the_reference_is_not_exact(mini, tmp_path):
    """As a cut-off block without an answer once was."""
    item = mini.items[0]
    generator = Answers({"text": f"<think>{item.reference_call}"}, {"text": mini.items[1].reference_call})
    evaluate(mini, generator, tmp_path, ["ast_match"], limit=2)
    assert labels(tmp_path) == ["unfinished", "exact"]
    message = lines(tmp_path / "scores.jsonl")[0]["messages"]["ast.exact"]
    assert message == "the answer ends inside the model's reasoning"


def test_more_than_a_tenth_is_a_problem_and_a_tenth_is_none(mini, tmp_path):
    cut = {"text": "Let me", "finish_reason": "length"}
    tenth = evaluate(mini, Answers(cut, *[{"text": RIGHT}] * 9), tmp_path / "tenth", ["ast_match"], limit=10)
    assert tenth["problems"] == []
    more = evaluate(mini, Answers(cut, cut, *[{"text": RIGHT}] * 8), tmp_path / "more", ["ast_match"], limit=10)
    (problem,) = more["problems"]
    assert problem.startswith("2 of 10 answers are unfinished (20.0%: 2 cut off by the limit of tokens)")
    assert problem.endswith("--max-new-tokens")
    again, _ = score_run(mini, tmp_path / "more", ["ast_match"])
    assert again == more  # said once, and not once more with each scoring
    assert unfinished.MOST == MOST_UNFINISHED


def test_rows_of_older_versions_are_read_and_not_counted(mini, tmp_path):
    evaluate(mini, Answers({"text": RIGHT}), tmp_path, ["ast_match"], limit=1)
    edit(tmp_path / "scores.jsonl", lambda row: row.pop("unfinished"))
    assert unfinished.count(run_directory.read_scores(tmp_path)) is None
    summary = json.loads((tmp_path / "summary.json").read_text())
    del summary["unfinished"]
    run_directory.write_json(tmp_path / "summary.json", summary)
    assert "unfinished" not in run_directory.read_summary(tmp_path)


def test_a_damaged_count_is_refused(mini, tmp_path):
    evaluate(mini, Answers({"text": RIGHT}), tmp_path, ["ast_match"], limit=1)
    for damaged in ("many", {"count": 1}, {"count": "1", "answers": 1, "share": 1.0}):
        run_directory.write_json(
            tmp_path / "summary.json", run_directory.read_json(tmp_path / "summary.json") | {"unfinished": damaged}
        )
        with pytest.raises(RunError, match="unfinished is damaged"):
            run_directory.read_summary(tmp_path)


def test_the_mode_is_recorded_used_again_and_can_be_changed(mini, tmp_path):
    text = f"<think>{DRAFT}</think>\n{mini.items[0].reference_call}"
    run, program = tmp_path / "run", mini.items[0].reference_call
    evaluate(mini, Answers({"text": text}), run, ["ast_match"], limit=1, reasoning="keep")
    calls = [lines(run / "scores.jsonl")[0]["extraction"]["call"]]
    assert run_directory.read_manifest(run)["reasoning"] == {"mode": "keep"}
    _, unchanged = score_run(mini, run, ["ast_match"])
    calls.append(lines(run / "scores.jsonl")[0]["extraction"]["call"])
    _, changes = score_run(mini, run, ["ast_match"], reasoning="strip")
    calls.append(lines(run / "scores.jsonl")[0]["extraction"]["call"])
    assert calls == [DRAFT, DRAFT, program]
    assert unchanged == []
    assert {change.because for change in changes} == {("reasoning.mode: 'keep' -> 'strip'",)}
    assert run_directory.read_manifest(run)["reasoning"] == {"mode": "strip"}
    with pytest.raises(UsageError, match="give strip, keep, or tags"):
        score_run(mini, run, ["ast_match"], reasoning="stirp")


def test_a_run_is_not_resumed_in_another_mode_and_scores_are_not_mixed(mini, tmp_path):
    evaluate(mini, Answers({"text": RIGHT}), tmp_path, ["ast_match", "rouge"], limit=1)
    with pytest.raises(RunError, match=r"reasoning\.mode was 'strip' and is 'keep'"):
        evaluate(mini, Answers({"text": RIGHT}), tmp_path, ["ast_match", "rouge"], limit=1, reasoning="keep")
    with pytest.raises(RunError, match=r"reasoning\.mode was 'strip' and is 'keep'"):
        score_run(mini, tmp_path, ["rouge"], keep_others=True, reasoning="keep")


def test_the_template_and_the_prompts_say_which_tags_count(mini, tmp_path):
    template = "{{ '<plan>' + message.reasoning_content + '</plan>' }}"
    generator = Answers({"text": f"{DRAFT} or <think> {RIGHT}"}, template=template, prompt="Do it.\n<plan>\n")
    evaluate(mini, generator, tmp_path, ["ast_match"], limit=1)
    record = {"mode": "strip", "template_tags": [["<plan>", "</plan>"]], "prompt_tag": "<plan>"}
    assert run_directory.read_manifest(tmp_path)["reasoning"] == record
    assert states(tmp_path) == ["reasoning"]
    score_run(mini, tmp_path, ["ast_match"])
    assert run_directory.read_manifest(tmp_path)["reasoning"] == record
    assert states(tmp_path) == ["reasoning"]


def test_a_run_without_a_record_is_scored_as_by_default(mini, tmp_path):
    evaluate(mini, Answers({"text": RIGHT}), tmp_path, ["ast_match"], limit=1)
    edit_manifest(tmp_path, lambda manifest: manifest.pop("reasoning"))
    score_run(mini, tmp_path, ["ast_match"])
    assert run_directory.read_manifest(tmp_path)["reasoning"] == {"mode": "strip"}


def test_answers_in_a_file_may_say_why_they_end(mini, tmp_path):
    rows = [
        {"item": item.id, "text": "Let me", "finish_reason": reason}
        for item, reason in zip(mini.items, ("length", "stop", None, "tool_calls"), strict=False)
    ]
    write(tmp_path / "answers.jsonl", rows)
    evaluate(mini, open_generator(f"replay:{tmp_path / 'answers.jsonl'}"), tmp_path / "run", ["ast_match"])
    assert states(tmp_path / "run") == ["length", None, None, None]


def test_an_answer_that_a_server_left_empty_is_counted_and_not_left_out(mini, tmp_path):
    fields = (
        {"text": None, "finish_reason": "length"},
        {"text": None, "reasoning_content": "hm", "finish_reason": "length"},
        {"choices": [{"message": {"content": None}, "finish_reason": "length"}]},
    )
    rows = [{"item": item.id, **one} for item, one in zip(mini.items, fields, strict=False)]
    write(tmp_path / "answers.jsonl", rows)
    summary = evaluate(mini, open_generator(f"replay:{tmp_path / 'answers.jsonl'}"), tmp_path / "run", ["ast_match"])
    assert states(tmp_path / "run") == ["length", "reasoning", "length"]
    assert summary["problems"] == [unfinished.problem(summary["unfinished"])]


def test_reasoning_sent_apart_comes_before_what_the_text_has():
    extraction = extract(f"<think>b</think>{RIGHT}")
    joined = with_end(extraction, Completion("i", 0, "text", reasoning="a\n"))
    assert joined.reasoning == "a\nb"
    assert with_end(extraction, Completion("i", 0, "text")) is extraction


def test_the_command_line_says_it_loudly_and_the_tables_show_it(mini, tmp_path, capsys):
    rows = [{"item": item.id, "text": "Let me", "finish_reason": "length"} for item in mini.items[:2]]
    rows += [{"item": item.id, "text": item.reference_call} for item in mini.items[2:8]]
    write(tmp_path / "answers.jsonl", rows)
    out = tmp_path / "runs" / "cut"
    command = ["score", "--benchmark", "mini", "--responses", str(tmp_path / "answers.jsonl"), "--sandbox", "none"]
    assert main(["--quiet", *command, "--metrics", "ast.exact", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("apigauge: WARNING: 2 of 8 answers are unfinished (25.0%: 2 cut off by the limit")
    assert "--max-new-tokens" in shown.err
    table = shown.out.splitlines()
    assert "unfinished" in table[2]
    assert next(line for line in table if "ast.exact" in line).count("2 (25.0%)") == 1
    assert "2 of 8 answers are unfinished (25.0%: 2 cut off by the limit of tokens)" in shown.out
    assert main(["runs", str(tmp_path / "runs")]) == 0
    assert "2 (25.0%)" in capsys.readouterr().out
    assert main(["runs", str(tmp_path / "runs"), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["runs"]
    assert entry["unfinished"] == {"count": 2, "share": 0.25}
    assert main(["score", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unfinished"]["reasons"] == {"length": 2}


def test_a_run_without_unfinished_answers_says_nothing_of_them(mini, tmp_path, capsys):
    write(tmp_path / "answers.jsonl", [{"item": mini.items[0].id, "text": RIGHT}])
    command = ["score", "--benchmark", "mini", "--responses", str(tmp_path / "answers.jsonl"), "--sandbox", "none"]
    assert main([*command, "--metrics", "ast.exact", "--out", str(tmp_path / "runs" / "whole")]) == 0
    assert main(["runs", str(tmp_path / "runs")]) == 0
    shown = capsys.readouterr()
    assert "answers are unfinished" not in shown.out + shown.err
    assert " unfinished " not in shown.out


def test_generate_says_how_many_answers_are_cut_off(mini, tmp_path, capsys):
    rows = [
        {"item": item.id, "text": "", "finish_reason": reason}
        for item, reason in zip(mini.items, ("length", "stop"), strict=False)
    ]
    write(tmp_path / "answers.jsonl", rows)
    model = f"replay:{tmp_path / 'answers.jsonl'}"
    assert main(["generate", "--benchmark", "mini", "--model", model, "--out", str(tmp_path / "run")]) == 0
    assert "1 of 2 answers are cut off by the limit of tokens; see --max-new-tokens" in capsys.readouterr().err


def test_the_option_is_checked_and_may_stand_in_a_file(tmp_path, capsys):
    run, options = ["run", "--benchmark", "mini", "--limit", "1", "--sandbox", "none"], tmp_path / "run.toml"
    with pytest.raises(SystemExit) as ended:
        main([*run, "--model", "constant:f(1)", "--reasoning", "stirp"])
    assert ended.value.code == 2
    assert "did you mean 'strip'?" in capsys.readouterr().err
    options.write_text(
        "model = \"constant:<plan>heapq.nlargest(3, items)</plan>torch.topk(x, 3)\"\nreasoning = '<plan>,</plan>'\n"
    )
    assert main(["run", str(options), *run[1:], "--out", str(tmp_path / "own")]) == 0
    assert lines(tmp_path / "own" / "scores.jsonl")[0]["extraction"]["call"] == "torch.topk(x, 3)"
    assert run_directory.read_manifest(tmp_path / "own")["reasoning"] == {"mode": "<plan>,</plan>"}
    options.write_text('model = "constant:f(1)"\nreasoning = 3\n')
    assert main(["run", str(options), *run[1:], "--out", str(tmp_path / "other")]) == 2
    assert "reasoning: expected text, not 3" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "own"), "--reasoning", "keep", "--sandbox", "none"]) == 0
    assert lines(tmp_path / "own" / "scores.jsonl")[0]["extraction"]["call"] == DRAFT
