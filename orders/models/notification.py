"""Who is told of alerts, and what each is yet to be told."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.leasing import Leased
from cartrover.tenancy import AccountOwned
from orders.models.alert import Alert


class ChannelKind(StrEnum):
    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"


class Scope(StrEnum):
    """Which alerts a channel is told of."""

    ALL = "all"
    PERSON = "person"
    """Only those that need a person: what mends itself is left out."""


class Pace(StrEnum):
    AT_ONCE = "at_once"
    DAILY = "daily"


class NotificationChannel(AccountOwned, Leased):
    """A way to tell somebody. With a `user` it is that member's own e-mail, else one of the account.

    `address` is an e-mail address; that of a webhook is a secret and sealed, and `shown` is what pages say of it. One worker at
    a time holds the lease and sends what waits, not before `due_at`.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="notification_channels"
    )
    kind = models.CharField(max_length=20, default=ChannelKind.EMAIL)
    name = models.CharField(max_length=100, blank=True, default="")
    address = models.EmailField(blank=True, default="")
    sealed_address = models.BinaryField(null=True, blank=True)
    shown = models.CharField(max_length=300, blank=True, default="")
    sealed_secret = models.BinaryField(null=True, blank=True)
    """Of a webhook: the key with which its bodies are signed."""
    scope = models.CharField(max_length=20, default=Scope.PERSON)
    pace = models.CharField(max_length=20, default=Pace.AT_ONCE)
    hour = models.PositiveSmallIntegerField(default=8, validators=[MaxValueValidator(23)])
    """Of a daily digest, in the account's zone."""
    tell_resolved = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    last_words = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], condition=Q(user__isnull=False), name="channel_user_once"),
            models.UniqueConstraint(fields=["account", "name"], condition=Q(user__isnull=True), name="channel_name_once"),
            models.CheckConstraint(condition=Q(kind__in=list(ChannelKind)), name="channel_kind_known"),
            models.CheckConstraint(condition=Q(scope__in=list(Scope)), name="channel_scope_known"),
            models.CheckConstraint(condition=Q(pace__in=list(Pace)), name="channel_pace_known"),
            models.CheckConstraint(condition=Q(hour__lte=23), name="channel_hour_of_day"),
        ]

    def __str__(self) -> str:
        return self.name or (str(self.user) if self.user is not None else self.kind)


class NotificationEvent(StrEnum):
    OPENED = "opened"
    RESOLVED = "resolved"


class NotificationState(StrEnum):
    """`dropped`: there was nothing to tell any more, or nobody to tell it."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"


class Notification(AccountOwned):
    """One thing that a channel is told once: that an alert opened, or that it is resolved. `public_id` is its id there."""

    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notifications")
    event = models.CharField(max_length=20)
    state = models.CharField(max_length=20, default=NotificationState.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "alert", "event"], name="notification_once"),
            models.CheckConstraint(condition=Q(event__in=list(NotificationEvent)), name="notification_event_known"),
            models.CheckConstraint(condition=Q(state__in=list(NotificationState)), name="notification_state_known"),
        ]
        indexes = [models.Index(fields=["channel", "id"], name="notification_waiting", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.event}: {self.alert_id}"
