"""The fields of a connection as a form shows them, and what a form brings back. Secrets only ever come in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import ConnectorSpec, Field, FieldKind
from connectors.field_values import YES

PREFIX = "set-"
"""Before each field's name in a form, so that a kind may name its fields as it likes."""

_INPUT = {FieldKind.SECRET: "password", FieldKind.DATE: "date", FieldKind.URL: "url"}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field with the text that it shows. `is_stored` says of a secret that one is kept; it is never shown."""

    field: Field
    text: str = ""
    problem: str = ""
    is_stored: bool = False

    @property
    def html_name(self) -> str:
        return f"{PREFIX}{self.field.name}"

    @property
    def is_secret(self) -> bool:
        return self.field.kind is FieldKind.SECRET

    @property
    def is_boolean(self) -> bool:
        return self.field.kind is FieldKind.BOOLEAN

    @property
    def is_checked(self) -> bool:
        return self.text.lower() in YES

    @property
    def is_short(self) -> bool:
        """Numbers and dates need no wide field."""
        return self.field.kind in (FieldKind.INTEGER, FieldKind.DECIMAL, FieldKind.DATE)

    @property
    def input_type(self) -> str:
        return _INPUT.get(self.field.kind, "text")

    @property
    def input_mode(self) -> str:
        return {FieldKind.INTEGER: "numeric", FieldKind.DECIMAL: "decimal"}.get(self.field.kind, "")


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that stand together; `folded` ones are for those who look for them."""

    title: str
    rows: tuple[FieldRow, ...]
    folded: tuple[FieldRow, ...] = ()

    @property
    def must_unfold(self) -> bool:
        return any(row.problem for row in self.folded)


def rows_of(
    fields: Iterable[Field],
    texts: Mapping[str, str],
    stored_secrets: Collection[str],
    problems: Mapping[str, str] | None = None,
) -> tuple[FieldRow, ...]:
    """Return the rows of these fields, with the texts of those that are no secrets."""
    found = problems or {}
    return tuple(
        FieldRow(field, problem=found.get(field.name, ""), is_stored=field.name in stored_secrets)
        if field.kind is FieldKind.SECRET
        else FieldRow(field, texts.get(field.name, field.default), found.get(field.name, ""))
        for field in fields
    )


def groups_of(spec: ConnectorSpec, rows: Iterable[FieldRow]) -> tuple[FieldGroup, ...]:
    """Put rows into the groups of the settings page: what the kind asks for, and what the hub adds."""
    own = {field.name for field in spec.fields}
    every = tuple(rows)
    parts = (
        (spec.name, [row for row in every if row.field.name in own]),
        ("What the hub does with it", [row for row in every if row.field.name not in own]),
    )
    return tuple(group_of(title, part) for title, part in parts if part)


def group_of(title: str, rows: Sequence[FieldRow]) -> FieldGroup:
    """Put rows together, those that few need folded away."""
    plain = tuple(row for row in rows if not row.field.advanced)
    return FieldGroup(title, plain, tuple(row for row in rows if row.field.advanced))


def typed_in(fields: Iterable[Field], form: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings and the secrets that a form brings, as texts, of just the fields that it holds."""
    settings: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for field in fields:
        text = form.get(f"{PREFIX}{field.name}")
        if text is not None:
            (secrets if field.kind is FieldKind.SECRET else settings)[field.name] = text
    return settings, secrets


def without_untouched(settings: Mapping[str, str], shown: Mapping[str, str]) -> dict[str, str]:
    """Leave out what a form brings back as it showed it: a default that nobody chose stays a default, and a port that an
    address brings along wins over one that merely stood there."""
    return {name: text for name, text in settings.items() if text.strip() != shown.get(name, "").strip()}
