"""Answers that carts, merchants and warehouses get alike."""

from __future__ import annotations

from orders.api.asking import asked_of, include_of
from orders.api.door import Call
from orders.api.envelope import Answer, success
from orders.api.order_out import Include, listed_order, order_object, status_object
from orders.api.order_reading import find_order, list_orders, shown

TOTAL_RECORDS = "total-records"


def order_answer(request: Call, number: str) -> Answer:
    """Answer with one order whole."""
    include = include_of(request)
    (one,) = shown(request.caller, [find_order(request.caller, number)], include)
    return success(order_object(one, include, for_cart=request.caller.is_cart))


def status_answer(request: Call, number: str) -> Answer:
    """Answer with where one order stands."""
    (one,) = shown(request.caller, [find_order(request.caller, number)], Include())
    return success(status_object(one, for_cart=request.caller.is_cart))


def order_list_answer(request: Call, status: str) -> Answer:
    """Answer with a page of orders, and in a header how many there are in all, unless they are too many to count."""
    include = include_of(request)
    orders, total = list_orders(request.caller, asked_of(request, status))
    page = shown(request.caller, orders, include)
    answer = success([listed_order(one, include, for_cart=request.caller.is_cart) for one in page])
    if total is not None:
        answer[TOTAL_RECORDS] = str(total)
    return answer
