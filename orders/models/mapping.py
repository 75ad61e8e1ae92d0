"""What a merchant maps: products, aliases and shipping codes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class Product(AccountOwned):
    """A product of the WMS. `connection` is empty for one that was loaded by hand."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="products")
    sku = models.CharField(max_length=200)
    name = models.TextField(blank=True, default="")
    upc = models.CharField(max_length=40, blank=True, default="")
    external_id = models.CharField(max_length=100, blank=True, default="")
    tracked = models.BooleanField(default=True)
    gone = models.BooleanField(default=False)
    details = models.JSONField(null=True, blank=True)
    """What a WMS that calls the hub's API says beyond that, under the API's names; None = nothing."""
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "sku"], name="product_sku_once")]
        indexes = [models.Index(fields=["account", "upc"], name="product_upc", condition=~models.Q(upc=""))]

    def __str__(self) -> str:
        return self.sku


class ProductAlias(AccountOwned):
    """The cart's SKU on one side, the WMS's on the other; without a cart it holds for all carts."""

    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="aliases")
    cart_sku = models.CharField(max_length=200)
    wms_sku = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "product aliases"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cart_sku"], condition=models.Q(cart__isnull=True), name="alias_once_for_all_carts"
            ),
            models.UniqueConstraint(
                fields=["cart", "cart_sku"], condition=models.Q(cart__isnull=False), name="alias_once_a_cart"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cart_sku} is {self.wms_sku}"


class ShipMethodMap(AccountOwned):
    """A shipping code of a cart and the WMS's code for it. An empty `wms_code` was received and is not mapped yet."""

    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="ship_methods")
    cart_code = models.CharField(max_length=100)
    wms_code = models.CharField(max_length=100, blank=True, default="")
    first_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "cart_code"], name="ship_method_once")]

    def __str__(self) -> str:
        return f"{self.cart_code} is {self.wms_code}"
