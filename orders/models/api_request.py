"""Requests of programs as they came, so that the number on an answer leads to what was asked."""

from __future__ import annotations

import zlib
from enum import StrEnum

from django.db import models
from django.utils import timezone

from cartrover.accounts.models import Account
from cartrover.ids import new_id
from cartrover.tenancy import TenantManager


class ErrorCode(StrEnum):
    """`Invalid`: the data is wrong or missing. `Failure`: it can't be done. `RateLimit`: too many calls.

    Source: CartRover reference 1.4.
    """

    INVALID = "Invalid"
    FAILURE = "Failure"
    RATE_LIMIT = "RateLimit"


class ApiRequest(models.Model):
    """One request to the API and how it was answered; secrets and payment data are masked.

    `public_id` is the answer's X-CartRover-Process-ID. `account` is empty where nobody knows who asked. The body is compressed
    and cut; it goes with the account's retention.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    api_user = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    query = models.TextField(blank=True, default="")
    deflated = models.BinaryField(null=True, blank=True)
    status = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=20, blank=True, default="")
    words = models.TextField(blank=True, default="")
    elapsed_ms = models.PositiveIntegerField(default=0)

    objects = TenantManager()

    class Meta:
        verbose_name = "API request"
        indexes = [
            models.Index(fields=["account", "-at", "-id"], name="api_request_account_at"),
            models.Index(fields=["at"], name="api_request_at"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def body(self) -> str:
        """The body as it was kept; "" for none."""
        return zlib.decompress(bytes(self.deflated)).decode() if self.deflated is not None else ""
