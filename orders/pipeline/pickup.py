"""Stage: what the WMS did with our orders comes back: lines, packages, invoices, cancellations.

Lists are walked by change time from where the last run stood, with an overlap; the cursor moves with the rows. What belongs to
an order whose delivery is still unknown waits unmatched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Q, QuerySet

from cartrover.clock import hub_now
from connectors.contract import InvoiceDraft, InvoiceSource, Page, RemoteOrder, RemoteState, ShipmentDraft, ShipmentSource
from connectors.opening import open_session
from orders.alerts import raise_alert, resolve_alerts
from orders.models import MessageState, Order, OrderLine
from orders.pipeline.billed import store_invoices
from orders.pipeline.canceling import Telling, open_cancels
from orders.pipeline.loader import update_rows
from orders.pipeline.matching import lines_at, match_unmatched, orders_at, pieces
from orders.pipeline.packages import store_shipments
from orders.pipeline.settle import cancel_rest, count_shipped, settle, wake_carts
from orders.run import Run
from orders.states import OrderState

OVERLAP = timedelta(minutes=10)
"""How far a walk starts before the far side's time at which the last one began: changes that were under way then."""

FIRST_LOOK_BACK = timedelta(days=30)
"""How long before the connection was made its first walk begins: what the merchant did for years before is none of ours."""

GONE = frozenset({RemoteState.VOID, RemoteState.DELETED})

ASK_DIRECTLY_EVERY = timedelta(hours=24)
ASKED_AT_ONCE = 200

LATE_TRACKING = timedelta(days=30)
"""How long an order that is shipped and not confirmed is still asked for: its tracking may be late."""

T = TypeVar("T")


