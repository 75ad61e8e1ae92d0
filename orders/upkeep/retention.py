"""What is removed once an account's retention is over: bytes of files and personal fields.

Keys, hashes, numbers and told quantities stay: they are what keeps an order from coming twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from cartrover.accounts.models import Account
from orders.acts.editing import PERSONAL_EVENT as EDITED
from orders.models import (
    ApiRequest,
    InboundBody,
    Order,
    OrderEvent,
    OrderLine,
    OutboundAttempt,
    OutboundDocument,
    SkippedOrder,
)
from orders.states import OrderState

AT_ONCE = 500
"""Rows in one transaction: nobody who writes waits longer than for a moment."""

BODIES_AT_ONCE = 20
"""Pieces of files, up to a megabyte each."""

REQUESTS_KEPT = timedelta(days=90)
STRANGERS_KEPT = 10_000
"""Requests whose sender nobody knows: enough to see what goes on, and no way to fill the disk."""

PERSONAL = {"ship_to": {}, "bill_to": {}, "ship_name": "", "notes": "", "extra": {}}
"""The fields of an order that may tell of a person, and what they are without."""


def forget_old(account: Account, now: datetime) -> None:
    """Remove what is older than the account's retention. Orders that were never delivered keep their address: it is needed."""
    old = now - timedelta(days=account.retention_days or settings.DOCUMENT_RETENTION_DAYS)
    bodies = InboundBody.objects.for_account(account).filter(document__seen_at__lt=old)
    for pks in _pieces(bodies, BODIES_AT_ONCE):
        InboundBody.objects.for_account(account).filter(pk__in=pks).delete()
    files = OutboundDocument.objects.for_account(account)
    for pks in _pieces(files.filter(created_at__lt=old, deflated__isnull=False)):
        files.filter(pk__in=pks).update(deflated=None)
    _forget_people(account, old)
    attempts = OutboundAttempt.objects.for_account(account)
    for pks in _pieces(attempts.filter(started_at__lt=old).exclude(request="", answer="")):
        attempts.filter(pk__in=pks).update(request="", answer="")
    requests = ApiRequest.objects.for_account(account)
    for pks in _pieces(requests.filter(at__lt=old)):
        requests.filter(pk__in=pks).delete()
    skipped = SkippedOrder.objects.for_account(account)
    for pks in _pieces(skipped.filter(created_at__lt=old, draft__isnull=False)):
        skipped.filter(pk__in=pks).update(draft=None)


def with_personal_data(account: Account, old: datetime) -> QuerySet[Order]:
    """Return the orders from before `old` whose personal data would be removed: those that wait for delivery need it."""
    has_any = Q()
    for name, without in PERSONAL.items():
        has_any |= ~Q(**{name: without})
    rows = Order.objects.for_account(account).filter(has_any, created_at__lt=old)
    return rows.exclude(state__in=[OrderState.NEW, OrderState.READY])


def _forget_people(account: Account, old: datetime) -> None:
    orders = Order.objects.for_account(account)
    for pks in _pieces(with_personal_data(account, old)):
        with transaction.atomic():
            orders.filter(pk__in=pks).update(**PERSONAL)
            OrderLine.objects.for_account(account).filter(order__in=pks).update(extra={})
            OrderEvent.objects.for_account(account).filter(order__in=pks, kind=EDITED).update(data={})
            OrderEvent.objects.bulk_create(
                OrderEvent(account=account, order_id=pk, kind="order.purged", words="Personal data was removed.") for pk in pks
            )


def forget_requests(now: datetime) -> None:
    """Remove the oldest requests: of strangers after a week or beyond ten thousand, of merchants after three months."""
    rows = ApiRequest.objects.across_accounts("old requests to the API, of all accounts and of nobody")
    strangers = rows.filter(account__isnull=True)
    last = strangers.order_by("-pk").values_list("pk", flat=True)[STRANGERS_KEPT : STRANGERS_KEPT + 1]
    beyond = Q(pk__lte=last[0]) if last else Q(pk__in=[])
    for old in (strangers.filter(Q(at__lt=now - timedelta(days=7)) | beyond), rows.filter(at__lt=now - REQUESTS_KEPT)):
        for pks in _pieces(old):
            rows.filter(pk__in=pks).delete()


def _pieces(rows: QuerySet[Any], at_once: int = AT_ONCE) -> Iterator[list[int]]:
    """Yield the keys of rows, walked once from the oldest on, while the caller changes or removes them."""
    last = 0
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:at_once]):
        yield pks
        last = pks[-1]
