"""Stock: what the WMS has, and what each cart was last told."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection
from orders.models.outbound import OutboundDocument


class StockReading(AccountOwned):
    """One complete reading of a WMS's stock; `began_at` is the far side's time when it began.

    Of a WMS that calls the hub: one post of some of its SKUs. How old what is known of a SKU is stands in its levels.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="stock_readings")
    began_at = models.DateTimeField()
    started_at = models.DateTimeField()
    """Our own time when it began: orders delivered later are not in it."""
    finished_at = models.DateTimeField(default=timezone.now)
    rows = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["connection", "-id"], name="reading_connection")]


class StockLevel(AccountOwned):
    """What can be sold of a SKU in one warehouse, as the last reading said. `gone` = the WMS no longer has the SKU.

    `as_of`: when it was counted, where the WMS posts it; where the hub reads it, when a reading last found it changed.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="stock_levels")
    sku = models.CharField(max_length=200)
    warehouse = models.CharField(max_length=100, blank=True, default="")
    available = models.IntegerField(default=0)
    on_hand = models.IntegerField(null=True, blank=True)
    """What lies there, promised or not; None where the WMS doesn't say."""
    gone = models.BooleanField(default=False)
    as_of = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "sku", "warehouse"], name="stock_level_once")]
        indexes = [models.Index(fields=["account", "sku"], name="stock_account_sku")]


class OrderedItem(AccountOwned):
    """A SKU that a cart has ordered at some time, under the cart's own name. It stays, whatever becomes of the order."""

    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="ordered_items", db_index=False)
    item = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "item"], name="ordered_item_once")]


class ChannelStock(AccountOwned):
    """What a cart was last told of one of its SKUs. `sure` is false while nobody knows whether that arrived."""

    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="channel_stock")
    item = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    status = models.CharField(max_length=20)
    sure = models.BooleanField(default=False)
    told_at = models.DateTimeField(default=timezone.now)
    document = models.ForeignKey(OutboundDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="stock_rows")
    reading = models.ForeignKey(StockReading, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "item"], name="channel_stock_once")]
