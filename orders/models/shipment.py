"""Packages: what the WMS shipped, and what of it the cart was told."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection
from orders.models.order import Order, OrderLine
from orders.models.outbound import OutboundDocument


class Shipment(AccountOwned):
    """One package at the WMS, unique by the WMS's id. `order` is empty while the order's delivery is still unknown."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="shipments")
    external_id = models.CharField(max_length=100)
    external_order_id = models.CharField(max_length=100)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="shipments")
    state = models.CharField(max_length=20)
    """The contract's ShipmentState."""
    tracking_number = models.CharField(max_length=200, blank=True, default="")
    carrier = models.CharField(max_length=100, blank=True, default="")
    service = models.CharField(max_length=100, blank=True, default="")
    tracking_url = models.CharField(max_length=500, blank=True, default="")
    shipped_at = models.DateTimeField(null=True, blank=True)
    remote_updated_at = models.DateTimeField()
    seen_at = models.DateTimeField(default=timezone.now)
    send_without_tracking = models.BooleanField(default=False)
    nothing_to_tell = models.BooleanField(default=False)
    """True once it was found to hold nothing that the cart must be told: looked at once and left alone."""
    document = models.ForeignKey(OutboundDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="shipments")
    """The file that told the cart; None = not told yet."""
    told_tracking = models.CharField(max_length=200, blank=True, default="")
    details = models.JSONField(null=True, blank=True)
    """What a WMS that calls the hub's API says beyond that, under the API's names; None = nothing."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "external_id"], name="shipment_once")]
        indexes = [
            models.Index(fields=["connection", "external_order_id"], name="shipment_external_order"),
            models.Index(fields=["account", "-seen_at"], name="shipment_account_seen"),
            models.Index(fields=["order"], name="shipment_untold", condition=models.Q(document__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.tracking_number or self.external_id


class ShipmentLine(AccountOwned):
    """How many of a line are in a package; `line` is empty while the WMS's line isn't known to be ours."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="lines")
    external_id = models.CharField(max_length=100)
    external_line_id = models.CharField(max_length=100)
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="shipment_lines")
    quantity = models.PositiveIntegerField()
    told = models.PositiveIntegerField(default=0)
    details = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shipment", "external_id"], name="shipment_line_once")]
