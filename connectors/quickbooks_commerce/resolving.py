"""What orders refer to: variants by SKU, the company by its code, the currency. Looked up in bulk, remembered, refreshed when
refused.

Source: QuickBooks Commerce reference sections 3.2, 3.5, 3.8, 4.4 and 4.5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import HoldReason, Memory, OrderOut
from connectors.errors import AlreadyTaken, ConnectorError, FixConnection, FixOrder, OutcomeUnknown, TryLater
from connectors.quickbooks_commerce.api import FAR_SIDE, Api, Row, made, unreadable
from connectors.quickbooks_commerce.parse import active_ids
from connectors.quickbooks_commerce.refusals import TAKEN, connection_error, duplicate_key, quoted
from connectors.quickbooks_commerce.render import Resolved, bill_label, render_ship_to, ship_label
from connectors.quickbooks_commerce.wire import (
    COMPANIES,
    CURRENCIES,
    SKUS_PER_REQUEST,
    TEXT_PER_REQUEST,
    VARIANTS,
    BadValue,
    Params,
    id_of,
    refusal_of,
    several,
    text_of,
)

VARIANT = "variant"
COMPANY = "company"
CURRENCY_BY_NAME = "currency_name"
CURRENCY_BY_ID = "currency_id"
"""Kinds of the connection's memory."""

COMPANY_STATUSES = ("active", "disabled", "archived")


class Catalogue:
    """Variants by SKU. A SKU counts as known when exactly one live variant has just this SKU."""

    def __init__(self, api: Api, memory: Memory) -> None:
        self._api, self._memory = api, memory
        self._known: dict[str, str] = {}
        self._shared: dict[str, int] = {}
        self._lock = threading.Lock()

    def resolve(self, skus: Collection[str]) -> dict[str, str]:
        """Return variant ids of those SKUs that are known, asking the API only for what isn't remembered."""
        with self._lock:
            missing = sorted({sku for sku in skus if sku and sku not in self._known})
            if missing:
                self._known |= self._memory.get(VARIANT, missing)
                self._look_up([sku for sku in missing if sku not in self._known])
            return {sku: self._known[sku] for sku in skus if sku in self._known}

    def refresh(self, skus: Collection[str], refused: Mapping[str, str]) -> dict[str, str]:
        """Ask anew for SKUs whose remembered variants, `refused`, the API wouldn't take; what another sender has refreshed
        since isn't asked for again."""
        with self._lock:
            stale = sorted({sku for sku in skus if self._known.get(sku) == refused.get(sku)})
            self._look_up(stale)
            return {sku: self._known[sku] for sku in skus if sku in self._known}

    def known_items(self, skus: Collection[str]) -> set[str]:
        """Ask anew for all of these and forget the ones that aren't there any more."""
        wanted = sorted({sku for sku in skus if sku})
        with self._lock:
            self._look_up(wanted)
            return {sku for sku in wanted if sku in self._known}

    def problem(self, order: OrderOut, resolved: Mapping[str, str]) -> FixOrder | None:
        """Say which SKUs of an order can't be told, or None when all can."""
        if not order.lines:
            return FixOrder(f"Order {order.cust_ref} has no lines to send.", field="lines", reason=HoldReason.INCOMPLETE)
        blank = next((line for line in order.lines if not line.wms_item.strip()), None)
        if blank is not None:
            words = f"Line {blank.line_no} of order {order.cust_ref} has no SKU. Give it one and send the order again."
            return FixOrder(words, field="sku", reason=HoldReason.UNKNOWN_SKU)
        unknown = list(dict.fromkeys(line.wms_item for line in order.lines if line.wms_item not in resolved))
        if not unknown:
            return None
        shared = [sku for sku in unknown if sku in self._shared]
        if shared:
            sku = shared[0]
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

    def variants(self, skus: Sequence[str]) -> list[Row]:
        """Return every variant that the API lists under these SKUs, in whatever state and spelling it lists them."""
        return list(self._api.in_bulk(sorted(set(skus)), self._ask, most=SKUS_PER_REQUEST, most_text=TEXT_PER_REQUEST))

    def _ask(self, skus: list[str]) -> Iterable[Row]:
        for page in self._api.pages(VARIANTS, "variants", several("sku", skus)):
            yield from page.rows

    def _look_up(self, skus: Sequence[str]) -> None:
        if not skus:
            return
        try:
            found = active_ids(self.variants(skus), set(skus))
        except BadValue as error:
            raise unreadable(str(error)) from None
        for sku in skus:
            ids = found.get(sku, [])
            self._known.pop(sku, None)
            self._shared.pop(sku, None)
            if len(ids) == 1:
                self._known[sku] = ids[0]
            elif ids:
                self._shared[sku] = len(ids)
        self._memory.put(VARIANT, {sku: self._known[sku] for sku in skus if sku in self._known})
        self._memory.forget(VARIANT, [sku for sku in skus if sku not in self._known])


