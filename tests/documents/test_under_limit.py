"""The product under a memory limit: what is asked of it, counted and told."""

import json

from documents.management import limit_report, under_limit
from documents.management.under_limit import Outcome, Trial
from ocrengine.benchmarks.mixed import Drawn
from ocrengine.profiles import MB

PROBLEM = {"code": "out_of_memory", "sentence": "", "next_step": ""}


class FakeProduct:
    """Accepts all files but those named bad; page 2 of any document fails."""

    cpu_seconds = 3.0

    def __init__(self, attempts=()):
        self.attempts, self.uploads = attempts, []

    def ask(self, method, path, body=None):
        if path.endswith("text/"):
            return 200, b"one two"
        names = [part.split('"')[0] for part in body.decode().split('filename="')[1:]]
        self.uploads.append(names)
        accepted = [{"name": name, "id": f"id-{name}"} for name in names if "bad" not in name]
        return 202, json.dumps({"job": "j", "accepted": accepted}).encode()

    def get(self, path):
        if path.startswith("jobs"):
            return {"pages": {"open": 0}}
        states = [("done", None, ["reduced"]), ("quarantined", PROBLEM, [])]
        return {
            "results": [
                {"number": number, "state": state, "problem": problem, "notes": notes}
                for number, (state, problem, notes) in enumerate(states, start=1)
            ]
        }

    def shell(self, code):
        return json.dumps(list(self.attempts))


class FakeGroup:
    peak_anonymous = 100 * MB


def drawn(tmp_path, *names):
    found = []
    for name in names:
        (tmp_path / name).write_bytes(b"a page")
        found.append(Drawn(tmp_path / name, "label", (("one", "three"), ("four",))))
    return found


def read(tmp_path, product, *names):
    return under_limit._read_all(product, drawn(tmp_path, *names), FakeGroup())


def test_files_are_handed_in_five_at_a_time(tmp_path):
    product = FakeProduct()
    names = [f"{number}.png" for number in range(7)]
    read(tmp_path, product, *names)
    assert product.uploads == [names[:5], names[5:]]


def test_pages_count_as_done_failed_refused_and_their_words_as_found(tmp_path):
    outcome = read(tmp_path, FakeProduct(), "a.pdf", "bad.pdf")
    assert (outcome.pages, outcome.done, outcome.reduced) == (4, 1, 1)
    assert outcome.failures == {"out_of_memory": 1, "refused": 2}
    assert outcome.found == 0.5


def test_a_pages_time_is_that_of_all_its_attempts(tmp_path):
    attempts = [
        ("p1", 2.0, "child_died", "out_of_memory"),
        ("p1", 1.5, "done", ""),
        ("p2", 1.0, "done", ""),
    ]
    outcome = read(tmp_path, FakeProduct(attempts), "a.pdf")
    assert sorted(outcome.page_seconds) == [1.0, 3.5]
    assert outcome.deaths == {"out_of_memory": 1}


def a_trial(limit=2048, profile="low_memory"):
    return Trial(profile, "accurate", limit * MB, 2)


def an_outcome(**changed):
    return Outcome(pages=10, done=10, wall_seconds=15, page_seconds=[1.0] * 9 + [9.0], **changed)


def test_the_report_keeps_the_latest_run_of_each_trial(tmp_path):
    for trial, outcome in (
        (a_trial(), an_outcome(kills=7)),
        (a_trial(profile="balanced"), an_outcome()),
        (a_trial(1024), an_outcome(deaths={"out_of_memory": 2})),
        (a_trial(), an_outcome(peak=900 * MB, peak_anonymous=700 * MB)),
    ):
        told = limit_report.write(tmp_path, trial, outcome, [])
    assert len((tmp_path / "under_limit.jsonl").read_text().splitlines()) == 4
    rows = told.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 2048", "| 2048", "| 1024"]
    assert (
        " | low_memory, accurate | 10 | 100.0% | 1.50 | 0.00 | 1.0, 9.0, 9.0 | 700, 900 | 0 |"
        in (rows[0])
    )
    assert "2 (out_of_memory 2)" in rows[2]
    assert told in (tmp_path / "benchmarks.md").read_text()
