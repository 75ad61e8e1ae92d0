"""The list of orders: what may be asked of it, and how each question is put so that an index answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper
from django.db.models.lookups import Exact
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors.contract import HoldReason
from connectors.models import Connection
from orders.listings.columns import COLUMNS, Column
from orders.listings.paging import PAGE, Page, page_of
from orders.models import Order, OrderLine
from orders.models.order import held_for
from orders.readers import COUNTED
from orders.states import Status

SAME_NUMBER = 500
"""How many orders of one number are looked at; a number that means more than that is no number."""

LOOKED_AT = 2_000
"""Orders that a page looks through where no index answers all that is asked; the next page looks through the next ones."""

ALWAYS_SHOWN = ("public_id", "cust_ref", "is_test")
"""What a list shows of an order in any columns."""

RETAILERS = 1_000
"""Names of retailers that are known to the filter, by the alphabet."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What is asked of the list; what is empty isn't asked. `since` and `until` are days on which orders were loaded.

    `q` is a number, else a SKU, else a part of the recipient's name; `retailer` is a retailer's name, or a part of names.
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


# --- a page ------------------------------------------------------------------------------------------------------------------


def orders_page(
    account: Account,
    wanted: OrderFilter,
    after: UUID | None = None,
    *,
    columns: Sequence[Column] = COLUMNS,
    limit: int = PAGE,
) -> Page[Order]:
    """Return the orders that the filter asks for, newest first, with no more of each than these columns show.

    What one index answers is answered whole. What takes several is looked for among `LOOKED_AT` orders of one of them: then the
    page says how far back it has looked, and the next one goes on from there, so that no question costs more than that.
    """
    asked = _Asked.of(account, wanted)
    rows = Order.objects.for_account(account)
    shown = _with_what_is_shown(rows, columns).filter(asked.everything)
    if asked.is_answered_by_one:
        return page_of(account, shown, along="created_at", descending=True, after=after, limit=limit)
    last = None
    if after is not None:
        last = Order.objects.for_account(account).filter(public_id=after).values_list("created_at", "pk").first()
        if last is None:
            return Page([], None)
    window = asked.window(account, last)
    if asked.is_one_sku:
        window = window[: limit + 1]
    found = list(shown.filter(pk__in=window[:LOOKED_AT]).order_by(*asked.newest_first)[: limit + 1])
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1].public_id)
    if len(window) <= LOOKED_AT:
        return Page(found, None)
    public_id, created_at = rows.values_list("public_id", "created_at").get(pk=window[LOOKED_AT - 1])
    return Page(found, public_id, looked_back=created_at)


def _with_what_is_shown(rows: Any, columns: Sequence[Column]) -> Any:
    named = [field for column in columns for field in column.fields]
    related = {field.partition("__")[0] for field in named if "__" in field}
    rows = rows.only(*ALWAYS_SHOWN, *named)
    return rows.select_related(*related) if related else rows


@dataclass(frozen=True, slots=True)
class _Asked:
    """A filter as conditions: each of `ways` has an index along the time, SKUs one along the keys of orders, `rest` none."""

    ways: Sequence[Q]
    skus: Sequence[tuple[str, Any]]
    rest: Sequence[Q]
    days: Q

    @classmethod
    def of(cls, account: Account, wanted: OrderFilter) -> _Asked:
        ways: list[Q] = []
        rest: list[Q] = []
        skus = [wanted.sku] if wanted.sku else []
        if wanted.hold is not None:
            ways.append(held_for(wanted.hold))
        if wanted.retailer:
            is_way, of_retailers = _of_retailers(account, wanted.retailer)
            (ways if is_way else rest).append(of_retailers)
        if wanted.status is not None:
            ways.append(Q(standing=wanted.status))
        if wanted.cart is not None:
            carts = Connection.objects.for_account(account).filter(public_id=wanted.cart)
            ways.append(Q(source=carts.values_list("pk", flat=True).first() or 0))
        if wanted.q:
            lines, numbers = _lines_of(account, wanted.q), _with_number(account, wanted.q)
            if numbers:
                ways.append(Q(pk__in=numbers))
            elif lines.exists():
                skus.append(wanted.q)
            else:
                rest.append(Q(ship_name__icontains=wanted.q))
        return cls(ways, [(sku, _lines_of(account, sku)) for sku in skus], rest, _days(wanted))

    @property
    def is_answered_by_one(self) -> bool:
        return not self.skus and not self.rest and len(self.ways) <= 1

    @property
    def is_one_sku(self) -> bool:
        """Whether all that is asked is a SKU, so that every order of its window is one of those asked for."""
        return len(self.skus) == 1 and not self.ways and not self.rest and self.days == Q()

    @property
    def everything(self) -> Q:
        """All that must be true; of SKUs it is asked order by order, which suits some thousand orders."""
        with_skus = (Q(Exists(lines.filter(order=OuterRef("pk")))) for _, lines in self.skus)
        return _all_of(self.days, *self.ways, *self.rest, *with_skus)

    @property
    def for_all(self) -> Q:
        """The same; the orders of a SKU are found first, which suits the whole account."""
        return _all_of(self.days, *self.ways, *self.rest, *(Q(pk__in=lines.values_list("order_id")) for _, lines in self.skus))

    @property
    def newest_first(self) -> tuple[str, ...]:
        return ("-pk",) if self.skus else ("-created_at", "-pk")

    def window(self, account: Account, last: tuple[datetime, int] | None) -> list[int]:
        """Return the next orders along the index that leads through the fewest, and one more than `LOOKED_AT` of many.

        Those of a SKU come by their keys, so with a SKU another index is of use only where it leads to all that is left.
        """
        rows = Order.objects.for_account(account).filter(self.days)
        if last is not None:
            before = Q(created_at__lte=last[0]) & (Q(created_at__lt=last[0]) | Q(pk__lt=last[1]))
            rows = rows.filter(Q(pk__lt=last[1]) if self.skus else before)
        pks = rows.order_by("-created_at", "-pk").values_list("pk", flat=True)
        found = [list(pks.filter(way)[: LOOKED_AT + 1]) for way in self.ways or ([] if self.skus else [Q()])]
        if self.skus:
            found = [one for one in found if len(one) <= LOOKED_AT]
            for _, lines in self.skus:
                left = lines if last is None else lines.filter(order__lt=last[1])
                found.append(list(left.order_by("-order_id").values_list("order_id", flat=True)[: LOOKED_AT + 1]))
        return min(found, key=len)


