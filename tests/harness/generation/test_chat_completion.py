"""What servers return next to, or in place of, an answer's text: reasoning, parts, tool calls, refusals."""

import json

import pytest
from openai_client import answers, engine, requests
from openai_server import send

from apigauge.__main__ import main
from apigauge.harness.evaluation.evaluate import stored
from apigauge.harness.generation.chat_completion import read_choice
from apigauge.harness.generation.sampling import Sampling

CALL = {"name": "torch.hub.load", "arguments": '{"repo_or_dir": "pytorch/vision", "model": "alexnet"}'}


def message(finish_reason="stop", **fields):
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **fields}}
    return send(json.dumps({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}))


def answer(server, sampling=None, **fields):
    server.first([message(**fields)])
    return answers(engine(server, sampling), requests(1))["i0"]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_was_cut_off_is_kept_beside_an_empty_text(server, name):
    one = answer(server, content=None, finish_reason="length", **{name: "torch.hub.load(...)? Let me"})
    assert (one.text, one.reasoning, one.finish_reason) == ("", "torch.hub.load(...)? Let me", "length")


def test_reasoning_before_an_answer_is_kept_apart(server):
    one = answer(server, content="load()", reasoning_content="Hm.", reasoning=None)
    assert (one.text, one.reasoning, one.finish_reason) == ("load()", "Hm.", "stop")


@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},  # Mistral
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},  # Anthropic
        {"type": "reasoning", "text": "Hm."},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
    ],
)
def test_parts_are_joined_each_to_where_it_belongs(server, thinking):
    parts = [thinking, {"type": "text", "text": "load("}, {"type": "output_text", "text": ")"}, {"type": "image_url"}]
    one = answer(server, content=parts)
    assert (one.text, one.reasoning) == ("load()", "Hm.")


def test_a_stop_text_across_two_parts_cuts_the_answer_and_not_the_reasoning(server):
    parts = [{"type": "thinking", "thinking": "END"}, {"type": "text", "text": "a E"}, {"type": "text", "text": "ND b"}]
    one = answer(server, Sampling(stop=("END",)), content=parts)
    assert (one.text, one.reasoning) == ("a ", "END")


def test_a_tool_call_is_the_text_without_its_changing_id(server):
    calls = [{"id": "call_7f3a", "index": 0, "type": "function", "function": CALL}]
    one = answer(server, content=None, tool_calls=calls, finish_reason="tool_calls")
    assert json.loads(one.text) == {"tool_calls": [{"type": "function", "function": CALL}]}
    assert one.finish_reason == "tool_calls"


def test_a_call_in_the_older_form_is_read_as_the_newer_one(server):
    one = answer(server, content="", function_call=CALL)
    assert json.loads(one.text) == {"tool_calls": [{"type": "function", "function": CALL}]}


def test_a_tool_call_follows_the_text_before_it(server):
    one = answer(server, content="Loads it:", tool_calls=[{"type": "function", "function": CALL}])
    first, second = one.text.split("\n")
    assert first == "Loads it:"
    assert json.loads(second)["tool_calls"][0]["function"] == CALL


@pytest.mark.parametrize("content", [None, [{"type": "refusal", "refusal": "I can't."}]])
def test_a_refusal_is_what_the_model_answered(server, content):
    assert answer(server, content=content, refusal="I can't.").text == "I can't."


@pytest.mark.parametrize(
    "content", [None, "", [], [{}], [{"type": "text"}], [{"type": 7, "text": 7}], [{"type": "text", "text": [7, {}]}]]
)
def test_odd_content_is_no_text(server, content):
    assert answer(server, content=content).text == ""


@pytest.mark.parametrize(
    "choice",
    [
        None,
        7,
        "message",
        [],
        {},
        {"message": None},
        {"message": "content"},
        {"message": {}},
        {"message": {"content": 7}},
        {"message": {"content": {"text": "x"}}},
        {"message": {"content": ["x"]}},
        {"message": {"content": None, "tool_calls": {"a": 1}}},
        {"message": {"content": "x"}, "finish_reason": 7},
        {"text": 7},
    ],
)
def test_what_is_not_the_protocol_s_is_an_error_that_is_tried_again(choice):
    with pytest.raises((LookupError, TypeError)):
        read_choice(choice, None)


