"""What each service does, stage by stage."""

from __future__ import annotations

from collections.abc import Callable

from connectors.contract import OrderSource, Purpose
from connectors.models import ServiceName
from connectors.opening import open_session
from orders.pipeline import deliver, pickup, read, retrieve, stock_pickup, stock_upload, upload
from orders.run import Run

Flow = Callable[[Run], None]


def _order_download(run: Run) -> None:
    # What was stored in an earlier run is read first: it needs nobody.
    tried = read.read_fetched(run)
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, OrderSource):
            raise TypeError(f"{run.connection.kind} declares orders and has none")
        retrieve.retrieve(run, session)
    read.read_fetched(run, without=tried)


def _upload(purpose: Purpose) -> Flow:
    return lambda run: upload.upload(run, purpose)


FLOWS: dict[ServiceName, Flow] = {
    ServiceName.ORDER_DOWNLOAD: _order_download,
    ServiceName.ORDER_DELIVERY: deliver.deliver,
    ServiceName.SHIPMENT_PICKUP: pickup.pick_up,
    ServiceName.INVENTORY_PICKUP: stock_pickup.pick_up,
    ServiceName.SHIPMENT_UPLOAD: _upload(Purpose.SHIPMENTS),
    ServiceName.INVOICE_UPLOAD: _upload(Purpose.INVOICES),
    ServiceName.CANCEL_UPLOAD: _upload(Purpose.CANCELS),
    ServiceName.INVENTORY_UPLOAD: stock_upload.upload,
}
