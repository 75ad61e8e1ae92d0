"""The whole of the connector, as the registry finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import ConnectorSpec, Purpose, RateLimit, Role, RunningSandbox, Side

from .fields import FIELDS
from .guide import GUIDE
from .parse import parse_orders
from .render import name_document, render_shipments
from .session import open_session


def identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Name the remote account, however its address is spelled, so that nobody connects it twice."""
    address, shop = str(settings.get("api_url") or ""), str(settings.get("shop") or "")
    return f"{address.rstrip('/').lower()}|{shop}" if address and shop else ""


def start_sandbox(folder: str, ports: Mapping[str, int]) -> RunningSandbox:
    """Start the far side on loopback. Its modules are loaded only where somebody wants it."""
    from . import sandbox

    return sandbox.Sandbox(folder, ports)


SPEC = ConnectorSpec(
    # A kind is named like its folder. Write the name out in your own connector.
    kind=(__package__ or "").rpartition(".")[2],
    name="Example Shop",
    side=Side.CART,
    # Declare only what the far side can do. Each role asks for the methods of its Protocol, and for what is named below.
    roles=frozenset({Role.ORDER_SOURCE, Role.SHIPMENT_SINK}),
    fields=FIELDS,
    guide=GUIDE,
    identity=identity,
    open_session=open_session,
    limits=RateLimit(requests=600, window_seconds=60),
    parse_orders=parse_orders,
    renderers={Purpose.SHIPMENTS: render_shipments},
    name_document=name_document,
    sandbox=start_sandbox,
)
