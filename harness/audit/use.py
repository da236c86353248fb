"""A typical and a wrong use of a model: two programs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """Two programs that use a model.

    Attributes:
        model: its address.
        kind: its task, family or repository.
        named: the strings of a catalogue's call that name it.
        typical: a program that runs with the real model; empty if none is written for its kind.
        wrong: a program that the real library refuses.
    """

    model: str
    kind: str
    named: tuple[str, ...]
    typical: str = ""
    wrong: str = ""
