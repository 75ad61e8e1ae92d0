"""A worker and a clock as in production, on a broker of their own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.children import ROOT
from tests.servers import redis


@contextlib.contextmanager
def workers(folder: Path, database: str, processes: int) -> Iterator[None]:
    """Run a worker of so many processes and a clock for the hub in `folder`; they end with the block."""
    with redis.redis(folder / "redis") as broker, contextlib.ExitStack() as stack:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "CARTROVER_VAR": str(folder),
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": broker,
            "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        quietly = ["--loglevel", "WARNING"]
        for part in (
            ["worker", "--concurrency", str(processes), *quietly],
            ["beat", "--schedule", str(folder / "schedule"), "--pidfile=", *quietly],
        ):
            command = [sys.executable, "-m", "celery", "--app", "cartrover", *part]
            log = stack.enter_context((folder / f"{part[0]}.log").open("wb"))
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield
