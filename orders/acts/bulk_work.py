"""What is done to many rows at once: acts on orders, and loading what was skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orders import actions
from orders.acts.jobs import MOST_ROWS, Kind, Outcome
from orders.acts.order_acts import act_on
from orders.listings.orders import OrderFilter, filtered
from orders.listings.skipped import skipped_rows
from orders.models import Job, Order, SkippedOrder

ORDERS, SKIPPED = "orders_acted_on", "skipped_loaded"

ABOUT = {"release": "Release", "resend": "Send again", "hold": "Hold", "cancel": "Cancel", "mark": "Mark"}


def _plan_orders(job: Job) -> Sequence[int]:
    """The orders that matched when the work began, newest first."""
    rows = filtered(job.account, OrderFilter.read(job.asked["query"]))
    return list(rows.order_by("-created_at", "-pk").values_list("pk", flat=True)[:MOST_ROWS])


def _act_on_orders(job: Job, pks: Sequence[int]) -> list[Outcome]:
    rows = Order.objects.for_account(job.account_id).filter(pk__in=pks).order_by("pk").select_for_update(of=("self",))
    found = []
    for order in rows.select_related("source", "wms"):
        good, said = act_on(order, job.asked["act"], job.actor, job.asked.get("options", {}))
        found.append(Outcome(good, said, order.cust_ref))
    return found


def _about_orders(asked: Mapping[str, Any]) -> str:
    act = ABOUT[asked["act"]]
    done = asked.get("options", {}).get("as", "")
    which = "orders that match the filter" if any(asked["query"].values()) else "all orders"
    return f"{act}{f' as {done} elsewhere' if asked['act'] == 'mark' else ''}: {which}"


def _plan_skipped(job: Job) -> Sequence[int]:
    if "chosen" in job.asked:
        rows = SkippedOrder.objects.for_account(job.account).filter(public_id__in=job.asked["chosen"])
    else:
        rows = skipped_rows(job.account, loaded=False, file=str(job.asked.get("file", "")))
    return list(rows.order_by("created_at", "pk").values_list("pk", flat=True)[:MOST_ROWS])


def _about_skipped(asked: Mapping[str, Any]) -> str:
    return f"Load skipped orders of {asked['file']}" if asked.get("file") else "Load skipped orders"


def _load_skipped(job: Job, pks: Sequence[int]) -> list[Outcome]:
    rows = SkippedOrder.objects.for_account(job.account_id).filter(pk__in=pks).order_by("pk")
    found = []
    for skipped in rows.select_for_update(of=("self",)).select_related("connection", "document"):
        name = skipped.cust_po_no or "an order without a number"
        if skipped.loaded_at is not None:
            found.append(Outcome(False, "Was loaded already.", name))
        elif skipped.draft is None:
            found.append(Outcome(False, "Its rows can't be read. Correct the file, then let it come again.", name))
        else:
            counts = actions.skipped_load(skipped, actor=job.actor)
            found.append(Outcome(bool(counts.orders), "The order is here already.", name))
    return found


KINDS: Mapping[str, Kind] = {
    ORDERS: Kind(_plan_orders, _act_on_orders, _about_orders),
    SKIPPED: Kind(_plan_skipped, _load_skipped, _about_skipped),
}
