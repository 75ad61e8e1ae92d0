"""What a warehouse's program calls for one merchant. Reading is as in CartRover; writing is this hub's own design.

Source: CartRover reference 1.7, (14) to (20), and 1.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ninja import Router

from cartrover.clock import hub_now
from connectors.contract import Side
from connectors.models import Connection, ConnectionState
from connectors.readers import calls_us
from orders.api import schemas, stock_reading
from orders.api.answering import order_answer, order_list_answer, status_answer
from orders.api.asking import paging_of
from orders.api.bodies import listed
from orders.api.callers import EVERYBODY, MERCHANTS, Caller
from orders.api.describing import INCLUDES, LISTING, PAGING, answers, described, parameter
from orders.api.door import Call, door
from orders.api.envelope import Answer, failure, invalid, plain_success, success
from orders.api.merchant_in import MOST_SKUS, levels_in, packages_in, product_in
from orders.api.order_reading import calling_kinds, find_order
from orders.api.values import text_in
from orders.models import Order
from orders.programs import posted, posted_stock

# An order's own address comes last: it fits all others below it as well.
router = Router(tags=["Merchant"])

WMS_PARAMETER = parameter("wms", "The name of the API WMS, where the merchant has several. This hub's own.")


@router.get(
    "/merchant/orders/status/{path:cust_ref}", response=answers(schemas.StatusAnswer), openapi_extra=described(merchant=True)
)
@door(EVERYBODY)
def merchant_order_status(request: Call, cust_ref: str) -> Answer:
    """Read where one order stands, with its packages."""
    return status_answer(request, cust_ref)


@router.get(
    "/merchant/orders/list/{status}",
    response=answers(schemas.OrderListAnswer),
    openapi_extra=described(query=LISTING, merchant=True),
)
@door(EVERYBODY)
def merchant_order_list(request: Call, status: str) -> Answer:
    """List the merchant's orders, of all carts, the oldest first.

    `new` holds what may be taken now: orders that are held, that wait to go live, or that go to a WMS which doesn't call this
    API
    aren't in it. SKUs and shipping codes are the WMS's. The header `total-records` says how many orders there are in all, up to
    10,000; with more it is left out. The last page is the one that isn't full.
    """
    return order_list_answer(request, status)


@router.post(
    "/merchant/orders/update/{path:cust_ref}",
    response=answers(schemas.UpdateAnswer),
    openapi_extra=described(body=schemas.UpdateBody, merchant=True),
)
@door(MERCHANTS, body=True)
def merchant_update(request: Call, cust_ref: str) -> Answer:
    """Say what the warehouse does with an order. This hub's own design.

    `at_wms`: it has the order now. `shipped` with `shipments`: these packages left; several calls may each tell of some.
    `canceled`: nothing more of it comes. `error` with `error_msg`: it can't be worked on, or (where a cancellation was asked
    for)
    it won't be canceled. Posting the same twice changes nothing; a package is known by its `shipment_id`, else by its tracking
    number.
    """
    if not isinstance(request.data, dict):
        raise invalid("The body must be an object with order_status.")
    order = find_order(request.caller, cust_ref)
    _require_calling(order)
    try:
        stands = _updated(order, request.data, request.caller.actor)
    except posted.NotPossible as problem:
        raise failure(str(problem)) from problem
    return plain_success(cust_ref=stands.cust_ref, order_status=str(stands.status))


def _updated(order: Order, data: dict[str, Any], actor: str) -> Order:
    status = text_in(data, "order_status")
    words = text_in(data, "error_msg", 1000)
    match status:
        case "at_wms":
            return posted.take(order, number=text_in(data, "wms_order_no", 100), actor=actor)
        case "shipped" | "partial":
            if not data.get("shipments"):
                raise invalid("shipments is missing: say what left.")
            return posted.ship(order, packages_in(data["shipments"]), actor=actor)
        case "canceled":
            return posted.cancel(order, because=words, actor=actor)
        case "error":
            if not words:
                raise invalid("error_msg is missing: say what is wrong with the order.")
            return posted.refuse(order, words=words, actor=actor)
    raise invalid("order_status must be at_wms, shipped, canceled or error.")


def _require_calling(order: Order) -> None:
    if order.wms is None or not calls_us(order.wms):
        name = order.wms.name if order.wms is not None else "no WMS yet"
        raise failure(f"Order {order.cust_ref} goes to {name}, which isn't an API WMS: it can't be changed here.")


@router.get(
    "/merchant/orders/{path:cust_ref}",
    response=answers(schemas.OrderAnswer),
    openapi_extra=described(query=INCLUDES, merchant=True),
)
@door(EVERYBODY)
def merchant_order(request: Call, cust_ref: str) -> Answer:
    """Read one order whole, with its lines and packages; a cart's key reads its own.

    Programs with one key for everything read what they have pushed here.
    """
    return order_answer(request, cust_ref)


# --- stock and products ------------------------------------------------------------------------------------------------------


@router.get(
    "/merchant/inventory", response=answers(schemas.InventoryAnswer), openapi_extra=described(query=PAGING, merchant=True)
)
@door(EVERYBODY)
def inventory(request: Call) -> Answer:
    """List the stock, in the order of the SKUs; at most 250 at once."""
    limit, page = paging_of(request, stock_reading.LARGEST_PAGE)
    return success(stock_reading.stock_page(request.caller, limit, page))


@router.get("/merchant/inventory/{path:sku}", response=answers(schemas.OneStockAnswer), openapi_extra=described(merchant=True))
@door(EVERYBODY)
def inventory_of(request: Call, sku: str) -> Answer:
    """Read the stock of one SKU; a cart asks by its own."""
    return success(stock_reading.stock_of(request.caller, sku))


@router.post(
    "/merchant/inventory",
    response=answers(schemas.LevelCountAnswer),
    openapi_extra=described(body=schemas.InventoryBody, query=[WMS_PARAMETER], merchant=True),
)
@door(MERCHANTS, body=True)
def post_inventory(request: Call) -> Answer:
    """Post the stock of one SKU or of up to 5,000; SKUs that aren't named stay as they are. This hub's own design.

    `wms_datetime` says when a SKU was counted, else it was now: orders that the WMS took later are taken off what carts are
    told. `count` says how many levels were taken, `older` how many were not, as a later count of them is known.
    """
    given = listed(request.data, MOST_SKUS, "SKUs")
    wms = own_wms(request.caller, request.GET.get("wms", ""))
    levels = levels_in(given, now=hub_now())
    count = posted_stock.store_levels(wms, levels)
    older = len(levels) - count
    return plain_success(count=count, **({"older": older} if older else {}))


@router.get("/merchant/product/{path:sku}", response=answers(schemas.ProductAnswer), openapi_extra=described(merchant=True))
@door(EVERYBODY)
def product(request: Call, sku: str) -> Answer:
    """Read one product; a cart asks by its own SKU."""
    return success(stock_reading.product_of(request.caller, sku))


@router.post(
    "/merchant/product",
    response=answers(schemas.CountAnswer),
    openapi_extra=described(body=schemas.ProductBody, query=[WMS_PARAMETER], merchant=True),
)
@door(MERCHANTS, body=True)
def post_product(request: Call) -> Answer:
    """Post one product or up to 5,000; what isn't said of one stays as it is. This hub's own design."""
    given = listed(request.data, MOST_SKUS, "products")
    wms = own_wms(request.caller, request.GET.get("wms", ""))
    return plain_success(count=posted_stock.store_products(wms, [product_in(one, at) for at, one in enumerate(given)]))


def own_wms(caller: Caller, name: str) -> Connection:
    """Return the API WMS that is meant. Raise `Fault` where there is none, or several and none is named."""
    rows = Connection.objects.for_account(caller.account).filter(side=Side.WMS, kind__in=calling_kinds())
    found: Sequence[Connection] = list(rows.exclude(state=ConnectionState.DISCONNECTED).order_by("name"))
    if name:
        found = [one for one in found if one.name.casefold() == name.casefold()]
    if not found:
        raise failure("This merchant has no API WMS of that name. Connect one in the portal, under Connections.")
    if len(found) > 1:
        raise invalid(f"Name the WMS with ?wms=, one of: {', '.join(one.name for one in found)}.")
    return found[0]
