"""The whole hub in one process tree."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from cartrover.running import hub


class Command(BaseCommand):
    help = (
        "Start everything: an embedded broker where none is configured, the web server, a worker with the clock, on request "
        "the sandboxes. Ctrl-C stops it all."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, help="port on 127.0.0.1 (default: 8000, or the next free one)")
        parser.add_argument("--sandbox", action="store_true", help="also start the sandbox far sides, to try things out")
        parser.add_argument("--demo", action="store_true", help="also set up the account 'demo' and keep its orders flowing")
        parser.add_argument("--wms", default="", metavar="KIND", help="the WMS of the demo (default: the first one)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["demo"] and not options["sandbox"]:
            raise CommandError("--demo lives on the sandboxes: add --sandbox.", returncode=2)
        wishes = hub.Wishes(
            root=settings.ROOT,
            var=settings.VAR,
            port=options["port"],
            sandbox=options["sandbox"],
            demo=options["demo"],
            demo_wms=options["wms"],
            broker_url=settings.CELERY_BROKER_URL,
        )
        try:
            hub.run(wishes, prepare=_migrate, say=self._say)
        except hub.CannotRun as problem:
            raise CommandError(str(problem)) from None

    def _say(self, line: str) -> None:
        # Whoever reads may be gone, as when the terminal was closed: that must not keep the hub from stopping in order.
        with contextlib.suppress(OSError, ValueError):
            self.stdout.write(line)
            self.stdout.flush()


def _migrate() -> None:
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as problem:
        raise hub.CannotRun(f"The database could not be brought up to date: {problem}. Check DATABASE_URL.") from problem
    connections.close_all()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port; ports go from 1 to 65535.")
    return int(text)
