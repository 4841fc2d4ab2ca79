"""Write docs/openapi.yaml, or say whether it still tells the truth."""

from __future__ import annotations

import argparse
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError

from documents.api.compatibility import breaking_changes
from documents.api.reference import SCHEMA_FILE, schema_as_yaml


class Command(BaseCommand):
    help = "Write docs/openapi.yaml from the code; refuse a change that breaks programs."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether it is current")
        parser.add_argument(
            "--breaking", action="store_true", help="write even what breaks programs"
        )

    def handle(self, **options: Any) -> None:
        made = schema_as_yaml()
        kept = SCHEMA_FILE.read_text() if SCHEMA_FILE.exists() else ""
        broken = breaking_changes(yaml.safe_load(kept), yaml.safe_load(made)) if kept else []
        for sentence in broken:
            self.stderr.write(sentence)
        if options["check"]:
            if broken or made != kept:
                raise CommandError("docs/openapi.yaml is not what the code says: run api_schema.")
            return
        if broken and not options["breaking"]:
            raise CommandError("Programs would break; add --breaking if that is meant.")
        SCHEMA_FILE.write_text(made)
        self.stdout.write(f"{SCHEMA_FILE.name}: {len(made.splitlines())} lines")
