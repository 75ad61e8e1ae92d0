"""What people do to a connection from its pages: each act says how it went and leads back."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from cartrover import locales
from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors import actions, registry
from connectors.contract import Side
from connectors.granting import access_give_back
from connectors.models import Connection
from connectors.readers import service_of
from connectors.refusals import Refused
from connectors.schedules import UNSET, services_of
from connectors.watched_tests import note_steps, test_now
from orders import words
from orders.acts import on_request
from orders.connecting import connection_changes, going_live
from orders.views.connections import connection_or_404, running_part
from orders.views.queries import public_id_of
from orders.views.watching import begin_test, is_watched


@require_POST
@account_page(Role.OWNER)
def connection_test(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Test the connection: step by step for a page that looks on, else all of it before leading back."""
    connection = connection_or_404(request, public_id)
    if is_watched(request):
        return begin_test(request, connection)
    test_now(connection, actor=str(request.user))
    return _back(request, connection, "#test")


@require_POST
@account_page(Role.OWNER)
def host_key_accept(request: AccountRequest, public_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    try:
        steps = actions.host_key_accept(connection=connection, shown=request.POST.get("shown", ""), actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        note_steps(connection, steps, actor=str(request.user))
        messages.success(request, "The host key is kept. The hub refuses every other one from now on.")
    return _back(request, connection, "#test")


@require_POST
@account_page(Role.OWNER)
def services_save(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Set the schedules that were changed in the form."""
    connection = connection_or_404(request, public_id)
    spec = registry.find(connection.kind)
    chosen: dict[str, str] = {name: request.POST.get(f"every-{name}", UNSET) for name in (services_of(spec) if spec else ())}
    kept = {row.name: row.every for row in connection.services.all()}
    try:
        changed = {name: every for name, every in chosen.items() if every not in (UNSET, kept.get(name))}
        actions.services_set(connection=connection, schedules=changed, actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, "The schedules are saved." if changed else "Nothing was changed.")
    return _back(request, connection, "#services")


@require_POST
@account_page(Role.OPERATOR)
def service_run(request: AccountRequest, public_id: UUID, name: str) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    service = service_of(connection, name)
    if service is None:
        raise Http404("This connection has no such service.")
    try:
        on_request.run_soon(service)
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(
            request, f"{words.service_label(name)} runs as soon as a worker is free, within a quarter of a minute."
        )
    return running_part(request, connection) if is_watched(request) else _back(request, connection, "#services")


@require_POST
@account_page(Role.OWNER)
def secret_remove(request: AccountRequest, public_id: UUID, name: str) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    actions.connection_secret_remove(connection=connection, name=name, actor=str(request.user))
    messages.success(request, "Removed. Test the connection to see whether it works without.")
    return redirect("connection_settings", slug=request.account.slug, public_id=connection.public_id)


@require_POST
@account_page(Role.OWNER)
def name_save(request: AccountRequest, public_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, public_id)
    try:
        connection_changes.rename(connection=connection, name=request.POST.get("name", ""), actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, f"The connection is called “{connection.name}”.")
    return redirect("connection_settings", slug=request.account.slug, public_id=connection.public_id)


@require_POST
@account_page(Role.OWNER)
def destination_save(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Choose the WMS of a cart; none is chosen by an empty answer."""
    cart = connection_or_404(request, public_id)
    chosen = public_id_of(request.POST.get("wms", ""))
    wms = connection_or_404(request, chosen) if chosen else None
    try:
        if cart.side != Side.CART:
            raise Refused("Only a cart's orders go somewhere.")
        came = connection_changes.choose_destination(cart=cart, wms=wms, actor=str(request.user))
    except Refused as refused:
        messages.error(request, refused.words)
    else:
        said = [f"Orders of “{cart.name}” go to {f'“{wms.name}”' if wms else 'the only WMS'}."]
        if came.moved:
            said.append(
                f"{locales.number(came.moved)} that had not been sent yet go{'es' if came.moved == 1 else ''} there too."
            )
        if went := came.released:
            said.append(f"{locales.number(went)} that had nowhere to go go{'es' if went == 1 else ''} on.")
        messages.success(request, " ".join(said))
    return redirect("connection_settings", slug=request.account.slug, public_id=cart.public_id)


@require_POST
@account_page(Role.OWNER)
def connection_act(request: AccountRequest, public_id: UUID, act: str) -> HttpResponse:
    """Pause, resume, go live, go back to test mode or disconnect, and say how it went."""
    connection = connection_or_404(request, public_id)
    try:
        messages.success(request, _ACTS[act](connection, request))
    except Refused as refused:
        messages.error(request, refused.words)
    return _back(request, connection)


def _pause(connection: Connection, request: AccountRequest) -> str:
    actions.connection_pause(connection=connection, actor=str(request.user))
    return f"“{connection.name}” is paused. Nothing is read from it or sent to it until you resume it."


def _resume(connection: Connection, request: AccountRequest) -> str:
    actions.connection_resume(connection=connection, actor=str(request.user))
    return f"“{connection.name}” goes on where it stood."


def _activate(connection: Connection, request: AccountRequest) -> str:
    actor = str(request.user)
    if connection.side != Side.CART:
        actions.connection_activate(connection=connection, actor=actor)
        return f"“{connection.name}” is live: its services run by their schedules."
    went = going_live.go_live(cart=connection, actor=actor, skip_test=request.POST.get("skip_test") == "yes")
    also = f" “{went.wms.name}” was switched on with it." if went.wms else ""
    gone = (
        f" {locales.number(went.released)} waiting order{'s go' if went.released > 1 else ' goes'} out."
        if went.released
        else ""
    )
    return f"“{connection.name}” is live: its services run by their schedules.{also}{gone}"


def _to_test_mode(connection: Connection, request: AccountRequest) -> str:
    held = going_live.back_to_test_mode(cart=connection, actor=str(request.user))
    waiting = f" {locales.number(held)} that had not left yet wait{'s' if held == 1 else ''} now." if held else ""
    return f"“{connection.name}” is in test mode: new live orders are loaded and wait, test orders run through.{waiting}"


def _disconnect(connection: Connection, request: AccountRequest) -> str:
    left = access_give_back(connection)
    actions.connection_disconnect(connection=connection, actor=str(request.user))
    return (
        f"“{connection.name}” is disconnected. Its passwords and tokens are deleted, its orders and files stay. {left}".strip()
    )


_ACTS: dict[str, Callable[[Connection, AccountRequest], str]] = {
    "pause": _pause,
    "resume": _resume,
    "activate": _activate,
    "test_mode": _to_test_mode,
    "disconnect": _disconnect,
}
ACTS = tuple(_ACTS)


def _back(request: AccountRequest, connection: Connection, part: str = "") -> HttpResponse:
    """Lead back to the page of this account on which the button was, else to the connection's own."""
    asked = request.POST.get("back", "")
    if asked.startswith(f"/a/{request.account.slug}/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return redirect(f"{asked}{part}")
    answer = redirect("connection", slug=request.account.slug, public_id=connection.public_id)
    answer["Location"] += part
    return answer
