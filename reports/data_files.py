"""The data next to a leaderboard's pages: questions once per benchmark, answers once per run, in files that load alone.

All under ``data/``. Each file is a script that calls ``apigauge(PATH, JSON)`` and nothing else, because a page that was
opened from a file may load scripts but read no other file; ``static/data.js`` loads them. JSON has ``layout`` (a digest
of the questions in their order and of the sizes below), so that files of two reports are never mixed.

``benchmarks/KEY/`` (``KEY`` from :attr:`Layout.key`, one for each digest) has

- ``questions.js``: ``ids`` of all questions that some run answered, in order, ``domain`` and ``api`` (columns), and
  ``lines`` and ``texts``: how many questions a file of the next two kinds covers;
- ``lines-J.js``: ``instruction`` and ``referenceCall``, a list each, of questions ``J * lines`` and on;
- ``texts-K.js``: ``referenceProgram`` of questions ``K * texts`` and on;
- ``pairs.js`` and ``right.js``: what across.py has on all runs together.

``runs/FILE/`` (``FILE`` as of ``runs/FILE.html``) has the answers, sorted by question and sample. A question's number
is its place in ``ids``.

- ``items.js``: ``question``, a list of each answer's number, and columns: ``sample``, ``scores`` and ``labels`` (lists
  of a name and a column), ``stage``, ``unfinished``, and ``length`` of the answer in characters;
- ``lines-J.js``: ``call`` of each answer to the questions of lines ``J``, and ``begin``, the place of the first;
- ``texts-K.js``: likewise ``begin`` and ``answers``, each with all that the run has of it (:func:`answer`) and its
  ``question``.

A column is ``values``, the distinct ones in order, null first, and ``codes``: for each row the place of its value in as
many digits of base 64 as the largest place needs. So filters compare small integers, sorting by a score sorts codes,
and twenty thousand answers load in one file.
"""

import functools
import hashlib
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names
from apigauge.reports.rendering import json_block
from apigauge.reports.scored import Scored
from apigauge.reports.tables import Page
from apigauge.reports.views import ItemView, RunView

# As in static/data.js.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
LINES = 1_000
# A file of texts covers the largest of these numbers of questions with which no run's is larger than that, on average.
TEXTS, TEXTS_LENGTH = (50, 20, 10, 5, 2, 1), 400_000
# Of a text in a verdict's evidence (the end of a program's output) so many last characters are kept.
EVIDENCE_LENGTH = 2_000
FILES = ("data/benchmarks/*/*.js", "data/runs/*/*.js")
_NUMBER = re.compile(r"0*([0-9]+)")
# A question's place is the number of a run, times this, and the place of its answer there: one number for a million.
_PLACES = 1 << 40

Files = dict[str, Callable[[], bytes]]
_Contents = dict[str, Callable[[], dict[str, Any]]]
# The places of answers in the order of their questions, and the number of each one's.
_Placed = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the questions of a benchmark are numbered and divided.

    Attributes:
        key: the folder's name.
        ids: of the questions, in order.
        questions: an answer to each from a number on up to another, for what it says of the question.
        of_questions: what a column of all answers says of each question.
        inputs: what the questions' texts depend on; empty if that is unknown.
        numbers: the number of each question by its id.
        texts: how many questions a file of texts covers.
        stamp: a digest of ids and sizes.
    """

    key: str
    ids: Sequence[str]
    questions: Callable[[int, int], Sequence[ItemView]]
    of_questions: Callable[[Callable[[Scored], Sequence[Any]]], Sequence[Any]]
    inputs: tuple[str, ...]
    numbers: Mapping[str, int]
    texts: int
    stamp: str


def layouts(runs: Sequence[RunView], *, is_lasting: bool = False) -> dict[tuple[str, str], Layout]:
    """The layout of each benchmark by its name and digest; it depends only on which runs there are.

    Args:
        runs: all of the site.
        is_lasting: whether each layout has a folder of its own, so that pages which read an earlier one go on to.
    """
    groups: dict[tuple[str, str], list[RunView]] = {}
    for run in runs:
        groups.setdefault((run.benchmark, run.digest), []).append(run)
    ordered = sorted(groups)
    # Two digests of one name: the names of their folders must not depend on each other.
    stems = page_names(f"{name[:60]}-{hashlib.sha256(digest.encode()).hexdigest()[:12]}" for name, digest in ordered)
    return {group: _layout(key, groups[group], is_lasting) for group, key in zip(ordered, stems, strict=True)}


def layout_of(run: RunView, of: Mapping[tuple[str, str], Layout]) -> Layout:
    """The layout of a run's benchmark."""
    return of[run.benchmark, run.digest]


