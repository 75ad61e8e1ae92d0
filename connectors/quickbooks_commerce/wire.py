"""How QuickBooks Commerce speaks: paths, statuses, paging, numbers, dates and error bodies. Pure.

Source: QuickBooks Commerce reference sections 2 (conventions) and 3 (resources).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

API_URL = "https://api.tradegecko.com"
AUTHORIZE_URL = "https://commerce.intuit.com/oauth/authorize"
TOKEN_URL = "https://api.tradegecko.com/oauth/token"  # noqa: S105 - an address
"""Where the service lived until it closed; kept as defaults because merchants' notes name them."""

ACCOUNT = "/accounts/current"
USER = "/users/current"
COMPANIES = "/companies"
ADDRESSES = "/addresses"
CURRENCIES = "/currencies"
LOCATIONS = "/locations"
VARIANTS = "/variants"
ORDERS = "/orders"
ORDER_LINES = "/order_line_items"
FULFILLMENTS = "/fulfillments"
FULFILLMENT_LINES = "/fulfillment_line_items"
INVOICES = "/invoices"
INVOICE_LINES = "/invoice_line_items"

MOST_PER_PAGE = 250
"""The largest page that the API gives. Source: section 2.3."""

IDS_PER_REQUEST = 200
"""Ids in one address: 200 of ten digits stay below 4 KB, which every server between us takes."""

LONGEST_ID = 40
"""Ids are whole numbers of up to ten digits; what is much longer is none."""

SKUS_PER_REQUEST = 100
TEXT_PER_REQUEST = 3000
"""Bounds of the address of a look-up by SKU, before percent-encoding, which can triple it. A 414 is split further."""

ORDER_STATUSES = ("draft", "active", "finalized", "fulfilled", "void", "deleted")
"""All six must be named: lists of later years may leave the dead ones out. Source: section 4.6."""

FULFILLMENT_STATUSES = ("packed", "fulfilled", "void", "deleted")
INVOICE_DEAD_STATUSES = ("void", "deleted", "archived")

IDEMPOTENCY_HEADER = "Idempotency-Key"
DUPLICATE_KEY = "duplicate idempotency"
"""How the message of a repeated key begins, in any case. Source: section 2.8."""

Params = list[tuple[str, str]]


class BadValue(ValueError):
    """A value of an answer that can't mean what it should; the words name what it was read as."""


# --- numbers and dates -------------------------------------------------------------------------------------------------------


def decimal_of(value: Any) -> Decimal | None:
    """Read a decimal, which comes as text or as a number; None for null and blank."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise BadValue(f"{str(value)[:40]!r} is not a number") from None
    if not number.is_finite():
        raise BadValue(f"{str(value)[:40]!r} is not a number")
    return number


def whole_of(value: Any) -> int:
    """Read a quantity of whole pieces ("2.0", 2). Raise BadValue for a part of a piece, for null and for words."""
    number = decimal_of(value)
    if number is None:
        raise BadValue("the quantity is missing")
    if number != number.to_integral_value():
        raise BadValue(f"the quantity {number:f} is not a whole number")
    return int(number)


def money_text(amount: Decimal) -> str:
    """Write an amount in plain digits with at least two decimals, and no more than say something: 12.5, 12.5000 -> "12.50"."""
    digits = f"{amount.normalize():f}"
    return digits if len(digits.partition(".")[2]) >= 2 else f"{amount:.2f}"


def stamp_of(value: Any) -> datetime | None:
    """Read an instant as aware UTC; None for null and blank."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        stamp = datetime.fromisoformat(value.strip())
    except ValueError:
        raise BadValue(f"{value[:40]!r} is not a time") from None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def stamp_text(stamp: datetime) -> str:
    """Write an instant as the API does: UTC with milliseconds and Z, rounded down so that nothing falls behind a bound."""
    return stamp.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(value: Any) -> date | None:
    """Read a plain date, or the date part, as written, of an instant; None for null and blank."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        raise BadValue(f"{value[:40]!r} is not a date") from None


def text_of(value: Any) -> str:
    """Read a text or a number as text; null is blank."""
    return "" if value is None else str(value).strip()


def id_of(value: Any) -> str:
    """Read an id, a whole number or a short text, as text. Raise BadValue where there is none."""
    text = text_of(value)
    if not text:
        raise BadValue("the id is missing")
    if isinstance(value, bool) or not isinstance(value, int | str) or len(text) > LONGEST_ID:
        raise BadValue(f"{text[:40]!r} is not an id")
    return text


def wire_id(text: str) -> int | str:
    """Write an id: a number as the API has them, anything else as it came."""
    return int(text) if text.isascii() and text.isdigit() else text


# --- lists -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paging:
    """What the X-Pagination header says; None where it doesn't (recorded answers lack some keys). Source: section 2.3."""

    total: int | None = None
    is_last: bool | None = None


