"""The table of openings names attacks that there are, and caveats that manifests have."""

import re
from pathlib import Path

import pytest
from sandbox_kinds import KINDS, open_kind

from apigauge.sandboxes import attacks

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "sandbox.md"
ROW = re.compile(r"^\| (?P<opening>.+?) \| (?P<attacks>.*?) ?\| (?P<caveat>.*?) ?\|$", re.MULTILINE)
CAVEAT = re.compile(r"(all|docker|processes|bare): \"(.+?)\"")
APPLIES = {
    "docker": {"all", "docker"},
    "process": {"all", "processes"},
    "bare": {"all", "processes", "bare"},
}


@pytest.fixture(scope="module")
def rows():
    text = PAGE.read_text(encoding="utf-8")
    return [row.groupdict() for row in ROW.finditer(text[text.index("| opening |") :])][1:]  # behind its head


def test_each_opening_has_an_attack_or_a_caveat(rows):
    assert len(rows) >= 20
    names = {attack.name for attack in attacks.load()}
    for row in rows:
        listed = set(re.findall(r"`(\w+)`", row["attacks"]))
        assert listed <= names, listed - names
        assert listed or CAVEAT.search(row["caveat"]), row["opening"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_caveat_is_in_the_manifest(rows, kind):
    opened = open_kind(kind)
    caveats = "\n".join(opened.describe()["caveats"])
    opened.close()
    listed = [(where, text) for row in rows for where, text in CAVEAT.findall(row["caveat"])]
    assert [text for where, text in listed if where in APPLIES[kind] and text not in caveats] == []
