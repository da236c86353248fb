"""Collects feedback in a separate process, which tests kill: ``feedback_collecting.py OUT BASE_URL``."""

import sys
from pathlib import Path

from apigauge.benchmarks import load_benchmark
from apigauge.harness.plugins.rlaif import feedback
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler

OPTIONS = feedback.FeedbackOptions(samples=2, temperature=2.5, max_new_tokens=60, limit=5, device="cpu")


def collect(out, base_url, options=OPTIONS):
    mini = load_benchmark("mini")
    model = LabelerOptions(base_url=base_url, concurrency=1)
    judge = open_labeler("openai:judge", mini, folder=feedback.labels_folder(out, "openai:judge"), options=model)
    labelers = {"static": open_labeler("static", mini), "openai:judge": judge}
    return feedback.collect("hf:apigauge-mini", mini, labelers, out, options)


if __name__ == "__main__":
    collect(Path(sys.argv[1]), sys.argv[2])
