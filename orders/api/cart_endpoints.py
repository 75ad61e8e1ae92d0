"""What a cart's program calls. Source: CartRover reference 1.7, (1) to (9)."""

from __future__ import annotations

from typing import Any

from ninja import Router

from orders.api import schemas
from orders.api.answering import order_answer, order_list_answer, status_answer
from orders.api.bodies import listed
from orders.api.callers import CARTS, Caller
from orders.api.describing import INCLUDES, LISTING, answers, described
from orders.api.door import Call, door, own_door
from orders.api.envelope import Answer, Fault, failure, invalid, plain_success, success
from orders.api.new_orders import MOST_IN_BATCH, batch_answer, new_order_answer, not_taken
from orders.api.order_reading import find_order
from orders.api.values import text_in
from orders.pipeline.canceling import cancel_order
from orders.programs import acknowledging
from orders.states import OrderState, Status

router = Router(tags=["Cart"])


@router.post(
    "/cart/orders/cartrover", response=answers(schemas.NewOrderAnswer), openapi_extra=described(body=schemas.NewOrderBody)
)
@own_door(CARTS)
def new_order(request: Call) -> Answer:
    """Push one order in.

    The body is one order, or a list that holds one. `cust_ref` in the answer is what the order is called from now on: the
    number
    that was pushed, unless it doesn't fit the WMS or another cart's order has it already. The pushed number stays in
    `cust_ref_original` and finds the order with this cart's key. Not counted against the limit.
    """
    return new_order_answer(request)


@router.post("/cart/orders/batch", response=answers(schemas.BatchAnswer), openapi_extra=described(body=schemas.BatchBody))
@door(CARTS, body=True)
def batch(request: Call) -> Answer:
    """Push up to 1,000 orders in at once.

    Each is taken or refused by itself: `success` and `failed` say which, and `index_pos` (from 0) where an order has no number.
    """
    if not isinstance(request.data, list):
        raise invalid("The body must be a list of orders.")
    return batch_answer(request.caller, listed(request.data, MOST_IN_BATCH, "orders"))


# --- reading -----------------------------------------------------------------------------------------------------------------


@router.get("/cart/orders/status/{path:cust_ref}", response=answers(schemas.StatusAnswer))
@door(CARTS)
def order_status(request: Call, cust_ref: str) -> Answer:
    """Read where one order stands, with its packages."""
    return status_answer(request, cust_ref)


@router.get("/cart/orders/list/{status}", response=answers(schemas.OrderListAnswer), openapi_extra=described(query=LISTING))
@door(CARTS)
def order_list(request: Call, status: str) -> Answer:
    """List this cart's orders, the oldest first.

    The bounds are compared with when an order was created (`new`, `new_or_at_wms`, `any`), delivered (`at_wms`), shipped
    (`partial`, `shipped`, `shipped_or_confirmed`), confirmed, held (`error`) or canceled. Lists go by the same moment, but for
    those of shipped orders, which go by when an order was created. The header `total-records` says how many there are in
    all, up to 10,000; with more it is left out. The last page is the one that isn't full.
    """
    return order_list_answer(request, status)


@router.get("/cart/orders/wms_cancel/{path:cust_ref}", response=answers(schemas.CancelAnswer))
@door(CARTS)
def wms_cancel(request: Call, cust_ref: str) -> Answer:
    """Cancel an order, also one that the WMS has.

    `success` is true when it is canceled, false with words where the WMS was asked and hasn't agreed yet, or it is too late.
    """
    order = find_order(request.caller, cust_ref)
    if order.status == Status.CANCELED:
        return success({"success": True, "message": ""})
    try:
        done = cancel_order(order, because=f"Canceled by {request.caller.actor}.", actor=request.caller.actor)
    except ValueError as too_late:
        return success({"success": False, "message": str(too_late)})
    return success({"success": done, "message": "" if done else "The WMS was asked to cancel the order."})


@router.post(
    "/cart/orders/cancel/cartrover", response=answers(schemas.PlainAnswer), openapi_extra=described(body=schemas.CancelBody)
)
@door(CARTS, body=True)
def cancel(request: Call) -> Answer:
    """Cancel an order that hasn't gone to the WMS yet."""
    return _cancel_unsent(request)


@router.post(
    "/cart/orders/cancel",
    response=answers(schemas.PlainAnswer),
    openapi_extra=described(body=schemas.CancelBody),
    deprecated=True,
)
@door(CARTS, body=True)
def cancel_as_before(request: Call) -> Answer:
    """Cancel an order that hasn't gone to the WMS yet; the address that programs of 2016 know."""
    return _cancel_unsent(request)


def _cancel_unsent(request: Call) -> Answer:
    """Cancel one order, given as an object or as a list that holds one; of several each by itself."""
    given = listed(request.data, MOST_IN_BATCH, "orders")
    if len(given) == 1:
        return plain_success(cust_ref=_cancel_one(request.caller, given[0]))
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for at, one in enumerate(given):
        try:
            done.append({"cust_ref": _cancel_one(request.caller, one)})
        except Fault as fault:
            failed.append(not_taken(one, at, fault.words))
    return success({"success": done, "failed": failed})


def _cancel_one(caller: Caller, given: Any) -> str:
    number = text_in(given, "cust_ref") if isinstance(given, dict) else ""
    if not number:
        raise invalid("Order missing required field(s): cust_ref")
    order = find_order(caller, number)
    if order.state == OrderState.CANCELED:
        return order.cust_ref
    if order.state not in (OrderState.NEW, OrderState.READY):
        raise failure(f"Order {order.cust_ref} is {order.status} and can't be canceled here. Ask with orders/wms_cancel.")
    try:
        done = cancel_order(order, because=f"Canceled by {caller.actor}.", actor=caller.actor)
    except ValueError as too_late:
        raise failure(str(too_late)) from too_late
    if not done:
        raise failure(f"Order {order.cust_ref} is on its way to the WMS, which was asked to cancel it.")
    return order.cust_ref


@router.post(
    "/cart/orders/update/{path:cust_ref}",
    response=answers(schemas.PlainAnswer),
    openapi_extra=described(body=schemas.ConfirmBody),
)
@door(CARTS, body=True)
def confirm(request: Call, cust_ref: str) -> Answer:
    """Say that the cart has taken the tracking: the order is confirmed once all of it is shipped.

    `shipments` names what was taken; without it everything that is shipped was. Saying it twice does no harm.
    """
    if not isinstance(request.data, dict):
        raise invalid("The body must be an object with order_status.")
    status = text_in(request.data, "order_status")
    if status != "confirmed":
        raise invalid("order_status must be confirmed: a cart says nothing else of an order.")
    order = find_order(request.caller, cust_ref)
    try:
        acknowledging.acknowledge(order, tracking=_tracking(request.data), actor=request.caller.actor)
    except ValueError as problem:
        raise failure(str(problem)) from problem
    return plain_success()


def _tracking(data: dict[str, Any]) -> list[str] | None:
    given = data.get("shipments")
    if given in (None, []):
        return None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid("shipments must be a list of objects with tracking_no.")
    return [text_in(one, "tracking_no", where="shipments: ") for one in given]


@router.get("/cart/orders/{path:cust_ref}", response=answers(schemas.OrderAnswer), openapi_extra=described(query=INCLUDES))
@door(CARTS)
def get_order(request: Call, cust_ref: str) -> Answer:
    """Read one order whole, with its lines and packages."""
    return order_answer(request, cust_ref)
