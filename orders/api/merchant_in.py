"""What a warehouse posts, from its bodies to what the pipeline takes: pure. This hub's own design, in the product's style.

Source for the fields: CartRover reference 1.7.2, (18) and (20); that they can be posted is ours (1.9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from orders.api.envelope import invalid
from orders.api.order_out import CONTENT_AMOUNTS, CONTENT_TEXTS, PACKAGE_AMOUNTS, PACKAGE_TEXTS
from orders.api.values import Given, moment_in, number_in, quantity_in, text_in
from orders.programs.posted import PostedLine, PostedPackage
from orders.programs.posted_stock import PostedLevel, PostedProduct

MOST_PACKAGES = 500
MOST_LINES = 2000
MOST_SKUS = 5000
LARGEST_LEVEL = 2_000_000_000

PRODUCT_TEXTS = ("description",)
PRODUCT_AMOUNTS = ("retail_price", "wholesale_price", "weight_lbs")


# --- packages ----------------------------------------------------------------------------------------------------------------


def packages_in(given: Any) -> list[PostedPackage]:
    """Return the packages of one order. Raise `Fault` for what can't be read."""
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise invalid("shipments must be a list of packages.")
    if len(given) > MOST_PACKAGES:
        raise invalid(f"shipments has more than {MOST_PACKAGES} packages.")
    packages = [_package(one, at) for at, one in enumerate(given)]
    if len(packages) > 1 and any(one.lines is None for one in packages):
        raise invalid("shipments[].items is missing: of several packages each must say what it holds.")
    if len({one.key for one in packages}) < len(packages):
        raise invalid("Two shipments have one tracking_no. Give each a shipment_id of its own.")
    return packages


def _package(given: Any, at: int) -> PostedPackage:
    where = f"shipments[{at}]."
    if not isinstance(given, Mapping):
        raise invalid(f"shipments[{at}] must be an object.")
    tracking = text_in(given, "tracking_no", where=where)
    items = given.get("items")
    lines = None if items in (None, []) else _contents(items, where)
    return PostedPackage(
        key=_key(given, tracking, where),
        tracking_no=tracking,
        carrier=text_in(given, "carrier", 100, where=where),
        method=text_in(given, "method", 100, where=where),
        tracking_url=_address(given, where),
        shipped_at=moment_in(text_in(given, "date", 40, where=where), f"{where}date"),
        lines=lines,
        details=_details(given, PACKAGE_TEXTS, PACKAGE_AMOUNTS, where),
    )


def _key(given: Given, tracking: str, where: str) -> str:
    """Return what names the package: its own id, else its tracking number, else what it says."""
    own = text_in(given, "shipment_id", 60, where=where)
    if own:
        return own
    return tracking if 0 < len(tracking) <= 60 else sha256(repr(sorted(given.items(), key=str)).encode()).hexdigest()[:32]


def _address(given: Given, where: str) -> str:
    address = text_in(given, "tracking_url", 500, where=where)
    if address and not address.startswith(("https://", "http://")):
        raise invalid(f"{where}tracking_url must begin with https://.")
    return address


