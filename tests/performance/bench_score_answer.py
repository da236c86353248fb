"""How long `apigauge.score_answer` takes for one answer, after the first, on 300 answers of each hub."""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import apigauge


def main():
    data = Path(os.environ.get("APIGAUGE_DATA") or Path(__file__).parents[3] / "shared" / "gorilla")
    slow = False
    for hub in ("huggingface", "tensorflowhub", "torchhub"):
        benchmark = apigauge.load_benchmark(f"apibench-{hub}", data)
        lines = (
            (data / "responses" / f"response_{hub}_Gorilla_FT_0_shot.jsonl").read_text(encoding="utf-8").splitlines()
        )
        rows = [json.loads(line) for line in lines[:300]]
        apigauge.score_answer(rows[0]["text"], str(rows[0]["question_id"]), benchmark=benchmark)
        times = []
        for row in rows:
            start = time.perf_counter()
            apigauge.score_answer(row["text"], str(row["question_id"]), benchmark=benchmark)
            times.append((time.perf_counter() - start) * 1000)
        middle, last = statistics.median(times), statistics.quantiles(times, n=100)[98]
        print(f"{hub:14} median {middle:5.1f} ms, 99th percentile {last:5.1f} ms of {len(times)} answers")
        slow |= middle > 5
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
