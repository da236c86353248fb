"""``openai:`` through the Batch API, against a real server on the loopback that does everything wrong that one can."""

import json

import pytest
from batch_server import BatchAPI, Fault, answered, dropped, lost, prompt, refused, status, torn
from openai_client import KEY, requests

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.generation import batch_server, openai_batch
from apigauge.harness.generation.openai_batch import OpenAIBatch
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Answer, Request


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(batch_server, "BACK_OFF", 0.001)
    monkeypatch.setattr(openai_batch, "FIRST_LOOK", 0.001)
    running = BatchAPI()
    yield running
    running.close()


@pytest.fixture
def ask(api, tmp_path):
    """Answers requests as one command does, in a folder; returns the engine and the answers by item."""

    def call(number=3, style="chat", sampling=None, **options):
        options = {"base_url": api.url, "timeout": 10.0, "batch": True, **options}
        engine = OpenAIBatch("some/model", ModelOptions(sampling=sampling or Sampling(), **options))
        engine.record_in(tmp_path)
        wanted = requests(number) if isinstance(number, int) else number
        return engine, {request.item: answer for request, answer in engine.answer(wanted, style)}

    return call


def records(folder):
    return json.loads((folder / "batches.json").read_text())["batches"]


GOOD = {f"i{number}": Answer(f"to p{number}", "stop", 5, 7, batch=True) for number in range(3)}


@pytest.mark.parametrize(("style", "path"), [("chat", "/v1/chat/completions"), ("instruction", "/v1/completions")])
def test_all_questions_are_one_batch_of_what_a_single_request_would_be(api, ask, style, path):
    engine, answers = ask(style=style)
    assert (answers, engine.problems) == (GOOD, [])
    assert api.count("POST /files") == api.count("POST /batches") == 1
    [batch] = api.batches.values()
    assert (batch["endpoint"], batch["completion_window"]) == (path, "24h")
    [rows] = api.asked
    assert [(row["method"], row["url"], prompt(row)) for row in rows.values()] == [
        ("POST", path, f"p{number}") for number in range(3)
    ]
    assert {"model": "some/model", "n": 1, "max_tokens": 512, "temperature": 0.0, "top_p": 1.0}.items() <= rows["0:i1"][
        "body"
    ].items()


