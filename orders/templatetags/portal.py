"""How the portal writes times, numbers and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from cartrover import locales
from cartrover.accounts.access import AccountRequest
from cartrover.accounts.models import Membership, Role
from cartrover.clock import hub_now
from connectors.contract import HoldReason, Side
from connectors.models import Connection, ConnectionState
from orders import words
from orders.listings import flow
from orders.listings.alerts import COUNTED, open_count, open_counts
from orders.listings.told import waits_for_tracking, why_untold
from orders.models import Alert, Order
from orders.navigation import MENU
from orders.notifications.places import place_of

register = template.Library()

register.filter(why_untold)
register.filter(waits_for_tracking)

DASH = "–"


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Write a time as people say it; pointing at it shows it in full, in the account's zone and in UTC."""
    if moment is None:
        return DASH
    zone = timezone.get_current_timezone()
    here = moment.astimezone(zone)
    full = f"{locales.moment(here)} {timezone.get_current_timezone_name()}\n{locales.moment(moment.astimezone(UTC))} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        full,
        _said(here, datetime.now(zone)),
    )


@register.filter
def soon(moment: datetime | None) -> SafeString | str:
    """Write when something happens; what should have happened already happens now."""
    return "now" if moment is None or moment <= hub_now() else ago(moment)


def _said(moment: datetime, now: datetime) -> str:
    away = abs(now - moment)
    future = moment > now
    if away < timedelta(minutes=1):
        return "in a moment" if future else "just now"
    if away < timedelta(hours=1):
        number = f"{away.seconds // 60} min"
        return f"in {number}" if future else f"{number} ago"
    if moment.date() == now.date():
        return f"today {locales.clock(moment)}"
    if moment.date() == now.date() + timedelta(days=1 if future else -1):
        return f"{'tomorrow' if future else 'yesterday'} {locales.clock(moment)}"
    if moment.year == now.year:
        return f"{locales.day_of_year(moment)} {locales.clock(moment)}"
    return locales.day(moment)


@register.filter
def day(value: date | None) -> str:
    """Write a day with its year."""
    return DASH if value is None else locales.day(value)


@register.filter
def number(value: int | None) -> str:
    """Write a whole number with separators."""
    return DASH if value is None else locales.number(value)


@register.filter
def lasted(span: timedelta) -> str:
    """Write how long something took: its two largest units."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "under a minute"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{locales.number(days)} d {hours} h" if hours else f"{locales.number(days)} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """Write an amount with separators, two to four decimals, and its currency."""
    if amount is None:
        return DASH
    decimals = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{locales.amount(amount, decimals)} {currency}".strip()


@register.filter
def bytes_said(size: int) -> str:
    """Write a file's size."""
    if size < 10_000:
        return f"{locales.number(size)} bytes"
    return f"{locales.number(round(size / 1000))} kB" if size < 10_000_000 else f"{locales.number(round(size / 1_000_000))} MB"


@register.simple_tag
def order_status(order: Order) -> SafeString:
    """Show where an order stands: a sign, a word, and for a held one always the reason."""
    reason = words.HOLD.get(order.hold, order.hold) if order.hold else ""
    return _sign(order.status, words.STATUS[order.status], reason, is_waiting=order.hold == HoldReason.NOT_LIVE)


@register.simple_tag
def status_word(status: str, label: str) -> SafeString:
    """Show a status on its own."""
    return _sign(status, label)


@lru_cache(maxsize=256)
def _sign(status: str, label: str, reason: str = "", *, is_waiting: bool = False) -> SafeString:
    shown = {"status": status, "label": label, "reason": reason, "is_waiting": is_waiting}
    return render_to_string("orders/_status.html", shown)


@register.filter
def message_purpose(purpose: str) -> str:
    return words.PURPOSE.get(purpose, purpose)


@register.filter
def message_state(state: str) -> str:
    return words.MESSAGE.get(state, state)


@register.filter
def file_state(state: str) -> str:
    return words.FILE.get(state, state)


@register.filter
def skip_reason(reason: str) -> str:
    return words.SKIPPED.get(reason, reason.replace("_", " "))


@register.filter
def try_outcome(outcome: str) -> str:
    return words.TRY.get(outcome, outcome.replace("_", " "))


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> SafeString:
    """Show the menu of the account whose page this is, with the number of its open alerts."""
    request: AccountRequest = context["request"]
    here = (request.resolver_match.url_name if request.resolver_match else None) or ""
    return _menu(request.account.slug, request.account.name, here, _open_alerts(request))


