"""Stage: stored files are parsed and their orders loaded. Needs no connection: a file can be read again at any time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from cartrover.clock import hub_now
from cartrover.leasing import LeaseLost
from connectors import registry
from connectors.contract import OrderDraft, ParseSummary, Problem, RefusedOrder
from connectors.errors import BadDocument, ConnectorError
from connectors.models import ServiceName
from connectors.readers import SettingsUnfit, settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import InboundDocument, InboundState, OrderEvent, SkippedOrder
from orders.pipeline.persist import load_drafts
from orders.pipeline.retrieve import stored_body
from orders.pipeline.skipped import LISTED_REFUSALS, REFUSED_ROW, note_loaded, open_refusals
from orders.retrying import next_try
from orders.run import Run
from orders.waking import wake, wake_stock_uploads

logger = logging.getLogger(__name__)

READ_TRIES = 3
"""How often a file that trips over a bug of ours is read before a person must look."""

LARGEST_TOTAL = Decimal("999999999999.99")
"""What an order can come to: a larger one is a slip of the keyboard, and no column holds it."""


@dataclass(slots=True)
class _Refusals:
    """What was refused while the drafts went through, and which drafts had been refused in an earlier file."""

    document: InboundDocument
    before: Collection[str]
    count: int = 0
    summary: ParseSummary | None = None
    listed: list[SkippedOrder] = field(default_factory=list)
    mended: set[str] = field(default_factory=set)

    def drafts_of(self, items: Iterator[OrderDraft | RefusedOrder | ParseSummary]) -> Iterator[OrderDraft]:
        """Let drafts through and keep the rest."""
        for item in items:
            if isinstance(item, OrderDraft):
                if _total_fits(item):
                    if item.external_id in self.before:
                        self.mended.add(item.external_id)
                    yield item
                else:
                    self._refuse(_too_large(item))
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
                connection_id=document.connection_id,
                external_id=refused.external_id[:200],
                cust_po_no=refused.cust_po_no[:200],
                retailer_name=refused.retailer_name[:200],
                reason=REFUSED_ROW,
                words=words,
                document=document,
                row=refused.problems[0].row if refused.problems else 0,
            )
        )


def _total_fits(draft: OrderDraft) -> bool:
    lines = sum((abs(line.price) * line.quantity for line in draft.lines if line.price is not None), Decimal(0))
    return lines + abs(draft.shipping_charge) + abs(draft.tax) + abs(draft.discount) <= LARGEST_TOTAL


def _too_large(draft: OrderDraft) -> RefusedOrder:
    words = f"The order comes to more than {LARGEST_TOTAL:,}. Ask the retailer whether its prices and quantities are right."
    return RefusedOrder(
        external_id=draft.external_id,
        cust_po_no=draft.cust_po_no,
        retailer_name=draft.retailer_name,
        problems=(Problem(row=draft.row, field="total", words=words),),
    )


def read_fetched(run: Run, *, without: Collection[int] = ()) -> set[int]:
    """Read every stored document of the connection that isn't read yet, oldest first, but for those of `without`.

    Return what was tried. A file that trips over a bug of ours is logged whole and waits; the others go on.
    """
    tried: set[int] = set()
    for document in _unread(run, without):
        if run.out_of_time:
            run.unfinished = True
            break
        run.progress()
        tried.add(document.pk)
        try:
            read_document(document, run)
        except (ConnectorError, SettingsUnfit, LeaseLost, OperationalError, InterfaceError):
            # Nothing of this is the file's doing.
            raise
        except Exception:
            logger.exception("reading document %s failed", document.public_id)
            _trip(document, run)
    return tried


def _unread(run: Run, without: Collection[int]) -> list[InboundDocument]:
    documents = InboundDocument.objects.for_account(run.account_id).filter(
        connection=run.connection, feed="orders", state=InboundState.FETCHED
    )
    if not run.named:
        documents = documents.filter(Q(due_at__isnull=True) | Q(due_at__lte=hub_now()))
    return list(documents.exclude(pk__in=list(without)).order_by("attempts", "modified_at", "pk"))


def read_document(document: InboundDocument, run: Run, *, force: bool = False) -> None:
    """Parse a stored document and load its orders; refused rows, bad files and cut exports are shown where a person looks."""
    spec = registry.get(run.connection.kind)
    if spec.parse_orders is None:
        raise TypeError(f"{spec.kind} has no orders to parse")
    # What an interrupted reading has listed is listed again.
    SkippedOrder.objects.for_account(run.account_id).filter(document=document, reason=REFUSED_ROW).delete()
    refusals = _Refusals(document, open_refusals(run.connection))
    items = spec.parse_orders(stored_body(document), document.name, settings_of(run.connection))
    try:
        drafts = refusals.drafts_of(items)
        counts = load_drafts(connection=run.connection, drafts=drafts, document=document, force=force, progress=run.progress)
    except BadDocument as problem:
        _refuse_document(document, run, problem)
        return
    summary = refusals.summary or ParseSummary(rows=0)
    with transaction.atomic():
        run.lease_required()
        SkippedOrder.objects.bulk_create(refusals.listed)
        document.counts = {**counts.as_dict(), "rows": summary.rows, "refused": refusals.count}
        InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
            state=InboundState.READ, read_at=hub_now(), counts=document.counts, words=""
        )
        _tell(document, run, refusals, summary)
        note_loaded(document, refusals.mended)
    mended = ["bad_document"] if refusals.count else ["bad_document", "rows_refused"]
    for cause in mended:
        resolve_alerts(account_id=run.account_id, cause=cause, subjects=[document.name])
    run.count_all({**counts.as_dict(), "rows": summary.rows, "refused": refusals.count})
    if counts.orders or counts.updated:
        _ring(run)


def _ring(run: Run) -> None:
    from orders.pipeline.route import Route

    wms = Route.of(run.connection).wms
    if wms is not None:
        wake(wms, ServiceName.ORDER_DELIVERY)
    wake_stock_uploads(run.account_id)


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


def _trip(document: InboundDocument, run: Run) -> None:
    """Let a file that met a bug of ours wait, or show it to a person once it was tried often enough."""
    attempts, now = document.attempts + 1, hub_now()
    due_at: datetime | None = next_try(failures=attempts, first_failed_at=now, now=now)
    InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(attempts=attempts, due_at=due_at)
    if attempts >= READ_TRIES:
        words = "Something went wrong inside the hub while it was read, several times. It is logged and kept; tell support."
        _refuse_document(document, run, BadDocument(words), reason="internal")
    else:
        run.problem(f"{document.name}: something went wrong inside the hub. It is logged, and the file is read again.")


def _refuse_document(document: InboundDocument, run: Run, problem: BadDocument, *, reason: str = "bad_document") -> None:
    with transaction.atomic():
        InboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
            state=InboundState.REFUSED, words=problem.words, read_at=hub_now()
        )
        OrderEvent.objects.create(
            account_id=run.account_id,
            connection=run.connection,
            kind="file.refused",
            words=f"{document.name}: {problem.words}",
            document_name=document.name,
        )
        SkippedOrder.objects.create(
            account_id=run.account_id, connection=run.connection, reason=reason, words=problem.words, document=document
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
