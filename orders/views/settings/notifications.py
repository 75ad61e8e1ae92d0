"""Who is told of alerts: the own e-mail of each member, and the account's channels, which owners change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cartrover.accounts.access import AccountRequest, account_page
from cartrover.accounts.models import Role
from connectors.refusals import Refused
from orders import shown_once
from orders.listings.paging import page_of
from orders.models import ChannelKind, Notification, NotificationChannel
from orders.notifications import channels, happenings
from orders.notifications.channels import TELLS
from orders.notifications.notices import add_owners_channels
from orders.notifications.notifying import SIGNATURE
from orders.setting_forms import KINDS, OFF, ChannelForm, OwnMailForm, ReplayForm
from orders.views.queries import public_id_of

PAGE = "notifications"


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.VIEWER)
def notifications(request: AccountRequest) -> HttpResponse:
    """Show the own e-mail and the account's channels, and save the own e-mail."""
    form = OwnMailForm(request.POST or None, initial=_own(request))
    if request.method == "POST" and form.is_valid():
        channels.own_mail_save(account=request.account, user=request.user, **form.chosen())
        messages.success(request, "Saved.")
        return redirect("notifications", slug=request.account.slug)
    rows = NotificationChannel.objects.for_account(request.account).filter(user__isnull=True).order_by("name")
    own = NotificationChannel.objects.for_account(request.account).filter(user=request.user).first()
    shown = {
        "form": form,
        "own": own,
        "channels": list(rows),
        "new": _shown_secret(request),
        "signature": SIGNATURE,
        "kinds": KINDS.items(),
        "may_change": request.membership.may(Role.OWNER),
    }
    return render(request, "settings/notifications.html", shown, status=422 if form.is_bound and form.errors else 200)


def _own(request: AccountRequest) -> dict[str, Any]:
    """Return what the person is told of by e-mail now: owners something, the others nothing until they ask for it."""
    channel = NotificationChannel.objects.for_account(request.account).filter(user=request.user).first()
    if channel is None:
        channel = NotificationChannel(active=request.membership.may(Role.OWNER))
    return {
        "pace": channel.pace if channel.active else OFF,
        "scope": channel.scope,
        "hour": channel.hour,
        "tell_resolved": channel.tell_resolved,
    }


def _shown_secret(request: AccountRequest) -> dict[str, object] | None:
    secret = shown_once.take(request, page=PAGE)
    if secret is None:
        return None
    channel = NotificationChannel.objects.for_account(request.account).filter(public_id=secret.of).first()
    return None if channel is None else {"channel": channel, "secret": secret.text}


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def channel_new(request: AccountRequest, kind: str) -> HttpResponse:
    """Add a channel; what can't be used stays in the form with words."""
    form = ChannelForm(request.POST or None, kind=ChannelKind(kind), initial={"name": KINDS[ChannelKind(kind)].capitalize()})
    if request.method == "POST" and form.is_valid():
        try:
            channel, secret = channels.channel_add(
                account=request.account, kind=ChannelKind(kind), actor=str(request.user), **form.cleaned_data
            )
        except Refused as refused:
            form.add_error(None, refused.words)
        else:
            if secret:
                shown_once.put(request, page=PAGE, of=str(channel.public_id), text=secret)
            messages.success(request, f"“{channel}” is added. Send a test to see whether it arrives.")
            return redirect("notifications", slug=request.account.slug)
    return _form_page(request, {"form": form, "kind_name": KINDS[ChannelKind(kind)], "kind": kind})


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(Role.OWNER)
def channel_change(request: AccountRequest, public_id: UUID) -> HttpResponse:
    channel = _channel_or_404(request, public_id)
    values = {name: getattr(channel, name) for name in ("name", "address", "scope", "pace", "hour", "tell_resolved", *TELLS)}
    kind = ChannelKind(channel.kind)
    form = ChannelForm(request.POST or None, kind=kind, is_stored=True, initial=values)
    if request.method == "POST" and form.is_valid():
        try:
            channels.channel_change(channel, actor=str(request.user), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.words)
        else:
            messages.success(request, "Saved.")
            return redirect("notifications", slug=request.account.slug)
    return _form_page(request, {"form": form, "kind_name": KINDS[kind], "kind": kind, "channel": channel})


