"""Orders to QuickBooks Commerce: sent once, found again, voided. It maps nothing by itself: see render.py and parse.py.

Source: QuickBooks Commerce reference sections 2.8 and 4.1 to 4.10; the hub's own rules for lost answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.contract import Exchange, OrderOut, Receipt, RemoteState, RenderedRequest, Sent
from connectors.errors import AlreadyTaken, ConnectorError, FixOrder, OutcomeUnknown, TryLater
from connectors.quickbooks_commerce.api import FAR_SIDE, Api, Row, made
from connectors.quickbooks_commerce.parse import receipt_of, state_of
from connectors.quickbooks_commerce.refusals import StaleThings, action_refused, duplicate_key, order_error
from connectors.quickbooks_commerce.render import Resolved, render_bill_to, render_order, render_ship_to, scrubbed
from connectors.quickbooks_commerce.resolving import Needs, company_body
from connectors.quickbooks_commerce.wire import (
    ADDRESSES,
    COMPANIES,
    ORDER_STATUSES,
    ORDERS,
    BadValue,
    refusal_of,
    several,
    text_of,
)
from connectors.transports.http import Answer, exchange

AFTER_CREATION = {"pack_orders": ("pack", "Packing"), "create_invoice": ("invoice", "Invoicing")}
"""Acts by setting, in the order in which they are done."""

DEAD = frozenset({RemoteState.VOID, RemoteState.DELETED})


class Delivery:
    """Sends, finds and voids orders of one connection. All of it may be called from several threads."""

    def __init__(self, api: Api, needs: Needs, settings: Mapping[str, Any], now: Callable[[], datetime]) -> None:
        self._api, self._needs, self._settings, self._now = api, needs, settings, now

    # --- sending -------------------------------------------------------------------------------------------------------------

    def send(self, order: OrderOut, key: str, taken: frozenset[str]) -> Sent:
        """Create the order: one request where nothing is stale. Refused variants and companies are looked up anew once."""
        resolved = self._needs.resolved(order, self._now())
        if "label" in taken:
            resolved = self._with_addresses(order, resolved)
        try:
            sent = self._create_fresh(order, key, resolved)
        except AlreadyTaken as error:
            if error.what == "number" and "number" in taken:
                raise _number_of_a_stranger(order) from None
            raise
        return self._followed_up(sent, key)

    def preview(self, order: OrderOut, key: str) -> list[RenderedRequest]:
        """Return what `send` would send, and send nothing: the customer first where there is none, then the order."""
        resolved = self._needs.foreseen(order, self._now())
        notes = () if key else ("Its key, which keeps it from being made twice, is given when it is sent.",)
        if resolved.company_id:
            return [self._rendered(order, key, resolved, notes)]
        made = self._api.rendered_write(
            "POST",
            COMPANIES,
            company_body(order.customer_code.strip(), order.retailer_name),
            notes=(f"{FAR_SIDE} has no customer {order.customer_code.strip()} yet, so it is made once, before the order.",),
        )
        given = f"company_id, 0 here, is the number that {FAR_SIDE} gives the new customer."
        return [made, self._rendered(order, key, replace(resolved, company_id="0"), (given, *notes))]

    def _rendered(self, order: OrderOut, key: str, resolved: Resolved, notes: tuple[str, ...]) -> RenderedRequest:
        return self._api.rendered_write("POST", ORDERS, render_order(order, self._settings, resolved), key=key, notes=notes)

    def _create_fresh(self, order: OrderOut, key: str, resolved: Resolved) -> Sent:
        """Create the order; look up anew what the API no longer takes, and try once more where that changed anything."""
        try:
            return self._create(order, key, resolved)
        except StaleThings as error:
            stale = error
        fresh = self._refreshed(order, stale, resolved)
        if fresh == resolved:
            raise stale.refused
        try:
            return self._create(order, key, fresh)
        except StaleThings as still:
            raise still.refused from None

    def _create(self, order: OrderOut, key: str, resolved: Resolved) -> Sent:
        body = render_order(order, self._settings, resolved)
        answer = self._api.write("POST", ORDERS, body, key=key)
        told = answer.json_or_none()
        if not answer.ok:
            raise _with_story(order_error(refusal_of(answer.status, told), number=order.cust_ref), story(answer, sent=body))
        if refusal_of(answer.status, told).is_duplicate_key:
            raise _with_story(duplicate_key(f"order {order.cust_ref}"), story(answer, sent=body))
        row = made(answer, "order")
        try:
            receipt = receipt_of({"status": self._settings["order_status"], **row}, _lines_beside(told))
        except BadValue as error:
            raise OutcomeUnknown(
                f"{FAR_SIDE}'s answer to order {order.cust_ref} can't be read ({error}). It is looked up first."
            ) from None
        return Sent(receipt=receipt, exchange=story(answer, sent=body))

    def _refreshed(self, order: OrderOut, stale: StaleThings, used: Resolved) -> Resolved:
        """Return what the order refers to as the API has it now. Raise `FixOrder` for a SKU that it no longer has."""
        fresh = used
        if stale.variants:
            skus = {line.wms_item for line in order.lines}
            variants = self._needs.catalogue.refresh(skus, used.variants)
            problem = self._needs.catalogue.problem(order, variants)
            if problem is not None:
                raise problem
            fresh = replace(fresh, variants=variants)
        if stale.company:
            code = order.customer_code.strip()
            fresh = replace(fresh, company_id=self._needs.customers.refresh(code, order.retailer_name, used.company_id))
        return fresh

    def _followed_up(self, sent: Sent, key: str) -> Sent:
        """Pack and invoice where the settings ask for it. The order exists: what fails here is told in its story and changes
        nothing about that."""
        if self._settings["order_status"] != "finalized":
            return sent
        for setting, (action, noun) in AFTER_CREATION.items():
            if self._settings[setting]:
                words = self._act(sent.receipt, action, noun, f"{key}-{action}")
                told = sent.exchange
                if told is not None:
                    sent = replace(sent, exchange=replace(told, answer=f"{told.answer}\n{words}"))
        return sent

    def _act(self, receipt: Receipt, action: str, noun: str, key: str) -> str:
        what = f"{noun.lower()} order {receipt.number} at once"
        try:
            answer = self._api.write("POST", f"{ORDERS}/{receipt.external_id}/actions/{action}", key=key)
            if not answer.ok:
                raise action_refused(refusal_of(answer.status, answer.json_or_none()), what)
        except ConnectorError as error:
            return f"{noun} at once did not work; do it in {FAR_SIDE}. {error.words}"
        return f"{noun} at once: done ({answer.status})."

    # --- addresses whose label is taken --------------------------------------------------------------------------------------

    def _with_addresses(self, order: OrderOut, resolved: Resolved) -> Resolved:
        """Refer to the addresses that an earlier try left behind; where one of that label says something else, take a new
        label.

        Another's address is never written over: it may belong to an order that is on its way.
        """
        bill_to = render_bill_to(order)
        labels = {resolved.ship_label, resolved.bill_label} if bill_to else {resolved.ship_label}
        rows = self._addresses_of(resolved.company_id, labels)
        by_label = {text_of(row.get("label")): row for row in reversed(rows)}
        if not labels & set(by_label):
            # The label is held by something that isn't listed, an archived address say.
            by_label |= {label: {} for label in labels}
        ship_id, ship_label = _reuse(by_label, resolved.ship_label, render_ship_to(order))
        bill_id, bill_label = _reuse(by_label, resolved.bill_label, bill_to) if bill_to else ("", resolved.bill_label)
        return replace(resolved, ship_address_id=ship_id, ship_label=ship_label, bill_address_id=bill_id, bill_label=bill_label)

    def _addresses_of(self, company_id: str, labels: set[str]) -> list[Row]:
        """Read the company's addresses, newest first, until all labels were seen: numbered ones are younger than they are."""
        rows: list[Row] = []
        params = [("company_id", company_id), ("order", "created_at desc")]
        for page in self._api.pages(ADDRESSES, "addresses", params):
            rows += page.rows
            if labels <= {text_of(row.get("label")) for row in rows}:
                break
        return rows

    # --- finding -------------------------------------------------------------------------------------------------------------

    def find(self, order: OrderOut) -> list[Receipt]:
        """Return every order, dead or alive, whose number, reference and customer are this order's."""
        params = [("order_number", order.cust_ref), *several("status", ORDER_STATUSES)]
        rows = [row for page in self._api.pages(ORDERS, "orders", params) for row in page.rows]
        ours = [
            row
            for row in rows
            if text_of(row.get("order_number")) == order.cust_ref
            and text_of(row.get("reference_number")) == order.cust_po_no.strip()
        ]
        companies = {company: self._is_customer(company, order) for company in {text_of(row.get("company_id")) for row in ours}}
        try:
            return [receipt_of(row) for row in ours if companies[text_of(row.get("company_id"))]]
        except BadValue as error:
            raise TryLater(
                f"{FAR_SIDE}'s order {order.cust_ref} can't be read: {error}. It is looked up again later."
            ) from None

    def _is_customer(self, company_id: str, order: OrderOut) -> bool:
        """Say whether a company is the order's customer: the remembered one, or an older one with the same code."""
        code = order.customer_code.strip()
        if self._needs.customers.remembered([code]).get(code) == company_id:
            return True
        return bool(company_id) and self._needs.customers.has_code(company_id, code)

    # --- voiding -------------------------------------------------------------------------------------------------------------

    def cancel(self, receipt: Receipt) -> Exchange | None:
        """Void the order, or delete it while it is a draft. Raise `FixOrder` when the API doesn't agree."""
        path = f"{ORDERS}/{receipt.external_id}"
        if receipt.state is not RemoteState.DRAFT:
            answer = self._api.write("POST", f"{path}/actions/void")
            if answer.ok:
                return story(answer)
        else:
            answer = self._api.write("DELETE", path)
            if answer.ok:
                return story(answer)
        return self._canceled_otherwise(receipt, answer)

    def _canceled_otherwise(self, receipt: Receipt, refused: Answer) -> Exchange | None:
        """Look at the order as it is now: it may be gone already, or not be what it was when the hub last saw it."""
        error = action_refused(refusal_of(refused.status, refused.json_or_none()), f"cancel order {receipt.number}")
        if not isinstance(error, FixOrder):
            raise error
        path = f"{ORDERS}/{receipt.external_id}"
        order = self._api.one(path, "order")
        if order is None:
            return story(refused)
        try:
            state = state_of(order)
        except BadValue:
            raise error from None
        if state in DEAD:
            return story(refused)
        if state is RemoteState.DRAFT and receipt.state is not RemoteState.DRAFT:
            answer = self._api.write("DELETE", path)
        elif state is not RemoteState.DRAFT and receipt.state is RemoteState.DRAFT:
            answer = self._api.write("POST", f"{path}/actions/void")
        else:
            raise error
        if not answer.ok:
            raise action_refused(refusal_of(answer.status, answer.json_or_none()), f"cancel order {receipt.number}")
        return story(answer)