def test_the_key_is_in_the_header_and_in_no_file(api, ask, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seen = []
    api.faults["POST /files"] = [Fault(lambda handler: (seen.append(dict(handler.headers)), handler.send(500, b"")))]
    ask()
    assert seen[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in (tmp_path / "batches.json").read_text()
    api.faults["POST /files"] = [status(401, f"bad key {KEY}")]
    (tmp_path / "batches.json").unlink()
    with pytest.raises(ModelError, match="OPENAI_API_KEY: HTTP 401: bad key") as raised:
        ask()
    assert KEY not in str(raised.value)


def test_ids_of_any_kind_come_back_to_their_items(api, ask):
    odd = ["a/b:c", "ü" * 100, "x" * 300, "1:i", "i", "line\nend", "lone \ud800"]
    engine, answers = ask(
        [Request(item, sample, f"{number} {sample}", 7) for number, item in enumerate(odd) for sample in (0, 1)][::2]
    )
    assert {item: answer.text for item, answer in answers.items()} == {
        item: f"to {number} 0" for number, item in enumerate(odd)
    }
    assert all(len(name) <= 64 and name.isascii() for name in api.asked[0])
    assert not engine.problems


def test_limits_of_a_batch_make_several_one_after_the_other(api, ask, monkeypatch):
    _, answers = ask(5, batch_size=2)
    assert api.prompts() == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert len(answers) == 5
    created = [at for at, call in enumerate(api.calls) if call == "POST /batches"]
    assert all("GET /batches/batch-0" in api.calls[first:second] for first, second in [created[:2]])


def test_the_bytes_of_a_file_are_limited_too(api, ask, monkeypatch, tmp_path):
    size = 200
    monkeypatch.setattr(openai_batch, "MOST_BYTES", 2 * size)
    _, answers = ask(4)
    assert len(answers) == 4
    assert len(api.batches) >= 2
    assert all(
        len(api.files[batch["input_file_id"]]) <= 2 * size or len(rows) == 1
        for batch, rows in zip(api.batches.values(), api.asked, strict=True)
    )


# Trouble on the way

PASSING = {
    "429 with seconds": status(429, Retry_After="0"),
    "429 with a date": status(429, Retry_After="Thu, 01 Jan 2015 00:00:00 GMT"),
    "500": status(500),
    "503": status(503),
    "connection closed": dropped(),
    "torn": torn(),
    "not JSON": Fault(lambda handler: handler.send(200, b"<html>")),
    "a list": Fault(lambda handler: handler.send(200, b"[]")),
}


@pytest.mark.parametrize("call", ["POST /files", "POST /batches", "GET /batches/"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_call_that_fails_is_repeated(api, ask, call, fault):
    api.faults[call] = [fault, fault]
    engine, answers = ask()
    assert (answers, engine.problems, len(api.batches)) == (GOOD, [], 1)


@pytest.mark.parametrize("fault", [status(429), status(500), dropped(), torn()], ids=["429", "500", "closed", "torn"])
def test_a_download_that_fails_is_repeated_from_its_beginning(api, ask, fault):
    api.faults["GET /files/"] = [fault, fault]
    engine, answers = ask()
    assert (answers, engine.problems, len(api.batches)) == (GOOD, [], 1)


def test_a_server_s_pause_is_kept(api, ask, monkeypatch):
    pauses = []
    monkeypatch.setattr(batch_server.BatchServer, "wait", lambda _, seconds: pauses.append(seconds))
    api.faults["POST /files"] = [status(429, Retry_After="7"), status(429, retry_after_ms="2500")]
    ask()
    assert 7 <= pauses[0] < 7.1
    assert 2.5 <= pauses[1] < 2.6


@pytest.mark.parametrize("break_it", [dropped().break_it, status(500).break_it], ids=["dropped", "500"])
def test_a_creation_whose_response_is_lost_is_found_and_not_repeated(api, ask, break_it):
    def others_come_first(handler):
        for number in range(3):  # so that ours is on a later page of the list
            api.batches[f"other-{number}"] = {"id": f"other-{number}", "input_file_id": "z", "metadata": None}
            api.asked.append({})
        break_it(handler)

    api.faults["POST /batches"] = [Fault(others_come_first, is_after=True)]
    engine, answers = ask()
    assert (answers, engine.problems) == (GOOD, [])
    assert api.count("POST /batches") == 1
    assert api.count("GET /batches") == 2


def test_a_server_that_takes_no_batches_says_why(api, ask):
    api.faults["POST /batches"] = [status(400, "this model has no batches")]
    with pytest.raises(ModelError, match="refuses /v1/batches: HTTP 400: this model has no batches"):
        ask()


def test_without_a_folder_nothing_is_submitted(api):
    engine = OpenAIBatch("m", ModelOptions(base_url=api.url, batch=True))
    with pytest.raises(UsageError, match="run's folder"):
        list(engine.answer(requests(1), "chat"))
    assert api.calls == []


# What a batch leaves


def test_lines_that_are_missing_torn_twice_or_of_nobody_spoil_no_other(api, ask):
    def finish(batch, output, errors):
        if len(api.batches) == 1:
            rows = {json.loads(line)["custom_id"]: line for line in output}
            twice = rows["0:i1"].replace(b"to p1", b"another")
            output[:] = [
                b"",
                b"{torn",
                rows["0:i1"],
                twice,
                b"[1]",
                b'{"custom_id": 7}',
                rows["0:i1"].replace(b"0:i1", b"0:i9"),
            ]

    api.finish = finish
    engine, answers = ask()
    assert answers == GOOD
    assert api.prompts() == [["p0", "p1", "p2"], ["p0", "p2"]]
    assert sorted(engine.problems) == [
        "batch batch-0: 1 line of a request that has an answer already: left out",
        "batch batch-0: 1 line of no request of it: left out",
        "batch batch-0: 3 lines not of the protocol: left out",
    ]


def test_what_may_be_answered_later_is_submitted_again_and_what_may_not_is_left_out(api, ask):
    first = {"p0": refused(500, "busy"), "p1": refused(400, "a filter forbids it"), "p2": lost("batch_expired")}
    api.line = lambda row: first.pop(prompt(row), None) or answered(row)
    engine, answers = ask()
    assert answers == {item: answer for item, answer in GOOD.items() if item != "i1"}
    assert api.prompts() == [["p0", "p1", "p2"], ["p0", "p2"]]
    assert engine.problems == ["item 'i1', sample 0: HTTP 400: a filter forbids it; it is left out"]


def test_a_question_that_no_batch_answers_is_given_up(api, ask):
    api.line = lambda row: refused(500, "the disk\nis full") if prompt(row) == "p1" else answered(row)
    engine, answers = ask()
    assert answers.keys() == {"i0", "i2"}
    assert api.prompts() == [["p0", "p1", "p2"], ["p1"], ["p1"]]
    assert engine.problems == [
        "item 'i1', sample 0: 3 batches have no answer, the last one: HTTP 500: the disk is full; it is left out"
    ]


def test_a_field_that_the_server_refuses_is_left_out_of_the_next_batch(api, ask):
    def line(row):
        if "temperature" in row["body"]:
            return refused(
                400,
                "Unsupported value: 'temperature' does not support 0.0",
                param="temperature",
                code="unsupported_value",
            )
        if "max_tokens" in row["body"]:
            return refused(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return answered(row)

    api.line = line
    engine, answers = ask(batch_size=2)
    expected = {"left_out": ("temperature",), "renamed": (("max_tokens", "max_completion_tokens"),)}
    assert answers == {item: answer._replace(**expected) for item, answer in GOOD.items()}
    assert api.prompts() == [["p0", "p1"]] * 3 + [["p2"]]
    assert not engine.problems


@pytest.mark.parametrize("ending", ["expired", "cancelled", "failed"])
def test_a_batch_that_ends_early_keeps_what_it_has(api, ask, tmp_path, ending):
    api.status = ending
    api.line = lambda row: answered(row) if prompt(row) == "p1" or len(api.batches) > 1 else lost(f"batch_{ending}")

    def finish(batch, output, errors):
        api.status = "completed"
        if ending == "failed":
            batch["errors"] = {
                "object": "list",
                "data": [{"code": "token_limit_exceeded", "message": "too many tokens"}],
            }

    api.finish = finish
    engine, answers = ask()
    if ending == "expired":  # nobody ended it on purpose, and it answered something: the rest goes on at once
        assert (answers, engine.problems) == (GOOD, [])
    else:
        assert answers == {"i1": GOOD["i1"]}
        [problem] = engine.problems
        assert f"batch batch-0: {ending}" in problem
        assert ("too many tokens" in problem) == (ending == "failed")
        assert "has 1 answers; the same command submits the other 2 questions again" in problem
        _, rest = ask([requests(3)[0], requests(3)[2]])
        assert rest == {item: answer for item, answer in GOOD.items() if item != "i1"}
    assert api.prompts() == [["p0", "p1", "p2"], ["p0", "p2"]]


def test_a_batch_that_expires_without_one_answer_is_not_repeated_without_end(api, ask):
    api.status, api.line = "expired", lambda _: None
    engine, answers = ask()
    assert (answers, len(api.batches)) == ({}, 1)
    assert "batch batch-0: expired. It has 0 answers" in engine.problems[0]


def test_a_server_that_forgets_a_batch_is_named_and_the_next_command_submits_anew(api, ask, tmp_path):
    api.looks = 10**9
    api.faults["GET /batches/"] = [status(500)] * 0
    original = api._look

    def forget(batch):
        api.batches.pop(batch["id"])
        api._look = original
        return batch

    api._look = forget
    engine, answers = ask()
    assert answers == {}
    assert engine.problems[0].startswith("batch batch-0: unknown to the server. It has 0 answers")
    assert len(api.asked) == 1
    api.looks = 1
    api.asked.clear()
    assert ask()[1] == GOOD


def test_a_batch_that_is_not_listed_at_once_is_looked_for_again(api, ask):
    api.faults["GET /batches/"] = [status(404), status(404)]
    assert ask()[1] == GOOD
    assert len(api.batches) == 1


def test_an_output_file_that_is_gone_is_named(api, ask, tmp_path):
    def finish(batch, output, errors):
        output.clear()
        batch["output_file_id"] = "gone"

    api.finish = finish
    engine, answers = ask()
    assert answers == {}
    assert engine.problems[0] == "batch batch-0: the server does not know its file gone any more"
    assert len(api.batches) == 1


# Resuming


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("moment", ["planned", "uploaded", "created", "waiting", "collecting"])
def test_a_command_that_ends_at_any_moment_submits_nothing_twice(api, ask, tmp_path, monkeypatch, moment):
    def die(*_, **__):
        raise KilledError

    with monkeypatch.context() as patch:
        if moment == "planned":
            patch.setattr(batch_server.BatchServer, "upload", die)
        if moment == "uploaded":
            patch.setattr(batch_server.BatchServer, "create", die)
        if moment == "created":  # the server has made it, and its answer never arrived
            original = batch_server.BatchServer.create

            def create(*arguments):
                original(*arguments)
                raise KilledError

            patch.setattr(batch_server.BatchServer, "create", create)
        if moment == "waiting":
            patch.setattr(batch_server.BatchServer, "wait", die)
        if moment == "collecting":
            patch.setattr(OpenAIBatch, "_judge_failures", die)
        with pytest.raises(KilledError):
            ask()
    [record] = records(tmp_path)  # written down before anything was sent
    assert bool(record["file"]) == (moment != "planned")
    assert bool(record["batch"]) == (moment in ("waiting", "collecting"))
    before = api.count("POST /files")
    _, answers = ask()
    assert answers == GOOD
    assert len(api.batches) == 1
    assert api.count("POST /files") == max(before, 1)
    assert records(tmp_path)[-1]["status"] == "completed"
    assert records(tmp_path)[-1]["requests"] == {}


def test_a_command_that_ended_among_the_answers_takes_the_others_from_the_same_batch(api, ask, tmp_path):
    engine = OpenAIBatch("some/model", ModelOptions(base_url=api.url, batch=True))
    engine.record_in(tmp_path)
    results = engine.answer(requests(3), "chat")
    first, _ = next(results)
    results.close()
    _, rest = ask([request for request in requests(3) if request != first])
    assert {first.item, *rest} == GOOD.keys()
    assert len(api.batches) == 1


def test_a_stop_from_another_thread_ends_the_wait_and_the_batch_is_taken_up_later(api, ask, tmp_path):
    import threading

    api.looks = 10**9
    engine = OpenAIBatch("some/model", ModelOptions(base_url=api.url, batch=True))
    engine.record_in(tmp_path)
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(engine.answer(requests(3), "chat")))
    thread.start()
    while api.count("GET /batches/batch-0") < 2:
        pass
    engine.stop(at_once=True)
    thread.join(10)
    assert not thread.is_alive()
    assert answers == []
    api.looks = 1
    assert ask()[1] == GOOD
    assert len(api.batches) == 1


def test_a_batch_of_other_questions_is_not_taken_for_these(api, ask, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(batch_server.BatchServer, "wait", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            ask()
    with pytest.raises(RunError, match="batch batch-0 asks other questions"):
        ask(sampling=Sampling(max_new_tokens=7))
    assert len(api.batches) == 1
    assert ask()[1] == GOOD


def test_a_damaged_record_is_one_message(ask, api, tmp_path):
    for text in ("{", "[]", '{"batches": [{}]}', '{"batches": 7}', '{"batches": [{"token": 7}]}'):
        (tmp_path / "batches.json").write_text(text)
        with pytest.raises(RunError, match=r"batches\.json: is damaged"):
            ask()
    assert api.calls == []


def test_a_creation_that_nobody_can_look_up_is_not_repeated(api, ask, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(batch_server.BatchServer, "create", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            ask()
    api.faults["GET /batches"] = [status(404)] * 6
    with pytest.raises(ModelError, match="lists no batches"):
        ask()
    assert api.count("POST /batches") == 0
