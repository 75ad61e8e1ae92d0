"""How people look at the list of orders: questions that they keep, and the columns that they like."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cartrover.tenancy import AccountOwned


class SavedView(AccountOwned):
    """A filter of the list under a name, of one person or (without `user`) of all. `columns` is empty for each one's own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=60)
    query = models.JSONField(default=dict, blank=True)
    columns = models.JSONField(default=list, blank=True)
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user", "name"], name="view_name_once_for_a_person"),
            models.UniqueConstraint(fields=["account", "name"], condition=Q(user__isnull=True), name="view_name_once_for_all"),
        ]
        indexes = [models.Index(fields=["account", "position"], name="view_account_position")]

    def __str__(self) -> str:
        return self.name


class ListColumns(AccountOwned):
    """The columns of the list of orders that a person has chosen."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    columns = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="columns_once_for_a_person")]
