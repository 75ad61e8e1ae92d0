"""From stored orders to the objects that programs read: pure. Source: CartRover reference 1.7.1 and 1.7.2.

A cart's program sees its own SKUs and shipping codes, one of the merchant or of a warehouse the WMS's; the other side's stand
in
`alt_sku`, `orig_ship_code` and `working_ship_code`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import HoldReason
from orders.api.new_order_fields import ADDRESS_PARTS, AMOUNTS, EXTRA, FLAGS, KEPT, LINE_AMOUNTS, LINE_KEPT, NEVER_KEPT, TEXTS
from orders.api.values import amount_out, flag_out, kept_amount, map_out, moment_out
from orders.models import Order, OrderLine, Shipment, ShipmentLine
from orders.rules.countries import three_letters
from orders.states import OrderState

Package = tuple[Shipment, Sequence[ShipmentLine]]


@dataclass(frozen=True, slots=True)
class Shown:
    """An order with all that is shown of it. `wms_skus` and `wms_code` are what the WMS calls its SKUs and its shipping
    code.
    """

    order: Order
    lines: Sequence[OrderLine]
    packages: Sequence[Package]
    wms_skus: Mapping[str, str]
    wms_code: str
    is_pushed: bool = False
    """True where a program pushed it in: its number is then the source's own id."""
    cancel_asked: bool = False
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the WMS's SKU: its other codes, by what they are called."""


@dataclass(frozen=True, slots=True)
class Include:
    """What a program asks for beyond an order's own fields."""

    order_extras: bool = False
    line_extras: bool = False
    aliases: bool = False
    filtered_items: bool = False
    """Taken and of no effect: filtered lines don't exist here."""


def order_object(shown: Shown, include: Include, *, for_cart: bool) -> dict[str, Any]:
    """Return one order whole."""
    order = shown.order
    pushed = shown.is_pushed
    return {
        "record_no": None if pushed else order.external_id,
        "version": None,
        "format": None,
        "cust_ref": order.cust_ref,
        "cust_ref_original": order.external_id if pushed else None,
        "cust_po_no": order.cust_po_no,
        "cust_po_no_original": None,
        "po_number": None if pushed else order.cust_po_no,
        "shipment_pk": None,
        "inventory_warehouse_pk": None,
        **_address("ship", order.ship_to, order.extra),
        **_address("cust", order.bill_to, order.extra),
        **_kept(order),
        **_amounts(order),
        "customer_id": order.customer_code or None,
        "order_source": order.source.name,
        "order_date": order.order_date.isoformat() if order.order_date else None,
        "requested_ship_date": order.ship_by.isoformat() if order.ship_by else None,
        "latest_ship_date": order.ship_by.isoformat() if order.ship_by else None,
        "shipping_instructions": order.notes or None,
        "currency_code": order.currency or None,
        **_shipping(order, shown.wms_code, for_cart=for_cart),
        **_state(order, shown),
        **_audit(order),
        **_regional(order),
        "items": [_line(line, shown, include, for_cart=for_cart) for line in shown.lines],
        "shipments": [shipment_object(package, shown, for_cart=for_cart) for package in shown.packages],
        **({"extra_fields": map_out(_extra_of(order.extra, KEPT))} if include.order_extras else {}),
    }


def listed_order(shown: Shown, include: Include, *, for_cart: bool) -> dict[str, Any]:
    """Return one order as lists have it, with what is ordered, shipped and left."""
    ordered = sum(line.quantity for line in shown.lines)
    shipped = sum(line.quantity for _, lines in shown.packages for line in lines)
    return {
        **order_object(shown, include, for_cart=for_cart),
        "total_qty": str(ordered),
        # Below zero where more was shipped than ordered, as programs know it.
        "num_to_ship": str(ordered - shipped),
        "num_shipped": str(shipped),
    }