def data_files(pages: Sequence[Page], of: Mapping[tuple[str, str], Layout]) -> Files:
    """What makes each data file, by its path in the site; a file is made when it is called for, and not kept."""
    files: Files = {}
    for layout in of.values():
        files |= scripts(_benchmark_contents(layout), layout)
    for page in pages:
        layout = layout_of(page.run, of)
        files |= scripts(_run_contents(page, layout), layout)
    return files


def scripts(contents: Mapping[str, Callable[[], dict[str, Any]]], layout: Layout) -> Files:
    """What makes the files with these contents, given by their paths in ``data/`` without ``.js``."""
    return {f"data/{path}.js": functools.partial(_script, path, make, layout.stamp) for path, make in contents.items()}


def whole_data(page: Page, layout: Layout) -> dict[str, Any]:
    """What all files of a run and its benchmark hold, by their paths, for a page that has to stand alone."""
    contents = _benchmark_contents(layout) | _run_contents(page, layout)
    return {path: make() for path, make in contents.items()}


def answer(row: ItemView) -> dict[str, Any]:
    """All that a run has of an answer; a verdict's long texts are cut to their ends.

    ``begins`` is where the answer begins in ``text`` after reasoning, in the units of JavaScript's strings.
    """
    end = row.text.find(row.separated) + len(row.separated) if row.separated and row.separated in row.text else 0
    return {
        "sample": row.sample,
        "text": row.text,
        "begins": len(row.text[:end].encode("utf-16-le", "surrogatepass")) // 2,
        "call": row.call,
        "program": row.program,
        "how": row.how,
        "scores": row.metrics,
        "labels": row.labels,
        "messages": row.messages,
        "verdict": shortened(row.verdict),
        "unfinished": row.unfinished,
        "reasoning": row.reasoning,
        "document": row.document,
    }


def shortened(evidence: Any) -> Any:
    """A verdict without the beginnings of long texts: what a program wrote last says why it ended."""
    if isinstance(evidence, dict):
        return {key: shortened(value) for key, value in evidence.items()}
    if isinstance(evidence, list):
        return [shortened(value) for value in evidence]
    if isinstance(evidence, str) and len(evidence) > EVIDENCE_LENGTH:
        return f"[the beginning is in scores.jsonl] {evidence[-EVIDENCE_LENGTH:]}"
    return evidence


def column(values: Sequence[Any]) -> dict[str, Any]:
    """A column as the module's documentation says."""
    distinct = sorted(set(values), key=_sort_key)
    places = {value: place for place, value in enumerate(distinct)}
    width = 1
    while 64**width < len(distinct):
        width += 1
    codes = {value: _digits(place, width) for value, place in places.items()}
    return {"values": distinct, "codes": "".join([codes[value] for value in values])}


def natural(text: str) -> str:
    """A key that sorts names as people do: ``item-9`` before ``item-10``."""
    return _NUMBER.sub(lambda match: f"\0{len(match[1]):06}{match[1]}", text)


