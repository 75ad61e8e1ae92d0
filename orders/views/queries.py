"""What stands in the query of an address; what can't be read there counts as not said."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar
from uuid import UUID

Choice = TypeVar("Choice", bound=StrEnum)


def one_of(choices: type[Choice], text: str) -> Choice | None:
    return choices(text) if text in list(choices) else None


def public_id_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
