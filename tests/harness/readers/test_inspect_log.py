"""Logs of inspect_ai 0.3.285, as it wrote them.

``tests/data/readers/inspect``: three questions of mini, twice each, answered by its checkpoint with the seeds 1 and 2 and
scored by ``includes()`` and ``match(location="begin")``: ``inspect eval task.py --model hf/apigauge-mini
-M model_path=apigauge-mini --seed 1 --temperature 1.0 --max-tokens 12``.
"""

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data" / "readers" / "inspect"
OLD, NEW = DATA / "old.eval", DATA / "new.eval"
_WRITE = """
import json, sys
from inspect_ai.log import read_eval_log, write_eval_log
log = read_eval_log(sys.argv[1])
first = log.samples[0]
log.samples = []
for item, api, exact, words in json.load(open(sys.argv[2])):
    scores = {"exact": first.scores["includes"].model_copy(update={"value": "C" if exact else "I"}),
              "words": first.scores["includes"].model_copy(update={"value": words})}
    log.samples.append(first.model_copy(update={"id": item, "uuid": item, "epoch": 1, "metadata": {"api": api}, "scores": scores}))
write_eval_log(log, sys.argv[3])
"""

# All that is read of a log, by inspect_ai's own reader and as of a large one.
_BOTH = """
import sys
from pathlib import Path
from apigauge.harness.readers import inspect_log
from apigauge.harness.readers.types import Options
for path in map(Path, sys.argv[1:]):
    both = []
    for inspect_log._MANY in (5000, 0):
        log = inspect_log.read(path, Options(cluster="api"))
        both.append((sorted((one.item, one.sample, one) for one in log.answers), log.lower_is_better))
    assert both[0] == both[1], both
    print(len(both[0][0]))
"""
# Damages a log again and again; prints how often it was refused, and every message that is not one line with its name.
_DAMAGE = """
import random, sys
from pathlib import Path
from apigauge.errors import ApigaugeError
from apigauge.harness.readers import inspect_log, reading
from apigauge.harness.readers.types import Options
source, folder = map(Path, sys.argv[1:])
content, chance, refused = source.read_bytes(), random.Random(source.suffix), 0
file = folder / f"log{source.suffix}"
words = [b"NaN", b"null", b"-1", b'"x"', b"[]", b"{}", b"1e999", b"9" * 5000]
for inspect_log._MANY in (5000, 0):
    for _ in range(60):
        at, flipped = chance.randrange(len(content)), bytearray(content)
        flipped[at] ^= 1 << chance.randrange(8)
        after = content.find(b": ", at) + 2
        end = content.find(b",", after)
        ways = [content[:at], content[at:], bytes(flipped), content[:at] + content[at + 40 :], content[:at] + b"\\xff" + content[at:]]
        ways += [content[:after] + chance.choice(words) + content[end:]] * (4 * (source.suffix == ".json"))
        file.write_bytes(chance.choice(ways))
        try:
            if reader := reading.reader_for(file):
                reading.read(file, Options(cluster="api", is_asking=False), reader)
        except ApigaugeError as error:
            refused += 1
            if str(file) not in str(error) or not str(error).isprintable():
                print(repr(error))
print(refused)
"""


