"""Reads settings out of a text that a person has pasted: "what DSCO shows you", in whatever form it was copied. Pure.

People copy tables, e-mails, lists, addresses and lines of configuration. What counts as a field's name is its label, its name,
and the words that everybody uses for it ("host", "login", "pwd"). Values without any name are told apart by their shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.contract import Field, FieldKind
from connectors.field_values import PORT_FIELD, PROTOCOL_FIELD

LONGEST = 20_000
"""Characters of a pasted text that are looked at: a page of an e-mail, not a file."""

LONGEST_NAME = 6
"""Words of a field's name in a text; a longer line is prose."""

SERVER = frozenset({
    "server", "server name", "server address", "host", "hostname", "host name", "host address", "address", "endpoint", "url",
})  # fmt: skip
USER = frozenset({
    "user", "username", "user name", "user id", "userid", "login", "login name", "login id", "account", "account name",
})  # fmt: skip
PASSWORD = frozenset({"password", "passwd", "pass", "pwd", "passphrase", "passcode"})
GROUPS = (SERVER, USER, PASSWORD, frozenset({"port", "port number"}), frozenset({"protocol", "connection type"}))
"""Words that mean the same. A field is of a group when its label ends with one of the words."""

NOISE = frozenset({"copy", "copied", "show", "hide", "reveal", "view", "edit", "copy to clipboard", "regenerate", "reset"})
"""What buttons beside a value leave in a copied text."""

READ_KINDS = (FieldKind.TEXT, FieldKind.HOST, FieldKind.SECRET, FieldKind.URL)

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "<": ">"}
_BETWEEN = r"(?:\s*(?::=|=>|->|→|[:=：])|\t|\s*\||\s+is(?=\s))"
_ADDRESS = re.compile(
    r"\b(?P<scheme>sftp|ftps|ftp)://(?:(?P<user>[^\s/@:]+)(?::(?P<password>[^\s@/]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:@\"'<>,;]+)(?P<port>:\d{1,5})?",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\bs?ftp\s(?:.*\s)?(?P<user>[^\s@]+)@(?P<host>[A-Za-z0-9.-]+)\s*$")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z]{2,}|\d{1,3})\.?(?::\d{1,5})?", re.IGNORECASE)
