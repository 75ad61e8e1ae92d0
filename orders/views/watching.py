"""Connection tests on a page that looks on: begun at once, then asked for every second until they end."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.models import Connection
from connectors.watched_tests import last_test, test_in_background
from orders.views.connections import connection_or_404


def is_watched(request: AccountRequest) -> bool:
    """Say whether the page itself asks, by script, and puts the answer in its place."""
    return "HX-Request" in request.headers


def begin_test(request: AccountRequest, connection: Connection) -> HttpResponse:
    """Begin to test, and return the steps so far, which ask for themselves anew."""
    test_in_background(connection, actor=str(request.user))
    return _steps(request, connection)


@require_safe
@account_page(Role.VIEWER)
def test_steps(request: AccountRequest, public_id: UUID) -> HttpResponse:
    return _steps(request, connection_or_404(request, public_id))


def _steps(request: AccountRequest, connection: Connection) -> HttpResponse:
    """Return the steps; once the test has ended the whole page is to be shown anew, as much of it has changed."""
    test = last_test(connection)
    answer = render(request, "connections/_steps.html", {"test": test, "connection": connection})
    if is_watched(request) and (test is None or not test.is_running):
        answer["HX-Refresh"] = "true"
    return answer
