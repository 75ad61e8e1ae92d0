"""`export ACCOUNT WHAT`: everything that the account has of one thing, streamed to stdout."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from orders.import_export.exports import EXPORTS, csv_chunks, json_chunks
from orders.management.json_command import JsonCommand, WrongUse, account_named


class Command(JsonCommand):
    help = "Print everything that an account has of one thing, as CSV or JSON. What is exported can be imported again."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the account's short name")
        parser.add_argument("what", choices=list(EXPORTS), help="what to export")
        parser.add_argument("--format", choices=["csv", "json"], dest="form", help="csv (as usual) or json")
        parser.add_argument("--since", metavar="ISO", help="only what is new or changed since, like 2026-11-22T09:00:00Z")

    def work(self, **options: Any) -> None:
        account = account_named(options["account"])
        since = _moment(options["since"]) if options["since"] else None
        as_json = options["as_json"] if options["form"] is None else options["form"] == "json"
        chunks = json_chunks if as_json else csv_chunks
        for text in chunks(account, options["what"], since=since):
            self.stdout.write(text, ending="")
        self.stdout.flush()


def _moment(text: str) -> datetime:
    """Read a date or a time; one without offset is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongUse(f"“{text}” is no date or time. Use one like 2026-11-22 or 2026-11-22T09:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
