"""A warehouse whose program calls the hub's API: it polls orders, and posts packages, cancellations and stock."""

from __future__ import annotations

from connectors.contract import ConnectorSpec, Side

from .guide import GUIDE
from .session import open_session

SPEC = ConnectorSpec(
    kind="api_wms",
    name="API WMS",
    side=Side.WMS,
    roles=frozenset(),
    fields=(),
    guide=GUIDE,
    open_session=open_session,
    calls_us=True,
)
