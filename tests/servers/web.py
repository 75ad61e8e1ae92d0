"""The hub's own web server, as the image runs it, on the running test's database."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import requests

from tests.faults.parts import Part
from tests.servers.databases import this_database
from tests.servers.debian import free_port


class WebServer(Part):
    """gunicorn as the image runs it, on the test's own database."""

    def __init__(self, folder: Path, name: str) -> None:
        self.address = f"http://127.0.0.1:{free_port()}"
        command = ["-m", "gunicorn", "cartrover.wsgi:application", "--bind", self.address.removeprefix("http://")]
        options = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--preload", "--no-control-socket"]
        told = {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": this_database(), "CARTROVER_VAR": str(folder)}
        super().__init__(name, [sys.executable, *command, *options], folder / f"{name}.log", {**os.environ, **told})

    def answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.address}/healthz", timeout=10).ok
        return False
