"""Connections to the outside, their secrets, their services, and what they remember between runs."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.leasing import Leased
from cartrover.tenancy import AccountOwned


class ConnectionState(StrEnum):
    """`new` was never tested with success; `broken` waits for a person or the far side and is probed; `paused` by a person."""

    NEW = "new"
    OK = "ok"
    BROKEN = "broken"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"


class Connection(AccountOwned):
    """A cart or a WMS of an account. Never deleted: its order history is what keeps an order from coming twice."""

    kind = models.CharField(max_length=60)
    side = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    settings = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, default=ConnectionState.NEW)
    live = models.BooleanField(default=False)
    """False is test mode: live orders wait, test orders run through."""
    activated_at = models.DateTimeField(null=True, blank=True)
    remote_identity = models.CharField(max_length=300, blank=True, default="")
    destination = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="sources")
    """Of a cart: the WMS that its orders go to; empty = the only one."""
    broken_words = models.TextField(blank=True, default="")
    needs_person = models.BooleanField(default=False)
    probe_at = models.DateTimeField(null=True, blank=True)
    probes = models.PositiveIntegerField(default=0)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="connection_name_once"),
            models.UniqueConstraint(
                fields=["kind", "remote_identity"],
                condition=~Q(remote_identity="") & ~Q(state=ConnectionState.DISCONNECTED),
                name="connection_remote_once",
            ),
            models.CheckConstraint(condition=Q(state__in=list(ConnectionState)), name="connection_state_known"),
            models.CheckConstraint(condition=Q(side__in=["cart", "wms"]), name="connection_side_known"),
        ]
        indexes = [models.Index(fields=["account", "side"], name="connection_account_side")]

    def __str__(self) -> str:
        return self.name


class ConnectionSecret(AccountOwned, Leased):
    """One sealed secret of a connection: a password, a client secret, an OAuth token, or the pinned host key.

    `name` is the field's name, or `oauth_token`, or `host_key`. The lease is held while a token is renewed.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="secrets")
    name = models.CharField(max_length=60)
    sealed = models.BinaryField()
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="secret_name_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.name}"


class ConnectionTest(AccountOwned):
    """The last test that a person made of a connection, step by step while it runs. `finished_at` is None until it ends."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="last_test")
    by = models.CharField(max_length=254)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    steps = models.JSONField(default=list, blank=True)
    """Each a list: name, whether it is well, its words, and whether it asks for something."""

    def __str__(self) -> str:
        return f"test of {self.connection_id} at {self.started_at:%Y-%m-%d %H:%M}"


class OAuthHandshake(AccountOwned):
    """A grant under way: what the browser must bring back from the far side. Used once, for ten minutes."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="handshakes")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"handshake for {self.connection_id}"


class ServiceName(StrEnum):
    ORDER_DOWNLOAD = "order_download"
    ORDER_DELIVERY = "order_delivery"
    SHIPMENT_PICKUP = "shipment_pickup"
    INVENTORY_PICKUP = "inventory_pickup"
    SHIPMENT_UPLOAD = "shipment_upload"
    INVOICE_UPLOAD = "invoice_upload"
    INVENTORY_UPLOAD = "inventory_upload"
    CANCEL_UPLOAD = "cancel_upload"


class Outcome(StrEnum):
    """How a run ended: `problems` = done, but something needs looking at; `busy` = a living worker holds the service."""

    DONE = "done"
    PROBLEMS = "problems"
    NOTHING = "nothing"
    BUSY = "busy"
    SLOWED = "slowed"
    LATER = "later"
    BROKEN = "broken"
    PAUSED = "paused"
    FAILED = "failed"


class Service(AccountOwned, Leased):
    """One scheduled flow of a connection, the unit of claiming.

    `every` is "off", "automatic", a number of minutes as text, or "daily@HH" in the account's zone; "" is off until the
    connection is activated, which sets the default. `cursor` is where its walks stand.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=30)
    every = models.CharField(max_length=20, default="off")
    cursor = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    """None = nothing to do until something rings."""
    slowed_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=20, blank=True, default="")
    last_words = models.TextField(blank=True, default="")
    last_counts = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="service_once"),
            models.CheckConstraint(condition=Q(name__in=list(ServiceName)), name="service_name_known"),
        ]
        indexes = [models.Index(fields=["due_at"], name="service_due")]

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.name}"


class ServiceRun(AccountOwned):
    """A finished or unfinished run, with its counts and its log for people."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    named = models.BooleanField(default=False)
    outcome = models.CharField(max_length=20, blank=True, default="")
    counts = models.JSONField(default=dict, blank=True)
    words = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["service", "-started_at"], name="run_service_started"),
            models.Index(fields=["account", "-started_at"], name="run_account_started"),
        ]

    def __str__(self) -> str:
        return f"run of {self.service_id} at {self.started_at:%Y-%m-%d %H:%M}"


class ServiceDay(AccountOwned):
    """What a service did on one day in the account's zone, added up at the end of each run: cheap to draw however many ran."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    runs = models.PositiveIntegerField(default=0)
    troubles = models.PositiveIntegerField(default=0)
    """Runs that ended with a problem, were put off or failed."""
    counts = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "day"], name="service_day_once")]
        indexes = [models.Index(fields=["account", "day"], name="service_day_account")]

    def __str__(self) -> str:
        return f"{self.service_id} on {self.day}"


class RemoteFact(AccountOwned, Leased):
    """Something that a connection remembers of the far side, by kind and key: a variant's id by SKU, a company's by its code.

    A row with an empty value is being made; its lease says by whom, `attempts` how often that was begun.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="facts")
    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=200)
    value = models.CharField(max_length=200, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "key"], name="fact_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class RequestBudget(models.Model):
    """How many requests a remote account still allows until `reset_at`; one row for all workers, drawn in blocks.

    `spent` is how many were made in the month that begins on `month` (UTC), where the far side counts months.
    """

    remote = models.CharField(max_length=300, unique=True)
    limit = models.PositiveIntegerField(default=0)
    remaining = models.IntegerField(default=0)
    reset_at = models.DateTimeField(null=True, blank=True)
    month = models.DateField(null=True, blank=True)
    spent = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.remaining} of {self.limit} until {self.reset_at}"


class RequestSlot(Leased):
    """One of the requests that may be under way at once at a remote account; whoever holds its lease has one under way."""

    remote = models.CharField(max_length=300)
    number = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["remote", "number"], name="request_slot_once")]

    def __str__(self) -> str:
        return f"request {self.number + 1} of {self.remote}"


class Pulse(models.Model):
    """When a part of the installation was last seen at work, and on which machine. One row a part; of no account."""

    name = models.CharField(max_length=60, unique=True)
    at = models.DateTimeField(default=timezone.now)
    machine = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
