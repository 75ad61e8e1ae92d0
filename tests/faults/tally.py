"""What the suite did and what came out, one line a scenario, at the end of the run; also when the scenarios ran in processes
of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PROPERTY = "tally"

Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Return what adds a line to the tally."""

    def add(line: str) -> None:
        record_property(PROPERTY, line)

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tally, where there is one."""
    lines = [
        (report.nodeid.rpartition("::")[2], value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(report, "user_properties", [])
        if name == PROPERTY and report.when == "call"
    ]
    if not lines:
        return
    terminalreporter.section("what was done to the hub, and what came out")
    for test, line in sorted(lines):
        terminalreporter.write_line(f"{test}\n    {line}")
