"""Keys with which programs speak to the hub."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class ApiLevel(StrEnum):
    """Whom a key acts for: one cart, a merchant with all its carts, a warehouse's merchants, or many of both."""

    CART = "cart"
    MERCHANT = "merchant"
    WAREHOUSE = "warehouse"
    MASTER = "master"


class ApiKey(AccountOwned):
    """A key of an account. Of the secret part only its first characters and its SHA-256 (in hex) are kept."""

    name = models.CharField(max_length=100)
    level = models.CharField(max_length=20)
    cart = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys")
    """Of a cart's key, the only cart that it opens."""
    api_user = models.CharField(max_length=40, unique=True)
    prefix = models.CharField(max_length=8)
    digest = models.CharField(max_length=64)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    rolled_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    url_used_at = models.DateTimeField(null=True, blank=True)
    """When it last came in an address, whether it was taken or refused."""
    revoked_at = models.DateTimeField(null=True, blank=True)
    bucket_empty_ms = models.BigIntegerField(default=0, editable=False)
    """When its leaky bucket will have run empty, in milliseconds since 1970, if nobody calls any more."""

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], condition=Q(revoked_at__isnull=True), name="api_key_name_once"),
            models.CheckConstraint(condition=Q(level__in=list(ApiLevel)), name="api_key_level_known"),
            models.CheckConstraint(
                condition=Q(level=ApiLevel.CART, cart__isnull=False) | (~Q(level=ApiLevel.CART) & Q(cart__isnull=True)),
                name="api_key_cart_of_carts_only",
            ),
        ]
        indexes = [models.Index(fields=["account", "-created_at"], name="api_key_account_created")]

    def __str__(self) -> str:
        return f"{self.name} ({self.api_user})"
