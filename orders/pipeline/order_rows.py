"""From drafts to rows as `loader.insert_prepared` takes them: pure, a chunk of drafts at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import compress
from operator import attrgetter
from typing import Any, Final

from cartrover.ids import new_ids
from connectors.contract import Address, LineDraft, OrderDraft
from orders.models import MessagePurpose, MessageState
from orders.pipeline.loader import amount_text, json_text, money
from orders.pipeline.route import Hold
from orders.states import OrderState

# Members of enumerations as plain texts: SQLite's driver asks for an adapter of anything else, row by row.
NEW, READY = OrderState.NEW.value, OrderState.READY.value
DELIVER, WAITING = MessagePurpose.DELIVER.value, MessageState.WAITING.value

ORDER_NAMES = (
    "id", "account_id", "public_id", "source_id", "external_id", "alternate_id", "cust_po_no", "cust_ref", "state", "hold",
    "hold_words", "held_at", "is_test", "retailer_id", "retailer_name", "customer_code", "order_date", "ship_by", "currency",
    "ship_name", "ship_to", "bill_to", "ship_code", "ship_carrier", "ship_method", "notes", "sub_total", "shipping_handling",
    "order_discount", "sales_tax", "grand_total", "expected_lines", "extra", "content_hash", "document_id", "row", "wms_id",
    "wms_order_id", "wms_number", "wms_state", "shipped_quantity", "created_at", "updated_at",
)  # fmt: skip
LINE_NAMES = (
    "account_id", "public_id", "order_id", "line_no", "line_id", "item", "wms_item", "upc", "title",
    "quantity", "price", "extra", "row", "external_id", "chosen_item", "shipped", "canceled", "told", "invoiced",
)  # fmt: skip
EVENT_NAMES = ("account_id", "public_id", "order_id", "connection_id", "at", "kind", "words", "document_name", "actor", "data")
MESSAGE_NAMES = (
    "account_id", "public_id", "lease_token", "lease_owner", "connection_id", "order_id", "purpose", "state", "generation",
    "taken", "due_at", "attempts", "words", "created_at",
)  # fmt: skip


_parts_of: Final[Callable[[Address], tuple[str, ...]]] = attrgetter(*Address.__slots__)


def address_json(address: Address) -> dict[str, str]:
    """Return the filled fields of an address under CartRover's names."""
    parts = _parts_of(address)
    return dict(zip(compress(Address.__slots__, parts), filter(None, parts), strict=True))


def ship_name(address: Address) -> str:
    """Return the name that lists show: the person, else the company."""
    return (f"{address.first_name} {address.last_name}".strip() or address.company)[:200]


TOTALS = ("sub_total", "shipping_handling", "order_discount", "sales_tax", "grand_total")


def _amounts(draft: OrderDraft) -> tuple[Decimal, ...]:
    sub_total = Decimal(0)
    for line in draft.lines:
        if line.price is not None:
            sub_total += line.price * line.quantity
    grand_total = sub_total + draft.shipping_charge + draft.tax - draft.discount
    return sub_total, draft.shipping_charge, draft.discount, draft.tax, grand_total


def draft_totals(draft: OrderDraft) -> dict[str, Decimal]:
    """Return the header amounts as CartRover defines them (CartRover reference 1.8): lines, shipping, discount, tax, sum."""
    return dict(zip(TOTALS, map(money, _amounts(draft)), strict=True))


def order_rows(
    drafts: Sequence[OrderDraft],
    *,
    ids: Mapping[str, int],
    account_id: int,
    source_id: int,
    wms_id: int | None,
    document_id: int | None,
    refs: Mapping[str, str],
    holds: Mapping[str, Hold | None],
    now: Any,
) -> Iterator[Sequence[Any]]:
    """Yield the values of ORDER_NAMES. A held order has no message yet and is NEW; the others are READY.

    Ids, short numbers and holds are given by external id, `now` is an `instant_value`.
    """
    for draft, public_id in zip(drafts, new_ids(len(drafts)), strict=True):
        hold = holds[draft.external_id]
        yield (
            ids[draft.external_id], account_id, public_id, source_id, draft.external_id[:200], draft.alternate_id[:200],
            draft.cust_po_no[:200], refs[draft.external_id], NEW if hold else READY, hold.reason.value if hold else "",
            hold.words if hold else "", now if hold else None, draft.is_test, draft.retailer_id[:100],
            draft.retailer_name[:200],
            draft.customer_code[:120], draft.order_date and draft.order_date.isoformat(),
            draft.ship_by and draft.ship_by.isoformat(), draft.currency[:3], ship_name(draft.ship_to),
            json_text(address_json(draft.ship_to)), json_text(address_json(draft.bill_to)), draft.ship_code[:100],
            draft.ship_carrier[:100], draft.ship_method[:100], draft.notes, *map(amount_text, _amounts(draft)),
            draft.expected_lines, json_text(draft.extra), draft.content_hash, document_id, draft.row, wms_id, "", "", "", 0,
            now, now,
        )  # fmt: skip


def line_rows(lines: Sequence[LineDraft], *, account_id: int, order_id: int) -> Iterator[Sequence[Any]]:
    """Yield the values of LINE_NAMES, numbered in the file's order."""
    for line_no, (line, public_id) in enumerate(zip(lines, new_ids(len(lines)), strict=True), start=1):
        yield (
            account_id, public_id, order_id, line_no, line.line_id[:100], line.item[:200], "", line.upc[:40], line.title,
            line.quantity, None if line.price is None else amount_text(line.price, 4), json_text(line.extra), line.row, "",
            "", 0, 0, 0, 0,
        )  # fmt: skip


def event_rows(
    drafts: Sequence[OrderDraft],
    *,
    account_id: int,
    connection_id: int,
    ids: Mapping[str, int],
    holds: Mapping[str, Hold | None],
    document_name: str,
    actor: str,
    now: Any,
) -> Iterator[Sequence[Any]]:
    """Yield the values of EVENT_NAMES: for each draft that it was loaded, and that it is held where it is."""
    public_ids = iter(new_ids(2 * len(drafts)))
    for draft in drafts:
        order_id, hold = ids[draft.external_id], holds[draft.external_id]
        words = f"Loaded from row {draft.row} of {document_name}." if document_name else "Loaded from an import."
        yield (
            account_id, next(public_ids), order_id, connection_id, now, "order.loaded", words, document_name, actor, "{}",
        )  # fmt: skip
        if hold is not None:
            yield (
                account_id, next(public_ids), order_id, connection_id, now, "order.held", f"Held: {hold.words}", "", "", "{}",
            )  # fmt: skip


def message_rows(order_ids: Sequence[int], *, account_id: int, connection_id: int, now: Any) -> Iterator[Sequence[Any]]:
    """Yield the values of MESSAGE_NAMES for deliveries that are due now."""
    for order_id, public_id in zip(order_ids, new_ids(len(order_ids)), strict=True):
        yield (
            account_id, public_id, "", "", connection_id, order_id, DELIVER, WAITING, 1, "", now, 0, "", now,
        )  # fmt: skip