def _layout(key: str, runs: Sequence[RunView], is_lasting: bool) -> Layout:
    # A run on other data than it answered may have questions that are not the benchmark's.
    usual_first = sorted(runs, key=lambda run: (bool(run.data_here), run.lost))
    numbers: dict[str, int] = {}
    for number, run in enumerate(usual_first):
        for place, name in enumerate(run.scored.ids, number * _PLACES):
            numbers.setdefault(name, place)
    ids = sorted(sorted(numbers), key=natural)
    places = array("q", map(numbers.__getitem__, ids))
    used = {number: usual_first[number] for number in sorted({place // _PLACES for place in places})}
    longest = max((run.scored.length / (len(set(run.scored.ids)) or 1) for run in runs), default=0.0)
    texts = next((size for size in TEXTS if size * longest <= TEXTS_LENGTH), 1)
    stamp = hashlib.sha256(json.dumps([ids, LINES, texts]).encode()).hexdigest()[:12]
    numbers.update((name, number) for number, name in enumerate(ids))
    key = f"{key}-{stamp}" if is_lasting else key
    inputs = tuple(run.inputs for run in used.values())

    def questions(begin: int, end: int) -> list[ItemView]:
        return [used[place // _PLACES].rows[place % _PLACES] for place in places[begin:end]]

    def of_questions(values: Callable[[Scored], Sequence[Any]]) -> list[Any]:
        columns = {number: values(run.scored) for number, run in used.items()}
        return [columns[place // _PLACES][place % _PLACES] for place in places]

    return Layout(key, ids, questions, of_questions, inputs, numbers, texts, stamp)


def _benchmark_contents(layout: Layout) -> _Contents:
    folder = f"benchmarks/{layout.key}"

    def lines(begin: int, end: int) -> dict[str, Any]:
        part = layout.questions(begin, end)
        calls = [item.reference_call for item in part]
        return {"instruction": [item.instruction for item in part], "referenceCall": calls}

    def texts(begin: int, end: int) -> dict[str, Any]:
        return {"referenceProgram": [item.reference_program for item in layout.questions(begin, end)]}

    contents: _Contents = {f"{folder}/questions": functools.partial(_columns, layout)}
    for name, size, make in (("lines", LINES, lines), ("texts", layout.texts, texts)):
        for number, begin in enumerate(range(0, len(layout.ids), size)):
            contents[f"{folder}/{name}-{number}"] = functools.partial(make, begin, begin + size)
    return contents


def _columns(layout: Layout) -> dict[str, Any]:
    return {
        "ids": list(layout.ids),
        "domain": column(layout.of_questions(lambda scored: scored.domains)),
        "api": column(layout.of_questions(lambda scored: scored.apis)),
        "lines": LINES,
        "texts": layout.texts,
    }


def _run_contents(page: Page, layout: Layout) -> _Contents:
    folder, numbers = f"runs/{page.file}", layout.numbers

    @functools.cache
    def placed() -> _Placed:
        scored = page.run.scored
        order = sorted(range(len(scored)), key=lambda at: (numbers[scored.ids[at]], scored.samples[at]))
        return order, [numbers[scored.ids[at]] for at in order]

    contents: _Contents = {f"{folder}/items": lambda: _items(page.run, *placed())}
    for name, size, make in (("lines", LINES, _lines), ("texts", layout.texts, _texts)):
        for number, first in enumerate(range(0, len(layout.ids), size)):
            contents[f"{folder}/{name}-{number}"] = functools.partial(make, page.run.rows, placed, first, first + size)
    return contents


def _items(run: RunView, order: Sequence[int], places: Sequence[int]) -> dict[str, Any]:
    columns: dict[str, list[Any]] = {"stage": [], "unfinished": [], "length": []}
    for row in run.rows:
        columns["stage"].append(_stage(row))
        columns["unfinished"].append(row.unfinished)
        columns["length"].append(len(row.text))

    def ordered(values: Sequence[Any]) -> dict[str, Any]:
        return column([values[at] for at in order])

    scores, labels = ([info.name for info in infos_for(group)] for group in (run.scored.metrics, run.scored.labels))
    return {
        "question": places,
        "sample": ordered(run.scored.samples),
        "scores": [[name, ordered(run.scored.metrics[name])] for name in scores],
        "labels": [[name, ordered(run.scored.labels[name])] for name in labels],
        **{name: ordered(values) for name, values in columns.items()},
    }


def _stage(row: ItemView) -> int | None:
    stage = (row.verdict or {}).get("stage")
    return stage if isinstance(stage, int) else None


def _lines(rows: Sequence[ItemView], placed: Callable[[], _Placed], first: int, last: int) -> dict[str, Any]:
    order, places = placed()
    begin, end = bisect_left(places, first), bisect_left(places, last)
    return {"begin": begin, "call": [rows[at].call for at in order[begin:end]]}


def _texts(rows: Sequence[ItemView], placed: Callable[[], _Placed], first: int, last: int) -> dict[str, Any]:
    order, places = placed()
    begin, end = bisect_left(places, first), bisect_left(places, last)
    answers = [answer(rows[order[at]]) | {"question": places[at]} for at in range(begin, end)]
    return {"begin": begin, "answers": answers}


def _script(path: str, make: Callable[[], dict[str, Any]], stamp: str) -> bytes:
    # JSON.parse reads the text: no key is special to it, and it is faster than a literal is. In a template literal only
    # the backtick and the dollar sign are special, neither of which JSON has outside its strings.
    text = json_block({"layout": stamp} | make()).replace("`", "\\u0060").replace("$", "\\u0024")
    return f'apigauge("{path}",String.raw`{text}`);'.encode()


def _sort_key(value: Any) -> tuple[bool, str, Any]:
    kind = "number" if isinstance(value, int | float) else type(value).__name__
    return (value is not None, kind, 0 if value is None else value)


def _digits(place: int, width: int) -> str:
    return "".join(DIGITS[place // 64**power % 64] for power in reversed(range(width)))
