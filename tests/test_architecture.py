"""Imports point one way, and each process loads only what it may. ARCHITECTURE.md draws the map."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("documents", "ocrengine", "ocrsite")
PIXELS = ("PIL", "cv2", "numpy", "onnxruntime", "pypdfium2", "torch")
DOORS = (
    "documents.admin",
    "documents.api",
    "documents.management",
    "documents.web",
    "documents.worker",
)
STARTING = ("documents.installation", "documents.parts", "documents.supervisor")


@dataclass(frozen=True)
class Rule:
    who: tuple[str, ...]
    never: tuple[str, ...]
    because: str
    save_for: tuple[str, ...] = ()
    """Modules that may be imported all the same."""
    save: tuple[str, ...] = ()
    """Modules that may import all the same."""


RULES = (
    Rule(
        ("ocrengine",),
        ("django", "django_q", "documents", "ocrsite", "rest_framework"),
        "the engine runs in a notebook, a test and a command without a database",
    ),
    Rule(
        ("documents.models",),
        (
            "documents.access",
            "documents.files",
            "documents.queries",
            "documents.services",
            "ocrengine",
            *DOORS,
        ),
        "a row is not a workflow",
    ),
    Rule(
        ("documents",),
        ("ocrengine.engine", "ocrengine.pipeline", *PIXELS),
        "documents reaches the engine through its clients; web memory stays small",
    ),
    Rule(
        ("documents.web",),
        ("documents.admin", "documents.api", "documents.worker"),
        "doors do not share rooms",
    ),
    Rule(
        ("documents.api",),
        ("documents.admin", "documents.web", "documents.worker"),
        "doors do not share rooms",
    ),
    Rule(
        ("documents.admin",),
        ("documents.api", "documents.web", "documents.worker"),
        "doors do not share rooms",
    ),
    Rule(("documents.files",), ("documents",), "bytes and rows fail differently"),
    Rule(
        ("documents.access", "documents.queries", "documents.summaries", "documents.exporters"),
        ("documents.files", "documents.services", *DOORS, *STARTING),
        "reading changes nothing",
    ),
    Rule(
        ("documents.services",),
        (*DOORS, *STARTING),
        "services know nothing of who asks",
    ),
    Rule(
        ("documents.lifelines", "documents.supervisor", "documents.address"),
        ("django", "documents", "ocrengine"),
        "starting and stopping are the same for any program",
        save_for=("documents.lifelines",),
    ),
    Rule(
        ("ocrengine.decoder.parsing",),
        ("cv2", "numpy", "onnxruntime", "torch", "ocrengine"),
        "what meets untrusted bytes has nothing else at hand",
        save_for=("ocrengine.decoder.parsing",),
    ),
    Rule(
        ("documents", "ocrengine"),
        ("ocrengine.decoder.parsing",),
        "untrusted bytes are parsed in the decoder child and nowhere else",
        save=(
            "ocrengine.decoder.child",
            "ocrengine.decoder.forkserver",
            "ocrengine.decoder.parsing",
        ),
    ),
    Rule(("documents", "ocrengine"), ("ocrsite",), "settings come as values, not by import"),
    Rule(
        ("documents", "ocrengine", "ocrsite"),
        ("rapidocr",),
        "its model files are used, its code never",
    ),
    Rule(
        ("ocrengine",),
        ("ocrengine.benchmarks", "ocrengine.training"),
        "reading does not depend on measuring or training",
        save=("ocrengine.benchmarks", "ocrengine.training"),
    ),
)

# Imported by web and worker processes.
STDLIB_ONLY = (
    "ocrengine",
    "ocrengine.choose",
    "ocrengine.decoder",
    "ocrengine.decoder.client",
    "ocrengine.decoder.forked",
    "ocrengine.decoder.headers",
    "ocrengine.decoder.sniffing",
    "ocrengine.errors",
    "ocrengine.forecast",
    "ocrengine.memory",
    "ocrengine.process",
    "ocrengine.profiles",
    "ocrengine.running_child",
    "ocrengine.spawning",
    "ocrengine.tuned",
    "ocrengine.types",
)
READS_ENVIRONMENT = {"ocrsite.env", "ocrsite.wsgi"}


def source_files() -> dict[str, str]:
    """Module name -> source, of everything the product runs."""
    found = {}
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path.read_text()
    return found


SOURCES = source_files()
PACKAGES = {name for name in SOURCES if any(other.startswith(f"{name}.") for other in SOURCES)}


def is_within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def imports_of(module: str, source: str) -> Iterator[str]:
    """Every imported name, with `from x import y` as x.y and relative imports made absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - (module in PACKAGES)
                parts = module.split(".")
                base = ".".join([*parts[: len(parts) - up], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def violations(sources: dict[str, str]) -> list[str]:
    return [
        f"{module} imports {name}: {rule.because}"
        for module, source in sources.items()
        for name in imports_of(module, source)
        for rule in RULES
        if is_within(module, rule.who)
        and is_within(name, rule.never)
        and not is_within(name, rule.save_for)
        and not is_within(module, rule.save)
    ]


def module_in(name: str, sources: dict[str, str]) -> str | None:
    """The module of ours that an imported name is, or lies in."""
    while name and name not in sources:
        name = name.rpartition(".")[0]
    return name or None


def cycle_in(sources: dict[str, str]) -> list[str]:
    graph = {
        module: {module_in(name, sources) for name in imports_of(module, source)} - {None, module}
        for module, source in sources.items()
    }
    # A package's front page names what lies in its rooms; that alone is no circle.
    for module, imported in graph.items():
        graph[module] = {name for name in imported if not module.startswith(f"{name}.")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def not_stdlib(sources: dict[str, str]) -> list[str]:
    return [
        f"{module} imports {name}"
        for module in STDLIB_ONLY
        for name in imports_of(module, sources[module])
        if name.split(".")[0] not in sys.stdlib_module_names
        and module_in(name, sources) not in STDLIB_ONLY
    ]


def environment_readers(sources: dict[str, str]) -> list[str]:
    """Modules that look into the environment, by os.environ, os.getenv or either by its name."""
    found = set()
    for module, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", "")))
            if name in ("environ", "getenv", "environb"):
                found.add(module)
    return sorted(found - READS_ENVIRONMENT)


def test_imports_point_one_way():
    assert violations(SOURCES) == []


def test_no_modules_go_round_in_circles():
    assert cycle_in(SOURCES) == []


def test_the_engines_clients_need_only_the_standard_library():
    assert not_stdlib(SOURCES) == []


def test_only_the_settings_read_the_environment():
    assert environment_readers(SOURCES) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("ocrengine.tiles", "from django.conf import settings"),
        ("ocrengine.tiles", "import documents.limits"),
        ("ocrengine.tiles", "from ocrengine.benchmarks import accuracy"),
        ("documents.models.page", "from documents.services import jobs"),
        ("documents.models.page", "from ..services.jobs import ring"),
        ("documents.models.page", "from ocrengine.types import Line"),
        ("documents.web.pages", "def view():\n    import numpy"),
        ("documents.web.pages", "from ocrengine.engine import Engine"),
        ("documents.web.pages", "from ocrengine import engine"),
        ("documents.web.pages", "from documents.admin import JobAdmin"),
        ("documents.admin", "from PIL import Image"),
        ("documents.api.pages", "from documents.web import sheet"),
        ("documents.web.pages", "from documents.api import pages"),
        ("documents.admin", "from documents.web import sheet"),
        ("documents.files", "from documents.models import Page"),
        ("documents.queries", "from documents.services import jobs"),
        ("documents.services.jobs", "from documents import worker"),
        ("documents.services.jobs", "from documents.web import sheet"),
        ("documents.services.jobs", "from ocrsite import settings"),
        ("documents.services.jobs", "import cv2"),
        ("documents.supervisor", "from django.conf import settings"),
        ("ocrengine.bundles", "import rapidocr.main"),
    ],
)
def test_a_planted_import_is_caught(module, line):
    assert violations({module: line})


def test_a_planted_circle_is_caught():
    sources = {"documents.a": "from documents import b", "documents.b": "import documents.a"}
    assert cycle_in({"documents": "", **sources})


def test_a_planted_package_in_a_client_is_caught():
    planted = {**SOURCES, "ocrengine.process": "import numpy"}
    assert not_stdlib(planted) == ["ocrengine.process imports numpy"]
    planted = {**SOURCES, "ocrengine.process": "from ocrengine import crops"}
    assert not_stdlib(planted) == ["ocrengine.process imports ocrengine.crops"]


@pytest.mark.parametrize(
    "line", ["import os\nos.environ['A']", "from os import getenv", "import os\nos.getenv('A')"]
)
def test_a_planted_look_into_the_environment_is_caught(line):
    assert environment_readers({"documents.files": line}) == ["documents.files"]


@pytest.mark.parametrize("module", ["ocrsite.wsgi", "ocrsite.urls", "documents.worker"])
def test_web_and_worker_processes_load_no_pixels(module, tmp_path):
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'ocrsite.settings';"
        f" import django; django.setup(); import {module}, ocrsite.urls;"
        f" print(*sorted(set({PIXELS}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"OCR_DATA_DIR": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == []
