"""Connections in the staff console, to look at: they are changed by actions, which test them and leave a trail."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from cartrover.clock import hub_now
from cartrover.staff import StaffAdmin, StaffInline, one_of
from connectors.contract import Side
from connectors.models import (
    Connection,
    ConnectionSecret,
    ConnectionState,
    ConnectionTest,
    OAuthHandshake,
    Outcome,
    Pulse,
    RemoteFact,
    RequestBudget,
    RequestSlot,
    Service,
    ServiceDay,
)
from connectors.stuck import stuck

BECAUSE = "staff console"


class HealthFilter(admin.SimpleListFilter):
    title = "needs"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("person", "a person of the merchant"), ("us", "one of us: a service is stuck")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "person":
                return queryset.filter(needs_person=True)
            case "us":
                services = Service.objects.across_accounts(BECAUSE).filter(stuck(hub_now()))
                return queryset.filter(Exists(services.filter(connection=OuterRef("pk"))))
            case _:
                return queryset


class ServiceInline(StaffInline):
    model = Service
    fields = ("name", "every", "due_at", "last_run_at", "last_outcome", "failures", "last_words")


class SecretInline(StaffInline):
    model = ConnectionSecret
    fields = ("name", "version", "changed_at")
    show_change_link = False


@admin.register(Connection)
class ConnectionAdmin(StaffAdmin):
    list_display = ("name", "account", "kind", "health", "live", "services_said", "checked_at", "probe_at")
    list_filter = (one_of("state", ConnectionState), HealthFilter, one_of("side", Side), "live")
    list_select_related = ("account",)
    sortable_by = ("name", "account", "kind", "health", "checked_at", "probe_at")
    search_fields = ("name", "kind", "remote_identity", "account__slug", "account__name", "=public_id")
    inlines = (ServiceInline, SecretInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        services = Service.objects.across_accounts(BECAUSE).order_by("pk")
        return super().get_queryset(request).prefetch_related(Prefetch("services", queryset=services))

    @admin.display(description="state", ordering="state")
    def health(self, connection: Connection) -> str:
        tone = {"ok": "good", "broken": "bad", "new": "quiet"}.get(connection.state, "quiet")
        words = "needs a person" if connection.needs_person else "trying again" if connection.state == "broken" else ""
        return format_html('<span class="staff-{}">{}</span> {}', tone, connection.state, words)

    @admin.display(description="last runs")
    def services_said(self, connection: Connection) -> str:
        ran = [one for one in connection.services.all() if one.last_run_at is not None]
        parts = ((_tone(one), one.last_words[:200], _label(one), _age(one.last_run_at)) for one in ran)
        return format_html_join("", '<span class="staff-run staff-{}" title="{}">{} {}</span>', parts) or "none yet"


def _tone(service: Service) -> str:
    return "bad" if service.last_outcome in (Outcome.FAILED, Outcome.BROKEN) else "quiet"


def _label(service: Service) -> str:
    return service.name.replace("_", " ")


def _age(moment: Any) -> str:
    seconds = max(int((hub_now() - moment).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


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


@admin.register(ServiceDay)
class ServiceDayAdmin(StaffAdmin):
    list_display = ("service_name", "account", "day", "runs", "troubles")
    list_select_related = ("account", "service")
    search_fields = ("account__slug",)

    @admin.display(description="service")
    def service_name(self, day: ServiceDay) -> str:
        return day.service.name


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


@admin.register(RequestSlot)
class RequestSlotAdmin(StaffAdmin):
    list_display = ("remote", "number", "lease_owner", "lease_until")
    search_fields = ("remote",)


@admin.register(ConnectionTest)
class ConnectionTestAdmin(StaffAdmin):
    list_display = ("connection", "account", "by", "started_at", "finished_at")
    list_select_related = ("account", "connection")
    search_fields = ("connection__name", "account__slug", "by")


@admin.register(Pulse)
class PulseAdmin(StaffAdmin):
    list_display = ("name", "at", "machine")
    search_fields = ("name",)
