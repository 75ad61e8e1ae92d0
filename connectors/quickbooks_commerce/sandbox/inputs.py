"""Reading request bodies: wanted attributes only, each converted to its kind, others ignored in silence as the far side does.

Source: QuickBooks Commerce reference 2.1 and 2.7; the texts are Rails'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .answers import invalid, missing_root
from .wire import read_date, read_decimal, read_flag, read_integer, read_stamp, read_text

BLANK = "can't be blank"
TAKEN = "has already been taken"
NO_NUMBER = "is not a number"
NOT_LISTED = "is not included in the list"

Body = Mapping[str, Any]
Reader = Callable[[Any], Any]


class Errors(dict[str, list[str]]):
    """What is wrong with a record, attribute by attribute."""

    def add(self, attribute: str, words: str) -> None:
        texts = self.setdefault(attribute, [])
        if words not in texts:
            texts.append(words)

    def require(self, attribute: str, value: Any) -> None:
        if value is None or (isinstance(value, str) and not value.strip()):
            self.add(attribute, BLANK)

    def raise_any(self) -> None:
        if self:
            raise invalid(self)


def root_of(body: Any, root: str) -> dict[str, Any]:
    """Return the object below the root key. Raise the 400 when it is missing or empty."""
    inner = body.get(root) if isinstance(body, dict) else None
    if not isinstance(inner, dict) or not inner:
        raise missing_root(root)
    return inner


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of an embedded array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def read(body: Body, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the attributes that the request names, converted."""
    return {name: readers[name](value) for name, value in body.items() if name in readers}


def texts(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_text)


def integers(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_integer)


def decimals(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_decimal)


def flags(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_flag)


def dates(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_date)


def instants(*names: str) -> dict[str, Reader]:
    return dict.fromkeys(names, read_stamp)


def read_tags(value: Any) -> tuple[str, ...]:
    """Return tags that came as a list or as one text with commas."""
    parts: Iterable[Any] = value if isinstance(value, list) else (read_text(value) or "").split(",")
    return tuple(tag for part in parts if (tag := (read_text(part) or "").strip()))
