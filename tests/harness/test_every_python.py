"""Every Python, on every platform, gives the same bytes.

``tests/data/scores.sha256.json`` has the digest of ``scores.jsonl`` for each file of released answers. They are the same
under Python 3.11, 3.13 and 3.14 (``ci/fresh-machine.sh``). After an intended change of a score, write them anew with
``UPDATE_SCORES=1 pytest tests/harness/test_every_python.py`` and say in CHANGELOG.md which scores changed, and by
how much.
"""

import hashlib
import json
import os
from pathlib import Path

import pytest
from few import few
from released_answers import released_files

from apigauge import load_benchmark
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.generation.types import Completion
from apigauge.harness.metrics.table import STATIC

DIGESTS = Path(__file__).parents[1] / "data" / "scores.sha256.json"


@pytest.mark.apibench
@pytest.mark.grammar
@pytest.mark.slow
@pytest.mark.parametrize("name", few(released_files(), 5))
def test_the_scores_of_released_answers_are_these(name, data_dir):
    scorer = ScorerFactory(load_benchmark(f"apibench-{name.split('_')[1]}", data_dir), tuple(STATIC))()
    digest = hashlib.sha256()
    for line in (data_dir / "responses" / name).read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(line)
        scored = scorer(Completion(str(row["question_id"]), 0, row["text"]))
        digest.update(json.dumps(scored, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    digests = json.loads(DIGESTS.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_SCORES"):
        DIGESTS.write_text(json.dumps(digests | {name: digest.hexdigest()}, indent=2, sort_keys=True) + "\n")
    else:
        assert digest.hexdigest() == digests[name]
