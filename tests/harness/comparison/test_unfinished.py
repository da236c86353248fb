"""``apigauge compare`` says how many answers of both runs are unfinished."""

from compared_runs import edit

from apigauge.__main__ import main


def cut(run, count):
    """Marks the first answers as cut off, as a scoring does."""
    left = iter(["length"] * count)
    edit(run / "scores.jsonl", lambda row: row.update(unfinished=next(left, None)))
    return run


def test_both_counts_are_said_and_more_than_a_tenth_is_warned_of(make, mini, compared, capsys):
    texts = {item.id: item.reference_call for item in mini.items[:20]}
    a, b = cut(make("a", texts), 2), cut(make("b", texts), 3)
    result, err = compared(a, b)
    assert result["unfinished"]["a"] == {"count": 2, "answers": 20, "share": 0.1, "reasons": {"length": 2}}
    assert result["unfinished"]["b"]["count"] == 3
    assert err.startswith(f"apigauge: WARNING: B ({b}): 3 of 20 answers are unfinished (15.0%")
    assert main(["compare", str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert "unfinished in A: 2 of 20 answers are unfinished (10.0%: 2 cut off by the limit of tokens)" in out
    assert "unfinished in B: 3 of 20" in out


def test_runs_of_older_versions_say_nothing(make, mini, compared):
    run = make("a", {mini.items[0].id: "torch.topk(x, 3)"})
    edit(run / "scores.jsonl", lambda row: row.pop("unfinished"))
    result, err = compared(run, run)
    assert result["unfinished"] == {"a": None, "b": None}
    assert err == ""
