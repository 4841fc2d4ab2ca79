"""What was tried is kept: every run for the record, the last of each database for readers."""

import json

from tests.reliability.report import Row, Trial, keep

STORM = Trial("Storm", "make storm", "Workers are killed while they read.")
LOST = Row("nothing accepted is lost", "0 of 10", "0 of 10", met=True)
SLOW = Row("orphans are rescued", "35 s", "40 s", met=False)


def test_the_last_run_on_each_database_is_shown_and_every_run_is_kept(tmp_path):
    keep(STORM, [LOST], database="SQLite", seconds=60, docs=tmp_path)
    keep(STORM, [LOST, SLOW], database="SQLite", seconds=90, docs=tmp_path)
    keep(STORM, [LOST], database="PostgreSQL", seconds=90, docs=tmp_path)

    shown = (tmp_path / "reliability.md").read_text()
    assert shown.count("## Storm") == 1
    assert shown.count("| nothing accepted is lost | 0 of 10 | 0 of 10 | yes |") == 2
    assert shown.count("| orphans are rescued | 35 s | 40 s | **no** |") == 1
    kept = [json.loads(line) for line in (tmp_path / "reliability.jsonl").read_text().splitlines()]
    assert [len(record["rows"]) for record in kept] == [1, 2, 1]
