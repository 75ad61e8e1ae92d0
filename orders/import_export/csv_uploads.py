"""A person's CSV file on its way from the browser into the tables: looked at first, loaded when they say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account
from orders.actions import after_mapping_change
from orders.import_export.csv_text import Table
from orders.import_export.imports import Loaded, load_table


def preview(*, account: Account, what: str, name: str, body: bytes) -> Loaded:
    """Say what would become of the rows. Raise `UnreadableFile` or `MissingColumns`, with words, for a file that is none."""
    with _table(name, body) as table:
        return load_table(account=account, what=what, table=table, dry_run=True)


def load(*, account: Account, what: str, name: str, body: bytes, actor: str) -> Loaded:
    """Load the file's rows that can be loaded, and let go what waited for them. Raises as `preview` does, before any row."""
    with _table(name, body) as table:
        loaded = load_table(account=account, what=what, table=table)
    words = f"{loaded.added} added, {loaded.changed} changed, {loaded.same} as they were, {len(loaded.refused)} refused."
    audit(account=account, actor=actor, verb=f"{what}.imported", subject=name, words=words)
    after_mapping_change(account.pk)
    return loaded


@contextmanager
def _table(name: str, body: bytes) -> Iterator[Table]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / (PurePath(name).name[-100:] or "file.csv")
        path.write_bytes(body)
        table = Table(path)
        table.require_readable()
        yield table
