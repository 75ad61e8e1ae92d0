"""QuickBooks Commerce, formerly TradeGecko, as the place where orders go and where tracking, invoices and stock come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import ConnectorSpec, RateLimit, Role, RunningSandbox, Side
from connectors.quickbooks_commerce.fields import FIELDS
from connectors.quickbooks_commerce.guide import GUIDE
from connectors.quickbooks_commerce.session import OAUTH, SENDS_AT_ONCE, open_session


def identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Name the remote account as far as it can be told before anything was asked.

    A privileged token belongs to one account. An OAuth application doesn't: one application may serve many merchants, each with
    tokens and a request budget of its own, so that its client id names nobody.
    """
    token = secrets.get("access_token", "")
    if not token:
        return ""
    host = urlsplit(str(settings.get("api_url", ""))).netloc.lower()
    return f"{host} token {hashlib.sha256(token.encode()).hexdigest()[:16]}"


def start_sandbox(folder: str, ports: Mapping[str, int]) -> RunningSandbox:
    """Start the far side on loopback; its web server is loaded only where somebody wants it."""
    from connectors.quickbooks_commerce import sandbox

    return sandbox.start_sandbox(folder, ports)


SPEC = ConnectorSpec(
    kind="quickbooks_commerce",
    name="QuickBooks Commerce",
    side=Side.WMS,
    roles=frozenset({Role.ORDER_DESTINATION, Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE, Role.STOCK_SOURCE}),
    fields=FIELDS,
    guide=GUIDE,
    oauth=OAUTH,
    limits=RateLimit(requests=300, window_seconds=300),
    sends_at_once=SENDS_AT_ONCE,
    identity=identity,
    open_session=open_session,
    sandbox=start_sandbox,
)
