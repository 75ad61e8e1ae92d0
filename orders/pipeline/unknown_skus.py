"""Stage: orders held for a SKU that the WMS didn't know are looked at again, in bulk."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from cartrover.clock import hub_now
from connectors.contract import HoldReason, OrderDestination
from orders.holding import hold_order, resolve_shared_hold_alerts
from orders.models import Alert, AlertState, Order, OrderLine
from orders.models.order import held_for
from orders.pipeline.release import reconsider
from orders.pipeline.route import Route
from orders.rules.aliases import wms_skus
from orders.run import Run

RECHECK_EVERY = timedelta(hours=1)


def recheck_unknown_skus(run: Run, session: OrderDestination) -> None:
    """Ask the WMS anew for the SKUs of held orders: hourly, in a named run, and when aliases or products changed.

    An order goes on when the WMS knows all its SKUs; the alerts on SKUs that hold nothing up any more close.
    """
    held = Order.objects.for_account(run.account_id).filter(held_for(HoldReason.UNKNOWN_SKU), wms=run.connection)
    if not _is_time(run) or not held.exists():
        return
    orders = {order.pk: order for order in held.select_related("source")}
    items: dict[int, set[str]] = {}
    chosen: dict[int, set[str]] = {}
    lines = OrderLine.objects.for_account(run.account_id).filter(order__in=orders)
    for order_id, item, chosen_item in lines.values_list("order_id", "item", "chosen_item"):
        (chosen if chosen_item else items).setdefault(order_id, set()).add(chosen_item or item)
    wanted = {pk: skus | chosen.get(pk, set()) for pk, skus in _wms_items(run, orders, items).items()}
    known = session.known_items({sku for skus in wanted.values() for sku in skus})
    routes: dict[int, Route] = {}
    for pk, order in orders.items():
        run.progress()
        if wanted[pk] <= known:
            route = routes.setdefault(order.source_id, Route.of(order.source))
            run.count("released", int(reconsider(order, route, because=f"{run.connection.name} knows all its SKUs now.")))
    unknown = {sku for skus in wanted.values() for sku in skus} - known
    resolve_shared_hold_alerts(run.account_id, HoldReason.UNKNOWN_SKU, _settled_subjects(run, unknown))
    _tell_what_is_left(run, [order for order in orders.values() if order.hold], wanted, known)
    run.move_cursor(skus_checked_at=hub_now().isoformat(), recheck_skus=False)


def _is_time(run: Run) -> bool:
    last = run.cursor.get("skus_checked_at")
    return (
        run.named
        or bool(run.cursor.get("recheck_skus"))
        or last is None
        or hub_now() - datetime.fromisoformat(last) >= RECHECK_EVERY
    )


def _wms_items(run: Run, orders: dict[int, Order], items: dict[int, set[str]]) -> dict[int, set[str]]:
    """Return each held order's SKUs after the aliases of its cart."""
    wanted: dict[int, set[str]] = {}
    for cart_id in {order.source_id for order in orders.values()}:
        mine = [pk for pk, order in orders.items() if order.source_id == cart_id]
        skus = wms_skus(
            account_id=run.account_id, cart_id=cart_id, cart_skus={item for pk in mine for item in items.get(pk, set())}
        )
        wanted |= {pk: {skus[item] for item in items.get(pk, set())} for pk in mine}
    return wanted


def _tell_what_is_left(run: Run, held: list[Order], wanted: dict[int, set[str]], known: set[str]) -> None:
    """An order may wait for several SKUs: when the one that was told is there, the next one is."""
    told = set(_open_alerts(run).values_list("subject", flat=True))
    for order in held:
        missing = sorted(wanted[order.pk] - known)
        if missing and not told & set(missing):
            words = (
                f"{run.connection.name} has no active product with the SKU {', '.join(missing[:5])}. Add it there, or add an "
                "alias here; the order then goes out by itself."
            )
            hold_order(order, HoldReason.UNKNOWN_SKU, words, subject=missing[0])
            told.add(missing[0])


def _open_alerts(run: Run) -> QuerySet[Alert]:
    alerts = Alert.objects.for_account(run.account_id).filter(cause=f"hold.{HoldReason.UNKNOWN_SKU}")
    return alerts.exclude(state=AlertState.RESOLVED)


def _settled_subjects(run: Run, unknown: set[str]) -> list[str]:
    subjects = _open_alerts(run).filter(connection__isnull=False).values_list("subject", flat=True)
    still_held = Order.objects.for_account(run.account_id).filter(held_for(HoldReason.UNKNOWN_SKU)).exists()
    return [subject for subject in subjects if not still_held or subject not in unknown]
