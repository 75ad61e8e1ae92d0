"""Order files made by tests, and what was read of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connectors.contract import OrderDraft, ParseSummary, RefusedOrder
from connectors.dsco import fields
from connectors.dsco.parse import parse_orders

SAMPLES = Path(fields.__file__).parent / "samples"

COLUMNS = (
    "po_number", "number_of_line_items", "line_item_line_number", "line_item_sku", "line_item_upc", "line_item_quantity",
    "line_item_title", "line_item_expected_cost", "ship_first_name", "ship_last_name", "ship_address_1", "ship_city",
    "ship_region", "ship_postal", "ship_country", "shipping_service_level_code", "retailer_create_date", "test_flag",
    "dsco_order_id", "dsco_order_status", "dsco_retailer_id", "dsco_retailer_name",
)  # fmt: skip


def row(order: int = 1, line: int = 1, /, **changes: str) -> dict[str, str]:
    """Return a good row of order number `order`."""
    return {
        "po_number": f"PO-{order}",
        "line_item_line_number": str(line),
        "line_item_sku": f"SKU-{line}",
        "line_item_quantity": "2",
        "line_item_expected_cost": "13.30",
        "ship_first_name": "Ann",
        "ship_last_name": "Lee",
        "ship_address_1": "1 Main St",
        "ship_city": "Boise",
        "ship_region": "ID",
        "ship_postal": "00123",
        "ship_country": "US",
        "shipping_service_level_code": "UPCG",
        "retailer_create_date": "2025-05-10T19:30:37+00:00",
        "test_flag": "0",
        "dsco_order_id": f"9000{order}",
        "dsco_order_status": "created",
        "dsco_retailer_id": "1000011436",
        "dsco_retailer_name": "Finch",
        **changes,
    }


def table(
    rows: Iterable[Mapping[str, str]],
    columns: Sequence[str] = COLUMNS,
    *,
    delimiter: str = ",",
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL,
) -> str:
    """Return a file's text; columns that a row names and `columns` hasn't are added."""
    rows = list(rows)
    names = [*columns, *dict.fromkeys(name for one in rows for name in one if name not in columns)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="", delimiter=delimiter, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@dataclass
class Read:
    """What a file was read as."""

    orders: list[OrderDraft]
    refused: list[RefusedOrder]
    summary: ParseSummary

    @property
    def order(self) -> OrderDraft:
        assert len(self.orders) == 1
        assert self.refused == []
        return self.orders[0]

    @property
    def words(self) -> str:
        """All that is wrong with the one order that was refused."""
        assert len(self.refused) == 1
        return " ".join(problem.words for problem in self.refused[0].problems)


def read(content: str | bytes | Sequence[Mapping[str, str]], name: str = "Purchase_Order_1.csv", chunk: int = 1000) -> Read:
    """Parse a file that comes in small chunks."""
    if not isinstance(content, str | bytes):
        content = table(content)
    body = content.encode() if isinstance(content, str) else content
    items = list(parse_orders(lambda: (body[at : at + chunk] for at in range(0, len(body), chunk)), name, {}))
    summary = items.pop()
    assert isinstance(summary, ParseSummary)
    return Read(
        [item for item in items if isinstance(item, OrderDraft)],
        [item for item in items if isinstance(item, RefusedOrder)],
        summary,
    )
