"""H189: three hundred damaged files; whatever they are, the end of each is a known one."""

from concurrent.futures import ThreadPoolExecutor

from documents import notes
from documents.errors import SENTENCES
from ocrengine.decoder.sniffing import MIME
from tests.hostile.judge import CHILD_BYTES, HANG_SECONDS, judge
from tests.hostile.mutants import mutant, seeds

MUTANTS = 300
LANES = 2


def test_there_are_whole_files_of_every_kind_to_start_from(tmp_path):
    assert {kind for kind, _ in seeds()} == set(MIME)
    assert len(seeds()) >= 10
    for number, (kind, data) in enumerate(seeds()):
        path = tmp_path / str(number)
        path.write_bytes(data)
        expected = "animation_first_frame" if kind == "gif" else "ok"
        assert judge(path).code == expected


def test_a_mutant_is_made_again_by_its_number():
    assert mutant(7, seed=1) == mutant(7, seed=1) != mutant(7, seed=2)


def test_a_gif_whose_second_frame_is_damaged_is_damaged_and_no_crash(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(mutant(2857, seed=3)[1])
    assert judge(path).code == "damaged"


def test_damaged_files_end_well(tmp_path):
    def ends(number: int) -> str:
        path = tmp_path / str(number)
        path.write_bytes(mutant(number)[1])
        verdict = judge(path, most_pages=1)
        well = verdict.code in {"ok", *SENTENCES, *notes.SENTENCES} - {"decoder_crashed"}
        fast = verdict.seconds <= HANG_SECONDS and verdict.peak_bytes <= CHILD_BYTES
        return "" if well and fast and not verdict.left else f"{number}: {verdict}"

    with ThreadPoolExecutor(LANES) as pool:
        wrong = [said for said in pool.map(ends, range(MUTANTS)) if said]
    assert not wrong
