"""What the hubs that are measured share: an account on an empty database, far sides, and a look at where the time goes.

Imports of the hub stand in functions: before them Django must be told its settings.
"""

from __future__ import annotations

import contextlib
import cProfile
import pstats
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def set_up() -> None:
    """Set Django up, with the settings that `children.hub` has named."""
    import django

    django.setup()


def new_account() -> Any:
    """Set Django up, migrate an empty database, and return an account."""
    set_up()
    from django.core.management import call_command

    from cartrover.accounts.actions import account_create

    call_command("migrate", verbosity=0)
    return account_create(slug="bench", name="Bench", owner_email="bench@example.com")[0]


def account_there() -> Any:
    """Set Django up and return the account that an earlier process made."""
    set_up()
    from cartrover.accounts.models import Account

    return Account.objects.get(slug="bench")


def live(account: Any, kind: str, settings: dict[str, str], secrets: dict[str, str]) -> Any:
    """Connect the account to a far side as its owner does, and return the connection."""
    from connectors import actions, probing

    saved = actions.connection_save(account=account, kind=kind, name=kind, settings=settings, secrets=secrets, actor="bench")
    steps = probing.connection_test(saved)
    if not all(step.ok for step in steps):
        raise SystemExit(f"{kind} doesn't work: {[step.words for step in steps if not step.ok]}")
    actions.connection_activate(connection=saved, actor="bench")
    saved.refresh_from_db()
    return saved


def live_cart(account: Any, login: dict[str, str]) -> Any:
    """Connect the account to the cart's SFTP server."""
    settings = {name: value for name, value in login.items() if name != "ftp_password"}
    return live(account, "dsco", settings, {"ftp_password": login["ftp_password"]})


@contextlib.contextmanager
def watched(profile: str) -> Iterator[None]:
    """With "own" or "calls" print where the processor time of this thread goes meanwhile, to the error output."""
    if not profile:
        yield
        return
    watch = cProfile.Profile(time.thread_time)
    watch.enable()
    yield
    watch.disable()
    pstats.Stats(watch, stream=sys.stderr).sort_stats("cumtime" if profile == "calls" else "tottime").print_stats(45)


def peak_mb() -> float:
    """Return the most memory that this program has ever held.

    Not by getrusage: Linux counts there what the process that started this one held, which runs the sandboxes.
    """
    held = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if held is None:
        raise SystemExit("this system doesn't say how much memory a program held")
    return int(held[1]) / 1024