def _form_page(request: AccountRequest, shown: dict[str, Any]) -> HttpResponse:
    return render(request, "settings/channel.html", shown, status=422 if shown["form"].is_bound else 200)


@require_POST
@account_page(Role.OWNER)
def channel_act(request: AccountRequest, public_id: UUID, act: str) -> HttpResponse:
    """Do one thing to a channel, say how it went, and lead back to the page."""
    channel = _channel_or_404(request, public_id)
    try:
        _ACTS[act](request, channel)
    except Refused as refused:
        messages.warning(request, refused.words)
    return redirect("notifications", slug=request.account.slug)


def _channel_or_404(request: AccountRequest, public_id: UUID) -> NotificationChannel:
    """Return one of the account's own channels: what members get by their own e-mail is theirs alone."""
    rows = NotificationChannel.objects.for_account(request.account).filter(user__isnull=True).select_related("account", "user")
    channel = rows.filter(public_id=public_id).first()
    if channel is None:
        raise Http404("This account has no such channel.")
    return channel


@require_POST
@account_page(Role.VIEWER)
def own_mail_test(request: AccountRequest) -> HttpResponse:
    """Send the person a test to their own address."""
    add_owners_channels(request.account.pk)
    rows = NotificationChannel.objects.for_account(request.account).select_related("account", "user")
    channel = rows.filter(user=request.user).first()
    if channel is None or not channel.active:
        messages.info(request, "You are told of nothing by e-mail. Choose first when you want to be.")
    else:
        _test(request, channel)
    return redirect("notifications", slug=request.account.slug)


def _test(request: AccountRequest, channel: NotificationChannel) -> None:
    try:
        good, words = channels.channel_test(channel, actor=str(request.user))
    except Refused as refused:
        good, words = False, refused.words
    messages.add_message(request, messages.SUCCESS if good else messages.ERROR, words)


def _remove(request: AccountRequest, channel: NotificationChannel) -> None:
    channels.channel_remove(channel, actor=str(request.user))
    messages.success(request, f"“{channel}” is removed.")


def _secret(request: AccountRequest, channel: NotificationChannel) -> None:
    secret = channels.channel_roll_secret(channel, actor=str(request.user))
    shown_once.put(request, page=PAGE, of=str(channel.public_id), text=secret)


def _switch(request: AccountRequest, channel: NotificationChannel) -> None:
    channels.channel_change(channel, actor=str(request.user), active=not channel.active)
    messages.success(request, f"“{channel}” is {'on' if channel.active else 'off'}.")


def _replay(request: AccountRequest, channel: NotificationChannel) -> None:
    form = ReplayForm(request.POST)
    if not form.is_valid():
        raise Refused("Choose the moment from which on it is to be told again.")
    count = channels.channel_replay(channel, since=form.cleaned_data["since"], actor=str(request.user))
    messages.success(
        request, f"{count:,} event{'' if count == 1 else 's'} of “{channel}” go out once more, under the same ids."
    )


@require_safe
@account_page(Role.OWNER)
def channel_log(request: AccountRequest, public_id: UUID) -> HttpResponse:
    """Show what the channel was told last and what it is yet to be told."""
    channel = _channel_or_404(request, public_id)
    rows = Notification.objects.for_account(request.account).filter(channel=channel)
    related = ("alert", "story__order", "reading__connection")
    page = page_of(
        request.account,
        rows.select_related(*related),
        along="created_at",
        descending=True,
        after=public_id_of(request.GET.get("after", "")),
    )
    shown = [{"row": one, "type": happenings.type_of(one), "about": happenings.about(one)} for one in page.rows]
    return render(
        request, "settings/channel_log.html", {"channel": channel, "page": page, "shown": shown, "replay": ReplayForm()}
    )


_ACTS: dict[str, Callable[[AccountRequest, NotificationChannel], None]] = {
    "test": _test,
    "remove": _remove,
    "secret": _secret,
    "switch": _switch,
    "replay": _replay,
}
ACTS = tuple(_ACTS)
