"""Stage: invoices as the WMS has them, each once; what changes after the cart was told is a person's to settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.contract import InvoiceDraft
from orders.alerts import raise_alert, resolve_alerts
from orders.models import Invoice, InvoiceLine, Order, OrderEvent
from orders.pipeline.matching import Lines, lines_at, orders_at, with_known_lines
from orders.run import Run


def store_invoices(run: Run, drafts: Sequence[InvoiceDraft]) -> set[int]:
    """Store invoices that are new or changed, in the caller's transaction; return the ids of the orders that they touch."""
    latest = {draft.external_id: draft for draft in drafts}
    invoices = Invoice.objects.for_account(run.account_id).filter(connection=run.connection, external_id__in=list(latest))
    known = {invoice.external_id: invoice for invoice in invoices.select_related("order__source")}
    news = {
        key: draft
        for key, draft in latest.items()
        if key not in known or known[key].remote_updated_at != draft.updated_at or known[key].is_void != draft.is_void
    }
    ours = with_known_lines(run.account_id, orders_at(run.connection, {draft.external_order_id for draft in news.values()}))
    told = [key for key in news if key in known and known[key].document_id is not None]
    for key in told:
        _changed_after_telling(run, known[key], news.pop(key))
    _store(run, news, known, ours)
    touched = [ours[draft.external_order_id].pk for draft in news.values() if draft.external_order_id in ours]
    if touched:
        run.count("invoices", len(touched))
    return set(touched)


def _store(run: Run, news: Mapping[str, InvoiceDraft], known: Mapping[str, Invoice], ours: Mapping[str, Order]) -> None:
    lines = lines_at(run.account_id, [order.pk for order in ours.values()])
    fresh: list[Invoice] = []
    changed: list[Invoice] = []
    for key, draft in news.items():
        invoice = known.get(key) or Invoice(account_id=run.account_id, connection=run.connection, external_id=key)
        _take_over(invoice, draft, ours.get(draft.external_order_id))
        (changed if key in known else fresh).append(invoice)
    Invoice.objects.bulk_create(fresh)
    for invoice in changed:
        invoice.save()
    InvoiceLine.objects.for_account(run.account_id).filter(invoice__in=changed).delete()
    InvoiceLine.objects.bulk_create(
        row for invoice in (*fresh, *changed) for row in _lines_of(invoice, news[invoice.external_id], lines)
    )
    OrderEvent.objects.bulk_create(
        OrderEvent(
            account_id=run.account_id,
            order=invoice.order,
            connection=run.connection,
            kind="invoice.seen",
            words=f"Invoiced by {run.connection.name} as {invoice.number}.",
        )
        for invoice in fresh
        if invoice.order is not None
    )
    resolve_alerts(
        account_id=run.account_id, cause="invoice_exceeds_shipped", subjects=[str(invoice.public_id) for invoice in changed]
    )


def _take_over(invoice: Invoice, draft: InvoiceDraft, order: Order | None) -> None:
    invoice.external_order_id, invoice.order = draft.external_order_id, order
    invoice.number, invoice.invoice_date, invoice.due_date = draft.number[:100], draft.date, draft.due
    invoice.total = draft.total if draft.total is not None else Decimal(0)
    invoice.currency, invoice.is_void, invoice.remote_updated_at = draft.currency[:3], draft.is_void, draft.updated_at


def _lines_of(invoice: Invoice, draft: InvoiceDraft, lines: Lines) -> list[InvoiceLine]:
    order = invoice.order
    return [
        InvoiceLine(
            account_id=invoice.account_id,
            invoice=invoice,
            external_id=line.external_id,
            external_line_id=line.external_line_id,
            quantity=line.quantity,
            line=lines.get((order.pk, line.external_line_id)) if order is not None else None,
        )
        for line in draft.lines
    ]


def _changed_after_telling(run: Run, known: Invoice, draft: InvoiceDraft) -> None:
    """What was told is told: a person settles the difference with the retailer."""
    Invoice.objects.for_account(run.account_id).filter(pk=known.pk).update(
        remote_updated_at=draft.updated_at, is_void=draft.is_void
    )
    total = draft.total if draft.total is not None else known.total
    order = known.order
    if order is None or not (draft.is_void or total != known.total):
        return
    what = "voided" if draft.is_void else "changed"
    words = (
        f"Invoice {known.told_id} of order {order.cust_ref} was {what} at {run.connection.name} after {order.source.name} was "
        f"told. It is not told again: correct it at {order.source.name}."
    )
    OrderEvent.objects.create(account_id=run.account_id, order=order, kind="invoice.changed_after_telling", words=words)
    raise_alert(
        account_id=run.account_id,
        cause="changed_after_telling",
        subject=str(known.public_id),
        words=words,
        connection=order.source,
        order=order,
    )