def pick_up(run: Run) -> None:
    """Bring our picture of delivered orders, packages and invoices up to the WMS's."""
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, ShipmentSource):
            raise TypeError(f"{run.connection.kind} declares shipments and has none")
        pickup = _Pickup(run, session)
        match_unmatched(run, pickup.learn_lines, pickup.settle_all)
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
        since = datetime.fromisoformat(stands) if stands else self.connection.created_at - FIRST_LOOK_BACK
        began: datetime | None = None
        for page in pages(since):
            self.run.progress()
            began = began or page.far_now
            for words in page.problems:
                self.run.problem(words)
            self.learn_lines({str(getattr(item, "external_order_id", "")) for item in page.items})
            with transaction.atomic():
                self.run.lease_required()
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

    def apply_orders(self, remotes: Sequence[RemoteOrder]) -> None:
        """Learn line ids, see what was cut, removed or voided."""
        ours = orders_at(self.connection, {remote.external_id for remote in remotes})
        lines: dict[int, list[OrderLine]] = {}
        for line in OrderLine.objects.for_account(self.account_id).filter(order__in=[order.pk for order in ours.values()]):
            lines.setdefault(line.order_id, []).append(line)
        learned: list[OrderLine] = []
        touched: set[int] = set()
        gone = [ours[remote.external_id].pk for remote in remotes if remote.state in GONE and remote.external_id in ours]
        asked = self._asked_for(gone)
        for remote in remotes:
            order = ours.get(remote.external_id)
            if order is not None and self._apply_order(order, lines.get(order.pk, []), remote, learned, asked):
                touched.add(order.pk)
        stands = {remote.external_id: remote.state for remote in remotes}
        moved = [order for order in ours.values() if order.wms_state != stands[order.wms_order_id]]
        update_rows(Order, ("wms_state",), [(order.pk, stands[order.wms_order_id]) for order in moved])
        update_rows(
            OrderLine, ("external_id", "wms_quantity"), [(line.pk, line.external_id, line.wms_quantity) for line in learned]
        )
        if touched:
            settle(self.account_id, touched)
            wake_carts(self.account_id, touched)

    def _asked_for(self, gone: Sequence[int]) -> dict[int, Telling | None]:
        """Say which of these orders are gone because we asked for it, and what the cart is then told; those are done with.

        The WMS's answer to us was lost, or is still on its way.
        """
        if not gone:
            return {}
        messages = open_cancels(self.account_id, gone)
        found = {order_id: Telling(**wish) if wish else None for order_id, wish in messages.values_list("order", "telling")}
        messages.filter(lease_token="").update(state=MessageState.DONE, done_at=hub_now(), words="It is canceled there.")
        return found

    def _apply_order(
        self,
        order: Order,
        lines: list[OrderLine],
        remote: RemoteOrder,
        learned: list[OrderLine],
        asked: Mapping[int, Telling | None],
    ) -> bool:
        """Note what will not come of an order; return whether that is news. Lines with other facts than ours are `learned`."""
        if order.state not in (OrderState.SENT, OrderState.SHIPPED):
            return False
        wish = asked.get(order.pk, Telling(code="", reason=f"{self.connection.name} voided the order."))
        by_id = {line.external_id: line for line in remote.lines}
        by_number = {line.line_no: line for line in remote.lines if line.line_no}
        canceled = 0
        for line in lines:
            # Once a line's id is known it decides: positions shift when the WMS's people add and remove lines.
            known = by_id.get(line.external_id) if line.external_id else by_number.get(line.line_no)
            if known is not None and (line.external_id, line.wms_quantity) != (known.external_id, known.quantity):
                line.external_id, line.wms_quantity = known.external_id, known.quantity
                learned.append(line)
            if remote.state in GONE:
                reason = wish.reason if wish else "The order was canceled."
                canceled += cancel_rest(order, line, line.quantity, reason, code=wish.code if wish else None)
            elif known is not None:
                canceled += cancel_rest(order, line, line.quantity - known.quantity, f"{self.connection.name} cut the line.")
            elif line.external_id:
                # Only a line that was seen there before can have been removed.
                canceled += cancel_rest(order, line, line.quantity, f"{self.connection.name} removed the line.")
        if canceled:
            self.run.count("canceled", canceled)
        return bool(canceled)

    def learn_lines(self, external_order_ids: set[str]) -> None:
        """Read the line ids of those of our orders that none is known of, in bulk; outside of any transaction."""
        ours = orders_at(self.connection, external_order_ids)
        known = {order_id for order_id, _ in lines_at(self.account_id, [order.pk for order in ours.values()])}
        unknown = [order.wms_order_id for order in ours.values() if order.pk not in known]
        for some in pieces(unknown, ASKED_AT_ONCE):
            remotes = self.session.read_orders(some)
            with transaction.atomic():
                self.run.lease_required()
                self.apply_orders(remotes)

    # --- packages and invoices -----------------------------------------------------------------------------------------------

    def apply_shipments(self, drafts: Sequence[ShipmentDraft]) -> None:
        """Store packages that are new or changed, and count what shipped of each line."""
        self.settle_all(store_shipments(self.run, drafts))

    def apply_invoices(self, drafts: Sequence[InvoiceDraft]) -> None:
        """Store invoices that are new or changed."""
        wake_carts(self.account_id, store_invoices(self.run, drafts))

    def settle_all(self, order_ids: Collection[int]) -> None:
        """Count what shipped of these orders and move them on."""
        if order_ids:
            with transaction.atomic():
                count_shipped(self.account_id, order_ids)
                settle(self.account_id, order_ids)
                wake_carts(self.account_id, order_ids)

    # --- what the walks can't see --------------------------------------------------------------------------------------------

    def ask_directly(self) -> None:
        """Once a day ask for every open order itself: a walk can't miss what is asked for by name.

        The cursor remembers how far it came, so that a rate limit in the middle only interrupts it.
        """
        last = self.run.cursor.get("asked_directly_at")
        now = hub_now()
        if last is None:
            self.run.move_cursor(asked_directly_at=now.isoformat())
            return
        if now - datetime.fromisoformat(last) < ASK_DIRECTLY_EVERY:
            return
        while some := list(self._open_orders(now, after=int(self.run.cursor.get("asked_directly_to", 0)))[:ASKED_AT_ONCE]):
            self.run.progress()
            ids = [order.wms_order_id for order in some]
            remotes = self.session.read_orders(ids)
            shipments = self.session.read_shipments(ids)
            self.learn_lines({shipment.external_order_id for shipment in shipments})
            with transaction.atomic():
                self.apply_orders(remotes)
                self.apply_shipments(shipments)
                # Those whose packages are known and aren't counted, whatever has come between.
                self.settle_all([order.pk for order in some])
                self._note_missing(some, {remote.external_id for remote in remotes})
                self.run.move_cursor(asked_directly_to=some[-1].pk)
        self.run.move_cursor(asked_directly_at=now.isoformat(), asked_directly_to=0)

    def _open_orders(self, now: datetime, *, after: int) -> QuerySet[Order]:
        waiting = Q(state=OrderState.SENT) | Q(state=OrderState.SHIPPED, shipped_at__gte=now - LATE_TRACKING)
        rows = Order.objects.for_account(self.account_id).filter(waiting, wms=self.connection, pk__gt=after)
        return rows.exclude(wms_order_id="").select_related("source").order_by("pk")

    def _note_missing(self, asked: Sequence[Order], found: Collection[str]) -> None:
        """An order that is neither there nor voided nor deleted may be hidden by rights: no reason to cancel it by itself."""
        missing = [order for order in asked if order.wms_order_id not in found and order.state == OrderState.SENT]
        for order in missing:
            raise_alert(
                account_id=self.account_id,
                cause="missing_at_wms",
                subject=str(order.public_id),
                connection=self.connection,
                order=order,
                words=f"{self.connection.name} no longer shows order {order.cust_ref}. Look for it there; if it is gone for "
                "good, cancel the order here.",
            )
        there = [str(order.public_id) for order in asked if order not in missing]
        resolve_alerts(account_id=self.account_id, cause="missing_at_wms", subjects=there)
