"""What the merchant's own people do: pack, ship, invoice, count stock, cut and void orders, and enter orders by hand."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from . import catalog, shapes, snapshot
from .actions import pay
from .answers import Refusal
from .companies import create_company, make_address
from .inputs import Errors
from .invoicing import delete_invoice, make_invoice, uninvoiced_parts
from .orders import (
    add_lines,
    close_order,
    create_order,
    delete_line,
    delete_order,
    draft_lines,
    lines_of,
    update_line,
    update_order,
    void_order,
)
from .plain import add_plain
from .records import Fulfillment, Invoice, Order, OrderLine, Variant
from .shipping import delete_fulfillment, make_fulfillment, ship_fulfillment, unpacked_parts
from .stock import level_at
from .store import Store
from .wire import ZERO, from_json, read_decimal, read_stamp

Part = tuple[OrderLine, Decimal]
Lines = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

STRANGERS_ADDRESS = {"address1": "88 Far Street", "city": "Elsewhere", "country": "US", "state": "OR", "zip_code": "97000"}


def words_of(refusal: Refusal) -> str:
    """Return what the API would have said, for a person."""
    body = from_json(refusal.answer.body)
    errors = body.get("errors", {})
    return "; ".join(f"{name} {text}" for name, texts in errors.items() for text in texts) or str(body.get("message"))


def made_up_tracking() -> str:
    """Return a tracking number that looks like a parcel's."""
    return f"1Z{secrets.randbelow(10**16):016d}"


