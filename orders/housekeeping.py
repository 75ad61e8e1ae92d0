"""What must be looked at now and then: what waits too long, what may be forgotten, and whether the counts agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors.contract import Purpose, ShipmentState, Side
from connectors.models import Connection, ConnectionState, OAuthHandshake, Service, ServiceName, ServiceRun
from connectors.readers import settings_of
from orders.alerts import raise_alert
from orders.models import (
    DocumentState,
    InboundBody,
    InboundDocument,
    Invoice,
    InvoiceLine,
    Order,
    OrderEvent,
    OutboundAttempt,
    OutboundDocument,
    Shipment,
    ShipmentLine,
    SkippedOrder,
)
from orders.reconciling import reconcile
from orders.states import OrderState
from orders.sweeping import UPLOADS
from orders.waking import wake

UNMATCHED_DAYS = 30
RUNS_DAYS = 30
AT_ONCE = 1000


def keep() -> None:
    """Do all of it for all accounts; each part is bounded and can be repeated."""
    now = timezone.now()
    for account in Account.objects.order_by("pk").iterator():
        for cart in _connected(account, Side.CART):
            alert_missing_tracking(cart, now)
            alert_not_taken(cart, now)
            reconcile_nightly(cart, now)
        forget_unmatched(account, now)
        forget_old(account, now)
    ServiceRun.objects.across_accounts("old runs of all accounts").filter(
        started_at__lt=now - timedelta(days=RUNS_DAYS)
    ).delete()
    OAuthHandshake.objects.across_accounts("spent handshakes of all accounts").filter(
        created_at__lt=now - timedelta(days=1)
    ).delete()


def _connected(account: Account, side: Side) -> Iterator[Connection]:
    rows = Connection.objects.for_account(account).filter(side=side)
    yield from rows.exclude(state=ConnectionState.DISCONNECTED).order_by("pk")


def reconcile_nightly(cart: Connection, now: datetime) -> None:
    """Compare a cart's counts once a day."""
    service = Service.objects.for_account(cart.account_id).filter(connection=cart, name=ServiceName.ORDER_DOWNLOAD).first()
    if service is None:
        return
    last = service.cursor.get("reconciled_at")
    if last and now - datetime.fromisoformat(last) < timedelta(hours=24):
        return
    reconcile(cart)
    with transaction.atomic():
        held = Service.objects.for_account(cart.account_id).select_for_update().get(pk=service.pk)
        Service.objects.for_account(cart.account_id).filter(pk=service.pk).update(
            cursor={**held.cursor, "reconciled_at": now.isoformat()}
        )


def alert_missing_tracking(cart: Connection, now: datetime) -> None:
    """Raise an alert for every package that shipped hours ago and still has no tracking number."""
    hours = int(settings_of(cart)["tracking_alert_hours"])
    rows = Shipment.objects.for_account(cart.account_id).filter(
        order__source=cart,
        document__isnull=True,
        state=ShipmentState.SHIPPED,
        tracking_number="",
        nothing_to_tell=False,
        send_without_tracking=False,
        seen_at__lt=now - timedelta(hours=hours),
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
                "number, so "
                f"{cart.name} isn't told. Enter the number in the WMS, or send it without.",
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
            words=f"{document.name} has been lying at {cart.name} for over {hours} hours and no job has taken it. Look "
            "whether the "
            f"import job for {document.purpose} exists there and runs.",
        )


def forget_unmatched(account: Account, now: datetime) -> None:
    """Remove packages and invoices that belonged to no order of ours for a month."""
    old = now - timedelta(days=UNMATCHED_DAYS)
    shipments = Shipment.objects.for_account(account).filter(order__isnull=True, seen_at__lt=old)
    ShipmentLine.objects.for_account(account).filter(shipment__in=shipments).delete()
    shipments.delete()
    invoices = Invoice.objects.for_account(account).filter(order__isnull=True, seen_at__lt=old)
    InvoiceLine.objects.for_account(account).filter(invoice__in=invoices).delete()
    invoices.delete()


PURGED = {"purged": "personal data removed"}


def forget_old(account: Account, now: datetime) -> None:
    """After the account's retention remove bytes and personal fields; keys, hashes, numbers and told quantities stay, because
    they are what keeps an order from coming twice."""
    days = account.retention_days or settings.DOCUMENT_RETENTION_DAYS
    old = now - timedelta(days=days)
    documents = InboundDocument.objects.for_account(account).filter(seen_at__lt=old)
    InboundBody.objects.for_account(account).filter(document__in=documents).delete()
    OutboundDocument.objects.for_account(account).filter(created_at__lt=old, deflated__isnull=False).update(deflated=None)
    done = [OrderState.CONFIRMED, OrderState.CANCELED, OrderState.SHIPPED]
    orders = Order.objects.for_account(account).filter(created_at__lt=old, state__in=done).exclude(ship_to={})
    for pk in list(orders.values_list("pk", flat=True)[:AT_ONCE]):
        Order.objects.for_account(account).filter(pk=pk).update(ship_to={}, bill_to={}, ship_name="", notes="", extra={})
        OrderEvent.objects.create(
            account=account, order_id=pk, kind="order.purged", words="Personal data was removed.", data=PURGED
        )
    OutboundAttempt.objects.for_account(account).filter(started_at__lt=old).exclude(request="", answer="").update(
        request="", answer=""
    )
    SkippedOrder.objects.for_account(account).filter(created_at__lt=old, draft__isnull=False).update(draft=None)
