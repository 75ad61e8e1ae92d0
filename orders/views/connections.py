"""Carts and WMS: the list, and the pages of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings as hub_settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors import actions
from connectors.field_values import texts
from connectors.hub_fields import fields_of
from connectors.models import Connection
from connectors.readers import secret_names_of
from connectors.refusals import Refused
from connectors.setup_forms import groups_of, rows_of, typed_in, without_untouched
from connectors.watched_tests import last_test
from orders.listings import connections as listing
from orders.views.queries import public_id_of


@require_safe
@account_page(Role.VIEWER)
def connection_list(request: AccountRequest) -> HttpResponse:
    return render(request, "connections/list.html", {"lists": listing.connection_lists(request.account), **rights(request)})


@require_safe
@account_page(Role.VIEWER)
def connection_detail(request: AccountRequest, public_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    shown = {"page": listing.connection_page(connection), "test": last_test(connection), "tab": "connection"}
    return render(request, "connections/connection.html", {**shown, **around(request, connection)})


@require_safe
@account_page(Role.VIEWER)
def connection_services(request: AccountRequest, public_id: UUID) -> HttpResponse:
    return running_part(request, connection_or_404(request, public_id))


def running_part(request: AccountRequest, connection: Connection) -> HttpResponse:
    """Return the part of the first page that keeps itself up to date while something runs."""
    shown = {"page": listing.connection_page(connection), **around(request, connection)}
    return render(request, "connections/_running.html", shown)


@require_safe
@account_page(Role.VIEWER)
def connection_runs(request: AccountRequest, public_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    page = listing.runs_page(connection, public_id_of(request.GET.get("after", "")))
    return render(request, "connections/runs.html", {"page": page, "tab": "connection_runs", **around(request, connection)})


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def connection_settings(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Show the settings, and save what was changed; what can't be saved stays in the form with words."""
    connection = connection_or_404(request, public_id)
    head = listing.connection_head(connection)
    if head.spec is None:
        return render(request, "connections/settings.html", {"tab": "connection_settings", **around(request, connection)})
    fields = fields_of(head.spec)
    shown = texts(fields, connection.settings)
    problems: dict[str, str] = {}
    refusal = ""
    if request.method == "POST":
        typed, secrets = typed_in(fields, request.POST)
        try:
            saved = actions.connection_save(
                account=request.account,
                kind=connection.kind,
                name=connection.name,
                settings=without_untouched(typed, shown),
                secrets=secrets,
                actor=str(request.user),
            )
        except Refused as refused:
            problems = {problem.field: problem.words for problem in refused.problems}
            refusal = "" if problems else refused.words
            shown = {**shown, **typed}
        else:
            return saved_and_back(request, saved)
    rows = rows_of(fields, shown, secret_names_of(connection), problems)
    page = {
        "groups": groups_of(head.spec, rows),
        "refusal": refusal,
        "wrong": len(problems),
        "tab": "connection_settings",
        "addresses": hub_settings.OUTGOING_ADDRESSES,
        "destinations": listing.destinations_of(connection),
    }
    status = 422 if problems or refusal else 200
    return render(request, "connections/settings.html", {**page, **around(request, connection)}, status=status)


def saved_and_back(request: AccountRequest, connection: Connection) -> HttpResponse:
    """Say that it was saved, and lead to the settings of the connection, which may be an older one with its history."""
    messages.success(request, "Saved. Test the connection to see whether it works with these settings.")
    return redirect("connection_settings", slug=request.account.slug, public_id=connection.public_id)


def connection_or_404(request: AccountRequest, public_id: UUID) -> Connection:
    """Return the account's connection of that id. Raise `Http404` when it has no such one."""
    connection = listing.connection_of(request.account, public_id)
    if connection is None:
        raise Http404("This account has no such connection.")
    return connection


def rights(request: AccountRequest) -> dict[str, bool]:
    """Return what the person may do here, for templates."""
    return {"may_run": request.membership.may(Role.OPERATOR), "may_change": request.membership.may(Role.OWNER)}


def around(request: AccountRequest, connection: Connection) -> dict[str, Any]:
    """Return what each page of a connection shows around its own content."""
    return {"head": listing.connection_head(connection), "connection": connection, **rights(request)}
