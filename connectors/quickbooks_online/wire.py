"""How QuickBooks Online speaks: addresses, queries, numbers, times and faults. Pure.

Source: QuickBooks Online reference 9.1 to 9.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

HOSTS = {
    "production": "https://quickbooks.api.intuit.com",
    "sandbox": "https://sandbox-quickbooks.api.intuit.com",
}
"""Where the API is, by environment."""

PAGES = {"production": "https://qbo.intuit.com", "sandbox": "https://sandbox.qbo.intuit.com"}
"""Where people see the same company in a browser."""

AUTHORIZE_URL = "https://appcenter.intuit.com/connect/oauth2"
TOKEN_URL = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
REVOKE_URL = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
SCOPE = "com.intuit.quickbooks.accounting"

MINOR_VERSION = "75"
"""The oldest that counts since August 2025; named so that a later one changes nothing behind our back."""

PAGE = 1000
"""Rows of one answer to a query, the most that there may be."""

CDC_MOST = 1000
"""Objects in one answer of change data capture; one that is full may lack some."""

CDC_DAYS = 29
"""How far back change data capture is asked; it tells of thirty days."""

QUERIES_PER_BATCH = 30

TEXTS_PER_QUERY = 100
IDS_PER_QUERY = 300

LONGEST_NUMBER = 21
LONGEST_PO_NUMBER = 25
LONGEST_CUSTOM = 31
LONGEST_METHOD = 31
LONGEST_NOTE = 4000
LONGEST_MESSAGE = 1000
LONGEST_KEY = 50
"""Lengths in characters. Not in a stored source, but what the API's users report."""

SALES = ("Invoice", "SalesReceipt", "Estimate")
"""What an order may become."""

SHIPPING_ITEM = "SHIPPING_ITEM_ID"
"""Stands for the shipping charge of a sales form, which is no item of the list."""

Row = dict[str, Any]
Params = list[tuple[str, str]]


class BadValue(ValueError):
    """A value of an answer that can't mean what it should; the words name what it was read as."""


# --- values ------------------------------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """Return a value as text; "" for null, and for what is no plain value."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).strip()


def id_of(value: Any) -> str:
    """Return an id. Raise BadValue where there is none."""
    text = text_of(value)
    if not text or len(text) > 40:
        raise BadValue("the id is missing" if not text else f"{text[:40]!r} is not an id")
    return text


def ref_of(value: Any) -> str:
    """Return the id that a reference names; "" for none."""
    return text_of(value.get("value")) if isinstance(value, dict) else ""


def decimal_of(value: Any) -> Decimal | None:
    """Read a number; None for null and blank. Raise BadValue for what is none."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise BadValue(f"{str(value)[:40]!r} is not a number") from None
    if not number.is_finite():
        raise BadValue(f"{str(value)[:40]!r} is not a number")
    return number


def number_out(value: Decimal) -> int | float:
    """Write a number as JSON has it."""
    return int(value) if value == value.to_integral_value() else float(value)


def stamp_of(value: Any) -> datetime | None:
    """Read an instant as aware UTC; None for null and blank."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        stamp = datetime.fromisoformat(value.strip())
    except ValueError:
        raise BadValue(f"{value[:40]!r} is not a time") from None
    return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)


def day_of(value: Any) -> date | None:
    """Read a day; None for null and blank."""
    text = text_of(value)
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BadValue(f"{text[:40]!r} is not a day") from None


def stamp_text(stamp: datetime) -> str:
    """Write an instant for a question: whole seconds, rounded down, so that nothing falls behind a bound."""
    return stamp.astimezone(UTC).isoformat(timespec="seconds")


def changed_at(row: Mapping[str, Any]) -> datetime:
    """Return when a row was last changed. Raise BadValue where it doesn't say."""
    meta = row.get("MetaData")
    stamp = stamp_of(meta.get("LastUpdatedTime")) if isinstance(meta, dict) else None
    if stamp is None:
        raise BadValue("it has no time of change")
    return stamp


# --- queries -----------------------------------------------------------------------------------------------------------------


def quoted_text(value: str) -> str:
    """Write a text as a query has it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def select(entity: str, *, what: str = "*", where: str = "", order: str = "", start: int = 0, most: int = 0) -> str:
    """Write a query; what is left out stays out."""
    parts = ["select", what, "from", entity]
    for word, value in (("where", where), ("orderby", order), ("startposition", start), ("maxresults", most)):
        if value:
            parts += [word, str(value)]
    return " ".join(parts)


def one_of(name: str, values: Iterable[str]) -> str:
    """Write the condition that an attribute is one of these."""
    return f"{name} in ({', '.join(quoted_text(value) for value in values)})"


def chunks(values: Sequence[str], most: int) -> Iterator[list[str]]:
    """Cut a list into pieces of at most so many."""
    for start in range(0, len(values), most):
        yield list(values[start : start + most])


# --- faults ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a fault says: its first error. `status` is that of the HTTP answer, 200 included. Source: section 9.3."""

    status: int
    code: str = ""
    message: str = ""
    detail: str = ""
    element: str = ""
    kind: str = ""

    @property
    def words(self) -> str:
        """The longer of what is said."""
        return self.detail or self.message or "no reason given"


def refusal_of(status: int, body: Any) -> Refusal | None:
    """Read a fault in either spelling, whatever the status; None for an answer that holds none."""
    fault = body.get("Fault") or body.get("fault") if isinstance(body, dict) else None
    if not isinstance(fault, dict):
        return None if 200 <= status < 300 else Refusal(status)
    errors = fault.get("Error") or fault.get("error")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    told = {name.lower(): text_of(value) for name, value in first.items()}
    return Refusal(
        status=status,
        code=told.get("code", ""),
        message=told.get("message", ""),
        detail=told.get("detail", ""),
        element=told.get("element", ""),
        kind=text_of(fault.get("type")),
    )
