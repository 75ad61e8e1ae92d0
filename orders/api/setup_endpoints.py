"""Carts, shipping methods, and who is whose: what is set up. Source: CartRover reference 1.7, (10) to (14), (21), and 1.9.

The shapes of lists of carts, and all that a master can do, are this hub's own design.
"""

from __future__ import annotations

from typing import Any

from ninja import Router

from connectors import registry
from connectors.contract import Side
from connectors.models import Connection, ConnectionState
from orders.acts import mapping_actions
from orders.api import schemas
from orders.api.asking import paging_of
from orders.api.bodies import listed
from orders.api.callers import EVERYBODY, MERCHANTS, WIDE, Caller, merchants_of
from orders.api.describing import PAGING, answers, described
from orders.api.door import Call, door
from orders.api.envelope import Answer, failure, invalid, plain_success, success
from orders.api.merchant_endpoints import own_wms
from orders.api.values import flag_out, moment_out, text_in
from orders.models import ApiLevel, ShipMethodMap
from orders.programs import merchants, wms_ship_methods

router = Router(tags=["Set-up"])

MOST_METHODS = 1000
LARGEST_PAGE = 250


# --- carts -------------------------------------------------------------------------------------------------------------------


@router.get("/cart/list", response=answers(schemas.CartListAnswer), openapi_extra=described(merchant=True))
@door(EVERYBODY)
def cart_list(request: Call) -> Answer:
    """List the merchant's carts; a cart's key sees its own."""
    return success([_cart_object(cart) for cart in _carts(request.caller)])


@router.get("/cart/listall", response=answers(schemas.KindListAnswer), openapi_extra=described(merchant=True))
@door(EVERYBODY)
def cart_kinds(request: Call) -> Answer:
    """List the kinds of carts that can be set up on this hub."""
    return success([{"cart_type": spec.kind, "name": spec.name} for spec in registry.all_specs() if spec.side is Side.CART])


def _carts(caller: Caller) -> list[Connection]:
    if caller.is_cart:
        return [caller.cart]
    rows = Connection.objects.for_account(caller.account).filter(side=Side.CART).exclude(state=ConnectionState.DISCONNECTED)
    return list(rows.order_by("name"))


def _cart_object(cart: Connection) -> dict[str, Any]:
    return {
        "order_source": cart.name,
        "cart_type": cart.kind,
        "live": flag_out(cart.live),
        "state": cart.state,
        "created_date_time": moment_out(cart.created_at),
    }


def _cart_named(caller: Caller, name: str) -> Connection:
    """Return the cart of this Order Source. Raise `Fault` where the caller has none of that name."""
    for cart in _carts(caller):
        if cart.name.casefold() == name.casefold():
            return cart
    raise failure(f"Order source not found: {name[:60]}")


# --- shipping methods --------------------------------------------------------------------------------------------------------


@router.get(
    "/cart/shipmethod/list/{order_source}", response=answers(schemas.CartMethodsAnswer), openapi_extra=described(merchant=True)
)
@door(EVERYBODY)
def cart_methods(request: Call, order_source: str) -> Answer:
    """List a cart's shipping codes and the WMS's for each; null is passed on as it is."""
    cart = _cart_named(request.caller, order_source)
    rows = ShipMethodMap.objects.for_account(cart.account_id).filter(cart=cart).order_by("cart_code")
    return success([{"cart_code": one.cart_code, "wms_code": one.wms_code or None} for one in rows])


@router.post(
    "/cart/shipmethod/{order_source}",
    response=answers(schemas.PlainAnswer),
    openapi_extra=described(body=schemas.CartMethodsBody, merchant=True),
)
@door(EVERYBODY, body=True)
def map_methods(request: Call, order_source: str) -> Answer:
    """Map a cart's shipping codes to the WMS's: all of the list, or none where one of it is wrong.

    Where the WMS has posted its list, a code has to be in it; null passes the cart's code on.
    """
    cart = _cart_named(request.caller, order_source)
    given = listed(request.data, MOST_METHODS, "shipping codes")
    known = {code for code, _, _ in wms_ship_methods.posted_methods(cart.account_id)}
    mapped = [_method_in(one, at, known) for at, one in enumerate(given)]
    for cart_code, wms_code in mapped:
        mapping_actions.ship_method_set(cart=cart, cart_code=cart_code, wms_code=wms_code, actor=request.caller.actor)
    return plain_success()


