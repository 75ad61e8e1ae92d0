"""The truth behind the bells: which automatic services have work although nobody rang, and what dead workers left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Q

from cartrover.clock import hub_now
from cartrover.leasing import free_at, owner_is_dead
from connectors.contract import Purpose, ShipmentState
from connectors.models import Service, ServiceName
from orders.models import (
    DocumentState,
    Invoice,
    InvoiceLine,
    LineCancellation,
    MessageState,
    OutboundDocument,
    OutboundMessage,
    Shipment,
)
from orders.pipeline.invoicing import covered, overtakes_nothing
from orders.retrying import next_try

UPLOADS = {
    Purpose.SHIPMENTS: ServiceName.SHIPMENT_UPLOAD,
    Purpose.INVOICES: ServiceName.INVOICE_UPLOAD,
    Purpose.CANCELS: ServiceName.CANCEL_UPLOAD,
    Purpose.STOCK: ServiceName.INVENTORY_UPLOAD,
}
_OPEN_MESSAGES = [MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]
_WHY = "the sweep looks for due work of all accounts"


def wake_services_with_work(*, account_id: int | None = None) -> int:
    """Make every idle automatic service due whose connection has work that is due; return how many."""
    scope = Q() if account_id is None else Q(account_id=account_id)
    woken = _wake(ServiceName.ORDER_DELIVERY, scope, _connections_with_messages(scope))
    for purpose, name in UPLOADS.items():
        woken += _wake(name, scope, _carts_with_documents(scope, purpose))
    woken += _wake(ServiceName.SHIPMENT_UPLOAD, scope, _carts_with_shipments(scope))
    woken += _wake(ServiceName.INVOICE_UPLOAD, scope, _carts_with_invoices(scope))
    woken += _wake(ServiceName.CANCEL_UPLOAD, scope, _carts_with_cancellations(scope))
    return woken


def take_over_from_the_dead() -> int:
    """Give back what workers of this machine held that are certainly gone, and make it due; return how many runs that were.

    The first time it is due at once. Work that kills its worker again and again comes back later and later, as a failing
    service does. Whose owner can't be seen from here is left until its lease ends.
    """
    found = 0
    now = hub_now()
    freed = {"lease_token": "", "lease_owner": "", "lease_until": None}
    services = Service.objects.across_accounts(_WHY)
    held = services.filter(lease_until__gte=now).exclude(lease_token="")
    for pk, token, owner, failures in list(held.values_list("pk", "lease_token", "lease_owner", "failures")):
        if owner_is_dead(owner):
            again = _again(failures, now)
            found += services.filter(pk=pk, lease_token=token).update(**freed, due_at=again, failures=F("failures") + 1)
    messages = OutboundMessage.objects.across_accounts(_WHY)
    batches = messages.filter(state__in=_OPEN_MESSAGES, lease_until__gte=now).exclude(lease_token="")
    for connection, token, owner in set(batches.values_list("connection_id", "lease_token", "lease_owner")):
        if owner_is_dead(owner) and messages.filter(connection=connection, lease_token=token).update(**freed):
            found += 1
            _deliver_again(connection, now)
    return found


def _again(failures: int, now: datetime) -> datetime:
    return next_try(failures=failures, first_failed_at=now, now=now) or now if failures else now


def _deliver_again(connection_id: int, now: datetime) -> None:
    """Make a delivery due whose worker died in it: its date stands minutes ahead until a run has ended."""
    rows = Service.objects.across_accounts(_WHY).filter(connection=connection_id, name=ServiceName.ORDER_DELIVERY)
    for pk, failures in rows.exclude(every="off").values_list("pk", "failures"):
        rows.filter(pk=pk).update(due_at=_again(failures, now), failures=F("failures") + 1)


def _wake(name: ServiceName, scope: Q, connection_ids: Iterable[int]) -> int:
    ids = list(connection_ids)
    if not ids:
        return 0
    now = hub_now()
    idle = Service.objects.across_accounts(_WHY).filter(scope, free_at(now), name=name, every="automatic", due_at__isnull=True)
    return idle.filter(connection_id__in=ids).update(due_at=now)


def _connections_with_messages(scope: Q) -> Iterable[int]:
    now = hub_now()
    rows = OutboundMessage.objects.across_accounts(_WHY).filter(scope, free_at(now), state__in=_OPEN_MESSAGES, due_at__lte=now)
    return rows.values_list("connection_id", flat=True).distinct()


def _carts_with_documents(scope: Q, purpose: Purpose) -> Iterable[int]:
    now = hub_now()
    unsent = [DocumentState.READY, DocumentState.SENDING, DocumentState.UNKNOWN]
    rows = OutboundDocument.objects.across_accounts(_WHY).filter(
        scope, free_at(now), purpose=purpose, state__in=unsent, due_at__lte=now
    )
    return rows.values_list("connection_id", flat=True).distinct()


def _carts_with_shipments(scope: Q) -> Iterable[int]:
    rows = Shipment.objects.across_accounts(_WHY).filter(
        scope, document__isnull=True, order__isnull=False, state=ShipmentState.SHIPPED, nothing_to_tell=False
    )
    rows = rows.filter(~Q(tracking_number="") | Q(send_without_tracking=True))
    return rows.values_list("order__source_id", flat=True).distinct()


def _carts_with_invoices(scope: Q) -> Iterable[int]:
    lines, shipments = InvoiceLine.objects.across_accounts(_WHY), Shipment.objects.across_accounts(_WHY)
    rows = Invoice.objects.across_accounts(_WHY).filter(
        covered(lines), overtakes_nothing(shipments), scope, document__isnull=True, order__isnull=False, is_void=False
    )
    return rows.values_list("order__source_id", flat=True).distinct()


def _carts_with_cancellations(scope: Q) -> Iterable[int]:
    rows = LineCancellation.objects.across_accounts(_WHY).filter(scope, document__isnull=True)
    return rows.values_list("line__order__source_id", flat=True).distinct()
