"""A worker of its own process, with threads, for the tests of what workers share: `python -m tests.connectors.app.crowd`.

`make` makes the tables and one connection; `work FOLDER` waits for a line, then spends the request budget, makes one company
and renews one token with four threads, as fast as the others, and prints what it got as JSON. FOLDER is the far side.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "cartrover.settings"
django.setup()

from django.db import connection, connections  # noqa: E402

from cartrover.accounts.models import Account, Organization  # noqa: E402
from connectors.contract import RateLimit, Token  # noqa: E402
from connectors.errors import SlowDown  # noqa: E402
from connectors.models import Connection, ConnectionSecret, RemoteFact, RequestBudget  # noqa: E402
from connectors.rate_budget import BudgetLimiter  # noqa: E402
from connectors.remembering import RememberedFacts  # noqa: E402
from connectors.token_store import StoredToken  # noqa: E402

THREADS = 4
STALE = Token("stale", "refresh", None)
NOW = datetime(2026, 11, 22, 12, 1, tzinfo=UTC)


def make() -> None:
    with connection.schema_editor() as editor:
        for model in (Organization, Account, Connection, ConnectionSecret, RemoteFact, RequestBudget):
            editor.create_model(model)
    account = Account.objects.create(organization=Organization.objects.create(name="Acme"), slug="acme", name="Acme")
    wms = Connection.objects.create(account=account, kind="toy", side="wms", name="Toy")
    StoredToken(wms).grant(STALE)


def work(far_side: Path) -> None:
    wms = Connection.objects.across_accounts("a test").get()
    limiter = BudgetLimiter("toy:one", RateLimit(requests=120, window_seconds=300), now=lambda: NOW)
    memory, tokens = RememberedFacts(wms, settled_after=timedelta(seconds=60)), StoredToken(wms)

    def make_company(key: str) -> str:
        (far_side / f"company-{uuid4().hex}").write_text(key)
        return "company"

    def renew(stale: Token) -> Token:
        name = uuid4().hex
        (far_side / f"token-{name}").touch()
        return Token(name, "refresh", NOW + timedelta(hours=1))

    def one(_: int) -> dict[str, object]:
        taken = 0
        try:
            while True:
                limiter.take()
                taken += 1
        except SlowDown:
            pass
        company = memory.make_once("company", "ACME", find=lambda: None, make=make_company)
        token = tokens.replace(STALE, renew)
        open_ones = [alias for alias in connections if connections[alias].connection is not None]
        return {"taken": taken, "company": company, "token": token.access, "open": open_ones}

    sys.stdin.readline()
    with ThreadPoolExecutor(THREADS) as pool:
        print(json.dumps(list(pool.map(one, range(THREADS)))))  # noqa: T201 - read by the test
    limiter.close()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make()
    else:
        work(Path(sys.argv[2]))
