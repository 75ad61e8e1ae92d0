"""Invoices: the WMS's, or made by the hub from shipments, and what of them the cart was told."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection
from orders.models.order import Order, OrderLine
from orders.models.outbound import OutboundDocument
from orders.models.shipment import Shipment


class Invoice(AccountOwned):
    """One invoice. `number` is the WMS's; `told_id` is the invoice id that the cart gets, never used twice in a cart."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="invoices")
    external_id = models.CharField(max_length=100)
    """The WMS's id; "shipment:<id>" for one that the hub made."""
    external_order_id = models.CharField(max_length=100, blank=True, default="")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices")
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices")
    number = models.CharField(max_length=100, blank=True, default="")
    invoice_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    total = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    currency = models.CharField(max_length=3, blank=True, default="")
    is_void = models.BooleanField(default=False)
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="told_invoices")
    told_id = models.CharField(max_length=100, blank=True, default="")
    document = models.ForeignKey(OutboundDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="invoice_once"),
            models.UniqueConstraint(fields=["cart", "told_id"], condition=~Q(told_id=""), name="invoice_told_id_once"),
        ]
        indexes = [
            models.Index(fields=["connection", "external_order_id"], name="invoice_external_order"),
            models.Index(fields=["account", "-seen_at"], name="invoice_account_seen"),
            models.Index(fields=["order"], name="invoice_untold", condition=Q(document__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.told_id or self.number


class InvoiceLine(AccountOwned):
    """How many of a line are on an invoice; freeform lines of the WMS are in the total only."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    external_id = models.CharField(max_length=100)
    external_line_id = models.CharField(max_length=100, blank=True, default="")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="invoice_lines")
    quantity = models.PositiveIntegerField()
    told = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "external_id"], name="invoice_line_once")]