def _method_in(given: Any, at: int, known: set[str]) -> tuple[str, str]:
    if not isinstance(given, dict):
        raise invalid(f"[{at}] must be an object with cart_code and wms_code.")
    cart_code, wms_code = (text_in(given, name, 100, where=f"[{at}].") for name in ("cart_code", "wms_code"))
    if not cart_code:
        raise invalid(f"[{at}].cart_code is missing.")
    if wms_code and known and wms_code not in known:
        raise invalid(f"[{at}].wms_code {wms_code} is no shipping method of the WMS.")
    return cart_code, wms_code


@router.get("/wms/shipmethod/list", response=answers(schemas.WmsMethodsAnswer), openapi_extra=described(merchant=True))
@door(EVERYBODY)
def wms_methods(request: Call) -> Answer:
    """List the WMS's shipping methods: those that it has posted, and those that carts' codes are mapped to."""
    rows = wms_ship_methods.all_methods(request.caller.account.pk)
    return success([{"carrier": carrier, "code": code, "description": words} for code, carrier, words in rows])


@router.post(
    "/wms/shipmethod",
    response=answers(schemas.CountAnswer),
    openapi_extra=described(body=schemas.WmsMethodsBody, merchant=True),
)
@door(MERCHANTS, body=True)
def post_methods(request: Call) -> Answer:
    """Post the WMS's shipping methods: the list as it is from now on. This hub's own design."""
    given = listed(request.data, MOST_METHODS, "shipping methods")
    methods = [_posted_method(one, f"[{at}].") for at, one in enumerate(given)]
    wms = own_wms(request.caller, request.GET.get("wms", ""))
    return plain_success(count=wms_ship_methods.post_methods(wms, methods))


def _posted_method(given: Any, where: str) -> wms_ship_methods.Method:
    if not isinstance(given, dict):
        raise invalid(f"{where[:-1]} must be an object with code.")
    code = text_in(given, "code", 100, where=where)
    if not code:
        raise invalid(f"{where}code is missing.")
    return code, text_in(given, "carrier", 60, where=where), text_in(given, "description", 130, where=where)


# --- merchants and accounts --------------------------------------------------------------------------------------------------


@router.get("/wms/merchant/list", response=answers(schemas.MerchantListAnswer), openapi_extra=described(query=PAGING))
@door(WIDE, for_merchant=False)
def merchant_list(request: Call) -> Answer:
    """List the merchants that the key acts for; `merchant_pk` goes into the header X-Merchant-Pk."""
    return _merchants(request)


@router.post("/wms/merchant", response=answers(schemas.MerchantAnswer), openapi_extra=described(body=schemas.MerchantBody))
@door(frozenset({ApiLevel.WAREHOUSE}), for_merchant=False, body=True)
def make_merchant(request: Call) -> Answer:
    """Make a merchant of this warehouse, owned by the people who own the account of the key. This hub's own design."""
    name = _name_in(request.data)
    account = merchants.merchant_make(home=request.caller.key.account, name=name, actor=request.caller.actor)
    return success(_merchant_object(account))


@router.get("/master/account/list", response=answers(schemas.MerchantListAnswer), openapi_extra=described(query=PAGING))
@door(frozenset({ApiLevel.MASTER}), for_merchant=False)
def account_list(request: Call) -> Answer:
    """List all accounts below a master, with the organization of each. This hub's own design."""
    return _merchants(request)


@router.post("/master/account", response=answers(schemas.MerchantAnswer), openapi_extra=described(body=schemas.AccountBody))
@door(frozenset({ApiLevel.MASTER}), for_merchant=False, body=True)
def make_account(request: Call) -> Answer:
    """Make an organization (`fulfillment` or `merchant`) below a master, with its first account. This hub's own design."""
    name = _name_in(request.data)
    kind = text_in(request.data, "organization_type", 20) or "merchant"
    if kind not in ("merchant", "fulfillment"):
        raise invalid("organization_type must be merchant or fulfillment.")
    home = request.caller.key.account
    return success(_merchant_object(merchants.account_below(home=home, name=name, kind=kind, actor=request.caller.actor)))


def _merchants(request: Call) -> Answer:
    limit, page = paging_of(request, LARGEST_PAGE)
    rows = merchants_of(request.caller.key).select_related("organization").order_by("pk")
    answer = success([_merchant_object(one) for one in rows[(page - 1) * limit : page * limit]])
    answer["total-records"] = str(rows.count())
    return answer


def _name_in(data: Any) -> str:
    name = text_in(data, "name") if isinstance(data, dict) else ""
    if not name:
        raise invalid("name is missing.")
    return name


def _merchant_object(account: Any) -> dict[str, Any]:
    return {
        "merchant_pk": account.pk,
        "name": account.name,
        "organization": account.organization.name,
        "organization_type": account.organization.kind,
        "created_date_time": moment_out(account.created_at),
    }
