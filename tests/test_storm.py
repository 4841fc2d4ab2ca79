"""A short storm on every commit; `make storm` runs the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.cluster import ROOT

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc here"),
]

SHORT = ["--pages", "400", "--kills", "12", "--stops", "4"]


def test_nothing_is_lost_doubled_or_stale_whoever_is_killed_or_stopped(tmp_path):
    command = [sys.executable, "-m", "tests.reliability", "storm", "--parts", "kills,stops"]
    command += [*SHORT, "--docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    records = map(json.loads, (tmp_path / "reliability.jsonl").read_text().splitlines())
    assert [all(row["met"] for row in record["rows"]) for record in records] == [True, True]
