"""The hub's side of `store_orders`: one run of order_download on a fresh database; prints counts, seconds and peak memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time


def main(login: dict[str, str]) -> dict[str, object]:
    """Set up an account, run order_download once by name, and return what it counted and took."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cartrover.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from cartrover.accounts.actions import account_create
    from connectors import actions, probing
    from connectors.models import ServiceName
    from orders.dispatcher import run_named

    account, _ = account_create(slug="bench", name="Bench", owner_email="bench@example.com")
    settings = {name: value for name, value in login.items() if name != "ftp_password"}
    cart = actions.connection_save(
        account=account,
        kind="dsco",
        name="DSCO",
        settings=settings,
        secrets={"ftp_password": login["ftp_password"]},
        actor="bench",
    )
    if not all(step.ok for step in probing.connection_test(cart)):
        raise SystemExit("the connection doesn't work")
    actions.connection_activate(connection=cart, actor="bench")
    cart.refresh_from_db()
    resting = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, busy = time.perf_counter(), time.process_time()
    finished = next(run_named([cart], [ServiceName.ORDER_DOWNLOAD]))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - busy,
        "outcome": str(finished.outcome),
        "problem": finished.problem,
        "counts": finished.counts,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "resting_mb": resting / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
