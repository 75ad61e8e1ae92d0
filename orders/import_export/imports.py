"""Bulk loads from CSV: products, aliases and shipping codes. `order_imports` loads orders.

Every refused row is told with its line and the reason, the others are loaded. Loading a file twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q

from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.contract import Side
from connectors.models import Connection
from orders.import_export.csv_text import Table
from orders.models import Product, ProductAlias, ShipMethodMap

CHUNK = 500
"""Rows in one transaction: SQLite's write lock is held for a fraction of a second."""


class MissingColumns(ValueError):
    """The file has not the columns that such a file needs."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not loaded; `line` is where it begins (the header is on line 1)."""

    line: int
    reason: str


@dataclass(slots=True)
class Loaded:
    """What became of a file's rows: each is added, changed, known as it is, or refused."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    same: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    unread_columns: tuple[str, ...] = ()

    def refuse(self, line: int, reason: str) -> None:
        self.refused.append(RefusedRow(line, reason))


class _Refusal(ValueError):
    """Why a row can't be taken."""


class Carts:
    """The account's carts by the names that files call them by."""

    def __init__(self, account: Account) -> None:
        carts = Connection.objects.for_account(account).filter(side=Side.CART).order_by("name")
        self._by_name = {cart.name: cart for cart in carts}
        self._by_folded: dict[str, list[Connection]] = {}
        for cart in self._by_name.values():
            self._by_folded.setdefault(cart.name.casefold(), []).append(cart)

    def named(self, name: str) -> Connection:
        """Return the cart of that name, with or without its case. Raise `ValueError` with those that there are."""
        alike = self._by_folded.get(name.casefold(), [])
        cart = self._by_name.get(name) or (alike[0] if len(alike) == 1 else None)
        if cart is None:
            known = ", ".join(f"“{one}”" for one in self._by_name) or "none"
            raise ValueError(f"There is no cart “{name}”. The account has: {known}.")
        return cart


# --- one kind of file after another -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a row of one kind of file becomes a row of the database.

    `read` makes (key, values) of a row, `find` the rows of the database with such keys, `make` a new one.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Mapping[str, str], Carts], tuple[tuple[Any, ...], dict[str, Any]]]
    find: Callable[[Account, Iterable[tuple[Any, ...]]], dict[tuple[Any, ...], Any]]
    make: Callable[[Account, tuple[Any, ...], dict[str, Any]], Any]


def _needed(row: Mapping[str, str], column: str, longest: int) -> str:
    text = _fitting(row, column, longest)
    if not text:
        raise _Refusal(f"{column} is empty.")
    return text


def _fitting(row: Mapping[str, str], column: str, longest: int) -> str:
    text = row.get(column, "")
    if len(text) > longest:
        raise _Refusal(f"{column} is longer than {longest} characters.")
    if not text.isprintable():
        raise _Refusal(f"{column} holds a line break or another character that can't be seen.")
    return text


def _cart(row: Mapping[str, str], carts: Carts) -> Connection:
    try:
        return carts.named(_needed(row, "cart", 100))
    except ValueError as unknown:
        raise _Refusal(str(unknown)) from unknown


def _read_product(row: Mapping[str, str], carts: Carts) -> tuple[tuple[Any, ...], dict[str, Any]]:
    values = {"name": row["name"]} if "name" in row else {}
    if "upc" in row:
        values["upc"] = _fitting(row, "upc", 40)
    return (_needed(row, "sku", 200),), values


