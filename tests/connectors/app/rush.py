"""A worker of its own process that asks a company with many threads: `python -m tests.connectors.app.rush`.

`later` lets a minute pass for all leases. `ask SETTINGS THREADS REQUESTS` waits for a line, then lets
each of so many threads ask so often, as fast as it can, and prints as JSON how many answers each got and how many database
connections were left open. SETTINGS are the address, the company's id and a token of the sandbox, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "cartrover.settings"
django.setup()

from django.db import connections  # noqa: E402
from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from connectors.models import RequestSlot  # noqa: E402
from connectors.quickbooks_online.api import Api  # noqa: E402
from connectors.quickbooks_online.session import LIMITS  # noqa: E402
from connectors.rate_budget import BudgetLimiter  # noqa: E402
from connectors.transports.http import HttpClient  # noqa: E402
from connectors.transports.oauth2 import PrivilegedToken  # noqa: E402
from tests.servers.hub import OpenNetwork  # noqa: E402


def later() -> None:
    RequestSlot.objects.update(lease_until=F("lease_until") - timedelta(minutes=1))


def ask(company: dict[str, str], threads: int, requests: int) -> None:
    limiter = BudgetLimiter("company", LIMITS)
    client = HttpClient(
        company["api_url"],
        network=OpenNetwork(),
        limiter=limiter,
        bearer=PrivilegedToken(company["access_token"]),
        pool_size=threads,
    )
    api = Api(client, limiter, realm=company["realm_id"], now=timezone.now)

    def one(_: int) -> dict[str, int]:
        answers = sum(api.count("Item") > 0 for _ in range(requests))
        return {"answers": answers, "open": sum(connections[alias].connection is not None for alias in connections)}

    print("ready", flush=True)  # noqa: T201 - read by the test
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(list(pool.map(one, range(threads)))))  # noqa: T201 - read by the test
    client.close()
    limiter.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["later"]:
            later()
        case ["ask", company, threads, requests]:
            ask(json.loads(company), int(threads), int(requests))
