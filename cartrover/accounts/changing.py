"""What an owner changes about the account itself: each change leaves a trail of its own."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account

SHORTEST_RETENTION = 30
"""Days: below it a return or a dispute of last month would find nothing."""

LONGEST_RETENTION = 3650

_NO_PLACES = ("posix/", "right/", "Etc/", "SystemV/", "US/", "localtime", "Factory", "posixrules")


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the names of all time zones that people choose from, by name: places, and UTC."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(_NO_PLACES))
    return ("UTC", *sorted(places))


def time_zone_named(text: str) -> str | None:
    """Return the name of the zone that a person typed, however it is spelled in case and spaces; None when there is none."""
    wanted = "_".join(text.split()).lower()
    return next((name for name in (*time_zones(), *available_timezones()) if name.lower() == wanted), None)


def retention_of(account: Account) -> int:
    """Return how many days the account's files and personal data are kept."""
    return account.retention_days or settings.DOCUMENT_RETENTION_DAYS


@transaction.atomic
def account_change(*, account: Account, actor: str, name: str, time_zone: str, retention_days: int) -> bool:
    """Make these the account's name, time zone and retention; return whether anything changed.

    Raise `ValueError`, and change nothing, for a time zone that doesn't exist or a retention out of bounds.
    """
    name = name.strip()
    if not name:
        raise ValueError("The account needs a name.")
    if time_zone not in available_timezones():
        raise ValueError("There is no such time zone. Choose one of the list, as Europe/Berlin.")
    if not SHORTEST_RETENTION <= retention_days <= LONGEST_RETENTION:
        raise ValueError(f"Data is kept between {SHORTEST_RETENTION} and {LONGEST_RETENTION} days.")
    held = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    was = {"name": held.name, "time zone": held.time_zone, "retention": f"{retention_of(held)} days"}
    held.name, held.time_zone = name, time_zone
    if retention_days != retention_of(held):
        held.retention_days = retention_days
    now = {"name": held.name, "time zone": held.time_zone, "retention": f"{retention_of(held)} days"}
    changed = [what for what in was if was[what] != now[what]]
    if not changed:
        return False
    held.save(update_fields=["name", "time_zone", "retention_days"])
    for what in changed:
        words = f"{what.capitalize()}: {was[what]} → {now[what]}."
        audit(account=held, actor=actor, verb="account.changed", subject=f"account {held.slug}", words=words)
    account.name, account.time_zone, account.retention_days = held.name, held.time_zone, held.retention_days
    return True
