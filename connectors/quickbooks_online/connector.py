"""QuickBooks Online as the place where orders go and where tracking numbers, invoices and stock come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import ConnectorSpec, Role, RunningSandbox, Side
from connectors.quickbooks_online.fields import FIELDS
from connectors.quickbooks_online.guide import GUIDE
from connectors.quickbooks_online.hooks import WEBHOOK
from connectors.quickbooks_online.session import LIMITS, OAUTH, SENDS_AT_ONCE, base_url, open_session


def identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Name the company: its id is unique at Intuit, and known from the grant on."""
    realm = str(settings.get("realm_id", "")).strip()
    return f"{urlsplit(base_url(settings)).netloc.lower()} company {realm}" if realm else ""


def start_sandbox(folder: str, ports: Mapping[str, int]) -> RunningSandbox:
    """Start the far side on loopback; its web server is loaded only where somebody wants it."""
    from connectors.quickbooks_online import sandbox

    return sandbox.start_sandbox(folder, ports)


SPEC = ConnectorSpec(
    kind="quickbooks_online",
    name="QuickBooks Online",
    side=Side.WMS,
    roles=frozenset({Role.ORDER_DESTINATION, Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE, Role.STOCK_SOURCE}),
    fields=FIELDS,
    guide=GUIDE,
    oauth=OAUTH,
    limits=LIMITS,
    sends_at_once=SENDS_AT_ONCE,
    identity=identity,
    open_session=open_session,
    sandbox=start_sandbox,
    webhook=WEBHOOK,
)
