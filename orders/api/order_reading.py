"""Orders as programs ask for them: one by its number, or a page of a list, each in a number of queries that doesn't grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Upper

from connectors import registry
from connectors.contract import HoldReason, ShipmentState, Side
from connectors.models import Connection, ConnectionState
from orders.api.callers import Caller
from orders.api.envelope import failure, invalid
from orders.api.order_out import Include, Shown, wms_sku_of
from orders.api.values import spellings
from orders.models import (
    MessagePurpose,
    Order,
    OrderLine,
    OutboundMessage,
    Product,
    ProductAlias,
    Shipment,
    ShipmentLine,
)
from orders.models.order import SINCE
from orders.models.outbound import OPEN_STATES
from orders.readers import COUNTED
from orders.rules.aliases import wms_skus
from orders.rules.ship_methods import ShipMethods
from orders.states import Status

LARGEST_PAGE = 100
DEFAULT_PAGE = 20
LAST_PAGE = 10_000
LONGEST_NUMBER = 200

LISTS: Mapping[str, tuple[Status, ...]] = {
    "new": (Status.NEW,),
    "at_wms": (Status.AT_WMS,),
    "new_or_at_wms": (Status.NEW, Status.AT_WMS),
    "partial": (Status.PARTIAL,),
    "shipped": (Status.SHIPPED,),
    "confirmed": (Status.CONFIRMED,),
    "shipped_or_confirmed": (Status.SHIPPED, Status.CONFIRMED),
    "error": (Status.ERROR,),
    "canceled": (Status.CANCELED,),
    "any": (),
}
"""The lists and the statuses in each. Source: CartRover reference 1.7, (5)."""

COMPARED: Mapping[str, str] = {"new": "created_at", "new_or_at_wms": "created_at", "any": "created_at", **SINCE}
"""Which moment the bounds are compared with; for the others it is when a package was loaded. Each has an index that goes by it.

Lists go by it too: what comes into one stands at its end, so that no page shifts what stands before it.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list."""

    status: str
    since: datetime | None = None
    until: datetime | None = None
    order_source: str = ""
    limit: int = DEFAULT_PAGE
    page: int = 1


def calling_kinds() -> list[str]:
    """Return the kinds of connections whose far side calls the hub."""
    return [spec.kind for spec in registry.all_specs() if spec.calls_us]


def find_order(caller: Caller, number: str) -> Order:
    """Return the order of this number: a cart's own by the number that it pushed, any by its short one.

    Raise `Fault` where the caller has no such order.
    """
    rows = _visible(caller).select_related("source", "wms")
    if not 0 < len(number) <= LONGEST_NUMBER or "\x00" in number:
        raise failure("Order not found: there is no such number.")
    for name in spellings(number):
        if caller.is_cart:
            pushed = rows.filter(external_id=name).first()
            if pushed is not None:
                return pushed
        # By the very expression that has an index: without case, as the number is unique without it.
        order = rows.annotate(upper_ref=Upper("cust_ref")).filter(upper_ref=name.upper()).first()
        if order is not None:
            return order
    raise failure(f"Order not found: {number[:60]}")


def _visible(caller: Caller) -> QuerySet[Order]:
    orders = Order.objects.for_account(caller.account)
    return orders.filter(source=caller.cart) if caller.is_cart else orders


def list_orders(caller: Caller, asked: Asked) -> tuple[list[Order], int | None]:
    """Return a page of orders, the oldest in the list first, and how many there are in all.

    None where they are more than `COUNTED`: rather none than a wrong one, and counting millions takes seconds.
    """
    rows = _listed(caller, asked).order_by()
    found = rows[: COUNTED + 1].count()
    along = COMPARED.get(asked.status, "created_at")
    keys = _keys(rows, LISTS[asked.status], along, (asked.page - 1) * asked.limit, asked.page * asked.limit)
    page = _visible(caller).filter(pk__in=keys).select_related("source", "wms").order_by(along, "pk") if keys else ()
    return list(page), found if found <= COUNTED else None


def _keys(rows: QuerySet[Order], statuses: Sequence[Status], along: str, start: int, stop: int) -> list[int]:
    """Return the keys of a page: whole rows before it are never read.

    Of two statuses each is walked by itself, as an index has each in order: asked for both at once, a database may walk all
    orders from the oldest until it meets the few that are new. Far behind the beginning that is as good as any other way.
    """
    if len(statuses) < 2 or stop > COUNTED:
        return list(rows.order_by(along, "pk").values_list("pk", flat=True)[start:stop])
    walks = [rows.filter(standing=status).order_by(along, "pk").values_list(along, "pk")[:stop] for status in statuses]
    return [pk for _, pk in sorted(chain(*walks))[start:stop]]


def _listed(caller: Caller, asked: Asked) -> QuerySet[Order]:
    if asked.status not in LISTS:
        raise invalid(f"There is no list “{asked.status[:30]}”. There are: {', '.join(LISTS)}.")
    rows = _visible(caller)
    statuses = LISTS[asked.status]
    if statuses:
        # One is asked for as what it is: the index that holds just its orders serves no set, not even of one.
        rows = rows.filter(standing=statuses[0]) if len(statuses) == 1 else rows.filter(standing__in=statuses)
    if not caller.is_cart and asked.status in ("new", "new_or_at_wms"):
        rows = rows.filter(_may_be_taken(caller.account.pk))
    if asked.order_source:
        named = Connection.objects.for_account(caller.account).filter(name__iexact=asked.order_source)
        rows = rows.filter(source__in=list(named.values_list("pk", flat=True)))
    return _between(rows, caller.account.pk, asked)


def _may_be_taken(account_id: int) -> Q:
    """Leave out, of what is new, orders that wait to go live, and those on their way to a WMS that doesn't call."""
    calling = Connection.objects.for_account(account_id).filter(side=Side.WMS, kind__in=calling_kinds())
    calling = calling.exclude(state=ConnectionState.DISCONNECTED)
    free = ~Q(hold=HoldReason.NOT_LIVE)
    if calling.exists():
        free &= ~Q(standing=Status.NEW) | Q(wms__in=calling)
    return free


