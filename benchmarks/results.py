"""Figures as tables: printed as they come and, where BENCH_RESULTS names a file, written there between the benchmark's marks.

`make bench` names RESULTS.md. What people wrote around the marks stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.servers import postgres

FILE = "BENCH_RESULTS"
MACHINE = "machine"


@dataclass(slots=True)
class Results:
    """What one benchmark found: tables, and under each whether its goals were met."""

    began_with: float
    tables: list[str] = field(default_factory=list)

    def add(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *remarks: str) -> None:
        """Print a table and keep it: `rows` are texts in the order of `columns`, `remarks` whole lines such as goals."""
        lines = [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]
        text = "\n".join([f"**{title}**", "", *lines, *(["", *(f"- {remark}" for remark in remarks)] if remarks else [])])
        print(f"{text}\n", flush=True)
        self.tables.append(text)


@contextlib.contextmanager
def results(section: str = "") -> Iterator[Results]:
    """Collect what the benchmark that runs as a module finds, and write it down at the end, goals met or not.

    It stands in the section of the benchmark's name, or in another one for a run that shall not take the usual one's place.
    """
    found = Results(_load())
    yield found
    if path := os.environ.get(FILE):
        module = Path(sys.argv[0]).stem
        name = section or module
        command = shlex.join(["python", "-m", f"benchmarks.{module}", *sys.argv[1:]])
        load = f"load {found.began_with:.1f} at the beginning, {_load():.1f} at the end"
        head = f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {load}."
        file = Path(path)
        text = with_section(file.read_text(), MACHINE, machine())
        file.write_text(with_section(text, name, "\n\n".join([head, *found.tables])))


def with_section(text: str, name: str, content: str) -> str:
    """Return the text with this content between the marks of a name, which are added at the end where there are none."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{content}\n{end}"
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return marked.sub(lambda _: section, text) if marked.search(text) else f"{text.rstrip()}\n\n{section}\n"


def machine() -> str:
    """Say what all was measured on."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {_server()}"
    return f"{os.cpu_count()} cores of {_processor()}, {versions}."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.machine()


def _server() -> str:
    programs = postgres.programs()
    if programs is None:
        return "no PostgreSQL"
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return f"PostgreSQL {told.stdout.split()[2]} with commits that wait for the disk"


def _load() -> float:
    return os.getloadavg()[0]
