"""What people and commands may do to connections. Each action leaves an audit entry; none calls a far side but the tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from cartrover.accounts.models import Account, AuditEntry
from cartrover.clock import hub_now
from cartrover.vault import SealBroken
from connectors import registry
from connectors.contract import CheckStep, ConnectorSpec, FieldKind, Side
from connectors.field_values import PORT_FIELD, FieldProblem, FieldProblems, clean, clean_secrets, missing
from connectors.hub_fields import fields_of
from connectors.models import Connection, ConnectionState, Service, ServiceName
from connectors.probing import (
    connection_test,
    host_key_replace,
    mark_broken,
    mark_mended,
    probe_due,
    probe_soon,
    services_due,
    tell_followers,
)
from connectors.readers import HOST_KEY, HOST_KEY_SHOWN, secrets_of, settings_of
from connectors.refusals import Refused
from connectors.schedules import FACTS, OFF, UNSET, BadSchedule, is_off, parse_every, services_of
from connectors.sealed_secrets import secret_put, secrets_remove

__all__ = [
    "Refused",
    "connection_activate",
    "connection_disconnect",
    "connection_pause",
    "connection_rename",
    "connection_resume",
    "connection_save",
    "connection_secret_remove",
    "connection_test",
    "connection_to_test_mode",
    "destination_set",
    "host_key_accept",
    "mark_broken",
    "mark_mended",
    "probe_due",
    "services_set",
]


# --- making and changing -----------------------------------------------------------------------------------------------------


def connection_save(
    *,
    account: Account,
    kind: str,
    name: str,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    actor: str,
) -> Connection:
    """Make the connection of that name, or change just the settings and secrets that are given; saving twice is harmless.

    Settings are texts as people type them; an empty one goes back to the default, an empty secret is left as it is. A
    disconnected connection to the same remote account is taken over with its order history, so that no order comes twice: use
    the connection that is returned. A broken one is probed at once. Raise `Refused` for an unknown kind or field, a value that
    doesn't fit, a name that another kind has, and a remote account that is connected already.
    """
    spec = _spec(kind)
    fields = fields_of(spec)
    values, opened = _cleaned(fields, settings or {}, secrets or {})
    try:
        with transaction.atomic():
            return _save(account, spec, _name(name), values, opened, actor)
    except IntegrityError as clash:
        # Two at once for one name or one remote account: the other was first.
        raise Refused(f"“{name}” was just being connected by somebody else. Look at it, and save again.") from clash


def _save(
    account: Account, spec: ConnectorSpec, name: str, values: Mapping[str, Any], secrets: Mapping[str, str], actor: str
) -> Connection:
    connection = Connection.objects.for_account(account).select_for_update().filter(name=name).first()
    if connection is not None and connection.kind != spec.kind:
        raise Refused(f"“{name}” is a connection of kind {connection.kind}. Choose another name for the {spec.name} one.")
    is_new = connection is None
    if connection is None:
        connection = Connection(account=account, kind=spec.kind, side=spec.side, name=name)
    changed = {field for field, value in values.items() if connection.settings.get(field) != value}
    connection.settings = _merged(connection.settings, values)
    connection.remote_identity = _identity(spec, connection, secrets)
    _require_free_remote(connection)
    connection = _with_history(connection, is_new=is_new)
    if connection.state == ConnectionState.DISCONNECTED:
        connection.state = ConnectionState.NEW
    connection.save()
    changed |= {field for field, text in secrets.items() if secret_put(connection, field, text)}
    _services_exist(connection, spec)
    if is_new and spec.side is Side.WMS:
        _keep_destinations(connection, actor)
    if not is_new and _is_another_server(fields_of(spec), changed):
        secrets_remove(connection, [HOST_KEY, HOST_KEY_SHOWN])
    if changed and not is_new:
        probe_soon(connection)
    if changed or is_new:
        words = f"Set: {', '.join(sorted(changed))}." if changed else ""
        _audit(connection, actor, "connection.made" if is_new else "connection.changed", words)
    return connection


def _keep_destinations(second: Connection, actor: str) -> None:
    """Let orders go on to the WMS that was the only one: which of two they go to is for a person to say, and not for a new one
    that may not even work yet."""
    rows = Connection.objects.for_account(second.account_id)
    wms = rows.filter(side=Side.WMS).exclude(state__in=[ConnectionState.NEW, ConnectionState.DISCONNECTED])
    others = list(wms.exclude(pk=second.pk)[:2])
    if len(others) == 1:
        for cart in rows.filter(side=Side.CART, destination__isnull=True).exclude(state=ConnectionState.DISCONNECTED):
            destination_set(cart=cart, wms=others[0], actor=actor)


def connection_rename(*, connection: Connection, name: str, actor: str) -> None:
    """Give the connection another name; its history keeps the words that it was told in. Raise `Refused` for a name that is
    none, or that another connection of the account has."""
    was, plain = connection.name, _name(name)
    if plain == was:
        return
    try:
        with transaction.atomic():
            Connection.objects.for_account(connection.account_id).filter(pk=connection.pk).update(name=plain)
            connection.name = plain
            _audit(connection, actor, "connection.renamed", f"Was: {was}.")
    except IntegrityError as taken:
        connection.name = was
        raise Refused(f"“{plain}” is the name of another connection. Choose another one.") from taken


def destination_set(*, cart: Connection, wms: Connection | None, actor: str) -> None:
    """Choose the WMS that the cart's orders go to; None = the only one. Raise `Refused` for one that is no connected WMS."""
    if wms is not None and (wms.side != Side.WMS or wms.state == ConnectionState.DISCONNECTED):
        raise Refused(f"“{wms.name}” is no WMS that is connected.")
    rows = Connection.objects.for_account(cart.account_id).filter(pk=cart.pk).exclude(destination=wms)
    if wms is None:
        rows = Connection.objects.for_account(cart.account_id).filter(pk=cart.pk, destination__isnull=False)
    if rows.update(destination=wms):
        _audit(cart, actor, "connection.destination", f"Orders go to: {wms.name if wms else 'the only WMS'}.")
    cart.destination = wms


