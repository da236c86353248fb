"""``promptfoo eval --output results.json``, its format 3: one result for each test, prompt, provider and repeat.

Written against version 0.121.20. It numbers repeats as further tests (``testIdx``), so that a test is told by its
variables and assertions: what has both in common are the samples of one question.

A run is one provider with one prompt; of a file with several, ``--task`` names one. Its metrics are ``pass``, ``score``
and the named scores of assertions.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError, did_you_mean
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options


def recognises(path: Path) -> bool:
    """A JSON file that begins as promptfoo's do."""
    return path.suffix == ".json" and '"evalId"' in (head := files.head(path))[:200] and '"results"' in head


def read(path: Path, options: Options) -> Log:
    """Reads the results of one provider with one prompt."""
    content = files.document(path)
    inner = content.get("results")
    results = inner.get("results") if isinstance(inner, dict) else None
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise RunError(f"{path}: it has no list of results; write it with promptfoo's format 3 (promptfoo 0.100 on)")
    by_side: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for number, one in enumerate(results):
        by_side.setdefault(_side(one), []).append((number, one))
    if options.task and options.task not in by_side:
        hint = did_you_mean(options.task, by_side)
        raise UsageError(f"--task {options.task}: {path} has {', '.join(map(repr, by_side))}{hint}")
    if len(by_side) != 1 and not options.task:
        raise UsageError(f"{path}: it has several runs; name one: --task {' or '.join(map(repr, by_side))}")
    side = options.task or next(iter(by_side))
    _check_whole(path, results, inner.get("stats") if isinstance(inner, dict) else None)
    answers = _answers(path, by_side[side], options)
    names = dict.fromkeys(name for one in answers for name in one.scores)
    metadata = content.get("metadata")
    return Log(
        "promptfoo",
        "tests",
        answers,
        {name: False if name in ("pass", "score") else None for name in names},
        harness_version=files.plain(metadata.get("promptfooVersion")) if isinstance(metadata, dict) else "",
        model=side,
        created=files.plain(inner.get("timestamp")).replace("Z", "+00:00") if isinstance(inner, dict) else "",
    )


def _side(result: dict[str, Any]) -> str:
    """The provider and, if there are several prompts, the prompt."""
    provider = result.get("provider")
    name = provider.get("label") or provider.get("id") if isinstance(provider, dict) else provider
    prompt = result.get("promptIdx", 0)
    return f"{files.plain(name)}{f' prompt {prompt}' if prompt else ''}"


def _check_whole(path: Path, results: list[Any], stats: object) -> None:
    counts = [stats.get(name) for name in ("successes", "failures", "errors")] if isinstance(stats, dict) else []
    numbers = [one for one in counts if isinstance(one, int)]
    if len(numbers) == 3 and sum(numbers) != len(results):
        raise RunError(
            f"{path}: it has {len(results)} results, and its statistics are of {sum(numbers)}; copy it again"
        )


def _answers(path: Path, results: list[tuple[int, dict[str, Any]]], options: Options) -> list[Answer]:
    """The answers, their questions numbered in promptfoo's order, whatever the number of repeats."""
    in_order = sorted(
        (
            (files.count(one.get("testIdx"), "testIdx", f"{path}, result {number}"), number, one)
            for number, one in results
        ),
        key=lambda entry: entry[:2],
    )
    numbers: dict[str, int] = {}
    repeats: Counter[int] = Counter()
    answers = []
    for _, number, one in in_order:
        identity = _identity(one)
        item = numbers.setdefault(identity, len(numbers))
        answers.append(_answer(f"{path}, result {number}", one, (item, repeats[item]), identity, options))
        repeats[item] += 1
    return answers


def _identity(result: dict[str, Any]) -> str:
    """What makes a test: its variables, and what it asserts."""
    case = result["testCase"] if isinstance(result.get("testCase"), dict) else {}
    parts = case.get("vars", result.get("vars")), case.get("assert"), case.get("threshold")
    return json.dumps(parts, sort_keys=True)


def _answer(where: str, result: dict[str, Any], key: tuple[int, int], identity: str, options: Options) -> Answer:
    case = result["testCase"] if isinstance(result.get("testCase"), dict) else {}
    variables = result["vars"] if isinstance(result.get("vars"), dict) else {}
    fields = {**(case["metadata"] if isinstance(case.get("metadata"), dict) else {}), **variables}
    scores = {}
    # Where the provider failed there is nothing to score; a failed assertion is no error.
    if result.get("failureReason") != 2:
        if not isinstance(result.get("success"), bool):
            raise RunError(f"{where}: success is {files.short(result.get('success'))}, and neither true nor false")
        scores = {"pass": float(result["success"])}
        scores["score"] = files.number(result.get("score"), "score", where)
        named = result.get("namedScores")
        for name, value in named.items() if isinstance(named, dict) else ():
            scores[str(name)] = files.number(value, str(name), where)
    response, prompt = result.get("response"), result.get("prompt")
    return Answer(
        item=str(key[0]),
        sample=key[1],
        scores=scores,
        where=where,
        cluster=files.field_of(fields, options.cluster, where) if options.cluster else "",
        question=files.plain(prompt.get("raw")) if options.has_texts and isinstance(prompt, dict) else "",
        text=files.plain(response.get("output")) if options.has_texts and isinstance(response, dict) else "",
        identity=identity,
    )
