"""DSCO (now Rithum): orders of many retailers as files, and tracking, invoices, stock and cancellations back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import ConnectorSpec, Role, RunningSandbox, Side
from connectors.dsco.fields import FIELDS, port_of
from connectors.dsco.guide import GUIDE
from connectors.dsco.parse import parse_orders
from connectors.dsco.render import RENDERERS, name_document
from connectors.dsco.sample import render_sample
from connectors.dsco.session import open_session


def identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Name the remote account: server, port, user and order folder, however they are spelled."""
    host, user = str(settings.get("ftp_server") or "").strip().lower(), str(settings.get("ftp_username") or "").strip()
    if not (host and user):
        return ""
    folder = str(settings.get("order_folder") or "").strip().strip("/").removeprefix("./")
    return f"{host.rstrip('.')}:{port_of(settings)}:{user}:{folder}"


def start_sandbox(folder: str, ports: Mapping[str, int]) -> RunningSandbox:
    """Start the far side on loopback; its servers are loaded only where somebody wants them."""
    from connectors.dsco import sandbox

    return sandbox.start_sandbox(folder, ports)


SPEC = ConnectorSpec(
    kind="dsco",
    name="DSCO",
    side=Side.CART,
    roles=frozenset({Role.ORDER_SOURCE, Role.SHIPMENT_SINK, Role.INVOICE_SINK, Role.STOCK_SINK, Role.CANCEL_SINK}),
    fields=FIELDS,
    guide=GUIDE,
    identity=identity,
    open_session=open_session,
    parse_orders=parse_orders,
    render_sample=render_sample,
    renderers=RENDERERS,
    name_document=name_document,
    sandbox=start_sandbox,
)
