"""What every test run obeys: with CI=true a skipped test fails, fuzzing must be asked for, and no
test is left out because another has its name.
"""

import os
from collections import Counter

import pytest


def refuse_to_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    refuse_to_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """A whole module skipped at its import is a skipped test too."""
    report = yield
    refuse_to_skip(report)
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fuzzing takes minutes: `-m fuzz` asks for it, whatever else is left out."""
    if "fuzz" in config.option.markexpr:
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("fuzz")])
    items[:] = [item for item in items if not item.get_closest_marker("fuzz")]


def pytest_xdist_node_collection_finished(ids: list[str]) -> None:
    """Of several tests with the same id xdist runs one, and says nothing of the others."""
    if often := [name for name, times in Counter(ids).items() if times > 1]:
        pytest.exit(f"several tests have one id; run them with -n 0: {', '.join(often)}", 4)
