"""The state of a program that is followed: what each name and object holds, and how branches are undone and joined."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from apigauge.harness.extraction.program_values import (
    BUILTINS,
    MISSING,
    UNKNOWN,
    Builtin,
    Cell,
    Evaluation,
    External,
    Result,
    Scope,
    join,
    same,
)

MAX_STEPS: Final = 20_000

# What was written since a mark: (cell, key) -> (cell, key, value now).
Delta = dict[tuple[int, str], tuple[Cell, str, Any]]


class OutOfBudgetError(Exception):
    """The program is too long, or too deeply nested, to be followed to its end."""


class AbruptError(Exception):
    """The expression is sure to raise, or to end the program."""


@dataclass(eq=False, slots=True)
class Target:
    """A place that control jumps to: the end of a loop or function, or a handler."""

    mark: int
    arrivals: list[tuple[Any, Delta]] = field(default_factory=list)


class Store:
    """Cells, the journal of what was written to them, and the calls seen."""

    def __init__(self) -> None:
        self.journal: list[tuple[Cell, str, Any]] = []
        self.trace: list[Evaluation] = []
        self.rivals: list[tuple[Evaluation, Evaluation]] = []
        self.pinned: set[tuple[int, str]] = set()
        self.kept: list[Cell] = []  # whose names are pinned, so that no other object takes their place
        self.targets: list[Target] = []
        self.uncertain = 0
        self.steps = 0

    def step(self, cost: int = 1) -> None:
        """Counts work done."""
        self.steps += cost
        if self.steps > MAX_STEPS:
            raise OutOfBudgetError

    def write(self, cell: Cell, key: str, value: Any) -> None:
        """Sets a name, attribute or content."""
        if self.pinned and (id(cell), key) in self.pinned:
            value = UNKNOWN
        old = cell.get(key, MISSING)
        if isinstance(value, Result) and isinstance(old, Result) and not old.of.is_used and value.of is not old.of:
            self.rivals.append((old.of, value.of))
        self.journal.append((cell, key, old))
        cell[key] = value

    def pin(self, cell: Cell, key: str) -> None:
        """From now on a name stands for nothing that could be followed, whatever is written to it."""
        self.write(cell, key, UNKNOWN)
        self.pinned.add((id(cell), key))
        self.kept.append(cell)

    def rollback(self, mark: int) -> None:
        """Undoes what was written since a mark."""
        while len(self.journal) > mark:
            cell, key, old = self.journal.pop()
            if old is MISSING:
                cell.pop(key, None)
            else:
                cell[key] = old

    def delta(self, mark: int) -> Delta:
        """What was written since a mark."""
        self.step((len(self.journal) - mark) // 8)
        return {(id(cell), key): (cell, key, cell.get(key, MISSING)) for cell, key, _ in self.journal[mark:]}

    def written(self, mark: int) -> Delta:
        """What was written since a mark, each name joined over all that it held: the state at any point since."""
        held: dict[tuple[int, str], list[Any]] = {}
        cells: dict[tuple[int, str], tuple[Cell, str]] = {}
        for cell, key, old in self.journal[mark:]:
            held.setdefault((id(cell), key), []).append(old)
            cells[id(cell), key] = (cell, key)
        return {
            place: (*cells[place], self._joined(*cells[place], [*olds, cells[place][0].get(cells[place][1], MISSING)]))
            for place, olds in held.items()
        }

    def settle(self, mark: int, deltas: Iterable[Delta]) -> None:
        """Undoes what was written since a mark, and writes what stands for each of the ways that led here."""
        deltas = list(deltas)
        self.rollback(mark)
        places = {place: delta[place][:2] for delta in deltas for place in delta}
        self.step(len(places) * len(deltas) // 4)
        for place, (cell, key) in places.items():
            before = cell.get(key, MISSING)
            values = [delta[place][2] if place in delta else before for delta in deltas]
            value = self._joined(cell, key, values)
            if not same(value, before):
                if value is MISSING:
                    self.journal.append((cell, key, before))
                    cell.pop(key, None)
                else:
                    self.write(cell, key, value)

    def _joined(self, cell: Cell, key: str, values: list[Any]) -> Any:
        if cell.holds_names and key not in BUILTINS:
            # A name that is not bound on one way raises there, so wherever it is read it was bound on the other.
            values = [value for value in values if value is not MISSING] or values
        whole = values[0]
        for value in values[1:]:
            if isinstance(whole, Result) and isinstance(value, Result) and whole is not value:
                self.rivals.append((whole.of, value.of))
            whole = join(whole, value)
        return whole

    def arrive(self, target: Target, value: Any = None) -> None:
        """Notes the state in which control jumps to a target."""
        target.arrivals.append((value, self.delta(target.mark)))

    def branch(self, ways: Iterable[Callable[[], bool]]) -> bool:
        """Takes each way from the present state, and goes on in what stands for all of them.

        A way returns whether control comes to its end; so does this function.
        """
        mark = len(self.journal)
        deltas: list[Delta] = []
        ways = list(ways)
        for way in ways:
            self.uncertain += 1
            try:
                if way():
                    deltas.append(self.delta(mark))
            except AbruptError:
                pass
            finally:
                self.uncertain -= 1
            self.rollback(mark)
        self.settle(mark, deltas)
        if len(deltas) < len(ways):
            self.uncertain += 1  # until the function, loop or handler ends that one of the ways left
        return bool(deltas)

    def repeat(self, once: Callable[[], bool], target: Target) -> None:
        """Takes a way any number of times: what it changes is open before it is taken for the last time."""
        for last in (False, False, False, True):
            mark, seen, sizes = len(self.journal), len(self.trace), [len(one.arrivals) for one in self.targets]
            rivals = len(self.rivals)
            before = len(target.arrivals)
            self.uncertain += 1
            try:
                ended = once()
            except AbruptError:
                ended = False
            finally:
                self.uncertain -= 1
            deltas = [self.delta(mark)] if ended else []
            self.rollback(mark)
            changed = {
                place: (cell, key)
                for delta in deltas
                for place, (cell, key, value) in delta.items()
                if not same(value, cell.get(key, MISSING)) and cell.get(key, MISSING) is not UNKNOWN
            }
            if not changed or last:
                self.settle(mark, [*deltas, {}])
                for cell, key in changed.values():
                    self.write(cell, key, UNKNOWN)
                return
            del self.trace[seen:], target.arrivals[before:], self.rivals[rivals:]
            for one, size in zip(self.targets, sizes, strict=True):
                del one.arrivals[size:]
            for cell, key in changed.values():
                self.write(cell, key, UNKNOWN)

    def lookup(self, scope: Scope, name: str) -> Any:
        """What a name stands for in a scope."""
        place: Scope | None = self.home(scope, name) if name in scope.outer else scope
        first = True
        stars: list[str] = []
        while place is not None:
            if place.kind != "class" or first:
                value = place.names.get(name, MISSING)
                if value is not MISSING:
                    if isinstance(value, Result):
                        value.of.is_used = True
                    return value
            stars, first, place = place.stars, False, place.parent
        if name == "__name__":
            return "__main__"
        if name in BUILTINS:
            return Builtin(name)
        if name.startswith("__"):
            return UNKNOWN
        return External(name, is_free=True, star=stars[-1] if stars else "")

    def home(self, scope: Scope, name: str) -> Scope:
        """The scope in which an assignment binds a name."""
        kind = scope.outer.get(name)
        if kind is None:
            return scope
        place = scope
        while place.parent is not None:
            place = place.parent
            if kind == "nonlocal" and place.kind == "function" and name in place.names:
                return place
        return place
