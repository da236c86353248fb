"""APIBench as it was published: sizes, faults, and the scores of its own answers."""

import ast
import json
import re
import shutil

import pytest

from apigauge.benchmarks import load_benchmark, names
from apigauge.benchmarks.apibench import HUBS, file_names
from apigauge.errors import DataError, UsageError
from apigauge.harness.audit.benchmark_audit import check_benchmark, near_copies

pytestmark = pytest.mark.apibench


@pytest.mark.parametrize(
    ("hub", "items", "rows", "catalogue", "clusters"),
    [("huggingface", 904, 911, 936, 562), ("tensorflowhub", 685, 688, 696, 62), ("torchhub", 186, 186, 94, 78)],
)
def test_sizes_are_those_of_the_published_files(data_dir, hub, items, rows, catalogue, clusters):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    assert (len(benchmark.items), len(benchmark.rows), len(benchmark.catalogue)) == (items, rows, catalogue)
    assert len({item.api for item in benchmark.items}) == clusters
    assert len(benchmark.answers) == rows
    assert len({item.id for item in benchmark.items}) == items
    assert benchmark.gorilla_dialect == benchmark.hub == hub


@pytest.mark.parametrize(
    ("hub", "missing"),
    [("huggingface", {117, 150, 204, 339, 414, 425, 800}), ("tensorflowhub", {429, 456, 516}), ("torchhub", set())],
)
def test_rows_without_a_question_are_no_items(data_dir, hub, missing):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    everything = {str(number) for number in range(1, len(benchmark.rows) + 1)}
    assert everything - {item.id for item in benchmark.items} == {str(number) for number in missing}


@pytest.mark.parametrize("hub", HUBS)
def test_a_question_belongs_to_the_row_of_its_number_not_of_its_position(data_dir, hub):
    """Read here from the files: the row's own instruction must hold the question it is joined with."""
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    lines = (data_dir / file_names(hub)[0]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    apart = 0
    for item in benchmark.items:
        row = rows[int(item.id) - 1]
        assert item.reference_call == row["api_call"]
        assert item.domain == row["api_data"]["domain"]
        question = item.instruction.removeprefix("###Instruction:").strip()
        apart += " ".join(question.split())[:40] not in " ".join(row["code"].split())
    # A few were reworded upstream; joined by position, hundreds would not fit.
    assert apart <= 0.02 * len(benchmark.items)


@pytest.mark.parametrize("hub", HUBS)
def test_prompts_have_the_form_of_the_training_files(data_dir, hub):
    benchmark = load_benchmark(f"apibench-{hub}", data_dir)
    for item in benchmark.items:
        assert item.instruction == item.instruction.strip()
        assert not item.instruction.endswith("\\n")
        assert item.instruction
        assert benchmark.prompt(item) == f"###Instruction: {item.instruction}\n###Output:"


def test_the_training_part_is_read_where_its_file_is(data_dir):
    assert len(load_benchmark("apibench-torchhub", data_dir).train) == 837
    assert all(item.instruction and item.reference_call for item in load_benchmark("apibench-torchhub", data_dir).train)


@pytest.mark.apibench
def test_a_question_to_train_on_holds_nothing_of_its_answer_and_the_answer_nothing_of_its_row(data_dir):
    """Rows to train on are written as one dictionary, in Python's manner but not in its grammar."""
    train = load_benchmark("apibench-torchhub", data_dir).train
    assert train[0].instruction == (
        "I need an API that can estimate the relative depth of objects from a single image. The output should be an "
        "inverse depth map."
    )
    assert train[0].reference_program == (
        'import torch\nmodel = torch.hub.load("intel-isl/MiDaS", "DPT_Hybrid", pretrained=True)'
    )
    for item in train:
        assert not re.search(r"torch\.hub|api_call|Output|Instruction'", item.instruction), item.id
    # The others are damaged in the data: quotes escaped twice or missing, or no program at all.
    assert sum(_is_program(item.reference_program) for item in train) == 817


def _is_program(text):
    try:
        return bool(ast.parse(text).body)
    except SyntaxError:
        return False


@pytest.mark.parametrize("hub", HUBS)
def test_the_digest_is_of_the_files_content(data_dir, tmp_path, hub):
    copy(data_dir, tmp_path, hub)
    name = f"apibench-{hub}"
    assert load_benchmark(name, tmp_path).digest == load_benchmark(name, data_dir).digest
    catalogue = tmp_path / file_names(hub)[1]
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load_benchmark(name, tmp_path).digest != load_benchmark(name, data_dir).digest


def copy(data_dir, folder, hub):
    for name in file_names(hub):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data_dir / name, folder / name)
    return folder


def test_every_hub_has_a_benchmark_and_another_name_is_refused():
    assert names() == [
        *("apibench-huggingface", "apibench-tensorflowhub", "apibench-torchhub", "bfcl"),
        *("dataframebench-pandas", "dataframebench-polars", "gitchameleon", "mini"),
    ]
    with pytest.raises(UsageError, match="apibench-torchhub"):
        load_benchmark("apibench")


