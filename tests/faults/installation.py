"""A whole installation on this machine: database, broker, workers and clocks, each killed and started as the test likes."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.command_line import CommandLine
from tests.faults.model import Trade
from tests.faults.parts import Part
from tests.servers.debian import free_port
from tests.waiting import until

HURRY = """
UPDATE connectors_service SET due_at = clock_timestamp(), slowed_until = NULL
 WHERE lease_token = '' AND due_at > clock_timestamp();
UPDATE orders_outboundmessage SET due_at = clock_timestamp()
 WHERE state IN ('waiting', 'sending', 'unknown') AND due_at > clock_timestamp();
UPDATE orders_outboundmessage SET sent_at = clock_timestamp() - interval '2 hours'
 WHERE state = 'unknown' AND sent_at < clock_timestamp() - interval '5 seconds'
   AND sent_at > clock_timestamp() - interval '2 hours';
UPDATE orders_outbounddocument SET due_at = clock_timestamp()
 WHERE state IN ('ready', 'sending', 'unknown') AND due_at > clock_timestamp();
UPDATE connectors_connection SET probe_at = clock_timestamp() WHERE state = 'broken' AND probe_at > clock_timestamp();
"""
"""Makes due at once what waits for its minute, or for the hour after which a doubt is looked into once more. Nothing else is
touched: leases above all end as they do in production."""

HURRY_EVERY = 1.0

PATIENCE = 240.0
"""Seconds that are waited at most for what must come: a machine with other work needs many times what a quiet one does."""

SETTLE_FOR = 0.7
"""Seconds between two looks at whether anything still differs."""


def _answers(address: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{address}/healthz", timeout=10).ok
    return False


Environment = Mapping[str, str]


def environment(folder: Path, **told: str) -> dict[str, str]:
    """Return what the hub's processes are told: the settings of production, and where the far sides of the test may be."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "COV_"))}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "CARTROVER_VAR": str(folder),
        "SECRET_KEY": "only-for-tests",
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        **told,
    }


@dataclass(frozen=True)
class WrongClock:
    """The clock of a machine, which the test sets as it likes; `told` makes a part go by it."""

    file: Path

    def set(self, ahead: float) -> None:
        written = self.file.with_suffix(".new")
        written.write_text(str(ahead))
        written.replace(self.file)

    @property
    def told(self) -> dict[str, str]:
        return {"FAULTS_CLOCK": str(self.file)}


@dataclass(frozen=True)
class OpenAlert:
    """What the merchant sees."""

    cause: str
    connection: str
    words: str


