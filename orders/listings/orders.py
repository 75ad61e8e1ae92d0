"""The list of orders: what may be asked of it, and how each question is put so that an index answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper
from django.db.models.lookups import Exact
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors.contract import HoldReason
from orders.listings.paging import PAGE, Page, page_of
from orders.models import Order, OrderLine
from orders.readers import has_status
from orders.states import Status

SAME_NUMBER = 500
"""How many orders of one number are looked at; a number that means more than that is no number."""

SAME_SKU = 2_000
"""Lines of a SKU up to which it is quicker to find them first than to look into each order."""

NAMES_SEARCHED = 20_000
"""How many of the newest orders are searched for a part of a name: no index answers that."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What is asked of the list; what is empty isn't asked. `since` and `until` are days on which orders were loaded.

    `q` is a number, a SKU, or a part of the recipient's name.
    """

    status: Status | None = None
    hold: HoldReason | None = None
    cart: UUID | None = None
    retailer: str = ""
    sku: str = ""
    since: date | None = None
    until: date | None = None
    q: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> OrderFilter:
        """Read a filter from the query of an address; what can't be read there counts as not asked."""
        return cls(
            status=_read(Status, query.get("status", "")),
            hold=_read(HoldReason, query.get("hold", "")),
            cart=_read(UUID, query.get("cart", "")),
            retailer=query.get("retailer", "").strip()[:200],
            sku=query.get("sku", "").strip()[:200],
            since=_read(date.fromisoformat, query.get("since", "")),
            until=_read(date.fromisoformat, query.get("until", "")),
            q=query.get("q", "").strip()[:200],
        )

    @property
    def is_empty(self) -> bool:
        return self == OrderFilter()

    @property
    def has_details(self) -> bool:
        """Whether more is asked than a status and what stands in the search box."""
        return OrderFilter(status=self.status, q=self.q) != self

    def as_query(self) -> dict[str, str]:
        """Return what `read` makes this filter of."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: str(value) for name, value in said.items() if value}


def _read(make: Any, text: str) -> Any:
    try:
        return make(text) if text else None
    except ValueError:
        return None


def orders_page(account: Account, wanted: OrderFilter, after: UUID | None = None, *, limit: int = PAGE) -> Page[Order]:
    """Return the orders that the filter asks for, newest first."""
    rows = filtered(account, wanted).select_related("source", "wms").defer("ship_to", "bill_to", "extra", "notes", "hold_words")
    return page_of(account, rows, along="created_at", descending=True, after=after, limit=limit)


def filtered(account: Account, wanted: OrderFilter) -> Any:
    """Return the orders that the filter asks for, as a queryset of this account."""
    rows = Order.objects.for_account(account)
    if wanted.status is not None:
        rows = rows.filter(has_status(wanted.status))
    if wanted.hold is not None:
        rows = rows.filter(hold=wanted.hold)
    if wanted.cart is not None:
        rows = rows.filter(source__public_id=wanted.cart)
    if wanted.retailer:
        rows = rows.filter(retailer_name__icontains=wanted.retailer)
    if wanted.since is not None:
        rows = rows.filter(created_at__gte=_midnight(wanted.since))
    if wanted.until is not None:
        rows = rows.filter(created_at__lt=_midnight(wanted.until + timedelta(days=1)))
    if wanted.sku:
        rows = rows.filter(_with_sku(account, wanted.sku))
    if wanted.q:
        rows = rows.filter(_found(account, wanted.q))
    return rows


def _midnight(day: date) -> datetime:
    """When a day begins in the account's zone, which is the current one in its pages."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


def _with_sku(account: Account, sku: str) -> Q | Exists:
    lines = OrderLine.objects.for_account(account).filter(item=sku)
    orders = list(lines.order_by("-pk").values_list("order_id", flat=True)[: SAME_SKU + 1])
    if len(orders) <= SAME_SKU:
        return Q(pk__in=set(orders))
    return Exists(lines.filter(order=OuterRef("pk")))


def _found(account: Account, text: str) -> Q:
    """What is a number is nothing else; else it is a SKU or a part of a name."""
    numbers = _with_number(account, text)
    if numbers:
        return Q(pk__in=numbers)
    rows = Order.objects.for_account(account).order_by("-created_at", "-pk")
    oldest = rows.values_list("created_at", flat=True)[NAMES_SEARCHED - 1 : NAMES_SEARCHED].first()
    named = rows.filter(ship_name__icontains=text)
    if oldest is not None:
        named = named.filter(created_at__gte=oldest)
    lines = OrderLine.objects.for_account(account).filter(item=text).order_by("-pk")
    of_sku = set(lines.values_list("order_id", flat=True)[:SAME_SKU])
    return Q(pk__in=of_sku | set(named.values_list("pk", flat=True)[:SAME_SKU]))


def _with_number(account: Account, number: str) -> set[int]:
    """Each number has an index of its own; asked for together, and in order of time, a database may walk all orders instead."""
    rows = Order.objects.for_account(account)
    full = rows.filter(cust_po_no=number).values_list("pk", flat=True)[:SAME_NUMBER]
    short = rows.filter(Exact(Upper("cust_ref"), number.upper())).values_list("pk", flat=True)[:SAME_NUMBER]
    return {*full, *short}
