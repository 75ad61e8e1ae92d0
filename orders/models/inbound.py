"""Files that came: the row first, then the bytes, then what was read in them."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.models import Connection


class InboundState(StrEnum):
    """SEEN: may still grow. WANTED: to be fetched. FETCHED: stored. READ: done. REFUSED: unreadable. GONE: nowhere any more."""

    SEEN = "seen"
    WANTED = "wanted"
    FETCHED = "fetched"
    READ = "read"
    REFUSED = "refused"
    GONE = "gone"
    REPLACED = "replaced"


class InboundDocument(AccountOwned):
    """A file of a cart, known by connection, feed, name, size and mtime as it was listed. The row exists before the fetch."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="inbound_documents")
    feed = models.CharField(max_length=30, default="orders")
    name = models.CharField(max_length=300)
    size = models.BigIntegerField()
    modified_at = models.DateTimeField()
    state = models.CharField(max_length=20, default=InboundState.SEEN)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    words = models.TextField(blank=True, default="")
    counts = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)
    fetched_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "feed", "name", "size", "modified_at"], name="inbound_once"),
            models.CheckConstraint(condition=Q(state__in=list(InboundState)), name="inbound_state_known"),
        ]
        indexes = [
            models.Index(fields=["connection", "state"], name="inbound_connection_state"),
            models.Index(fields=["account", "-seen_at"], name="inbound_account_seen"),
            models.Index(fields=["connection", "sha256"], name="inbound_connection_hash", condition=~Q(sha256="")),
        ]

    def __str__(self) -> str:
        return self.name


class InboundBody(AccountOwned):
    """A compressed piece of a document, in order; pieces keep memory flat whatever the file's size."""

    document = models.ForeignKey(InboundDocument, on_delete=models.CASCADE, related_name="bodies", db_index=False)
    seq = models.PositiveIntegerField()
    deflated = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "seq"], name="inbound_body_once")]