@dataclass
class Installation:
    """Workers and clocks on one database and one broker. `end` leaves no process behind, however the test ended."""

    folder: Path
    database_url: str
    broker_url: str
    trade: Trade
    parts: list[Part] = field(default_factory=list)
    interrupted: int = 0
    kills: int = 0
    restarts: int = 0

    # --- its parts -------------------------------------------------------------------------------------------------------

    def worker(self, *, processes: int = 2, **told: str) -> Part:
        """Start a worker as docker-compose.yml does."""
        name = f"worker{len(self.parts)}"
        options = ["worker", "--concurrency", str(processes), "--hostname", f"{name}@%h", "--loglevel", "WARNING"]
        return self._start(name, options, **told)

    def clock(self, **told: str) -> Part:
        name = f"clock{len(self.parts)}"
        schedule = str(self.folder / f"{name}-schedule")
        return self._start(name, ["beat", "--schedule", schedule, "--loglevel", "WARNING", "--pidfile="], **told)

    def wrong_clock(self, name: str, ahead: float) -> WrongClock:
        """Return what makes parts go by a clock that is so many seconds ahead."""
        clock = WrongClock(self.folder / f"{name}-is-ahead")
        clock.set(ahead)
        return clock

    def _start(self, name: str, options: list[str], **told: str) -> Part:
        return self._started(name, ["-m", "celery", "--app", "cartrover", *options], **told)

    def _started(self, name: str, python: list[str], **told: str) -> Part:
        urls = {"DATABASE_URL": self.database_url, "CELERY_BROKER_URL": self.broker_url}
        told_all = environment(self.folder, **{**urls, **told})
        part = Part(name, [sys.executable, *python], self.folder / f"{name}.log", told_all)
        self.parts.append(part)
        return part.start()

    def kill(self, part: Part, dice: random.Random | None = None) -> None:
        """Kill a part whole, or with dice one process below it; count what it was in the middle of."""
        before = self.under_way()
        if dice is None or not part.kill_one_below(dice):
            part.kill()
        self.kills += 1
        self.interrupted += bool(before)

    def _start_again(self) -> None:
        """As `restart: unless-stopped` does: Celery's worker may end when its broker goes away in the middle of a message."""
        for part in self.parts:
            if part.ended_by_itself:
                part.kill()
                part.start()
                self.restarts += 1

    def end(self) -> None:
        for part in self.parts:
            part.kill()

    def web(self) -> tuple[Part, str]:
        """Start a web server as the image does, forking its processes from one that has loaded everything; return it with its
        address once it answers."""
        address = f"http://127.0.0.1:{free_port()}"
        command = ["-m", "gunicorn", "cartrover.wsgi:application", "--bind", address.removeprefix("http://"), "--preload"]
        options = ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
        web = self._started(f"web{len(self.parts)}", [*command, *options])
        until(lambda: _answers(address), 120)
        return web, address

    def command(self, *arguments: str, **variables: str) -> str:
        """Run one of the hub's commands; return what it printed."""
        line = CommandLine(self.folder, environment(self.folder, DATABASE_URL=self.database_url, CELERY_BROKER_URL=""))
        return line.run(*arguments, **variables)

    def connect(self, kind: str, name: str, **secrets: str) -> None:
        """Have the merchant enter other secrets of a connection, by the command, which tests it."""
        hidden = [part for field in secrets for part in ("--secret", f"{field}=SECRET_{field.upper()}")]
        variables = {f"SECRET_{field.upper()}": secret for field, secret in secrets.items()}
        self.command("connect", "acme", kind, "--name", name, *hidden, **variables)

    # --- its database ----------------------------------------------------------------------------------------------------

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=5) as database:
            return database.execute(sql).fetchall()

    def number(self, sql: str) -> int:
        return int(self.rows(sql)[0][0] or 0)

    def under_way(self) -> int:
        """Count runs that hold something just now."""
        with contextlib.suppress(psycopg.Error):
            return self.number(
                "SELECT (SELECT count(*) FROM connectors_service WHERE lease_token <> '')"
                " + (SELECT count(DISTINCT lease_token) FROM orders_outboundmessage WHERE lease_token <> '')"
            )
        return 0

    def hurry(self) -> None:
        """Make everything due; nothing happens while the database is away."""
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self.database_url, autocommit=True, connect_timeout=2) as database,
        ):
            database.execute("SET statement_timeout = '2s'; SET lock_timeout = '1s'")
            for statement in HURRY.strip().split(";\n"):
                database.execute(statement.encode())

    def check(self) -> None:
        """Let everything settle and stop; fail with words about whatever isn't as it must be."""
        differences = self.settled()
        assert not differences, "\n".join([*differences, self.said()])
        left = self.stopped_well()
        assert not left, "\n".join([*left, self.said()])

    # --- waiting ---------------------------------------------------------------------------------------------------------

    def flow(self, seconds: float, *, until: Callable[[], object] = lambda: False) -> bool:
        """Let everything run, due at once; return whether `until` came true."""
        end, hurried = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            if until():
                return True
            self._start_again()
            if time.monotonic() - hurried > HURRY_EVERY:
                self.hurry()
                hurried = time.monotonic()
            time.sleep(0.05)
        return bool(until())

    def wait_for(self, holds: Callable[[], object]) -> None:
        """Let everything run, due at once, until it is so; fail with what the parts said where that doesn't come."""
        assert self.flow(PATIENCE, until=holds), self.said()

    def ready(self) -> None:
        """Wait until workers take work: the first tick was carried out."""
        self.wait_for(self._has_ticked)

    def _has_ticked(self) -> bool:
        with contextlib.suppress(psycopg.Error):
            return bool(self.number("SELECT count(*) FROM connectors_pulse"))
        return False

    def settled(self) -> list[str]:
        """Let the warehouse finish and everything run until nothing differs; return what still does."""
        found: list[str] = []
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.trade.warehouse_works(1.0)
            self.flow(SETTLE_FOR)
            self.trade.dsco.drive("process")
            try:
                found = self.trade.differences(self.rows)
            except psycopg.Error as away:
                found = [f"the database is away: {away}"]
            if not found:
                return []
        return found

    def stopped_well(self, seconds: float = 70) -> list[str]:
        """Ask every part to stop; return what they left behind: processes, and runs that weren't given back."""
        for part in self.parts:
            part.ask_to_stop()
        left = []
        for part in self.parts:
            if part.runs:
                with contextlib.suppress(Exception):
                    part.wait(seconds)
            if part.runs:
                left.append(f"{part.name} doesn't stop")
        held = self.under_way()
        return [*left, *([f"{held} runs are held by nobody"] if held else [])]

    def said(self) -> str:
        return "\n".join(f"--- {part.name}\n{part.said()[-3000:]}" for part in self.parts)

    def tracebacks(self) -> int:
        return sum(part.said().count("Traceback (most recent call last)") for part in self.parts)

    def counted(self, name: str) -> int:
        """Add one count up over all runs, such as `adopted` or `sent`."""
        return self.number(f"SELECT sum((counts->>'{name}')::int) FROM connectors_serviceday")  # noqa: S608 - names of ours

    def open_alerts(self) -> list[OpenAlert]:
        """Return the alerts that are open, none while the database is away."""
        with contextlib.suppress(psycopg.Error):
            return [
                OpenAlert(*row)
                for row in self.rows(
                    "SELECT a.cause, coalesce(c.name, ''), a.words FROM orders_alert a"
                    " LEFT JOIN connectors_connection c ON c.id = a.connection_id WHERE a.state = 'open'"
                )
            ]
        return []

    def delivered(self) -> set[str]:
        """Return the orders of which the hub knows that they are at the WMS, and that nothing of them has shipped."""
        with contextlib.suppress(psycopg.Error):
            return {number for (number,) in self.rows("SELECT cust_po_no FROM orders_order WHERE state = 'sent' AND hold = ''")}
        return set()

    def some_are_called_off(self) -> None:
        """Let the warehouse void an order and a retailer cancel another one."""
        self.trade.warehouse_voids(self.delivered())
        self.trade.retailer_cancels(self.delivered())

    def outcome(self) -> str:
        """Say what came out, for the tally."""
        orders = self.number("SELECT count(*) FROM orders_order WHERE state IN ('confirmed', 'canceled')")
        files = self.number("SELECT count(*) FROM orders_outbounddocument WHERE state IN ('sent', 'taken')")
        alerts = self.number("SELECT count(*) FROM orders_alert")
        resolved = self.number("SELECT count(*) FROM orders_alert WHERE state = 'resolved'")
        return (
            f"{orders} of {len(self.trade.ordered)} orders once, {len(self.trade.called_off)} of them canceled, "
            f"{self.counted('adopted')} adopted after a doubt, {files} files, {resolved} of {alerts} alerts resolved"
        )
