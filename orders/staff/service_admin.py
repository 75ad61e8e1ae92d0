"""Services and their runs in the staff console, with what makes them run at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cartrover.clock import hub_now
from cartrover.staff import StaffAdmin, act_on_each, one_of
from connectors.models import Outcome, Service, ServiceName, ServiceRun
from connectors.stuck import ENDED_BADLY, HELD_LONG, IN_A_ROW, OVERDUE, STUCK, stuck
from orders.staff import acts


class StuckFilter(admin.SimpleListFilter):
    title = "stuck"
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("any", "in any way"),
            ("overdue", f"due for {OVERDUE.seconds // 60} minutes and not run"),
            ("held", f"held by one run for {HELD_LONG.seconds // 60} minutes"),
            ("failing", f"failed {IN_A_ROW} times in a row"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        now = hub_now()
        return queryset.filter(STUCK[value](now) if value in STUCK else stuck(now))


class EndedFilter(admin.SimpleListFilter):
    title = "ended"
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("badly", "badly, in whatever way"), *((str(one), str(one)) for one in Outcome)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None:
                return queryset
            case "badly":
                return queryset.filter(outcome__in=ENDED_BADLY)
            case value:
                return queryset.filter(outcome=value)


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
    actions = ("run_now",)
    sortable_by = ("name", "connection", "account", "due_at", "last_run_at", "failures", "lease_until")
    list_filter = (StuckFilter, one_of("name", ServiceName), one_of("last_outcome", Outcome))
    list_select_related = ("account", "connection")
    search_fields = ("connection__name", "account__slug")

    @admin.action(description="Run the ticked services now", permissions=["act"])
    def run_now(self, request: HttpRequest, rows: QuerySet[Service]) -> None:
        actor = str(request.user)
        chosen = rows.select_related("account", "connection")
        act_on_each(self, request, chosen, lambda one: acts.run_now(one, actor), done="made due: a worker takes them now.")


@admin.register(ServiceRun)
class ServiceRunAdmin(StaffAdmin):
    list_display = ("service_name", "connection_name", "account", "started_at", "finished_at", "outcome", "named", "said")
    actions = ("run_again",)
    list_filter = (EndedFilter, one_of("service__name", ServiceName, "service"))
    list_select_related = ("account", "service__connection")
    search_fields = ("service__connection__name", "account__slug")

    @admin.display(description="service")
    def service_name(self, run: ServiceRun) -> str:
        return run.service.name

    @admin.display(description="connection")
    def connection_name(self, run: ServiceRun) -> str:
        return run.service.connection.name

    @admin.display(description="words")
    def said(self, run: ServiceRun) -> str:
        return run.words[:120] or ", ".join(f"{count} {name}" for name, count in run.counts.items())

    @admin.action(description="Run the services of the ticked runs again now", permissions=["act"])
    def run_again(self, request: HttpRequest, rows: QuerySet[ServiceRun]) -> None:
        actor = str(request.user)
        services = {run.service_id: run.service for run in rows.select_related("service__account", "service__connection")}
        act_on_each(
            self,
            request,
            services.values(),
            lambda one: acts.run_now(one, actor),
            done="made due: a worker takes them now.",
        )
