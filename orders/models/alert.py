"""What needs somebody, until it doesn't."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class AlertState(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


class Alert(AccountOwned):
    """What happened, to what, and what to do. Raised once however often it happens; resolves itself when the cause is gone."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    order = models.ForeignKey("orders.Order", on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    cause = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True, default="")
    words = models.TextField()
    state = models.CharField(max_length=20, default=AlertState.OPEN)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    times = models.PositiveIntegerField(default=1)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cause", "subject"], condition=~Q(state=AlertState.RESOLVED), name="alert_open_once"
            ),
            models.CheckConstraint(condition=Q(state__in=list(AlertState)), name="alert_state_known"),
        ]
        indexes = [models.Index(fields=["account", "state", "-last_seen_at"], name="alert_account_state")]

    def __str__(self) -> str:
        return self.words