@lru_cache(maxsize=1024)
def _menu(slug: str, account_name: str, here: str, open_alerts: str) -> SafeString:
    """Written once for all that it depends on: it has forty links, a fifth of what a small page takes to make."""
    shown = {
        "slug": slug,
        "account_name": account_name,
        "menu": MENU,
        "here": here,
        "open_alerts": open_alerts,
        "is_behind_more": any(not one.at_foot and here in (one.page, *one.also) for group in MENU for one in group),
    }
    return render_to_string("orders/_navigation.html", shown)


@register.inclusion_tag("orders/_band.html", takes_context=True)
def test_mode_band(context: dict[str, Any]) -> dict[str, Any]:
    """Say on every page which carts are in test mode; one query over the few connections of an account."""
    request: AccountRequest = context["request"]
    rows = Connection.objects.for_account(request.account).filter(side=Side.CART, live=False)
    carts = rows.exclude(state=ConnectionState.DISCONNECTED).order_by("name").only("account", "public_id", "name")
    return {"account": request.account, "carts": carts, "may_change": request.membership.may(Role.OWNER)}


@register.inclusion_tag("orders/_run_state.html", takes_context=True)
def run_state(context: dict[str, Any]) -> dict[str, Any]:
    """Say in a word how the account runs, with a link to the page that says more."""
    request: AccountRequest = context["request"]
    return {"account": request.account, "state": flow.run_state(request.account, _open_alerts(request))}


def _open_alerts(request: AccountRequest) -> str:
    """Return how many alerts are open, "" for none; asked once for a page that says it in several places."""
    if not hasattr(request, "open_alerts_said"):
        number = open_count(request.account)
        said = f"{locales.number(COUNTED)}+" if number > COUNTED else locales.number(number) if number else ""
        request.open_alerts_said = said  # type: ignore[attr-defined]  # kept for the rest of this page
    return str(request.open_alerts_said)  # type: ignore[attr-defined]  # set above


@register.inclusion_tag("orders/_place.html", takes_context=True)
def mending_place(context: dict[str, Any], alert: Alert) -> dict[str, Any]:
    """Link to the one place that mends what an alert tells of."""
    place, account = place_of(alert), context["request"].account
    if place is None:
        return {"words": ""}
    query = f"?{urlencode(place.query)}" if place.query else ""
    return {"words": place.words, "address": reverse(place.page, kwargs={"slug": account.slug, **place.ids}) + query}


@register.simple_tag
def alerts_of(memberships: Sequence[Membership]) -> Mapping[int, int]:
    """Return how many alerts are open in each of these accounts, by the account's key."""
    return open_counts([membership.account for membership in memberships])


@register.filter
def at(values: Mapping[int, Any], key: int) -> Any:
    """Return what stands under a key; 0 where nothing does."""
    return values.get(key, 0)


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """Return the query of this page with these values instead; empty ones are left out."""
    values = {name: value for name, value in context["request"].GET.items() if value}
    values |= {name: str(value) if value else "" for name, value in changes.items()}
    return "?" + urlencode({name: value for name, value in values.items() if value})


@register.simple_tag(takes_context=True)
def account_url(context: dict[str, Any], page: str, **ids: Any) -> str:
    """Return the address of a page of this account."""
    return reverse(page, kwargs={"slug": context["request"].account.slug, **ids})


@register.simple_tag(takes_context=True)
def order_link(context: dict[str, Any], order: Order) -> SafeString:
    """Link to an order of this account by its number, from a row that a click anywhere on it opens."""
    address = order_address(context["request"].account.slug, order)
    return format_html('<a class="row-link" href="{}">{}</a>', address, order.cust_ref)


def order_address(slug: str, order: Order) -> str:
    """Return the address of an order's page; lists have fifty of them, so the pattern is looked up once."""
    before, after = _around_order_id(slug)
    return f"{before}{order.public_id}{after}"


@lru_cache(maxsize=1024)
def _around_order_id(slug: str) -> tuple[str, str]:
    any_id = UUID(int=0)
    before, after = reverse("order", kwargs={"slug": slug, "public_id": any_id}).split(str(any_id))
    return before, after


@register.filter
def article(noun: str) -> str:
    """Put "a" or "an" before a noun."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
