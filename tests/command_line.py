"""The hub from outside: its commands in processes of their own, on a database of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.databases import own_database

ROOT = Path(__file__).resolve().parent.parent

NOT_INHERITED = ("DJANGO_", "COV_", "PYTHONDONTWRITEBYTECODE")
"""Beginnings of variables that mean these tests; a process that compiles the whole hub anew takes twice as long to begin."""


@dataclass
class CommandLine:
    """Runs `manage.py` in a folder of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        self.environment = {
            **kept,
            "CARTROVER_VAR": str(self.folder),
            "DATABASE_URL": self.environment.get("DATABASE_URL") or own_database(self.folder),
            "CELERY_BROKER_URL": "",
            "SECRET_KEY": "only-for-tests",
            "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
            **self.environment,
        }

    def start(self, *arguments: str, **secrets: str) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **secrets},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End what is still running of what was started."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *arguments: str, ok: tuple[int, ...] = (0,), **secrets: str) -> str:
        """Run a command to its end; its exit code must be one of `ok`. Return what it printed."""
        process = self.start(*arguments, **secrets)
        out, err = process.communicate(timeout=100)
        assert process.returncode in ok, f"{arguments} ended with {process.returncode}:\n{out}\n{err}"
        assert "Traceback" not in err, err
        return out

    def json(self, *arguments: str, ok: tuple[int, ...] = (0,), **secrets: str) -> Any:
        """Run a command with --json and return its document."""
        return json.loads(self.run(*arguments, "--json", ok=ok, **secrets))