_USER_LIKE = re.compile(r"account\d+|[a-z][a-z0-9._-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Named:
    """A name of a field where it stands in a line, and where its value begins."""

    field: Field
    start: int
    end: int
    in_prose: bool


def read_pasted(fields: Iterable[Field], text: str) -> dict[str, str]:
    """Return the texts of the fields that can be told from `text`, by name; never anything that isn't in it.

    The first value of a field counts. Fields of other kinds than text, host, address and secret are left alone, but for the
    port and the protocol.
    """
    known = [field for field in fields if _is_read(field)]
    names = _names_of(known)
    lines = [_plain(line) for line in text[:LONGEST].splitlines()]
    found: dict[str, str] = {}
    rest = _told_by_name([line for line in lines if line], names, found)
    _told_by_address(lines, known, found)
    _told_by_shape(rest, known, found)
    return {name: value for name, value in found.items() if _fits(next(f for f in known if f.name == name), value)}


def reads_pasted(fields: Iterable[Field]) -> bool:
    """Say whether pasting is worth a box for these fields: a secret, and something beside it to enter."""
    kinds = [field.kind for field in fields if _is_read(field)]
    return FieldKind.SECRET in kinds and FieldKind.HOST in kinds


def _is_read(field: Field) -> bool:
    return field.kind in READ_KINDS or field.name in (PORT_FIELD, PROTOCOL_FIELD)


def _plain(line: str) -> str:
    """The line without what only looks: list marks, bold, odd spaces."""
    line = re.sub(r"[\u200b-\u200f\u2060\ufeff]", "", line.replace("\xa0", " "))
    line = re.sub(r"(?<!\S)(?:\*\*([^*]{1,60}?)\*\*|__([^_]{1,60}?)__)(?=[\s:=]|$)", lambda bold: bold[1] or bold[2], line)
    return re.sub(r"^\s*(?:[-*•–·>]|\d{1,2}[.)])\s+", "", line).strip()


# --- names -------------------------------------------------------------------------------------------------------------------


def _words(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", text.replace("_", " ")).lower().split())


def _names_of(fields: Sequence[Field]) -> dict[str, Field]:
    """What each field may be called; a word that would mean two fields means none."""
    names: dict[str, Field | None] = {}
    for field in fields:
        group = _group_of(field)
        for name in group:
            names[name] = None if name in names else field
    for field in fields:  # what the form itself calls it always holds
        names |= {_words(field.label): field, _words(field.name): field}
    return {name: field for name, field in names.items() if field is not None}


def _group_of(field: Field) -> frozenset[str]:
    label = f" {_words(field.label)}"
    for group in GROUPS:
        if any(label.endswith(f" {word}") for word in group):
            return group
    return SERVER if field.kind is FieldKind.HOST else frozenset()


def _told_by_name(lines: Sequence[str], names: Mapping[str, Field], found: dict[str, str]) -> list[str]:
    """Take what stands beside or below its name; return the lines that name nothing."""
    if not names:
        return list(lines)
    pattern = _pattern_of(names)
    rest: list[str] = []
    waiting: list[Field] = []
    for line in lines:
        headings = _headings(line, names)
        if headings:
            waiting += headings
        elif named := _named_in(line, pattern, names):
            waiting.clear()
            waiting += _values_of(line, named, found)
        elif _words(line) in NOISE:
            continue
        elif waiting:
            _take_below(line, waiting, found)
        else:
            rest.append(line)
    return rest


def _pattern_of(names: Mapping[str, Field]) -> re.Pattern[str]:
    """Finds a name with something between it and its value."""
    longest_first = sorted(names, key=len, reverse=True)
    name = "|".join(re.escape(one).replace(r"\ ", r"[\s_-]*") for one in longest_first)
    return re.compile(
        rf"(?:^|(?<=[\s,;|(\[{{]))[\"'`]?(?P<name>{name})[\"'`]?(?:\s*\([^)\n]{{0,40}}\))?(?P<between>{_BETWEEN})",
        re.IGNORECASE,
    )


def _headings(line: str, names: Mapping[str, Field]) -> list[Field]:
    """The fields that a line of nothing but names stands for: one above its value, or the head of a table."""
    cells = [cell for cell in re.split(r"\t+|\s*\|\s*|\s{2,}|(?<![:=])(?<![:=]\s)\s*[,;]\s*(?=\w)", line.strip("| ")) if cell]
    fields = [_field_called(cell, names) for cell in cells]
    return [field for field in fields if field is not None] if fields and all(fields) else []


def _field_called(text: str, names: Mapping[str, Field]) -> Field | None:
    words = _words(re.sub(r"\([^)]*\)", "", text)).split()
    if not words or len(words) > LONGEST_NAME or re.search(r"[:=]\s*\S", text):
        return None
    for begin in range(len(words)):
        field = names.get(" ".join(words[begin:]))
        if field is not None:
            return field
    return None


def _named_in(line: str, pattern: re.Pattern[str], names: Mapping[str, Field]) -> list[_Named]:
    named: list[_Named] = []
    for match in pattern.finditer(line):
        if named and match.start() <= named[-1].end + _spaces(line, named[-1].end):
            continue  # a value that happens to begin like a name
        words = _words(match["name"])
        field = names.get(words) or next(one for name, one in names.items() if name.replace(" ", "") == words.replace(" ", ""))
        named.append(_Named(field, match.start(), match.end(), match["between"].strip() == "is"))
    return named


def _spaces(line: str, at: int) -> int:
    return len(line[at:]) - len(line[at:].lstrip())


def _values_of(line: str, named: Sequence[_Named], found: dict[str, str]) -> list[Field]:
    """Take each value up to the next name; return the fields whose value isn't in this line."""
    below: list[Field] = []
    for position, one in enumerate(named):
        is_last = position + 1 == len(named)
        raw = line[one.end :] if is_last else _without_lead(line[one.end : named[position + 1].start])
        value = _value(raw, one, is_alone=is_last and position == 0)
        if value:
            found.setdefault(one.field.name, value)
        elif is_last:
            below.append(one.field)
    return below


def _without_lead(raw: str) -> str:
    """The value without what leads on to the next name: ", and the FTP"."""
    return re.sub(r"(?:[\s,;|/]+(?:and|the|your|its|s?ftps?|dsco))*[\s,;|/]*$", "", raw, flags=re.IGNORECASE)


def _value(raw: str, named: _Named, *, is_alone: bool) -> str:
    text = raw.strip().removeprefix("| ").strip()
    if text[:1] in _QUOTES and (end := text.find(_QUOTES[text[0]], 1)) > 0:
        return text[1:end]
    text = text.removesuffix(" |").rstrip("|") if text.endswith(" |") else text
    if named.in_prose:
        words = text.split()
        return words[0].rstrip(".,;") if words else ""
    if named.field.kind is FieldKind.SECRET:
        return text if is_alone else text.rstrip("}").rstrip() if text.count("{") < text.count("}") else text
    words = text.split()
    return words[0].rstrip(",;") if words else ""


def _take_below(line: str, waiting: list[Field], found: dict[str, str]) -> None:
    """Give a line's value, or a table row's values, to the names that stand above it."""
    cells = [cell for cell in re.split(r"\t+|\s+\|\s+|\s{2,}|[,;]\s*", line.strip("| ")) if cell]
    if set(line) <= set("-|=+: "):
        return
    values = cells if len(cells) == len(waiting) and len(waiting) > 1 else [line]
    for value in values:
        field = waiting.pop(0)
        found.setdefault(field.name, value.strip())


# --- addresses and shapes ----------------------------------------------------------------------------------------------------


def _only(fields: Sequence[Field], group: frozenset[str], *kinds: FieldKind) -> Field | None:
    """The one field of a group, where there is just one."""
    of_group = [field for field in fields if field.kind in kinds and _group_of(field) is group]
    return of_group[0] if len(of_group) == 1 else None


def _told_by_address(lines: Sequence[str], fields: Sequence[Field], found: dict[str, str]) -> None:
    """Take "sftp://user:password@host:2222" and "sftp user@host" apart."""
    host, user = _only(fields, SERVER, FieldKind.HOST), _only(fields, USER, FieldKind.TEXT)
    password = _only(fields, PASSWORD, FieldKind.SECRET)
    for line in lines:
        match = _ADDRESS.search(line)
        parts = match or _COMMAND.search(line)
        if parts is None or host is None:
            continue
        if match is not None:
            # The whole address: what cleans the setting also reads the port and the protocol from it.
            found[host.name] = f"{match['scheme'].lower()}://{match['host']}{match['port'] or ''}"
        else:
            found.setdefault(host.name, parts["host"])
        if user is not None and parts["user"]:
            found.setdefault(user.name, unquote(parts["user"]))
        if match is not None and password is not None and match["password"]:
            found.setdefault(password.name, unquote(match["password"]))


def _told_by_shape(rest: Sequence[str], fields: Sequence[Field], found: dict[str, str]) -> None:
    """Tell server, user and password apart where no names stand beside them, if just they are there."""
    host, user = _only(fields, SERVER, FieldKind.HOST), _only(fields, USER, FieldKind.TEXT)
    password = _only(fields, PASSWORD, FieldKind.SECRET)
    words = [word for line in rest for word in re.split(r"[\s,;|]+", line) if word and "://" not in word]
    if host is None or user is None or password is None or not words or len(words) > 3:
        return
    hosts = [word for word in words if _HOST.fullmatch(word)]
    if host.name not in found and not hosts:
        return
    if host.name not in found:
        found[host.name] = hosts[0]
        words.remove(hosts[0])
    wanted = [field for field in (user, password) if field.name not in found]
    if len(words) != len(wanted):
        return
    if len(wanted) == 2 and _secrecy(words[0]) > _secrecy(words[1]):
        words.reverse()
    found |= {field.name: word for field, word in zip(wanted, words, strict=True)}


def _secrecy(word: str) -> int:
    """How much a word looks like a password rather than like a name of a user."""
    if re.fullmatch(r"account\d+", word, re.IGNORECASE):
        return -1
    classes = sum(bool(re.search(pattern, word)) for pattern in ("[a-z]", "[A-Z]", r"\d", r"[^\w.@-]"))
    return classes if _USER_LIKE.fullmatch(word) else classes + 1


def _fits(field: Field, value: str) -> bool:
    """Leave out what can't be a value of its field, as "see below" for a server."""
    match field.kind:
        case FieldKind.HOST:
            return bool(_HOST.fullmatch(value) or "://" in value or value.lower() == "localhost" or "[" in value)
        case FieldKind.URL:
            return value.lower().startswith(("http://", "https://"))
        case FieldKind.INTEGER:
            return value.isdigit()
        case FieldKind.CHOICE:
            return any(value.lower() in (choice.lower(), label.lower()) for choice, label in field.choices)
        case _:
            return bool(value.strip())