def status_object(shown: Shown, *, for_cart: bool) -> dict[str, Any]:
    """Return where one order stands, with its packages."""
    order = shown.order
    return {
        "cust_ref": order.cust_ref,
        "cust_po_no": order.cust_po_no,
        "delivered_to_wms_date": moment_out(order.delivered_at),
        "updated_date_time": moment_out(order.updated_at),
        "ship_country": three_letters(order.ship_to.get("country", "")) or None,
        "order_status": str(order.status),
        "shipments": [shipment_object(package, shown, for_cart=for_cart) for package in shown.packages],
    }


# --- parts of an order -------------------------------------------------------------------------------------------------------


def _address(prefix: str, parts: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {f"{prefix}_{part}": parts.get(part) or None for part in ADDRESS_PARTS}
    found[f"{prefix}_title"] = extra.get(f"{prefix}_title")
    found[f"{prefix}_country"] = three_letters(parts.get("country", "")) or None
    return found


def _kept(order: Order) -> dict[str, Any]:
    """Return the fields that were kept as they came; what isn't kept at all is there, and empty."""
    texts = {name: order.extra.get(name) for name in TEXTS if not name.endswith("_title")}
    flags = {name: order.extra.get(name, "N" if name == "routing_sw" else None) for name in FLAGS}
    return {**texts, **flags, **dict.fromkeys(NEVER_KEPT), "pay_type": texts["pay_type"] or "CA"}


def _amounts(order: Order) -> dict[str, Any]:
    """Return the header's amounts: as pushed where the source said them, else as the lines come to (CartRover reference
    1.8).
    """
    pushed = {name: kept_amount(order.extra.get(name), 2) for name in AMOUNTS}
    return {
        **pushed,
        "sub_total": pushed["sub_total"] or amount_out(order.sub_total),
        "order_discount": amount_out(order.order_discount),
        "shipping_handling": amount_out(order.shipping_handling),
        "sales_tax": amount_out(order.sales_tax),
        "grand_total": pushed["grand_total"] or amount_out(order.grand_total),
        "balance": pushed["balance"] or "0.00",
        "pre_auth_amt": pushed["pre_auth_amt"] or "0.00",
    }


def _shipping(order: Order, wms_code: str, *, for_cart: bool) -> dict[str, Any]:
    return {
        "ship_code": order.ship_code if for_cart else wms_code,
        "ship_code_description": order.ship_method or None,
        "working_ship_code": wms_code or None,
        "orig_ship_code": order.ship_code or None,
        "carrier": order.ship_carrier or None,
        "orig_carrier": order.ship_carrier or None,
        "ship_account_zip": None,
    }


def _state(order: Order, shown: Shown) -> dict[str, Any]:
    is_error = bool(order.hold) and order.hold != HoldReason.NOT_LIVE
    waits = order.hold == HoldReason.NOT_LIVE or (order.state == OrderState.CANCELED)
    return {
        "order_status": str(order.status),
        "on_hold": flag_out(bool(order.hold)),
        "sending_canceled": flag_out(waits),
        "shipping_pickup_canceled": "N",
        "num_failed_sends": "0",
        "error_code": order.hold if is_error else None,
        "error_msg": order.hold_words if is_error else None,
        "error_reason": order.hold if is_error else None,
        "cancel_requested": flag_out(shown.cancel_asked),
        "test_order": flag_out(order.is_test),
        "created_date_time": moment_out(order.created_at),
        "updated_date_time": moment_out(order.updated_at),
        "delivered_to_wms_date": moment_out(order.delivered_at),
        "mark_in_progress_date": None,
        "extra_system_date_sent": moment_out(order.confirmed_at),
        "cancel_date": moment_out(order.canceled_at),
        "delete_date": None,
    }


def _audit(order: Order) -> dict[str, Any]:
    return {
        "changed_by": f"Shopping Cart: {order.source.name}",
        "changed_from_server": None,
        "changed_by_user": None,
        "log_documents_in": None,
        "log_documents_out": None,
        "mark_in_progress_log": None,
    }


def _regional(order: Order) -> dict[str, Any]:
    return {
        "sent_to_region": None,
        "accepted_by_region": None,
        "regional_retry_sw": "N",
        "regional_error": None,
        "regional_attempts": "0",
    }


def _line(line: OrderLine, shown: Shown, include: Include, *, for_cart: bool) -> dict[str, Any]:
    sku = wms_sku_of(line, shown.wms_skus)
    item, other = (line.item, sku) if for_cart else (sku, line.item)
    amounts = {name: kept_amount(line.extra.get(name, "0"), places) for name, places in LINE_AMOUNTS.items()}
    if "extended_amount" not in line.extra and line.price is not None:
        amounts["extended_amount"] = amount_out(line.price * line.quantity)
    return {
        "line_no": line.extra.get("line_no") or str(line.line_no),
        "item": item,
        "lot_number": line.extra.get("lot_number"),
        "quantity": str(line.quantity),
        "price": amount_out(line.price, 4) or "0.0000",
        **amounts,
        "line_item_id": line.extra.get("line_item_id"),
        "line_comment": line.extra.get("line_comment"),
        "Description": line.title or None,
        "alt_sku": other if other != item else None,
        "filtered_sku": "N",
        "line_location": "",
        **({"extra_fields": map_out(_extra_of(line.extra, LINE_KEPT))} if include.line_extras else {}),
        **({"aliases": map_out(shown.aliases.get(sku, {}))} if include.aliases else {}),
    }


def wms_sku_of(line: OrderLine, wms_skus: Mapping[str, str]) -> str:
    """Return the SKU that the WMS knows a line under: the one it was sent under, else the one that would be sent now."""
    return line.wms_item or line.chosen_item or wms_skus.get(line.item, line.item)


def _extra_of(extra: Mapping[str, str], own_names: frozenset[str]) -> dict[str, str]:
    return {name.removeprefix(EXTRA): text for name, text in extra.items() if name not in own_names}


# --- packages ----------------------------------------------------------------------------------------------------------------

PACKAGE_TEXTS = (
    "tracking_no_secondary", "sscc_barcode", "bill_of_lading", "zone", "delivery_surcharge_type", "whs_location", "custom_1",
    "custom_2", "custom_3",
)  # fmt: skip
PACKAGE_AMOUNTS = (
    "total_cost", "package_weight_lbs", "dim_weight_lbs", "box_length_in", "box_width_in", "box_height_in",
)  # fmt: skip
CONTENT_TEXTS = ("carton_code", "carton_num", "lot_code", "custom_1")
CONTENT_AMOUNTS = ("box_length_in", "box_width_in", "box_height_in", "package_weight_lbs")


def shipment_object(package: Package, shown: Shown, *, for_cart: bool) -> dict[str, Any]:
    """Return one package with its contents."""
    shipment, contents = package
    details = shipment.details or {}
    return {
        "carrier": shipment.carrier or None,
        "method": shipment.service or None,
        "tracking_no": shipment.tracking_number or None,
        **{name: details.get(name) for name in PACKAGE_TEXTS},
        **{name: kept_amount(details.get(name), 2) for name in PACKAGE_AMOUNTS},
        "date": moment_out(shipment.shipped_at or shipment.remote_updated_at),
        "tracking_url": shipment.tracking_url or None,
        "items": [_content(row, shown, for_cart=for_cart) for row in contents],
    }


def _content(row: ShipmentLine, shown: Shown, *, for_cart: bool) -> dict[str, Any]:
    line, details = row.line, row.details or {}
    item = None if line is None else line.item if for_cart else wms_sku_of(line, shown.wms_skus)
    return {
        "item": item,
        "quantity": str(row.quantity),
        **{name: details.get(name) for name in CONTENT_TEXTS},
        **{name: kept_amount(details.get(name), 2) for name in CONTENT_AMOUNTS},
    }