def _find_products(account: Account, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
    rows = Product.objects.for_account(account).filter(sku__in=[sku for (sku,) in keys])
    return {(row.sku,): row for row in rows}


def _make_product(account: Account, key: tuple[Any, ...], values: dict[str, Any]) -> Product:
    return Product(account=account, sku=key[0], **values)


def _read_alias(row: Mapping[str, str], carts: Carts) -> tuple[tuple[Any, ...], dict[str, Any]]:
    cart = _cart(row, carts) if row.get("cart") else None
    return (cart.pk if cart else None, _needed(row, "cart_sku", 200)), {"wms_sku": _needed(row, "wms_sku", 200)}


def _find_aliases(account: Account, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
    rows = ProductAlias.objects.for_account(account).filter(cart_sku__in={sku for _, sku in keys})
    return {(row.cart_id, row.cart_sku): row for row in rows}


def _make_alias(account: Account, key: tuple[Any, ...], values: dict[str, Any]) -> ProductAlias:
    return ProductAlias(account=account, cart_id=key[0], cart_sku=key[1], **values)


@dataclass(frozen=True, slots=True)
class _Code:
    """A cart's shipping code: compared without case, kept as it was first written."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Code) and self.text.upper() == other.text.upper()

    def __hash__(self) -> int:
        return hash(self.text.upper())


def _read_ship_method(row: Mapping[str, str], carts: Carts) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (_cart(row, carts).pk, _Code(_needed(row, "cart_code", 100))), {"wms_code": _fitting(row, "wms_code", 100)}


def _find_ship_methods(account: Account, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
    rows = ShipMethodMap.objects.for_account(account)
    alike = Q()
    for cart_id, code in keys:
        alike |= Q(cart_id=cart_id, cart_code__iexact=code.text)
    return {(row.cart_id, _Code(row.cart_code)): row for row in rows.filter(alike)}


def _make_ship_method(account: Account, key: tuple[Any, ...], values: dict[str, Any]) -> ShipMethodMap:
    return ShipMethodMap(account=account, cart_id=key[0], cart_code=key[1].text, **values)


KINDS: Mapping[str, _Kind] = {
    "products": _Kind(("sku",), ("name", "upc"), _read_product, _find_products, _make_product),
    "aliases": _Kind(("cart_sku", "wms_sku"), ("cart",), _read_alias, _find_aliases, _make_alias),
    "ship_methods": _Kind(("cart", "cart_code", "wms_code"), (), _read_ship_method, _find_ship_methods, _make_ship_method),
}


# --- loading -----------------------------------------------------------------------------------------------------------------


def load_table(*, account: Account, what: str, table: Table, dry_run: bool = False) -> Loaded:
    """Load the rows of a file of products, aliases or ship methods; with `dry_run` only say what would become of them.

    Raise `MissingColumns` when the file can't be of this kind. Whoever calls says `after_mapping_change` afterwards.
    """
    kind = KINDS[what]
    require_columns(table, kind.required)
    loaded = Loaded(unread_columns=unread(table, (*kind.required, *kind.optional)))
    carts, seen = Carts(account), dict[tuple[Any, ...], int]()
    rows = _readable(kind, table, carts, loaded, seen)
    while chunk := dict(islice(rows, CHUNK)):
        with transaction.atomic():
            _load_chunk(kind, account, chunk, loaded, dry_run=dry_run)
    return loaded


def _readable(
    kind: _Kind, table: Table, carts: Carts, loaded: Loaded, seen: dict[tuple[Any, ...], int]
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for line, row in table.rows():
        loaded.rows += 1
        try:
            if row.get(""):
                raise _Refusal("The row has more cells than the header has columns.")
            key, values = kind.read(row, carts)
            if key in seen:
                raise _Refusal(f"The same is on line {seen[key]} already.")
        except _Refusal as refusal:
            loaded.refuse(line, str(refusal))
            continue
        seen[key] = line
        yield key, values


def _load_chunk(
    kind: _Kind, account: Account, chunk: Mapping[tuple[Any, ...], dict[str, Any]], loaded: Loaded, *, dry_run: bool
) -> None:
    known = kind.find(account, chunk)
    new: list[Any] = []
    changed: list[Any] = []
    for key, values in chunk.items():
        row = known.get(key)
        if row is None:
            new.append(kind.make(account, key, values))
        elif all(getattr(row, name) == value for name, value in values.items()):
            loaded.same += 1
        else:
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
    loaded.added += len(new)
    loaded.changed += len(changed)
    if dry_run:
        return
    if new:
        type(new[0]).objects.bulk_create(new)
    _update(changed, sorted({name for values in chunk.values() for name in values}))


def _update(rows: list[Any], names: list[str]) -> None:
    if not rows:
        return
    model = type(rows[0])
    if model is Product:
        names = [*names, "updated_at"]
        for row in rows:
            row.updated_at = hub_now()
    model.objects.for_account(rows[0].account_id).bulk_update(rows, names)


# --- columns -----------------------------------------------------------------------------------------------------------------


def require_columns(table: Table, required: Iterable[str]) -> None:
    """Raise `MissingColumns` unless the file has all of these columns."""
    missing = [name for name in required if name not in table.columns]
    if missing:
        has = ", ".join(name for name in table.columns if name)
        raise MissingColumns(f"{table.path.name} has no column {', '.join(missing)}. Its columns are: {has}.")


def unread(table: Table, known: Iterable[str]) -> tuple[str, ...]:
    """Return the file's columns that mean nothing in such a file."""
    names = set(known)
    return tuple(name for name in table.columns if name and name not in names)
