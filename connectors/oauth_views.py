"""The two pages of a grant: the one that sends an owner to the far side, and the one to which the far side sends them back."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role, User
from cartrover.accounts.readers import membership_in
from cartrover.content_policy import allow_forms_to
from connectors import registry
from connectors.granting import can_be_granted, consent_url, grant_begin, grant_finish, grant_take
from connectors.models import Connection
from connectors.refusals import Refused

SESSION_STATES = "oauth_states"
"""Where a session keeps the states of the grants that it began."""

KEPT_STATES = 5
"""Grants that one session may have under way: somebody who clicks twice, or in two tabs, is not turned away."""


def redirect_uri() -> str:
    """Return the address to which far sides send browsers back; it must be registered there letter by letter."""
    return f"{settings.PORTAL_URL}{reverse('oauth_callback')}"


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def grant_access(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Say what will happen; on the button, begin the grant and send the browser to the far side."""
    connection = get_object_or_404(Connection.objects.for_account(request.account), public_id=public_id)
    refusal = "" if can_be_granted(connection) else f"“{connection.name}” has no access to grant."
    if not refusal:
        try:
            if request.method == "POST":
                begun = grant_begin(connection=connection, user=request.user, redirect_uri=redirect_uri())
                _remember(request, begun.state)
                return _leading_to(redirect(begun.url), begun.url)
        except Refused as refused:
            refusal = refused.words
    spec = registry.find(connection.kind)
    page = {"connection": connection, "far_side": spec.name if spec else connection.kind, "redirect_uri": redirect_uri()}
    response = render(request, "connectors/grant.html", {**page, "refusal": refusal}, status=400 if refusal else 200)
    return _leading_to(response, consent_url(connection))


@never_cache
@login_required
@require_safe
def oauth_callback(request: HttpRequest) -> HttpResponse:
    """Take what the far side sent along, store the token and lead back to the account, with words on how it went."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required
    state = request.GET.get("state", "")
    try:
        if not _was_begun_here(request, state):
            raise Refused("This grant was not begun in this browser. Begin it on the connection's page.")
        connection = grant_take(user=user, state=state)
    except Refused as refused:
        messages.error(request, refused.words)
        return redirect("home")
    membership = membership_in(user, connection.account.slug)
    if membership is None or not membership.may(Role.OWNER):
        messages.error(request, "Only an owner of the account may grant access.")
        return redirect("home")
    _finish(request, connection, user)
    return redirect(_page_of(connection))


def _finish(request: HttpRequest, connection: Connection, user: User) -> None:
    code, error = request.GET.get("code", ""), request.GET.get("error", "")
    if error == "access_denied":
        messages.error(request, f"Access to “{connection.name}” was not granted. Begin again when you want to connect it.")
        return
    if error or not code:
        name = error if error.replace("_", "").isalnum() and len(error) <= 60 else "no reason"
        messages.error(
            request,
            f"“{connection.name}” gave no access ({name}). Check its client id and redirect address, and begin again.",
        )
        return
    try:
        works, words = grant_finish(
            connection=connection, code=code, redirect_uri=redirect_uri(), actor=str(user), told=request.GET.dict()
        )
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        (messages.success if works else messages.warning)(request, words)


def _remember(request: HttpRequest, state: str) -> None:
    request.session[SESSION_STATES] = [*request.session.get(SESSION_STATES, []), state][-KEPT_STATES:]


def _was_begun_here(request: HttpRequest, state: str) -> bool:
    states = request.session.get(SESSION_STATES, [])
    if not state or state not in states:
        return False
    request.session[SESSION_STATES] = [known for known in states if known != state]
    return True


def _leading_to(response: HttpResponse, url: str) -> HttpResponse:
    parts = urlsplit(url)
    if parts.scheme in ("https", "http") and parts.netloc:
        allow_forms_to(response, f"{parts.scheme}://{parts.netloc}")
    return response


def _page_of(connection: Connection) -> str:
    """Return where the grant leads back to: the step of the set-up guide that it belongs to, once it is live its own page."""
    where = {"slug": connection.account.slug, "public_id": connection.public_id}
    try:
        step = None if connection.live else _step_of_grant(connection)
        return f"{reverse('connection_guide', kwargs=where)}?step={step}" if step else reverse("connection", kwargs=where)
    except NoReverseMatch:  # this hub shows connections on the account's first page
        return reverse("account_home", kwargs={"slug": connection.account.slug})


def _step_of_grant(connection: Connection) -> int | None:
    """Return the number of the step at which the client of the grant is entered; None where no step does."""
    spec = registry.find(connection.kind)
    if spec is None or spec.oauth is None:
        return None
    client = spec.oauth.client_id
    return next((number for number, step in enumerate(spec.guide.steps, start=1) if client in step.fields), None)
