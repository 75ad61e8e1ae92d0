"""What must be looked at now and then: what waits too long, what may be forgotten, and whether the counts agree."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from cartrover.accounts.models import Account
from cartrover.clock import hub_now
from connectors.contract import Purpose, ShipmentState, Side
from connectors.models import Connection, ConnectionState, OAuthHandshake, Service, ServiceName, ServiceRun
from connectors.probing import mark_broken
from connectors.readers import SettingsUnfit, settings_of
from orders.alerts import raise_alert
from orders.models import (
    DocumentState,
    Invoice,
    InvoiceLine,
    OutboundDocument,
    Shipment,
    ShipmentLine,
    StockReading,
)
from orders.notifications import notices
from orders.pipeline.invoicing import covered
from orders.pipeline.ordered_items import note_all_ordered
from orders.scheduling.sweeping import UPLOADS
from orders.service_days import forget_days
from orders.states import OrderState
from orders.upkeep.ending_access import alert_ending_access
from orders.upkeep.reconciling import reconcile
from orders.upkeep.retention import forget_old, forget_requests
from orders.upkeep.spent_months import alert_spent_month
from orders.waking import wake

logger = logging.getLogger(__name__)

UNMATCHED_DAYS = 30
READINGS_DAYS = 30
RUNS_DAYS = 30
NOTIFICATIONS_DAYS = 30
AT_ONCE = 1000


def keep() -> None:
    """Do all of it for all accounts; each part is bounded and can be repeated."""
    now = hub_now()
    for account in Account.objects.order_by("pk").iterator():
        try:
            _keep_account(account, now)
        except Exception:
            # One account that can't be looked after must not keep the others from it.
            logger.exception("housekeeping of account %s failed", account.slug)
    ServiceRun.objects.across_accounts("old runs of all accounts").filter(
        started_at__lt=now - timedelta(days=RUNS_DAYS)
    ).delete()
    forget_days(now)
    forget_requests(now)
    notices.forget_old(now - timedelta(days=NOTIFICATIONS_DAYS))
    OAuthHandshake.objects.across_accounts("spent handshakes of all accounts").filter(
        created_at__lt=now - timedelta(days=1)
    ).delete()


def _keep_account(account: Account, now: datetime) -> None:
    for cart in _connected(account, Side.CART):
        try:
            _keep_cart(cart, now)
        except SettingsUnfit as unfit:
            mark_broken(unfit.connection, unfit.words)
    alert_ending_access(account, now)
    alert_spent_month(account, now)
    forget_unmatched(account, now)
    forget_readings(account, now)
    forget_nightly(account, now)


def _keep_cart(cart: Connection, now: datetime) -> None:
    alert_missing_tracking(cart, now)
    alert_uncovered_invoices(cart)
    alert_not_taken(cart, now)
    reconcile_nightly(cart, now)


def _connected(account: Account, side: Side) -> Iterator[Connection]:
    rows = Connection.objects.for_account(account).filter(side=side)
    yield from rows.exclude(state=ConnectionState.DISCONNECTED).order_by("pk")


def reconcile_nightly(cart: Connection, now: datetime) -> None:
    """Compare a cart's counts once a day."""
    service = Service.objects.for_account(cart.account_id).filter(connection=cart, name=ServiceName.ORDER_DOWNLOAD).first()
    if service is not None and _is_new_day(service, "reconciled_at", now):
        note_all_ordered(cart)
        reconcile(cart)
        _note_day(service, "reconciled_at", now)


def forget_nightly(account: Account, now: datetime) -> None:
    """Remove what is past the account's retention once a day: it means looking through all that is old."""
    service = Service.objects.for_account(account).order_by("pk").first()
    if service is not None and _is_new_day(service, "purged_at", now):
        forget_old(account, now)
        _note_day(service, "purged_at", now)


def _is_new_day(service: Service, name: str, now: datetime) -> bool:
    last = service.cursor.get(name)
    return not last or now - datetime.fromisoformat(last) >= timedelta(hours=24)


@transaction.atomic
def _note_day(service: Service, name: str, now: datetime) -> None:
    services = Service.objects.for_account(service.account_id)
    held = services.select_for_update().get(pk=service.pk)
    services.filter(pk=service.pk).update(cursor={**held.cursor, name: now.isoformat()})


