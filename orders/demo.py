"""The account `demo`: connected to the sandboxes of this machine, with orders that flow through it."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from cartrover.accounts.actions import account_create
from cartrover.accounts.models import Account, User
from cartrover.running import hub
from connectors import actions, sandboxes
from connectors.contract import Side
from connectors.models import Connection, ConnectionState, Outcome, ServiceName
from connectors.sandboxes import NoSandbox, SandboxConnection
from orders import dispatcher

SLUG = "demo"
EMAIL = "demo@example.com"
ACTOR = "demo"

ORDERS = 300
"""How many orders one call lets come, bit by bit: two hours of something to watch, and the sandbox's stock lasts."""

SCHEDULES = {ServiceName.SHIPMENT_PICKUP: "5m", ServiceName.INVENTORY_PICKUP: "15m"}
"""As fast as merchants may go, since nobody watches a demo for an hour."""

ROUND = tuple(ServiceName)
"""Everything, in the order in which an order meets it."""

OFTEN = tuple(name for name in ServiceName if name not in (ServiceName.INVENTORY_PICKUP, ServiceName.INVENTORY_UPLOAD))


class DemoFailed(RuntimeError):
    """The demo can't be set up; the words say why and what to do."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What a person needs to look at it. `problems` are what went wrong on the way, in words."""

    address: str
    email: str
    password: str = field(repr=False)
    connections: tuple[str, ...]
    sandbox_pages: dict[str, str]
    problems: tuple[str, ...] = ()


def set_up(*, say: Callable[[str], None] = lambda words: None, patience: float = 0.0, wms: str = "") -> Demo:
    """Make the account, connect and activate it, let orders come, and run a first round. Doing it twice is harmless.

    Orders go to the WMS of the kind `wms`, the first of those that run without one. Sandboxes that are just starting are waited
    for, `patience` seconds at most. Raise `NoSandbox` when no sandbox runs here, `DemoFailed` when there is none of that kind
    or a connection to one doesn't work.
    """
    allow_sandboxes()
    found = _with_one_wms(_running_sandboxes(patience), wms)
    pages = {one.name: one.page for one in found}
    account, password = _account(pages)
    connections = [_connect(account, one, say) for one in found]
    destination = next((one for one in connections if one.side == Side.WMS), None)
    for cart in (one for one in connections if one.side == Side.CART):
        actions.destination_set(cart=cart, wms=destination, actor=ACTOR)
    sandboxes.drive(sandbox_folder(), "", "flow", orders=ORDERS)
    return Demo(
        address=_address(),
        email=EMAIL,
        password=password,
        connections=tuple(connection.name for connection in connections),
        sandbox_pages=pages,
        problems=tuple(run_round(ROUND)),
    )


def _running_sandboxes(patience: float) -> list[SandboxConnection]:
    end = time.monotonic() + patience
    while True:
        try:
            return sandboxes.running(sandbox_folder())
        except NoSandbox:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _with_one_wms(found: list[SandboxConnection], kind: str) -> list[SandboxConnection]:
    """Return the carts and the one WMS that the demo shows."""
    warehouses = [one for one in found if one.side is Side.WMS]
    chosen = [one for one in warehouses if kind in ("", one.kind)][:1]
    if kind and not chosen:
        known = ", ".join(one.kind for one in warehouses) or "none"
        raise DemoFailed(f"No WMS of the kind {kind} has a sandbox that runs here. There is: {known}.")
    return [one for one in found if one.side is not Side.WMS] + chosen


def run_round(names: Sequence[ServiceName] = OFTEN) -> list[str]:
    """Run the demo's services now instead of at their time; return what went wrong, in words."""
    account = Account.objects.get(slug=SLUG)
    connections = Connection.objects.for_account(account).exclude(state=ConnectionState.DISCONNECTED)
    bad = (Outcome.BROKEN, Outcome.FAILED)
    return [
        f"{finished.service.connection.name}, {finished.service.name}: {finished.problem}"
        for finished in dispatcher.run_named(connections, names)
        if finished.outcome in bad
    ]


def sandbox_folder() -> Path:
    return Path(settings.VAR) / "sandbox"


def allow_sandboxes() -> None:
    """Let the connections of this process reach the sandboxes on this machine, unless somebody has said what they may reach."""
    if not settings.OUTBOUND_ALLOWED_NETWORKS:
        settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]


def _account(sandbox_pages: dict[str, str]) -> tuple[Account, str]:
    """Make the account and its owner exist; return the password, which is made once and kept in the hub's folder."""
    kept = _kept_login()
    password = kept.get("password") or secrets.token_urlsafe(9)
    account, owner = account_create(slug=SLUG, name="Demo", owner_email=EMAIL, password=password)
    if not owner.check_password(password):
        # Made by somebody else, or before the folder was emptied: it is the demo's, so what is printed must be right.
        owner.set_password(password)
        owner.save(update_fields=["password"])
    _keep_login({"address": _address(), "email": EMAIL, "password": password, "sandboxes": sandbox_pages})
    return account, password


def _address() -> str:
    return f"{hub.running_address(settings.VAR) or settings.PORTAL_URL}/"


def _login_file() -> Path:
    return Path(settings.VAR) / "demo.json"


def _kept_login() -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(_login_file().read_text())
    except (OSError, ValueError):
        return {}
    return kept if User.objects.filter(email=EMAIL).exists() else {}


def _keep_login(facts: dict[str, Any]) -> None:
    path = _login_file()
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(facts, file)
    fresh.replace(path)


def _connect(account: Account, sandbox: SandboxConnection, say: Callable[[str], None]) -> Connection:
    """Make or update the connection to one sandbox, test it, and make it live."""
    connection = actions.connection_save(
        account=account, kind=sandbox.kind, name=sandbox.name, settings=sandbox.settings, secrets=sandbox.secrets, actor=ACTOR
    )
    failed = [step for step in actions.connection_test(connection) if not step.ok]
    if failed:
        raise DemoFailed(f"{sandbox.name}: {failed[0].words}")
    schedules: dict[str, str] = {name: every for name, every in SCHEDULES.items() if sandbox.side is Side.WMS}
    if not connection.live:
        actions.services_set(connection=connection, schedules=schedules, actor=ACTOR)
    actions.connection_activate(connection=connection, actor=ACTOR)
    say(f"{sandbox.name}: connected.")
    return connection
