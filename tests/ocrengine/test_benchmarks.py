"""The benchmark: everybody reads every file in one run, and the report says who was measured."""

import json
import os
import sys
from pathlib import Path

import pytest

from ocrengine.benchmarks import accuracy, bulk, forms, invoices, memory, report
from ocrengine.benchmarks.accuracy import Measured
from ocrengine.errors import BundleError
from ocrengine.profiles import LOW_MEMORY, MB


class Contender:
    def __init__(self, name, cpu, *, fails=()):
        self.name, self.cpu, self.fails, self.seen = name, cpu, fails, []

    def read(self, path):
        self.seen.append(path.name)
        if path.name in self.fails:
            raise ValueError("too hard")
        return {"lines": [{"poly": [], "text": path.stem}]}, self.cpu, len(self.seen) * 1000

    def close(self):
        pass


@pytest.fixture
def data(tmp_path):
    for name in ("receipts", "pages"):
        (tmp_path / "data" / name / "images").mkdir(parents=True)
        for n in range(3):
            (tmp_path / "data" / name / "images" / f"{name}{n}.png").touch()
    return tmp_path / "data"


def measure(data, *contenders):
    return accuracy.measure(
        data, ["receipts", "pages"], list(contenders), data.parent / "out", say=lambda text: None
    )


def test_everybody_reads_every_file_and_the_first_reading_of_all_does_not_count(data):
    ours = Contender("ours", 1.0)
    measured = measure(data, ours, Contender("theirs", 2.0))
    assert len(ours.seen) == 1 + 6
    assert measured["receipts"]["ours"].files == 3
    assert measured["pages"]["theirs"].cpu_seconds == pytest.approx(6.0)
    assert measured["pages"]["ours"].peak_bytes == 7000


def test_predictions_are_kept_apart_by_set_and_contender(data):
    measure(data, Contender("ours, small", 1.0))
    prediction = data.parent / "out" / "pages" / "ours-small" / "pages1.json"
    assert json.loads(prediction.read_text())["lines"][0]["text"] == "pages1"


def test_a_file_that_could_not_be_read_is_listed_and_not_counted(data):
    measured = measure(data, Contender("ours", 1.0, fails={"pages2.png"}))
    assert measured["pages"]["ours"].files == 2
    assert measured["pages"]["ours"].errors == ["pages2.png: too hard"]


def test_who_cannot_read_the_first_file_of_all_may_go_on_with_the_next(data):
    measured = measure(data, Contender("ours", 1.0, fails={"receipts0.png"}))
    assert measured["receipts"]["ours"].files == 2


def test_the_table_shows_scores_and_the_share_of_the_peers_seconds():
    rows = {
        "pages": {
            "ours": Measured(4, 4.0, 300 << 20, scores={"ALL": {"w_f": 0.95, "cer_loc": 1.25}}),
            "theirs": Measured(4, 10.0, 900 << 20, scores={"ALL": {"w_f": 0.9, "cer_loc": 0.0}}),
        }
    }
    table = report.table(rows, {"theirs": "their own"}).splitlines()
    assert table[2] == "| pages | ours | .950 | 1.250 | - | 1.00 | 40 % | 300 |"
    assert table[3] == "| pages | theirs | .900 | .000 | - | 2.50 | 100 % | 900 |"


def test_every_peer_has_a_column_of_its_own_and_who_read_nothing_has_no_figures():
    rows = {"pages": {"ours": Measured(4, 4.0), "a": Measured(4, 2.0), "b": Measured()}}
    table = report.table(rows, {"a": "A's", "b": "B's"}).splitlines()
    assert "| CPU s a page | of A's | of B's | peak MB |" in table[0]
    assert table[2] == "| pages | ours | - | - | - | 1.00 | 200 % | - | 0 |"
    assert table[4] == "| pages | b | - | - | - | - | - | - | 0 |"


def test_a_report_replaces_its_own_part_of_the_page_and_adds_one_line_to_the_record(tmp_path):
    (tmp_path / "benchmarks.md").write_text(
        "by hand\n<!-- accuracy of fast: begin -->\nold\n<!-- accuracy of fast: end -->\nbelow\n"
    )
    rows = {"pages": {"ours": Measured(1, 1.0, 1 << 20)}}
    for _ in range(2):
        report.write(
            tmp_path,
            rows,
            name="accuracy of fast",
            peers={"theirs": "their own"},
            heading="Measured",
            facts={"date": "today"},
        )
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.startswith("by hand\n")
    assert page.endswith("below\n")
    assert "old" not in page
    assert page.count("| pages | ours |") == 1
    assert len((tmp_path / "benchmarks.jsonl").read_text().splitlines()) == 2


def test_the_machine_is_described_and_not_named():
    assert set(report.machine()) == {
        "cores",
        "processor",
        "memory_mb",
        "python",
        "onnxruntime",
        "opencv",
    }


