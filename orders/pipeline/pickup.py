"""Stage: what the WMS did with our orders comes back: lines, packages, invoices, cancellations.

Lists are walked by change time from where the last run stood, with an overlap; the cursor moves with the rows. What belongs to
an order whose delivery is still unknown waits unmatched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from connectors.contract import (
    InvoiceDraft,
    InvoiceSource,
    Page,
    RemoteOrder,
    RemoteState,
    ShipmentDraft,
    ShipmentSource,
    ShipmentState,
)
from connectors.opening import open_session
from orders.alerts import raise_alert
from orders.models import Invoice, InvoiceLine, Order, OrderEvent, OrderLine, Shipment, ShipmentLine
from orders.pipeline.settle import cancel_rest, count_shipped, settle, wake_carts
from orders.run import Run
from orders.states import OrderState

OVERLAP = timedelta(minutes=10)
"""How far a walk starts before the far side's time at which the last one began: changes that were under way then."""

ASK_DIRECTLY_EVERY = timedelta(hours=24)
ASKED_AT_ONCE = 200

T = TypeVar("T")


def pick_up(run: Run) -> None:
    """Bring our picture of delivered orders, packages and invoices up to the WMS's."""
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, ShipmentSource):
            raise TypeError(f"{run.connection.kind} declares shipments and has none")
        pickup = _Pickup(run, session)
        pickup.match_unmatched()
        pickup.walk("orders_since", session.list_orders_changed, pickup.apply_orders)
        pickup.walk("shipments_since", session.list_shipments, pickup.apply_shipments)
        if isinstance(session, InvoiceSource):
            pickup.walk("invoices_since", session.list_invoices, pickup.apply_invoices)
        pickup.ask_directly()