class Customers:
    """Companies by code: found, or made once however many workers need one."""

    def __init__(self, api: Api, memory: Memory) -> None:
        self._api, self._memory = api, memory
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def remembered(self, codes: Collection[str]) -> dict[str, str]:
        """Return the ids of those that are remembered, asking nobody."""
        with self._lock:
            missing = [code for code in codes if code not in self._known]
            if missing:
                self._known |= self._memory.get(COMPANY, missing)
            return {code: self._known[code] for code in codes if code in self._known}

    def found(self, code: str) -> str | None:
        """Return the id of the company with this code, remembered or asked for; None where there is none. Makes nothing."""
        return self.remembered([code]).get(code) or self._find(code)

    def ensure(self, code: str, name: str) -> str:
        """Return the id of the company with this code, made where there is none. Raise `FixOrder`, `TryLater` or what concerns
        the connection."""
        known = self.remembered([code]).get(code)
        if known is None:
            known = self._make_once(code, name)
            with self._lock:
                self._known[code] = known
        return known

    def refresh(self, code: str, name: str, refused: str) -> str:
        """Look the company up anew after the API wouldn't take the remembered one, `refused`."""
        with self._lock:
            if self._known.get(code) == refused:
                del self._known[code]
                self._memory.forget(COMPANY, [code])
        return self.ensure(code, name)

    def listed(self, code: str, params: Params | None = None) -> list[Row]:
        """Return the companies that have just this code, oldest first."""
        asked = [("company_code", code), *(params or [])]
        rows = [row for page in self._api.pages(COMPANIES, "companies", asked) for row in page.rows]
        return sorted(
            (row for row in rows if row.get("company_code") == code), key=lambda row: text_of(row.get("id")).zfill(20)
        )

    def has_code(self, company_id: str, code: str) -> bool:
        """Say whether a company, dead or alive, has this code."""
        company = self._api.one(f"{COMPANIES}/{company_id}", "company")
        return company is not None and company.get("company_code") == code

    def _make_once(self, code: str, name: str) -> str:
        try:
            return self._memory.make_once(
                COMPANY, code, find=lambda: self._find(code), make=lambda key: self._make(code, name, key)
            )
        except OutcomeUnknown as error:
            # The next try asks first whether it is there, so that to the orders this is only a delay.
            raise TryLater(f"The customer {code} could not be made for certain. {error.words}") from error

    def _find(self, code: str) -> str | None:
        live = [row for row in self.listed(code) if text_of(row.get("status")) in {"", "active"}]
        try:
            return id_of(live[0].get("id")) if live else None
        except BadValue as error:
            raise unreadable(str(error)) from None

    def _make(self, code: str, name: str, key: str) -> str:
        answer = self._api.write("POST", COMPANIES, company_body(code, name), key=key)
        if answer.ok:
            return text_of(made(answer, "company")["id"])
        raise self._refused(code, refusal_of(answer.status, answer.json_or_none()))

    def _refused(self, code: str, refusal: Any) -> ConnectorError:
        if refusal.is_duplicate_key:
            return duplicate_key(f"customer {code}")
        connection = connection_error(refusal)
        if connection is not None:
            return connection
        if any("code" in attribute and TAKEN.search(" ".join(told)) for attribute, told in refusal.errors.items()):
            found = self.listed(code, several("status", COMPANY_STATUSES))
            if any(text_of(row.get("status")) in {"", "active"} for row in found):
                return AlreadyTaken(f"{FAR_SIDE} already has a customer with the code {code}.", what="code")
            return FixOrder(
                f"{FAR_SIDE} has a customer with the code {code} that is no longer active. Make it active there, or take the "
                "code away from it, and send the order again.",
                field="customer_code",
            )
        return FixOrder(f"{FAR_SIDE} refused to make the customer {code}: {quoted(refusal)}.", field="customer_code")


def company_body(code: str, name: str) -> dict[str, Any]:
    """Return the body that makes a company."""
    return {"company": {"name": name.strip() or code, "company_type": "business", "company_code": code}}


