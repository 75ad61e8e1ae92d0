"""Starts what is measured in a process of its own, so that nothing that ran before it counts, and no memory either."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from connectors import registry
from connectors.contract import RunningSandbox

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 4 * 3600
"""Seconds; filling a database with millions of orders takes the longest."""

Figures = dict[str, Any]
Ask = Callable[[str], Figures]


def child(module: str, *arguments: str, **environment: str) -> Figures:
    """Run `python -m benchmarks.MODULE` and return the JSON of its last line; end the program where it fails.

    What it says of an error stands on this program's own error output.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def hub(module: str, *arguments: str, folder: str, database: str) -> Figures:
    """Do the same with a module that is a hub: its files in `folder`, without a broker, and only loopback within its reach."""
    return child(module, *arguments, **_as_hub(folder, database))


@contextlib.contextmanager
def asked_hub(module: str, *arguments: str, folder: str, database: str) -> Iterator[Ask]:
    """Keep such a hub running that answers each line with a line of JSON; give what asks it. It ends with its input."""
    with subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **_as_hub(folder, database)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:

        def ask(line: str) -> Figures:
            print(line, file=program.stdin, flush=True)
            answer = program.stdout.readline() if program.stdout else ""
            if not answer:
                raise SystemExit(f"{module} failed")
            figures: Figures = json.loads(answer)
            return figures

        yield ask


def _as_hub(folder: str, database: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "CARTROVER_VAR": folder,
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": "",
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


@contextlib.contextmanager
def sandbox(kind: str, folder: str) -> Iterator[RunningSandbox]:
    """Run the sandbox of a connector, in this process."""
    start = registry.get(kind).sandbox
    if start is None:
        raise SystemExit(f"the {kind} connector has no sandbox to measure against")
    box = start(folder, {})
    try:
        yield box
    finally:
        box.stop()


@contextlib.contextmanager
def cart_with(orders: int, folder: Path) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Run a cart's SFTP server with one file of so many orders of 2 lines; give its login and what is known of the file.

    The file stays there, so that it can be fetched again and again.
    """
    with sandbox("dsco", str(folder / "dsco")) as box:
        box.drive("settings", archive_after_download=False)
        box.drive("place_orders", count=orders, lines=2, retailers=3, skus=500, quiet=True)
        file: dict[str, Any] = box.drive("export", columns=223, limit=2 * orders)
        yield {**box.settings, **box.secrets}, file
