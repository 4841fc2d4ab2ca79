"""Hold every stored file against its row, and every row against its file."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.limits import MB
from documents.management.progress import Progress
from documents.services import quotas
from documents.services.verifying import Finding, Tally, verify


class Command(BaseCommand):
    help = "Find files that are missing, cut, altered or nobody's, and what else is not whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help="an object a line for each thing that is wrong, and a last one that sums up",
        )

        parser.add_argument(
            "--correct-usage",
            action="store_true",
            help="first make what people hold by our books what a recount finds",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tally, found = Tally(), 0
        progress = Progress(self.stderr)
        if options["correct_usage"]:
            for drift in quotas.find_drift():
                quotas.correct(drift)
        for finding in verify(tally, lambda t: progress.say(_looked_at(t))):
            found += 1
            self._tell(finding, as_json=options["json"])
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(tally), "findings": found}))
        looked = _looked_at(tally)
        if found:
            raise CommandError(f"{looked}: {found} wrong; each is named above.")
        if not options["json"]:
            self.stdout.write(f"{looked}: everything is there, and as it was.")

    def _tell(self, finding: Finding, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(finding)))
            return
        whose = f"  (document {finding.document})" if finding.document else ""
        self.stdout.write(f"{finding.kind:<11} {finding.name:<48} {finding.detail}{whose}")


def _looked_at(tally: Tally) -> str:
    return f"{tally.files} files, {tally.size_bytes / MB:.0f} MB"
