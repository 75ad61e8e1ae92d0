"""A file that was taken cut short: a person says what arrived, and only the rest is told."""

from __future__ import annotations

import pytest

from connectors.models import ServiceName
from orders.cut_documents import document_tell_rest
from orders.models import DocumentState, OutboundDocument
from orders.pipeline.documents import document_bytes
from tests.hub import Hub
from tests.orders.returning.warehouse import again, delivered, open_alerts, problems_at_dsco, ship, shipped_at_dsco

UPLOAD = ServiceName.SHIPMENT_UPLOAD


@pytest.fixture
def cut(hub: Hub) -> OutboundDocument:
    """A file of three rows of which DSCO took the first and a part of the second."""
    order = delivered(hub, [("CAP-001", 1), ("TEE-001", 2), ("MUG-001", 3)])
    ship(hub, order, service='Ground "fast",\r\nreally', tracking="1ZCUT")
    hub.run(ServiceName.SHIPMENT_PICKUP)
    hub.dsco.drive("fault", name="refuse_write", path="/in/*")
    hub.run(UPLOAD)
    hub.dsco.drive("clear_faults")
    documents = OutboundDocument.objects.for_account(hub.account)
    documents.update(state=DocumentState.SENDING)
    whole = document_bytes(documents.get())
    second = whole.index(b'"', whole.index(b"TEE-001"))
    first = whole[: whole.rindex(b"\r\n", 0, second) + 2]
    hub.dsco.drive("put_file", path=f"/in/{documents.get().name}", text=first.decode())
    hub.dsco.drive("process")
    hub.run(UPLOAD)
    assert documents.get().state == DocumentState.HELD
    return documents.get()


def test_only_the_missing_rows_go_out_under_a_new_name(hub: Hub, cut: OutboundDocument) -> None:
    made = document_tell_rest(cut, rows_taken=1, actor="bob@example.com")
    assert made is not None
    assert (made.rows, made.name != cut.name) == (2, True)
    assert open_alerts(hub, "document_cut") == []
    hub.run(UPLOAD)
    assert shipped_at_dsco(hub, hub.order()) == {"1": 1, "2": 2, "3": 3}
    assert problems_at_dsco(hub) == []
    assert again(hub.order()).status == "confirmed"


def test_a_file_of_which_all_rows_arrived_counts_as_taken(hub: Hub, cut: OutboundDocument) -> None:
    assert document_tell_rest(cut, rows_taken=3, actor="bob@example.com") is None
    assert OutboundDocument.objects.for_account(hub.account).get().state == DocumentState.TAKEN
    assert again(hub.order()).status == "confirmed"


@pytest.mark.parametrize("rows", [-1, 4])
def test_a_number_of_rows_that_cannot_be_is_refused(cut: OutboundDocument, rows: int) -> None:
    with pytest.raises(ValueError, match="has 3 rows"):
        document_tell_rest(cut, rows_taken=rows, actor="bob@example.com")


def test_a_file_that_is_not_held_is_left_alone(cut: OutboundDocument) -> None:
    document_tell_rest(cut, rows_taken=1, actor="bob@example.com")
    with pytest.raises(ValueError, match="isn't held"):
        document_tell_rest(cut, rows_taken=1, actor="bob@example.com")
