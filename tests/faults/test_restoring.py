"""A database that is restored from an older copy while the far sides went on, as docs/operating.md says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.conftest import Servers
from tests.faults.installation import Installation
from tests.faults.model import Trade
from tests.faults.tally import Tell
from tests.servers import postgres

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

A_DAY = 25 * 3600
"""Seconds after which QuickBooks Commerce has forgotten the keys of requests: it keeps them for 24 hours."""

TOLD_AGAIN = frozenset({"repeated", "too_many", "invoice_id_used"})
"""How DSCO refuses what it was told since the copy, and is told again: it counts nothing twice."""


def test_a_copy_restored_a_day_later_makes_no_order_twice_and_loses_none(
    hub: Installation, servers: Servers, tmp_path: Path, tell: Tell
) -> None:
    trade = hub.trade
    # DSCO's files are dated a minute back: the connection is older than all of them.
    hub.rows("UPDATE connectors_connection SET activated_at = activated_at - interval '1 hour' RETURNING id")
    hub.clock()
    hub.worker()
    hub.ready()
    trade.place(6)
    hub.wait_for(lambda: len(hub.delivered()) == 6)
    trade.warehouse_works(0.5)
    # Orders that wait in the copy, and are at the WMS a moment after it.
    _deliveries(hub, "off")
    trade.place(4)
    hub.wait_for(lambda: _orders(hub) == 10)
    copy = tmp_path / "copy.dump"
    postgres.dump(hub.database_url, copy)
    waited = hub.number("SELECT count(*) FROM orders_outboundmessage WHERE state <> 'done'")
    _deliveries(hub, "automatic")
    # Orders that came after the copy: their files are archived, and nothing in the copy tells of them.
    trade.place(3)
    hub.wait_for(lambda: _orders(hub) == 13)
    known = _archived(trade)
    trade.place(3)
    hub.wait_for(lambda: trade.commerce.drive("counts")["orders"] == 16)
    (removed,) = _archived(trade) - known
    trade.warehouse_works(0.6)
    hub.flow(5.0)
    trade.dsco.drive("process")
    for part in hub.parts:
        hub.kill(part)
    trade.commerce.drive("advance", seconds=A_DAY)
    trade.dsco.drive("remove_file", path=f"/out/archive/{removed}")

    hub.database_url = postgres.restore(servers.database, "drill", copy)
    hub.command("migrate", "--check")
    hub.command("check_tenancy")
    assert "order.sent" in hub.command("export", "acme", "events")
    hub.command("after_restore")
    _deliveries(hub, "automatic")
    trade.harmless |= TOLD_AGAIN
    hub.clock()
    hub.worker()
    hub.wait_for(lambda: _orders(hub) == 13 and not _undelivered(hub))
    # What DSCO has no file of any more it hands on when somebody has it exported again.
    assert trade.commerce.drive("counts")["orders"] == 16
    trade.repeat()
    hub.check()
    again = sum(one["code"] in TOLD_AGAIN for one in trade.dsco.drive("state", only=["problems"])["problems"])
    tell(
        f"restored a copy in which {waited} orders waited and 6 were missing, 3 of them in no file any more: {hub.outcome()}, "
        f"{again} rows told again and refused, 0 differences"
    )


def _orders(hub: Installation) -> int:
    return hub.number("SELECT count(*) FROM orders_order")


def _undelivered(hub: Installation) -> int:
    return hub.number("SELECT count(*) FROM orders_outboundmessage WHERE state <> 'done'")


def _archived(trade: Trade) -> set[str]:
    files = trade.dsco.drive("state", only=["files"])["files"]
    return {file["name"] for file in files["/out/archive"]}


def _deliveries(hub: Installation, schedule: str) -> None:
    """Let the merchant switch deliveries off, or on again."""
    wms = ["quickbooks_commerce", "--name", "QuickBooks Commerce"]
    hub.command("connect", "acme", *wms, "--service", f"order_delivery={schedule}")