def test_a_missing_file_is_named_with_every_folder_looked_in(data_dir, tmp_path, monkeypatch):
    named, cache = tmp_path / "named", tmp_path / "cache"
    named.mkdir()
    monkeypatch.setenv("APIGAUGE_DATA", str(named))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    with pytest.raises(DataError) as error:
        load_benchmark("apibench-torchhub")
    for part in ("apibench/torchhub_eval.json", str(named), str(cache), "apigauge benchmarks fetch apibench-torchhub"):
        assert part in str(error.value)
    with pytest.raises(DataError) as error:
        load_benchmark("apibench-torchhub", tmp_path / "given")
    assert str(tmp_path / "given") in str(error.value)
    assert str(named) not in str(error.value)
    copy(data_dir, named, "torchhub")
    (named / "questions/questions_torchhub_0_shot.jsonl").unlink()
    with pytest.raises(DataError, match="questions_torchhub_0_shot"):
        load_benchmark("apibench-torchhub")


@pytest.mark.parametrize(
    "damage", [b'{"api_call": ', b"[1, 2]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"1" * 5_000 + b"x"]
)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_line_is_named(data_dir, tmp_path, damage, which):
    copy(data_dir, tmp_path, "torchhub")
    path = tmp_path / file_names("torchhub")[which]
    lines = path.read_bytes().split(b"\n")
    lines[6] = damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(DataError) as error:
        load_benchmark("apibench-torchhub", tmp_path)
    assert str(path) in str(error.value)
    assert "line 7" in str(error.value)


@pytest.mark.parametrize(
    ("which", "line"),
    [
        (0, {"api_call": "f()"}),
        (0, {"api_call": 7, "code": "x", "api_data": {"domain": "d"}}),
        (1, {"domain": "d"}),
        (2, {"question_id": 10_000, "text": "t"}),
        (2, {"text": "t"}),
        (2, {"question_id": 1, "text": None}),
    ],
)
def test_files_that_do_not_fit_together_are_reported(data_dir, tmp_path, which, line):
    copy(data_dir, tmp_path, "torchhub")
    path = tmp_path / file_names("torchhub")[which]
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[3] = json.dumps(line)
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError):
        load_benchmark("apibench-torchhub", tmp_path)


def ceilings(report):
    fed = report.ceilings["reference call"]
    return round(fed["ast.gorilla"], 4), fed["ast.exact"]


def test_faults_and_ceilings_of_hugging_face(data_dir):
    report = check_benchmark(load_benchmark("apibench-huggingface", data_dir))
    gorilla, exact = ceilings(report)
    assert gorilla == 0.9528
    assert exact >= 0.99
    assert len(report.reference_not_in_catalogue) == 77
    assert len(report.reference_call_not_python) == 17
    assert len(report.domain_not_in_answer) == 18
    assert report.rows_without_question == ["117", "150", "204", "339", "414", "425", "800"]
    assert report.references_in_training is None


def test_faults_and_ceilings_of_tensorflow_hub(data_dir):
    report = check_benchmark(load_benchmark("apibench-tensorflowhub", data_dir))
    gorilla, exact = ceilings(report)
    assert gorilla == 0.9608
    assert exact >= 0.99
    assert report.distinct_calls() == 80
    assert report.catalogue_rows == 696
    assert len(report.catalogue_duplicates) == 41
    assert len(report.catalogue_conflicting_domains) == 4
    assert report.rows_without_question == ["429", "456", "516"]


def test_faults_and_ceilings_of_torch_hub(data_dir):
    benchmark = load_benchmark("apibench-torchhub", data_dir)
    report = check_benchmark(benchmark)
    gorilla, exact = ceilings(report)
    assert gorilla == 1.0
    assert exact >= 0.99
    assert len(report.reference_call_not_python) == 19
    assert (report.references_in_training, report.rows) == (186, 186)
    named = {(entry.row, entry.fed) for entry in report.disagreements if entry.metric == "ast.exact"}
    assert len([fed for _, fed in named if fed == "reference answer"]) == round(
        (1 - report.ceilings["reference answer"]["ast.exact"]) * 186
    )
    assert report.near_copies_in_training == near_copies(benchmark.items, benchmark.train)
    text = report.to_text()
    assert "186 of 186" in text
    assert "not valid Python (19)" in text


def test_the_catalogue_s_duplicates_are_counted_from_the_file(data_dir):
    """41 calls that stand more than once and 4 with conflicting domains, counted here without the product."""
    lines = (data_dir / "api/tensorflowhub_api.jsonl").read_text(encoding="utf-8").splitlines()
    domains = {}
    for row in map(json.loads, lines):
        domains.setdefault(row["api_call"], []).append(row["domain"])
    assert len(domains) == 80
    assert sum(len(rows) > 1 for rows in domains.values()) == 41
    assert sum(len(set(rows)) > 1 for rows in domains.values()) == 4
