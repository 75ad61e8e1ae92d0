"""`connect ACCOUNT KIND --name NAME ...`: makes or updates a connection, tests it, and pins the host key that it saw."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from connectors import registry
from connectors.actions import Refused, connection_activate, connection_save, connection_test, services_set
from connectors.contract import CheckStep, HoldReason, Side
from connectors.models import Connection
from orders.actions import after_going_live
from orders.management.json_command import JsonCommand, Told, WrongUse, account_named, console_actor, from_environment, pairs
from orders.pipeline.release import release_held


class Command(JsonCommand):
    help = (
        "Make or update the connection of that name, test it, and pin the host key that it shows. It is saved even if the test "
        "fails; a live one is then tried again by itself until it works."
    )

    def add_options(self, parser: CommandParser) -> None:
        kinds = ", ".join(spec.kind for spec in registry.all_specs())
        parser.add_argument("account", help="the account's short name")
        parser.add_argument("kind", help=f"what to connect to: {kinds}")
        parser.add_argument("--name", required=True, help="what the connection is called, unique in the account")
        parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="values", help="a setting")
        parser.add_argument(
            "--secret",
            action="append",
            default=[],
            metavar="FIELD=ENVVAR",
            dest="secrets",
            help="a secret, read from an environment variable",
        )
        parser.add_argument(
            "--service",
            action="append",
            default=[],
            metavar="NAME=5m|15m|1h|automatic|off",
            dest="services",
            help="when a service runs",
        )
        parser.add_argument(
            "--activate", action="store_true", help="go live, with the usual schedules for services that were not set"
        )

    def work(self, **options: Any) -> Told:
        account = account_named(options["account"])
        settings = pairs(options["values"], option="--set", form="FIELD=VALUE")
        secrets = from_environment(pairs(options["secrets"], option="--secret", form="FIELD=ENVVAR"))
        services = pairs(options["services"], option="--service", form="NAME=SCHEDULE")
        actor = console_actor()
        try:
            with transaction.atomic():
                connection = connection_save(
                    account=account, kind=options["kind"], name=options["name"], settings=settings, secrets=secrets, actor=actor
                )
                was_live = connection.live
                if services:
                    services_set(connection=connection, schedules=services, actor=actor)
                if options["activate"]:
                    connection_activate(connection=connection, actor=actor)
        except Refused as refused:
            raise WrongUse(refused.words) from refused
        steps = connection_test(connection)
        if connection.side == Side.WMS:
            words = f"{connection.name} is connected."
            release_held(account.pk, [HoldReason.NO_ROUTE], because=words)
        elif connection.live and not was_live:
            after_going_live(connection)
        return _told(connection, steps)


def _told(connection: Connection, steps: tuple[CheckStep, ...]) -> Told:
    failed = [step for step in steps if not step.ok]
    words = [f"{connection.name} ({connection.kind}) is saved."]
    words += [f"  ok  {step.step}: {step.words}" for step in steps if step.ok]
    if not failed:
        words.append("It works." if connection.live else "It works. It is in test mode until it is activated.")
    return Told(
        document={
            "connection": str(connection.public_id),
            "check": [{"step": step.step, "ok": step.ok, "words": step.words} for step in steps],
        },
        words=words,
        problems=[f"{step.step}: {step.words}" for step in failed],
    )
