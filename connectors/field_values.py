"""Settings as people type them, as they are stored, and as a connector gets them. Pure.

Three forms of one value: the text that a person types, the JSON value in `Connection.settings`, and the typed value that a
session, a parser or the pipeline reads. Secrets take no part: they are sealed, never stored here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import Field, FieldKind

PORT_FIELD = "port"
"""The name under which a kind declares the port of its host: an address pasted with a port fills it."""

PROTOCOL_FIELD = "protocol"
"""The name under which a kind declares its choice of protocols: an address pasted with its scheme fills it."""

YES = frozenset({"yes", "y", "true", "t", "1", "on"})
NO = frozenset({"no", "n", "false", "f", "0", "off"})

LONGEST_TEXT = 2000
"""Longer than any setting of a real far side; keeps a pasted file out of the settings."""

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one setting, in words that say what to enter instead."""

    field: str
    words: str


class FieldProblems(ValueError):
    """Settings that can't be taken, every one of them with its words."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(f"{problem.field}: {problem.words}" for problem in self.problems))

    @property
    def by_field(self) -> dict[str, str]:
        return {problem.field: problem.words for problem in self.problems}


class _Unfit(ValueError):
    """A text that isn't a value of its field's kind; its words say what is."""


# --- what a person types -> what is stored -----------------------------------------------------------------------------------


def clean(fields: Collection[Field], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON values of just the settings in `texts`.

    None stands for "back to the default": an empty text of any kind but TEXT, where empty is a value of its own. An address
    that was pasted whole ("sftp://host:2222/out") also fills the port and the protocol, unless `texts` names them. Raise
    `FieldProblems` for unknown names, for secrets and for texts that don't fit.
    """
    known = {field.name: field for field in fields if field.kind is not FieldKind.SECRET}
    texts = {**_told_by_addresses(known, texts), **texts}
    problems, values = _unknown(known, fields, texts), {}
    for name, field in known.items():
        if name not in texts:
            continue
        try:
            values[name] = _stored_form(field, texts[name].strip())
        except _Unfit as unfit:
            problems.append(FieldProblem(name, str(unfit)))
    if problems:
        raise FieldProblems(problems)
    return values


