"""What merchants ask support for, and the conversation about it."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class SupportState(StrEnum):
    """Support is to act on the first two, the merchant on the third; the last two are over."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    WAITING_FOR_YOU = "waiting_for_you"
    DONE = "done"
    WITHDRAWN = "withdrawn"


UNFINISHED = (SupportState.OPEN, SupportState.IN_PROGRESS, SupportState.WAITING_FOR_YOU)


class SupportRequest(AccountOwned):
    """A ticket: help with setting a connection up. `fee` is what was shown when the merchant confirmed it."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="support_requests")
    number = models.PositiveIntegerField()
    """Counts from 1 in each account."""
    state = models.CharField(max_length=20, default=SupportState.OPEN)
    words = models.TextField(blank=True, default="")
    fee = models.CharField(max_length=200)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="support_number_once"),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state__in=list(UNFINISHED)), name="support_unfinished_once"
            ),
            models.CheckConstraint(condition=Q(state__in=list(SupportState)), name="support_state_known"),
        ]
        indexes = [models.Index(fields=["account", "-updated_at"], name="support_account_updated")]

    def __str__(self) -> str:
        return f"request {self.number} of {self.account_id}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED


class SupportNote(AccountOwned):
    """Something that was said about a request, by a member of the account or by support."""

    request = models.ForeignKey(SupportRequest, on_delete=models.CASCADE, related_name="notes")
    who = models.CharField(max_length=254)
    by_support = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    words = models.TextField()

    def __str__(self) -> str:
        return f"{self.who}: {self.words[:60]}"
