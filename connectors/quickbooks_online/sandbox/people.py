"""What the company's people do: type tracking numbers, cut lines, void, count stock. Commands of `drive`, by name."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from .books import Books
from .company import SALES, Company, Row
from .sales import GROUP_LINE, SALES_LINE, SHIPPING_ITEM, SUBTOTAL
from .seed import add_item
from .snapshot import order_state, stock_of

SHIPPABLE = ("Invoice", "SalesReceipt")


class People:
    """Acts of the company's own people. Whatever can't be done raises ValueError with words."""

    def __init__(self, company: Company, books: Books) -> None:
        self._company, self._books = company, books
        self._dice = random.Random()

    # --- naming a form -------------------------------------------------------------------------------------------------------

    def form(
        self, order_number: str | None = None, reference_number: str | None = None, order_id: int | None = None
    ) -> tuple[str, Row]:
        """Return the one sales form with this number, reference or id."""
        for entity, row in self._company.sales():
            shown = order_state(self._company, entity, row)
            if order_id is not None and int(order_id) == shown["id"]:
                return entity, row
            if order_number is not None and order_number == shown["order_number"]:
                return entity, row
            if reference_number is not None and reference_number == shown["reference_number"]:
                return entity, row
        raise ValueError("There is no such order.")

    def _shown(self, entity: str, row: Row) -> Row:
        return order_state(self._company, entity, row)

    # --- shipping ------------------------------------------------------------------------------------------------------------

    def finalize(self, **name: Any) -> Row:
        """Nothing is to be done: a sales form is final as it is made."""
        return self._shown(*self.form(**name))

    def pack_and_ship(
        self,
        order_number: str | None = None,
        reference_number: str | None = None,
        order_id: int | None = None,
        all: bool = False,
        packages: int | Sequence[str] | None = None,
        tracking: str | None = None,
        carrier: str = "FedEx Ground",
        ship_date: str | None = None,
    ) -> Row:
        """Type the day, the way and the tracking numbers: `packages` is how many, or the numbers themselves."""
        if all:
            found = [(entity, row) for entity, row in self._company.sales() if self._waits(entity, row)]
        else:
            found = [self.form(order_number, reference_number, order_id)]
        for entity, row in found:
            if entity == "Estimate":
                entity, row = "Invoice", self.convert(row)
            numbers = [tracking] if tracking else self._numbers(self._filled(packages, entity, row))
            row |= {
                "ShipDate": ship_date or self._company.today(),
                "ShipMethodRef": {"value": carrier, "name": carrier},
                "TrackingNum": ", ".join(numbers)[:31],
            }
            self._company.touch(entity, row)
        return {"orders": [order_state(self._company, entity, row) for entity, row in found]}

    def _waits(self, entity: str, row: Row) -> bool:
        if entity == "Estimate":
            return row.get("TxnStatus") == "Pending"
        return not row.get("TrackingNum") and order_state(self._company, entity, row)["status"] == "active"

    def _filled(self, packages: int | Sequence[str] | None, entity: str, row: Row) -> int | Sequence[str] | None:
        """Nobody packs more boxes than there are pieces."""
        if not isinstance(packages, int):
            return packages
        lines = order_state(self._company, entity, row)["lines"]
        return min(packages, sum(int(line["quantity"]) for line in lines if line["sku"] != "shipping"))

    def _numbers(self, packages: int | Sequence[str] | None) -> list[str]:
        if isinstance(packages, int) or packages is None:
            return [f"77{self._dice.randrange(10**10):010d}" for _ in range(packages or 1)]
        return [str(number) for number in packages]

    def set_tracking(self, tracking: str, ship_date: str | None = None, **name: Any) -> Row:
        """Write just this into the field for tracking numbers."""
        entity, row = self.form(**name)
        row["TrackingNum"] = tracking
        if ship_date is not None:
            row["ShipDate"] = ship_date
        self._company.touch(entity, row)
        return self._shown(entity, row)

    def ship_something(self) -> None:
        """Ship every second form that waits, at least one."""
        waiting = [row["Id"] for entity, row in self._company.sales() if self._waits(entity, row)]
        for key in waiting[: max(1, len(waiting) // 2)]:
            self.pack_and_ship(order_id=int(key), packages=self._dice.choice([1, 1, 2]))

    # --- forms ---------------------------------------------------------------------------------------------------------------

    def convert(self, estimate: Row) -> Row:
        """Make an invoice of an estimate, as its button does."""
        lines = [{**line} for line in estimate["Line"] if line["DetailType"] != SUBTOTAL]
        copied = (
            "CustomerRef",
            "ShipAddr",
            "BillAddr",
            "ShipMethodRef",
            "PONumber",
            "PrivateNote",
            "CustomField",
            "CustomerMemo",
        )
        given = {name: estimate[name] for name in copied if name in estimate}
        made = self._books.create("Invoice", {**given, "Line": lines, "DocNumber": estimate["DocNumber"]}, by="person")
        made["LinkedTxn"] = [{"TxnId": estimate["Id"], "TxnType": "Estimate"}]
        self._company.about(made["Id"])["by"] = "person"
        estimate |= {"TxnStatus": "Closed", "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]}
        self._company.touch("Estimate", estimate)
        return made

    def invoice(self, all: bool = False, **name: Any) -> Row:
        """Make invoices of estimates; an invoice and a receipt are theirs already."""
        found = list(self._company.sales()) if all else [self.form(**name)]
        made = [self.convert(row) for entity, row in found if entity == "Estimate" and row.get("TxnStatus") == "Pending"]
        return {"invoices": [order_state(self._company, "Invoice", row) for row in made]}

    def void(self, **name: Any) -> Row:
        entity, row = self.form(**name)
        if entity == "Estimate":
            row["TxnStatus"] = "Rejected"
            self._company.touch(entity, row)
        else:
            self._books.void(entity, row)
        return self._shown(entity, row)

    def delete_order(self, **name: Any) -> Row:
        entity, row = self.form(**name)
        return self._books.delete(entity, row)

    def pay(self, **name: Any) -> Row:
        """Receive the money of an invoice."""
        entity, row = self.form(**name)
        if entity != "Invoice":
            raise ValueError("Only an invoice is paid.")
        link = {"Amount": row["TotalAmt"], "LinkedTxn": [{"TxnId": row["Id"], "TxnType": "Invoice"}]}
        return self._books.create("Payment", {"CustomerRef": row["CustomerRef"], "TotalAmt": row["TotalAmt"], "Line": [link]})

    def cut_line(self, line: int, quantity: int, **name: Any) -> Row:
        """Write another quantity into the line at this position, from 1."""
        return self._with_lines(name, lambda lines: [*lines[: line - 1], _cut(lines[line - 1], quantity), *lines[line:]])

    def delete_line(self, line: int, **name: Any) -> Row:
        """Remove the line at this position, from 1."""
        return self._with_lines(name, lambda lines: lines[: line - 1] + lines[line:])

    def add_line(self, sku: str, quantity: int = 1, **name: Any) -> Row:
        """Add a line at the end."""
        item = self._company.item_by_sku(sku)
        return self._with_lines(name, lambda lines: [*lines, _line_of(item, quantity)])

    def _with_lines(self, name: Mapping[str, Any], change: Any) -> Row:
        entity, row = self.form(**name)
        lines = [line for line in row["Line"] if line["DetailType"] != SUBTOTAL]
        kept = [line for line in lines if _is_product(line)]
        rest = [line for line in lines if not _is_product(line)]
        given = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, "Line": [*change(kept), *rest]}
        return self._shown(entity, self._books.update(entity, given))

    def add_stranger_order(
        self,
        order_number: str = "",
        reference_number: str = "",
        lines: Mapping[str, int] | None = None,
        company_name: str = "Walk-in",
        entity: str = "Invoice",
        tracking: str = "",
        count: int = 1,
    ) -> Row:
        """Have a person write sales forms that never were the hub's."""
        if entity not in SALES:
            raise ValueError(f"{entity} is no sales form.")
        customer = next((row for row in self._company.table("Customer").values() if row["DisplayName"] == company_name), None)
        if customer is None:
            customer = self._books.create("Customer", {"DisplayName": company_name})
        rows = [_line_of(self._company.item_by_sku(sku), count) for sku, count in (lines or {"CAP-001": 1}).items()]
        given = {
            "CustomerRef": {"value": customer["Id"]},
            "Line": rows,
            "DocNumber": order_number,
            "PONumber": reference_number,
            "TrackingNum": tracking,
        }
        made = [self._books.create(entity, given, by="person", allow_duplicate=True) for _ in range(count)]
        return {"orders": [self._shown(entity, row) for row in made]}

    # --- lists ---------------------------------------------------------------------------------------------------------------

    def set_stock(self, sku: str, quantity: float) -> Row:
        """Count the pieces of an item."""
        item = self._company.item_by_sku(sku)
        if not item.get("TrackQtyOnHand"):
            raise ValueError(f"Nobody counts {sku}.")
        item["QtyOnHand"] = quantity
        self._company.touch("Item", item)
        return {"sku": sku, **stock_of(self._company, item)}

    def set_product(self, sku: str, **values: Any) -> Row:
        """Change what an item says: Active, Sku, Name, UnitPrice ..."""
        item = self._company.item_by_sku(sku)
        item |= values
        self._company.touch("Item", item)
        return item

    def add_products(self, products: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Add items whose stock is tracked: sku, name, price, quantity."""
        return [
            add_item(
                self._books,
                str(one["sku"]),
                str(one.get("name") or one["sku"]),
                float(one.get("price", 10)),
                float(one.get("quantity", 100)),
            )
            for one in products
        ]

    def add_name(self, entity: str, name: str) -> Row:
        """Add a customer, a vendor or an employee."""
        return self._books.create(entity, {"DisplayName": name})

    def set_customer(self, name: str, **values: Any) -> Row:
        """Change what a customer says: Active, DisplayName ..."""
        for row in self._company.table("Customer").values():
            if row["DisplayName"] == name:
                row |= values
                self._company.touch("Customer", row)
                return row
        raise ValueError(f"There is no customer {name}.")

    def set_preference(self, **values: bool) -> Row:
        """Switch preferences of sales forms: CustomTxnNumbers, AllowShipping, AllowDiscount."""
        forms: Row = self._company.table("Preferences")["1"]["SalesFormsPrefs"]
        forms |= values
        self._company.options["keep_numbers"] = forms["CustomTxnNumbers"]
        return forms


def _is_product(line: Row) -> bool:
    if line["DetailType"] == GROUP_LINE:
        return True
    return bool(line["DetailType"] == SALES_LINE and line[SALES_LINE]["ItemRef"]["value"] != SHIPPING_ITEM)


def _cut(line: Row, quantity: int) -> Row:
    detail = dict(line[line["DetailType"]])
    if line["DetailType"] == GROUP_LINE:
        return {**line, GROUP_LINE: {**detail, "Quantity": quantity, "Line": []}}
    price = detail.get("UnitPrice", 0)
    return {**line, "Amount": round(price * quantity, 2), SALES_LINE: {**detail, "Qty": quantity}}


def _line_of(item: Row, quantity: int) -> Row:
    price = item.get("UnitPrice", 0)
    if item["Type"] == "Group":
        return {"DetailType": GROUP_LINE, GROUP_LINE: {"GroupItemRef": {"value": item["Id"]}, "Quantity": quantity}}
    detail = {"ItemRef": {"value": item["Id"]}, "Qty": quantity, "UnitPrice": price}
    return {"DetailType": SALES_LINE, "Amount": round(price * quantity, 2), SALES_LINE: detail}
