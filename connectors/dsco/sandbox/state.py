"""What the sandbox remembers: one SQLite file beside the tree of files.

Only the office thread (see `running`) uses a `State`, so statements never interleave. Each change is one transaction; a process
that is killed leaves either all of a processed file behind or nothing of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class SandboxError(ValueError):
    """A command that the sandbox can't carry out; the words say why."""


SCHEMA = """
create table if not exists meta (key text primary key, value text not null);
create table if not exists retailers (id text primary key, name text not null unique, require text not null default '{}');
create table if not exists jobs (
    workflow text primary key, name text not null, pattern text not null, folder text not null, delimiter text not null,
    enabled integer not null default 1
);
create table if not exists orders (
    seq integer primary key, dsco_order_id text not null unique, po_number text not null, retailer_id text not null,
    lifecycle text not null, status text not null, test integer not null, placed_at text not null, updated_at text not null,
    exported_at text, exports integer not null default 0,
    columns text not null
);
create index if not exists orders_by_po_number on orders (po_number);
create index if not exists orders_by_lifecycle on orders (lifecycle);
create table if not exists lines (
    order_seq integer not null, line_number text not null, sku text not null, ordered integer not null,
    shipped integer not null default 0, cancelled integer not null default 0, invoiced integer not null default 0,
    columns text not null, primary key (order_seq, line_number)
) without rowid;
create table if not exists packages (
    id integer primary key, order_seq integer not null, line_number text not null, tracking_number text not null,
    quantity integer not null, carrier text not null, method text not null, service text not null, ship_date text not null,
    process_id integer not null, unique (order_seq, line_number, tracking_number)
);
create index if not exists packages_by_tracking on packages (tracking_number);
create table if not exists invoices (
    invoice_id text primary key, order_seq integer not null, total text not null, date text not null,
    process_id integer not null
) without rowid;
create table if not exists invoice_lines (
    id integer primary key, invoice_id text not null, line_number text not null, quantity integer not null,
    unit_price text not null
);
create index if not exists invoice_lines_by_invoice on invoice_lines (invoice_id);
create table if not exists cancels (
    id integer primary key, order_seq integer not null, line_number text not null, quantity integer not null,
    code text not null, reason text not null, process_id integer not null
);
create table if not exists stock (
    sku text primary key, quantity integer not null, status text not null,
    told_quantity integer, told_status text, told_at text, columns text not null default '{}'
) without rowid;
create table if not exists processes (
    id integer primary key, workflow text not null, job text not null, file text not null, size integer not null,
    status text not null, queued_at text not null, started_at text, finished_at text, words text not null default '',
    ok integer not null default 0, warnings integer not null default 0, errors integer not null default 0
);
create table if not exists results (
    process_id integer not null, row integer not null, outcome text not null, code text not null, words text not null,
    po_number text not null, dsco_order_id text not null, line_number text not null, sku text not null, quantity text not null,
    reference text not null, primary key (process_id, row)
) without rowid;
create table if not exists growing (name text primary key, rest blob not null, pieces_left integer not null, age real not null);
"""

TENDED = (
    *("orders", "lines", "packages", "invoices", "invoice_lines", "cancels", "stock"),
    *("processes", "results", "growing", "retailers", "jobs"),
)
"""The tables that a reset empties."""

SETTINGS: dict[str, Any] = {
    "pick_up": "automatic",
    "pick_up_after": 0.2,
    "processing_seconds": 0.0,
    "archive_after_download": True,
    "archive_half_read": False,
    "cancel_policy": "line",
    "create_unknown_skus": True,
    "client_may_rename": True,
    "client_may_remove": True,
    "export_every": 0.0,
    "place_every": 0.0,
    "place_count": 1,
    "opening_stock": 100,
    "columns": 123,
}
"""What a person may set, with what DSCO does as far as it is known; where it isn't, with the likelier or harder case."""

CHOICES = {"pick_up": ("automatic", "paused"), "cancel_policy": ("line", "order"), "columns": (123, 143, 223)}

JOBS = (
    ("order", "Orders to supplier", "Purchase_Order_{$ymdt}.csv", "out"),
    ("shipment", "Shipments from supplier", "Shipment_*.csv", "in"),
    ("invoice", "Invoices from supplier", "Invoice_*.csv", "in"),
    ("inventory", "Inventory from supplier", "Inventory_*.csv", "in"),
    ("cancel", "Cancels from supplier", "Cancel_*.csv", "in"),
)
"""The jobs of a supplier with their default names (Source: DSCO reference 2, Jobs)."""

