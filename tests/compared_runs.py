"""Runs for comparisons: of given texts, and of prompts of which only the digest is stored."""

import hashlib
import json

from apigauge.__main__ import main
from apigauge.harness.evaluation.evaluate import evaluate, generate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.types import Completion


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def edit(path, change):
    """Rewrites the rows of a file of a run; ``change`` alters one in place."""
    rows = lines(path)
    for row in rows:
        change(row)
    write(path, rows)


def edit_manifest(run, change):
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def make_run(folder, benchmark, name, texts, modules=("ast_match", "rouge")):
    """A run of these texts by item, or by (item, sample); not scored without modules."""
    keyed = {(key if isinstance(key, tuple) else (key, 0)): text for key, text in texts.items()}
    file, run = folder / f"{name}.jsonl", folder / name
    write(file, [{"item": item, "sample": sample, "text": text} for (item, sample), text in keyed.items()])
    if modules:
        evaluate(benchmark, open_generator(f"replay:{file}"), run, modules, workers=1)
    else:
        generate(benchmark, open_generator(f"replay:{file}"), run)
    return run


def compare_json(capsys, *arguments):
    """``apigauge compare ... --json``: the result and the standard error."""
    assert main(["compare", *map(str, arguments), "--json"]) == 0
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


class Stub:
    """Answers with one text, and records the digests of the prompts that it is given."""

    samples, hits = 1, 0

    def __init__(self, name, text, prompt, manifest):
        self.problems = []
        self._name, self._text, self._prompt, self._manifest = name, text, prompt, manifest

    def describe(self):
        return {"spec": f"stub:{self._name}", "kind": "stub", **self._manifest}

    def prompts(self, _benchmark, items):
        return [self._prompt(item) for item in items]

    def generate(self, _benchmark, items, done=()):
        for item in items:
            digest = hashlib.sha256(self._prompt(item).encode()).hexdigest()
            yield Completion(item.id, 0, self._text, prompt_sha256=digest)


def stubs(tmp_path, mini, prompt, manifest=None, texts=("torch.topk(x, 3)", "torch.tops(x, 3)")):
    runs = [tmp_path / name for name in "ab"]
    for run, text in zip(runs, texts, strict=True):
        generate(mini, Stub(run.name, text, prompt, manifest or {}), run, limit=3)
    return runs
