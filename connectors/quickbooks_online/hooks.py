"""Calls of Intuit's webhooks: who signed them, and what they are about. Pure.

Both forms of the body are read: event notifications, and the CloudEvents that follow them. Source: QuickBooks Online reference
9.5.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.contract import Notice, Role, WebhookSpec
from connectors.quickbooks_online.wire import text_of

HEADER = "intuit-signature"

ROLES = {
    "invoice": frozenset({Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE}),
    "salesreceipt": frozenset({Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE}),
    "estimate": frozenset({Role.SHIPMENT_SOURCE}),
    "item": frozenset({Role.STOCK_SOURCE}),
}
"""Whose pickup is worth the while, by the kind of object in lower case."""


def verify(body: bytes, headers: Mapping[str, str], verifier_token: str) -> bool:
    """Say whether the header holds the base64 HMAC-SHA256 of the raw body with the app's verifier token."""
    try:
        given = base64.b64decode(headers.get(HEADER, ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.new(verifier_token.encode(), body, hashlib.sha256).digest())


def read(body: bytes) -> Sequence[Notice]:
    """Return what a body of either form is about. Raise `ValueError` for a body that is neither."""
    told = json.loads(body)
    if isinstance(told, dict) and isinstance(told.get("eventNotifications"), list):
        return list(_of_notifications(told["eventNotifications"]))
    events = told if isinstance(told, list) else [told]
    if all(isinstance(event, dict) and "specversion" in event for event in events):
        return list(_of_cloud_events(events))
    raise ValueError("neither event notifications nor cloud events")


def _of_notifications(notifications: Sequence[Any]) -> Iterator[Notice]:
    for notification in notifications:
        change = notification.get("dataChangeEvent") if isinstance(notification, dict) else None
        entities = change.get("entities") if isinstance(change, dict) else None
        names = {text_of(one.get("name")).lower() for one in entities or [] if isinstance(one, dict)}
        yield from _notice(text_of(notification.get("realmId")) if isinstance(notification, dict) else "", names)


def _of_cloud_events(events: Sequence[dict[str, Any]]) -> Iterator[Notice]:
    for event in events:
        # Such as qbo.invoice.created.v1
        parts = text_of(event.get("type")).lower().split(".")
        yield from _notice(text_of(event.get("intuitaccountid")), set(parts))


def _notice(account: str, names: set[str]) -> Iterator[Notice]:
    roles = frozenset[Role]().union(*(ROLES[name] for name in names if name in ROLES))
    if account:
        yield Notice(account=account, roles=roles)


WEBHOOK = WebhookSpec(account_setting="realm_id", secret="verifier_token", verify=verify, read=read)  # noqa: S106 - a field
