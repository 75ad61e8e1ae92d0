"""What can be seen of the company at a glance: orders, stock and customers, as plain values."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from .company import Company, Row
from .sales import GROUP_LINE, SALES_LINE, SHIPPING_ITEM

WAREHOUSE = "QuickBooks Online"


def state(company: Company) -> dict[str, Any]:
    """Return everything."""
    gone = [_gone(company, row) for row in company.data["gone"] if row["entity"] in ("Invoice", "SalesReceipt", "Estimate")]
    return {
        "orders": [*(order_state(company, entity, row) for entity, row in company.sales()), *gone],
        "stock": {row["Sku"]: stock_of(company, row) for row in company.table("Item").values() if row.get("Sku")},
        "customers": [
            {"id": row["Id"], "name": row["DisplayName"], "active": row["Active"]} for row in company.table("Customer").values()
        ],
    }


def order_state(company: Company, entity: str, row: Row) -> dict[str, Any]:
    """Return one sales form as an order."""
    about = company.about(row["Id"])
    if row.get("PrivateNote") == "Voided" and not row["TotalAmt"]:
        status = "void"
    else:
        status = "fulfilled" if row.get("TrackingNum") else "active"
    return {
        "id": int(row["Id"]),
        "entity": entity,
        "order_number": row.get("DocNumber", ""),
        "reference_number": about.get("reference") or reference_of(row),
        "status": status,
        "by_stranger": about.get("by") != "api",
        "customer": row.get("CustomerRef", {}).get("name", ""),
        "tracking": row.get("TrackingNum", ""),
        "ship_date": row.get("ShipDate", ""),
        "ship_method": row.get("ShipMethodRef", {}).get("value", ""),
        "total": row["TotalAmt"],
        "note": row.get("PrivateNote", ""),
        "lines": [_line(company, line) for line in row["Line"] if line["DetailType"] in (SALES_LINE, GROUP_LINE)],
    }


def reference_of(row: Row) -> str:
    """Return the full order number, wherever the hub was told to write it."""
    custom = next((one["StringValue"] for one in row.get("CustomField") or [] if one.get("StringValue")), "")
    return str(row.get("PONumber") or custom or row.get("PrivateNote", ""))


def _line(company: Company, line: Row) -> dict[str, Any]:
    detail = line[line["DetailType"]]
    ref = detail["GroupItemRef"] if line["DetailType"] == GROUP_LINE else detail["ItemRef"]
    item = company.get("Item", ref["value"])
    name = "shipping" if ref["value"] == SHIPPING_ITEM else (item or {}).get("Sku") or ref.get("name", "")
    quantity = detail.get("Quantity", detail.get("Qty", 0))
    return {"id": line["Id"], "sku": name, "quantity": quantity, "amount": line["Amount"]}


def _gone(company: Company, gone: Row) -> dict[str, Any]:
    about = company.about(gone["Id"])
    return {
        "id": int(gone["Id"]),
        "entity": gone["entity"],
        "order_number": gone.get("DocNumber", ""),
        "reference_number": about.get("reference", ""),
        "status": "deleted",
        "by_stranger": about.get("by") != "api",
        "lines": [],
    }


def stock_of(company: Company, item: Row) -> dict[str, dict[str, Any]]:
    """Return what can be sold of an item: of a bundle as many as its components make; None where nobody counts."""
    return {WAREHOUSE: {"available": available(company, item), "stock_on_hand": item.get("QtyOnHand")}}


def available(company: Company, item: Row) -> str | None:
    if item["Type"] == "Group":
        counts = []
        for part in item["ItemGroupDetail"]["ItemGroupLine"]:
            component = company.table("Item")[part["ItemRef"]["value"]]
            if component.get("TrackQtyOnHand"):
                counts.append((Decimal(str(component["QtyOnHand"])) / Decimal(str(part["Qty"]))).to_integral_value(ROUND_FLOOR))
        return str(min(counts)) if counts else None
    return str(item["QtyOnHand"]) if item.get("TrackQtyOnHand") else None
