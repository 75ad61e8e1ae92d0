"""What must be true of a ConnectorSpec before anybody may connect with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import ConnectorSpec, Field, FieldKind, Purpose, Role, Side
from connectors.field_values import FieldProblems, typed
from connectors.hub_fields import hub_fields_of

CART_ROLES = frozenset({Role.ORDER_SOURCE, Role.SHIPMENT_SINK, Role.INVOICE_SINK, Role.STOCK_SINK, Role.CANCEL_SINK})
WMS_ROLES = frozenset({Role.ORDER_DESTINATION, Role.SHIPMENT_SOURCE, Role.INVOICE_SOURCE, Role.STOCK_SOURCE})
ROLES_OF_SIDE = {Side.CART: CART_ROLES, Side.WMS: WMS_ROLES}

PURPOSE_OF_SINK = {
    Role.SHIPMENT_SINK: Purpose.SHIPMENTS,
    Role.INVOICE_SINK: Purpose.INVOICES,
    Role.STOCK_SINK: Purpose.STOCK,
    Role.CANCEL_SINK: Purpose.CANCELS,
}

RESERVED_NAMES = frozenset({"oauth_token", "host_key", "host_key_shown"})
"""Under these the hub itself keeps secrets of a connection."""

LONGEST_NAME = 60
"""Kinds, field names and secrets' names are columns of this width."""


def faults_of(spec: object, folder: str) -> list[str]:
    """Return everything that is wrong with the SPEC of a folder, in sentences for its author; none means it is fit."""
    if not isinstance(spec, ConnectorSpec):
        return [f"SPEC is a {type(spec).__name__}; make it a connectors.contract.ConnectorSpec."]
    checks = (
        _identity(spec, folder),
        _roles(spec),
        _pieces(spec),
        _fields(spec),
        _guide(spec),
        _oauth(spec),
        _limits(spec),
        _webhook(spec),
    )
    return [fault for check in checks for fault in check]


def _identity(spec: ConnectorSpec, folder: str) -> Iterator[str]:
    if spec.kind != folder:
        yield f"SPEC.kind is “{spec.kind}”; a kind is named like its folder, “{folder}”."
    if len(spec.kind) > LONGEST_NAME:
        yield f"SPEC.kind is longer than {LONGEST_NAME} characters."
    if not spec.name.strip():
        yield "SPEC.name is empty; people see it."


def _roles(spec: ConnectorSpec) -> Iterator[str]:
    if spec.side not in ROLES_OF_SIDE:
        yield f"SPEC.side is {spec.side!r}; it is Side.CART or Side.WMS."
        return
    if spec.calls_us and spec.roles:
        yield "SPEC.roles must be empty: a far side that calls the hub is never called by it."
    if not spec.roles and not spec.calls_us:
        yield "SPEC.roles is empty: the connector can do nothing."
    for role in sorted(spec.roles - ROLES_OF_SIDE[spec.side]):
        yield f"Role {role} is none of a connector on side {spec.side}."


def _pieces(spec: ConnectorSpec) -> Iterator[str]:
    if Role.ORDER_SOURCE in spec.roles and spec.parse_orders is None:
        yield "Role order_source needs SPEC.parse_orders."
    sinks = [role for role in PURPOSE_OF_SINK if role in spec.roles]
    for role in sinks:
        if PURPOSE_OF_SINK[role] not in spec.renderers:
            yield f"Role {role} needs SPEC.renderers[Purpose.{PURPOSE_OF_SINK[role].name}]."
    if sinks and spec.name_document is None:
        yield f"Role {sinks[0]} needs SPEC.name_document."
    if not callable(spec.open_session):
        yield "SPEC.open_session can't be called."