def clean_secrets(fields: Collection[Field], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets in `texts` without the line end that comes along when one is pasted; empty ones are left out.

    Raise `FieldProblems` for names that aren't secrets of these fields.
    """
    known = {field.name for field in fields if field.kind is FieldKind.SECRET}
    unknown = [name for name in texts if name not in known]
    if unknown:
        words = f"is no secret of this kind of connection. Its secrets are: {', '.join(sorted(known)) or 'none'}."
        raise FieldProblems(FieldProblem(name, words) for name in unknown)
    return {name: text.strip("\r\n") for name, text in texts.items() if text.strip("\r\n")}


def missing(fields: Collection[Field], stored: Mapping[str, Any], secrets: Collection[str]) -> tuple[Field, ...]:
    """Return the required fields that have no value yet."""

    def has_value(field: Field) -> bool:
        if field.kind is FieldKind.SECRET:
            return field.name in secrets
        return stored.get(field.name) not in (None, "") or bool(field.default)

    return tuple(field for field in fields if field.required and not has_value(field))


def _unknown(known: Mapping[str, Field], fields: Collection[Field], texts: Mapping[str, str]) -> list[FieldProblem]:
    secret = {field.name for field in fields if field.kind is FieldKind.SECRET}
    names = ", ".join(known) or "none"
    return [
        FieldProblem(
            name,
            "is a secret and is given as one, never as a setting."
            if name in secret
            else f"is no setting of this kind of connection. Its settings are: {names}.",
        )
        for name in texts
        if name not in known
    ]


def _told_by_addresses(known: Mapping[str, Field], texts: Mapping[str, str]) -> dict[str, str]:
    """What an address that was pasted whole says beside its host."""
    told: dict[str, str] = {}
    for field in known.values():
        text = texts.get(field.name, "").strip()
        if field.kind is not FieldKind.HOST or not text:
            continue
        scheme, _, port = _address_parts(text)
        if port and PORT_FIELD in known:
            told[PORT_FIELD] = port
        protocol = known.get(PROTOCOL_FIELD)
        if protocol is not None and scheme in {value for value, _ in protocol.choices}:
            told[PROTOCOL_FIELD] = scheme
    return told


def _stored_form(field: Field, text: str) -> Any:
    """The JSON value of a text; the typed value of what is stored is `_typed_form`."""
    if not text:
        return "" if field.kind is FieldKind.TEXT else None
    if len(text) > LONGEST_TEXT:
        raise _Unfit(f"is longer than {LONGEST_TEXT} characters.")
    return _CLEANERS[field.kind](field, text)


def _text(field: Field, text: str) -> str:
    if not text.isprintable():
        raise _Unfit("has a line break or another character that can't be seen. Type it on one line.")
    return text


def _secret(field: Field, text: str) -> str:
    raise _Unfit("is a secret and is never stored as a setting.")


def _integer(field: Field, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _Unfit("must be a whole number in plain digits, like 16.")
    number = int(text)
    _require_within(field, number)
    return number


def _decimal(field: Field, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _Unfit("must be a number like 12.50, with a point and without signs of currency.") from None
    if not number.is_finite():
        raise _Unfit("must be a number like 12.50.")
    _require_within(field, number)
    return format(number, "f")


def _require_within(field: Field, number: int | Decimal) -> None:
    if field.minimum is not None and number < field.minimum:
        raise _Unfit(f"must be at least {field.minimum}.")
    if field.maximum is not None and number > field.maximum:
        raise _Unfit(f"must be at most {field.maximum}.")


def _boolean(field: Field, text: str) -> bool:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise _Unfit("must be yes or no.")


def _choice(field: Field, text: str) -> str:
    for value, label in field.choices:
        if text.lower() in (value.lower(), label.lower()):
            return value
    raise _Unfit(f"must be one of: {', '.join(value for value, _ in field.choices)}.")


def _date(field: Field, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else _no_date()
    except ValueError:
        return _no_date()


def _no_date() -> str:
    raise _Unfit("must be a date as year, month, day: 2026-11-30.")


def _url(field: Field, text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not text.isprintable() or " " in text or not host or parts.scheme.lower() not in ("https", "http"):
        raise _Unfit("must be a whole web address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise _Unfit("holds a user name or a password. Enter those in their own fields and take them out of the address.")
    return text


def _host(field: Field, text: str) -> str:
    _, host, _ = _address_parts(text)
    host = host.rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not host or len(host) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")):
        raise _Unfit("must be the name of a server, like sftp.example.com, without a folder and without spaces.")
    return host


def _address_parts(text: str) -> tuple[str, str, str]:
    """Take "sftp://user@host:2222/out" apart into scheme, host and port; what isn't said is empty."""
    scheme, divider, rest = text.partition("://")
    if not divider:
        scheme, rest = "", text
    elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "", "", ""
    place = re.split(r"[/?#\\]", rest, maxsplit=1)[0] if divider else rest.rstrip("/")
    place = place.rpartition("@")[2] if divider else place
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?", place)
    if bracketed:
        return scheme.lower(), bracketed[1], bracketed[2] or ""
    host, colon, port = place.partition(":")
    if colon and port.isdigit():
        return scheme.lower(), host, port
    return scheme.lower(), place, ""


_CLEANERS: dict[FieldKind, Callable[[Field, str], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.SECRET: _secret,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.CHOICE: _choice,
    FieldKind.DATE: _date,
    FieldKind.URL: _url,
    FieldKind.HOST: _host,
}


# --- what is stored -> what a connector gets, and back to what a person sees --------------------------------------------------


def typed(fields: Collection[Field], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return every setting as its kind's Python value: date, int, Decimal, bool or text, defaults filled in.

    A setting without value and default is None, or "" where its kind is a text. Raise `FieldProblems` when something is stored
    that its field no longer allows: a connector must never run with a value that nobody chose.
    """
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for field in fields:
        if field.kind is FieldKind.SECRET:
            continue
        kept = stored.get(field.name)
        text = field.default if kept is None else _as_text(kept)
        try:
            values[field.name] = _typed_form(field, _stored_form(field, text))
        except _Unfit as unfit:
            problems.append(FieldProblem(field.name, str(unfit)))
    if problems:
        raise FieldProblems(problems)
    return values


def texts(fields: Collection[Field], stored: Mapping[str, Any]) -> dict[str, str]:
    """Return every setting as a person would type it, defaults filled in: what a form shows."""
    return {
        field.name: field.default if stored.get(field.name) is None else _as_text(stored[field.name])
        for field in fields
        if field.kind is not FieldKind.SECRET
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _typed_form(field: Field, value: Any) -> Any:
    match field.kind:
        case FieldKind.BOOLEAN:
            return bool(value)
        case FieldKind.INTEGER:
            return value
        case FieldKind.DECIMAL:
            return None if value is None else Decimal(value)
        case FieldKind.DATE:
            return None if value is None else date.fromisoformat(value)
        case _:
            return value or ""
