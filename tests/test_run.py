"""Starting on a fresh machine: what `./run` installs, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
import json
import platform
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch) -> ModuleType:
    """The script as a module, with a folder of its own to install into."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("run_script", str(ROOT / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_script", loader))
    loader.exec_module(module)
    for name in ("requirements.lock", "requirements-test.lock"):
        (tmp_path / name).write_text("torch==2.13.0\n")
    module.VENV = tmp_path / ".venv"
    module.PYTHON = module.VENV / "bin" / "python"
    module.LOCK = tmp_path / "requirements.lock"
    module.TEST_LOCK = tmp_path / "requirements-test.lock"
    return module


@pytest.fixture
def pip(run, monkeypatch) -> list[tuple[str, ...]]:
    """What pip was asked to do, in an environment that is made at once."""
    asked: list[tuple[str, ...]] = []

    def make() -> None:
        run.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        run.PYTHON.touch()

    monkeypatch.setattr(run, "make_environment", make)
    monkeypatch.setattr(run, "warn_about_cuda", lambda: None)
    monkeypatch.setattr(run, "pip", lambda *arguments: asked.append(arguments))
    return asked


def test_torch_comes_first_and_a_second_start_installs_nothing(run, pip):
    run.install(run.LOCK)
    assert pip == [("install", "torch==2.13.0"), ("install", "--requirement", run.LOCK)]

    run.install(run.LOCK)
    assert len(pip) == 2


def test_tests_install_only_what_they_need_besides(run, pip):
    run.install(run.LOCK)
    pip.clear()

    run.install(run.LOCK, run.TEST_LOCK)

    assert pip == [("install", "--requirement", run.TEST_LOCK)]


def test_a_changed_lock_or_another_python_installs_again(run, pip, monkeypatch):
    run.install(run.LOCK)
    run.LOCK.write_text("torch==2.14.0\n")
    assert not run.is_installed(run.LOCK)

    run.install(run.LOCK)
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert not run.is_installed(run.LOCK)


def test_an_interrupted_installation_is_done_again(run, pip, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "pip", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.install(run.LOCK)

    assert not run.is_installed(run.LOCK)
    run.install(run.LOCK)
    assert run.is_installed(run.LOCK)


def test_a_missing_venv_module_is_named_in_one_sentence(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"^run: .*python3-venv\.$"):
        run.make_environment()


def test_an_old_python_is_refused_in_one_sentence(run, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"^run: Python 3\.11 or newer is needed"):
        run.main()


def test_an_unknown_verb_is_named(run, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run", "dance"])
    with pytest.raises(SystemExit, match=r"^run: there is no 'dance'"):
        run.main()


@pytest.mark.parametrize(
    ("version", "requires", "gpu", "warned"),
    [
        ("2.13.0", ["nvidia-cublas; platform_system == 'Linux'"], False, True),
        ("2.13.0", ["nvidia-cublas; platform_system == 'Linux'"], True, False),
        ("2.13.0+cpu", ["sympy"], False, False),
        ("2.13.0", ["sympy"], False, False),
    ],
)
def test_gigabytes_for_a_gpu_are_announced(
    run, monkeypatch, capsys, version, requires, gpu, warned
):
    metadata = {"version": version, "requires_dist": requires}
    report = SimpleNamespace(stdout=json.dumps({"install": [{"metadata": metadata}]}))
    monkeypatch.setattr(run.subprocess, "run", lambda *a, **k: report)
    monkeypatch.setattr(run, "has_gpu", lambda: gpu)
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(sys, "platform", "linux")

    run.warn_about_cuda()

    assert ("CUDA" in capsys.readouterr().out) is warned


def test_help_needs_no_environment():
    done = subprocess.run(
        [sys.executable, ROOT / "run", "help"], check=True, capture_output=True, text=True
    )
    assert "./run test" in done.stdout
