"""The lines and sums of sales forms, and what they do to the stock. Pure but for the company's tables that it reads.

An invoice and a sales receipt take their pieces off the stock as soon as they are made; an estimate takes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from .answers import Refusal, broken_rule, missing, not_found, unknown_reference
from .company import Company, Row

SHIPPING_ITEM = "SHIPPING_ITEM_ID"
"""The item of the shipping charge of a sales form, which stands in no list."""

SALES_LINE, GROUP_LINE, SUBTOTAL, DISCOUNT, WORDS = (
    "SalesItemLineDetail",
    "GroupLineDetail",
    "SubTotalLineDetail",
    "DiscountLineDetail",
    "DescriptionOnly",
)


def number(value: Any, name: str) -> Decimal:
    """Read a number. Raise Refusal for what is none."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise Refusal("2090", "Invalid Number", f"Invalid Number : {name}", element=name) from None


def plain(value: Decimal) -> float | int:
    """Write a number as the API does: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def reference(company: Company, entity: str, given: Any, name: str) -> Row:
    """Return the row that a reference names. Raise Refusal where there is none, or where it was made inactive."""
    key = str(given.get("value", "")) if isinstance(given, dict) else ""
    row = company.get(entity, key)
    if row is None:
        raise unknown_reference(name, key)
    if row.get("Active") is False:
        raise not_found()
    return row


def finished_lines(company: Company, given: Any, *, kept: Iterable[Row] = (), fresh_ids: bool = False) -> list[Row]:
    """Return the lines as the books keep them, a subtotal behind. Lines of a known id keep it; others get the next one."""
    if not isinstance(given, list) or not given:
        raise missing("Line")
    known = {line["Id"] for line in kept if "Id" in line}
    top = max((int(key) for key in known), default=0)
    lines: list[Row] = []
    for line in given:
        detail = line.get("DetailType")
        if detail == SUBTOTAL:
            continue
        made = {
            SALES_LINE: _sales_line,
            GROUP_LINE: _group_line,
            DISCOUNT: _discount_line,
            WORDS: _words_line,
        }.get(detail)
        if made is None:
            raise broken_rule(f"The line's DetailType {detail!r} is not supported here.", element="Line.DetailType")
        row = made(company, line)
        key = str(line.get("Id") or "")
        if key not in known or fresh_ids:
            top += 1
            key = str(top)
        lines.append({"Id": key, "LineNum": len(lines) + 1, **{k: v for k, v in row.items() if k not in ("Id", "LineNum")}})
    subtotal = sum((amount_of(line) for line in lines if line["DetailType"] != DISCOUNT), Decimal(0))
    return [*lines, {"Amount": plain(subtotal), "DetailType": SUBTOTAL, "SubTotalLineDetail": {}}]


def _sales_line(company: Company, line: Row) -> Row:
    detail = dict(line.get("SalesItemLineDetail") or {})
    given = detail.get("ItemRef") or {"value": "1"}
    if given.get("value") == SHIPPING_ITEM:
        detail["ItemRef"] = {"value": SHIPPING_ITEM}
    else:
        item = reference(company, "Item", given, "Items")
        if item["Type"] == "Group":
            raise broken_rule("A bundle can't stand on a product line; use a bundle line.", element="ItemRef")
        detail["ItemRef"] = {"value": item["Id"], "name": item["Name"]}
    amount = number(line.get("Amount", 0), "Amount")
    if "Qty" in detail and "UnitPrice" in detail:
        product = number(detail["Qty"], "Qty") * number(detail["UnitPrice"], "UnitPrice")
        if abs(product - amount) > Decimal("0.01"):
            raise Refusal(
                "6070",
                "Amount calculation incorrect in the request",
                "Amount calculation incorrect in the request : Amount is not equal to UnitPrice * Qty. Supplied "
                f"value:{amount}",
            )
    detail.setdefault("TaxCodeRef", {"value": "NON"})
    return {**line, "Amount": plain(amount), "DetailType": SALES_LINE, SALES_LINE: detail}


def _group_line(company: Company, line: Row) -> Row:
    detail = dict(line.get("GroupLineDetail") or {})
    bundle = reference(company, "Item", detail.get("GroupItemRef"), "Items")
    if bundle["Type"] != "Group":
        raise broken_rule("Only a bundle can stand on a bundle line.", element="GroupItemRef")
    quantity = number(detail.get("Quantity", 1), "Quantity")
    given = detail.get("Line")
    if not given:
        given = []
        for part in bundle["ItemGroupDetail"]["ItemGroupLine"]:
            item = reference(company, "Item", part["ItemRef"], "Items")
            count = number(part["Qty"], "Qty") * quantity
            price = number(item.get("UnitPrice", 0), "UnitPrice")
            sales = {"ItemRef": part["ItemRef"], "Qty": plain(count), "UnitPrice": plain(price)}
            given.append({"Amount": plain(count * price), "DetailType": SALES_LINE, SALES_LINE: sales})
    parts = [_sales_line(company, part) for part in given]
    total = sum((amount_of(part) for part in parts), Decimal(0))
    detail |= {"GroupItemRef": {"value": bundle["Id"], "name": bundle["Name"]}, "Quantity": plain(quantity), "Line": parts}
    return {**line, "Amount": plain(total), "DetailType": GROUP_LINE, GROUP_LINE: detail}


def _discount_line(company: Company, line: Row) -> Row:
    return {**line, "Amount": plain(number(line.get("Amount", 0), "Amount"))}


def _words_line(company: Company, line: Row) -> Row:
    return {**line}


def amount_of(line: Row) -> Decimal:
    return Decimal(str(line.get("Amount") or 0))


def total_of(lines: Iterable[Row]) -> Decimal:
    """Return what the customer owes: products and shipping, less the discount."""
    total = Decimal(0)
    for line in lines:
        if line["DetailType"] == DISCOUNT:
            total -= amount_of(line)
        elif line["DetailType"] != SUBTOTAL:
            total += amount_of(line)
    return total


# --- stock -------------------------------------------------------------------------------------------------------------------


def pieces(company: Company, lines: Iterable[Row]) -> Counter[str]:
    """Return how many pieces of each tracked item these lines take, by item id."""
    taken: Counter[str] = Counter()
    for line in _product_lines(lines):
        detail = line[SALES_LINE]
        item = company.get("Item", detail["ItemRef"]["value"])
        if item is not None and item.get("TrackQtyOnHand"):
            taken[item["Id"]] += Decimal(str(detail.get("Qty") or 0))  # type: ignore[assignment]  # a counter of decimals
    return taken


def _product_lines(lines: Iterable[Row]) -> Iterator[Row]:
    for line in lines:
        if line["DetailType"] == SALES_LINE:
            yield line
        elif line["DetailType"] == GROUP_LINE:
            yield from line[GROUP_LINE].get("Line") or []


def move_stock(company: Company, before: Iterable[Row], after: Iterable[Row]) -> None:
    """Take off the stock what `after` has more of than `before`."""
    change = pieces(company, after)
    change.subtract(pieces(company, before))
    for key, count in change.items():
        item = company.table("Item")[key]
        item["QtyOnHand"] = plain(Decimal(str(item["QtyOnHand"])) - count)
