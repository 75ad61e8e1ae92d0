"""A test order as DSCO's order export would write it. Pure.

Source: DSCO reference 3 (columns, test_flag).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from connectors.contract import SampleOrder
from connectors.dsco.fields import DELIMITERS

RETAILER_ID = "TEST"
"""DSCO's own ids are digits: no retailer has this one."""


def render_sample(order: SampleOrder, settings: Mapping[str, Any]) -> bytes:
    """Return an order file with this one order, `test_flag` 1 and no order id of DSCO's, which knows nothing of it."""
    day = f"{order.order_date.isoformat()}T00:00:00+00:00"
    row = {
        "po_number": order.number,
        "dsco_order_id": "",
        "dsco_retailer_id": RETAILER_ID,
        "dsco_retailer_name": "Test order, do not ship",
        "dsco_order_status": "created",
        "test_flag": "1",
        "retailer_create_date": day,
        "currency_code": "USD",
        "number_of_line_items": "1",
        "ship_first_name": "Test order",
        "ship_last_name": "Do not ship",
        "ship_address_1": "1 Test Street",
        "ship_city": "Springfield",
        "ship_region": "IL",
        "ship_postal": "62701",
        "ship_country": "US",
        "line_item_line_number": "1",
        "line_item_sku": order.item,
        "line_item_upc": order.upc,
        "line_item_title": order.title,
        "line_item_quantity": str(order.quantity),
        "line_item_expected_cost": f"{order.price:.2f}",
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(row), delimiter=DELIMITERS["comma"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()
