"""A warehouse whose program calls the hub's API: it polls orders, and posts packages, cancellations and stock."""

from __future__ import annotations

from connectors.contract import ConnectorSpec, Side
from connectors.transports.called import called_with

from .guide import GUIDE

SPEC = ConnectorSpec(
    kind="api_wms",
    name="API WMS",
    side=Side.WMS,
    roles=frozenset(),
    fields=(),
    guide=GUIDE,
    open_session=called_with("a merchant key"),
    calls_us=True,
)
