"""From drafts to rows as `loader.insert_parts` takes them: pure, a chunk of drafts at a time.

The larger part of each row is the draft's alone and is made before the transaction begins; ids, short numbers and holds are put
before it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress
from operator import attrgetter
from typing import Any, Final

from cartrover.ids import new_ids
from connectors.contract import Address, LineDraft, OrderDraft
from orders.models import MessagePurpose, MessageState
from orders.pipeline.loader import amount_text, json_text, money
from orders.pipeline.route import Hold
from orders.pipeline.row_parts import Part, RowParts
from orders.states import OrderState

# Members of enumerations as plain texts: SQLite's driver asks for an adapter of anything else, row by row.
NEW, READY = OrderState.NEW.value, OrderState.READY.value
DELIVER, WAITING = MessagePurpose.DELIVER.value, MessageState.WAITING.value

ORDER_NAMES = (
    "id", "cust_ref", "state", "hold", "hold_words", "held_at", "wms_id", "created_at", "updated_at",
    "public_id", "external_id", "alternate_id", "cust_po_no", "retailer_id", "retailer_name", "customer_code", "currency",
    "ship_name", "ship_to", "bill_to", "ship_code", "ship_carrier", "ship_method", "notes", "extra", "content_hash",
    "wms_order_id", "wms_number", "wms_state",
    "account_id", "source_id", "document_id", "row", "is_test", "order_date", "ship_by", "sub_total", "shipping_handling",
    "order_discount", "sales_tax", "grand_total", "expected_lines", "shipped_quantity",
)  # fmt: skip
LINE_NAMES = (
    "order_id",
    "public_id", "line_id", "item", "wms_item", "chosen_item", "upc", "title", "extra", "external_id",
    "account_id", "line_no", "quantity", "price", "row", "shipped", "canceled", "told", "invoiced",
)  # fmt: skip
EVENT_NAMES = ("order_id", "at", "public_id", "kind", "words", "document_name", "actor", "data", "account_id", "connection_id")
MESSAGE_NAMES = (
    "order_id",
    "public_id", "lease_token", "lease_owner", "purpose", "state", "taken", "words",
    "account_id", "connection_id", "generation", "due_at", "attempts", "created_at",
)  # fmt: skip
"""First what is known in the transaction only, then what a draft alone decides; of each first texts, then the rest."""


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


@dataclass(slots=True)
class DraftRows:
    """A draft, and the parts of its rows that it decides alone: of the order, of each line, of the event that tells of it."""

    draft: OrderDraft
    order: Part
    lines: list[Part]
    loaded: Part


@dataclass(frozen=True, slots=True)
class Load:
    """What is the same for all orders of a load."""

    account_id: int
    source_id: int
    document_id: int | None
    document_name: str
    actor: str
    parts: RowParts


def draft_rows(load: Load, drafts: Sequence[OrderDraft]) -> list[DraftRows]:
    """Make of drafts what can be made without the database."""
    public_ids = iter(new_ids(sum(2 + len(draft.lines) for draft in drafts)))
    return [
        DraftRows(
            draft,
            _order_part(load, draft, next(public_ids)),
            line_parts(load.parts, load.account_id, draft.lines, public_ids),
            _event_part(load, next(public_ids), "order.loaded", _loaded_words(load, draft), load.document_name, load.actor),
        )
        for draft in drafts
    ]


def _order_part(load: Load, draft: OrderDraft, public_id: str) -> Part:
    return load.parts.part(
        (
            public_id, draft.external_id[:200], draft.alternate_id[:200], draft.cust_po_no[:200], draft.retailer_id[:100],
            draft.retailer_name[:200], draft.customer_code[:120], draft.currency[:3], ship_name(draft.ship_to),
            json_text(address_json(draft.ship_to)), json_text(address_json(draft.bill_to)), draft.ship_code[:100],
            draft.ship_carrier[:100], draft.ship_method[:100], draft.notes, json_text(draft.extra), draft.content_hash, "", "",
            "",
        ),
        (
            load.account_id, load.source_id, load.document_id, draft.row, draft.is_test,
            draft.order_date and draft.order_date.isoformat(), draft.ship_by and draft.ship_by.isoformat(),
            *map(amount_text, _amounts(draft)), draft.expected_lines, 0,
        ),
    )  # fmt: skip


def line_parts(parts: RowParts, account_id: int, lines: Sequence[LineDraft], public_ids: Iterator[str]) -> list[Part]:
    """Return what follows the order's id in the rows of its lines, numbered in the file's order."""
    return [
        parts.part(
            (
                public_id, line.line_id[:100], line.item[:200], "", "", line.upc[:40], line.title, json_text(line.extra), "",
            ),
            (
                account_id, line_no, line.quantity, None if line.price is None else amount_text(line.price, 4), line.row,
                0, 0, 0, 0,
            ),
        )
        for line_no, (line, public_id) in enumerate(zip(lines, public_ids, strict=False), start=1)
    ]  # fmt: skip


def _loaded_words(load: Load, draft: OrderDraft) -> str:
    return f"Loaded from row {draft.row} of {load.document_name}." if load.document_name else "Loaded from an import."


def _event_part(load: Load, public_id: str, kind: str, words: str, document_name: str, actor: str) -> Part:
    return load.parts.part((public_id, kind, words, document_name, actor, "{}"), (load.account_id, load.source_id))


# --- rows --------------------------------------------------------------------------------------------------------------------


def order_rows(
    load: Load,
    made: Iterable[DraftRows],
    *,
    ids: Mapping[str, int],
    refs: Mapping[str, str],
    holds: Mapping[str, Hold | None],
    wms_id: int | None,
    now: Any,
) -> list[Part]:
    """Return the rows of ORDER_NAMES. A held order has no message yet and is NEW; the others are READY.

    Ids, short numbers and holds are given by external id, `now` is an `instant_value`.
    """
    first, part = load.parts
    states: dict[Hold | None, Part] = {}

    def state_of(hold: Hold | None) -> Part:
        if hold not in states:
            held = (NEW, hold.reason.value, hold.words) if hold else (READY, "", "")
            states[hold] = part(held, (now if hold else None, wms_id, now, now))
        return states[hold]

    rows = []
    for one in made:
        key = one.draft.external_id
        rows.append(first(ids[key]) + part((refs[key],), ()) + state_of(holds[key]) + one.order)
    return rows


def line_rows(load: Load, made: Iterable[DraftRows], ids: Mapping[str, int]) -> list[Part]:
    """Return the rows of LINE_NAMES."""
    rows = []
    for one in made:
        begin = load.parts.first(ids[one.draft.external_id])
        rows += [begin + line for line in one.lines]
    return rows


def event_rows(
    load: Load, made: Sequence[DraftRows], *, ids: Mapping[str, int], holds: Mapping[str, Hold | None], now: Any
) -> list[Part]:
    """Return the rows of EVENT_NAMES: for each draft that it was loaded, and that it is held where it is."""
    first, part = load.parts
    at = part((), (now,))
    public_ids = iter(new_ids(len(made)))
    rows = []
    for one in made:
        begin = first(ids[one.draft.external_id]) + at
        rows.append(begin + one.loaded)
        if hold := holds[one.draft.external_id]:
            rows.append(begin + _event_part(load, next(public_ids), "order.held", f"Held: {hold.words}", "", ""))
    return rows


def message_rows(load: Load, order_ids: Sequence[int], *, connection_id: int, now: Any) -> list[Part]:
    """Return the rows of MESSAGE_NAMES for deliveries that are due now."""
    first, part = load.parts
    rest = (load.account_id, connection_id, 1, now, 0, now)
    return [
        first(order_id) + part((public_id, "", "", DELIVER, WAITING, "", ""), rest)
        for order_id, public_id in zip(order_ids, new_ids(len(order_ids)), strict=True)
    ]
