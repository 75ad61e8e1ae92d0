"""What a DSCO connection asks for, and the names of the columns in DSCO's files.

Source: DSCO reference 2 (SFTP side, default file names), 3 (orders), 4 (imports).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Field, FieldKind, Purpose

DEFAULT_PORTS: Mapping[str, int] = {"sftp": 22, "ftps": 21, "ftp": 21}

DELIMITERS: Mapping[str, str] = {"comma": ",", "tab": "\t", "pipe": "|"}
"""What the setting `delimiter` says, and the character that it means."""

EXTENSIONS: Mapping[str, str] = {"comma": ".csv", "tab": ".tab", "pipe": ".psv"}
"""DSCO tells the delimiter of a file from its extension. Source: DSCO reference 1."""

ORDER_EXTENSIONS = (".csv", ".tab", ".psv", ".gz")
"""Only such files of the order folder are orders; packing slips lie beside them as PDF."""

PATTERN_FIELDS: Mapping[Purpose, str] = {
    Purpose.SHIPMENTS: "shipment_file_pattern",
    Purpose.INVOICES: "invoice_file_pattern",
    Purpose.STOCK: "inventory_file_pattern",
    Purpose.CANCELS: "cancel_file_pattern",
}

CANCEL_CODES = (
    ("CXSS", "CXSS: out of stock"),
    ("CXSD", "CXSD: discontinued"),
    ("CXSN", "CXSN: not enough stock"),
    ("CXSB", "CXSB: bad or incorrect address"),
    ("CXSI", "CXSI: invalid ship instructions"),
    ("CXST", "CXST: can't ship on time"),
    ("CXSC", "CXSC: canceled at the retailer's request"),
    ("CXSO", "CXSO: other"),
)
"""The supplier's codes. Which of them a retailer accepts is between the two. Source: DSCO reference 4, Cancel."""


def port_of(settings: Mapping[str, Any]) -> int:
    """Return the port to connect to: the one that was set, else the protocol's own."""
    return int(settings.get("port") or DEFAULT_PORTS[settings.get("protocol") or "sftp"])


def delimiter_of(settings: Mapping[str, Any]) -> str:
    """Return the character between the columns of the files that are sent."""
    return DELIMITERS[settings.get("delimiter") or "comma"]


def extension_of(settings: Mapping[str, Any]) -> str:
    """Return the extension that says so."""
    return EXTENSIONS[settings.get("delimiter") or "comma"]


ACCESS_FIELDS = (
    Field(
        name="ftp_server",
        label="FTP server",
        kind=FieldKind.HOST,
        required=True,
        default="sftp.dsco.io",
        help="As DSCO shows it under Automation > FTP (or SFTP).",
    ),
    Field(name="ftp_username", label="FTP username", required=True, help="Often “account” and ten digits."),
    Field(name="ftp_password", label="FTP password", kind=FieldKind.SECRET, required=True),
    Field(
        name="protocol",
        label="Protocol",
        kind=FieldKind.CHOICE,
        default="sftp",
        choices=(("sftp", "SFTP"), ("ftps", "FTP with TLS (FTPS)"), ("ftp", "FTP, unencrypted")),
        help="SFTP, unless a server of your own can't. FTP sends the password and your buyers' addresses in the clear.",
    ),
    Field(
        name="port",
        label="Port",
        kind=FieldKind.INTEGER,
        minimum=1,
        maximum=65535,
        help="Leave empty for the protocol's own: 22 for SFTP, 21 for FTP and FTPS.",
    ),
    Field(
        name="allow_self_signed_tls",
        label="Accept a self-signed certificate",
        kind=FieldKind.BOOLEAN,
        default="no",
        advanced=True,
        help="FTPS only, for a server of your own. Nobody then vouches that it is the right server.",
    ),
)

FOLDER_FIELDS = (
    Field(
        name="order_folder",
        label="Order folder",
        required=True,
        default="out",
        help="Where DSCO's order export job puts its files.",
    ),
    Field(
        name="order_archive_folder",
        label="Order archive folder",
        default="out/archive",
        advanced=True,
        help="Where DSCO moves order files once somebody has downloaded them, and keeps them for 60 days.",
    ),
    Field(
        name="upload_folder",
        label="Upload folder",
        required=True,
        default="in",
        help="Where DSCO's import jobs look for your files.",
    ),
    Field(
        name="processing_folder",
        label="Processing folder",
        default="in/processing",
        advanced=True,
        help="Where a file lies while DSCO works on it.",
    ),
    Field(
        name="upload_archive_folder",
        label="Upload archive folder",
        default="in/archive",
        advanced=True,
        help="Where DSCO puts the files that it has worked on.",
    ),
)

