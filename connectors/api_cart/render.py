"""What the cart's program has read and confirmed, fixed as a file so that the order's story has it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.contract import Purpose

TITLES = {Purpose.SHIPMENTS: "Tracking", Purpose.CANCELS: "Cancellations"}


def render_shipments(rows: Sequence[Any], settings: Mapping[str, Any]) -> bytes:
    """Return the packages, a row for each order line in one."""
    return _rendered("shipments", rows)


def render_cancels(rows: Sequence[Any], settings: Mapping[str, Any]) -> bytes:
    """Return what will not come."""
    return _rendered("cancellations", rows)


def name_document(purpose: Purpose, made_at: datetime, short_id: str, settings: Mapping[str, Any]) -> str:
    """Return a name that sorts by time."""
    return f"{TITLES.get(purpose, str(purpose).title())}_{made_at.astimezone(UTC):%Y%m%dT%H%M%S}_{short_id}.json"


def _rendered(name: str, rows: Sequence[Any]) -> bytes:
    return json.dumps({name: [asdict(row) for row in rows]}, default=_text, ensure_ascii=False, indent=1).encode()


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a file")