def story(answer: Answer, *, sent: Any = None) -> Exchange:
    """Return what the order's story keeps: without what tells who the buyer is, on both sides."""
    told = answer.json_or_none()
    body = answer.body if told is None else json.dumps(scrubbed(told), ensure_ascii=False).encode()
    return exchange(replace(answer, body=body), sent=None if sent is None else scrubbed(sent))


def _with_story(error: ConnectorError, exchange: Exchange) -> ConnectorError:
    error.exchange = exchange
    if isinstance(error, StaleThings):
        error.refused.exchange = exchange
    return error


def _lines_beside(body: Any) -> list[Row] | None:
    """Return line objects that came beside a new order, where the API gives them."""
    rows = body.get("order_line_items") if isinstance(body, dict) else None
    return rows if isinstance(rows, list) and rows else None


def _reuse(by_label: Mapping[str, Row], label: str, wanted: Mapping[str, str]) -> tuple[str, str]:
    """Return the id of the address with this label, or with a numbered one, that says the same; else none and a free label."""
    says = {name: value for name, value in wanted.items() if name != "label"}
    tried, at = label, 1
    while tried in by_label:
        if _says(by_label[tried]) == says:
            return text_of(by_label[tried].get("id")), tried
        at += 1
        tried = f"{label}-{at}"
    return "", tried


def _says(row: Row) -> dict[str, str]:
    names = ("first_name", "last_name", "company_name", "address1", "address2", "city", "state", "zip_code")
    said = {name: text_of(row.get(name)) for name in names}
    said["country"] = text_of(row.get("country_code")) or text_of(row.get("country"))
    return {name: value for name, value in said.items() if value}


def _number_of_a_stranger(order: OrderOut) -> FixOrder:
    return FixOrder(
        f"Another order in {FAR_SIDE} already has the number {order.cust_ref}, and it isn't this one: reference or customer "
        "differ. Renumber that order there, then send this one again.",
        field="cust_ref",
    )
