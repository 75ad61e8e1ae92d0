"""Servers, far sides behind proxies, and a database that is set up once and copied for each scenario."""

from __future__ import annotations

import random
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis as client

from connectors.contract import RunningSandbox
from tests.command_line import CommandLine
from tests.faults.installation import Installation, environment
from tests.faults.model import Trade
from tests.faults.parts import Part
from tests.faults.proxy import FaultProxy
from tests.faults.tally import tell
from tests.servers import databases, debian, postgres, redis

__all__ = ["tell"]

SEED = 20261123
TEMPLATE = "set_up"


END_CONNECTIONS = """
WITH others AS MATERIALIZED (
    SELECT pid, state <> 'idle' AS is_busy FROM pg_stat_activity WHERE datname = %(name)s AND backend_type = 'client backend'
)
SELECT pg_terminate_backend(pid), is_busy FROM others WHERE EXISTS (SELECT 1 FROM others WHERE is_busy)
"""


@dataclass(frozen=True)
class Cut:
    """How many connections to a database were ended at one moment, and how many of them in the middle of something."""

    connections: int = 0
    busy: int = 0

    def __add__(self, other: Cut) -> Cut:
        return Cut(self.connections + other.connections, self.busy + other.busy)


@dataclass
class Servers:
    """PostgreSQL and Redis of this suite's own; `database` is the URL of PostgreSQL's first database."""

    folder: Path
    database: str
    redis: Part
    redis_port: int

    @property
    def broker(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def postgres_folder(self) -> Path:
        return self.folder / "postgresql"

    def named(self, name: str) -> str:
        return urlunsplit(urlsplit(self.database)._replace(path=f"/{name}"))

    def copy_of(self, template: str, tablespace: str = "pg_default") -> str:
        """Return the URL of a new database with everything that the template has."""
        name = f"hub_{secrets.token_hex(6)}"
        with psycopg.connect(self.database, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY TABLESPACE "{tablespace}"')
        return self.named(name)

    def cut_in_the_middle(self, database_url: str, *, seconds: float) -> Cut:
        """End every connection to a database as soon as one of them works; none when it never does."""
        name = urlsplit(database_url).path.removeprefix("/")
        end = time.monotonic() + seconds
        with psycopg.connect(self.database, autocommit=True) as admin:
            while time.monotonic() < end:
                if ended := admin.execute(END_CONNECTIONS, {"name": name}).fetchall():
                    return Cut(len(ended), sum(was_busy for _, was_busy in ended))
        return Cut()

    def stop_postgres(self) -> None:
        """End the server as a crash would."""
        postgres.stop(self.postgres_folder, "immediate")

    def forget_in_redis(self) -> None:
        with client.Redis(port=self.redis_port) as broker:
            broker.flushall()

    def redis_is_full(self, is_full: bool) -> None:
        """Let Redis refuse whatever would take memory."""
        with client.Redis(port=self.redis_port) as broker:
            broker.config_set("maxmemory", 1 if is_full else 0)

    def start_postgres(self) -> None:
        postgres.start(self.postgres_folder, urlsplit(self.database).port or 0)

    def start_redis(self) -> None:
        self.redis.start()
        debian.wait_for(self.redis_port, self.redis.process, self.redis.log)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    where = redis.program()
    if postgres.programs() is None or where is None:
        pytest.skip("PostgreSQL or Redis isn't installed here: make services installs them")
    # Where the user that PostgreSQL runs as can reach it.
    folder = Path(tempfile.mkdtemp(prefix="cartrover-faults-"))
    folder.chmod(0o755)
    (folder / "postgresql").mkdir()
    (folder / "redis").mkdir()
    port = debian.free_port()
    broker = Part("redis", [str(where), *redis.arguments(folder / "redis", port)], folder / "redis" / "log", {})
    try:
        with postgres.postgres(folder / "postgresql") as url:
            found = Servers(folder, url, broker, port)
            found.start_redis()
            yield found
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Network:
    """The proxies before the far sides."""

    dsco: FaultProxy
    commerce: FaultProxy

    @property
    def both(self) -> tuple[FaultProxy, FaultProxy]:
        return (self.dsco, self.commerce)


@pytest.fixture(scope="session")
def _network(_dsco: RunningSandbox, _commerce: RunningSandbox) -> Iterator[Network]:
    pair = Network(FaultProxy(int(_dsco.settings["port"])), FaultProxy(urlsplit(_commerce.settings["api_url"]).port or 80))
    yield pair
    for proxy in pair.both:
        proxy.stop()


@pytest.fixture
def network(_network: Network) -> Iterator[Network]:
    yield _network
    for proxy in _network.both:
        proxy.well()


@pytest.fixture(scope="session")
def _set_up(servers: Servers, _network: Network, _dsco: RunningSandbox, _commerce: RunningSandbox) -> str:
    """Set a hub up by commands alone, with every service on; return the database's name."""
    _dsco.drive("reset")
    _commerce.drive("reset")
    _commerce.drive("set", rate_limit=1_000_000)
    databases.new_database(servers.database, TEMPLATE, template=databases.migrated_on(servers.database))
    connect_both("acme", _dsco, _commerce, folder=servers.folder, database_url=servers.named(TEMPLATE), network=_network)
    return TEMPLATE


def connect_both(
    slug: str,
    dsco: RunningSandbox,
    commerce: RunningSandbox,
    *,
    folder: Path,
    database_url: str,
    network: Network | None = None,
) -> None:
    """Make a merchant by commands alone, connected to both far sides, straight or through a network's proxies."""
    line = CommandLine(folder, environment(folder, DATABASE_URL=database_url, CELERY_BROKER_URL=""))
    line.run("create_account", slug, "--name", slug.title(), "--owner", f"owner@{slug}.example.com")
    for kind, name, box, proxy, extra in (
        ("quickbooks_commerce", "QuickBooks Commerce", commerce, network and network.commerce, ["resend_after_seconds=1"]),
        ("dsco", "DSCO", dsco, network and network.dsco, ["cancel_code=CXSS"]),
    ):
        settings = through(box.settings, proxy.port) if proxy else box.settings
        told = [f"{key}={value}" for key, value in settings.items()] + extra
        variables = {f"SECRET_{key.upper()}": value for key, value in box.secrets.items()}
        hidden = [part for key in box.secrets for part in ("--secret", f"{key}=SECRET_{key.upper()}")]
        options = [part for one in told for part in ("--set", one)]
        line.run("connect", slug, kind, "--name", name, *options, *hidden, "--activate", **variables)


def through(settings: dict[str, str], port: int) -> dict[str, str]:
    """Return a sandbox's settings with the proxy's port in place of its own."""
    own = settings.get("port") or str(urlsplit(settings["api_url"]).port)
    return {
        key: str(port) if key == "port" else value.replace(f"127.0.0.1:{own}", f"127.0.0.1:{port}")
        for key, value in settings.items()
    }


@pytest.fixture
def trade(dsco: RunningSandbox, commerce: RunningSandbox) -> Trade:
    return Trade(dsco, commerce, random.Random(SEED))


@pytest.fixture
def hub(servers: Servers, _set_up: str, network: Network, trade: Trade, tmp_path: Path) -> Iterator[Installation]:
    """An installation with an account, both connections and nothing ordered; the test starts its workers and clock."""
    if not servers.redis.runs:
        servers.start_redis()
    if not postgres.runs(servers.postgres_folder):
        servers.start_postgres()
    servers.forget_in_redis()
    one = Installation(tmp_path, servers.copy_of(_set_up), servers.broker, trade)
    yield one
    one.end()