def paging_of(header: str | None) -> Paging:
    """Read the X-Pagination header; an unreadable one says nothing."""
    try:
        told = json.loads(header or "{}")
    except ValueError:
        return Paging()
    if not isinstance(told, dict):
        return Paging()
    total = told.get("total_records")
    last = told.get("last_page")
    if told.get("out_of_bounds") is True:
        last = True
    return Paging(
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        is_last=last if isinstance(last, bool) else None,
    )


def rows_of(body: Any, root: str) -> list[dict[str, Any]]:
    """Return the objects below a plural root. Raise BadValue when the answer isn't a list of objects."""
    rows = body.get(root) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadValue(f"there is no list of {root} in it")
    return rows


def sideloaded(body: Any, root: str) -> list[dict[str, Any]]:
    """Return objects that come beside a list; the key is absent where there are none. Source: section 2.2."""
    rows = body.get(root) if isinstance(body, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def several(name: str, values: Iterable[str]) -> Params:
    """Write a filter with several texts: name[]=a&name[]=b. Source: section 2.4."""
    return [(f"{name}[]", value) for value in values]


def joined(name: str, ids: Iterable[str]) -> Params:
    """Write a filter with several ids: name=1,2. Source: section 2.4."""
    return [(name, ",".join(ids))]


def chunks(values: Sequence[str], *, most: int, most_text: int | None = None) -> Iterator[list[str]]:
    """Cut a list into pieces of at most so many values and so many characters; a longer value stands alone."""
    piece: list[str] = []
    length = 0
    for value in values:
        if piece and (len(piece) >= most or (most_text is not None and length + len(value) > most_text)):
            yield piece
            piece, length = [], 0
        piece.append(value)
        length += len(value)
    if piece:
        yield piece


# --- refusals ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error body says: messages by attribute ("base" = the whole object), or one message. Source: section 2.7."""

    status: int
    message: str = ""
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_duplicate_key(self) -> bool:
        return any(DUPLICATE_KEY in words.lower() for words in self.all_words())

    def all_words(self) -> Iterator[str]:
        """Give every message of the body."""
        yield self.message
        for messages in self.errors.values():
            yield from messages

    def attributes(self, *names: str) -> bool:
        """Say whether an attribute of this name, or one that begins or ends with it as a part, is complained about."""
        return any(set(names) & {attribute, *_parts(attribute)} for attribute in self.errors)


def _parts(attribute: str) -> list[str]:
    return [part.split("[", 1)[0] for part in attribute.split(".")]


def refusal_of(status: int, body: Any) -> Refusal:
    """Read an error body of any known shape: {errors: {attribute: [..]}}, {type, message}, {error, error_description}."""
    if not isinstance(body, dict):
        return Refusal(status)
    errors: dict[str, tuple[str, ...]] = {}
    told = body.get("errors")
    if isinstance(told, dict):
        for attribute, messages in _flat("", told):
            errors[attribute] = errors.get(attribute, ()) + messages
    elif told:
        errors["base"] = _messages(told)
    spoken = [body.get(name) for name in ("message", "error_description", "error")]
    message = next((text for text in spoken if isinstance(text, str) and text), "")
    return Refusal(status, message, errors)


def _flat(prefix: str, told: Mapping[Any, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for attribute, messages in told.items():
        name = f"{prefix}{attribute}"
        items = messages if isinstance(messages, list) else [messages]
        for nested in (item for item in items if isinstance(item, dict)):
            yield from _flat(f"{name}.", nested)
        plain = [item for item in items if not isinstance(item, dict)]
        if plain:
            yield name, _messages(plain)


def _messages(told: Any) -> tuple[str, ...]:
    items = told if isinstance(told, list) else [told]
    return tuple(item if isinstance(item, str) else json.dumps(item, sort_keys=True) for item in items)
