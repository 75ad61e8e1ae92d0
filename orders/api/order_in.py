"""From a pushed order to the draft that the pipeline loads: pure. Source: CartRover reference 1.7 and 1.8."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

from connectors.contract import Address, LineDraft, OrderDraft
from orders.api.envelope import Fault, invalid
from orders.api.new_order_fields import (
    ADDRESS_PARTS,
    AMOUNTS,
    EXTRA,
    FLAGS,
    KEPT,
    LINE_AMOUNTS,
    LINE_KEPT,
    LINE_TEXTS,
    REQUIRED,
    TEXTS,
)
from orders.api.values import Given, day_in, flag_in, flag_out, number_in, quantity_in, text_in
from orders.rules.countries import three_letters

MOST_LINES = 5000
MOST_PIECES = 2_000_000_000
MOST_EXTRA = 200
LONG_TEXT = 10_000
_PARTS = {prefix: [(f"{prefix}_{part}", part) for part in ADDRESS_PARTS if part != "title"] for prefix in ("ship", "cust")}
"""Names of an address's fields, with their parts of `Address`."""

LARGEST_TOTAL = Decimal("999999999999.99")
"""What an order can come to: no column holds more."""


def draft_in(given: Any, *, today: str) -> OrderDraft:
    """Return the draft of one pushed order; `today` (as 2026-11-30) is its date where it has none.

    Unknown keys are passed over. Raise `Fault` for an order that can't be taken.
    """
    if not isinstance(given, Mapping):
        raise invalid("An order must be an object.")
    _require(given)
    number = text_in(given, "cust_ref")
    ship_to, bill_to = _addresses(given)
    lines = _lines(given["items"])
    draft = OrderDraft(
        external_id=number,
        cust_ref=number,
        cust_po_no=text_in(given, "cust_po_no") or number,
        retailer_name=text_in(given, "order_source"),
        customer_code=text_in(given, "customer_id", 120),
        order_date=day_in(text_in(given, "order_date", 40) or today, "order_date"),
        ship_by=day_in(text_in(given, "requested_ship_date", 40), "requested_ship_date"),
        is_test=flag_in(given, "test_order"),
        currency=_currency(given),
        ship_to=ship_to,
        bill_to=bill_to,
        ship_code=text_in(given, "ship_code", 100),
        ship_carrier=text_in(given, "carrier", 100),
        ship_method=text_in(given, "ship_code_description", 100),
        notes=text_in(given, "shipping_instructions", LONG_TEXT),
        shipping_charge=number_in(given, "shipping_handling") or Decimal(0),
        discount=number_in(given, "order_discount") or Decimal(0),
        tax=number_in(given, "sales_tax") or Decimal(0),
        lines=lines,
        extra={**_kept(given), **_extra(given.get("extra_fields"), KEPT)},
    )
    _require_total(draft)
    draft.content_hash = _content_hash(given)
    return draft


def number_of(given: Any) -> tuple[str | None, str | None]:
    """Return the number and the full number of a pushed order as far as they can be read: to name it in a refusal."""
    if not isinstance(given, Mapping):
        return None, None
    try:
        return text_in(given, "cust_ref") or None, text_in(given, "cust_po_no") or None
    except Fault:
        return None, None


def _require(given: Given) -> None:
    missing = [name for name in REQUIRED if given.get(name) is None or given.get(name) == ""]
    named = ("ship_company", "ship_first_name", "ship_last_name")
    if not any(given.get(name) for name in named):
        missing.append("ship_company")
    items = given.get("items")
    if items == []:
        missing.append("items")
    if isinstance(items, Sequence) and not isinstance(items, str):
        for at, item in enumerate(items[:MOST_LINES]):
            if isinstance(item, Mapping):
                missing += [f"items[{at}].{name}" for name in ("item", "quantity") if item.get(name) in (None, "")]
    if missing:
        raise invalid(f"Order missing required field(s): {', '.join(missing[:50])}")


def _addresses(given: Given) -> tuple[Address, Address]:
    ship_to, bill_to = _address(given, "ship"), _address(given, "cust")
    return ship_to, replace(ship_to) if flag_in(given, "ship_is_billing") else bill_to