def connection_secret_remove(*, connection: Connection, name: str, actor: str) -> None:
    """Forget a secret, for instance the privileged token of a connection that goes over to OAuth. Unknown ones are ignored."""
    if secrets_remove(connection, [name]):
        _audit(connection, actor, "connection.secret_removed", f"Removed: {name}.")


def _spec(kind: str) -> ConnectorSpec:
    try:
        return registry.get(kind)
    except registry.UnknownKind as unknown:
        raise Refused(unknown.words) from unknown


def _name(name: str) -> str:
    plain = " ".join(name.split())
    if not plain or len(plain) > 100 or not plain.isprintable():
        raise Refused("Give the connection a name of 1 to 100 characters.")
    return plain


def _cleaned(
    fields: Collection[Any], settings: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    problems: list[FieldProblem] = []
    values: dict[str, Any] = {}
    opened: dict[str, str] = {}
    try:
        values = clean(fields, settings)
    except FieldProblems as found:
        problems.extend(found.problems)
    try:
        opened = clean_secrets(fields, secrets)
    except FieldProblems as found:
        problems.extend(found.problems)
    if problems:
        raise Refused.of(problems)
    return values, opened


def _merged(stored: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**stored, **values}.items() if value is not None}


def _identity(spec: ConnectorSpec, connection: Connection, secrets: Mapping[str, str]) -> str:
    """The remote account's name; "" while a setting that it may be made of is missing."""
    try:
        kept = secrets_of(connection) if connection.pk else {}
    except SealBroken:
        kept = {}
    wanted = missing([field for field in fields_of(spec) if field.kind is not FieldKind.SECRET], connection.settings, ())
    try:
        return "" if wanted else spec.identity(settings_of(connection), {**kept, **secrets})[:300]
    except FieldProblems as unfit:
        # What was stored before no longer fits: it has to be entered anew as well.
        raise Refused.of(unfit.problems) from unfit


def _is_another_server(fields: Collection[Any], changed: Collection[str]) -> bool:
    """A pinned host key is the key of one server: a person who enters another address has to see another key."""
    return any(field.name in changed and (field.kind is FieldKind.HOST or field.name == PORT_FIELD) for field in fields)