def _fields(spec: ConnectorSpec) -> Iterator[str]:
    names = [field.name for field in spec.fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"Field {name} is declared twice."
    hub = {field.name: field for field in hub_fields_of(spec)}
    for field in spec.fields:
        yield from (f"Field {field.name} {fault}" for fault in _faults_of_field(field))
        if field.name in hub and hub[field.name].kind is not field.kind:
            yield f"Field {field.name} replaces the hub's own and must be of its kind, {hub[field.name].kind}."


def _faults_of_field(field: Field) -> Iterator[str]:
    if not field.name.isidentifier() or len(field.name) > LONGEST_NAME:
        yield f"has a name that is no identifier of at most {LONGEST_NAME} characters."
    if field.name in RESERVED_NAMES:
        yield "has a name that the hub keeps for itself."
    if not field.label.strip():
        yield "has no label; people see it."
    if (field.kind is FieldKind.CHOICE) != bool(field.choices):
        yield "must have choices if, and only if, its kind is CHOICE."
        return
    if field.kind is FieldKind.SECRET:
        if field.default:
            yield "is a secret and can't have a default."
        return
    try:
        typed([field], {})
    except FieldProblems as problems:
        yield f"has a default that {problems.problems[0].words}"


def _guide(spec: ConnectorSpec) -> Iterator[str]:
    known = {field.name for field in (*spec.fields, *hub_fields_of(spec))}
    for number, step in enumerate(spec.guide.steps, start=1):
        for name in step.fields:
            if name not in known:
                yield f"Step {number} of the guide, “{step.title}”, asks for {name}, which is no field."


def _oauth(spec: ConnectorSpec) -> Iterator[str]:
    if spec.oauth is None:
        return
    kinds = {field.name: field.kind for field in spec.fields}
    wanted = {
        "authorize_url": spec.oauth.authorize_url,
        "token_url": spec.oauth.token_url,
        "client_id": spec.oauth.client_id,
        "client_secret": spec.oauth.client_secret,
    }
    for part, name in wanted.items():
        if name not in kinds:
            yield f"SPEC.oauth.{part} names {name}, which is no field."
        elif (part == "client_secret") != (kinds[name] is FieldKind.SECRET):
            yield f"SPEC.oauth.{part} names {name}, which {'must' if part == 'client_secret' else 'must not'} be a secret."
    plain = {name for name, kind in kinds.items() if kind is not FieldKind.SECRET}
    for name in [*spec.oauth.callback_settings.values(), *([spec.oauth.revoke_url] if spec.oauth.revoke_url else [])]:
        if name not in plain:
            yield f"SPEC.oauth names {name}, which is no setting."


def _webhook(spec: ConnectorSpec) -> Iterator[str]:
    if spec.webhook is None:
        return
    kinds = {field.name: field.kind for field in spec.fields}
    if kinds.get(spec.webhook.secret) is not FieldKind.SECRET:
        yield f"SPEC.webhook.secret names {spec.webhook.secret}, which is no secret field."
    if kinds.get(spec.webhook.account_setting, FieldKind.SECRET) is FieldKind.SECRET:
        yield f"SPEC.webhook.account_setting names {spec.webhook.account_setting}, which is no setting."


def _limits(spec: ConnectorSpec) -> Iterator[str]:
    if spec.sends_at_once < 1:
        yield "SPEC.sends_at_once must be at least 1."
    limits = spec.limits
    if limits is None:
        return
    if limits.requests < 1 or limits.window_seconds < 1 or any(most < 1 for most in limits.apart.values()):
        yield "SPEC.limits must allow at least one request in at least one second."
    if limits.at_once < 0 or limits.monthly < 0:
        yield "SPEC.limits.at_once and SPEC.limits.monthly are 0 where there is no such limit, and never below."
    if limits.monthly_of and limits.monthly_of not in {
        field.name for field in spec.fields if field.kind is not FieldKind.SECRET
    }:
        yield f"SPEC.limits.monthly_of names {limits.monthly_of}, which is no setting."
    if 0 < limits.at_once < spec.sends_at_once:
        yield "SPEC.sends_at_once is more than SPEC.limits.at_once allows."