class Currencies:
    """Currency codes by name and by id."""

    def __init__(self, api: Api, memory: Memory) -> None:
        self._api, self._memory = api, memory
        self._lock = threading.Lock()

    def iso(self, named: str) -> str:
        """Return the code of a currency that a person named by code or by name; "" for the default. Raise `FixConnection` for a
        name that isn't set up there."""
        named = named.strip()
        if not named or (len(named) == 3 and named.isalpha() and named.isascii()):
            return named.upper()
        with self._lock:
            known = self._memory.get(CURRENCY_BY_NAME, [named]).get(named)
            if known is None:
                known = self.by_name(named)
                self._memory.put(CURRENCY_BY_NAME, {named: known})
            return known

    def by_name(self, named: str) -> str:
        """Ask for a currency by code or name. Raise `FixConnection` with those that are set up."""
        rows = self.listed()
        for row in rows:
            if named.strip().casefold() in {text_of(row.get("name")).casefold(), text_of(row.get("iso")).casefold()}:
                return text_of(row.get("iso"))
        known = ", ".join(sorted(text_of(row.get("iso")) for row in rows)) or "none"
        raise FixConnection(
            f"{FAR_SIDE} has no currency {named!r}. It has: {known}. Set it up there under Settings > Configuration > "
            "Currencies, or correct the connection's setting."
        )

    def by_id(self, ids: Collection[str]) -> dict[str, str]:
        """Return codes by id, asking once for all when one isn't remembered."""
        wanted = sorted({key for key in ids if key})
        with self._lock:
            known = self._memory.get(CURRENCY_BY_ID, wanted) if wanted else {}
            if len(known) < len(wanted):
                told = {text_of(row.get("id")): text_of(row.get("iso")) for row in self.listed()}
                known = {key: iso for key, iso in told.items() if key and iso}
                self._memory.put(CURRENCY_BY_ID, known)
            return known

    def listed(self) -> list[Row]:
        """Return all currencies that are set up."""
        return [row for page in self._api.pages(CURRENCIES, "currencies") for row in page.rows]


class Needs:
    """All that a batch of orders needs, resolved in one go."""

    def __init__(self, catalogue: Catalogue, customers: Customers, currencies: Currencies, settings: Mapping[str, Any]) -> None:
        self.catalogue, self.customers, self.currencies = catalogue, customers, currencies
        self._settings = settings

    def prepare(self, orders: Sequence[OrderOut]) -> dict[str, Exception]:
        """Resolve SKUs in bulk and make missing customers; return what is wrong with single orders, by `public_id`."""
        self.currencies.iso(self._settings["currency"])
        resolved = self.catalogue.resolve({line.wms_item for order in orders for line in order.lines})
        problems: dict[str, Exception] = {}
        by_code: dict[str, list[OrderOut]] = {}
        for order in orders:
            problem = self.catalogue.problem(order, resolved) or _form_problem(order)
            if problem is not None:
                problems[order.public_id] = problem
            else:
                by_code.setdefault(order.customer_code.strip(), []).append(order)
        self.customers.remembered(by_code)
        for code, waiting in by_code.items():
            try:
                self.customers.ensure(code, waiting[0].retailer_name)
            except (FixOrder, TryLater) as error:
                problems |= {order.public_id: error for order in waiting}
        return problems

    def resolved(self, order: OrderOut, today: datetime) -> Resolved:
        """Return what an order refers to. Raise `FixOrder` or `TryLater` for what can't be resolved."""
        return self._resolved(order, today, lambda: self.customers.ensure(order.customer_code.strip(), order.retailer_name))

    def foreseen(self, order: OrderOut, today: datetime) -> Resolved:
        """Return the same without making anything: `company_id` is blank where the customer would have to be made first."""
        return self._resolved(order, today, lambda: self.customers.found(order.customer_code.strip()) or "")

    def _resolved(self, order: OrderOut, today: datetime, company_id: Callable[[], str]) -> Resolved:
        variants = self.catalogue.resolve({line.wms_item for line in order.lines})
        problem = self.catalogue.problem(order, variants) or _form_problem(order)
        if problem is not None:
            raise problem
        return Resolved(
            company_id=company_id(),
            variants=variants,
            today=today.date(),
            currency_iso=self.currencies.iso(self._settings["currency"]),
            ship_label=ship_label(order),
            bill_label=bill_label(order),
        )


def _form_problem(order: OrderOut) -> FixOrder | None:
    if not order.customer_code.strip():
        words = f"Order {order.cust_ref} names no retailer, and {FAR_SIDE} needs a customer. Name it and send the order again."
        return FixOrder(words, field="customer_code", reason=HoldReason.INCOMPLETE)
    try:
        render_ship_to(order)
    except FixOrder as problem:
        return problem
    return None
