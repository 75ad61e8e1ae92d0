"""Making, changing, voiding and deleting, with the rules that the books have."""

from __future__ import annotations

import re
from typing import Any

from .answers import Refusal, broken_rule, duplicate_name, duplicate_number, missing, not_found, stale
from .company import NAMES, SALES, TRANSACTIONS, Company, Row
from .sales import finished_lines, move_stock, number, plain, reference, total_of
from .shapes import check_shape
from .snapshot import reference_of

SHIPPED_KINDS = ("Invoice", "SalesReceipt")
"""Sales forms that take pieces off the stock."""

READ_ONLY = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse", "status", "TotalAmt", "Balance", "LinkedTxn"})

FIRST_NUMBER = 1001


class Books:
    """All that changes a company's rows."""

    def __init__(self, company: Company) -> None:
        self.company = company

    # --- making --------------------------------------------------------------------------------------------------------------

    def create(self, entity: str, given: Row, *, allow_duplicate: bool = False, by: str = "api") -> Row:
        """Make an object. Raise Refusal where a rule is against it."""
        reckoned = READ_ONLY - {"TotalAmt"} if entity == "Payment" else READ_ONLY
        given = {name: value for name, value in given.items() if value not in (None, "") and name not in reckoned}
        check_shape(entity, given)
        if entity in NAMES:
            return self._create_name(entity, given)
        if entity == "Item":
            return self._create_item(given)
        if entity in SALES:
            return self._create_sale(entity, given, allow_duplicate=allow_duplicate, by=by)
        if entity == "Payment":
            return self._create_payment(given)
        if entity in ("Account", "PaymentMethod", "Term", "Class", "Department"):
            if not given.get("Name"):
                raise missing("Name")
            return self.company.insert(entity, {"Active": True, **given})
        raise unsupported(f"create {entity}")

    def _create_name(self, entity: str, given: Row) -> Row:
        name = str(
            given.get("DisplayName") or " ".join(filter(None, (given.get("GivenName"), given.get("FamilyName"))))
        ).strip()
        if not name:
            raise missing("DisplayName")
        if re.search(r"[:\t\n]", name):
            raise broken_rule("A name can't hold a colon, a tab or a line break.", element="DisplayName")
        self._name_is_free(name, "")
        row = {"Taxable": True, "Job": False, "Balance": 0, "BalanceWithJobs": 0, "CurrencyRef": _dollars(), "Active": True}
        return self.company.insert(entity, {**row, **given, "DisplayName": name, "FullyQualifiedName": name})

    def _name_is_free(self, name: str, own: str) -> None:
        for entity in NAMES:
            for row in self.company.table(entity).values():
                if row["DisplayName"].casefold() == name.casefold() and row["Id"] != own:
                    raise duplicate_name()

    def _create_item(self, given: Row) -> Row:
        if not given.get("Name"):
            raise missing("Name")
        if any(row["Name"].casefold() == str(given["Name"]).casefold() for row in self.company.table("Item").values()):
            raise duplicate_name()
        if given.get("Type") == "Inventory":
            for name in (
                "TrackQtyOnHand",
                "QtyOnHand",
                "InvStartDate",
                "IncomeAccountRef",
                "ExpenseAccountRef",
                "AssetAccountRef",
            ):
                if given.get(name) in (None, False):
                    raise missing(name)
        row = {"Active": True, "FullyQualifiedName": given["Name"], "Taxable": False, "UnitPrice": 0, "Type": "Service"}
        return self.company.insert("Item", {**row, "TrackQtyOnHand": False, **given})

    def _create_sale(self, entity: str, given: Row, *, allow_duplicate: bool, by: str) -> Row:
        customer = self._customer(entity, given)
        lines = finished_lines(self.company, given.get("Line"))
        self._is_open(given.get("TxnDate") or self.company.today())
        doc_number = self._doc_number(entity, given, allow_duplicate=allow_duplicate)
        row = self._with_sums(entity, {**_SALE_DEFAULTS[entity], **given, "Line": lines}, paid=entity == "SalesReceipt")
        row |= {"DocNumber": doc_number, "TxnDate": given.get("TxnDate") or self.company.today(), "CurrencyRef": _dollars()}
        if customer is not None:
            row["CustomerRef"] = {"value": customer["Id"], "name": customer["DisplayName"]}
            row.setdefault("BillAddr", customer.get("BillAddr") or {})
        if not self.company.options["keep_po_numbers"]:
            row.pop("PONumber", None)
        made = self.company.insert(entity, {name: value for name, value in row.items() if value != {}})
        self.company.about(made["Id"])["by"] = by
        self.company.about(made["Id"])["lines"] = len(lines) - 1
        if entity in SHIPPED_KINDS:
            move_stock(self.company, (), lines)
        return made

    def _customer(self, entity: str, given: Row) -> Row | None:
        if "CustomerRef" not in given:
            if entity == "SalesReceipt":
                return None
            raise missing("CustomerRef")
        return reference(self.company, "Customer", given["CustomerRef"], "Names")

    def _is_open(self, day: str) -> None:
        closed = self.company.options["closed_until"]
        if closed and day <= closed:
            raise Refusal(
                "6210",
                "Account Period Closed, Cannot Update Through Services API",
                f"Account Period Closed : The account period has closed and the account books cannot be updated. TxnDate={day}",
                element="TxnDate",
            )

    def _doc_number(self, entity: str, given: Row, *, allow_duplicate: bool, own: str = "") -> str:
        wanted = str(given.get("DocNumber") or "")
        if not wanted or not self.company.options["keep_numbers"]:
            following = self.company.data["next"].get("number", FIRST_NUMBER)
            self.company.data["next"]["number"] = following + 1
            return str(following)
        if not (allow_duplicate or self.company.options["allow_duplicate_numbers"]):
            for row in self.company.table(entity).values():
                if row.get("DocNumber") == wanted and row["Id"] != own:
                    raise duplicate_number(wanted, entity, row["Id"])
        return wanted

    def _with_sums(self, entity: str, row: Row, *, paid: bool) -> Row:
        total = total_of(row["Line"])
        settled = number(self.company.about(row["Id"]).get("paid", 0), "paid") if "Id" in row else number(0, "paid")
        row |= {"TotalAmt": plain(total), "TxnTaxDetail": {"TotalTax": 0}}
        if entity != "Estimate":
            row["Balance"] = 0 if paid else plain(total - settled)
        return row

    def _create_payment(self, given: Row) -> Row:
        customer = reference(self.company, "Customer", given.get("CustomerRef"), "Names")
        amount = number(given.get("TotalAmt", 0), "TotalAmt")
        linked = [link for line in given.get("Line") or [] for link in line.get("LinkedTxn") or []]
        made = self.company.insert(
            "Payment",
            {**given, "TotalAmt": plain(amount), "CustomerRef": {"value": customer["Id"], "name": customer["DisplayName"]}},
        )
        for link in linked:
            invoice = self.company.get("Invoice", str(link.get("TxnId")))
            if invoice is not None:
                self.company.about(invoice["Id"])["paid"] = plain(amount)
                invoice["Balance"] = plain(max(number(0, ""), number(invoice["TotalAmt"], "TotalAmt") - amount))
                invoice["LinkedTxn"] = [*invoice["LinkedTxn"], {"TxnId": made["Id"], "TxnType": "Payment"}]
                self.company.touch("Invoice", invoice)
        return made

    # --- changing ------------------------------------------------------------------------------------------------------------

    def current(self, entity: str, given: Row) -> Row:
        """Return the row that a change means. Raise Refusal where it is gone or was changed since it was read."""
        key = str(given.get("Id") or "")
        if not re.fullmatch(r"\d+", key):
            raise Refusal("2030", "Invalid ID", f"Id should be a valid number. Supplied value:{key}", element="Id")
        row = self.company.get(entity, key)
        if row is None:
            raise not_found()
        if "SyncToken" not in given:
            raise missing("SyncToken")
        if str(given["SyncToken"]) != row["SyncToken"]:
            raise stale()
        return row

    def update(self, entity: str, given: Row) -> Row:
        """Change an object: only what is given where `sparse` is true, else all of it."""
        row = self.current(entity, given)
        sparse = given.get("sparse") is True
        changes = {name: value for name, value in given.items() if name not in READ_ONLY}
        check_shape(entity, changes)
        if entity in NAMES and changes.get("DisplayName"):
            self._name_is_free(str(changes["DisplayName"]), row["Id"])
        kept = dict(row) if sparse else {name: row[name] for name in READ_ONLY if name in row}
        merged = {**kept, **{name: value for name, value in changes.items() if value not in (None, "") or sparse}}
        if entity in SALES:
            self._update_sale(entity, row, merged)
        elif not sparse:
            merged = {**row, **merged}
        row.clear()
        row.update({name: value for name, value in merged.items() if value not in (None, "")})
        self.company.touch(entity, row)
        return row

    def _update_sale(self, entity: str, row: Row, merged: Row) -> None:
        self._is_open(str(merged.get("TxnDate") or row["TxnDate"]))
        for name in ("CustomerRef", "TxnDate", "CurrencyRef", "DocNumber"):
            merged.setdefault(name, row.get(name))
        if entity == "Invoice" or merged.get("CustomerRef"):
            reference(self.company, "Customer", merged["CustomerRef"], "Names")
        if merged.get("DocNumber") != row.get("DocNumber"):
            self._doc_number(entity, merged, allow_duplicate=False, own=row["Id"])
        fresh = bool(self.company.options["new_line_ids"])
        merged["Line"] = finished_lines(self.company, merged.get("Line") or row["Line"], kept=row["Line"], fresh_ids=fresh)
        self._with_sums(entity, merged, paid=entity == "SalesReceipt")
        if entity in SHIPPED_KINDS:
            move_stock(self.company, row["Line"], merged["Line"])

    def void(self, entity: str, given: Row) -> Row:
        """Set all amounts to nothing and keep the form. Estimates can't be voided."""
        if entity not in ("Invoice", "SalesReceipt", "Payment"):
            raise unsupported(f"void {entity}")
        row = self.current(entity, given)
        self.company.about(row["Id"]).setdefault("reference", reference_of(row))
        if entity in SALES:
            self._is_open(row["TxnDate"])
            lines = [_voided(line) for line in row["Line"]]
            move_stock(self.company, row["Line"], lines)
            row |= {"Line": lines, "Balance": 0}
        row |= {"TotalAmt": 0, "PrivateNote": "Voided"}
        self.company.touch(entity, row, operation="Void")
        return row

    def delete(self, entity: str, given: Row) -> Row:
        """Delete a transaction; lists are made inactive instead."""
        if entity not in TRANSACTIONS:
            raise unsupported(f"delete {entity}")
        row = self.current(entity, given)
        self.company.about(row["Id"]).setdefault("reference", reference_of(row))
        if entity in SHIPPED_KINDS:
            self._is_open(row["TxnDate"])
            move_stock(self.company, row["Line"], ())
        self.company.remove(entity, row)
        return {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}


