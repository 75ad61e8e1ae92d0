"""The columns that the list of orders may have, and who has chosen which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F, Q

from cartrover.accounts.models import Account, User
from orders.models import ListColumns, SavedView


@dataclass(frozen=True, slots=True)
class Column:
    """A column beside the order's own number, which always stands first.

    `export` are its names in the CSV export, `fields` what of an order it is written from.
    """

    name: str
    label: str
    export: tuple[str, ...]
    fields: tuple[str, ...]
    is_number: bool = False

    @property
    def classes(self) -> str:
        """The classes of its cells."""
        return f"col-{self.name} {'num' if self.is_number else 'break'}"


COLUMNS: Sequence[Column] = (
    Column("full_number", "Full number", ("cust_po_no",), ("cust_po_no",)),
    Column("retailer", "Retailer", ("retailer",), ("retailer_name",)),
    Column("status", "Status", ("status", "held_reason"), ("state", "hold", "shipped_quantity")),
    Column("total", "Total", ("grand_total", "currency_code"), ("grand_total", "currency"), is_number=True),
    Column("loaded", "Loaded", ("created_date_time",), ("created_at",)),
    Column("cart", "Cart", ("order_source",), ("source__name",)),
    Column("wms", "WMS", ("wms",), ("wms__name",)),
    Column("wms_number", "Number at the WMS", ("wms_order_no",), ("wms_number",)),
    Column("recipient", "Recipient", ("ship_first_name", "ship_last_name", "ship_company"), ("ship_name",)),
    Column("ship_code", "Shipping code", ("ship_code",), ("ship_code",)),
    Column("ship_method", "Shipping method", ("ship_code_description",), ("ship_method",)),
    Column("ordered", "Ordered", ("order_date",), ("order_date",)),
    Column("ship_by", "Ship by", ("requested_ship_date",), ("ship_by",)),
    Column("held", "Held since", (), ("held_at",)),
    Column("delivered", "At the WMS since", ("delivered_to_wms_date",), ("delivered_at",)),
    Column("shipped", "Shipped", (), ("shipped_at",)),
)
BY_NAME = {column.name: column for column in COLUMNS}
USUAL = ("full_number", "retailer", "status", "total", "loaded")


def columns_of(names: Iterable[str]) -> list[Column]:
    """Return the columns of these names in the order in which lists have them; the usual ones where none is known."""
    wanted = set(names)
    return [column for column in COLUMNS if column.name in wanted] or [BY_NAME[name] for name in USUAL]


def exported(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of these columns in the export."""
    return ("cust_ref", *(name for column in columns for name in column.export))


def chosen_columns(account: Account, user: User) -> list[str]:
    """Return the names of the columns that a person has chosen; none before they did."""
    names = ListColumns.objects.for_account(account).filter(user=user).values_list("columns", flat=True).first()
    return list(names or [])


def views_for(account: Account, user: User) -> list[SavedView]:
    """Return the views that a person has made and those that are there for all, in their order."""
    rows = SavedView.objects.for_account(account).filter(Q(user=user) | Q(user__isnull=True))
    return list(rows.order_by("position", F("user").asc(nulls_first=True), "name"))