def _address(given: Given, prefix: str) -> Address:
    parts = {part: text_in(given, name) for name, part in _PARTS[prefix] if name in given}
    parts["country"] = three_letters(parts.get("country", ""))
    return Address(**parts)


def _currency(given: Given) -> str:
    code = text_in(given, "currency_code", 3).upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise invalid("currency_code must be three letters like USD.")
    return code


def _kept(given: Given) -> dict[str, str]:
    """Return the fields that the hub has no column for, as texts; what is unset is left out."""
    kept = {name: text_in(given, name, LONG_TEXT if name == "gift_message" else 500) for name in TEXTS if name in given}
    if not kept.get("cc_last_four"):
        kept["cc_last_four"] = "".join(sign for sign in str(given.get("credit_card_no") or "") if sign.isdigit())[-4:]
    kept |= {name: flag_out(flag_in(given, name)) for name in FLAGS if given.get(name) is not None}
    amounts = {name: number_in(given, name) for name in AMOUNTS if name in given}
    kept |= {name: f"{amount:f}" for name, amount in amounts.items() if amount is not None}
    return {name: text for name, text in kept.items() if text}


def _extra(given: Any, own_names: frozenset[str]) -> dict[str, str]:
    """Return extra fields with texts; those that are called like a field of the order are kept apart."""
    if given is None or given in ([], ""):
        return {}
    if not isinstance(given, Mapping):
        raise invalid("extra_fields must be an object of texts.")
    if len(given) > MOST_EXTRA:
        raise invalid(f"extra_fields has more than {MOST_EXTRA} entries.")
    found: dict[str, str] = {}
    for name, value in given.items():
        if len(name) > 200:
            raise invalid("extra_fields has a name that is longer than 200 characters.")
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
        if len(text) > LONG_TEXT:
            raise invalid(f"extra_fields.{name[:50]} is longer than {LONG_TEXT} characters.")
        found[f"{EXTRA}{name}" if name in own_names or name.startswith(EXTRA) else name] = text
    return found


def _lines(items: Any) -> list[LineDraft]:
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise invalid("items must be a list.")
    if len(items) > MOST_LINES:
        raise invalid(f"items has more than {MOST_LINES} lines.")
    return [_line(item, at) for at, item in enumerate(items)]


def _line(given: Any, at: int) -> LineDraft:
    where = f"items[{at}]."
    if not isinstance(given, Mapping):
        raise invalid(f"items[{at}] must be an object.")
    if "shipping_subcharge" in given and "shipping_surcharge" not in given:
        # As one known program spells it (CartRover reference 1.7).
        given = {**given, "shipping_surcharge": given["shipping_subcharge"]}
    quantity = quantity_in(given, "quantity", where=where)
    if quantity is None:
        raise invalid(f"Order missing required field(s): {where}quantity")
    line_no = text_in(given, "line_no", 100, where=where)
    extra = {name: text_in(given, name, 500, where=where) for name in LINE_TEXTS if name in given}
    amounts = {name: number_in(given, name, where=where) for name in LINE_AMOUNTS if name in given}
    extra |= {name: f"{amount:f}" for name, amount in amounts.items() if amount is not None}
    extra["line_no"] = line_no
    return LineDraft(
        line_id=line_no or str(at + 1),
        item=text_in(given, "item", where=where),
        quantity=quantity,
        price=number_in(given, "price", where=where),
        title=text_in(given, "description", LONG_TEXT, where=where),
        extra={**{name: text for name, text in extra.items() if text}, **_extra(given.get("extra_fields"), LINE_KEPT)},
    )


def _require_total(draft: OrderDraft) -> None:
    lines = sum((abs(line.price) * line.quantity for line in draft.lines if line.price is not None), Decimal(0))
    if lines + abs(draft.shipping_charge) + abs(draft.tax) + abs(draft.discount) > LARGEST_TOTAL:
        raise invalid(f"The order comes to more than {LARGEST_TOTAL:,}.")
    if sum(line.quantity for line in draft.lines) > MOST_PIECES:
        raise invalid(f"The order has more than {MOST_PIECES:,} pieces.")


def _content_hash(given: Given) -> str:
    return sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()
