"""What orders refer to: items by SKU and what the settings name. Looked up in bulk, remembered, kept fresh by change data
capture.

Source: QuickBooks Online reference 9.2 and 9.4.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.contract import HoldReason, Memory, OrderOut
from connectors.errors import FixConnection, FixOrder, TryLater
from connectors.quickbooks_online.api import Api
from connectors.quickbooks_online.customers import Customers
from connectors.quickbooks_online.parse import components_of
from connectors.quickbooks_online.refusals import FAR_SIDE
from connectors.quickbooks_online.render import Item, Part, Resolved, address_problem
from connectors.quickbooks_online.wire import (
    CDC_DAYS,
    IDS_PER_QUERY,
    SHIPPING_ITEM,
    TEXTS_PER_QUERY,
    BadValue,
    Row,
    chunks,
    decimal_of,
    id_of,
    one_of,
    quoted_text,
    ref_of,
    stamp_text,
    text_of,
)

ITEM, ITEM_SKU, CLOCK, NAMED, COMPANY = "item", "item_sku", "clock", "named", "company"
"""Kinds of the connection's memory: items by SKU, SKUs by item, when lists were last brought up to date, ids by name."""

FRESH_FOR = timedelta(minutes=5)
"""How long remembered lists count as fresh: one question each so long, whatever the number of orders."""

OVERLAP = timedelta(minutes=2)


