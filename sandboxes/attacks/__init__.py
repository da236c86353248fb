"""Hostile programs with the verdict that each must get: they test that a sandbox is closed, and stays closed.

An attack is a file ``FAMILY/NAME.py``: a program whose docstring says what it tries and how a fix could be wrong, then
comment lines with the expected result::

    # expect: failed/network | timeout     one of these; a status alone means that status without a category
    # stage: 2                             the highest stage it may reach (default 4)
    # callee: json.loads                   the API call it names (default none)
    # functions: json.loads json.dumps     the functions whose calls are recorded (default none)
    # forges: right                        no recorded call may contain this text if the program passes
    # tests: assert total == 6             tests behind the program, which must not pass
    # where: docker process                the kinds of sandbox that must withstand it (default all)
    # builds: program                      the file is not the program but makes it, in this variable

Kinds are ``docker``, ``process`` (a process tree with namespaces) and ``bare`` (one without). ``witness.py`` runs after
each attack in the same sandbox, ``neighbour.py`` at the same time in another sandbox.

The programs are bounded: none runs for more than a minute, takes more than 4 GiB, starts more than 2,000 processes,
sends anything to a network or changes anything outside its sandbox. Even so, run them only in a sandbox.
"""

import ast
import re
import runpy
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apigauge.sandboxes.verdict import CATEGORIES, ENDED, STATUSES, Program

FAMILIES = ("resource", "escape", "persistence", "forgery", "signals")
KINDS = ("docker", "process", "bare")
_FOLDER = Path(__file__).parent
# Made by setup.py.
_PACKED = _FOLDER / "programs.tar.xz"
_HEAD = re.compile(r'\A("""(?:.*?)""")\n((?:# [a-z]+: [^\n]*\n)*)', re.DOTALL)
_FIELDS = {"expect", "stage", "callee", "functions", "forges", "where", "builds", "tests"}


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, as its file describes it.

    Attributes:
        name: unique among all attacks.
        family: its folder.
        source: the program.
        expected: the correct verdicts, as ``status`` or ``failed/category``.
        max_stage: the highest stage that it may reach.
        callee: the API call that the program names.
        functions: the functions whose calls are recorded.
        forges: what no recorded call may contain if the program passes; empty if nothing is forged.
        tests: run behind it, and must not pass; empty for none.
        where: kinds of sandbox that must withstand it.
        description: what it tries, and how a fix could be wrong.
    """

    name: str
    family: str
    source: str
    expected: tuple[str, ...]
    max_stage: int
    callee: str | None
    functions: tuple[str, ...]
    forges: str
    tests: str
    where: tuple[str, ...]
    description: str

    @property
    def program(self) -> Program:
        """The program to run in a sandbox."""
        return Program(self.source, self.callee, self.functions, self.tests)


def read(path: Path) -> Attack:
    """The attack in a file.

    Raises:
        ValueError: its head is malformed.
    """
    text = path.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if not head:
        raise ValueError(f"{path.name}: does not begin with a docstring and its expectations")
    fields = dict(line[2:].split(": ", 1) for line in head[2].splitlines())
    if "expect" not in fields or fields.keys() - _FIELDS:
        raise ValueError(f"{path.name}: needs `expect`, and may have {sorted(_FIELDS)}; it has {sorted(fields)}")
    expected = tuple(part.strip() for part in fields["expect"].split("|"))
    if unknown := [verdict for verdict in expected if verdict not in _verdicts()]:
        raise ValueError(f"{path.name}: there are no verdicts {unknown}")
    where = tuple(fields.get("where", " ".join(KINDS)).split())
    if not where or set(where) - set(KINDS):
        raise ValueError(f"{path.name}: `where` names {where}, not kinds of {KINDS}")
    return Attack(
        name=path.stem,
        family=path.parent.name,
        # A program is made by its file if no parser accepts it, or if it is too large for a repository.
        source=str(runpy.run_path(str(path))[fields["builds"]]) if "builds" in fields else text,
        expected=expected,
        max_stage=int(fields.get("stage", ENDED)),
        callee=fields.get("callee"),
        functions=tuple(fields.get("functions", "").split()),
        forges=fields.get("forges", ""),
        tests=fields.get("tests", ""),
        where=where,
        description=str(ast.literal_eval(head[1])).strip(),
    )


def _verdicts() -> set[str]:
    """All verdicts that an attack may expect: ``infra`` is none of them."""
    return set(STATUSES) - {"failed", "infra"} | {f"failed/{category}" for category in CATEGORIES}


@cache
def load() -> tuple[Attack, ...]:
    """All attacks, by family and name: from their files, or from the archive that an installed package has."""
    if not _PACKED.is_file():
        return _read_all(_FOLDER)
    with tempfile.TemporaryDirectory(prefix="apigauge-attacks-") as folder, tarfile.open(_PACKED) as archive:
        for entry in archive:
            target = Path(folder, entry.name)
            target.parent.mkdir(exist_ok=True)
            if (file := archive.extractfile(entry)) is not None:
                target.write_bytes(file.read())
        return _read_all(Path(folder))


def _read_all(folder: Path) -> tuple[Attack, ...]:
    paths = [path for family in FAMILIES for path in sorted((folder / family).glob("*.py"))]
    return tuple(map(read, paths))


def witness(kind: str) -> str:
    """The program that runs after an attack on a sandbox of this kind; it must pass."""
    text = (_FOLDER / "witness.py").read_text(encoding="utf-8")
    return text if kind != "bare" else text.replace("NAMESPACES = True", "NAMESPACES = False")


def neighbour() -> str:
    """The program that runs in another sandbox during an attack; it must pass."""
    return (_FOLDER / "neighbour.py").read_text(encoding="utf-8")


WITNESS = witness("docker")
