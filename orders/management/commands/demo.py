"""The account `demo` with a cart and a WMS connected to their sandboxes and orders that flow."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.sandboxes import NoSandbox
from orders import demo

ROUND_EVERY = 15.0
"""Seconds between two rounds with --keep-going: merchants wait five minutes, somebody who watches doesn't."""


STARTING = 60.0
"""Seconds that sandboxes which start beside this may take, on a slow machine under load."""


class Command(BaseCommand):
    help = "Set up the account 'demo' on the running sandboxes and let orders flow. Twice is harmless."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of words")
        parser.add_argument(
            "--keep-going", action="store_true", help="go on running the services every few seconds, and print no login"
        )

        parser.add_argument("--wms", default="", metavar="KIND", help="the WMS that orders go to (default: the first one)")

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        if options["keep_going"]:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda received, frame: ended.set())
        try:
            patience = STARTING if options["keep_going"] else 0.0
            made = demo.set_up(
                say=self.stderr.write if options["json"] else self.stdout.write, patience=patience, wms=options["wms"]
            )
        except (NoSandbox, demo.DemoFailed) as problem:
            raise CommandError(str(problem)) from None
        if not options["keep_going"]:
            self._tell(made, as_json=options["json"])
            if made.problems:
                raise SystemExit(1)
            return
        # Its output is a log: the login stays out of it.
        (settings.VAR / "demo.ready").touch()
        while not ended.wait(ROUND_EVERY):
            for words in demo.run_round():
                self.stderr.write(words)

    def _tell(self, made: demo.Demo, *, as_json: bool) -> None:
        if as_json:
            facts = {
                "account": demo.SLUG,
                "address": made.address,
                "email": made.email,
                "password": made.password,
                "connections": list(made.connections),
                "sandboxes": made.sandbox_pages,
                "problems": list(made.problems),
            }
            self.stdout.write(json.dumps(facts))
        else:
            self.stdout.write(f"The demo is at {made.address}")
            self.stdout.write(f"Sign in as {made.email} with the password {made.password}")
            for name, page in made.sandbox_pages.items():
                self.stdout.write(f"The far side of {name} is at {page}")
        self.stdout.flush()
        for words in made.problems:
            self.stderr.write(words)