def alert_missing_tracking(cart: Connection, now: datetime) -> None:
    """Raise an alert for every package that shipped hours ago and still has no tracking number."""
    hours = int(settings_of(cart)["tracking_alert_hours"])
    long_ago = now - timedelta(hours=hours)
    rows = (
        Shipment.objects.for_account(cart.account_id)
        .filter(
            order__source=cart,
            document__isnull=True,
            state=ShipmentState.SHIPPED,
            tracking_number="",
            nothing_to_tell=False,
            send_without_tracking=False,
            seen_at__lt=long_ago,
        )
        .filter(Q(shipped_at__isnull=True) | Q(shipped_at__lt=long_ago))
    )
    for shipment in rows.select_related("order")[:AT_ONCE]:
        if shipment.order is not None:
            raise_alert(
                account_id=cart.account_id,
                cause="no_tracking",
                subject=str(shipment.public_id),
                connection=cart,
                order=shipment.order,
                words=f"A package of order {shipment.order.cust_ref} shipped over {hours} hours ago and has no tracking "
                f"number, so {cart.name} isn't told. Enter the number in the WMS, or send it without.",
            )


def alert_uncovered_invoices(cart: Connection) -> None:
    """Raise an alert for every invoice that waits for packages of an order that has no more to ship."""
    if settings_of(cart)["invoices_from"] != "wms":
        return
    rows = Invoice.objects.for_account(cart.account_id).filter(
        order__source=cart,
        order__state__in=[OrderState.SHIPPED, OrderState.CONFIRMED, OrderState.CANCELED],
        document__isnull=True,
        shipment__isnull=True,
        is_void=False,
    )
    waiting = rows.exclude(covered(InvoiceLine.objects.for_account(cart.account_id)))
    for invoice in waiting.select_related("order").order_by("-pk")[:AT_ONCE]:
        if invoice.order is not None:
            raise_alert(
                account_id=cart.account_id,
                cause="invoice_exceeds_shipped",
                subject=str(invoice.public_id),
                connection=cart,
                order=invoice.order,
                words=f"Invoice {invoice.number} of order {invoice.order.cust_ref} bills more than has shipped, and nothing "
                f"more will ship, so {cart.name} isn't told. Void it in the WMS and invoice what shipped.",
            )


def alert_not_taken(cart: Connection, now: datetime) -> None:
    """Look after files that lie at the cart, and raise an alert for those that its jobs don't take."""
    hours = int(settings_of(cart)["taken_alert_hours"])
    rows = OutboundDocument.objects.for_account(cart.account_id).filter(connection=cart, state=DocumentState.SENT)
    for purpose in set(rows.values_list("purpose", flat=True)):
        wake(cart, UPLOADS[Purpose(purpose)])
    for document in rows.filter(sent_at__lt=now - timedelta(hours=hours))[:AT_ONCE]:
        raise_alert(
            account_id=cart.account_id,
            cause="not_taken",
            subject=document.name,
            connection=cart,
            words=f"{document.name} has been lying at {cart.name} for over {hours} hours and no job has taken it. Look whether "
            f"the import job for {document.purpose} exists there and runs.",
        )


def forget_unmatched(account: Account, now: datetime) -> None:
    """Remove packages and invoices that belonged to no order of ours for a month."""
    old = now - timedelta(days=UNMATCHED_DAYS)
    shipments = Shipment.objects.for_account(account).filter(order__isnull=True, seen_at__lt=old)
    for some in _in_pieces(shipments):
        with transaction.atomic():
            ShipmentLine.objects.for_account(account).filter(shipment__in=some).delete()
            shipments.filter(pk__in=some).delete()
    invoices = Invoice.objects.for_account(account).filter(order__isnull=True, seen_at__lt=old)
    for some in _in_pieces(invoices):
        with transaction.atomic():
            InvoiceLine.objects.for_account(account).filter(invoice__in=some).delete()
            invoices.filter(pk__in=some).delete()


def _in_pieces(rows: QuerySet[Shipment] | QuerySet[Invoice]) -> Iterator[list[int]]:
    """Yield keys of rows that the caller removes, few enough for a short write."""
    while some := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        yield some


def forget_readings(account: Account, now: datetime) -> None:
    """Remove readings of stock that are long past, but for the last one of each WMS: stock is told by it."""
    readings = StockReading.objects.for_account(account)
    last = list(readings.values("connection").annotate(last=Max("pk")).values_list("last", flat=True))
    readings.filter(finished_at__lt=now - timedelta(days=READINGS_DAYS)).exclude(pk__in=last).delete()
