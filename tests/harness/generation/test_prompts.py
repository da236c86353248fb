import hashlib
import json

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.errors import UsageError
from apigauge.harness.generation.prompts import REFERENCE, Prompting, render
from apigauge.harness.generation.retrieved_docs import retrieved_documents


def test_a_template_is_filled_with_instruction_and_document(tmp_path, mini):
    path = tmp_path / "prompt.jinja"
    path.write_text("Q: {{ instruction }}{% if document %}\nDoc: {{ document }}{% endif %}\nA:")
    item = mini.items[0]
    plain = render(mini, [item], Prompting(str(path)), str(path), None)
    assert plain == [f"Q: {item.instruction}\nA:"]
    shown = render(mini, [item], Prompting(str(path), "oracle"), str(path), None)
    assert shown == [f"Q: {item.instruction}\nDoc: {item.document}\nA:"]
    assert Prompting(str(path)).describe(str(path)) == {"prompt": "template", "retriever": "none"}


@pytest.mark.parametrize("text", ["{{ question }}", "{% if %}", "{{ ''.__class__.__mro__[1].__subclasses__() }}"])
def test_a_template_that_is_wrong_or_reaches_for_more_is_refused(tmp_path, mini, text):
    path = tmp_path / "prompt.jinja"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"prompt\.jinja"):
        render(mini, mini.items[:1], Prompting(str(path)), str(path), None)


def test_the_document_follows_the_question_in_the_benchmarks_form_and_in_chat(mini):
    item = mini.items[0]
    question = f"{item.instruction}{REFERENCE}{item.document}"
    assert render(mini, [item], Prompting(retriever="oracle"), "instruction", None) == [
        f"###Instruction: {question}\n###Output:"
    ]
    assert render(mini, [item], Prompting(retriever="oracle"), "chat", "<{}>".format) == [f"<{question}>"]


def test_bm25_gives_what_the_retrieval_baseline_answers_with(mini):
    from apigauge.harness.generation.backends import open_generator

    calls = {json.loads(text)["api_call"] for text in retrieved_documents(mini, mini.items, "bm25")}
    documents = retrieved_documents(mini, mini.items, "bm25")
    for answer, document in zip(open_generator("retrieval:bm25").generate(mini, mini.items), documents, strict=True):
        assert f"<<<api_call>>>: {json.loads(document)['api_call']}\n" in answer.text
    assert len(calls) > 10


def test_the_calls_of_the_five_nearest_rows_begin_with_that_of_the_nearest(mini):
    every = {api.call for api in mini.catalogue}
    nearest = retrieved_documents(mini, mini.items, "bm25")
    for shown, first in zip(retrieved_documents(mini, mini.items, "bm25-calls"), nearest, strict=True):
        calls = shown.splitlines()
        assert len(calls) == 5
        assert set(calls) <= every
        assert calls[0] == json.loads(first)["api_call"]


@pytest.mark.apibench
@pytest.mark.parametrize("hub", ["huggingface", "tensorflowhub", "torchhub"])
def test_the_oracles_document_is_the_one_of_the_released_questions(hub, data_dir):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    lines = (data_dir / "questions" / f"questions_{hub}_oracle.jsonl").read_text(encoding="utf-8").splitlines()
    released = {}
    for line in lines:
        question = json.loads(line)
        text = question["text"].partition("for reference:")[2].strip()
        released[str(question["question_id"])], _ = json.JSONDecoder().raw_decode(text)
    shown = retrieved_documents(benchmark, benchmark.items, "oracle")
    ours = {item.id: json.loads(text) for item, text in zip(benchmark.items, shown, strict=True)}

    def plain(row):
        """The released questions have lost some blank lines of the examples."""
        return json.dumps(row).replace("\\n", "").replace(" ", "")

    assert [key for key in ours if plain(ours[key]) != plain(released[key])] == []


def test_prompts_are_the_same_text_everywhere(mini):
    text = "\0".join(render(mini, mini.items, Prompting(retriever="bm25"), "instruction", None))
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "88cce8baf82a"
