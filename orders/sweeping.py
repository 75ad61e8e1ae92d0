"""Which automatic services have something to do although nobody rang: the truth behind the bells."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from cartrover.leasing import free_at
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
from orders.pipeline.invoicing import covered

UPLOADS = {
    Purpose.SHIPMENTS: ServiceName.SHIPMENT_UPLOAD,
    Purpose.INVOICES: ServiceName.INVOICE_UPLOAD,
    Purpose.CANCELS: ServiceName.CANCEL_UPLOAD,
    Purpose.STOCK: ServiceName.INVENTORY_UPLOAD,
}
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


def _wake(name: ServiceName, scope: Q, connection_ids: Iterable[int]) -> int:
    ids = list(connection_ids)
    if not ids:
        return 0
    now = timezone.now()
    idle = Service.objects.across_accounts(_WHY).filter(scope, free_at(now), name=name, every="automatic", due_at__isnull=True)
    return idle.filter(connection_id__in=ids).update(due_at=now)


def _connections_with_messages(scope: Q) -> Iterable[int]:
    now = timezone.now()
    open_states = [MessageState.WAITING, MessageState.SENDING, MessageState.UNKNOWN]
    rows = OutboundMessage.objects.across_accounts(_WHY).filter(scope, free_at(now), state__in=open_states, due_at__lte=now)
    return rows.values_list("connection_id", flat=True).distinct()


def _carts_with_documents(scope: Q, purpose: Purpose) -> Iterable[int]:
    now = timezone.now()
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
    rows = Invoice.objects.across_accounts(_WHY).filter(
        covered(InvoiceLine.objects.across_accounts(_WHY)), scope, document__isnull=True, order__isnull=False, is_void=False
    )
    return rows.values_list("order__source_id", flat=True).distinct()


def _carts_with_cancellations(scope: Q) -> Iterable[int]:
    rows = LineCancellation.objects.across_accounts(_WHY).filter(scope, document__isnull=True)
    return rows.values_list("line__order__source_id", flat=True).distinct()