class Catalogue:
    """Items by SKU. A SKU counts as known when exactly one active item has just this SKU."""

    def __init__(self, api: Api, memory: Memory, now: Callable[[], datetime]) -> None:
        self._api, self._memory, self._now = api, memory, now
        self._known: dict[str, Item] = {}
        self._shared: dict[str, int] = {}
        self._lock = threading.RLock()

    # --- keeping fresh -------------------------------------------------------------------------------------------------------

    def freshen(self, customers: Customers) -> None:
        """Learn what of the lists was changed since the last time, at most once in five minutes."""
        with self._lock:
            now = self._now()
            told = self._memory.get(CLOCK, ["lists"]).get("lists")
            last = datetime.fromisoformat(told) if told else None
            if last is not None and now - last < FRESH_FOR:
                return
            if last is not None and now - last < timedelta(days=CDC_DAYS):
                changes = self._api.changes(["Item", "Customer"], last - OVERLAP)
                self._apply(self._everything() if changes.may_lack else changes.rows["Item"])
                customers.apply(changes.rows["Customer"])
            elif last is not None:
                self._apply(self._everything())
            self._memory.put(CLOCK, {"lists": stamp_text(now)})

    def _everything(self) -> list[Row]:
        return [row for page in self._api.rows("Item", "Active in (true, false)") for row in page]

    def _apply(self, rows: Sequence[Row]) -> None:
        """Take over changed items: those whose SKU moved, or that are no longer active, are forgotten."""
        before = self._memory.get(ITEM_SKU, [id_of(row.get("Id")) for row in rows])
        remembered = self._memory.get(ITEM, list({*before.values(), *(text_of(row.get("Sku")) for row in rows)} - {""}))
        fresh: dict[str, str] = {}
        stale: set[str] = set()
        for row in rows:
            key, sku = id_of(row.get("Id")), text_of(row.get("Sku"))
            old = before.get(key, "")
            if old and (old != sku or not _is_active(row)):
                stale.add(old)
            known = remembered.get(sku, "")
            if known and _item_of(known).item_id != key and _is_active(row):
                stale.add(sku)  # two items have it now: it is asked for anew
            elif known and _is_active(row):
                fresh[sku] = _kept(row)
        self._memory.forget(ITEM, stale)
        self._memory.put(ITEM, {sku: value for sku, value in fresh.items() if sku not in stale})
        for sku in {*stale, *fresh}:
            self._known.pop(sku, None)

    # --- looking up ----------------------------------------------------------------------------------------------------------

    def resolve(self, skus: Collection[str]) -> dict[str, Item]:
        """Return the items of those SKUs that are known, asking only for what isn't remembered."""
        with self._lock:
            missing = sorted({sku for sku in skus if sku and sku not in self._known})
            if missing:
                remembered = self._memory.get(ITEM, missing)
                self._learn({sku: _item_of(value) for sku, value in remembered.items()})
                self._look_up([sku for sku in missing if sku not in self._known])
            return {sku: self._known[sku] for sku in skus if sku in self._known}

    def refresh(self, skus: Collection[str], refused: Mapping[str, Item]) -> dict[str, Item]:
        """Ask anew for SKUs whose remembered items were refused; what another sender has refreshed since isn't asked again."""
        with self._lock:
            self._look_up(sorted({sku for sku in skus if self._known.get(sku) == refused.get(sku)}))
            return {sku: self._known[sku] for sku in skus if sku in self._known}

    def known_items(self, skus: Collection[str]) -> set[str]:
        """Ask anew for all of these and forget the ones that aren't there any more."""
        wanted = sorted({sku for sku in skus if sku})
        with self._lock:
            self._look_up(wanted)
            return {sku for sku in wanted if sku in self._known}

    def rows(self, skus: Sequence[str]) -> list[Row]:
        """Return every active item that has one of these SKUs."""
        found: list[Row] = []
        for some in chunks(sorted(set(skus)), TEXTS_PER_QUERY):
            found += [row for page in self._api.rows("Item", one_of("Sku", some)) for row in page]
        return [row for row in found if row.get("Sku") in skus and _is_active(row)]

    def by_id(self, ids: Collection[str]) -> dict[str, Row]:
        """Return items by id, inactive ones as well."""
        found: dict[str, Row] = {}
        for some in chunks(sorted(ids), IDS_PER_QUERY):
            condition = f"{one_of('Id', some)} and Active in (true, false)"
            found |= {id_of(row.get("Id")): row for page in self._api.rows("Item", condition) for row in page}
        return found

    def _look_up(self, skus: Sequence[str]) -> None:
        if not skus:
            return
        found: dict[str, list[Row]] = {}
        for row in self.rows(skus):
            found.setdefault(text_of(row.get("Sku")), []).append(row)
        values: dict[str, str] = {}
        for sku in skus:
            self._known.pop(sku, None)
            self._shared.pop(sku, None)
            rows = found.get(sku, [])
            if len(rows) == 1:
                values[sku] = _kept(rows[0])
            elif rows:
                self._shared[sku] = len(rows)
        self._memory.put(ITEM, values)
        self._memory.put(ITEM_SKU, {_item_of(value).item_id: sku for sku, value in values.items()})
        self._memory.forget(ITEM, [sku for sku in skus if sku not in values])
        self._learn({sku: _item_of(value) for sku, value in values.items()})

    def _learn(self, items: Mapping[str, Item]) -> None:
        """Keep items; of bundles the components are read, which nobody remembers."""
        bundles = {item.item_id for item in items.values() if item.is_bundle}
        parts = self._parts(bundles) if bundles else {}
        for sku, item in items.items():
            if item.is_bundle:
                item = Item(item.item_id, is_bundle=True, price=item.price, parts=parts.get(item.item_id, ()))
            self._known[sku] = item

    def _parts(self, bundles: Collection[str]) -> dict[str, tuple[Part, ...]]:
        rows = self.by_id(bundles)
        components = {key: components_of(row) for key, row in rows.items()}
        prices = self.by_id({part for parts in components.values() for part, _ in parts})
        return {
            key: tuple(Part(part, count, _price_of(prices.get(part, {})) or Decimal(0)) for part, count in parts)
            for key, parts in components.items()
        }

    # --- what is wrong -------------------------------------------------------------------------------------------------------

    def problem(self, order: OrderOut, resolved: Mapping[str, Item]) -> FixOrder | None:
        """Say which SKUs of an order can't be told, or None when all can."""
        if not order.lines:
            return FixOrder(f"Order {order.cust_ref} has no lines to send.", field="lines", reason=HoldReason.INCOMPLETE)
        blank = next((line for line in order.lines if not line.wms_item.strip()), None)
        if blank is not None:
            words = f"Line {blank.line_no} of order {order.cust_ref} has no SKU. Give it one and send the order again."
            return FixOrder(words, field="sku", reason=HoldReason.UNKNOWN_SKU)
        empty = next((sku for sku, item in resolved.items() if item.is_bundle and not item.parts), None)
        if empty is not None:
            words = f"The bundle {empty} has no products in {FAR_SIDE}. Put some into it; the order then goes out by itself."
            return FixOrder(words, field="sku", reason=HoldReason.UNKNOWN_SKU, subject=empty)
        unknown = list(dict.fromkeys(line.wms_item for line in order.lines if line.wms_item not in resolved))
        if not unknown:
            return None
        sku = next((sku for sku in unknown if sku in self._shared), "")
        if sku:
            words = (
                f"{self._shared[sku]} products in {FAR_SIDE} have the SKU {sku}, so it can't be told which one order "
                f"{order.cust_ref} means. Leave the SKU to one of them there; the order then goes out by itself."
            )
            return FixOrder(words, field="sku", reason=HoldReason.UNKNOWN_SKU, subject=sku)
        named, more = ", ".join(unknown[:5]), len(unknown) - 5
        words = (
            f"{FAR_SIDE} has no active product with the SKU {named}{f' and {more} more' if more > 0 else ''}. Add it there, "
            "or add an alias here; the order then goes out by itself."
        )
        return FixOrder(words, field="sku", reason=HoldReason.UNKNOWN_SKU, subject=unknown[0])