@pytest.fixture
def gate(inspect_python):
    """The gate, run by the Python that has inspect_ai: exit code, result and standard error."""

    def run(new, old, *options):
        command = [inspect_python, "-m", "apigauge", "gate", str(new), "--baseline", str(old), *options, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    return run


@pytest.mark.inspect_ai
def test_scores_epochs_and_settings_are_the_log_s(gate):
    names = ("includes", "match", "includes.pass@2")
    _, result, _ = gate(NEW, OLD, "--cluster", "api", *(word for name in names for word in ("--metric", name)))
    values = {one["name"]: (one["before"], one["after"], one["n"], one["apis"]) for one in result["metrics"]}
    third, sixth = pytest.approx(1 / 3), pytest.approx(1 / 6)
    assert values == {"includes": (sixth, sixth, 6, 2), "match": (0, 0, 6, 2), "includes.pass@2": (third, third, 3, 2)}
    assert result["models"]["run"]["spec"] == "hf/apigauge-mini"
    assert result["models"]["run"]["sampling"] == {"max_tokens": 12, "temperature": 1.0, "seed": 2}


@pytest.mark.inspect_ai
@pytest.mark.parametrize("kind", ["eval", "json"])
def test_the_gate_says_what_it_says_of_a_run_of_ours(kind, ours, answers, judged, gate, inspect_python, tmp_path):
    for run in ours:
        rows = [(item, api, exact, words) for item, _, api, exact, words in answers(run)]
        (tmp_path / "rows").write_text(json.dumps(rows), encoding="utf-8")
        log = tmp_path / f"{run.name}.{kind}"
        subprocess.run([inspect_python, "-c", _WRITE, OLD, tmp_path / "rows", log], check=True, timeout=300)
    code, mine, _ = judged(ours[1], ours[0], "--metric", "ast.exact", "--metric", "rouge.1")
    options = ("--cluster", "api", "--higher-is-better", "words")
    code_of_logs, theirs, error = gate(tmp_path / f"new.{kind}", tmp_path / f"old.{kind}", *options)
    assert theirs is not None, error
    assert (code_of_logs, theirs["decision"]) == (code, mine["decision"])
    for one, other in zip(mine["metrics"], theirs["metrics"], strict=True):
        assert other["lost"] == one["lost"]
        left, right = ({k: v for k, v in side.items() if k not in ("name", "lost")} for side in (one, other))
        assert right == pytest.approx(left, rel=1e-12, abs=1e-12)
    code, _, error = gate(tmp_path / f"new.{kind}", tmp_path / f"old.{kind}", "--cluster", "api")
    assert code == 2
    assert "--lower-is-better words" in error


@pytest.fixture
def as_json(inspect_python, tmp_path):
    """A log as ``.json``."""
    convert = "import sys; from inspect_ai.log import *; write_eval_log(read_eval_log(sys.argv[1]), sys.argv[2])"
    subprocess.run([inspect_python, "-c", convert, OLD, tmp_path / "old.json"], check=True, timeout=300)
    return tmp_path / "old.json"


@pytest.mark.inspect_ai
def test_of_a_large_log_the_same_is_read_as_inspect_ai_reads(inspect_python, as_json):
    done = subprocess.run(
        [inspect_python, "-c", _BOTH, OLD, NEW, as_json], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split() == ["6", "6", "6"], done.stderr


@pytest.mark.inspect_ai
@pytest.mark.parametrize("kind", ["eval", "json"])
def test_damage_is_one_message_that_names_the_file(kind, inspect_python, as_json, tmp_path):
    (tmp_path / "bad").mkdir()
    source = OLD if kind == "eval" else as_json
    done = subprocess.run(
        [inspect_python, "-c", _DAMAGE, source, tmp_path / "bad"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (refused,) = done.stdout.split("\n")[:-1]
    assert int(refused) > 40


@pytest.mark.inspect_ai
def test_an_archive_that_was_cut_off_is_one_message(gate, tmp_path):
    cut = tmp_path / "cut.eval"
    cut.write_bytes(OLD.read_bytes()[:-500])
    code, _, error = gate(cut, OLD)
    assert code == 4
    assert f"{cut}: not a whole .eval archive" in error
    assert error.count("\n") == 1


@pytest.mark.skipif(bool(find_spec("inspect_ai")), reason="inspect_ai is installed next to apigauge here")
def test_without_inspect_ai_one_message_says_how_to_install_it(judged, tmp_path):
    log = tmp_path / "log.json"
    log.write_text('{\n  "version": 2,\n  "status": "success",\n  "eval": {}}', encoding="utf-8")
    for path in (shutil.copy(OLD, tmp_path / "old.eval"), log):
        code, _, error = judged(path, path)
        assert code == 4
        assert f"{path}: a log of inspect_ai" in error
        assert "pip install inspect_ai" in error
        assert error.count("\n") == 1
