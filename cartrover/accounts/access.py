"""The door of every page of an account: who isn't a member learns not even that it exists."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from cartrover.accounts import readers
from cartrover.accounts.models import Account, Membership, Role, User

P = ParamSpec("P")


class AccountRequest(HttpRequest):
    """A request of a member: what `account_page` hands to its view."""

    user: User
    account: Account
    membership: Membership


View = Callable[Concatenate[AccountRequest, P], HttpResponseBase]
Door = Callable[..., HttpResponseBase]


def account_page(at_least: Role) -> Callable[[View[P]], Door]:
    """Open a view below `/a/<slug>/` to the account's members of at least this role.

    Strangers are sent to sign in, outsiders get 404 and members of a lower role 403. Our own staff has no way in but a
    membership, which is made in the staff console and leaves a trail. The view gets no `slug` but `request.account` and
    `request.membership`, and runs in the account's time zone.
    """

    def with_door(view: View[P]) -> Door:
        @wraps(view)
        def door(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            membership = readers.membership_in(request.user, slug)
            if membership is None:
                raise Http404("There is no such account, or you are no member of it.")
            if not membership.may(at_least):
                raise PermissionDenied(f"Only an {at_least} of this account may do that. Ask one of its owners.")
            request.account, request.membership = membership.account, membership  # type: ignore[attr-defined]  # makes it one
            with timezone.override(zone_of(membership.account)):
                response = view(cast(AccountRequest, request), *args, **kwargs)
            add_never_cache_headers(response)
            return response

        door.least_role = at_least  # type: ignore[attr-defined]  # tells the door from a plain view
        return door

    return with_door


def zone_of(account: Account) -> ZoneInfo:
    """Return the account's time zone; UTC when this machine doesn't know it."""
    try:
        return ZoneInfo(account.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
