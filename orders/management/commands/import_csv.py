"""`import_csv ACCOUNT WHAT FILE`: bulk load, with a line number and the reason for each refused row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from orders.actions import after_mapping_change
from orders.import_export.csv_text import Table, UnreadableFile
from orders.import_export.imports import KINDS, Loaded, MissingColumns, load_table
from orders.import_export.order_imports import load_orders
from orders.management.json_command import JsonCommand, Told, WrongUse, account_named, console_actor

ORDERS = "orders"


class Command(JsonCommand):
    help = "Load products, aliases, ship methods or orders from a CSV file. Loading a file twice changes nothing."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the account's short name")
        parser.add_argument("what", choices=[*KINDS, ORDERS], help="what the file holds")
        parser.add_argument("file", type=Path, metavar="FILE", help="a CSV file in UTF-8 whose first line names the columns")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of each row")

    def work(self, **options: Any) -> Told:
        account, what, dry_run = account_named(options["account"]), options["what"], options["dry_run"]
        try:
            table = Table(options["file"])
            table.require_readable()
            if what == ORDERS:
                loaded = load_orders(account=account, table=table, actor=console_actor(), dry_run=dry_run)
            else:
                loaded = load_table(account=account, what=what, table=table, dry_run=dry_run)
        except (UnreadableFile, MissingColumns) as unfit:
            raise WrongUse(str(unfit)) from unfit
        if what != ORDERS and not dry_run and (loaded.added or loaded.changed):
            after_mapping_change(account.pk)
        return _told(loaded, what, dry_run=dry_run)


def _told(loaded: Loaded, what: str, *, dry_run: bool) -> Told:
    would = "would be " if dry_run else ""
    words = [
        f"{loaded.rows:,} rows read: {loaded.added:,} {what} {would}added, {loaded.changed:,} {would}changed, "
        f"{loaded.same:,} known already, {len(loaded.refused):,} refused."
    ]
    if loaded.unread_columns:
        words.append(f"Columns that mean nothing here were not read: {', '.join(loaded.unread_columns)}.")
    document = {
        "rows": loaded.rows,
        "added": loaded.added,
        "changed": loaded.changed,
        "same": loaded.same,
        "refused": [asdict(refused) for refused in loaded.refused],
        "unread_columns": list(loaded.unread_columns),
        "dry_run": dry_run,
    }
    return Told(document, words, [f"Line {refused.line}: {refused.reason}" for refused in loaded.refused])