class Named:
    """Ids of what the settings name: a shipping product, a payment method, an account; and the company's own currency."""

    def __init__(self, api: Api, memory: Memory, settings: Mapping[str, Any]) -> None:
        self._api, self._memory, self._settings = api, memory, settings
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def shipping_item(self) -> str:
        """Return the id of the product that stands for the shipping charge."""
        name = self._settings["shipping_item"].strip()
        return self._id("Item", name, "product") if name else SHIPPING_ITEM

    def refs(self) -> dict[str, str]:
        """Return what a sales receipt needs beyond an invoice."""
        if self._settings["order_becomes"] != "sales_receipt":
            return {}
        wanted = {
            "PaymentMethodRef": ("PaymentMethod", self._settings["payment_method"].strip(), "payment method"),
            "DepositToAccountRef": ("Account", self._settings["deposit_account"].strip(), "account"),
        }
        return {ref: self._id(entity, name, noun) for ref, (entity, name, noun) in wanted.items() if name}

    def home_currency(self) -> str:
        """Return the code of the currency in which the books are kept; "" where the company doesn't say."""
        return self._once(COMPANY, "currency", self._ask_currency).strip("-")

    def _ask_currency(self) -> str:
        prefs = self._api.ask("/preferences").json().get("Preferences")
        currency = prefs.get("CurrencyPrefs") if isinstance(prefs, dict) else None
        return (ref_of(currency.get("HomeCurrency")) if isinstance(currency, dict) else "") or "-"

    def _id(self, entity: str, name: str, noun: str) -> str:
        return self._once(NAMED, f"{entity} {name}"[:200], lambda: self.asked(entity, name, noun))

    def asked(self, entity: str, name: str, noun: str) -> str:
        """Ask for the id of what is called so. Raise `FixConnection` where there is none."""
        rows = [row for page in self._api.rows(entity, f"Name = {quoted_text(name)}") for row in page]
        if not rows:
            raise FixConnection(
                f"{FAR_SIDE} has no active {noun} named {name!r}. Add it there, or correct the connection's settings."
            )
        return id_of(rows[0].get("Id"))

    def _once(self, kind: str, key: str, ask: Callable[[], str]) -> str:
        with self._lock:
            known = self._known.get(f"{kind} {key}") or self._memory.get(kind, [key]).get(key)
            if known is None:
                known = ask()
                self._memory.put(kind, {key: known})
            self._known[f"{kind} {key}"] = known
            return known