def test_a_run_keeps_reasoning_in_its_rows_and_in_the_cache(server, mini, tmp_path):
    server.react = lambda _: message("length", content=None, reasoning="Let me think")
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--sandbox", "none"]
    command += ["--metrics", "ast_match", "--cache"]
    for name in ("first", "cached"):
        assert main([*command, "--limit", "2", "--out", str(tmp_path / name)]) == 0
        lines = (tmp_path / name / "generations.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert [(row["text"], row["reasoning"], row["finish_reason"]) for row in rows] == [
            ("", "Let me think", "length")
        ] * 2
    assert len(server.requests) == 2
    assert [one.reasoning for one in stored(tmp_path / "first", mini)] == ["Let me think"] * 2
    # And the answers that are there already, when a run is extended, and when they are replayed.
    assert main([*command, "--limit", "3", "--out", str(tmp_path / "first")]) == 0
    replayed = tmp_path / "first" / "generations.jsonl"
    score = [
        "score",
        "--benchmark",
        "mini",
        "--responses",
        str(replayed),
        "--sandbox",
        "none",
        "--metrics",
        "ast_match",
    ]
    assert main([*score, "--limit", "3", "--out", str(tmp_path / "replayed")]) == 0
    again = [json.loads(line) for line in (tmp_path / "replayed" / "generations.jsonl").read_text().splitlines()]
    assert [row["reasoning"] for row in again] == ["Let me think"] * 3


def test_an_answer_without_reasoning_has_no_such_field(server, tmp_path):
    command = ["run", "--benchmark", "mini", "--model", "openai:m", "--base-url", server.url, "--sandbox", "none"]
    assert main([*command, "--metrics", "ast_match", "--limit", "1", "--out", str(tmp_path / "run")]) == 0
    assert "reasoning" not in json.loads((tmp_path / "run" / "generations.jsonl").read_text())


@pytest.mark.parametrize("end", ["<think>", "<think>\n\n", "[THINK]", "◁think▷", "<|START_THINKING|>"])
def test_reasoning_that_a_prompt_opened_is_opened_in_the_answer(server, end, tmp_path):
    """A template of the user's own that ends so: the answer begins within the reasoning, wherever it is cut off."""
    from apigauge.harness.generation.types import Request

    request = Request("i0", 0, f"Q: load it\n{end}", 1)
    [(_, one)] = engine(server).answer([request], "/a/template.jinja")
    assert one.text == f"{end}to {request.prompt}"
    [(_, chat)] = engine(server).answer([request], "chat")
    assert chat.text == f"to {request.prompt}"


# Files of responses


def replayed(tmp_path, mini, *rows):
    from apigauge.harness.generation.replay import Replay

    file = tmp_path / "responses.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    opened = Replay(str(file))
    return opened, {(one.item, one.sample): one for one in opened.generate(mini, mini.items)}


def body(*texts, **fields):
    choices = [{"finish_reason": "stop", "message": {"content": text, **fields}} for text in texts]
    return {"object": "chat.completion", "choices": choices, "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


def test_the_output_of_a_batch_is_replayed_as_it_is(tmp_path, mini):
    first, second, third, fourth = (item.id for item in mini.items[:4])
    opened, completions = replayed(
        tmp_path,
        mini,
        {"id": "x", "custom_id": first, "response": {"status_code": 200, "body": body("a")}, "error": None},
        {"id": "y", "custom_id": second, "response": None, "error": {"code": "batch_expired"}},
        {"custom_id": third, "response": {"status_code": 400, "body": {"error": {"message": "no"}}}},
        {"custom_id": fourth, "response": {"status_code": 200, "body": body("b", "c", reasoning="Hm.")}},
    )
    assert {key: (one.text, one.reasoning) for key, one in completions.items()} == {
        (first, 0): ("a", ""),
        (fourth, 0): ("b", "Hm."),
        (fourth, 1): ("c", "Hm."),
    }
    assert (completions[first, 0].prompt_tokens, completions[fourth, 0].prompt_tokens) == (3, None)
    assert opened.samples == 2
    assert [
        problem.partition(f"item {item!r} ")[2] for problem, item in zip(opened.problems, (second, third), strict=True)
    ] == [
        "is an error of the server: batch_expired; it is left out",
        "is an error of the server: no; it is left out",
    ]


@pytest.mark.parametrize("error", [None, "", 7, [], {"message": 7}, {}])
def test_a_line_without_answer_and_without_error_has_no_text(tmp_path, mini, error):
    first, second = (item.id for item in mini.items[:2])
    broken = {"custom_id": second, "response": None, "error": error}
    opened, _ = replayed(tmp_path, mini, {"item": first, "text": "a"}, broken)
    assert ["has no `text`" in problem for problem in opened.problems] == [True]


def test_a_response_beside_its_item_is_replayed(tmp_path, mini):
    item = mini.items[0].id
    _, completions = replayed(
        tmp_path, mini, {"item": item, "sample": 2, **body(None, tool_calls=[{"function": CALL}])}
    )
    assert json.loads(completions[item, 2].text) == {"tool_calls": [{"function": CALL}]}
    assert completions[item, 2].finish_reason == "stop"


@pytest.mark.parametrize("odd", [[], {}, {"0": 1}, "x", [7], [None], [{"message": "x"}]])
def test_odd_choices_are_reported_and_the_others_replayed(tmp_path, mini, odd):
    item, other = mini.items[0].id, mini.items[1].id
    opened, completions = replayed(tmp_path, mini, {"item": item, "choices": odd}, {"item": other, "text": "x"})
    assert completions.keys() == {(other, 0)}
    assert len(opened.problems) == 1
