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
from orders.models.order import OrderEvent
from orders.models.stock import StockReading


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
    tell_alerts = models.BooleanField(default=True)
    tell_orders = models.BooleanField(default=False)
    tell_shipments = models.BooleanField(default=False)
    tell_stock = models.BooleanField(default=False)
    """These three of webhooks alone: programs are told what happened, and read the rest by the API."""
    looked_at = models.DateTimeField(null=True, blank=True)
    """Up to when what happened was looked through for it; None = it was never told of anything but alerts."""
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
    HAPPENED = "happened"
    """Something in an order's story."""
    STOCK = "stock"


class NotificationState(StrEnum):
    """`dropped`: there was nothing to tell any more, or nobody to tell it."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"


class Notification(AccountOwned):
    """One thing that a channel is told once: that an alert opened or is resolved, what happened to an order, or that stock was
    read. `public_id` is its id there, also when it is told again because somebody asked for that."""

    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications")
    story = models.ForeignKey(OrderEvent, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    reading = models.ForeignKey(StockReading, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    event = models.CharField(max_length=20)
    state = models.CharField(max_length=20, default=NotificationState.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    replayed = models.BooleanField(default=False)
    """Somebody asked for it once more: it goes out although what it tells may be over by now."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "alert", "event"], name="notification_once"),
            models.UniqueConstraint(fields=["channel", "story"], name="notification_story_once"),
            models.UniqueConstraint(fields=["channel", "reading"], name="notification_reading_once"),
            models.CheckConstraint(
                condition=Q(event__in=["opened", "resolved"], alert__isnull=False)
                | Q(event="happened", story__isnull=False)
                | Q(event="stock", reading__isnull=False),
                name="notification_of_something",
            ),
            models.CheckConstraint(condition=Q(event__in=list(NotificationEvent)), name="notification_event_known"),
            models.CheckConstraint(condition=Q(state__in=list(NotificationState)), name="notification_state_known"),
        ]
        indexes = [
            models.Index(fields=["channel", "id"], name="notification_waiting", condition=Q(state="waiting")),
            models.Index(fields=["channel", "-created_at", "-id"], name="notification_channel_created"),
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.alert_id}"