ACCOUNT = {"id": "1000061639", "name": "Tallowmere Supply Co"}


def now_text() -> str:
    """Return this moment as DSCO writes it: ISO 8601 with offset, whole seconds, UTC."""
    return date_text(datetime.now(UTC))


def date_text(moment: datetime) -> str:
    """Return an aware moment as DSCO writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


class State:
    """The database, its settings and its counters."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.settings = dict(SETTINGS)
        try:
            # Exclusive: two sandboxes in one folder would move each other's files.
            self.db.execute("pragma locking_mode = exclusive")
            self.db.execute("pragma journal_mode = wal")
            self.db.execute("pragma synchronous = normal")
            self.db.executescript(SCHEMA)
            self._fill()
        except sqlite3.OperationalError as error:
            self.db.close()
            raise SandboxError(f"The sandbox can't use {path}: {error}. Does another one run in this folder?") from None

    def _fill(self) -> None:
        with self.change():
            self.db.executemany(
                "insert into jobs (workflow, name, pattern, folder, delimiter) values (?, ?, ?, ?, ',') on conflict do nothing",
                JOBS,
            )
        self.settings = SETTINGS | {name: value for name, value in self.get("settings", {}).items() if name in SETTINGS}

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all that is done inside is kept together, or nothing of it when something is raised."""
        self.db.execute("begin immediate")
        try:
            yield self.db
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    def get(self, key: str, default: Any = None) -> Any:
        """Return what was put under this key."""
        row = self.db.execute("select value from meta where key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row["value"])

    def put(self, key: str, value: Any) -> None:
        """Remember a JSON-able value under this key."""
        self.db.execute("insert or replace into meta (key, value) values (?, ?)", (key, json.dumps(value)))

    def set_settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Change settings for good. Raise `SandboxError` for one that isn't there, or a value that doesn't fit."""
        for name, value in values.items():
            if name not in SETTINGS:
                raise SandboxError(f"There is no setting {name!r}. The settings are {', '.join(SETTINGS)}.")
            self.settings[name] = _fitting(name, value)
        self.put("settings", {name: value for name, value in self.settings.items() if value != SETTINGS[name]})
        return dict(self.settings)

    def job(self, workflow: str) -> sqlite3.Row:
        """Return the job of a workflow. Raise `SandboxError` when there is none."""
        row: sqlite3.Row | None = self.db.execute("select * from jobs where workflow = ?", (workflow,)).fetchone()
        if row is None:
            raise SandboxError(f"There is no job for {workflow!r}. The workflows are {', '.join(job[0] for job in JOBS)}.")
        return row

    def set_job(self, workflow: str, values: Mapping[str, Any]) -> None:
        """Change a job's pattern, folder, delimiter or whether it runs; None leaves a value as it is."""
        self.job(workflow)
        for name, value in values.items():
            if value is not None:
                # The names come from the command's own signature, never from outside.
                self.db.execute(f"update jobs set {name} = ? where workflow = ?", (value, workflow))  # noqa: S608

    def wipe(self) -> None:
        """Forget all but the login; settings and jobs are as at the first start again."""
        with self.change() as db:
            for table in TENDED:
                db.execute(f"delete from {table}")  # noqa: S608 - the names stand above
            db.execute("delete from meta where key in ('settings', 'to_archive')")
        self._fill()

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()


def _fitting(name: str, value: Any) -> Any:
    """Return the value as the setting's kind, also from a form's text."""
    default = SETTINGS[name]
    try:
        if isinstance(default, bool):
            fitting: Any = value if isinstance(value, bool) else str(value).lower() in ("1", "true", "on", "yes")
        else:
            fitting = type(default)(value)
    except (TypeError, ValueError):
        raise SandboxError(f"The setting {name} can't be {value!r}.") from None
    if name in CHOICES and fitting not in CHOICES[name]:
        raise SandboxError(f"The setting {name} is one of {', '.join(map(str, CHOICES[name]))}, not {value!r}.")
    if isinstance(fitting, int | float) and fitting < 0:
        raise SandboxError(f"The setting {name} can't be below 0.")
    return fitting
