"""A cart of one's own making: its program calls the hub's API, pushes orders in and reads tracking and stock."""

from __future__ import annotations

from connectors.contract import ConnectorSpec, Purpose, Side
from connectors.transports.called import called_with

from .guide import GUIDE
from .render import name_document, render_cancels, render_shipments

SPEC = ConnectorSpec(
    kind="api_cart",
    name="API Access",
    side=Side.CART,
    roles=frozenset(),
    fields=(),
    guide=GUIDE,
    open_session=called_with("a key for this cart"),
    renderers={Purpose.SHIPMENTS: render_shipments, Purpose.CANCELS: render_cancels},
    name_document=name_document,
    calls_us=True,
)
