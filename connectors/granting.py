"""Granting access by OAuth 2.0: from the merchant's click to a sealed token.

Between the two stands the far side's own page, which only hands back what we gave it. So a grant under way is a row with a
random `state`, good for ten minutes, once, for the person who began it, and only in the browser session in which it was begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cartrover.accounts.models import AuditEntry, User
from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors import registry
from connectors.actions import connection_save
from connectors.contract import Token
from connectors.errors import ConnectorError
from connectors.field_values import FieldProblems
from connectors.models import Connection, ConnectionState, OAuthHandshake
from connectors.network import GuardedNetwork
from connectors.opening import require_no_transaction
from connectors.probing import connection_test, probe_soon
from connectors.readers import secrets_of, settings_of
from connectors.refusals import Refused
from connectors.token_store import StoredToken
from connectors.transports.oauth2 import OAuthClient, new_state

GOOD_FOR = timedelta(minutes=10)
"""How long a person may take on the far side's page: signing in there, with a second factor, and reading what is asked."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A grant under way: where to send the browser, and the state that its session must bring back."""

    url: str
    state: str


def can_be_granted(connection: Connection) -> bool:
    """Say whether access to the connection is granted by OAuth."""
    spec = registry.find(connection.kind)
    return spec is not None and spec.oauth is not None and connection.state != ConnectionState.DISCONNECTED


def consent_url(connection: Connection) -> str:
    """Return the far side's address at which consent is given; "" when it can't be told."""
    spec = registry.find(connection.kind)
    if spec is None or spec.oauth is None:
        return ""
    try:
        return str(settings_of(connection)[spec.oauth.authorize_url])
    except FieldProblems:
        return ""


def grant_begin(*, connection: Connection, user: User, redirect_uri: str) -> Begun:
    """Begin a grant. Raise `Refused` when the connection knows none or lacks a setting that it needs."""
    client = _client(connection, redirect_uri)
    state = new_state()
    OAuthHandshake.objects.create(account_id=connection.account_id, connection=connection, user=user, state=state)
    return Begun(client.authorization_url(state), state)


def grant_take(*, user: User, state: str) -> Connection:
    """Use the handshake up and return its connection. Raise `Refused` for one that is unknown, used, too old or another's."""
    rows = OAuthHandshake.objects.across_accounts("the state alone names the grant; its account comes with it")
    fresh = rows.filter(state=state, user=user, used_at__isnull=True, created_at__gt=hub_now() - GOOD_FOR)
    if not state or not fresh.update(used_at=hub_now()):
        raise Refused("This grant is not under way any more. Begin again on the connection's page; you have ten minutes then.")
    return rows.select_related("connection__account").get(state=state).connection


def grant_finish(
    *, connection: Connection, code: str, redirect_uri: str, actor: str, told: Mapping[str, str] | None = None
) -> tuple[bool, str]:
    """Turn the code into a stored token and test the connection; return whether it works, and words.

    `told` is what came back beside the code; what the connector declares of it becomes settings. Raise `Refused` when the far
    side gives no token, or when access was granted to another company than the connection's.
    """
    require_no_transaction()
    client = _client(connection, redirect_uri)
    settings = _told_settings(connection, told or {})
    try:
        token: Token = client.exchange(code, network=GuardedNetwork(), now=hub_now)
    except ConnectorError as error:
        raise Refused(error.words) from error
    if settings:
        connection = connection_save(
            account=connection.account, kind=connection.kind, name=connection.name, settings=settings, secrets={}, actor=actor
        )
    StoredToken(connection).grant(token)
    AuditEntry.objects.create(
        account_id=connection.account_id,
        actor=actor[:254],
        verb="connection.granted",
        subject=f"{connection.kind} {connection.name}"[:200],
    )
    probe_soon(connection)
    failed = next((step for step in connection_test(connection) if not step.ok), None)
    if failed is not None:
        return False, f"Access to “{connection.name}” was granted, but the test failed. {failed.words}"
    return True, f"Access to “{connection.name}” was granted, and it works."


def access_give_back(connection: Connection) -> str:
    """Tell the far side that granted access isn't needed any more; return words where a person should do it there instead, ""
    else. To be called before the connection's secrets are deleted, outside of transactions."""
    require_no_transaction()
    spec = registry.find(connection.kind)
    if spec is None or spec.oauth is None or not spec.oauth.revoke_url:
        return ""
    try:
        token = StoredToken(connection).current()
        if token is not None:
            _client(connection, "").revoke(token, network=GuardedNetwork())
    except (ConnectorError, Refused, SealBroken):
        return f"Access could not be given back at {spec.name}: disconnect the app there as well."
    return ""


def _told_settings(connection: Connection, told: Mapping[str, str]) -> dict[str, str]:
    """Return what the far side tells of the company that access was granted to. Raise `Refused` where it is another one than
    the connection's: its orders would be looked for in the wrong books."""
    spec = registry.get(connection.kind)
    names = spec.oauth.callback_settings if spec.oauth is not None else {}
    found = {setting: told[name].strip() for name, setting in names.items() if told.get(name, "").strip()}
    for setting, value in found.items():
        known = str(connection.settings.get(setting) or "").strip()
        if known and known != value:
            label = next((field.label for field in spec.fields if field.name == setting), setting)
            raise Refused(
                f"Access was granted for another company ({label} {value}) than that of “{connection.name}” ({known}). Grant "
                "it again and choose that one, or make a new connection for the other."
            )
    return found


def _client(connection: Connection, redirect_uri: str) -> OAuthClient:
    if not can_be_granted(connection):
        raise Refused(f"“{connection.name}” has no access to grant.")
    spec = registry.get(connection.kind)
    assert spec.oauth is not None  # noqa: S101 - told by can_be_granted
    try:
        return OAuthClient.of(spec.oauth, settings_of(connection), secrets_of(connection), redirect_uri=redirect_uri)
    except FieldProblems as problems:
        raise Refused(f"A setting of “{connection.name}” no longer fits: {problems}") from problems
    except SealBroken as broken:
        raise Refused(str(broken)) from broken
    except ConnectorError as error:
        raise Refused(error.words) from error
