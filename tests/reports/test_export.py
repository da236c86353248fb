import csv

from apigauge.reports.export import write_csv


def test_every_measured_number_stands_in_the_table_in_full_precision(eighteen_runs, tmp_path):
    with write_csv(eighteen_runs, tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [(run, metric, entry) for run in eighteen_runs for metric, entry in run.summary["metrics"].items()]
    assert len(rows) == len(expected) > 18
    for row, (run, metric, entry) in zip(rows, expected, strict=True):
        assert (row["benchmark"], row["run"], row["metric"]) == (run.manifest["benchmark"]["name"], run.name, metric)
        assert [float(row[key]) for key in ("value", "low", "high")] == [entry[key] for key in ("value", "low", "high")]
        assert (int(row["items"]), int(row["expected"])) == (run.summary["items"], run.summary["expected"])
        assert (int(row["n"]), row["method"]) == (entry["n"], entry["method"])
