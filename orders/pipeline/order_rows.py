"""From drafts to rows: pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from cartrover.ids import new_id
from connectors.contract import Address, LineDraft, OrderDraft
from orders.models import MessagePurpose, MessageState
from orders.pipeline.loader import money
from orders.pipeline.route import Hold
from orders.states import OrderState

ORDER_NAMES = (
    "account_id", "public_id", "source_id", "external_id", "alternate_id", "cust_po_no", "cust_ref", "state", "hold",
    "hold_words", "held_at", "is_test", "retailer_id", "retailer_name", "customer_code", "order_date", "ship_by", "currency",
    "ship_name", "ship_to", "bill_to", "ship_code", "ship_carrier", "ship_method", "notes", "sub_total", "shipping_handling",
    "order_discount", "sales_tax", "grand_total", "expected_lines", "extra", "content_hash", "document_id", "row", "wms_id",
    "wms_order_id", "wms_number", "wms_state", "shipped_quantity", "created_at", "updated_at",
)  # fmt: skip
LINE_NAMES = (
    "account_id", "public_id", "order_id", "line_no", "line_id", "item", "wms_item", "upc", "title",
    "quantity", "price", "extra", "row", "external_id", "shipped", "canceled", "told", "invoiced",
)  # fmt: skip
EVENT_NAMES = ("account_id", "public_id", "order_id", "connection_id", "at", "kind", "words", "document_name", "actor", "data")
MESSAGE_NAMES = (
    "account_id", "public_id", "lease_token", "lease_owner", "connection_id", "order_id", "purpose", "state", "generation",
    "taken", "due_at", "attempts", "words", "created_at",
)  # fmt: skip


def address_json(address: Address) -> dict[str, str]:
    """Return the filled fields of an address under CartRover's names."""
    return {name: value for name in Address.__slots__ if (value := getattr(address, name))}


def ship_name(address: Address) -> str:
    """Return the name that lists show: the person, else the company."""
    return (f"{address.first_name} {address.last_name}".strip() or address.company)[:200]


def draft_totals(draft: OrderDraft) -> dict[str, Decimal]:
    """Return the header amounts as CartRover defines them (CartRover reference 1.8): lines, shipping, discount, tax, sum."""
    sub_total = sum(((line.price or Decimal(0)) * line.quantity for line in draft.lines), Decimal(0))
    return {
        "sub_total": money(sub_total),
        "shipping_handling": money(draft.shipping_charge),
        "order_discount": money(draft.discount),
        "sales_tax": money(draft.tax),
        "grand_total": money(sub_total + draft.shipping_charge + draft.tax - draft.discount),
    }


def order_row(
    draft: OrderDraft,
    *,
    account_id: int,
    source_id: int,
    wms_id: int | None,
    document_id: int | None,
    cust_ref: str,
    hold: Hold | None,
    now: datetime,
) -> list[Any]:
    """Return the values of ORDER_NAMES. A held order has no message yet and is NEW; the others are READY."""
    totals = draft_totals(draft)
    return [
        account_id, new_id(), source_id, draft.external_id[:200], draft.alternate_id[:200],
        draft.cust_po_no[:200], cust_ref,
        OrderState.NEW if hold else OrderState.READY, hold.reason if hold else "", hold.words if hold else "",
        now if hold else None, draft.is_test, draft.retailer_id[:100], draft.retailer_name[:200], draft.customer_code[:120],
        draft.order_date, draft.ship_by, draft.currency[:3], ship_name(draft.ship_to), address_json(draft.ship_to),
        address_json(draft.bill_to), draft.ship_code[:100], draft.ship_carrier[:100], draft.ship_method[:100], draft.notes,
        totals["sub_total"], totals["shipping_handling"], totals["order_discount"], totals["sales_tax"], totals["grand_total"],
        draft.expected_lines, draft.extra, draft.content_hash, document_id, draft.row, wms_id, "", "", "", 0, now, now,
    ]  # fmt: skip


def line_rows(lines: Iterable[LineDraft], *, account_id: int, order_id: int, first_no: int = 1) -> list[list[Any]]:
    """Return the values of LINE_NAMES, numbered in the file's order."""
    return [
        [
            account_id, new_id(), order_id, line_no, line.line_id[:100], line.item[:200], "", line.upc[:40], line.title,
            line.quantity, line.price, line.extra, line.row, "", 0, 0, 0, 0,
        ]
        for line_no, line in enumerate(lines, start=first_no)
    ]  # fmt: skip


def event_row(
    *, account_id: int, order_id: int, connection_id: int, at: datetime, kind: str, words: str, document_name: str, actor: str
) -> list[Any]:
    """Return the values of EVENT_NAMES."""
    return [account_id, new_id(), order_id, connection_id, at, kind, words, document_name, actor, {}]


def message_row(*, account_id: int, connection_id: int, order_id: int, now: datetime) -> list[Any]:
    """Return the values of MESSAGE_NAMES for a delivery that is due now."""
    return [
        account_id, new_id(), "", "", connection_id, order_id, MessagePurpose.DELIVER, MessageState.WAITING, 1,
        "", now, 0, "", now,
    ]  # fmt: skip