def _require_free_remote(connection: Connection) -> None:
    if not connection.remote_identity:
        return
    others = Connection.objects.across_accounts("one remote account may be connected once in the whole installation")
    same = others.filter(kind=connection.kind, remote_identity=connection.remote_identity)
    other = same.exclude(state=ConnectionState.DISCONNECTED).exclude(pk=connection.pk).first()
    if other is None:
        return
    if other.account_id == connection.account_id:
        raise Refused(
            f"“{other.name}” is connected to this remote account already. Change that connection, or disconnect it first."
        )
    raise Refused(
        "Another account of this hub is connected to this remote account already. It must be disconnected there first."
    )


def _with_history(connection: Connection, *, is_new: bool) -> Connection:
    """Return the disconnected connection of this account to the same remote, with the new name and settings, if there is one.

    A connection that was made for this one's sake, and has no history as it was never activated, steps aside.
    """
    if not connection.remote_identity or connection.activated_at is not None:
        return connection
    rows = Connection.objects.for_account(connection.account_id).filter(
        kind=connection.kind, remote_identity=connection.remote_identity, state=ConnectionState.DISCONNECTED
    )
    old = rows.exclude(pk=connection.pk).order_by("-activated_at", "-pk").first()
    if old is None or connection.state == ConnectionState.DISCONNECTED:
        return connection
    if not is_new:
        _step_aside(connection, old)
    old.name, old.settings = connection.name, connection.settings
    return old


def _step_aside(draft: Connection, old: Connection) -> None:
    for name, text in secrets_of(draft).items():
        secret_put(old, name, text)
    for service in Service.objects.for_account(draft.account_id).filter(connection=draft).exclude(every=UNSET):
        Service.objects.for_account(draft.account_id).filter(connection=old, name=service.name).update(every=service.every)
    secrets_remove(draft)
    Service.objects.for_account(draft.account_id).filter(connection=draft).update(every=OFF, due_at=None)
    Connection.objects.for_account(draft.account_id).filter(pk=draft.pk).update(
        name=f"{draft.name[:60]} (replaced {draft.public_id.hex[:8]})", state=ConnectionState.DISCONNECTED, remote_identity=""
    )


def _services_exist(connection: Connection, spec: ConnectorSpec) -> None:
    Service.objects.bulk_create(
        [
            Service(account_id=connection.account_id, connection=connection, name=name, every=UNSET)
            for name in services_of(spec)
        ],
        ignore_conflicts=True,
    )


# --- services ----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def services_set(*, connection: Connection, schedules: Mapping[str, str], actor: str) -> None:
    """Set when services run; those that now run by themselves are due at once.

    Raise `Refused`, and set none, for a service that the connection doesn't have and for a schedule that can't be kept.
    """
    offered = services_of(_spec(connection.kind))
    parsed: dict[ServiceName, str] = {}
    problems: list[FieldProblem] = []
    for name, text in schedules.items():
        if name not in offered:
            problems.append(FieldProblem(name, f"is no service of “{connection.name}”. It has: {', '.join(offered)}."))
            continue
        try:
            parsed[ServiceName(name)] = parse_every(text, ServiceName(name))
        except BadSchedule as bad:
            problems.append(FieldProblem(name, str(bad)))
    if problems:
        raise Refused.of(problems)
    _services_exist(connection, _spec(connection.kind))
    changed = [name for name, every in parsed.items() if _schedule(connection, name, every)]
    if changed:
        words = ", ".join(f"{name} {parsed[name]}" for name in changed)
        _audit(connection, actor, "service.scheduled", f"Set: {words}.")


def _schedule(connection: Connection, name: ServiceName, every: str) -> bool:
    rows = Service.objects.for_account(connection.account_id).filter(connection=connection, name=name).exclude(every=every)
    return bool(rows.update(every=every, due_at=None if is_off(every) else hub_now(), failures=0))


# --- going live, pausing, ending ---------------------------------------------------------------------------------------------


