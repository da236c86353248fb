"""What is known of a run besides its scores: the further columns of the board."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apigauge.reports.environments import environment_of
from apigauge.reports.views import RunView, section, shorten

Value = tuple[str, float | None]
NOTHING: Value = ("", None)


@dataclass(frozen=True, slots=True)
class Detail:
    """A column about the runs themselves.

    Attributes:
        name: in the header and in the page's address.
        meaning: what it says.
        read: its text for a run, and a number to sort by where there is one.
        is_number: whether it is aligned as a number and sorted from the largest.
    """

    name: str
    meaning: str
    read: Callable[[RunView], Value]
    is_number: bool = False


def _items(run: RunView) -> Value:
    count = run.summary.get("items")
    return (f"{count:,}", float(count)) if isinstance(count, int) else NOTHING


def _unfinished(run: RunView) -> Value:
    unfinished = run.unfinished
    return (f"{unfinished.count:,} ({unfinished.share:.1%})", unfinished.share) if unfinished else NOTHING


def _parameters(run: RunView) -> Value:
    count = section(run.manifest, "generator").get("parameters")
    if isinstance(count, bool) or not isinstance(count, int | float) or count <= 0:
        return NOTHING
    power, letter = next(((p, x) for p, x in ((12, "T"), (9, "B"), (6, "M")) if count >= 10**p), (3, "K"))
    return f"{count / 10**power:.3g} {letter}", float(count)


def _engine(run: RunView) -> Value:
    generator = section(run.manifest, "generator")
    name = generator.get("engine") or section(run.manifest, "source").get("harness") or generator.get("kind") or ""
    return str(name), None


def _date(run: RunView) -> Value:
    return str(run.manifest.get("created") or "")[:10], None


def _hub(run: RunView) -> Value:
    hub = run.hub
    return (f"{hub.get('mode')} {shorten(str(hub.get('digest') or ''))}".strip(), None) if hub else NOTHING


def _sandbox(run: RunView) -> Value:
    if not run.is_executed:
        return "not executed", None
    environment = environment_of(run)
    return f"{run.sandbox_kind}, {environment}" if environment else str(run.sandbox_kind), None


def _tokens(run: RunView) -> Value:
    return _counted(run, lambda record: record.get("prompt_tokens", 0) + record.get("completion_tokens", 0), "{:,}")


def _cost(run: RunView) -> Value:
    return _counted(run, lambda record: record.get("dollars"), "${:,.4f}")


def _counted(run: RunView, read: Callable[[dict[str, float]], float | None], form: str) -> Value:
    """A sum over the answers; some of them may not be in it."""
    record = section(run.summary, "usage")
    apart = record.get("cached", 0) + record.get("unknown", 0)
    value = read(record)
    if value is None or apart >= record.get("answers", 0):
        return NOTHING
    return ("\u2265 " if apart else "") + form.format(value), float(value)


def _data(run: RunView) -> Value:
    return shorten(run.digest), None


DETAILS = (
    Detail("n", "How many questions were answered and scored.", _items, is_number=True),
    Detail(
        "unfinished",
        "Answers that their tokens cut off, or that end inside the reasoning.",
        _unfinished,
        is_number=True,
    ),
    Detail("parameters", "Of the model, where the manifest records them.", _parameters, is_number=True),
    Detail("engine", "What the model ran on.", _engine),
    Detail("date", "When the run began (UTC).", _date),
    Detail("sandbox", "Where programs were run, and in which environment.", _sandbox),
    Detail("hub", "Where programs loaded their models from, with the digest of that hub.", _hub),
    Detail("tokens", "Of all prompts and answers.", _tokens, is_number=True),
    Detail("cost", "US dollars, at the price that the user gave.", _cost, is_number=True),
    Detail("data", "Digest of the benchmark's data.", _data),
)


def details_of(runs: Sequence[RunView]) -> tuple[Detail, ...]:
    """The columns in which some run has something."""
    return tuple(detail for detail in DETAILS if any(detail.read(run)[0] for run in runs))
