"""How the portal names statuses, holds and outcomes: the field's words, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import HoldReason, Purpose
from connectors.models import Connection, ConnectionState, Outcome, Service, ServiceName
from connectors.schedules import FACTS
from orders.models import AlertState, DocumentState, InboundState, MessagePurpose, MessageState, SupportState
from orders.states import Status

STATUS: dict[str, str] = {
    Status.NEW: "New",
    Status.AT_WMS: "At WMS",
    Status.PARTIAL: "Partial",
    Status.SHIPPED: "Shipped",
    Status.CONFIRMED: "Confirmed",
    Status.CANCELED: "Canceled",
    Status.ERROR: "Held",
}

HOLD: dict[str, str] = {
    HoldReason.UNKNOWN_SKU: "SKU unknown at the WMS",
    HoldReason.BAD_ADDRESS: "address can't be used",
    HoldReason.UNMAPPED_SHIP_METHOD: "shipping code not mapped",
    HoldReason.INCOMPLETE: "lines are missing",
    HoldReason.SUSPECTED_DUPLICATE: "may be a duplicate",
    HoldReason.NOT_LIVE: "waits to go live",
    HoldReason.REFUSED: "refused by the WMS",
    HoldReason.VOIDED_AT_WMS: "voided at the WMS",
    HoldReason.DUPLICATE_AT_WMS: "twice at the WMS",
    HoldReason.NO_ROUTE: "no WMS to send it to",
    HoldReason.GAVE_UP: "could not be delivered",
    HoldReason.INTERNAL: "trouble inside the hub",
    HoldReason.BY_PERSON: "held by a person",
}

OUTCOME: dict[str, str] = {
    Outcome.DONE: "Done",
    Outcome.PROBLEMS: "Done with problems",
    Outcome.NOTHING: "Nothing new",
    Outcome.BUSY: "Another worker was at it",
    Outcome.SLOWED: "Asked to slow down",
    Outcome.LATER: "Trying again",
    Outcome.BROKEN: "Connection broken",
    Outcome.PAUSED: "Paused",
    Outcome.FAILED: "Failed",
}

OUTCOME_TONE: dict[str, str] = {
    Outcome.DONE: "good",
    Outcome.PROBLEMS: "warn",
    Outcome.SLOWED: "warn",
    Outcome.LATER: "warn",
    Outcome.BROKEN: "bad",
    Outcome.FAILED: "warn",
}
"""Red only where a person must act: what mends itself is amber, what needs nobody has no colour."""

SIDE: dict[str, str] = {"cart": "Cart", "wms": "WMS"}

PURPOSE: dict[str, str] = {MessagePurpose.DELIVER: "Order to the WMS", MessagePurpose.CANCEL: "Cancellation to the WMS"}

MESSAGE: dict[str, str] = {
    MessageState.WAITING: "waits to be sent",
    MessageState.SENDING: "is being sent",
    MessageState.UNKNOWN: "outcome unknown, the WMS is asked",
    MessageState.DONE: "done",
    MessageState.HELD: "held",
    MessageState.DROPPED: "not needed any more",
}

TRY: dict[str, str] = {
    "": "no answer yet",
    "sent": "sent",
    "delivered": "sent",
    "adopted": "found at the WMS",
    "done": "done",
    "internal": "something went wrong inside the hub",
    "TryLater": "not executed, trying again",
    "SlowDown": "asked to slow down",
    "FixConnection": "connection broken",
    "FixOrder": "refused",
    "OutcomeUnknown": "outcome unknown",
    "AlreadyTaken": "number or key was used before",
    "BadDocument": "the answer can't be read",
    "not_begun": "not begun",
}
"""How an attempt ended; a name that isn't here is shown with its underscores as spaces."""

