"""Say what this installation has, what it decided, and why."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from documents.inforce import settings_in_force
from ocrengine.doctor import Fact, examine
from ocrengine.profiles import MB


class Command(BaseCommand):
    help = "Memory, limits, cores, device, profile, bundle, every setting in force, and why."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--memory",
            action="store_true",
            help="instead: read pages of many sizes, and hold what was forecast against the peak",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        if options["memory"]:
            self._measure_memory()
            return
        facts = examine(settings.OCR_PROFILE, settings.OCR_PROFILE_REASON, settings.OCR_BUNDLE)
        facts.append(_tuning())
        self._print("Machine and engine", facts)
        for section in settings_in_force():
            self._print(section.title, section.facts)
            facts += section.facts
        if not all(fact.is_good for fact in facts):
            raise CommandError("Something above is not as it should be; it is marked with '!'.")

    def _measure_memory(self) -> None:
        from ocrengine.benchmarks import memory  # noqa: PLC0415  loads numpy

        profile, bundle = settings.OCR_PROFILE, settings.OCR_BUNDLE
        ceiling = profile.memory_ceiling // MB
        self.stdout.write(f"{bundle}, {profile.name}; a child is killed at {ceiling} MB.\n")
        self.stdout.write(
            "Pages are read now, alone and two at a time; the largest take minutes. The child's"
            " highest resident memory:\n\n"
        )
        self.stdout.write(f"  {'page, pixels':<14} {'pages':>5} {'forecast':>12} {'measured':>12}")
        for row in memory.compare(profile, bundle):
            peak, forecast = row.peak, row.forecast // MB
            size = f"{peak.width} x {peak.height}"
            figures = f"{peak.together:>5} {forecast:>9,} MB {peak.peak_mb:>9,} MB"
            self.stdout.write(f"{'!' if peak.peak_mb > forecast else ' '} {size:<14} {figures}")
            self.stdout.flush()

    def _print(self, title: str, facts: list[Fact]) -> None:
        self.stdout.write(f"\n{title}")
        name_width = max(len(fact.name) for fact in facts)
        value_width = min(34, max(len(fact.value) for fact in facts))
        for fact in facts:
            mark = " " if fact.is_good else "!"
            self.stdout.write(
                f"{mark} {fact.name:<{name_width}}  {fact.value:<{value_width}}  {fact.why}"
            )


def _tuning() -> Fact:
    known = settings.OCR_TUNED
    if known is None:
        return Fact(
            "tuned", "no", "manage.py tune measures which division of the cores is quickest"
        )
    ways = f"{known.processes} x {known.threads}"
    why = f"engines x threads: {known.pages_per_second:.2f} pages a second on {known.date}"
    return Fact("tuned", ways, why)
