"""What would be sent of an order, to the WMS and to its cart, exactly and without sending it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors import registry
from connectors.contract import OrderPreview, Purpose, RenderedRequest
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.opening import open_session
from connectors.readers import SettingsUnfit, settings_of
from orders.models import MessagePurpose, Order, OutboundMessage
from orders.models.outbound import OPEN_STATES
from orders.pipeline.invoicing import invoice_rows_of
from orders.pipeline.messages import foreseen
from orders.pipeline.route import Route
from orders.pipeline.tellings import cancel_rows_of, shipment_rows_of
from orders.states import OrderState

ROWS_OF: dict[Purpose, Callable[[Order], Sequence[Any]]] = {
    Purpose.SHIPMENTS: shipment_rows_of,
    Purpose.INVOICES: invoice_rows_of,
    Purpose.CANCELS: cancel_rows_of,
}


@dataclass(frozen=True, slots=True)
class FileToWrite:
    """The part of the cart's next file of this purpose that is about one order, as it would be written."""

    purpose: Purpose
    rows: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would go out. `words` say why nothing would go to the WMS, or what would hold the order."""

    wms: Connection | None
    requests: Sequence[RenderedRequest] = ()
    words: str = ""
    files: Sequence[FileToWrite] = field(default_factory=list)


def foresee(order: Order) -> Foreseen:
    """Return what would be sent of this order now. Asks the WMS, writes nothing anywhere, and must run outside transactions."""
    files = files_to_write(order)
    if order.state not in (OrderState.NEW, OrderState.READY):
        return Foreseen(order.wms, words="The order has left already: its messages show what was sent.", files=files)
    try:
        route = Route.of(order.source)
    except SettingsUnfit as unfit:
        return Foreseen(None, words=unfit.words, files=files)
    if route.wms is None:
        return Foreseen(None, words=route.no_route_words, files=files)
    try:
        requests = _requests(order, route.wms)
    except ConnectorError as problem:
        return Foreseen(route.wms, words=problem.words, files=files)
    if requests is None:
        return Foreseen(route.wms, words=f"{route.wms.name} has no preview of what would be sent.", files=files)
    return Foreseen(route.wms, requests, files=files)


def files_to_write(order: Order) -> list[FileToWrite]:
    """Return what the cart would be told of this order in its next files."""
    spec = registry.find(order.source.kind)
    if spec is None:
        return []
    found = []
    for purpose, rows_of in ROWS_OF.items():
        renderer, rows = spec.renderers.get(purpose), rows_of(order)
        if renderer is not None and rows:
            found.append(FileToWrite(purpose, len(rows), renderer(rows, settings_of(order.source))))
    return found


def _requests(order: Order, wms: Connection) -> Sequence[RenderedRequest] | None:
    messages = OutboundMessage.objects.for_account(order.account_id).filter(order=order, purpose=MessagePurpose.DELIVER)
    message = messages.filter(state__in=OPEN_STATES).first()
    with open_session(wms) as session:
        return session.preview(foreseen(order), message.key if message else "") if isinstance(session, OrderPreview) else None