def _all_of(*conditions: Q) -> Q:
    return reduce(and_, conditions, Q())


# --- everything --------------------------------------------------------------------------------------------------------------


def filtered(account: Account, wanted: OrderFilter) -> Any:
    """Return all orders that the filter asks for, as a queryset of this account: what pages of the list show together."""
    return Order.objects.for_account(account).filter(_Asked.of(account, wanted).for_all)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many orders a filter lets through; `is_more`: counting stopped there, and there may be more."""

    number: int
    is_more: bool


def counted(account: Account, wanted: OrderFilter) -> Counted:
    """Return how many orders the filter asks for, as far as that takes no longer with millions of orders.

    What one index answers is counted up to `COUNTED`, all else among the `LOOKED_AT` orders that a page looks through.
    """
    asked = _Asked.of(account, wanted)
    if asked.is_answered_by_one or asked.is_one_sku:
        of_sku = asked.skus[0][1].values("order_id").distinct() if asked.is_one_sku else None
        rows = Order.objects.for_account(account).filter(asked.everything) if of_sku is None else of_sku
        number = rows.order_by()[: COUNTED + 1].count()
        return Counted(min(number, COUNTED), number > COUNTED)
    window = asked.window(account, None)
    rows = Order.objects.for_account(account).filter(asked.everything, pk__in=window[:LOOKED_AT])
    return Counted(rows.count(), len(window) > LOOKED_AT)


# --- conditions --------------------------------------------------------------------------------------------------------------


def retailers(account: Account) -> list[str]:
    """Return the names of retailers that orders are of, by the alphabet: a step in the index for each, not for each order."""
    table = connection.ops.quote_name(Order._meta.db_table)
    after = f"SELECT retailer_name FROM {table} WHERE account_id = %s AND retailer_name >"  # noqa: S608 - our own names
    first = "ORDER BY retailer_name LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE known(name) AS (SELECT ({after} '' {first}) UNION ALL "  # noqa: S608 - our own names
            f"SELECT ({after} known.name {first}) FROM known WHERE known.name IS NOT NULL) "
            "SELECT name FROM known WHERE name IS NOT NULL LIMIT %s",
            [account.pk, account.pk, RETAILERS],
        )
        return [name for (name,) in cursor.fetchall()]


def _of_retailers(account: Account, text: str) -> tuple[bool, Q]:
    """Return the condition for retailers of whose name this is a part, and whether an index along the time answers it."""
    names = [name for name in retailers(account) if text.casefold() in name.casefold()]
    exact = [name for name in names if name.casefold() == text.casefold()]
    if len(exact or names) == 1:
        return True, Q(retailer_name=(exact or names)[0])
    of_them = Q(retailer_name__in=names)
    pks = list(Order.objects.for_account(account).filter(of_them).values_list("pk", flat=True)[: LOOKED_AT + 1])
    return (True, Q(pk__in=pks)) if len(pks) <= LOOKED_AT else (False, of_them)


def _lines_of(account: Account, sku: str) -> Any:
    return OrderLine.objects.for_account(account).filter(item=sku)


def _days(wanted: OrderFilter) -> Q:
    days = Q()
    if wanted.since is not None:
        days &= Q(created_at__gte=_midnight(wanted.since))
    if wanted.until is not None:
        days &= Q(created_at__lt=_midnight(wanted.until + timedelta(days=1)))
    return days


def _midnight(day: date) -> datetime:
    """When a day begins in the account's zone, which is the current one in its pages."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


def _with_number(account: Account, number: str) -> set[int]:
    """Each number has an index of its own; asked for together, and in order of time, a database may walk all orders instead."""
    rows = Order.objects.for_account(account)
    full = rows.filter(cust_po_no=number).values_list("pk", flat=True)[:SAME_NUMBER]
    short = rows.filter(Exact(Upper("cust_ref"), number.upper())).values_list("pk", flat=True)[:SAME_NUMBER]
    return {*full, *short}