def test_a_scorer_that_cannot_start_is_an_error_before_anything_is_read(tmp_path):
    scorer = tmp_path / "score.py"
    scorer.write_text("import a_library_that_is_not_there")
    with pytest.raises(accuracy.ScorerError, match="a_library_that_is_not_there"):
        accuracy.check_scorer(Path(sys.executable), scorer)


def test_a_scorer_that_starts_is_silent(tmp_path):
    scorer = tmp_path / "score.py"
    scorer.write_text("import json")
    accuracy.check_scorer(Path(sys.executable), scorer)


class BulkReader:
    """Says each file's name; wrong says one line otherwise."""

    def __init__(self, name, cpu, wrong=()):
        self.name, self._cpu, self._wrong, self.read_so_far = name, cpu, wrong, 0

    def pids(self):
        return [os.getpid()]

    def cpu(self):
        return self._cpu * self.read_so_far

    def read(self, paths):
        self.read_so_far += len(paths)
        return [[path.stem, "odd" if path.stem in self._wrong else "even"] for path in paths]

    def close(self):
        pass


def test_all_ways_read_every_file_and_the_first_few_of_all_do_not_count(tmp_path):
    paths = [tmp_path / f"{n}.jpg" for n in range(bulk.TURN + 3)]
    ways = [BulkReader("naive", 2.0), BulkReader("ours", 0.5, wrong={"4"})]
    measured = bulk.measure(paths, ways)
    assert measured["naive"].pages == len(measured["ours"].texts) == bulk.TURN + 3
    assert measured["ours"].cpu_seconds == pytest.approx(0.5 * (bulk.TURN + 3))
    assert bulk.same_lines(measured["ours"], measured["naive"]) == pytest.approx(1 - 1 / 26)
    assert "| ours |" in bulk.table(measured)
    assert "texts" not in bulk.figures(measured["ours"])


def test_memory_is_told_of_processes_that_are_there():
    assert bulk.pss_of(os.getpid()) > 1_000_000
    assert bulk.pss_of(2**22 + 1) == 0


def test_the_same_number_is_the_same_invoice():
    first, again, other = (invoices.draw_invoice(n).tobytes() for n in (1, 1, 2))
    assert first == again != other


def test_pages_need_what_was_forecast_or_less_alone_and_together(monkeypatch):
    monkeypatch.setattr(memory, "SIZES", ((320, 240), (9000, 9000)))
    rows = list(memory.compare(LOW_MEMORY, "fast"))  # the larger one is above the profile's cap
    assert [(row.peak.width, row.peak.together) for row in rows] == [(320, 1), (320, 2)]
    for row in rows:
        assert 50 * MB < row.peak.peak_mb * MB < row.forecast


def test_a_bundle_has_a_form_for_each_precision_it_can_compute_in():
    found = forms.forms_of("fast")
    names = [form.name for form in found]
    assert names[:3] == ["fast, fp32", "fast, bf16", "fast, int8"]
    assert names[3:] == ["fast, fp32 on a GPU", "fast, fp16 on a GPU"]
    assert found[0].files == found[1].files
    assert sum(found[2].files.values()) < sum(found[0].files.values())


def test_what_needs_a_gpu_is_said_not_to_be_measured_where_there_is_none(monkeypatch):
    monkeypatch.setattr(forms, "finds_gpu", lambda by_torch: False)
    on_gpu = [form for form in forms.forms_of("fast") if form.device == "cuda"]
    forms.measure(on_gpu, rounds=1)
    assert all("not measured: no GPU here" in form.row() for form in on_gpu)


def test_a_bundle_of_other_peoples_networks_has_no_forms():
    with pytest.raises(BundleError, match="no network of ours"):
        forms.forms_of("accurate")


def test_each_form_is_measured_in_a_process_of_its_own_and_its_first_answer_does_not_count():
    (form,) = (form for form in forms.forms_of("fast") if form.precision == "int8")
    forms.measure([form], rounds=1)
    # Its own, not that of this process, whose peak a child inherits in getrusage(2).
    assert 10 * MB < form.peak < 250 * MB
    assert [len(times) for times in form.milliseconds.values()] == [1, 1]


def test_a_form_is_one_row():
    form = forms.Form("/folder/narrow", "int8", {"detector": 1_500_000, "recognizer": 5_000_000})
    form.peak = 150 * MB
    form.milliseconds = {"page": [30.0, 90.0, 31.0], "lines": [12.4]}
    form.scores = {"mean": 0.8, "cer_english": 0.05, "cer_chinese": 0.1}
    assert form.row() == "| narrow, int8 | 1.5 + 5.0 | 31 | 12 | 150 | 0.800 | 0.050, 0.100 |"