def _contents(given: Any, where: str) -> tuple[PostedLine, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST_LINES:
        raise invalid(f"{where}items must be a list of at most {MOST_LINES} lines.")
    return tuple(_content(one, f"{where}items[{at}].") for at, one in enumerate(given))


def _content(given: Any, where: str) -> PostedLine:
    if not isinstance(given, Mapping):
        raise invalid(f"{where[:-1]} must be an object.")
    item, quantity = text_in(given, "item", where=where), quantity_in(given, "quantity", where=where)
    if not item or quantity is None:
        raise invalid(f"{where}{'quantity' if item else 'item'} is missing.")
    return PostedLine(
        item=item,
        quantity=quantity,
        line_no=text_in(given, "line_no", 100, where=where),
        details=_details(given, CONTENT_TEXTS, CONTENT_AMOUNTS, where),
    )


def _details(given: Given, texts: Sequence[str], amounts: Sequence[str], where: str) -> dict[str, str]:
    found = {name: text_in(given, name, 500, where=where) for name in texts}
    numbers = {name: number_in(given, name, where=where) for name in amounts}
    found |= {name: f"{number:f}" for name, number in numbers.items() if number is not None}
    return {name: text for name, text in found.items() if text}


# --- stock and products ------------------------------------------------------------------------------------------------------


def levels_in(given: Sequence[Any], *, now: datetime) -> list[PostedLevel]:
    """Return the levels of a list of inventory objects. Raise `Fault` for what can't be read: then none counts."""
    return [level for at, one in enumerate(given) for level in _levels(one, f"[{at}].", now)]


def _levels(given: Any, where: str, now: datetime) -> list[PostedLevel]:
    if not isinstance(given, Mapping):
        raise invalid(f"{where[:-1]} must be an object.")
    sku = _sku(given, where)
    places = given.get("warehouses")
    if not places:
        return [_level(given, sku, text_in(given, "warehouse", 100, where=where), where, now)]
    rows = list(places.values()) if isinstance(places, Mapping) else places
    if not isinstance(rows, list) or len(rows) > 1000 or not all(isinstance(row, Mapping) for row in rows):
        raise invalid(f"{where}warehouses must hold objects with warehouse and qty_available.")
    found = []
    for at, row in enumerate(rows):
        inside = f"{where}warehouses[{at}]."
        name = text_in(row, "warehouse", 100, where=inside)
        if not name:
            raise invalid(f"{inside}warehouse is missing.")
        found.append(_level(row, sku, name, inside, now))
    return found


def _level(given: Given, sku: str, warehouse: str, where: str, now: datetime) -> PostedLevel:
    available, on_hand = _pieces(given, "qty_available", where), _pieces(given, "qty_on_hand", where)
    if available is None:
        raise invalid(f"{where}qty_available is missing.")
    said = moment_in(text_in(given, "wms_datetime", 40, where=where), f"{where}wms_datetime")
    return PostedLevel(sku=sku, warehouse=warehouse, available=available, on_hand=on_hand, as_of=said or now)


def _pieces(given: Given, name: str, where: str) -> int | None:
    """Return a whole number of pieces, below zero for what is oversold."""
    number = number_in(given, name, where=where)
    if number is None:
        return None
    if number != int(number) or abs(number) > LARGEST_LEVEL:
        raise invalid(f"{where}{name} must be a whole number up to {LARGEST_LEVEL:,}.")
    return int(number)


def _sku(given: Given, where: str) -> str:
    sku = text_in(given, "sku", where=where)
    if not sku:
        raise invalid(f"{where}sku is missing.")
    return sku


def product_in(given: Any, at: int) -> PostedProduct:
    """Return one product. Raise `Fault` for what can't be read."""
    where = f"[{at}]."
    if not isinstance(given, Mapping):
        raise invalid(f"[{at}] must be an object.")
    return PostedProduct(
        sku=_sku(given, where),
        name=text_in(given, "name", 2000, where=where) if "name" in given else None,
        upc=_upc(given, where),
        external_id=text_in(given, "wms_product_main_id", 100, where=where) if "wms_product_main_id" in given else None,
        details={**_details(given, (), PRODUCT_AMOUNTS, where), **_long(given, where)},
    )


def _long(given: Given, where: str) -> dict[str, str]:
    return {name: text for name in PRODUCT_TEXTS if (text := text_in(given, name, 10_000, where=where))}


def _upc(given: Given, where: str) -> str | None:
    """Return the UPC, said by itself or among the aliases."""
    aliases = given.get("aliases")
    if isinstance(aliases, Mapping):
        return text_in(aliases, "UPC", 40, where=f"{where}aliases.") or None
    if isinstance(aliases, list):
        for one in aliases:
            if isinstance(one, Mapping) and text_in(one, "code_type", where=f"{where}aliases.").upper() == "UPC":
                return text_in(one, "code", 40, where=f"{where}aliases.")
    return text_in(given, "upc", 40, where=where) if "upc" in given else None
