"""Stage: carts are told of packages, invoices and cancellations, in files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cartrover.clock import hub_now
from connectors.contract import DocumentSink, Purpose
from connectors.opening import open_session
from orders.models import DocumentState, OutboundDocument
from orders.pipeline.documents import InOrder, is_due, unsent_documents, watch_taken
from orders.pipeline.invoicing import tell_invoices
from orders.pipeline.tellings import tell_cancels, tell_shipments
from orders.run import Run

TELL: dict[Purpose, Callable[[Run], OutboundDocument | None]] = {
    Purpose.SHIPMENTS: tell_shipments,
    Purpose.INVOICES: tell_invoices,
    Purpose.CANCELS: tell_cancels,
}
WATCH_EVERY = timedelta(minutes=10)


def upload(run: Run, purpose: Purpose) -> None:
    """Send what is in doubt or unsent, then make and send files until nothing is left to tell."""
    unsent = unsent_documents(run, purpose)
    fresh = TELL[purpose](run)
    if not any(is_due(run, one) for one in unsent) and fresh is None and not watch_is_due(run, purpose):
        return
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, DocumentSink):
            raise TypeError(f"{run.connection.kind} declares uploads and has none")
        in_order = InOrder(run, session)
        for document in unsent:
            in_order.send(document)
        while fresh is not None:
            in_order.send(fresh)
            fresh = None if run.out_of_time else TELL[purpose](run)
        run.unfinished = run.out_of_time
        watch_taken(run, session, purpose)
        run.move_cursor(watched_at=hub_now().isoformat())


def watch_is_due(run: Run, purpose: Purpose) -> bool:
    """Say whether files lie at the cart of which it isn't known that they were taken, and it is time to look."""
    sent = OutboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, purpose=purpose, state=DocumentState.SENT
    )
    last = run.cursor.get("watched_at")
    due = run.named or last is None or hub_now() - datetime.fromisoformat(last) >= WATCH_EVERY
    return due and sent.exists()
