"""The sandbox far sides alone."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors.sandbox_flow import Flow
from connectors.sandboxes import Sandboxes


class Command(BaseCommand):
    help = "Run the sandboxes of all connectors on this machine until Ctrl-C: far sides to connect to, faithful and harmless."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of words")

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, frame: ended.set())
        sandboxes = Sandboxes(settings.VAR / "sandbox")
        flow = Flow(sandboxes)
        try:
            sandboxes.start()
            flow.start()
            self._tell(sandboxes.describe(), as_json=options["json"])
            ended.wait()
        except OSError as problem:
            raise CommandError(f"The sandboxes can't be started: {problem}.") from problem
        finally:
            flow.stop()
            sandboxes.stop()

    def _tell(self, described: dict[str, dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(described))
        else:
            for one in described.values():
                self.stdout.write(f"{one['name']}: {one['page']}")
                for name, value in one["settings"].items():
                    self.stdout.write(f"    {name} = {value}")
                self.stdout.write(f"    the secrets are in {one['connection_file']}")
            self.stdout.write("Ctrl-C stops them; what they hold is kept.")
        self.stdout.flush()
