"""What a person does about a file that the cart took before it was whole: only the rows that are missing go out again."""

from __future__ import annotations

from django.db import transaction

from cartrover.clock import hub_now
from connectors.contract import Purpose
from orders.alerts import resolve_alerts
from orders.models import (
    ChannelStock,
    DocumentState,
    Invoice,
    LineCancellation,
    OrderEvent,
    OutboundDocument,
    Shipment,
)
from orders.pipeline.documents import document_bytes, store_document, told_order_ids
from orders.pipeline.settle import confirm
from orders.scheduling.sweeping import UPLOADS
from orders.waking import wake


@transaction.atomic
def document_tell_rest(document: OutboundDocument, *, rows_taken: int, actor: str) -> OutboundDocument | None:
    """Tell the rows of a held file that come after the first `rows_taken`, in a file of a new name; return that file.

    None where the cart has taken all rows: the file then counts as taken. Raise `ValueError`, with words, for a file that isn't
    held, for a number of rows that it can't have, and when its bytes are past the account's retention.
    """
    held = OutboundDocument.objects.for_account(document.account_id).select_for_update().get(pk=document.pk)
    cart = held.connection
    if held.state != DocumentState.HELD:
        raise ValueError(f"{held.name} isn't held; there is nothing to decide about it.")
    header, *rows = _records(document_bytes(held))
    if not 0 <= rows_taken <= len(rows):
        raise ValueError(f"{held.name} has {len(rows)} rows; {rows_taken} of them can't have been taken.")
    rest = rows[rows_taken:]
    made = store_document(cart, Purpose(held.purpose), header + b"".join(rest), rows=len(rest)) if rest else None
    order_ids = told_order_ids(held)
    if made is None:
        _close(held, DocumentState.TAKEN, f"All rows were taken, says {actor}.")
        confirm(cart, order_ids)
    else:
        _close(held, DocumentState.REPLACED, f"{rows_taken} rows were taken; the others went out as {made.name}.")
        for model in (Shipment, Invoice, LineCancellation, ChannelStock):
            model.objects.for_account(held.account_id).filter(document=held).update(document=made)
        wake(cart, UPLOADS[Purpose(held.purpose)])
    words = f"{rows_taken} of the {len(rows)} rows of {held.name} were taken by {cart.name}, says {actor}."
    OrderEvent.objects.create(
        account_id=held.account_id, connection=cart, kind="file.rest_told", words=words, document_name=held.name, actor=actor
    )
    return made


def _close(document: OutboundDocument, state: DocumentState, words: str) -> None:
    now = hub_now()
    OutboundDocument.objects.for_account(document.account_id).filter(pk=document.pk).update(
        state=state, words=words, sent_at=now, taken_at=now
    )
    resolve_alerts(account_id=document.account_id, cause="document_cut", subjects=[document.name])


def _records(body: bytes) -> list[bytes]:
    """Cut a file into its records, line ends included; one inside quotes ends nothing."""
    records: list[bytes] = []
    begun = b""
    for line in body.splitlines(keepends=True):
        begun += line
        if begun.count(b'"') % 2 == 0:
            records.append(begun)
            begun = b""
    return [*records, begun] if begun else records
