"""Orders to QuickBooks Online: sent once, found again, voided. It maps nothing by itself: see render.py and parse.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.contract import Exchange, Memory, OrderOut, Receipt, RemoteState, RenderedRequest, Sent
from connectors.errors import AlreadyTaken, ConnectorError, FixOrder, OutcomeUnknown, TryLater
from connectors.quickbooks_online.api import Api, made, rows_of
from connectors.quickbooks_online.customers import customer_body, display_names
from connectors.quickbooks_online.lines import SentLines, sent_lines
from connectors.quickbooks_online.parse import receipt_of, reference_of, state_of
from connectors.quickbooks_online.refusals import FAR_SIDE, STALE_OBJECT, StaleThings, act_refused, order_error
from connectors.quickbooks_online.render import Resolved, entity_of, render_order, scrubbed
from connectors.quickbooks_online.resolving import Needs
from connectors.quickbooks_online.wire import SALES, BadValue, Row, decimal_of, quoted_text, ref_of, refusal_of, select, text_of
from connectors.transports.http import Answer, exchange

LINES = "lines"
"""Kind of the connection's memory: what is known of an order's lines as they were sent, by the form's id."""

TRIES = 3
"""How often a form that somebody changed meanwhile is read again before it is left for later."""

SAME_NUMBER_AGAIN = "allowduplicatedocnum"
"""Lets a form have the number of the void one that it stands in for. Source: QuickBooks Online reference 9.3."""

DEAD = frozenset({RemoteState.VOID, RemoteState.DELETED})


