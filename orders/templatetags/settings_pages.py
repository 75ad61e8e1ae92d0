"""What the pages of settings show: their menu, and how they say things."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from cartrover.accounts.access import AccountRequest
from cartrover.accounts.models import Role
from orders.listings.audit import verb_words
from orders.models import ChannelKind, NotificationChannel
from orders.navigation import SETTINGS
from orders.notifications.notifying import destination
from orders.setting_forms import KINDS

LOST_AFTER = 4
"""Failures in a row, over a good hour."""

register = template.Library()
register.filter(verb_words)
register.filter(destination)


@register.inclusion_tag("settings/_menu.html", takes_context=True)
def settings_menu(context: dict[str, Any]) -> dict[str, Any]:
    """Show the pages of settings that this person may open."""
    request: AccountRequest = context["request"]
    here = request.resolver_match.url_name if request.resolver_match else ""
    is_owner = request.membership.may(Role.OWNER)
    entries = [
        {
            "words": entry.words,
            "address": reverse(entry.page, kwargs={"slug": request.account.slug}),
            "is_here": here in (entry.page, *entry.also),
        }
        for entry in SETTINGS
        if is_owner or entry.for_everybody
    ]
    return {"entries": entries}


@register.filter
def seems_lost(channel: NotificationChannel) -> bool:
    """Tell whether a channel failed so often that it hardly mends itself: then a person must act."""
    return channel.failures >= LOST_AFTER


@register.filter
def paced(channel: NotificationChannel) -> str:
    """Say when a channel is told."""
    return f"daily at {channel.hour:02}:00" if channel.pace == "daily" else "at once"


@register.filter
def kind_name(kind: str) -> str:
    """Name a kind of channel."""
    return KINDS.get(ChannelKind(kind), kind)


@register.filter
def scoped(channel: NotificationChannel) -> str:
    """Say what a channel is told of."""
    told = "all alerts" if channel.scope == "all" else "alerts that need a person"
    return f"{told}, and when they are over" if channel.tell_resolved else told