@transaction.atomic
def connection_activate(*, connection: Connection, actor: str) -> None:
    """Make the connection live: services that nobody has set get their defaults, and all that run by themselves are due now.

    Whether it works doesn't matter: a broken one goes on by itself once it works. Raise `Refused` for a disconnected one.
    """
    connection.refresh_from_db()
    if connection.state == ConnectionState.DISCONNECTED:
        raise Refused(f"“{connection.name}” is disconnected. Connect it again first.")
    spec = _spec(connection.kind)
    _services_exist(connection, spec)
    was_live = connection.live
    if not was_live:
        connection.live, connection.activated_at = True, hub_now()
        connection.save(update_fields=["live", "activated_at"])
    services = Service.objects.for_account(connection.account_id).filter(connection=connection)
    for name in services_of(spec):
        services.filter(name=name, every=UNSET).update(every=FACTS[name].default)
    if connection.state != ConnectionState.BROKEN:
        services_due(connection)
    if not was_live:
        _audit(connection, actor, "connection.activated")


def connection_to_test_mode(*, connection: Connection, actor: str) -> None:
    """Take the connection out of live: its services stay as they are set. Raise `Refused` for one that isn't live."""
    rows = Connection.objects.for_account(connection.account_id).filter(pk=connection.pk, live=True)
    if not rows.update(live=False):
        raise Refused(f"“{connection.name}” is in test mode already.")
    connection.refresh_from_db()
    _audit(connection, actor, "connection.test_mode")


def connection_pause(*, connection: Connection, actor: str) -> None:
    """Stop all services of the connection until a person resumes it. Raise `Refused` for a disconnected one."""
    _require_connected(connection)
    rows = Connection.objects.for_account(connection.account_id).filter(pk=connection.pk)
    paused = rows.exclude(state__in=[ConnectionState.PAUSED, ConnectionState.DISCONNECTED]).update(state=ConnectionState.PAUSED)
    connection.refresh_from_db()
    if paused:
        _audit(connection, actor, "connection.paused")
        tell_followers(connection)


def connection_resume(*, connection: Connection, actor: str) -> None:
    """Let a paused connection go on where it stood: one that was broken is probed first, one that was new is tested first."""
    _require_connected(connection)
    if connection.state != ConnectionState.PAUSED:
        return
    now = hub_now()
    state = ConnectionState.OK if connection.checked_at else ConnectionState.NEW
    if connection.broken_words:
        state = ConnectionState.BROKEN if connection.live else ConnectionState.NEW
    rows = Connection.objects.for_account(connection.account_id).filter(pk=connection.pk, state=ConnectionState.PAUSED)
    if rows.update(state=state, probe_at=now if state == ConnectionState.BROKEN else None, probes=0):
        services_due(connection)
        _audit(connection, actor, "connection.resumed")
    connection.refresh_from_db()
    tell_followers(connection)


@transaction.atomic
def connection_disconnect(*, connection: Connection, actor: str) -> None:
    """End the connection for good or until it is made again: its secrets are deleted, its services off, its history stays."""
    if connection.state == ConnectionState.DISCONNECTED:
        return
    secrets_remove(connection)
    Service.objects.for_account(connection.account_id).filter(connection=connection).update(every=UNSET, due_at=None)
    connection.state, connection.live = ConnectionState.DISCONNECTED, False
    connection.broken_words, connection.needs_person, connection.probe_at, connection.probes = "", False, None, 0
    connection.save(update_fields=["state", "live", "broken_words", "needs_person", "probe_at", "probes"])
    _audit(connection, actor, "connection.disconnected")
    tell_followers(connection)


def _require_connected(connection: Connection) -> None:
    connection.refresh_from_db()
    if connection.state == ConnectionState.DISCONNECTED:
        raise Refused(f"“{connection.name}” is disconnected. Connect it again first.")


# --- host keys ---------------------------------------------------------------------------------------------------------------


def host_key_accept(*, connection: Connection, shown: str, actor: str) -> tuple[CheckStep, ...]:
    """Pin the changed host key that a person has looked at, and test again. Raise `Refused` when the server has shown yet
    another one since: then that one must be looked at."""
    if not host_key_replace(connection, shown):
        raise Refused("The server has shown another key meanwhile, or none. Test the connection again and compare the new one.")
    _audit(connection, actor, "connection.host_key_accepted")
    probe_soon(connection)
    return connection_test(connection)


def _audit(connection: Connection, actor: str, verb: str, words: str = "") -> None:
    AuditEntry.objects.create(
        account_id=connection.account_id,
        actor=actor[:254],
        verb=verb,
        subject=f"{connection.kind} {connection.name}"[:200],
        words=words,
    )