class Delivery:
    """Sends, finds and voids orders of one connection. All of it may be called from several threads."""

    def __init__(
        self, api: Api, needs: Needs, memory: Memory, settings: Mapping[str, Any], now: Callable[[], datetime], page: str
    ) -> None:
        self._api, self._needs, self._memory, self._settings = api, needs, memory, settings
        self._now, self._page = now, page
        self._entity = entity_of(settings)

    # --- sending -------------------------------------------------------------------------------------------------------------

    def send(self, order: OrderOut, key: str, taken: frozenset[str]) -> Sent:
        """Make the form: one request where nothing is stale. A refused product or customer is looked up anew once."""
        resolved = self._needs.resolved(order, self._now())
        include = SAME_NUMBER_AGAIN if "void" in taken else ""
        try:
            return self._create_fresh(order, key, resolved, include)
        except AlreadyTaken as error:
            if error.what == "number" and "number" in taken:
                raise _number_of_a_stranger(order) from None
            raise

    def preview(self, order: OrderOut, key: str) -> list[RenderedRequest]:
        """Return what `send` would send, and send nothing: the customer first where there is none, then the form."""
        resolved = self._needs.foreseen(order, self._now())
        notes = () if key else ("Its request id, which keeps it from being made twice, is given when it is sent.",)
        if resolved.customer_id:
            return [self._rendered(order, key, resolved, notes)]
        name = next(display_names(order.customer_code.strip(), self._settings["one_customer"] or order.retailer_name))
        words = f"{FAR_SIDE} has no customer {name} yet, so it is made once, before the order."
        first = self._api.rendered_write("Customer", customer_body(name, order.retailer_name), notes=(words,))
        given = f"CustomerRef, 0 here, is the id that {FAR_SIDE} gives the new customer."
        return [first, self._rendered(order, key, replace(resolved, customer_id="0"), (given, *notes))]

    def _rendered(self, order: OrderOut, key: str, resolved: Resolved, notes: tuple[str, ...]) -> RenderedRequest:
        return self._api.rendered_write(self._entity, render_order(order, self._settings, resolved), key=key, notes=notes)

    def _create_fresh(self, order: OrderOut, key: str, resolved: Resolved, include: str) -> Sent:
        try:
            return self._create(order, key, resolved, include)
        except StaleThings as error:
            stale = error
        fresh = self._refreshed(order, resolved)
        if fresh == resolved:
            raise stale.refused
        try:
            return self._create(order, key, fresh, include)
        except StaleThings as still:
            raise still.refused from None

    def _create(self, order: OrderOut, key: str, resolved: Resolved, include: str) -> Sent:
        body = render_order(order, self._settings, resolved)
        answer = self._api.write(self._entity, body, key=key, include=include)
        refusal = refusal_of(answer.status, answer.json_or_none())
        if refusal is not None:
            raise _with_story(order_error(refusal, number=order.cust_ref), story(answer, sent=body))
        row = made(answer, self._entity)
        try:
            receipt = self._receipt(self._entity, row, just_made=True)
        except BadValue as error:
            raise OutcomeUnknown(
                f"{FAR_SIDE}'s answer to order {order.cust_ref} can't be read ({error}). It is looked up first."
            ) from None
        return Sent(receipt=receipt, exchange=story(answer, sent=body))

    def _refreshed(self, order: OrderOut, used: Resolved) -> Resolved:
        """Return what the order refers to as the company has it now. Raise `FixOrder` for a SKU that it no longer has."""
        items = self._needs.catalogue.refresh({line.wms_item for line in order.lines}, used.items)
        problem = self._needs.catalogue.problem(order, items)
        if problem is not None:
            raise problem
        return replace(used, items=items, customer_id=self._needs.customers.refresh(order, used.customer_id))

    def _receipt(self, entity: str, row: Row, *, just_made: bool) -> Receipt:
        """Read a form as a receipt, and remember its lines as they were sent."""
        shipping_item = self._needs.named.shipping_item()
        key = text_of(row.get("Id"))
        if just_made or text_of(row.get("SyncToken")) == "0":
            sent: SentLines | None = sent_lines(row, shipping_item)
            self._memory.put(LINES, {key: sent.kept() if sent else ""})
        else:
            sent = SentLines.of(self._memory.get(LINES, [key]).get(key, ""))
        return receipt_of(entity, row, sent, page=self._page, shipping_item=shipping_item)

    # --- finding -------------------------------------------------------------------------------------------------------------

    def find(self, order: OrderOut) -> list[Receipt]:
        """Return every form, voided ones too, whose number, full number and customer are this order's.

        All three kinds are asked for, since the setting may have changed between two tries. A voided form may have lost its
        memo: where the full number stood there, number and customer must do.
        """
        question = f"DocNumber = {quoted_text(order.cust_ref)}"
        responses = self._api.queries([select(entity, where=question) for entity in SALES])
        found: list[Receipt] = []
        try:
            for entity, response in zip(SALES, responses, strict=True):
                found += [
                    self._receipt(entity, row, just_made=False)
                    for row in rows_of(response, entity)
                    if self._is_order(entity, row, order)
                ]
        except BadValue as error:
            raise TryLater(f"{FAR_SIDE}'s form {order.cust_ref} can't be read: {error}. It is looked up again later.") from None
        return found

    def _is_order(self, entity: str, row: Row, order: OrderOut) -> bool:
        if text_of(row.get("DocNumber")) != order.cust_ref or _is_of_an_estimate(row):
            return False
        reference = reference_of(row)
        is_reference = reference == order.cust_po_no.strip() or (not reference and state_of(entity, row) in DEAD)
        customer = row.get("CustomerRef")
        name = text_of(customer.get("name")) if isinstance(customer, dict) else ""
        return is_reference and self._needs.customers.is_of(order, ref_of(customer), name)

    # --- voiding -------------------------------------------------------------------------------------------------------------

    def cancel(self, receipt: Receipt) -> Exchange | None:
        """Void the form; reject an estimate. Raise `FixOrder` where it was shipped or paid, or the books don't agree."""
        for _ in range(TRIES):
            found = self._current(receipt.external_id)
            if found is None:
                return None
            entity, row = found
            if state_of(entity, row) in DEAD:
                return None
            _may_be_canceled(entity, row, receipt.number)
            answer = self._void(entity, row)
            refusal = refusal_of(answer.status, answer.json_or_none())
            if refusal is None:
                return story(answer)
            if refusal.code != STALE_OBJECT:
                raise _with_story(act_refused(refusal, f"cancel order {receipt.number}"), story(answer))
        raise TryLater(f"Somebody is just working on order {receipt.number} in {FAR_SIDE}. It is canceled a little later.")

    def _current(self, key: str) -> tuple[str, Row] | None:
        """Return a form as it is now, of whichever kind it is; the configured one is asked for first."""
        for entity in sorted(SALES, key=lambda one: one != self._entity):
            row = self._api.one(entity, key)
            if row is not None:
                return entity, row
        return None

    def _void(self, entity: str, row: Row) -> Answer:
        named = {"Id": row["Id"], "SyncToken": text_of(row.get("SyncToken"))}
        if entity == "Invoice":
            return self._api.write(entity, named, operation="void")
        if entity == "SalesReceipt":
            return self._api.write(entity, {**named, "sparse": True}, operation="update", include="void")
        return self._api.write(entity, {**named, "sparse": True, "TxnStatus": "Rejected"})


def _may_be_canceled(entity: str, row: Row, number: str) -> None:
    if state_of(entity, row) is RemoteState.SHIPPED:
        raise FixOrder(
            f"Order {number} has a tracking number in {FAR_SIDE}, so it is not canceled. If it hasn't left, remove the number "
            "there and try again."
        )
    balance, total = decimal_of(row.get("Balance")), decimal_of(row.get("TotalAmt"))
    if entity == "Invoice" and balance is not None and total and balance < total:
        raise FixOrder(f"Order {number} has a payment in {FAR_SIDE}, so it is not canceled. Give the money back there first.")
    if entity == "Estimate" and text_of(row.get("TxnStatus")) == "Closed":
        raise FixOrder(f"An invoice was made of order {number} in {FAR_SIDE}, so it is not canceled. Void that invoice there.")


def _is_of_an_estimate(row: Row) -> bool:
    links = row.get("LinkedTxn")
    return isinstance(links, list) and any(isinstance(link, dict) and link.get("TxnType") == "Estimate" for link in links)


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


def _number_of_a_stranger(order: OrderOut) -> FixOrder:
    return FixOrder(
        f"Another form in {FAR_SIDE} already has the number {order.cust_ref}, and it isn't this order: its full number or its "
        "customer differ. Renumber that form there, then send this order again.",
        field="cust_ref",
    )