def _between(rows: QuerySet[Order], account_id: int, asked: Asked) -> QuerySet[Order]:
    if asked.since is None and asked.until is None:
        return rows
    bounds: dict[str, datetime] = {}
    column = COMPARED.get(asked.status, "seen_at")
    if asked.since is not None:
        bounds[f"{column}__gte"] = asked.since
    if asked.until is not None:
        bounds[f"{column}__lte"] = asked.until
    if column != "seen_at":
        return rows.filter(**bounds)
    packages = Shipment.objects.for_account(account_id).filter(order=OuterRef("pk"), state=ShipmentState.SHIPPED, **bounds)
    return rows.filter(Exists(packages))


# --- with all that is shown of them ------------------------------------------------------------------------------------------


def shown(caller: Caller, orders: Sequence[Order], include: Include) -> list[Shown]:
    """Return orders of one account with what is shown of each."""
    if not orders:
        return []
    account_id = caller.account.pk
    pks = [order.pk for order in orders]
    lines = _by_order(OrderLine.objects.for_account(account_id).filter(order__in=pks).order_by("line_no"))
    packages = _packages(account_id, pks)
    cancels = OutboundMessage.objects.for_account(account_id).filter(
        order__in=pks, purpose=MessagePurpose.CANCEL, state__in=OPEN_STATES
    )
    cancel_asked = set(cancels.values_list("order_id", flat=True))
    skus, methods = {}, {}
    for cart in {order.source_id: order.source for order in orders}.values():
        items = {line.item for order in orders if order.source_id == cart.pk for line in lines[order.pk]}
        skus[cart.pk] = wms_skus(account_id=account_id, cart_id=cart.pk, cart_skus=items)
        methods[cart.pk] = ShipMethods.of(cart, hold_unmapped=False)
    aliases: Mapping[str, Mapping[str, str]] = {}
    if include.aliases:
        named = {wms_sku_of(line, skus[order.source_id]) for order in orders for line in lines[order.pk]}
        aliases = aliases_by_sku(account_id, named)
    calling = set(calling_kinds())
    return [
        Shown(
            order=order,
            lines=lines[order.pk],
            packages=packages[order.pk],
            wms_skus=skus[order.source_id],
            wms_code=methods[order.source_id].at_wms(order.ship_code),
            is_pushed=order.source.kind in calling,
            cancel_asked=order.pk in cancel_asked,
            aliases=aliases,
        )
        for order in orders
    ]


def _by_order(lines: QuerySet[OrderLine]) -> dict[int, list[OrderLine]]:
    found: dict[int, list[OrderLine]] = defaultdict(list)
    for line in lines:
        found[line.order_id].append(line)
    return found


def _packages(account_id: int, order_ids: Sequence[int]) -> dict[int, list[Any]]:
    shipments = Shipment.objects.for_account(account_id).filter(order__in=order_ids, state=ShipmentState.SHIPPED)
    contents: dict[int, list[ShipmentLine]] = defaultdict(list)
    rows = ShipmentLine.objects.for_account(account_id).filter(shipment__in=shipments.values("pk")).select_related("line")
    for row in rows.order_by("pk"):
        contents[row.shipment_id].append(row)
    found: dict[int, list[Any]] = defaultdict(list)
    for shipment in shipments.order_by("pk"):
        if shipment.order_id is not None:
            found[shipment.order_id].append((shipment, contents[shipment.pk]))
    return found


def aliases_by_sku(account_id: int, skus: set[str]) -> dict[str, dict[str, str]]:
    """Return the other codes of the WMS's SKUs: the UPC, and each cart's own by the cart's name (`ALIAS`: of all carts)."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    aliases = ProductAlias.objects.for_account(account_id).filter(wms_sku__in=list(skus))
    for sku, cart, code in aliases.order_by("pk").values_list("wms_sku", "cart__name", "cart_sku"):
        found[sku][cart or "ALIAS"] = code
    products = Product.objects.for_account(account_id).filter(sku__in=list(skus)).exclude(upc="")
    for sku, upc in products.values_list("sku", "upc"):
        found[sku]["UPC"] = upc
    return found
