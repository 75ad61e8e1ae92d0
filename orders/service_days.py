"""What each service did day by day: added up at the end of its runs, so that nobody has to count runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from cartrover.accounts.access import zone_of
from cartrover.accounts.models import Account
from connectors.models import Outcome, Service, ServiceDay

KEPT = timedelta(days=90)
"""How long days are kept; pages draw two weeks."""

TROUBLES = frozenset({Outcome.PROBLEMS, Outcome.LATER, Outcome.BROKEN, Outcome.FAILED})


def day_of(account: Account, at: datetime) -> date:
    """Return the day that it was in the account's zone."""
    return timezone.localtime(at, zone_of(account)).date()


@transaction.atomic
def note_run(service: Service, account: Account, *, outcome: Outcome, counts: Mapping[str, int], at: datetime) -> None:
    """Add a run that has ended to its day. Runs of one service that end at once in several processes are all counted."""
    days, day = ServiceDay.objects.for_account(account), day_of(account, at)
    row = days.select_for_update().filter(service=service, day=day).first()
    if row is None:
        made, _ = days.get_or_create(service=service, day=day, defaults={"account": account})
        row = days.select_for_update().get(pk=made.pk)
    row.runs += 1
    row.troubles += outcome in TROUBLES
    row.counts = dict(Counter(row.counts) + Counter(counts))
    row.save(update_fields=["runs", "troubles", "counts"])


def forget_days(now: datetime) -> None:
    """Remove days that no page shows any more."""
    ServiceDay.objects.across_accounts("old days of all accounts").filter(day__lt=(now - KEPT).date()).delete()
