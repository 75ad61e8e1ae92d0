"""The border between accounts in the database itself: a row can point at rows of its own account only.

On PostgreSQL every foreign key between tenants' tables has two columns, (account_id, other_id), and points at a unique pair. It
stands instead of the plain key that Django makes: one check a row, as before. SQLite can't change constraints of a table that
exists and has none of this; there the guard of queries and `manage.py check_tenancy` have to do.

Tables of which a row is written for each order rest on those keys alone (`rest_on_others`): their own key to the account would
say nothing more and costs a check a row, about an eighth of what PostgreSQL takes to store an order.

A migration that adds a tenant's table or a foreign key between two is followed by one with `RunPython(tenant_keys.bind,
tenant_keys.unbind)`, for Django writes plain keys at the very end of a migration; what is bound already is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import ForeignKey, Model

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPS = ("connectors", "orders")
ACCOUNT = "account"


class _Key(NamedTuple):
    """A foreign key from a tenant's table to a tenant's table."""

    model: type[Model]
    field: ForeignKey[Any, Any]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def column(self) -> str:
        return str(self.field.column)

    @property
    def target(self) -> str:
        return str(self.field.related_model._meta.db_table)

    @property
    def name(self) -> str:
        return f"{self.table}_{self.column}_in_account"


def bind(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make every foreign key between tenants' tables one within the account; does nothing on SQLite."""
    if schema_editor.connection.vendor != "postgresql":
        return
    quote = schema_editor.quote_name
    keys = list(_keys(apps))
    for target in sorted({key.target for key in keys}):
        if _pair_of(target) not in _constraints(schema_editor, target):
            schema_editor.execute(
                f"ALTER TABLE {quote(target)} ADD CONSTRAINT {quote(_pair_of(target))} UNIQUE ({ACCOUNT}_id, id)"
            )
    for key in keys:
        known = _constraints(schema_editor, key.table)
        if key.name in known:
            continue
        for plain in _foreign_keys_on(known, [key.column]):
            schema_editor.execute(f"ALTER TABLE {quote(key.table)} DROP CONSTRAINT {quote(plain)}")
        schema_editor.execute(
            f"ALTER TABLE {quote(key.table)} ADD CONSTRAINT {quote(key.name)} "
            f"FOREIGN KEY ({ACCOUNT}_id, {quote(key.column)}) REFERENCES {quote(key.target)} ({ACCOUNT}_id, id) "
            "DEFERRABLE INITIALLY DEFERRED"
        )


def rest_on_others(apps: Apps, schema_editor: BaseDatabaseSchemaEditor, *models: str) -> None:
    """Take away the key to the account of tables whose rows always point at another row within it; nothing on SQLite.

    That row says that the account exists, directly or by a row that it points at itself. Raise `ValueError` for a table without
    such a key.
    """
    if schema_editor.connection.vendor != "postgresql":
        return
    for model in models:
        keys = [key for key in _keys(apps) if key.model._meta.label == model and not key.field.null]
        if not keys:
            raise ValueError(f"{model} has rows that point at nothing but their account")
        table = keys[0].table
        for name in _foreign_keys_on(_constraints(schema_editor, table), [f"{ACCOUNT}_id"]):
            schema_editor.execute(
                f"ALTER TABLE {schema_editor.quote_name(table)} DROP CONSTRAINT {schema_editor.quote_name(name)}"
            )


def point_at_accounts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor, *models: str) -> None:
    """Give those tables their own key to the account back."""
    if schema_editor.connection.vendor != "postgresql":
        return
    quote = schema_editor.quote_name
    for label in models:
        field = apps.get_model(label)._meta.get_field(ACCOUNT)
        table, target = field.model._meta.db_table, field.related_model._meta.db_table
        if not _foreign_keys_on(_constraints(schema_editor, table), [f"{ACCOUNT}_id"]):
            schema_editor.execute(
                f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(f'{table}_{ACCOUNT}_id_fk')} "
                f"FOREIGN KEY ({ACCOUNT}_id) REFERENCES {quote(target)} (id) DEFERRABLE INITIALLY DEFERRED"
            )


def unbind(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Go back to plain foreign keys."""
    if schema_editor.connection.vendor != "postgresql":
        return
    quote = schema_editor.quote_name
    keys = list(_keys(apps))
    for key in keys:
        schema_editor.execute(f"ALTER TABLE {quote(key.table)} DROP CONSTRAINT IF EXISTS {quote(key.name)}")
        if not _foreign_keys_on(_constraints(schema_editor, key.table), [key.column]):
            schema_editor.execute(
                f"ALTER TABLE {quote(key.table)} ADD CONSTRAINT {quote(f'{key.table}_{key.column}_fk')} "
                f"FOREIGN KEY ({quote(key.column)}) REFERENCES {quote(key.target)} (id) DEFERRABLE INITIALLY DEFERRED"
            )
    for target in sorted({key.target for key in keys}):
        schema_editor.execute(f"ALTER TABLE {quote(target)} DROP CONSTRAINT IF EXISTS {quote(_pair_of(target))}")


def _keys(apps: Apps) -> Iterator[_Key]:
    tenants = [model for model in apps.get_models() if model._meta.app_label in APPS and _has_account(model)]
    for model in tenants:
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field.related_model in tenants:
                yield _Key(model, field)


def _has_account(model: type[Model]) -> bool:
    return any(field.name == ACCOUNT and field.many_to_one for field in model._meta.concrete_fields)


def _pair_of(table: str) -> str:
    return f"{table}_in_account"


def _constraints(schema_editor: BaseDatabaseSchemaEditor, table: str) -> Mapping[str, Mapping[str, Any]]:
    with schema_editor.connection.cursor() as cursor:
        return schema_editor.connection.introspection.get_constraints(cursor, table)


def _foreign_keys_on(constraints: Mapping[str, Mapping[str, Any]], columns: list[str]) -> list[str]:
    return [name for name, one in constraints.items() if one["foreign_key"] and one["columns"] == columns]
