"""A worker of its own process, for the tests of leases: `python -m tests.kernel.claimants make N|claim N|hold`."""

from __future__ import annotations

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "cartrover.settings"
django.setup()

from django.db import connection  # noqa: E402

from cartrover.accounts.models import Account, Organization  # noqa: E402
from cartrover.leasing import claim, owner_name  # noqa: E402
from connectors.models import Connection, Service, ServiceName  # noqa: E402


def make(count: int) -> None:
    with connection.schema_editor() as editor:
        for model in (Organization, Account, Connection, Service):
            editor.create_model(model)
    account = Account.objects.create(organization=Organization.objects.create(name="Acme"), slug="acme", name="Acme")
    for number in range(count):
        cart = Connection.objects.create(account=account, kind="dsco", side="cart", name=f"DSCO {number}")
        Service.objects.create(account=account, connection=cart, name=ServiceName.ORDER_DOWNLOAD)


def claim_all(count: int) -> None:
    """Claim whatever is free, as fast as the others, and print what was won."""
    sys.stdin.readline()
    for pk in range(1, count + 1):
        lease = claim(Service, pk)
        if lease is not None:
            sys.stdout.write(f"{pk}\n")


def hold() -> None:
    lease = claim(Service, 1)
    sys.stdout.write(f"{owner_name() if lease else 'nothing'}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", count]:
            make(int(count))
        case ["claim", count]:
            claim_all(int(count))
        case ["hold"]:
            hold()
