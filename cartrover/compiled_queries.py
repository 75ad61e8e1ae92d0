"""Queries that Django puts into SQL once: for the few that run with every order that a program pushes.

Building a queryset and its SQL takes Django 0.2 to 0.5 ms of processor, ten times what SQLite or PostgreSQL need to answer it.
A compiled query is an ordinary queryset, written once with parameters in the place of values, and its rows come out as those of
`values_list` do. What it reads is read anew each time: nothing but the SQL is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression

from cartrover.tenancy import TenantQuerySet

M = TypeVar("M", bound=models.Model)


class Parameter(Expression):
    """A place in a query for a value that is given by this name each time it runs; `field` says how it is written."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def prepared(self, value: Any) -> Any:
        """Return a value as the database's driver takes it."""
        return self.output_field.get_db_prep_value(value, connection)


def number(name: str) -> Parameter:
    """Return a place for a whole number, such as the id of a row; None equals no number."""
    return Parameter(name, models.BigIntegerField())


def text(name: str) -> Parameter:
    """Return a place for a text."""
    return Parameter(name, models.TextField())


def instant(name: str) -> Parameter:
    """Return a place for an aware time."""
    return Parameter(name, models.DateTimeField())


class Texts(Parameter):
    """A place for a collection of texts, of which `OneOf` lets an expression be one."""

    def __init__(self, name: str) -> None:
        super().__init__(name, models.TextField())

    def prepared(self, value: Iterable[str]) -> Any:
        """Return the texts as one parameter: an array on PostgreSQL, JSON on SQLite."""
        texts = list(value)
        return texts if connection.vendor == "postgresql" else json.dumps(texts)


Converters = Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    parameters: Sequence[Any]
    converters: Converters
    names: frozenset[str]


class CompiledQuery:
    """A query that `build` writes once as a `values_list`, with a `Parameter` for each value that differs."""

    def __init__(self, build: Callable[[], models.QuerySet[Any, Any]]) -> None:
        self._build = build
        self._statements: dict[str, _Statement] = {}
        """By kind of database. Two threads may compile the same one at once, to the same end."""

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run the query with these values, one for each of its parameters, and return its rows."""
        statement = self._statements.get(connection.vendor) or self._compile()
        if values.keys() != statement.names:
            raise TypeError(f"this query takes {', '.join(sorted(statement.names))}")
        given = [one.prepared(values[one.name]) if isinstance(one, Parameter) else one for one in statement.parameters]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, given)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return _converted(found, statement.converters) if statement.converters else found

    def column(self, **values: Any) -> list[Any]:
        """Run a query of a single column and return its values."""
        return [value for (value,) in self.rows(**values)]

    def _compile(self) -> _Statement:
        rows = self._build()
        if isinstance(rows, TenantQuerySet):
            rows.require_account()
        compiler = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        by_place = compiler.get_converters([column[0] for column in compiler.select])
        converters = [(place, functions, expression) for place, (functions, expression) in by_place.items()]
        names = frozenset(one.name for one in parameters if isinstance(one, Parameter))
        statement = _Statement(sql, parameters, converters, names)
        self._statements[connection.vendor] = statement
        return statement


def _converted(rows: Iterable[Sequence[Any]], converters: Converters) -> list[tuple[Any, ...]]:
    converted: list[tuple[Any, ...]] = []
    for row in rows:
        values = list(row)
        for place, functions, expression in converters:
            for function in functions:
                values[place] = function(values[place], expression, connection)
        converted.append(tuple(values))
    return converted


# --- whole rows --------------------------------------------------------------------------------------------------------------


def columns(model: type[models.Model], through: str = "") -> list[str]:
    """Return the names of all columns of a model for `values_list`; `through`: the field that leads to it."""
    return [f"{through}__{field.attname}" if through else field.attname for field in model._meta.concrete_fields]


def instance(model: type[M], values: Sequence[Any]) -> M:
    """Return the instance that the values of `columns(model)` are."""
    return model.from_db(connection.alias, columns(model), values)