class Warehouse:
    """Acts on orders as a person would. Whatever can't be done raises ValueError with words."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- finding -------------------------------------------------------------------------------------------------------------

    def order(self, order_number: str | None = None, reference_number: str | None = None, order_id: int | None = None) -> Order:
        """Return the one order that is meant."""
        found = self.orders(order_number, reference_number, order_id)
        if len(found) != 1:
            name = order_number or reference_number or order_id
            raise ValueError(f"{len(found)} orders are called {name!r}; name one by its order_id.")
        return found[0]

    def orders(
        self, order_number: str | None = None, reference_number: str | None = None, order_id: int | None = None
    ) -> list[Order]:
        if order_id is not None:
            order = self._store.orders.get(order_id)
            return [order] if order else []
        if order_number is not None:
            return self._store.orders.having("order_number", order_number)
        if reference_number is not None:
            return self._store.orders.having("reference_number", reference_number)
        raise ValueError("Name the order: order_number, reference_number or order_id.")

    def _open_orders(self) -> list[Order]:
        found = [order for status in ("active", "finalized") for order in self._store.orders.having("status", status)]
        return sorted(found, key=lambda order: order.id)

    def _line(self, order: Order, name: Any) -> OrderLine:
        """Return the line meant by SKU, id or {"position": n}; of several lines with one SKU the first that is open."""
        lines = lines_of(self._store, order)
        if isinstance(name, Mapping):
            found = [line for line in lines if line.position == name.get("position")]
        elif isinstance(name, int):
            found = [line for line in lines if line.id == name]
        else:
            found = [line for line in lines if snapshot.sku_of(self._store, line.variant_id) == name]
            found.sort(key=lambda line: line.packed >= line.quantity)
        if not found:
            raise ValueError(f"Order {order.order_number} has no line {name!r}.")
        return found[0]

    def _parts(self, order: Order, lines: Lines, open_parts: list[Part]) -> list[Part]:
        """Return the lines and quantities meant; none named = all that is open."""
        if lines is None:
            return open_parts
        left = {line.id: quantity for line, quantity in open_parts}
        named = lines.items() if isinstance(lines, Mapping) else ((item.get("line"), item.get("quantity")) for item in lines)
        parts: list[Part] = []
        for name, quantity in named:
            number = read_decimal(quantity)
            if number is None or number <= 0:
                raise ValueError(f"{quantity!r} is no quantity of {name!r}.")
            parts.extend(self._spread(order, name, number, left))
        return parts

    def _spread(self, order: Order, name: Any, number: Decimal, left: dict[int, Decimal]) -> list[Part]:
        """Return which lines a quantity comes from: a SKU may stand on several. What is too much stays on the last one."""
        lines = [self._line(order, name)]
        if isinstance(name, str):
            every = lines_of(self._store, order)
            lines = [
                line for line in every if snapshot.sku_of(self._store, line.variant_id) == name and left.get(line.id)
            ] or lines
        parts: list[Part] = []
        for line in lines:
            taken = number if line is lines[-1] else min(number, left.get(line.id, ZERO))
            if taken:
                left[line.id] = left.get(line.id, ZERO) - taken
                number -= taken
                parts.append((line, taken))
        return parts

    def variant(self, sku: str) -> Variant:
        """Return the variant of a SKU, an active one first."""
        found = sorted(self._store.variants.having("sku", sku), key=lambda row: row.status != "active")
        if not found:
            raise ValueError(f"There is no product with the SKU {sku!r}.")
        return found[0]

    def _location_id(self, label: str) -> int:
        for location in self._store.plain("locations"):
            if location.data["label"] == label:
                return location.id
        raise ValueError(f"There is no location {label!r}.")

    # --- shipping ------------------------------------------------------------------------------------------------------------

    def finalize(self, order: Order) -> dict[str, Any]:
        if order.status in ("draft", "active"):
            update_order(self._store, order, {"status": "finalized"})
        return snapshot.order_state(self._store, order)

    def pack_and_ship(
        self,
        orders: Iterable[Order],
        *,
        lines: Lines = None,
        packages: int | Sequence[Mapping[str, Any]] | None = None,
        tracking: str | None = None,
        carrier: str | None = "UPS",
        service: str | None = "Ground",
        url: str | None = None,
        without_tracking: bool = False,
        without_shipped_at: bool = False,
        shipped_at: str | None = None,
        pack_only: bool = False,
    ) -> list[Fulfillment]:
        """Ship what is open (or just these lines) of orders, in one box or several."""
        made: list[Fulfillment] = []
        way = {"tracking": tracking, "carrier": carrier, "service": service, "url": url}
        for order in orders:
            self.finalize(order)
            unpacked = unpacked_parts(self._store, order)
            parts = self._parts(order, lines, unpacked)
            for box, more in _boxes(parts, packages, partial(self._parts, order, open_parts=unpacked)):
                self._refuse_too_much(order, box)
                values = _way_values({**way, **more}, without_tracking or pack_only)
                if not pack_only:
                    values |= {"status": "fulfilled"}
                if shipped_at and not pack_only:
                    values["shipped_at"] = read_stamp(shipped_at)
                fulfillment = make_fulfillment(self._store, order, box, **values)
                if without_shipped_at:
                    self._store.change(self._store.fulfillments, fulfillment, shipped_at=None)
                made.append(fulfillment)
        return made

    def _refuse_too_much(self, order: Order, parts: Sequence[Part]) -> None:
        for line, quantity in parts:
            if quantity > line.quantity - line.packed:
                sku = snapshot.sku_of(self._store, line.variant_id)
                raise ValueError(f"Of {sku} in order {order.order_number} only {line.quantity - line.packed} can be packed.")

    def ship(self, fulfillment: Fulfillment, *, shipped_at: str | None, without_tracking: bool, **way: str | None) -> None:
        values = _way_values(way, without_tracking)
        if shipped_at:
            values["shipped_at"] = read_stamp(shipped_at)
        ship_fulfillment(self._store, fulfillment, **values)

    def fulfillment(self, fulfillment_id: int) -> Fulfillment:
        found = self._store.fulfillments.get(fulfillment_id)
        if found is None:
            raise ValueError(f"There is no fulfillment {fulfillment_id}.")
        return found

    def set_tracking(self, fulfillment: Fulfillment, **way: str | None) -> None:
        values = {name: value for name, value in _way_values(way, True).items() if value is not None}
        self._store.change(self._store.fulfillments, fulfillment, **values)
        self._store.touch(self._store.fulfillments, fulfillment)

    def void_fulfillment(self, fulfillment: Fulfillment) -> None:
        delete_fulfillment(self._store, fulfillment)
        self._store.change(self._store.fulfillments, fulfillment, status="void")

    # --- invoices ------------------------------------------------------------------------------------------------------------

    def invoice(self, orders: Iterable[Order], *, lines: Lines = None, **values: Any) -> list[Invoice]:
        """Invoice what isn't yet (or just these lines) of orders."""
        made = []
        for order in orders:
            self.finalize(order)
            parts = self._parts(order, lines, uninvoiced_parts(self._store, order))
            made.append(make_invoice(self._store, order, parts, **values))
        return made

    def invoice_named(self, invoice_id: int | None, invoice_number: str | None) -> Invoice:
        found = [row for row in [self._store.invoices.get(invoice_id)] if row]
        if invoice_id is None:
            found = self._store.invoices.having("invoice_number", invoice_number)
        if len(found) != 1:
            raise ValueError(f"{len(found)} invoices are called {invoice_id or invoice_number!r}.")
        return found[0]

    def void_invoice(self, invoice: Invoice) -> None:
        delete_invoice(self._store, invoice)

    def pay(self, order: Order) -> list[int]:
        self.finalize(order)
        pay(self._store, order, {})
        return list(order.payment_ids)

    # --- orders --------------------------------------------------------------------------------------------------------------

    def void(self, order: Order, *, force: bool) -> None:
        if force:
            close_order(self._store, order, "void")
        else:
            void_order(self._store, order)

    def delete(self, order: Order) -> None:
        delete_order(self._store, order)

    def delete_line(self, order: Order, name: Any) -> None:
        delete_line(self._store, self._line(order, name))

    def cut_line(self, order: Order, name: Any, quantity: Any) -> None:
        update_line(self._store, self._line(order, name), {"quantity": quantity})

    def add_line(self, order: Order, sku: str, quantity: Any, price: Any) -> None:
        errors = Errors()
        item = {"variant_id": self.variant(sku).id, "quantity": quantity, **({} if price is None else {"price": price})}
        drafted = draft_lines(self._store, [item], errors, order.default_price_list_id)
        errors.raise_any()
        add_lines(self._store, order, drafted)

    def add_stranger_order(
        self,
        *,
        order_number: str | None,
        reference_number: str | None,
        lines: Mapping[str, Any],
        company_name: str,
        company_code: str | None,
        status: str,
    ) -> Order:
        """Enter an order that didn't come from the hub; its number may be one that the hub uses too."""
        known = self._store.companies.having("name", company_name)
        company = next((row for row in known if company_code is None or row.company_code == company_code), None)
        if company is None:
            values = {"name": company_name, "company_type": "business", "company_code": company_code}
            company = create_company(self._store, values)
            make_address(self._store, company.id, {**STRANGERS_ADDRESS, "label": "Shop", "company_name": company_name})
        address = self._store.addresses.having("company_id", company.id)[0]
        items = [{"variant_id": self.variant(sku).id, "quantity": quantity} for sku, quantity in lines.items()]
        body = {
            "company_id": company.id,
            "shipping_address_id": address.id,
            "issued_at": self._store.clock.today(),
            "order_number": order_number,
            "reference_number": reference_number,
            "status": status,
            "order_line_items": items,
        }
        order = create_order(self._store, body)
        order.by_stranger = True
        self._store.mark(self._store.orders, order)
        return order

    # --- products and stock --------------------------------------------------------------------------------------------------

    def set_stock(self, sku: str, quantity: Any, location: str) -> Variant:
        """Make the stock on hand at a location so much."""
        number = read_decimal(quantity)
        if number is None:
            raise ValueError(f"{quantity!r} is no quantity.")
        variant = self.variant(sku)
        if variant.components:
            raise ValueError(f"{sku} is a bundle; its stock is that of its components.")
        level = level_at(self._store, variant.id, self._location_id(location))
        change = number - level.on_hand
        if change:
            item = {"variant_id": variant.id, "quantity": change, "price": variant.moving_average_cost or ZERO}
            body = {"stock_location_id": level.location_id, "notes": "Counted", "stock_adjustment_line_items": [item]}
            catalog.create_adjustment(self._store, body)
        return variant

    def set_product(self, sku: str, values: Mapping[str, Any]) -> Variant:
        variant = self.variant(sku)
        body = {("sku" if name == "new_sku" else name): value for name, value in values.items()}
        status = body.pop("status", None)
        catalog.update_variant(self._store, variant, body)
        if status is not None:
            self._store.change(self._store.variants, variant, status=status)
        return variant

    def add_product(self, values: Mapping[str, Any]) -> Variant:
        """Add a product with one variant, and its stock."""
        known = {"sku", "name", "stock", "components", "product_type", "brand", *catalog.VARIANT_READERS}
        unknown = sorted(set(values) - known)
        if unknown or not values.get("sku"):
            raise ValueError(f"A product has no {unknown[0]!r}." if unknown else "A product needs a sku.")
        name = values.get("name") or values["sku"]
        body = {"name": name, "product_type": values.get("product_type"), "brand": values.get("brand")}
        product = catalog.create_product(self._store, body)
        item = {**values, "product_id": product.id}
        item.setdefault("retail_price", "10.0")
        item.setdefault("wholesale_price", "6.0")
        variant = catalog.create_variant(self._store, item)
        components = values.get("components") or {}
        variant.components = tuple((self.variant(part).id, str(read_decimal(each))) for part, each in components.items())
        for label, quantity in (values.get("stock") or {}).items():
            level_at(self._store, variant.id, self._location_id(label)).on_hand = read_decimal(quantity) or ZERO
        return variant

    def add_location(self, label: str) -> dict[str, Any]:
        row = add_plain(self._store, "locations", label=label, address1="2 Dock Road", country="US", holds_stock=True)
        return shapes.plain(self._store, row)

    def archive_products(self, skus: Iterable[str]) -> int:
        variants = [variant for sku in skus for variant in self._store.variants.having("sku", sku)]
        for variant in variants:
            catalog.delete_variant(self._store, variant)
        return len(variants)

    def remove_products(self, skus: Iterable[str]) -> int:
        """Delete variants for good; lines that had them keep a number that leads nowhere."""
        variants = [variant for sku in skus for variant in self._store.variants.having("sku", sku)]
        for variant in variants:
            for line in self._store.order_lines.having("variant_id", variant.id):
                line.committed = ZERO
                self._store.mark(self._store.order_lines, line)
            for level in self._store.levels.having("variant_id", variant.id):
                self._store.remove(self._store.levels, level)
            self._store.remove(self._store.variants, variant)
        return len(variants)

    # --- by itself -----------------------------------------------------------------------------------------------------------

    def ship_something(self, *, invoice: bool) -> int:
        """Do a warehouse's round: ship and invoice every open order that has something to ship. Return how many."""
        shipped = 0
        for order in self._open_orders():
            if not unpacked_parts(self._store, order):
                continue
            self.pack_and_ship([order])
            if invoice and uninvoiced_parts(self._store, order):
                self.invoice([order])
            shipped += 1
        return shipped

    def all_unshipped(self) -> list[Order]:
        return [order for order in self._open_orders() if unpacked_parts(self._store, order)]

    def all_uninvoiced(self) -> list[Order]:
        statuses = ("active", "finalized", "fulfilled")
        return [row for row in self._store.orders if row.status in statuses and uninvoiced_parts(self._store, row)]


