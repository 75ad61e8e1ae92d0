"""Run what is due, or the named services at once, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from connectors import registry
from connectors.models import Connection, ConnectionState, Outcome, ServiceName
from connectors.schedules import services_of
from orders.dispatcher import run_due, run_named
from orders.management.json_command import JsonCommand, Told, WrongUse, account_named, connection_named
from orders.scheduling.running import Finished

DUE_BUDGET_SECONDS = 600
"""One call without --until-idle works off what is due for at most this long; what is left is due at the next call."""

IDLE_BUDGET_SECONDS = 24 * 3600

FINE = frozenset({Outcome.DONE, Outcome.NOTHING})


class Command(JsonCommand):
    help = "Run what is due, or the named services at once, in this process. Never waits for a date in the future."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="SLUG", help="only of this account")
        parser.add_argument("--connection", metavar="NAME", help="only of this connection (needs --account)")
        parser.add_argument("--service", metavar="NAME", action="append", default=[], help="run this service now, due or not")
        parser.add_argument("--until-idle", action="store_true", help="go on until nothing is due any more")

    def work(self, **options: Any) -> Told:
        """Run, and tell how each run ended."""
        if options["connection"] and not options["account"]:
            raise WrongUse("--connection needs --account: names of connections are unique in an account only.")
        finished = list(self._named(options) if options["service"] else self._due(options))
        return Told(
            document=[_document(one) for one in finished],
            words=[_words(one) for one in finished] or ["Nothing was due."],
            problems=[f"{one.service.connection.name}, {one.service.name}: {one.problem}" for one in finished if one.problem],
            has_problems=any(one.outcome not in FINE for one in finished),
        )

    def _connections(self, options: dict[str, Any]) -> list[Connection]:
        rows = Connection.objects.across_accounts("the command was given no account: all are meant").select_related("account")
        if options["account"]:
            account = account_named(options["account"])
            if options["connection"]:
                return [connection_named(account, options["connection"])]
            rows = rows.filter(account=account)
        return list(rows.exclude(state=ConnectionState.DISCONNECTED).order_by("account_id", "pk"))

    def _named(self, options: dict[str, Any]) -> Iterator[Finished]:
        known = set(ServiceName)
        unknown = [name for name in options["service"] if name not in known]
        if unknown:
            raise WrongUse(f"There is no service {unknown[0]}. The services are {', '.join(ServiceName)}.")
        names = [ServiceName(name) for name in options["service"]]
        connections = self._connections(options)
        offered = {name for one in connections for name in services_of(registry.get(one.kind))}
        missing = [name for name in names if name not in offered]
        if missing:
            raise WrongUse(f"No connection that is meant has the service {missing[0]}.")
        return run_named(connections, names)

    def _due(self, options: dict[str, Any]) -> Iterator[Finished]:
        budget = IDLE_BUDGET_SECONDS if options["until_idle"] else DUE_BUDGET_SECONDS
        if options["connection"]:
            (chosen,) = self._connections(options)
            return run_due(budget, account_id=chosen.account_id, connection_id=chosen.pk)
        return run_due(budget, account_id=account_named(options["account"]).pk if options["account"] else None)


def _document(one: Finished) -> dict[str, Any]:
    connection = one.service.connection
    return {
        "account": connection.account.slug,
        "connection": connection.name,
        "service": one.service.name,
        "outcome": str(one.outcome),
        "counts": one.counts,
        "problem": one.problem,
    }


def _words(one: Finished) -> str:
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in one.counts.items())
    return f"{one.service.connection.name}, {one.service.name}: {one.outcome}{f' ({counts})' if counts else ''}"
