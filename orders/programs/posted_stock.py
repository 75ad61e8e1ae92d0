"""Stock and products that a warehouse posts which calls the hub: just the SKUs that it names; all others stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.models import Connection
from orders.models import Product, StockLevel, StockReading
from orders.waking import wake_stock_uploads


@dataclass(frozen=True, slots=True)
class PostedLevel:
    """What can be sold of a SKU in one warehouse ("" = the only one); `on_hand` is None where nobody says.

    `as_of`: when it was counted, by the WMS; one that lies ahead counts as now, for it would hide orders that come until then.
    """

    sku: str
    warehouse: str
    available: int
    on_hand: int | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class PostedProduct:
    """A product; what is None stays as it is."""

    sku: str
    name: str | None = None
    upc: str | None = None
    external_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def store_levels(wms: Connection, levels: Sequence[PostedLevel]) -> int:
    """Make these the levels of the SKUs that they name; return how many. Products that aren't known yet are made.

    A level that was counted before the one that is known isn't taken: an older reading never follows a newer one.
    """
    now = hub_now()
    Account.objects.select_for_update(no_key=True).get(pk=wms.account_id)
    rows = StockLevel.objects.for_account(wms.account_id).filter(connection=wms)
    known = rows.filter(sku__in={one.sku for one in levels}).values_list("sku", "warehouse", "as_of")
    counted = {(sku, warehouse): as_of for sku, warehouse, as_of in known}
    latest: dict[tuple[str, str], PostedLevel] = {}
    for one in levels:
        key, as_of = (one.sku, one.warehouse), min(one.as_of, now)
        if key not in counted or counted[key] <= as_of:
            counted[key] = as_of
            latest[key] = replace(one, as_of=as_of)
    if not latest:
        return 0
    skus = {sku for sku, _ in latest}
    _make_products(wms, skus)
    StockLevel.objects.bulk_create(
        [
            StockLevel(
                account_id=wms.account_id,
                connection=wms,
                sku=one.sku,
                warehouse=one.warehouse,
                available=one.available,
                on_hand=one.on_hand,
                as_of=one.as_of,
            )
            for one in latest.values()
        ],
        update_conflicts=True,
        unique_fields=["connection", "sku", "warehouse"],
        update_fields=["available", "on_hand", "gone", "as_of"],
        batch_size=500,
    )
    StockReading.objects.create(account_id=wms.account_id, connection=wms, began_at=now, started_at=now, rows=len(skus))
    wake_stock_uploads(wms.account_id)
    return len(latest)


@transaction.atomic
def store_products(wms: Connection, products: Sequence[PostedProduct]) -> int:
    """Make or change these products; return how many."""
    Account.objects.select_for_update(no_key=True).get(pk=wms.account_id)
    latest = {one.sku: one for one in products}
    _make_products(wms, latest)
    rows = Product.objects.for_account(wms.account_id)
    now = hub_now()
    for product in rows.filter(sku__in=list(latest)):
        posted = latest[product.sku]
        changes = {name: getattr(posted, name) for name in ("name", "upc", "external_id") if getattr(posted, name) is not None}
        rows.filter(pk=product.pk).update(
            **changes, details={**(product.details or {}), **posted.details}, connection=wms, gone=False, updated_at=now
        )
    return len(latest)


def _make_products(wms: Connection, skus: Sequence[str] | set[str] | Mapping[str, object]) -> None:
    Product.objects.bulk_create(
        [Product(account_id=wms.account_id, connection=wms, sku=sku) for sku in skus], ignore_conflicts=True, batch_size=500
    )
    Product.objects.for_account(wms.account_id).filter(sku__in=list(skus), gone=True).update(gone=False, connection=wms)
