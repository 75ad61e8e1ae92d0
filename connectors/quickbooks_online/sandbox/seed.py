"""The made-up company of a fresh sandbox: the same SKUs as a small shop has, its accounts, and a few people.

CAP-001 to CAP-010, TEE-001 to TEE-010, MUG-001 to MUG-008, BAG-001 to BAG-006, SOX-001 to SOX-004 with 120 pieces each; the
bundle SET-001 of a CAP-001 and two TEE-001; GIFT-CARD and the service Hours, whose stock isn't tracked.
"""

from __future__ import annotations

from .books import Books
from .company import Company, Row

RANGES = (
    ("CAP", "Harbor Cap", 24.0, 10),
    ("TEE", "Pinewood Tee", 19.5, 10),
    ("MUG", "Kettle Ridge Mug", 14.25, 8),
    ("BAG", "Switchback Tote", 39.0, 6),
    ("SOX", "Trailhead Socks", 9.75, 4),
)

PIECES = 120


def seed(company: Company, *, name: str = "Pinewood Goods (sandbox)") -> None:
    """Fill an empty company."""
    books = Books(company)
    info = {"CompanyName": name, "LegalName": name, "Country": "US", "FiscalYearStartMonth": "January", "Email": {}}
    company.table("CompanyInfo")["1"] = _plain("1", info)
    forms = {
        "CustomTxnNumbers": True,
        "AllowShipping": True,
        "AllowDiscount": True,
        "AllowDeposit": True,
        "UsingProgressInvoicing": False,
    }
    tracking = {"QuantityOnHand": True, "QuantityWithPriceAndRate": True, "ForSales": True, "ForPurchase": True}
    currency = {"HomeCurrency": {"value": "USD"}, "MultiCurrencyEnabled": False}
    prefs = {"SalesFormsPrefs": forms, "ProductAndServicesPrefs": tracking, "CurrencyPrefs": currency}
    company.table("Preferences")["1"] = _plain("1", prefs)
    for account in ("Sales of Product Income", "Cost of Goods Sold", "Inventory Asset", "Undeposited Funds", "Checking"):
        company.insert("Account", {"Name": account, "Active": True}, said=False)
    for method in ("Cash", "Check", "Credit Card"):
        company.insert("PaymentMethod", {"Name": method, "Active": True}, said=False)
    for term, days in (("Due on receipt", 0), ("Net 30", 30)):
        company.insert("Term", {"Name": term, "DueDays": days, "Active": True}, said=False)
    for customer in ("Amy's Bird Sanctuary", "Walk-in"):
        books.create("Customer", {"DisplayName": customer})
    books.create("Vendor", {"DisplayName": "Harbor Supply"})
    books.create("Employee", {"DisplayName": "Emily Platt", "GivenName": "Emily", "FamilyName": "Platt"})
    seed_items(books)


def seed_items(books: Books) -> None:
    """Make the products."""
    books.create("Item", {"Name": "Hours", "Type": "Service", "UnitPrice": 60})
    for code, title, price, count in RANGES:
        for at in range(1, count + 1):
            add_item(books, f"{code}-{at:03d}", f"{title} {at}", price)
    parts = [(books.company.item_by_sku("CAP-001"), 1), (books.company.item_by_sku("TEE-001"), 2)]
    bundle = {
        "Name": "Starter Set",
        "Sku": "SET-001",
        "Type": "Group",
        "ItemGroupDetail": {
            "ItemGroupLine": [{"ItemRef": {"value": row["Id"], "name": row["Name"]}, "Qty": count} for row, count in parts]
        },
    }
    books.create("Item", bundle)
    books.create("Item", {"Name": "Gift Card", "Sku": "GIFT-CARD", "Type": "NonInventory", "UnitPrice": 25})


def add_item(books: Books, sku: str, name: str, price: float, quantity: float = PIECES) -> Row:
    """Make a product whose stock is tracked."""
    return books.create(
        "Item",
        {
            "Name": name,
            "Sku": sku,
            "Description": name,
            "Type": "Inventory",
            "UnitPrice": price,
            "TrackQtyOnHand": True,
            "QtyOnHand": quantity,
            "InvStartDate": "2020-01-01",
            "IncomeAccountRef": {"value": "1", "name": "Sales of Product Income"},
            "ExpenseAccountRef": {"value": "2", "name": "Cost of Goods Sold"},
            "AssetAccountRef": {"value": "3", "name": "Inventory Asset"},
        },
    )


def _plain(key: str, row: Row) -> Row:
    stamp = "2020-01-01T00:00:00-08:00"
    meta = {"CreateTime": stamp, "LastUpdatedTime": stamp}
    return {"domain": "QBO", "sparse": False, "Id": key, "SyncToken": "0", "MetaData": meta, **row}
