"""Answers of known quality, and a training that is killed: ``python reward_training.py BASE OUT``.

It kills itself with SIGKILL when all files are written, but the folder is not renamed yet.
"""

import os
import random
import signal
import sys
from pathlib import Path

from apigauge.harness.plugins.rlaif import reward
from apigauge.harness.plugins.rlaif.pairs import Labelled

WORDS = list("abcdefghijklmnop")
GOOD = set("abc")
SHORT = reward.RewardOptions(batch=8, pairs_per_prompt=1, device="cpu", seed=3)


def worth(text):
    return sum(word in GOOD for word in text.split())


def labelled(items, samples=4, seed=1):
    """Answers of many lengths, each worth as many points as it has good words."""
    draw = random.Random(seed)
    answers = []
    for item in range(items):
        prompt = " ".join(draw.choices(WORDS, k=5))
        for sample in range(samples):
            text = "".join(f" {word}" for word in draw.choices(WORDS, k=draw.randint(3, 12)))
            metrics = {"exec.rate": float(worth(text) > 1), "ast.exact": float(sample % 3 == 0)}
            answers.append(Labelled(f"{item:03}", sample, f"api{item % 30}", prompt, text, worth(text), metrics))
    return answers


def main(base, out):
    Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    reward.train(base, labelled(40), Path(out), SHORT)


if __name__ == "__main__":
    main(*sys.argv[1:])