class Needs:
    """All that a batch of orders needs, resolved in one go."""

    def __init__(self, catalogue: Catalogue, customers: Customers, named: Named) -> None:
        self.catalogue, self.customers, self.named = catalogue, customers, named

    def prepare(self, orders: Sequence[OrderOut]) -> dict[str, Exception]:
        """Resolve SKUs in bulk and make missing customers; return what is wrong with single orders, by `public_id`."""
        self.catalogue.freshen(self.customers)
        self.named.shipping_item(), self.named.refs(), self.named.home_currency()
        resolved = self.catalogue.resolve({line.wms_item for order in orders for line in order.lines})
        problems: dict[str, Exception] = {}
        by_code: dict[str, list[OrderOut]] = {}
        for order in orders:
            mine = {line.wms_item: resolved[line.wms_item] for line in order.lines if line.wms_item in resolved}
            problem = self.catalogue.problem(order, mine) or _form_problem(order)
            if problem is not None:
                problems[order.public_id] = problem
            else:
                by_code.setdefault(order.customer_code.strip(), []).append(order)
        self.customers.remembered(by_code)
        for waiting in by_code.values():
            try:
                self.customers.ensure(waiting[0])
            except (FixOrder, TryLater) as error:
                problems |= {order.public_id: error for order in waiting}
        return problems

    def resolved(self, order: OrderOut, today: datetime) -> Resolved:
        """Return what an order refers to. Raise `FixOrder` or `TryLater` for what can't be resolved."""
        return self._resolved(order, today, self.customers.ensure)

    def foreseen(self, order: OrderOut, today: datetime) -> Resolved:
        """Return the same without making anything: `customer_id` is blank where the customer would have to be made first."""
        return self._resolved(order, today, lambda order: self.customers.found(order) or "")

    def _resolved(self, order: OrderOut, today: datetime, customer_id: Callable[[OrderOut], str]) -> Resolved:
        items = self.catalogue.resolve({line.wms_item for line in order.lines})
        problem = self.catalogue.problem(order, items) or _form_problem(order)
        if problem is not None:
            raise problem
        return Resolved(
            customer_id=customer_id(order),
            items=items,
            today=today.date(),
            home_currency=self.named.home_currency(),
            shipping_item=self.named.shipping_item(),
            refs=self.named.refs(),
        )


def _form_problem(order: OrderOut) -> FixOrder | None:
    if not order.customer_code.strip():
        words = f"Order {order.cust_ref} names no retailer, and {FAR_SIDE} needs a customer. Name it and send the order again."
        return FixOrder(words, field="customer_code", reason=HoldReason.INCOMPLETE)
    return address_problem(order)


def _is_active(row: Mapping[str, Any]) -> bool:
    return row.get("Active") is not False and row.get("status") != "Deleted"


def _kept(row: Row) -> str:
    """Return an item as the memory keeps it: id, kind, price."""
    price = _price_of(row)
    return f"{id_of(row.get('Id'))} {text_of(row.get('Type')) or '-'} {'' if price is None else f'{price:f}'}"


def _item_of(kept: str) -> Item:
    item_id, _, rest = kept.partition(" ")
    kind, _, price = rest.partition(" ")
    return Item(item_id, is_bundle=kind == "Group", price=Decimal(price) if price else None)


def _price_of(row: Mapping[str, Any]) -> Decimal | None:
    try:
        return decimal_of(row.get("UnitPrice"))
    except BadValue:
        return None
