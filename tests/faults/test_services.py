"""The broker and the database with their bad days."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import SEED, TEMPLATE, Cut, Servers
from tests.faults.installation import Installation
from tests.faults.tally import Tell
from tests.servers import postgres

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def test_a_broker_that_dies_forgets_is_mute_or_refuses_costs_only_time(hub: Installation, servers: Servers, tell: Tell) -> None:
    hub.clock()
    hub.worker()
    hub.ready()
    hub.trade.place(6)
    hub.flow(4.0, until=hub.under_way)
    servers.redis.kill()
    hub.trade.place(6)
    hub.flow(2.0)
    servers.start_redis()
    hub.flow(2.0)
    servers.forget_in_redis()
    hub.trade.place(6)
    hub.trade.warehouse_works()
    hub.flow(1.0)
    servers.redis.mute()
    hub.trade.place(6)
    hub.flow(4.0)
    servers.redis.speak()
    hub.flow(2.0)
    servers.redis_is_full(True)
    hub.trade.place(6)
    hub.flow(4.0)
    servers.redis_is_full(False)
    hub.check()
    assert not hub.restarts, hub.said()
    tell(f"killed, emptied, muted and filled Redis, none of its clients ended: {hub.outcome()}, 0 differences")


def test_a_database_that_crashes_loses_nothing(hub: Installation, servers: Servers, tell: Tell) -> None:
    hub.clock()
    hub.worker()
    hub.ready()
    crashes, in_the_middle = 2, 0
    for _ in range(crashes):
        hub.trade.place(6)
        in_the_middle += hub.flow(10.0, until=hub.under_way)
        servers.stop_postgres()
        time.sleep(1.0)
        servers.start_postgres()
        hub.trade.warehouse_works()
    hub.check()
    assert in_the_middle
    tell(f"crashed PostgreSQL {crashes} times, {in_the_middle} in the middle of runs: {hub.outcome()}, 0 differences")


CUTS = 8

INTERRUPTED = """
SELECT count(DISTINCT r.service_id) FROM connectors_servicerun r WHERE r.outcome = 'later' AND r.words LIKE '%database%'
"""
"""Services of which a run was in the middle of its work when its connection was cut."""


def test_connections_to_the_database_that_are_cut_in_the_middle_lose_nothing(
    hub: Installation, servers: Servers, tell: Tell
) -> None:
    """Cut at moments at which some of them are in a transaction, so that nobody learns whether its commit was the last word."""
    dice = random.Random(SEED)
    hub.trade.commerce.drive("fault", name="delay", method="POST", path="/orders", times=0, seconds=0.1)
    hub.clock()
    hub.worker()
    hub.worker()
    hub.ready()
    cut = Cut()
    for number in range(CUTS):
        hub.trade.place(12, scattered=bool(number % 2))
        hub.flow(10.0, until=hub.under_way)
        hub.flow(dice.uniform(0.0, 1.0))
        cut += servers.cut_in_the_middle(hub.database_url, seconds=10.0)
        hub.some_are_called_off()
        hub.trade.warehouse_works()
    hub.check()
    assert cut.busy >= CUTS - 1, cut
    assert cut.connections > cut.busy, cut
    interrupted = hub.number(INTERRUPTED)
    assert interrupted, cut
    tell(
        f"cut {cut.connections} connections to PostgreSQL at {CUTS} moments, {cut.busy} of them busy, under runs of "
        f"{interrupted} services: {hub.outcome()}, 0 differences"
    )


@pytest.fixture
def small_disk(servers: Servers) -> Iterator[Path]:
    """A disk of 96 MB with a tablespace `small`."""
    folder = servers.folder / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("only root can mount a small disk")
    try:
        space = folder / "space"
        space.mkdir()
        shutil.chown(space, postgres.USER, postgres.USER)
        with psycopg.connect(servers.database, autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{space}'")
        yield folder
    finally:
        (folder / "ballast").unlink(missing_ok=True)
        with psycopg.connect(servers.database, autocommit=True) as admin:
            for (name,) in admin.execute(
                "SELECT datname FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE t.spcname = 'small'"
            ).fetchall():
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    """Write until there is no room for another page."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_loses_nothing_once_there_is_room(
    hub: Installation, servers: Servers, small_disk: Path, tell: Tell
) -> None:
    hub.database_url = servers.copy_of(TEMPLATE, "small")
    try:
        hub.clock()
        hub.worker()
        hub.ready()
        hub.trade.place(4)
        hub.flow(3.0)
        ballast = small_disk / "ballast"
        _fill(ballast)
        # Pages that are half empty take some orders still.
        hub.trade.place(100)
        hub.flow(8.0, until=lambda: "No space left" in hub.said())
        full = "No space left" in hub.said()
        hub.trade.warehouse_works()
        hub.flow(3.0)
        ballast.unlink()
        hub.check()
    finally:
        hub.end()
    assert full, hub.said()
    tell(f"filled PostgreSQL's disk while orders came: {hub.outcome()}, 0 differences")
