"""Stage: stored files are parsed and their orders loaded. Needs no connection: a file can be read again at any time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from connectors import registry
from connectors.contract import OrderDraft, ParseSummary, RefusedOrder
from connectors.errors import BadDocument
from connectors.models import ServiceName
from connectors.readers import settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import InboundDocument, InboundState, OrderEvent, SkippedOrder
from orders.pipeline.persist import load_drafts
from orders.pipeline.retrieve import stored_bytes
from orders.run import Run
from orders.waking import wake

LISTED_REFUSALS = 100
"""Refused orders that are listed one by one for a file; a summary counts the rest."""


@dataclass(slots=True)
class _Refusals:
    """What the parser refused while its drafts went through."""

    document: InboundDocument
    count: int = 0
    summary: ParseSummary | None = None
    listed: list[SkippedOrder] = field(default_factory=list)

    def drafts_of(self, items: Iterator[OrderDraft | RefusedOrder | ParseSummary]) -> Iterator[OrderDraft]:
        """Let drafts through and keep the rest."""
        for item in items:
            if isinstance(item, OrderDraft):
                yield item
            elif isinstance(item, RefusedOrder):
                self._refuse(item)
            else:
                self.summary = item

    def _refuse(self, refused: RefusedOrder) -> None:
        self.count += 1
        if self.count > LISTED_REFUSALS:
            return
        words = "; ".join(f"row {problem.row}: {problem.words}" for problem in refused.problems)
        document = self.document
        self.listed.append(
            SkippedOrder(
                account_id=document.account_id,
                connection=document.connection,
                external_id=refused.external_id[:200],
                cust_po_no=refused.cust_po_no[:200],
                retailer_name=refused.retailer_name[:200],
                reason="refused_row",
                words=words,
                document=document,
                row=refused.problems[0].row if refused.problems else 0,
            )
        )


def read_fetched(run: Run) -> None:
    """Read every stored document of the connection that isn't read yet, oldest first."""
    documents = InboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, feed="orders", state=InboundState.FETCHED
    )
    for document in list(documents.order_by("modified_at", "pk")):
        run.progress()
        read_document(document, run)


def read_document(document: InboundDocument, run: Run, *, force: bool = False) -> None:
    """Parse a stored document and load its orders; refused rows, bad files and cut exports are shown where a person looks."""
    spec = registry.get(run.connection.kind)
    if spec.parse_orders is None:
        raise TypeError(f"{spec.kind} has no orders to parse")
    # What an interrupted reading has listed is listed again.
    SkippedOrder.objects.for_account(run.account_id).filter(document=document, reason="refused_row").delete()
    refusals = _Refusals(document)
    items = spec.parse_orders(lambda: stored_bytes(document), document.name, settings_of(run.connection))
    try:
        counts = load_drafts(
            connection=run.connection, drafts=refusals.drafts_of(items), document=document, force=force, progress=run.progress
        )
    except BadDocument as problem:
        _refuse_document(document, run, problem)
        return
    summary = refusals.summary or ParseSummary(rows=0)
    with transaction.atomic():
        run.lease_required()
        SkippedOrder.objects.bulk_create(refusals.listed)
        document.counts = {**counts.as_dict(), "rows": summary.rows, "refused": refusals.count}
        InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
            state=InboundState.READ, read_at=timezone.now(), counts=document.counts, words=""
        )
        _tell(document, run, refusals, summary)
    resolve_alerts(account_id=run.account_id, cause="bad_document", subjects=[document.name])
    run.count_all({**counts.as_dict(), "rows": summary.rows, "refused": refusals.count})
    if counts.orders or counts.updated:
        _ring(run)


def _ring(run: Run) -> None:
    from orders.pipeline.route import Route

    wms = Route.of(run.connection).wms
    if wms is not None:
        wake(wms, ServiceName.ORDER_DELIVERY)


def _tell(document: InboundDocument, run: Run, refusals: _Refusals, summary: ParseSummary) -> None:
    def event(kind: str, words: str) -> None:
        OrderEvent.objects.create(
            account_id=run.account_id, connection=run.connection, kind=kind, words=words, document_name=document.name
        )

    for note in summary.notes:
        event("file.note", f"{document.name}: {note}")
    if not summary.rows:
        event("file.no_orders", f"{document.name} has a header and no orders.")
    if refusals.count:
        words = (
            f"{refusals.count} {'order' if refusals.count == 1 else 'orders'} of {document.name} can't be taken because of bad "
            "rows; the others were loaded. "
            f"{'Each is' if refusals.count <= LISTED_REFUSALS else f'The first {LISTED_REFUSALS} are'} listed under Skipped."
        )
        event("file.rows_refused", words)
        run.problem(words)
        raise_alert(
            account_id=run.account_id, cause="rows_refused", subject=document.name, words=words, connection=run.connection
        )
    if summary.maybe_truncated:
        words = (
            f"{document.name} has {summary.rows} rows. {run.connection.name} cuts exports at 100,000 records, so orders may be "
            "missing. Make the export job run more often, or split it."
        )
        event("file.maybe_truncated", words)
        run.problem(words)
        raise_alert(
            account_id=run.account_id, cause="maybe_truncated", subject=document.name, words=words, connection=run.connection
        )


def _refuse_document(document: InboundDocument, run: Run, problem: BadDocument) -> None:
    with transaction.atomic():
        InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
            state=InboundState.REFUSED, words=problem.words, read_at=timezone.now()
        )
        OrderEvent.objects.create(
            account_id=run.account_id,
            connection=run.connection,
            kind="file.refused",
            words=f"{document.name}: {problem.words}",
            document_name=document.name,
        )
        SkippedOrder.objects.create(
            account_id=run.account_id, connection=run.connection, reason="bad_document", words=problem.words, document=document
        )
        raise_alert(
            account_id=run.account_id,
            cause="bad_document",
            subject=document.name,
            connection=run.connection,
            words=f"{document.name} can't be read: {problem.words}",
        )
    run.count("files_refused")
    run.problem(f"{document.name}: {problem.words}")
