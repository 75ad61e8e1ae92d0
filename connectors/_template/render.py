"""From rows to the bytes of an upload. Pure: the same rows give the same bytes, for ever."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.contract import Purpose, ShipmentRow

COLUMNS = ("order_id", "line_no", "sku", "quantity", "carrier", "tracking", "shipped_at")


def render_shipments(rows: Sequence[ShipmentRow], settings: Mapping[str, Any]) -> bytes:
    """Return one row per package and order line. Raise `ValueError` for no rows: an empty file is never sent."""
    if not rows:
        raise ValueError("a file needs at least one row")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        shipped_at = row.shipped_at.isoformat() if row.shipped_at else ""
        writer.writerow(
            [row.external_order_id, row.line_id, row.item, row.quantity, row.carrier, row.tracking_number, shipped_at]
        )
    return text.getvalue().encode()


def name_document(purpose: Purpose, made_at: datetime, short_id: str, settings: Mapping[str, Any]) -> str:
    """Return a name that no other file ever has."""
    return f"{purpose}_{made_at:%Y%m%dT%H%M%SZ}_{short_id}.csv"
