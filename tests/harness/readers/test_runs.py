"""``apigauge runs`` lists the results of other harnesses."""

import json
import shutil
from pathlib import Path

from apigauge.__main__ import main

DATA = Path(__file__).parents[2] / "data" / "readers" / "lm_eval"


def listed(capsys, *arguments):
    capsys.readouterr()
    assert main(["runs", *map(str, arguments), "--json"]) == 0
    return {Path(one["run"]).name: one for one in json.loads(capsys.readouterr().out)["runs"]}


def test_logs_in_a_folder_are_listed_among_runs(ours, tmp_path, capsys):
    shutil.copytree(ours[0], tmp_path / "ours")
    shutil.copytree(DATA / "old", tmp_path / "theirs")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    rows = listed(capsys, tmp_path, "--task", "domains")
    assert set(rows) == {"ours", "theirs"}
    one = rows["theirs"]
    assert (one["benchmark"], one["model"], one["items"], one["state"]) == (
        "lm-eval:domains",
        "hf:apigauge-mini",
        5,
        "complete",
    )
    assert one["metrics"] == {"acc": 0.0, "acc_norm": 1.0}
    assert one["created"].startswith("2026-11-29T03:0")
    assert main(["runs", str(tmp_path), "--task", "domains"]) == 0
    assert "acc_norm 1.0000" in capsys.readouterr().out


def test_a_table_is_listed_where_it_is_named_and_a_damaged_log_is_a_state(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("id,loss\nq1,0.5\n", encoding="utf-8")
    assert listed(capsys, tmp_path) == {}
    assert listed(capsys, tmp_path / "a.csv")["a.csv"]["metrics"] == {"loss": 0.5}
    (tmp_path / "results.jsonl").write_text('{"problem_idx": 0, "reward": 1}\n{"pro', encoding="utf-8")
    one = listed(capsys, tmp_path)["results.jsonl"]
    assert one["state"] == "damaged"
    assert "line 2: not JSON" in one["reason"]