class _Pickup:
    """One run's work on one WMS."""

    def __init__(self, run: Run, session: ShipmentSource) -> None:
        self.run = run
        self.session = session
        self.connection = run.connection
        self.account_id = run.account_id

    def walk(
        self, cursor: str, pages: Callable[[datetime | None], Iterable[Page[T]]], apply: Callable[[Sequence[T]], None]
    ) -> None:
        """Apply every page and move the cursor with it; at the end it stands at the far side's start less the overlap."""
        stands = self.run.cursor.get(cursor)
        since = datetime.fromisoformat(stands) if stands else None
        began: datetime | None = None
        for page in pages(since):
            self.run.progress()
            began = began or page.far_now
            for words in page.problems:
                self.run.problem(words)
            self.learn_lines({str(getattr(item, "external_order_id", "")) for item in page.items})
            with transaction.atomic():
                apply(page.items)
                if page.seen_to is not None:
                    self._move(cursor, min(page.seen_to, began) - OVERLAP)
        if began is not None:
            with transaction.atomic():
                self._move(cursor, began - OVERLAP)

    def _move(self, cursor: str, to: datetime) -> None:
        stands = self.run.cursor.get(cursor)
        if stands is None or datetime.fromisoformat(stands) < to:
            self.run.move_cursor(**{cursor: to.isoformat()})
        else:
            self.run.lease_required()

    # --- orders --------------------------------------------------------------------------------------------------------------

    def _orders(self, external_ids: Collection[str]) -> dict[str, Order]:
        rows = Order.objects.for_account(self.account_id).filter(wms=self.connection, wms_order_id__in=list(external_ids))
        return {order.wms_order_id: order for order in rows.select_related("source")}

    def apply_orders(self, remotes: Sequence[RemoteOrder]) -> None:
        """Learn line ids, see what was cut, removed or voided."""
        ours = self._orders({remote.external_id for remote in remotes})
        lines: dict[int, list[OrderLine]] = {}
        for line in OrderLine.objects.for_account(self.account_id).filter(order__in=[order.pk for order in ours.values()]):
            lines.setdefault(line.order_id, []).append(line)
        touched: set[int] = set()
        for remote in remotes:
            order = ours.get(remote.external_id)
            if order is not None and self._apply_order(order, lines.get(order.pk, []), remote):
                touched.add(order.pk)
        if touched:
            wake_carts(self.account_id, touched)

    def _apply_order(self, order: Order, lines: list[OrderLine], remote: RemoteOrder) -> bool:
        if order.wms_state != remote.state:
            Order.objects.for_account(self.account_id).filter(pk=order.pk).update(wms_state=remote.state)
        if order.state not in (OrderState.SENT, OrderState.SHIPPED):
            return False
        gone = remote.state in (RemoteState.VOID, RemoteState.DELETED)
        by_id = {line.external_id: line for line in remote.lines}
        by_number = {line.line_no: line for line in remote.lines if line.line_no}
        canceled = 0
        for line in lines:
            # Once a line's id is known it decides: positions shift when the WMS's people add and remove lines.
            known = by_id.get(line.external_id) if line.external_id else by_number.get(line.line_no)
            if known is not None:
                self._learn(line, known.external_id, known.quantity)
            if gone:
                canceled += cancel_rest(line, line.quantity, f"{self.connection.name} voided the order.")
            elif known is not None:
                canceled += cancel_rest(line, line.quantity - known.quantity, f"{self.connection.name} cut the line.")
            elif line.external_id:
                # Only a line that was seen there before can have been removed.
                canceled += cancel_rest(line, line.quantity, f"{self.connection.name} removed the line.")
        if canceled:
            self.run.count("canceled", canceled)
            settle(order)
        return bool(canceled)

    def _learn(self, line: OrderLine, external_id: str, quantity: int) -> None:
        if line.external_id != external_id or line.wms_quantity != quantity:
            OrderLine.objects.for_account(self.account_id).filter(pk=line.pk).update(
                external_id=external_id, wms_quantity=quantity
            )
            line.external_id, line.wms_quantity = external_id, quantity

    def learn_lines(self, external_order_ids: set[str]) -> None:
        """Read the line ids of those of our orders that none is known of, in bulk; outside of any transaction."""
        ours = self._orders(external_order_ids - {""})
        known = {order_id for order_id, _ in self._line_map(list(ours.values()))}
        unknown = [order.wms_order_id for order in ours.values() if order.pk not in known]
        for start in range(0, len(unknown), ASKED_AT_ONCE):
            remotes = self.session.read_orders(unknown[start : start + ASKED_AT_ONCE])
            with transaction.atomic():
                self.run.lease_required()
                self.apply_orders(remotes)

    def _line_map(self, orders: Collection[Order]) -> dict[tuple[int, str], OrderLine]:
        """Return our lines by order and the WMS's line id, as far as those are known."""
        rows = OrderLine.objects.for_account(self.account_id).filter(order__in=[order.pk for order in orders])
        return {(line.order_id, line.external_id): line for line in rows.exclude(external_id="")}

    # --- packages ------------------------------------------------------------------------------------------------------------

    def apply_shipments(self, drafts: Sequence[ShipmentDraft]) -> None:
        """Store packages that are new or changed, and count what shipped of each line."""
        if not drafts:
            return
        known = {
            shipment.external_id: shipment
            for shipment in Shipment.objects.for_account(self.account_id).filter(
                connection=self.connection, external_id__in=[draft.external_id for draft in drafts]
            )
        }
        news = [draft for draft in drafts if self._is_news(known.get(draft.external_id), draft)]
        ours = self._orders({draft.external_order_id for draft in news})
        lines = self._line_map(list(ours.values()))
        touched: set[int] = set()
        for draft in news:
            order = ours.get(draft.external_order_id)
            self._store_shipment(known.get(draft.external_id), draft, order, lines)
            if order is not None:
                touched.add(order.pk)
                self.run.count("shipments")
        self._settle_all(touched)

    @staticmethod
    def _is_news(known: Shipment | None, draft: ShipmentDraft) -> bool:
        return known is None or known.remote_updated_at != draft.updated_at or known.state != draft.state

    def _store_shipment(
        self, known: Shipment | None, draft: ShipmentDraft, order: Order | None, lines: dict[tuple[int, str], OrderLine]
    ) -> None:
        if known is not None and known.document_id is not None:
            self._changed_after_telling(known, draft)
            return
        shipment = known or Shipment(account_id=self.account_id, connection=self.connection, external_id=draft.external_id)
        first = known is None
        shipment.external_order_id = draft.external_order_id
        shipment.order = order
        shipment.state = draft.state
        shipment.tracking_number = draft.tracking_number.strip()[:200]
        shipment.carrier, shipment.service = draft.carrier[:100], draft.service[:100]
        shipment.tracking_url = draft.tracking_url[:500]
        shipment.shipped_at, shipment.remote_updated_at = draft.shipped_at, draft.updated_at
        shipment.save()
        if not first:
            ShipmentLine.objects.for_account(self.account_id).filter(shipment=shipment).delete()
        ShipmentLine.objects.bulk_create(
            ShipmentLine(
                account_id=self.account_id,
                shipment=shipment,
                external_id=line.external_id,
                external_line_id=line.external_line_id,
                quantity=line.quantity,
                line=lines.get((order.pk, line.external_line_id)) if order else None,
            )
            for line in draft.lines
        )
        if order is not None:
            self._shipment_event(order, shipment, first=first)

    def _shipment_event(self, order: Order, shipment: Shipment, *, first: bool) -> None:
        what = {ShipmentState.PACKED: "Packed", ShipmentState.SHIPPED: "Shipped", ShipmentState.VOID: "A package was voided"}[
            ShipmentState(shipment.state)
        ]
        tracking = f" as {shipment.tracking_number}" if shipment.tracking_number else ", without a tracking number yet"
        words = f"{what}{tracking if shipment.state != ShipmentState.VOID else ''}."
        OrderEvent.objects.create(
            account_id=self.account_id,
            order=order,
            connection=self.connection,
            words=words,
            kind="shipment.seen" if first else "shipment.changed",
        )

    def _changed_after_telling(self, known: Shipment, draft: ShipmentDraft) -> None:
        """What was told is told: a person settles the difference with the retailer."""
        Shipment.objects.for_account(self.account_id).filter(pk=known.pk).update(remote_updated_at=draft.updated_at)
        voided = draft.state == ShipmentState.VOID
        changed = draft.tracking_number.strip() != known.tracking_number
        if known.order is None or not (voided or changed):
            return
        what = "was voided" if voided else "got another tracking number"
        words = (
            f"A package of order {known.order.cust_ref} {what} at {self.connection.name} after "
            f"{known.order.source.name} was told. "
            f"It is not told again: correct it at {known.order.source.name}."
        )
        OrderEvent.objects.create(
            account_id=self.account_id, order=known.order, kind="shipment.changed_after_telling", words=words
        )
        raise_alert(
            account_id=self.account_id,
            cause="changed_after_telling",
            subject=str(known.public_id),
            words=words,
            connection=known.order.source,
            order=known.order,
        )

    def _settle_all(self, order_ids: Collection[int]) -> None:
        if not order_ids:
            return
        count_shipped(self.account_id, order_ids)
        for order in Order.objects.for_account(self.account_id).filter(pk__in=list(order_ids)).select_related("source"):
            settle(order)
        wake_carts(self.account_id, order_ids)

    # --- invoices ------------------------------------------------------------------------------------------------------------

    def apply_invoices(self, drafts: Sequence[InvoiceDraft]) -> None:
        """Store invoices that are new or changed."""
        if not drafts:
            return
        known = {
            invoice.external_id: invoice
            for invoice in Invoice.objects.for_account(self.account_id).filter(
                connection=self.connection, external_id__in=[draft.external_id for draft in drafts]
            )
        }
        news = [
            draft
            for draft in drafts
            if (old := known.get(draft.external_id)) is None or old.remote_updated_at != draft.updated_at
        ]
        ours = self._orders({draft.external_order_id for draft in news})
        lines = self._line_map(list(ours.values()))
        touched: set[int] = set()
        for draft in news:
            order = ours.get(draft.external_order_id)
            self._store_invoice(known.get(draft.external_id), draft, order, lines)
            if order is not None:
                touched.add(order.pk)
                self.run.count("invoices")
        if touched:
            wake_carts(self.account_id, touched)

    def _store_invoice(
        self, known: Invoice | None, draft: InvoiceDraft, order: Order | None, lines: dict[tuple[int, str], OrderLine]
    ) -> None:
        if known is not None and known.document_id is not None:
            self._invoice_changed_after_telling(known, draft)
            return
        invoice = known or Invoice(account_id=self.account_id, connection=self.connection, external_id=draft.external_id)
        invoice.external_order_id, invoice.order = draft.external_order_id, order
        invoice.number, invoice.invoice_date, invoice.due_date = draft.number[:100], draft.date, draft.due
        invoice.total = draft.total if draft.total is not None else Decimal(0)
        invoice.currency, invoice.is_void, invoice.remote_updated_at = draft.currency[:3], draft.is_void, draft.updated_at
        invoice.save()
        if known is not None:
            InvoiceLine.objects.for_account(self.account_id).filter(invoice=invoice).delete()
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                account_id=self.account_id,
                invoice=invoice,
                external_id=line.external_id,
                external_line_id=line.external_line_id,
                quantity=line.quantity,
                line=lines.get((order.pk, line.external_line_id)) if order else None,
            )
            for line in draft.lines
        )
        if order is not None and known is None:
            OrderEvent.objects.create(
                account_id=self.account_id,
                order=order,
                connection=self.connection,
                kind="invoice.seen",
                words=f"Invoiced by {self.connection.name} as {invoice.number}.",
            )

    def _invoice_changed_after_telling(self, known: Invoice, draft: InvoiceDraft) -> None:
        Invoice.objects.for_account(self.account_id).filter(pk=known.pk).update(remote_updated_at=draft.updated_at)
        total = draft.total if draft.total is not None else known.total
        if known.order is None or not (draft.is_void or total != known.total):
            return
        words = (
            f"Invoice {known.told_id} of order {known.order.cust_ref} was changed at {self.connection.name} after "
            f"{known.order.source.name} was told. It is not told again: correct it at {known.order.source.name}."
        )
        OrderEvent.objects.create(
            account_id=self.account_id, order=known.order, kind="invoice.changed_after_telling", words=words
        )
        raise_alert(
            account_id=self.account_id,
            cause="changed_after_telling",
            subject=str(known.public_id),
            words=words,
            connection=known.order.source,
            order=known.order,
        )

    # --- what the walks can't see --------------------------------------------------------------------------------------------

    def match_unmatched(self) -> None:
        """Give packages and invoices that came before their order's receipt to that order now."""
        shipments = Shipment.objects.for_account(self.account_id).filter(connection=self.connection, order__isnull=True)
        invoices = Invoice.objects.for_account(self.account_id).filter(
            connection=self.connection, order__isnull=True, shipment__isnull=True
        )
        wanted = {*shipments.values_list("external_order_id", flat=True), *invoices.values_list("external_order_id", flat=True)}
        if not wanted:
            return
        ours = self._orders(wanted)
        if not ours:
            return
        self.learn_lines(set(ours))
        with transaction.atomic():
            self.run.lease_required()
            ids = [*ours]
            lines = self._line_map(list(ours.values()))
            for shipment in shipments.filter(external_order_id__in=ids):
                order = ours[shipment.external_order_id]
                shipments.filter(pk=shipment.pk).update(order=order)
                for row in shipment.lines.all():
                    shipment.lines.filter(pk=row.pk).update(line=lines.get((order.pk, row.external_line_id)))
                self._shipment_event(order, shipment, first=True)
            for invoice in invoices.filter(external_order_id__in=ids):
                order = ours[invoice.external_order_id]
                invoices.filter(pk=invoice.pk).update(order=order)
                for line in invoice.lines.all():
                    invoice.lines.filter(pk=line.pk).update(line=lines.get((order.pk, line.external_line_id)))
            self._settle_all({order.pk for order in ours.values()})

    def ask_directly(self) -> None:
        """Once a day ask for every open order itself: a walk can't miss what is asked for by name."""
        last = self.run.cursor.get("asked_directly_at")
        now = timezone.now()
        if last is None:
            self.run.move_cursor(asked_directly_at=now.isoformat())
            return
        if now - datetime.fromisoformat(last) < ASK_DIRECTLY_EVERY:
            return
        open_orders = Order.objects.for_account(self.account_id).filter(wms=self.connection, state=OrderState.SENT)
        ids = list(open_orders.exclude(wms_order_id="").order_by("pk").values_list("wms_order_id", flat=True))
        for start in range(0, len(ids), ASKED_AT_ONCE):
            self.run.progress()
            some = ids[start : start + ASKED_AT_ONCE]
            remotes = self.session.read_orders(some)
            shipments = self.session.read_shipments(some)
            self.learn_lines({shipment.external_order_id for shipment in shipments})
            with transaction.atomic():
                self.run.lease_required()
                self.apply_orders(remotes)
                self.apply_shipments(shipments)
        self.run.move_cursor(asked_directly_at=now.isoformat())