def unsupported(what: str) -> Refusal:
    return Refusal("500", "Unsupported Operation", f"Operation {what} is not supported.")


def _voided(line: Row) -> Row:
    kept: dict[str, Any] = {**line, "Amount": 0}
    for name in ("SalesItemLineDetail", "GroupLineDetail"):
        if name in kept:
            detail = {key: value for key, value in kept[name].items() if key not in ("Qty", "UnitPrice", "Quantity")}
            if "Line" in detail:
                detail["Line"] = [_voided(part) for part in detail["Line"]]
            kept[name] = detail
    return kept


def _dollars() -> Row:
    return {"value": "USD", "name": "United States Dollar"}


_FORM: Row = {
    "ApplyTaxAfterDiscount": False,
    "PrintStatus": "NeedToPrint",
    "EmailStatus": "NotSet",
    "LinkedTxn": [],
    "CustomField": [{"DefinitionId": "1", "Name": "Sales Rep", "Type": "StringType"}],
}

_SALE_DEFAULTS: dict[str, Row] = {
    "Invoice": {**_FORM, "AllowIPNPayment": False, "AllowOnlinePayment": False},
    "SalesReceipt": {**_FORM, "DepositToAccountRef": {"value": "4", "name": "Undeposited Funds"}},
    "Estimate": {**_FORM, "TxnStatus": "Pending"},
}
