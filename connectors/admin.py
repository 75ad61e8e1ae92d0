"""Connections in the staff console, to look at: they are changed by actions, which test them and leave a trail."""

from __future__ import annotations

from django.contrib import admin

from cartrover.staff import StaffAdmin, StaffInline, one_of
from connectors.contract import Side
from connectors.models import (
    Connection,
    ConnectionSecret,
    ConnectionState,
    ConnectionTest,
    OAuthHandshake,
    Outcome,
    RemoteFact,
    RequestBudget,
    Service,
    ServiceName,
    ServiceRun,
)


class ServiceInline(StaffInline):
    model = Service
    fields = ("name", "every", "due_at", "last_run_at", "last_outcome", "last_words")


class SecretInline(StaffInline):
    model = ConnectionSecret
    fields = ("name", "version", "changed_at")
    show_change_link = False


@admin.register(Connection)
class ConnectionAdmin(StaffAdmin):
    list_display = ("name", "account", "kind", "side", "state", "live", "checked_at", "probe_at")
    list_filter = (one_of("state", ConnectionState), one_of("side", Side), "live")
    list_select_related = ("account",)
    search_fields = ("name", "kind", "remote_identity", "account__slug", "account__name", "=public_id")
    inlines = (ServiceInline, SecretInline)


@admin.register(ConnectionSecret)
class ConnectionSecretAdmin(StaffAdmin):
    """That a secret exists and when it changed; never the secret, not even sealed."""

    hides = ("sealed", "public_id", "lease_token", "lease_owner", "lease_until")
    list_display = ("name", "connection", "account", "version", "changed_at")
    list_select_related = ("account", "connection")
    search_fields = ("name", "connection__name", "account__slug")


@admin.register(OAuthHandshake)
class OAuthHandshakeAdmin(StaffAdmin):
    """A grant under way; the state that protects it is not shown."""

    hides = ("state",)
    list_display = ("connection", "account", "user", "created_at", "used_at")
    list_select_related = ("account", "connection", "user")
    search_fields = ("connection__name", "account__slug", "user__email")


@admin.register(Service)
class ServiceAdmin(StaffAdmin):
    hides = ("lease_token",)
    list_display = (
        "name",
        "connection",
        "account",
        "every",
        "due_at",
        "last_run_at",
        "last_outcome",
        "failures",
        "lease_until",
    )
    list_filter = (one_of("name", ServiceName), one_of("last_outcome", Outcome))
    list_select_related = ("account", "connection")
    search_fields = ("connection__name", "account__slug")


@admin.register(ServiceRun)
class ServiceRunAdmin(StaffAdmin):
    list_display = ("service_name", "connection_name", "account", "started_at", "finished_at", "outcome", "named", "counts")
    list_filter = (one_of("outcome", Outcome), one_of("service__name", ServiceName, "service"))
    list_select_related = ("account", "service__connection")
    search_fields = ("service__connection__name", "account__slug")

    @admin.display(description="service")
    def service_name(self, run: ServiceRun) -> str:
        return run.service.name

    @admin.display(description="connection")
    def connection_name(self, run: ServiceRun) -> str:
        return run.service.connection.name


@admin.register(RemoteFact)
class RemoteFactAdmin(StaffAdmin):
    hides = ("lease_token",)
    list_display = ("kind", "key", "value", "connection", "account", "attempts", "seen_at")
    list_select_related = ("account", "connection")
    search_fields = ("=key", "=value", "connection__name", "account__slug")


@admin.register(RequestBudget)
class RequestBudgetAdmin(StaffAdmin):
    list_display = ("remote", "limit", "remaining", "reset_at")
    search_fields = ("remote",)


@admin.register(ConnectionTest)
class ConnectionTestAdmin(StaffAdmin):
    list_display = ("connection", "account", "by", "started_at", "finished_at")
    list_select_related = ("account", "connection")
    search_fields = ("connection__name", "account__slug", "by")