FILE_FIELDS = (
    Field(
        name="order_file_pattern",
        label="Order file names",
        required=True,
        default="Purchase_Order_*",
        help="As in DSCO's order export job; * stands for any text, capitals don't matter. Other files are left alone.",
    ),
    Field(
        name="shipment_file_pattern",
        label="Shipment file names",
        required=True,
        default="Shipment_*",
        advanced=True,
        help="* becomes the time (UTC) and a short id. The names must match the pattern of the import job in DSCO.",
    ),
    Field(name="invoice_file_pattern", label="Invoice file names", required=True, default="Invoice_*", advanced=True),
    Field(name="inventory_file_pattern", label="Inventory file names", required=True, default="Inventory_*", advanced=True),
    Field(name="cancel_file_pattern", label="Cancellation file names", required=True, default="Cancel_*", advanced=True),
    Field(
        name="delimiter",
        label="Columns of sent files are separated by",
        kind=FieldKind.CHOICE,
        default="comma",
        choices=(("comma", "Comma (.csv)"), ("tab", "Tab (.tab)"), ("pipe", "Pipe (.psv)")),
        advanced=True,
        help="Order files may have any of the three: it is told from the file.",
    ),
    Field(
        name="cancel_code",
        label="Reason told for cancellations",
        kind=FieldKind.CHOICE,
        choices=CANCEL_CODES,
        help="What DSCO is told when something will not ship; cancellations wait until you choose. Retailers differ in the "
        "codes that they accept: ask yours.",
    ),
    Field(
        name="upload_mode",
        label="How files are put there",
        kind=FieldKind.CHOICE,
        default="auto",
        choices=(
            ("auto", "Under a temporary name, then renamed; directly where renaming is refused"),
            ("rename", "Always under a temporary name, then renamed"),
            ("direct", "Directly under the final name"),
        ),
        advanced=True,
        help="Renaming keeps DSCO from reading a file that is still being written.",
    ),
)

FIELDS = (*ACCESS_FIELDS, *FOLDER_FIELDS, *FILE_FIELDS)

# --- columns of order files --------------------------------------------------------------------------------------------------

ESSENTIAL = ("po_number", "line_item_sku", "line_item_quantity")
"""Without these a file can't be read as orders."""

IDENTITY = ("dsco_order_id", "dsco_retailer_id", "dsco_trading_partner_id")
"""What tells orders of equal PO number apart: a PO number is unique per retailer only. Source: DSCO reference 3."""

ID_SEPARATOR = "|"
"""Between retailer and PO number, where the two name an order. DSCO's own ids are digits."""

LINE_PREFIX = "line_item_"
LINE_COLUMNS_WITHOUT_PREFIX = frozenset({"dsco_item_id"})

KNOWN = frozenset({
    *ESSENTIAL, *IDENTITY, "line_item_line_number", "line_item_upc", "line_item_title", "line_item_expected_cost",
    "number_of_line_items", "ship_first_name", "ship_last_name", "ship_company", "ship_address_1", "ship_city", "ship_region",
    "ship_postal", "ship_country", "ship_carrier", "ship_method", "shipping_service_level_code", "retailer_create_date",
    "ship_by_date", "test_flag", "consumer_order_number", "dsco_order_status", "dsco_retailer_name", "dsco_create_date",
})  # fmt: skip
"""Names by which the header of an order file, and its delimiter, are recognised."""

ORDER_DATES = ("retailer_create_date", "consumer_order_date", "dsco_create_date")
"""When the order was placed: the first of these that is there."""

COUPONS = ("coupon_amount_1", "coupon_amount_2", "coupon_amount_3")

NOTES = ("ship_instructions", "message")
"""Free text for whoever packs the order, told as the order's notes."""

DESTINATION = (
    "ship_name", "ship_attention", "ship_first_name", "ship_last_name", "ship_company", "ship_address_1", "ship_address_2",
    "ship_address_3", "ship_city", "ship_region", "ship_postal", "ship_country",
)  # fmt: skip

MUST_AGREE = frozenset({*DESTINATION, "po_number", "dsco_retailer_id"})
"""Rows of one order that contradict each other here can't be one parcel's order; elsewhere the first row is right."""

DELIVERED_EXTRAS = (
    "gift_flag", "gift_message", "gift_to_name", "gift_from_name", "gift_wrap_flag", "gift_wrap_message", "marketing_message",
    "packing_instructions", "packing_slip_message", "returns_message", "signature_required_flag", "required_delivery_date",
    "expected_delivery_date", "ship_store_number", "shipping_account_number", "requested_warehouse_code",
)  # fmt: skip
"""Extra columns that change what is packed or where it goes: a change of them is a change of the order."""

DELIVERED_LINE_EXTRAS = (
    "line_item_gift_flag", "line_item_gift_message", "line_item_gift_to_name", "line_item_gift_from_name",
    "line_item_personalization", "line_item_packing_instructions", "line_item_ship_instructions", "line_item_message",
    "line_item_warehouse_code",
)  # fmt: skip
"""The same for the columns of a line."""

# --- columns of the files that are sent --------------------------------------------------------------------------------------

SHIPMENT_COLUMNS = (
    "po_number", "dsco_order_id", "line_item_line_number", "line_item_sku", "line_item_upc", "line_item_quantity",
    "package_tracking_number", "package_ship_carrier", "package_ship_method", "shipping_service_level_code",
    "package_ship_date",
)  # fmt: skip

INVOICE_COLUMNS = (
    "invoice_id", "po_number", "dsco_order_id", "invoice_date", "invoice_total_amount", "invoice_currency_code",
    "line_item_line_number", "line_item_sku", "line_item_upc", "line_item_title", "line_item_unit_price", "line_item_quantity",
    "line_item_ship_date", "line_item_tracking_number", "line_item_ship_carrier", "line_item_ship_method",
    "line_item_shipping_service_level_code",
)  # fmt: skip

STOCK_COLUMNS = ("sku", "upc", "quantity_available", "status")

CANCEL_COLUMNS = (
    "po_number", "dsco_order_id", "line_item_line_number", "line_item_sku", "line_item_cancel_code", "line_item_cancel_reason",
    "line_item_status_quantity",
)  # fmt: skip
