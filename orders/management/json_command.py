"""What the hub's commands share: words for people, one JSON document for programs, exit codes, and no tracebacks."""

from __future__ import annotations

import getpass
import json
import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from cartrover.accounts.models import Account
from cartrover.accounts.readers import account_of
from connectors.models import Connection

logger = logging.getLogger(__name__)

DONE_WITH_PROBLEMS = 1
WRONG_USE = 2


class WrongUse(CommandError):
    """The command was called with something that can't be meant; nothing was done. Ends with exit code 2."""

    def __init__(self, words: str) -> None:
        super().__init__(words, returncode=WRONG_USE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a command has to say: `document` with --json, `words` without. `problems` go to stderr and make the exit code 1."""

    document: Any
    words: Iterable[str] = ()
    problems: Iterable[str] = ()
    has_problems: bool = False


class JsonCommand(BaseCommand):
    """A command that does its work in `work` and returns what there is to tell.

    Before it begins, settings that secrets hang on are checked. The pages aren't: loading them takes longer than most commands
    do, and `manage.py check` looks at everything.
    """

    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_options(parser)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document instead of words")

    def add_options(self, parser: CommandParser) -> None:
        """Declare what the command takes."""

    def work(self, **options: Any) -> Told | None:
        """Do it. Raise `WrongUse`; return what to tell, or None when everything was told already."""
        raise NotImplementedError

    def handle(self, **options: Any) -> None:
        _speak_utf8()
        try:
            told = self.work(**options)
        except CommandError:
            raise
        except BrokenPipeError:
            # Whoever read our output has seen enough; what is left in the buffer must not complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except DatabaseError as error:
            if options.get("traceback"):
                raise
            raise CommandError(f"The database can't be used: {error}. Was `manage.py migrate` run?", returncode=1) from error
        if told is not None:
            self._tell(told, as_json=options["as_json"])

    def _tell(self, told: Told, *, as_json: bool) -> None:
        problems = list(told.problems)
        if as_json:
            self.stdout.write(json.dumps(told.document, ensure_ascii=False))
        else:
            for line in told.words:
                self.stdout.write(line)
        for line in problems:
            self.stderr.write(line)
        if problems or told.has_problems:
            raise SystemExit(DONE_WITH_PROBLEMS)


def account_named(slug: str) -> Account:
    """Return the account of that slug. Raise `WrongUse` when there is none."""
    account = account_of(slug)
    if account is None:
        raise WrongUse(f"There is no account “{slug}”. Make it with: manage.py create_account {slug} --name NAME --owner EMAIL")
    return account


def connection_named(account: Account, name: str) -> Connection:
    """Return the account's connection of that name. Raise `WrongUse`, with those that there are, when there is none."""
    connections = list(Connection.objects.for_account(account).order_by("name"))
    for connection in connections:
        if connection.name == name:
            return connection
    names = ", ".join(f"“{connection.name}”" for connection in connections) or "none"
    raise WrongUse(f"The account {account.slug} has no connection “{name}”. It has: {names}.")


def pairs(texts: Iterable[str], *, option: str, form: str) -> dict[str, str]:
    """Read NAME=VALUE options; the last one of a name wins. Raise `WrongUse` for one without a name or without a "="."""
    found: dict[str, str] = {}
    for text in texts:
        name, divider, value = text.partition("=")
        if not divider or not name.strip():
            # The text itself stays unsaid: somebody may have typed a secret.
            raise WrongUse(f"{option} wants {form}.")
        found[name.strip()] = value
    return found


def from_environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the values of environment variables by field. Raise `WrongUse` for one that isn't set or is empty."""
    values = {field: os.environ.get(variable, "") for field, variable in variables.items()}
    for field, value in values.items():
        if not value:
            raise WrongUse(f"The environment variable {variables[field]}, for the secret {field}, is empty or not set.")
    return values


def console_actor() -> str:
    """Name who types, for the audit: the console asks for no sign-in, the machine's own user is all there is."""
    try:
        return f"console: {getpass.getuser()}"
    except (KeyError, OSError):
        return "console"


def _speak_utf8() -> None:
    """The hub's files and documents are UTF-8 whatever the terminal's locale."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8")
