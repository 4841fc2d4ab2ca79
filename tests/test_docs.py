"""Documents that fail: what can be set or typed is written down, and nothing private is."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
GUIDE = README + "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()

# Put together here, so that this file does not hold what it looks for.
REGISTRIES = ("py" + "pi.org", "pythonhosted" + ".org", "download.py" + "torch.org")
REGISTRIES += ("registry.npm" + "js.org", "npm" + "js.com", "conda" + ".anaconda.org")
REGISTRIES += ("hugging" + "face.co", "docker" + ".io", "ghcr" + ".io")
PRIVATE_PATH = re.compile(r"(?<![\w./-])/(?:home|root|Users|work|opt|mnt)/[\w.-]+")


def environment_knobs() -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / "ocrsite" / "settings.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "").startswith("env_"):
            name = node.args[0]
            assert isinstance(name, ast.Constant), "a knob is read under a literal name"
            yield name.value


def make_targets() -> list[str]:
    return re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def run_verbs() -> set[str]:
    verbs: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / "run").read_text())):
        if isinstance(node, ast.Compare) and getattr(node.left, "id", "") == "verb":
            values = ast.walk(node.comparators[0])
            verbs |= {v.value for v in values if isinstance(v, ast.Constant)}
    return verbs - {"up", "-h", "--help"}


def management_commands() -> list[str]:
    folders = ROOT.glob("*/management/commands/*.py")
    return sorted(path.stem for path in folders if path.stem != "__init__")


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("knob", sorted(set(environment_knobs())))
def test_every_knob_stands_in_the_readme(knob):
    assert f"`{knob}`" in README


def test_no_knob_in_the_readme_is_made_up():
    assert set(re.findall(r"`(OCR_\w+)`", README)) <= set(environment_knobs())


@pytest.mark.parametrize("target", make_targets())
def test_every_make_target_is_explained(target):
    assert f"`make {target}`" in GUIDE


@pytest.mark.parametrize("verb", sorted(run_verbs()))
def test_every_verb_of_run_is_explained(verb):
    assert re.search(rf"`\./run {verb}\b", README)


@pytest.mark.parametrize("command", management_commands())
def test_every_command_is_explained(command):
    assert re.search(rf"`{command}\b", GUIDE)


def test_every_package_is_on_the_map():
    packages = {path.parent for path in tracked_files() if path.name == "__init__.py"}
    top = {path.relative_to(ROOT).parts[0] for path in packages} - {"tests"}
    assert {name for name in top if f"`{name}/" not in ARCHITECTURE} == set()


def test_every_file_on_the_map_exists():
    named = re.findall(r"`((?:documents|ocrengine|ocrsite|tests)/[\w/.]+)`", ARCHITECTURE)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_link_between_documents_leads_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links {target}"


@pytest.mark.parametrize(
    "picture", sorted(ROOT.glob("docs/screenshots/*.png")), ids=lambda p: p.stem
)
def test_every_screenshot_is_shown_made_anew_by_the_script_and_light(picture):
    assert f"screenshots/{picture.name})" in GUIDE
    assert f'"{picture.stem}"' in (picture.parent / "make.py").read_text()
    assert picture.stat().st_size < 200_000


def test_everything_installed_is_pinned():
    for lock in ("requirements.lock", "requirements-test.lock"):
        lines = (ROOT / lock).read_text().splitlines()
        assert [line for line in lines if not re.match(r"#|[\w.-]+==[\w.]+$", line)] == []


def private_things(text: str) -> list[str]:
    return [host for host in REGISTRIES if host in text] + PRIVATE_PATH.findall(text)


def test_no_file_names_a_registry_or_a_machine():
    found = {}
    for path in tracked_files():
        try:
            text = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture, a compiled catalogue; or deleted and not committed yet
        if things := private_things(text):
            found[str(path.relative_to(ROOT))] = things
    assert found == {}


@pytest.mark.parametrize(
    "text", ["see https://" + REGISTRIES[0] + "/simple", "cd /" + "home/somebody/folio"]
)
def test_a_planted_host_or_path_is_caught(text):
    assert private_things(text)
