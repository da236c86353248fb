"""How long 100,000 samples of each harness take to become a run, and the memory, each in a process of its own.

`without texts` is what the gate reads, `with texts` what pages show. Past ten seconds or a gigabyte the exit code is 1.
inspect_ai's logs need the environment of `make others`; without it their line says so. Usage: bench_readers.py [FORMAT...]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SAMPLES = int(os.environ.get("APIGAUGE_BENCH_SAMPLES", "100000"))
SECONDS, MEGABYTES = 10, 1000
OTHERS = Path(__file__).parents[2] / ".venv-others" / "bin" / "python"

_READ = """
import sys, tempfile, time
from pathlib import Path
from apigauge.harness.readers import reading, run_files
from apigauge.harness.readers.types import Options
path, has_texts, count = Path(sys.argv[1]), sys.argv[2] == "texts", int(sys.argv[3])
if path.suffix in (".eval", ".json") and "inspect" in path.name:
    import inspect_ai.log  # which takes seconds whatever the log
start = time.perf_counter()
log, infos = reading.read(path, Options(is_asking=False, has_texts=has_texts), reading.reader_for(path))
with tempfile.TemporaryDirectory() as folder:
    run_files.write(log, infos, path, Path(folder) / "run")
seconds = time.perf_counter() - start
assert len(log.answers) == count, len(log.answers)
# Not ru_maxrss, which begins at that of the process that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(seconds, int(peak.split()[1]) / 1000)
"""
_WRITE_INSPECT = """
import sys
from inspect_ai.log import read_eval_log, write_eval_log
template, path, count, question = sys.argv[1:]
log = read_eval_log(template)
first = log.samples[0]
first.events, first.attachments, first.messages = [], {}, []
log.samples = [
    first.model_copy(update={"id": f"q{n}", "epoch": 1, "uuid": f"u{n}", "input": f"{n}: {question}"})
    for n in range(int(count))
]
log.eval.dataset.sample_ids, log.eval.config.epochs = None, 1
log.results.total_samples = log.results.completed_samples = int(count)
write_eval_log(log, path)
"""
_COPY_INSPECT = """
import json, sys, zipfile, zipfile_zstd
template, path, count, question = sys.argv[1:]
with zipfile.ZipFile(template) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_ZSTANDARD) as archive:
    name = next(name for name in source.namelist() if name.startswith("samples/"))
    sample = json.loads(source.read(name)) | {"epoch": 1, "events": [], "attachments": {}, "messages": []}
    summary = json.loads(source.read("summaries.json"))[0] | {"epoch": 1}
    header = json.loads(source.read("header.json"))
    header["results"]["total_samples"] = header["results"]["completed_samples"] = int(count)
    archive.writestr("header.json", json.dumps(header))
    archive.writestr("_journal/start.json", source.read("_journal/start.json"))
    changes = [{"id": f"q{n}", "uuid": f"u{n}", "input": f"{n}: {question}"} for n in range(int(count))]
    for change in changes:
        archive.writestr(f"samples/{change['id']}_epoch_1.json", json.dumps(sample | change))
    archive.writestr("summaries.json", json.dumps([summary | change for change in changes]))
"""


def question(n):
    return f"{n}: " + "Which call of the library loads a model? " * 10


def answer(n):
    return f"AutoModel.from_pretrained('model-{n}') " * 5


def lines(path, row):
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row(n)) + "\n" for n in range(SAMPLES))
    return path


def table(path):
    with path.with_suffix(".csv").open("w", encoding="utf-8") as file:
        file.write("id,score,cluster,question,text\n")
        file.writelines(f"q{n},{n % 2},c{n % 500},{question(n)},{answer(n)}\n" for n in range(SAMPLES))
    return path.with_suffix(".csv")


def table_lines(path):
    def row(n):
        return {"id": f"q{n}", "score": n % 2, "cluster": f"c{n % 500}", "question": question(n), "text": answer(n)}

    return lines(path.with_suffix(".jsonl"), row)


def lm_eval(path):
    def row(n):
        arguments = {"gen_args_0": {"arg_0": question(n), "arg_1": {"until": ["\n"], "max_gen_toks": 64}}}
        return (
            {"doc_id": n, "doc": {"question": question(n), "answer": answer(n), "id": n}, "target": answer(n)}
            | {"arguments": arguments, "resps": [[answer(n)]], "filtered_resps": [answer(n)], "filter": "none"}
            | {"metrics": ["acc"], "doc_hash": f"{n:064x}", "prompt_hash": f"{n:064x}", "target_hash": f"{n:064x}"}
            | {"acc": float(n % 2)}
        )

    path.mkdir()
    return lines(path / "samples_t_2026-11-29T03-02-13.682826.jsonl", row)


def nemo(path):
    def row(n):
        return {"problem_idx": n, "reward": n % 2, "repeat": 0, "expected_answer": answer(n)} | {
            "model_response": question(n),
            "metadata": {"category": "c"},
        }

    return lines(path.with_suffix(".jsonl"), row)


def every_eval_ever(path):
    def row(n):
        return (
            {"schema_version": "0.2.1", "evaluation_id": "e", "model_id": "m", "evaluation_name": "t"}
            | {"interaction_type": "single_turn", "input": {"raw": question(n), "reference": [answer(n)]}}
            | {"output": {"raw": [answer(n)]}, "answer_attribution": [], "metadata": {"api": "a"}}
            | {"sample_id": f"q{n}", "evaluation": {"score": n % 2, "is_correct": n % 2 == 1}}
        )

    return lines(path.with_name("every_samples.jsonl"), row)


def evalplus(path):
    return tests(path, {"base_status": "pass", "plus_status": "fail", "base_fail_tests": [], "plus_fail_tests": []})


def bigcodebench(path):
    return tests(path, {"status": "pass", "details": {}})


def tests(path, status):
    problems = {f"T/{n}": [{"task_id": f"T/{n}", "solution": question(n)} | status] for n in range(SAMPLES)}
    path = path.with_name(f"{path.name}_eval_results.json")
    path.write_text(json.dumps({"date": "2026-11-29 03:10", "hash": "h", "eval": problems}), encoding="utf-8")
    return path


def promptfoo(path):
    def row(n):
        return (
            {"promptIdx": 0, "testIdx": n, "provider": {"id": "echo", "label": ""}, "vars": {"q": f"q{n}"}}
            | {"prompt": {"raw": question(n), "label": "p"}, "response": {"output": answer(n)}, "success": True}
            | {"score": 1, "namedScores": {}, "failureReason": 0}
            | {"testCase": {"assert": [{"type": "contains", "value": "load"}], "options": {}, "metadata": {}}}
            | {"gradingResult": {"pass": True, "score": 1, "reason": "All assertions passed", "componentResults": []}}
        )

    inner = {"version": 3, "timestamp": "2026-11-29T03:10:00.000Z", "results": [row(n) for n in range(SAMPLES)]}
    path = path.with_suffix(".json")
    path.write_text(json.dumps({"evalId": "eval-1", "results": inner, "config": {}}, indent=2), encoding="utf-8")
    return path


def lighteval(path):
    import pyarrow as pa
    from pyarrow import parquet

    def row(n):
        doc = {
            "id": str(n),
            "query": question(n),
            "choices": [answer(n), "x"],
            "gold_index": 0,
            "specific": {"api": "a"},
        }
        return {"doc": doc, "model_response": {"text": [answer(n)]}, "metric": {"acc": float(n % 2)}}

    path.mkdir()
    file = path / "details_t|0_2026-11-29T03-10-00.000000.parquet"
    parquet.write_table(pa.Table.from_pylist([row(n) for n in range(SAMPLES)]), file)
    return file


def inspect_json(path):
    return _inspect(_WRITE_INSPECT, path.with_suffix(".json"))


def inspect_eval(path):
    """An archive, copied together from a small one: inspect_ai takes minutes to write one of this size."""
    return _inspect(_COPY_INSPECT, path.with_suffix(".eval"))


def _inspect(script, file):
    template = Path(__file__).parents[1] / "data" / "readers" / "inspect" / "old.eval"
    subprocess.run([OTHERS, "-c", script, template, file, str(SAMPLES), question("")], check=True)
    return file


FORMATS = {
    "CSV": table,
    "JSON lines": table_lines,
    "lm-evaluation-harness": lm_eval,
    "inspect_ai, .eval": inspect_eval,
    "inspect_ai, .json": inspect_json,
    "lighteval": lighteval,
    "evalplus": evalplus,
    "bigcodebench": bigcodebench,
    "NeMo Evaluator": nemo,
    "Every Eval Ever": every_eval_ever,
    "promptfoo": promptfoo,
}


def measure(python, path, kind):
    command = [python, "-c", _READ, path, kind, str(SAMPLES)]
    seconds, megabytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(megabytes)


def main(names):
    is_over = False
    print(f"{SAMPLES} samples | file | without texts | with texts\n---|---:|---:|---:")
    for name, write in FORMATS.items():
        if names and not any(one in name for one in names):
            continue
        python = OTHERS if name.startswith("inspect") else Path(sys.executable)
        if not python.is_file():
            print(f"{name} | not measured: no environment with inspect_ai (`make others`)")
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder) / name.partition("_")[0].replace(" ", "-"))
            cells = [f"{path.stat().st_size / 1e6:.0f} MB"]
            for kind in ("none", "texts"):
                seconds, megabytes = measure(python, path, kind)
                is_over |= seconds > SECONDS or megabytes > MEGABYTES
                cells.append(f"{seconds:.1f} s, {megabytes:.0f} MB")
        print(name, *cells, sep=" | ", flush=True)
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
