"""Stage: packages as the WMS has them, each once; what changes after the cart was told is a person's to settle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from connectors.contract import ShipmentDraft, ShipmentState
from orders.alerts import raise_alert, resolve_alerts
from orders.models import Order, OrderEvent, Shipment, ShipmentLine
from orders.pipeline.matching import Lines, lines_at, orders_at, package_event, with_known_lines
from orders.run import Run


def store_shipments(run: Run, drafts: Sequence[ShipmentDraft]) -> set[int]:
    """Store packages that are new or changed, in the caller's transaction; return the ids of the orders that they touch."""
    latest = {draft.external_id: draft for draft in drafts}
    shipments = Shipment.objects.for_account(run.account_id).filter(connection=run.connection, external_id__in=list(latest))
    known = {shipment.external_id: shipment for shipment in shipments.select_related("order__source")}
    news = {key: draft for key, draft in latest.items() if _is_news(known.get(key), draft)}
    ours = with_known_lines(run.account_id, orders_at(run.connection, {draft.external_order_id for draft in news.values()}))
    told = [key for key in news if key in known and known[key].document_id is not None]
    for key in told:
        _changed_after_telling(run, known[key], news.pop(key))
    _store(run, news, known, ours)
    touched = [ours[draft.external_order_id].pk for draft in news.values() if draft.external_order_id in ours]
    if touched:
        run.count("shipments", len(touched))
    return set(touched)


def _is_news(known: Shipment | None, draft: ShipmentDraft) -> bool:
    if known is None or known.remote_updated_at != draft.updated_at:
        return True
    return known.document_id is None and known.state != draft.state


def _store(run: Run, news: Mapping[str, ShipmentDraft], known: Mapping[str, Shipment], ours: Mapping[str, Order]) -> None:
    lines = lines_at(run.account_id, [order.pk for order in ours.values()])
    fresh: list[Shipment] = []
    changed: list[Shipment] = []
    for key, draft in news.items():
        shipment = known.get(key) or Shipment(account_id=run.account_id, connection=run.connection, external_id=key)
        _take_over(shipment, draft, ours.get(draft.external_order_id))
        (changed if key in known else fresh).append(shipment)
    Shipment.objects.bulk_create(fresh)
    for shipment in changed:
        shipment.save()
    ShipmentLine.objects.for_account(run.account_id).filter(shipment__in=changed).delete()
    ShipmentLine.objects.bulk_create(
        row for shipment in (*fresh, *changed) for row in _lines_of(shipment, news[shipment.external_id], lines)
    )
    stories = [(shipment, True) for shipment in fresh] + [(shipment, False) for shipment in changed]
    OrderEvent.objects.bulk_create(
        package_event(shipment.order, shipment, first=first) for shipment, first in stories if shipment.order is not None
    )
    settled = [one for one in changed if one.tracking_number or one.state != ShipmentState.SHIPPED]
    if settled:
        resolve_alerts(account_id=run.account_id, cause="no_tracking", subjects=[str(one.public_id) for one in settled])


def _take_over(shipment: Shipment, draft: ShipmentDraft, order: Order | None) -> None:
    shipment.external_order_id = draft.external_order_id
    shipment.order = order
    shipment.state = draft.state
    shipment.tracking_number = draft.tracking_number.strip()[:200]
    shipment.carrier, shipment.service = draft.carrier[:100], draft.service[:100]
    shipment.tracking_url = draft.tracking_url[:500]
    shipment.shipped_at, shipment.remote_updated_at = draft.shipped_at, draft.updated_at
    shipment.nothing_to_tell = False


def _lines_of(shipment: Shipment, draft: ShipmentDraft, lines: Lines) -> list[ShipmentLine]:
    order = shipment.order
    return [
        ShipmentLine(
            account_id=shipment.account_id,
            shipment=shipment,
            external_id=line.external_id,
            external_line_id=line.external_line_id,
            quantity=line.quantity,
            line=lines.get((order.pk, line.external_line_id)) if order is not None else None,
        )
        for line in draft.lines
    ]


def _changed_after_telling(run: Run, known: Shipment, draft: ShipmentDraft) -> None:
    """What was told is told: a person settles the difference with the retailer."""
    Shipment.objects.for_account(run.account_id).filter(pk=known.pk).update(remote_updated_at=draft.updated_at)
    what = _difference(known, draft)
    order = known.order
    if order is None or not what:
        return
    words = (
        f"A package of order {order.cust_ref} {what} at {run.connection.name} after {order.source.name} was told. It is not "
        f"told again: correct it at {order.source.name}."
    )
    OrderEvent.objects.create(account_id=run.account_id, order=order, kind="shipment.changed_after_telling", words=words)
    raise_alert(
        account_id=run.account_id,
        cause="changed_after_telling",
        subject=str(known.public_id),
        words=words,
        connection=order.source,
        order=order,
    )


def _difference(known: Shipment, draft: ShipmentDraft) -> str:
    """Say what of a package is different from what was told; "" = nothing that the cart was told."""
    if draft.state == ShipmentState.VOID:
        return "was voided"
    if draft.state == ShipmentState.PACKED:
        return "was taken back to packed"
    if draft.tracking_number.strip()[:200] != known.tracking_number:
        return "got another tracking number"
    then: Counter[str] = Counter()
    for line in ShipmentLine.objects.for_account(known.account_id).filter(shipment=known):
        then[line.external_line_id] += line.quantity
    now: Counter[str] = Counter()
    for draft_line in draft.lines:
        now[draft_line.external_line_id] += draft_line.quantity
    return "got other contents" if +then != +now else ""
