"""Settings that the hub adds to every connection, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.contract import ConnectorSpec, Field, FieldKind, Side

CART_FIELDS: tuple[Field, ...] = (
    Field(
        name="earliest_order_date",
        label="Earliest order date",
        kind=FieldKind.DATE,
        help="Orders placed before this day are skipped, with the reason. Set it to the day on which you switch over.",
    ),
    Field(
        name="unmapped_ship_codes",
        label="Shipping codes that are not mapped",
        kind=FieldKind.CHOICE,
        default="pass",
        choices=(("pass", "Pass on as they are"), ("hold", "Hold the order until the code is mapped")),
    ),
    Field(
        name="hold_incomplete",
        label="Hold orders with fewer lines than announced",
        kind=FieldKind.BOOLEAN,
        default="yes",
        help="Lines that come in later files are added, and the order goes out once it is whole.",
        advanced=True,
    ),
    Field(
        name="minimum_stock",
        label="Minimum stock",
        kind=FieldKind.INTEGER,
        default="0",
        minimum=0,
        maximum=1_000_000,
        help="Below this quantity the cart is told 0. At 5, a quantity of 4 is told as 0 and 5 as 5.",
    ),
    Field(
        name="tell_all_products",
        label="Tell the stock of all products",
        kind=FieldKind.BOOLEAN,
        default="no",
        help="No: only of the SKUs that this cart has ordered at least once.",
    ),
    Field(
        name="gone_status",
        label="What the WMS no longer has is told as",
        kind=FieldKind.CHOICE,
        default="out-of-stock",
        choices=(("out-of-stock", "Out of stock"), ("discontinued", "Discontinued")),
        help="A SKU that was removed from the WMS is told with quantity 0 and this status.",
        advanced=True,
    ),
    Field(
        name="subtract_held_orders",
        label="Take held orders off the stock",
        kind=FieldKind.BOOLEAN,
        default="no",
        help="Orders that wait to be delivered are always taken off; held ones only when this is yes.",
        advanced=True,
    ),
    Field(
        name="stock_drop_guard_percent",
        label="Stop when so many SKUs fall to 0 at once (percent)",
        kind=FieldKind.INTEGER,
        default="20",
        minimum=0,
        maximum=100,
        help="When more than this share of the SKUs (and more than 10) would be told as 0 at once, nothing is sent and you are "
        "asked. 100 switches the guard off.",
        advanced=True,
    ),
    Field(
        name="invoices_from",
        label="Invoices come from",
        kind=FieldKind.CHOICE,
        default="wms",
        choices=(("wms", "The WMS"), ("shipments", "Each shipment, at the order's prices")),
        help="Choose shipments where the WMS makes no invoices.",
    ),
    Field(
        name="send_cancels_to_wms",
        label="Ask the WMS to cancel what the cart has canceled",
        kind=FieldKind.BOOLEAN,
        default="yes",
    ),
    Field(
        name="tracking_alert_hours",
        label="Alert when a shipment has no tracking after (hours)",
        kind=FieldKind.INTEGER,
        default="4",
        minimum=1,
        maximum=720,
        advanced=True,
    ),
    Field(
        name="taken_alert_hours",
        label="Alert when the cart has not taken a file after (hours)",
        kind=FieldKind.INTEGER,
        default="6",
        minimum=1,
        maximum=720,
        advanced=True,
    ),
)

WMS_FIELDS: tuple[Field, ...] = (
    Field(
        name="cust_ref_length",
        label="Longest order number",
        kind=FieldKind.INTEGER,
        default="16",
        minimum=4,
        maximum=64,
        help="A longer number of the cart is shortened; the full one always goes along as the reference.",
        advanced=True,
    ),
    Field(
        name="cust_ref_characters",
        label="Characters in order numbers",
        kind=FieldKind.CHOICE,
        default="letters_digits_hyphen",
        choices=(
            ("letters_digits_hyphen", "Letters, digits and hyphen"),
            ("letters_digits", "Letters and digits"),
            ("digits", "Digits"),
        ),
        advanced=True,
    ),
    Field(
        name="resend_after_seconds",
        label="Send again, when nothing was found, after (seconds)",
        kind=FieldKind.INTEGER,
        default="60",
        minimum=0,
        maximum=3600,
        help="An attempt to make an order or a customer that had no answer may still arrive. The hub looks for it first, and "
        "sends again once the attempt is so old.",
        advanced=True,
    ),
    Field(
        name="sends_at_once",
        label="Orders sent at once",
        kind=FieldKind.INTEGER,
        minimum=1,
        maximum=64,
        help="Empty: as many as suits the WMS.",
        advanced=True,
    ),
)

_OF_SIDE = {Side.CART: CART_FIELDS, Side.WMS: WMS_FIELDS}


def hub_fields_of(spec: ConnectorSpec) -> tuple[Field, ...]:
    """Return what the hub asks a connection of this kind beside the kind's own fields."""
    return (*_OF_SIDE.get(spec.side, ()), *_month_fields(spec))


def _month_fields(spec: ConnectorSpec) -> tuple[Field, ...]:
    if spec.limits is None or not spec.limits.monthly:
        return ()
    return (
        Field(
            name="monthly_requests",
            label="Requests that a month may cost",
            kind=FieldKind.INTEGER,
            default=str(spec.limits.monthly),
            minimum=0,
            maximum=2_000_000_000,
            help=f"As your plan at {spec.name} has it. You are warned at 80 % and when all are spent. 0: it has no limit.",
            advanced=True,
        ),
        Field(
            name="when_month_is_short",
            label="When they get short",
            kind=FieldKind.CHOICE,
            default="save",
            choices=(
                ("save", "Read less often, so that orders keep going out"),
                ("warn", "Only warn"),
            ),
            help="From 80 % on, tracking, invoices and stock are then read at most once an hour, and once in six hours when "
            "the month's requests are spent. Orders are sent for as long as they are taken.",
            advanced=True,
        ),
    )


def resend_after(settings: Mapping[str, Any]) -> timedelta:
    """Return how old an attempt without an outcome must be before it is repeated, by the settings of a connection."""
    seconds = settings.get("resend_after_seconds")
    return timedelta(seconds=60 if seconds is None else seconds)


def fields_of(spec: ConnectorSpec) -> tuple[Field, ...]:
    """Return all fields of a connection: the kind's own first, then the hub's, but for those that the kind declares itself."""
    own = {field.name for field in spec.fields}
    return (*spec.fields, *(field for field in hub_fields_of(spec) if field.name not in own))
