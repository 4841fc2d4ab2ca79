"""Every route × every method × everybody × every kind of key, judged: who sees or changes what."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.own_database import own_database
from tests.reliability.report import DOCS, Row, Trial, keep

if TYPE_CHECKING:
    from tests.isolation.probes import Findings

TRIAL = Trial(
    title="Access",
    command="python -m tests.reliability access",
    about=(
        "Every route of the URL resolver is asked with seven methods by fourteen personas: an"
        " owner, people with whom something was shared to read or to change, a stranger, staff who"
        " may look at three tables, a superuser, somebody switched off whose session lives on,"
        " nobody, and tokens that write, read, are a stranger's, revoked or expired; with keys of"
        " one's own, shared, somebody else's, nobody's, of another kind, malformed. Every secret of"
        " the owner is a string that stands nowhere else; no answer to who has no right to it may"
        " hold it. Staff who may only look send every action of every table as well."
        " `tests/isolation/rules.py` tells what each route is; a route that it does not tell fails"
        " the tests."
    ),
)
AT_LEAST = 3000


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.reliability access")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where results are kept")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="access-") as folder, own_database(Path(folder)) as own:
        os.environ |= {
            **own.environment,
            "OCR_DATA_DIR": folder,
            "OCR_ALLOWED_HOSTS": "testserver",
            "OCR_API_REQUESTS_PER_MINUTE": "1000000000",
            "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
        }
        start = time.monotonic()
        findings, database = walk_everything()
        seconds = time.monotonic() - start
    rows = rows_of(findings)
    keep(
        TRIAL,
        rows,
        database=database,
        seconds=seconds,
        facts={"outcomes": dict(findings.outcomes), "problems": findings.problems[:100]},
        docs=asked.docs,
    )
    for row in rows:
        print(f"{row.promise}: {row.measured} (target: {row.target})")
    if findings.problems:
        sys.exit("\n".join(findings.problems[:100]))


def walk_everything() -> tuple[Findings, str]:
    """What was found, and in which database."""
    import django
    from django.test.utils import override_settings

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection, transaction

    from tests.isolation import probes, world

    call_command("migrate", verbosity=0)
    settings.STATIC_ROOT.mkdir()
    plain = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    memory = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    with override_settings(STORAGES=plain, CACHES=memory), transaction.atomic(), probes.quiet():
        found = probes.walk(world.build(), probes.FULL)
        transaction.set_rollback(True)
    connection.close()
    return found, names[connection.vendor]


def rows_of(findings: Findings) -> list[Row]:
    def none_of(promise: str, kind: str, out_of: str) -> Row:
        count = findings.kinds[kind]
        return Row(promise, "0", f"{count} in {out_of}", count == 0)

    asked = f"{findings.probes:,} probes"
    pairs = f"{findings.pairs:,} pairs"
    told = f"{asked} of {len(findings.routes)} routes"
    return [
        Row("Every route is asked", f"≥ {AT_LEAST:,} probes", told, findings.probes >= AT_LEAST),
        none_of("An answer holds what its asker may not know", "leak", asked),
        none_of("Somebody else's and nobody's are answered differently", "unlike", pairs),
        none_of("A refused request, or who may only look, changed a row", "change", asked),
        none_of("An answer is 5xx", "5xx", asked),
        none_of("A status, policy or refusal is not as the matrix says", "rule", asked),
    ]
