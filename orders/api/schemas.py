"""The shapes of what comes in and goes out, for the API's description and the test that holds every answer against it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, create_model

from orders.api.new_order_fields import ADDRESS_PARTS, AMOUNTS, FLAGS, LINE_AMOUNTS, NEVER_KEPT, TEXTS
from orders.api.order_out import CONTENT_AMOUNTS, CONTENT_TEXTS, PACKAGE_AMOUNTS, PACKAGE_TEXTS

Number = Annotated[float | str, Field(description="A number, or a text that is one.")]
Flag = Annotated[str | bool, Field(description="Y or N; true and false are taken as well.")]
Texts = dict[str, str]
EmptyMap = Annotated[list[Any], Field(max_length=0, description="An empty map.")]


class Refused(Schema):
    """A request that was refused, and changed nothing. It comes with status 200 unless the key, the size or the address is
    wrong.
    """

    success_code: Literal[False]
    error_code: Literal["Invalid", "Failure", "RateLimit"]
    message: str
    status_message: str


class Done(Schema):
    success_code: Literal[True]


class PlainAnswer(Done):
    """It is done."""

    model_config = ConfigDict(extra="allow")


# --- orders in ---------------------------------------------------------------------------------------------------------------

_LINE_IN: dict[str, Any] = {
    "item": (str, Field(description="Product code or alias.", min_length=1, max_length=200)),
    "quantity": (Number, ...),
    "line_no": (Number | None, None),
    "description": (str | None, None),
    "price": (Number | None, None),
    **dict.fromkeys(LINE_AMOUNTS, (Number | None, None)),
    "line_comment": (str | None, None),
    "lot_number": (str | None, None),
    "line_item_id": (str | None, None),
    "extra_fields": (Texts | None, None),
}
NewOrderLine = create_model("NewOrderLine", __base__=Schema, **_LINE_IN)

_ORDER_IN: dict[str, Any] = {
    "cust_ref": (str, Field(description="The order's number, unique in this cart.", min_length=1, max_length=200)),
    "cust_po_no": (str | None, Field(None, description="The full order number; the same as cust_ref where it is left out.")),
    **{f"ship_{part}": (str | None, None) for part in ADDRESS_PARTS},
    **{f"ship_{part}": (str, Field(min_length=1)) for part in ("address_1", "city", "state", "zip", "country")},
    "ship_is_billing": (Flag | None, Field(None, description="Y: the billing party is the ship-to.")),
    **{f"cust_{part}": (str | None, None) for part in ADDRESS_PARTS},
    "customer_id": (str | None, None),
    "order_source": (str | None, None),
    "order_date": (str | None, Field(None, description="As 2026-11-30; today where it is left out.")),
    "requested_ship_date": (str | None, None),
    "shipping_instructions": (str | None, None),
    "ship_code": (str | None, Field(None, description="The cart's own shipping code.")),
    "ship_code_description": (str | None, None),
    "carrier": (str | None, None),
    "currency_code": (str | None, None),
    **{name: (str | None, None) for name in TEXTS if not name.endswith("_title")},
    **dict.fromkeys(FLAGS, (Flag | None, None)),
    **dict.fromkeys((*AMOUNTS, "order_discount", "shipping_handling", "sales_tax"), (Number | None, None)),
    **{name: (str | None, Field(None, description="Taken and never kept.")) for name in NEVER_KEPT},
    "test_order": (Flag | None, Field(None, description="Y: a test order, which runs through in test mode. This hub's own.")),
    "extra_fields": (Texts | None, None),
    "items": (list[NewOrderLine], Field(min_length=1)),  # type: ignore[valid-type]  # made a few lines above
}
NewOrder: Any = create_model("NewOrder", __base__=Schema, __doc__="An order as a cart pushes it.", **_ORDER_IN)

NewOrderBody = NewOrder | list[NewOrder]
BatchBody = list[NewOrder]


class Named(Schema):
    cust_ref: str


CancelBody = Named | list[Named]


class Tracking(Schema):
    tracking_no: str


class ConfirmBody(Schema):
    order_status: Literal["confirmed"]
    shipments: list[Tracking] | None = None


class NewOrderAnswer(Done):
    """What the order is called from now on. A list of several orders is answered as a batch."""

    cust_ref: str | None = None
    order_number: str | None = None
    response: BatchResult | None = None


class BatchDone(Schema):
    cust_ref: str
    cust_po_no: str


class BatchFailed(Schema):
    cust_ref: str | None
    cust_po_no: str | None
    index_pos: int | None = None
    message: str


class BatchResult(Schema):
    success: list[BatchDone]
    failed: list[BatchFailed]


class BatchAnswer(Done):
    response: BatchResult


# --- orders out --------------------------------------------------------------------------------------------------------------

_CONTENT: dict[str, Any] = {
    "item": (str | None, ...),
    "quantity": (str, ...),
    **dict.fromkeys((*CONTENT_TEXTS, *CONTENT_AMOUNTS), (str | None, ...)),
}
PackageItem = create_model("PackageItem", __base__=Schema, **_CONTENT)
_PACKAGE: dict[str, Any] = {
    **dict.fromkeys(("carrier", "method", "tracking_no", *PACKAGE_TEXTS, *PACKAGE_AMOUNTS), (str | None, ...)),
    "date": (str | None, ...),
    "tracking_url": (str | None, ...),
    "items": (list[PackageItem], ...),  # type: ignore[valid-type]  # made a few lines above
}
Package: Any = create_model("Package", __base__=Schema, __doc__="One package with what is in it.", **_PACKAGE)

_LINE: dict[str, Any] = {
    "line_no": (str, ...),
    "item": (str, ...),
    "lot_number": (str | None, ...),
    "quantity": (str, ...),
    "price": (str | None, Field(description="With four decimals.")),
    **dict.fromkeys(LINE_AMOUNTS, (str | None, ...)),
    **dict.fromkeys(("line_item_id", "line_comment", "Description", "alt_sku", "line_location"), (str | None, ...)),
    "filtered_sku": (Literal["Y", "N"], ...),
    "extra_fields": (Texts | EmptyMap | None, None),
    "aliases": (Texts | EmptyMap | None, None),
}
OrderLineOut = create_model("OrderLine", __base__=Schema, **_LINE)

_YES_NO = Literal["Y", "N"]
_TEXTS_OUT = (
    "record_no", "version", "format", "cust_ref_original", "cust_po_no", "cust_po_no_original", "po_number", "shipment_pk",
    "inventory_warehouse_pk", "customer_id", "order_date", "requested_ship_date", "latest_ship_date", "shipping_instructions",
    "currency_code", "ship_code", "ship_code_description", "working_ship_code", "orig_ship_code", "carrier", "orig_carrier",
    "ship_account_zip", "error_code", "error_msg", "error_reason", "created_date_time", "updated_date_time",
    "delivered_to_wms_date", "mark_in_progress_date", "extra_system_date_sent", "cancel_date", "delete_date", "changed_by",
    "changed_from_server", "changed_by_user", "log_documents_in", "log_documents_out", "mark_in_progress_log",
    "sent_to_region", "accepted_by_region", "regional_error",
)  # fmt: skip
_ORDER: dict[str, Any] = {
    "cust_ref": (str, ...),
    "order_source": (str, ...),
    "order_status": (str, ...),
    **dict.fromkeys(_TEXTS_OUT, (str | None, ...)),
    **{f"{side}_{part}": (str | None, ...) for side in ("ship", "cust") for part in ADDRESS_PARTS},
    **dict.fromkeys((*TEXTS, *FLAGS, *AMOUNTS, *NEVER_KEPT), (str | None, ...)),
    **{name: (str, Field(description="With two decimals.")) for name in ("order_discount", "shipping_handling", "sales_tax")},
    **dict.fromkeys(("on_hold", "sending_canceled", "shipping_pickup_canceled", "regional_retry_sw"), (_YES_NO, ...)),
    "cancel_requested": (_YES_NO, Field(description="Y: somebody asked the WMS to cancel it. This hub's own.")),
    "test_order": (_YES_NO, Field(description="This hub's own.")),
    "num_failed_sends": (str, ...),
    "regional_attempts": (str, ...),
    "items": (list[OrderLineOut], ...),  # type: ignore[valid-type]  # made a few lines above
    "shipments": (list[Package], ...),
    "extra_fields": (Texts | EmptyMap | None, None),
}
OrderObject: Any = create_model("Order", __base__=Schema, __doc__="An order with its lines and packages.", **_ORDER)
ListedOrder: Any = create_model(
    "ListedOrder",
    __base__=OrderObject,
    **dict.fromkeys(("total_qty", "num_to_ship", "num_shipped"), (str, ...)),  # type: ignore[call-overload]  # by name
)


class OrderStatus(Schema):
    cust_ref: str
    cust_po_no: str
    delivered_to_wms_date: str | None
    updated_date_time: str | None
    ship_country: str | None
    order_status: str
    shipments: list[Package]


class OrderAnswer(Done):
    response: OrderObject


class OrderListAnswer(Done):
    response: list[ListedOrder]


class StatusAnswer(Done):
    response: OrderStatus


class CancelOutcome(Schema):
    success: bool
    message: str


class CancelAnswer(Done):
    response: CancelOutcome


NewOrderAnswer.model_rebuild()


# --- what a warehouse posts --------------------------------------------------------------------------------------------------

_POSTED_ITEM: dict[str, Any] = {
    "item": (str, Field(description="The WMS's SKU, or the cart's.", min_length=1)),
    "quantity": (Number, ...),
    "line_no": (Number | None, Field(None, description="Tells lines of one SKU apart.")),
    **dict.fromkeys(CONTENT_TEXTS, (str | None, None)),
    **dict.fromkeys(CONTENT_AMOUNTS, (Number | None, None)),
}
PostedItem = create_model("PostedItem", __base__=Schema, **_POSTED_ITEM)
_POSTED_PACKAGE: dict[str, Any] = {
    "shipment_id": (
        str | None,
        Field(None, description="What the warehouse calls the package; the tracking number if left out."),
    ),
    **dict.fromkeys(("carrier", "method", "tracking_no", "tracking_url", *PACKAGE_TEXTS), (str | None, None)),
    "date": (str | None, Field(None, description="When it left; now if left out.")),
    **dict.fromkeys(PACKAGE_AMOUNTS, (Number | None, None)),
    "items": (list[PostedItem] | None, Field(None, description="What it holds; of a single package all that is left.")),  # type: ignore[valid-type]  # made above
}
PostedPackage: Any = create_model("PostedPackage", __base__=Schema, **_POSTED_PACKAGE)


class UpdateBody(Schema):
    order_status: Literal["at_wms", "shipped", "partial", "canceled", "error"]
    wms_order_no: str | None = None
    error_msg: str | None = None
    shipments: list[PostedPackage] | None = None


class UpdateAnswer(Done):
    cust_ref: str
    order_status: str


class PostedPlace(Schema):
    warehouse: str
    qty_available: Number
    qty_on_hand: Number | None = None
    wms_datetime: str | None = None


class PostedStock(Schema):
    """The stock of a SKU: in `warehouses`, or in one place by itself."""

    sku: str = Field(min_length=1)
    qty_available: Number | None = None
    qty_on_hand: Number | None = None
    warehouse: str | None = None
    wms_datetime: str | None = None
    warehouses: list[PostedPlace] | dict[str, PostedPlace] | None = None


class PostedAlias(Schema):
    code_type: str
    code: str


class PostedProduct(Schema):
    sku: str = Field(min_length=1)
    name: str | None = None
    description: str | None = None
    retail_price: Number | None = None
    wholesale_price: Number | None = None
    weight_lbs: Number | None = None
    wms_product_main_id: str | None = None
    upc: str | None = None
    aliases: list[PostedAlias] | None = None


InventoryBody = PostedStock | list[PostedStock]
ProductBody = PostedProduct | list[PostedProduct]


class CountAnswer(Done):
    count: int


class LevelCountAnswer(CountAnswer):
    older: int | None = None


# --- stock and products out --------------------------------------------------------------------------------------------------


class Place(Schema):
    warehouse: str
    qty_available: int
    qty_on_hand: int
    wms_datetime: str


class Stock(Schema):
    sku: str
    qty_available: int
    qty_on_hand: int
    wms_datetime: str
    aliases: Texts | EmptyMap
    warehouses: dict[str, Place]


class OnePlace(Schema):
    warehouse: str
    qty_available: str
    qty_on_hand: str
    wms_datetime: str


class OneStock(Schema):
    """As in the list, but with quantities as texts and without aliases."""

    sku: str
    qty_available: str
    qty_on_hand: str
    wms_datetime: str
    warehouses: dict[str, OnePlace]


class InventoryAnswer(Done):
    response: list[Stock]


class OneStockAnswer(Done):
    response: OneStock


class Product(Schema):
    sku: str
    name: str | None
    description: str | None
    retail_price: float | None
    wholesale_price: float | None
    weight_lbs: float | None
    wms_product_main_id: str | None
    last_updated_datetime: str
    aliases: list[PostedAlias]


class ProductAnswer(Done):
    response: Product


# --- set-up ------------------------------------------------------------------------------------------------------------------


class Cart(Schema):
    order_source: str
    cart_type: str
    live: Literal["Y", "N"]
    state: str
    created_date_time: str


class Kind(Schema):
    cart_type: str
    name: str


class CartMethod(Schema):
    cart_code: str
    wms_code: str | None = None


class WmsMethod(Schema):
    carrier: str
    code: str
    description: str


class PostedMethod(Schema):
    code: str = Field(min_length=1)
    carrier: str | None = None
    description: str | None = None


class Merchant(Schema):
    merchant_pk: int
    name: str
    organization: str
    organization_type: str
    created_date_time: str


class MerchantBody(Schema):
    name: str = Field(min_length=1, max_length=200)


class AccountBody(MerchantBody):
    organization_type: Literal["merchant", "fulfillment"] = "merchant"


CartMethodsBody = list[CartMethod]
WmsMethodsBody = list[PostedMethod]


class CartListAnswer(Done):
    response: list[Cart]


class KindListAnswer(Done):
    response: list[Kind]


class CartMethodsAnswer(Done):
    response: list[CartMethod]


class WmsMethodsAnswer(Done):
    response: list[WmsMethod]


class MerchantListAnswer(Done):
    response: list[Merchant]


class MerchantAnswer(Done):
    response: Merchant
