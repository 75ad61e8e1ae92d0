"""On PostgreSQL a row can point at rows of its own account only, whatever the code does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orders.management.commands.check_tenancy import tenant_relations
from tests.command_line import CommandLine
from tests.servers.postgres import postgres, programs

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")


BACK_AND_FORTH = """
from django.core.management import call_command
for target in ([], ["orders", "0002"], []):
    call_command("migrate", *target, verbosity=0)
"""


@pytest.fixture
def database() -> Iterator[psycopg.Connection]:
    """A hub's tables on PostgreSQL, with the migration gone through back and forth."""
    # The server runs as another user, who must be able to come here.
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "server"
        place.mkdir()
        with postgres(place) as url:
            CommandLine(Path(folder), {"DATABASE_URL": url}).run("shell", "--no-imports", "-c", BACK_AND_FORTH)
            with psycopg.connect(url) as connection:
                yield connection
                connection.rollback()


def _row(database: psycopg.Connection, table: str, **values: object) -> int:
    """Write a row; what isn't given is whatever the column takes."""
    columns = database.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO' "
        "AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    ).fetchall()
    plain = {
        "uuid": "gen_random_uuid()", "jsonb": "'{}'", "boolean": "false", "timestamp with time zone": "now()", "bytea": "''",
        "character varying": "''", "text": "''",
    }  # fmt: skip
    names = {name: plain.get(kind, "0") for name, kind in columns}
    given = {name: f"%({name})s" for name in values}
    all_of_them = {**names, **given}
    places = ", ".join(all_of_them.values())
    statement = f"INSERT INTO {table} ({', '.join(all_of_them)}) VALUES ({places}) RETURNING id"  # noqa: S608  # own names
    found = database.execute(statement, values).fetchone()  # type: ignore[arg-type]  # names of our own
    assert found is not None
    return int(found[0])


def test_on_postgresql_a_row_can_point_at_rows_of_its_own_account_only(database: psycopg.Connection) -> None:
    keys = database.execute(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
    ).fetchall()
    known = {(table, definition.split(" DEFERRABLE")[0]) for table, definition in keys}
    for relation in tenant_relations():
        table, target = relation.model._meta.db_table, relation.related_model._meta.db_table
        assert (table, f"FOREIGN KEY (account_id, {relation.column}) REFERENCES {target}(account_id, id)") in known
        assert (table, f"FOREIGN KEY ({relation.column}) REFERENCES {target}(id)") not in known

    owner = _row(database, "accounts_organization", kind="merchant")
    acme, globex = (_row(database, "accounts_account", organization_id=owner, slug=slug) for slug in ("acme", "globex"))
    cart = _row(database, "connectors_connection", account_id=acme, kind="dsco", side="cart", state="new")
    order = _row(database, "orders_order", account_id=acme, source_id=cart, external_id="1", cust_ref="1", state="new")
    _row(database, "orders_orderline", account_id=acme, order_id=order, quantity=1, line_no=1)
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, values in (
        ("orders_orderline", {"order_id": order, "quantity": 1, "line_no": 2}),
        ("orders_orderevent", {"order_id": order}),
        ("orders_order", {"source_id": cart, "external_id": "2", "cust_ref": "2", "state": "new"}),
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="in_account"), database.transaction():
            _row(database, table, account_id=globex, **values)


def test_rows_of_orders_know_their_account_by_the_row_that_they_point_at(database: psycopg.Connection) -> None:
    keys = database.execute(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'accounts_account'::regclass"
    )
    to_accounts = {table for (table,) in keys}
    assert not {"orders_order", "orders_orderline", "orders_outboundmessage"} & to_accounts, "checked once is enough"
    assert {"orders_orderevent", "connectors_connection", "orders_inbounddocument"} <= to_accounts

    owner = _row(database, "accounts_organization", kind="merchant")
    acme = _row(database, "accounts_account", organization_id=owner, slug="acme")
    cart = _row(database, "connectors_connection", account_id=acme, kind="dsco", side="cart", state="new")
    nowhere = acme + 1
    database.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, values in (
        ("orders_order", {"source_id": cart, "external_id": "1", "cust_ref": "1", "state": "new"}),
        ("orders_orderevent", {}),
        ("connectors_connection", {"kind": "dsco", "side": "cart", "state": "new"}),
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation), database.transaction():
            _row(database, table, account_id=nowhere, **values)
