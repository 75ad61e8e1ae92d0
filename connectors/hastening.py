"""Far sides that call the hub: a call that is signed as it must be makes the next pickup come sooner, and does nothing else.

The work is the service's own row: its due date is moved, and the next tick finds it. A lost, forged or repeated call can
therefore neither lose nor double anything, and a storm of them costs one run a minute.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from django.db.models import Q

from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors.contract import Role, WebhookSpec
from connectors.models import Connection, ConnectionState, Service, ServiceName
from connectors.month_budget import not_before
from connectors.readers import secrets_of

SERVICES = {
    Role.SHIPMENT_SOURCE: ServiceName.SHIPMENT_PICKUP,
    Role.INVOICE_SOURCE: ServiceName.SHIPMENT_PICKUP,
    Role.STOCK_SOURCE: ServiceName.INVENTORY_PICKUP,
    Role.ORDER_SOURCE: ServiceName.ORDER_DOWNLOAD,
}

GATHERED = timedelta(seconds=5)
"""What happens together is read together."""

APART = {ServiceName.INVENTORY_PICKUP: timedelta(minutes=5)}
"""How long after a run a call may bring the next: reading all stock is dear, the others cost a question or three."""

USUALLY_APART = timedelta(minutes=1)

MOST_ACCOUNTS = 50
"""Accounts of one call that are looked for."""


def hasten(*, kind: str, spec: WebhookSpec, body: bytes, headers: Mapping[str, str]) -> bool:
    """Make the pickups due that a call is about; return whether any connection knows the one who signed it.

    Raise `ValueError` for a body that says nothing.
    """
    roles: dict[str, set[Role]] = {}
    for notice in spec.read(body):
        roles.setdefault(notice.account, set()).update(notice.roles)
    verified = False
    for account in sorted(roles)[:MOST_ACCOUNTS]:
        for connection in _connections(kind, spec, account):
            if _is_signed(connection, spec, body, headers):
                verified = True
                _move(connection, {SERVICES[role] for role in roles[account] if role in SERVICES})
    return verified


def _connections(kind: str, spec: WebhookSpec, account: str) -> Iterable[Connection]:
    rows = Connection.objects.across_accounts("a call names a remote account, and its signature the connection")
    named = rows.filter(kind=kind, **{f"settings__{spec.account_setting}": account})
    return named.exclude(state__in=[ConnectionState.DISCONNECTED, ConnectionState.PAUSED])


def _is_signed(connection: Connection, spec: WebhookSpec, body: bytes, headers: Mapping[str, str]) -> bool:
    try:
        secret = secrets_of(connection).get(spec.secret, "")
    except SealBroken:
        return False
    return bool(secret) and spec.verify(body, headers, secret)


def _move(connection: Connection, names: Collection[ServiceName]) -> None:
    """Make these services due soon, if they run at all and nobody said that they must wait."""
    now = hub_now()
    rows = Service.objects.for_account(connection.account_id).filter(connection=connection, due_at__isnull=False)
    rows = rows.filter(Q(slowed_until__isnull=True) | Q(slowed_until__lte=now))
    for service in rows.filter(name__in=list(names)):
        last = service.last_run_at
        apart = APART.get(ServiceName(service.name), USUALLY_APART)
        soon = now + GATHERED
        if last is not None:
            soon = max(soon, last + apart, not_before(connection, ServiceName(service.name), last, now=now))
        rows.filter(pk=service.pk, due_at__gt=soon).update(due_at=soon)
