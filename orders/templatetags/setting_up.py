"""What a page that lacks a connection says: the way to its set-up for owners, and whom to ask for the others."""

from __future__ import annotations

from typing import Any

from django import template

from cartrover.accounts import readers
from cartrover.accounts.access import AccountRequest
from cartrover.accounts.models import Role

register = template.Library()

OWNERS_NAMED = 3
"""Owners that are named: who is to ask one needs no list of all."""


@register.inclusion_tag("connections/_who_connects.html", takes_context=True)
def who_connects(context: dict[str, Any], act: str, step: int = 1) -> dict[str, Any]:
    """Show owners a button called `act`, which leads to that step of the set-up, and the others which owners can do it."""
    request: AccountRequest = context["request"]
    may_connect = request.membership.may(Role.OWNER)
    owners = () if may_connect else readers.owners_of(request.account, at_most=OWNERS_NAMED)
    return {"account": request.account, "act": act, "step": step, "may_connect": may_connect, "owners": owners}