FILE: dict[str, str] = {
    DocumentState.READY: "waits to be sent",
    DocumentState.SENDING: "is being sent",
    DocumentState.UNKNOWN: "outcome unknown, the cart is asked",
    DocumentState.SENT: "in the cart's folder",
    DocumentState.TAKEN: "taken by the cart",
    DocumentState.HELD: "held",
    DocumentState.REPLACED: "replaced by a newer one",
}

FILE_TONE: dict[str, str] = {
    DocumentState.UNKNOWN: "warn",
    DocumentState.TAKEN: "good",
    DocumentState.HELD: "bad",
}

FILE_IN: dict[str, str] = {
    InboundState.SEEN: "seen, may still grow",
    InboundState.WANTED: "waits to be fetched",
    InboundState.FETCHED: "waits to be read",
    InboundState.READ: "read",
    InboundState.REFUSED: "can't be read",
    InboundState.GONE: "gone before it was fetched",
    InboundState.REPLACED: "replaced before it was fetched",
}

FILE_IN_TONE: dict[str, str] = {InboundState.READ: "good", InboundState.REFUSED: "bad", InboundState.GONE: "bad"}

FILE_ABOUT: dict[str, str] = {
    Purpose.SHIPMENTS: "Shipments",
    Purpose.INVOICES: "Invoices",
    Purpose.STOCK: "Inventory",
    Purpose.CANCELS: "Cancellations",
}

ALERT: dict[str, str] = {AlertState.OPEN: "Open", AlertState.DISMISSED: "Dismissed", AlertState.RESOLVED: "Resolved"}

SUPPORT: dict[str, str] = {
    SupportState.OPEN: "Open",
    SupportState.IN_PROGRESS: "In progress",
    SupportState.WAITING_FOR_YOU: "Waiting for you",
    SupportState.DONE: "Done",
    SupportState.WITHDRAWN: "Withdrawn",
}

SUPPORT_TONE: dict[str, str] = {SupportState.WAITING_FOR_YOU: "warn", SupportState.DONE: "good"}

SKIPPED: dict[str, str] = {
    "too_old": "Too old",
    "canceled_at_source": "Canceled before it came",
    "test_order": "Test order",
    "refused_row": "Can't be read",
}


def service_label(name: str) -> str:
    """Return the service's name as people say it."""
    return FACTS[ServiceName(name)].label


def connection_words(connection: Connection) -> tuple[str, str]:
    """Return how a connection stands, and the tone of it."""
    match ConnectionState(connection.state):
        case ConnectionState.OK:
            return "Connected", "good"
        case ConnectionState.NEW:
            return "Not tested yet", "quiet"
        case ConnectionState.PAUSED:
            return "Paused", "quiet"
        case ConnectionState.DISCONNECTED:
            return "Disconnected", "quiet"
        case ConnectionState.BROKEN:
            waits = connection.probe_at is not None and not connection.needs_person
            return ("Broken, trying again", "warn") if waits else ("Needs you", "bad")


def next_run_words(service: Service, connection: Connection) -> str:
    """Return why a service has no time for its next run; "" when it has one."""
    if service.every in ("off", ""):
        return "off"
    if connection.state == ConnectionState.BROKEN:
        return "when the connection works"
    if connection.state != ConnectionState.OK:
        return "when the connection is switched on"
    if service.due_at is None:
        return "when there is something to send" if service.every == "automatic" else "not planned"
    return ""


SAID_FIRST = ("orders", "lines", "sent", "adopted", "confirmed", "shipments", "invoices", "canceled", "skus", "files", "rows")
"""What a reader looks for first. PostgreSQL gives counts back in an order of its own, so pages have theirs."""


def counts_said(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return what was counted under the words of pages, without noughts, the most telling first."""
    known = [name for name in SAID_FIRST if counts.get(name)]
    others = sorted(name for name, number in counts.items() if number and name not in SAID_FIRST)
    return [(_counted(name, counts[name]), counts[name]) for name in (*known, *others)]


def _counted(name: str, number: int) -> str:
    said = name.replace("_", " ").replace("skus", "SKUs")
    return said.removesuffix("s") if number == 1 else said