def _way_values(way: Mapping[str, str | None], without_tracking: bool) -> dict[str, Any]:
    """Return the attributes of a box's way; a tracking number is made up where none is given."""
    number = way.get("tracking") or (None if without_tracking else made_up_tracking())
    carrier = way.get("carrier") if number or not without_tracking else None
    return {
        "tracking_number": number,
        "tracking_company": carrier,
        "service": way.get("service"),
        "tracking_url": way.get("url"),
    }


def _boxes(
    parts: list[Part], packages: int | Sequence[Mapping[str, Any]] | None, read_lines: Callable[[Lines], list[Part]]
) -> list[tuple[list[Part], dict[str, Any]]]:
    """Return the content of each box and what is known of its way."""
    if packages is None or packages == 1:
        return [(parts, {})]
    if isinstance(packages, int):
        return [(box, {}) for box in _split(parts, packages)]
    known = ("tracking", "carrier", "service", "url")
    return [
        (
            read_lines(package["lines"]) if "lines" in package else parts,
            {name: package[name] for name in known if name in package},
        )
        for package in packages
    ]


def _split(parts: list[Part], count: int) -> list[list[Part]]:
    """Return the units dealt out to so many boxes, as evenly as whole units allow; boxes without any are left out."""
    boxes: list[list[Part]] = [[] for _ in range(count)]
    at = 0
    for line, quantity in parts:
        each, rest = divmod(int(quantity), count)
        for turn in range(count):
            units = each + (1 if turn < rest else 0)
            if units:
                boxes[(at + turn) % count].append((line, Decimal(units)))
        at += rest
    return [box for box in boxes if box]
