"""What comes back from QuickBooks Commerce: changed orders, packages, invoices and stock, read in as few requests as may be.

Source: QuickBooks Commerce reference sections 2.5, 4.7, 4.8 and 4.9.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from connectors.contract import InvoiceDraft, Page, RemoteOrder, ShipmentDraft, StockItem, StockPage
from connectors.errors import BadDocument, FixConnection
from connectors.quickbooks_commerce.api import FAR_SIDE, Api, Row, Rows
from connectors.quickbooks_commerce.parse import (
    active_ids,
    invoice_of,
    readable,
    remote_order_of,
    shipment_of,
    stock_item_of,
)
from connectors.quickbooks_commerce.resolving import Catalogue, Currencies
from connectors.quickbooks_commerce.wire import (
    FULFILLMENT_LINES,
    FULFILLMENT_STATUSES,
    FULFILLMENTS,
    IDS_PER_REQUEST,
    INVOICE_DEAD_STATUSES,
    INVOICE_LINES,
    INVOICES,
    LOCATIONS,
    ORDER_LINES,
    ORDER_STATUSES,
    ORDERS,
    VARIANTS,
    BadValue,
    Params,
    joined,
    several,
    text_of,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Pickup:
    """Reads orders, packages and invoices."""

    def __init__(self, api: Api, currencies: Currencies) -> None:
        self._api, self._currencies = api, currencies

    # --- orders --------------------------------------------------------------------------------------------------------------

    def orders_changed(self, since: datetime | None) -> Iterator[Page[RemoteOrder]]:
        """Walk orders of all states, with their lines."""
        for rows, far_now in self._api.walk(ORDERS, "orders", several("status", ORDER_STATUSES), since=since):
            items, problems = self._orders(rows.rows)
            yield Page(tuple(items), rows.newest, far_now, tuple(problems))

    def orders(self, external_ids: Collection[str]) -> list[RemoteOrder]:
        """Read just these orders; those that are gone are left out."""
        rows = list(self._api.in_bulk(sorted(external_ids), self._ask_orders, most=IDS_PER_REQUEST))
        return _logged(*self._orders(rows))

    def _orders(self, rows: Sequence[Row]) -> tuple[list[RemoteOrder], list[str]]:
        lines = self._lines_of_orders(rows)
        return readable(rows, lambda row: remote_order_of(row, _all_lines(row, lines[text_of(row.get("id"))])), "order")

    def _ask_orders(self, ids: list[str]) -> Iterable[Row]:
        params = [*joined("ids", ids), *several("status", ORDER_STATUSES)]
        return [row for page in self._api.pages(ORDERS, "orders", params) for row in page.rows]

    def _lines_of_orders(self, orders: Sequence[Row]) -> dict[str, list[Row]]:
        """Read the lines of many orders: as many orders in a request as have a page of lines together.

        An order's own list of line ids says which lines must come; those that a page broke away are asked for by id.
        """
        found: dict[str, dict[str, Row]] = {text_of(order.get("id")): {} for order in orders}
        for ids in self._by_lines(orders):
            for row in self._api.in_bulk(ids, self._ask_lines, most=IDS_PER_REQUEST):
                found.get(text_of(row.get("order_id")), {})[text_of(row.get("id"))] = row
        wanted = [line for order in orders for line in _ids(order, "order_line_item_ids")]
        known = {line for lines in found.values() for line in lines}
        missing = [line for line in wanted if line not in known]
        for row in self._api.in_bulk(missing, self._ask_lines_by_id, most=IDS_PER_REQUEST):
            found.get(text_of(row.get("order_id")), {})[text_of(row.get("id"))] = row
        return {order: list(lines.values()) for order, lines in found.items()}

    def _by_lines(self, orders: Sequence[Row]) -> Iterator[list[str]]:
        piece: list[str] = []
        lines = 0
        for order in orders:
            count = len(_ids(order, "order_line_item_ids")) if "order_line_item_ids" in order else 1
            if not count:
                continue
            if piece and lines + count > self._api.page_size:
                yield piece
                piece, lines = [], 0
            piece.append(text_of(order.get("id")))
            lines += count
        if piece:
            yield piece

    def _ask_lines(self, order_ids: list[str]) -> Iterable[Row]:
        return self._all(ORDER_LINES, "order_line_items", joined("order_id", order_ids))

    def _ask_lines_by_id(self, ids: list[str]) -> Iterable[Row]:
        return self._all(ORDER_LINES, "order_line_items", joined("ids", ids))

    # --- packages ------------------------------------------------------------------------------------------------------------

    def shipments_changed(self, since: datetime | None) -> Iterator[Page[ShipmentDraft]]:
        """Walk packages of all states; their lines come with them."""
        for rows, far_now in self._api.walk(FULFILLMENTS, "fulfillments", several("status", FULFILLMENT_STATUSES), since=since):
            items, problems = self._shipments(rows)
            yield Page(tuple(items), rows.newest, far_now, tuple(problems))

    def shipments(self, external_order_ids: Collection[str]) -> list[ShipmentDraft]:
        """Read all packages of these orders."""
        return list(self._api.in_bulk(sorted(external_order_ids), self._ask_shipments, most=IDS_PER_REQUEST))

    def _ask_shipments(self, order_ids: list[str]) -> Iterable[ShipmentDraft]:
        params = [*joined("order_id", order_ids), *several("status", FULFILLMENT_STATUSES)]
        for page in self._api.pages(FULFILLMENTS, "fulfillments", params):
            yield from _logged(*self._shipments(page))

    def _shipments(self, rows: Rows) -> tuple[list[ShipmentDraft], list[str]]:
        lines = self._beside(rows, "fulfillment", FULFILLMENT_LINES)
        return readable(rows.rows, lambda row: shipment_of(row, lines[text_of(row.get("id"))]), "package")

    # --- invoices ------------------------------------------------------------------------------------------------------------

    def invoices_changed(self, since: datetime | None) -> Iterator[Page[InvoiceDraft]]:
        """Walk invoices, dead ones first: plain lists may leave them out.

        Pages of dead ones don't move the cursor (`seen_to` is None), since the living ones of the same time are still to come.
        """
        for rows, far_now in self._api.walk(INVOICES, "invoices", several("status", INVOICE_DEAD_STATUSES), since=since):
            if rows.rows:
                items, problems = self._invoices(rows)
                yield Page(tuple(items), None, far_now, tuple(problems))
        for rows, far_now in self._api.walk(INVOICES, "invoices", [], since=since):
            items, problems = self._invoices(rows)
            yield Page(tuple(items), rows.newest, far_now, tuple(problems))

    def _invoices(self, rows: Rows) -> tuple[list[InvoiceDraft], list[str]]:
        lines = self._beside(rows, "invoice", INVOICE_LINES)
        currencies = self._currencies.by_id({text_of(row.get("currency_id")) for row in rows.rows})
        return readable(rows.rows, lambda row: invoice_of(row, lines[text_of(row.get("id"))], currencies), "invoice")

    # --- lines that come beside ----------------------------------------------------------------------------------------------

    def _beside(self, rows: Rows, parent: str, path: str) -> dict[str, list[Row]]:
        """Return the lines of each record, by its id: sideloaded, embedded, or asked for by id where a record lacks some."""
        root = f"{parent}_line_items"
        found: dict[str, dict[str, Row]] = {text_of(row.get("id")): {} for row in rows.rows}
        for line in rows.beside(root):
            found.get(text_of(line.get(f"{parent}_id")), {})[text_of(line.get("id"))] = line
        missing: list[str] = []
        for row in rows.rows:
            lines = found[text_of(row.get("id"))]
            for at, given in enumerate(row.get(f"{parent}_line_item_ids") or []):
                if isinstance(given, dict):
                    lines.setdefault(text_of(given.get("id")) or f"#{at}", given)
                elif text_of(given) not in lines:
                    missing.append(text_of(given))
        for line in self._api.in_bulk(missing, lambda ids: self._all(path, root, joined("ids", ids)), most=IDS_PER_REQUEST):
            found.get(text_of(line.get(f"{parent}_id")), {})[text_of(line.get("id"))] = line
        return {key: list(lines.values()) for key, lines in found.items()}

    def _all(self, path: str, root: str, params: Params) -> list[Row]:
        return [row for page in self._api.pages(path, root, params) for row in page.rows]


class Stock:
    """Reads what can be sold."""

    def __init__(self, api: Api, catalogue: Catalogue, wanted_locations: str) -> None:
        self._api, self._catalogue, self._wanted = api, catalogue, wanted_locations

    def everything(self) -> Iterator[StockPage]:
        """Walk all variants by the time they were made: one that is added or removed meanwhile pushes nobody off a page."""
        locations = self.locations()
        wanted = wanted_ids(self._wanted, locations)
        for rows, far_now in self._api.walk(VARIANTS, "variants", [], since=None, column="created_at"):
            yield StockPage(items=tuple(self._items(rows.rows, locations, wanted)), total=rows.total, far_now=far_now)

    def of(self, skus: Collection[str]) -> list[StockItem]:
        """Ask for just these SKUs; those that no live variant has are left out."""
        asked = sorted({sku for sku in skus if sku})
        if not asked:
            return []
        rows = self._catalogue.variants(asked)
        live = {variant for ids in active_ids(rows, set(asked)).values() for variant in ids}
        locations = self.locations()
        chosen = {text_of(row.get("id")): row for row in rows if text_of(row.get("id")) in live}
        return self._items(list(chosen.values()), locations, wanted_ids(self._wanted, locations))

    def locations(self) -> dict[str, str]:
        """Return the names of all locations by id."""
        rows = [row for page in self._api.pages(LOCATIONS, "locations") for row in page.rows]
        return {text_of(row.get("id")): text_of(row.get("label")) or f"Location {text_of(row.get('id'))}" for row in rows}

    def _items(self, rows: Sequence[Row], locations: Mapping[str, str], wanted: Collection[str] | None) -> list[StockItem]:
        items, problems = readable(rows, lambda row: stock_item_of(row, locations, wanted), "product")
        if problems:
            raise BadDocument(f"The stock was not read: {problems[0]}")
        return items


def wanted_ids(setting: str, locations: Mapping[str, str]) -> frozenset[str] | None:
    """Return the ids of the locations that a setting names, None for all. Raise `FixConnection` for a name that isn't there.

    A missing location must never look like a location without stock.
    """
    if not setting.strip():
        return None
    ids = {" ".join(label.casefold().split()): key for key, label in locations.items()}
    names = [setting] if " ".join(setting.casefold().split()) in ids else setting.split(",")
    asked = [" ".join(name.casefold().split()) for name in names if name.strip()]
    unknown = [name.strip() for name in names if name.strip() and " ".join(name.casefold().split()) not in ids]
    if unknown:
        known = ", ".join(sorted(locations.values())) or "none"
        raise FixConnection(
            f"{FAR_SIDE} has no location named {', '.join(unknown)}. It has: {known}. Correct the stock locations in the "
            "connection's settings."
        )
    return frozenset(ids[name] for name in asked)


def _all_lines(order: Mapping[str, Any], lines: Sequence[Row]) -> Sequence[Row]:
    """Return the lines if all that the order names are there. Raise `BadValue` otherwise: a line that only wasn't read must
    never look like a line that was removed."""
    if set(_ids(order, "order_line_item_ids")) - {text_of(line.get("id")) for line in lines}:
        raise BadValue("not all of its lines could be read")
    return lines


def _ids(row: Mapping[str, Any], name: str) -> list[str]:
    given = row.get(name)
    return [text_of(item) for item in given if not isinstance(item, dict)] if isinstance(given, list) else []


def _logged(items: list[T], problems: list[str]) -> list[T]:
    """Say in the log what was left out where the contract has no place for it."""
    for words in problems:
        logger.warning("%s", words)
    return items
