"""What goes out: messages about single orders to the WMS, and files to carts, each with every attempt that was made."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.leasing import Leased
from cartrover.tenancy import AccountOwned
from connectors.contract import Purpose
from connectors.models import Connection
from orders.models.order import Order, OrderLine


class MessagePurpose(StrEnum):
    DELIVER = "deliver"
    CANCEL = "cancel"


class MessageState(StrEnum):
    """WAITING: not begun, or provably not executed. SENDING: an attempt began. UNKNOWN: an attempt ended without an outcome;
    ask the far side first. DONE, DROPPED: nothing more to do. HELD: the order's hold says why."""

    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    HELD = "held"
    DROPPED = "dropped"


OPEN_STATES = [MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN, MessageState.HELD]


class OutboundMessage(AccountOwned, Leased):
    """One thing that the WMS must be told of one order, once.

    The idempotency key is the message's public id and `generation`. Messages of one order keep their order.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="messages", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="messages", db_index=False)
    purpose = models.CharField(max_length=20, default=MessagePurpose.DELIVER)
    state = models.CharField(max_length=20, default=MessageState.WAITING)
    generation = models.PositiveIntegerField(default=1)
    taken = models.CharField(max_length=60, blank=True, default="")
    """What the far side said is taken already, comma-separated: key, number, label."""
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    """When the last attempt began."""
    first_failed_at = models.DateTimeField(null=True, blank=True)
    words = models.TextField(blank=True, default="")
    telling = models.JSONField(null=True, blank=True)
    """Of a cancellation: what the cart is told once the WMS agrees (code and reason); None = a person wants it told nothing."""
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=list(MessageState)), name="message_state_known"),
            models.CheckConstraint(condition=Q(purpose__in=list(MessagePurpose)), name="message_purpose_known"),
            models.UniqueConstraint(fields=["order", "purpose"], condition=Q(state__in=OPEN_STATES), name="message_open_once"),
        ]
        indexes = [
            models.Index(
                fields=["connection", "due_at", "id"],
                name="message_due",
                condition=Q(state__in=[MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]),
            ),
            models.Index(fields=["order", "id"], name="message_order"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of order {self.order_id}"

    @property
    def key(self) -> str:
        """The idempotency key: stable for as long as the far side may have seen it."""
        return f"{self.public_id}-{self.generation}"


class DocumentState(StrEnum):
    """READY: fixed, not sent. SENDING, UNKNOWN: as for messages. SENT: whole in the far side's folder. TAKEN: the far side has
    taken it. HELD: needs a person. REPLACED: a newer one went instead."""

    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    TAKEN = "taken"
    HELD = "held"
    REPLACED = "replaced"


class OutboundDocument(AccountOwned, Leased):
    """A file for a cart. Name and bytes are fixed and stored before the first upload, and never change afterwards."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="outbound_documents")
    purpose = models.CharField(max_length=20)
    name = models.CharField(max_length=300)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    deflated = models.BinaryField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=20, default=DocumentState.READY)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    words = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "name"], name="outbound_document_name_once"),
            models.CheckConstraint(condition=Q(state__in=list(DocumentState)), name="outbound_document_state_known"),
            models.CheckConstraint(condition=Q(purpose__in=list(Purpose)), name="outbound_document_purpose_known"),
        ]
        indexes = [
            models.Index(fields=["connection", "purpose", "state"], name="outbound_document_open"),
            models.Index(fields=["account", "-created_at"], name="outbound_document_created"),
        ]

    def __str__(self) -> str:
        return self.name


class OutboundAttempt(AccountOwned):
    """One try: committed before the call, its outcome after it. Without an outcome nobody knows, and the far side is asked."""

    message = models.ForeignKey(OutboundMessage, on_delete=models.CASCADE, null=True, blank=True, related_name="tries")
    document = models.ForeignKey(OutboundDocument, on_delete=models.CASCADE, null=True, blank=True, related_name="tries")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=30, blank=True, default="")
    status = models.PositiveIntegerField(null=True, blank=True)
    elapsed_ms = models.PositiveIntegerField(null=True, blank=True)
    request = models.TextField(blank=True, default="")
    answer = models.TextField(blank=True, default="")
    words = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(message__isnull=False, document__isnull=True) | Q(message__isnull=True, document__isnull=False),
                name="attempt_of_one_thing",
            ),
        ]


class LineCancellation(AccountOwned):
    """A quantity of a line that will not come, and the file that told the cart so (None = not told yet)."""

    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="cancellations")
    quantity = models.PositiveIntegerField()
    because = models.CharField(max_length=200)
    code = models.CharField(max_length=40, blank=True, default="")
    """The cart's code for the reason, where a person chose one; else the one in the cart's settings."""
    created_at = models.DateTimeField(default=timezone.now)
    document = models.ForeignKey(
        OutboundDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="cancellations"
    )
