"""Which properties each kind of object has, and how long texts may be.

Source: QuickBooks Online reference 9.4 and the 83 properties of an invoice that a recorded fault lists; lengths as the API's
users report them.
"""

from __future__ import annotations

from typing import Any

from .answers import Refusal, too_long

_ANY = "Id SyncToken MetaData domain sparse status CustomField"

_NAME = (
    "Title GivenName MiddleName FamilyName Suffix FullyQualifiedName CompanyName DisplayName PrintOnCheckName Notes Active "
    "Taxable Balance BalanceWithJobs OpenBalanceDate BillAddr ShipAddr PrimaryPhone AlternatePhone Mobile Fax PrimaryEmailAddr "
    "WebAddr SalesTermRef PaymentMethodRef ParentRef CurrencyRef PrimaryTaxIdentifier"
)

_SALE = (
    "DocNumber TxnDate DueDate ShipDate TrackingNum ShipMethodRef ShipFromAddr PONumber PrivateNote CustomerMemo CustomerRef "
    "CurrencyRef ExchangeRate GlobalTaxCalculation TxnTaxDetail ApplyTaxAfterDiscount BillAddr ShipAddr BillEmail BillEmailCc "
    "BillEmailBcc TotalAmt HomeTotalAmt Balance HomeBalance Deposit EmailStatus PrintStatus LinkedTxn Line SalesTermRef "
    "DepartmentRef ClassRef DepositToAccountRef DeliveryInfo AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment "
    "AllowOnlineACHPayment FreeFormAddress TaxExemptionRef RecurDataRef ProjectRef TxnSource InvoiceLink EInvoiceStatus FOB "
    "SalesRepRef AutoDocNumber TransactionLocationType Tag PaymentMethodRef PaymentRefNum"
)

KNOWN: dict[str, frozenset[str]] = {
    "Customer": frozenset(
        (
            f"{_ANY} {_NAME} IsProject Job BillWithParent PreferredDeliveryMethod ResaleNum Level DefaultTaxCodeRef "
            "ARAccountRef"
        ).split()
    ),
    "Vendor": frozenset(
        f"{_ANY} {_NAME} AcctNum Vendor1099 TermRef APAccountRef TaxIdentifier BillRate OtherContactInfo".split()
    ),
    "Employee": frozenset(f"{_ANY} {_NAME} SSN EmployeeNumber Gender HiredDate BirthDate PrimaryAddr BillableTime".split()),
    "Item": frozenset(
        (
            f"{_ANY} Name Sku Description Active SubItem ParentRef Level FullyQualifiedName Taxable SalesTaxIncluded UnitPrice "
            "Type IncomeAccountRef ExpenseAccountRef AssetAccountRef PurchaseDesc PurchaseTaxIncluded PurchaseCost "
            "TrackQtyOnHand QtyOnHand QtyOnSalesOrder QtyOnPurchaseOrder ReorderPoint InvStartDate SalesTaxCodeRef "
            "PurchaseTaxCodeRef AbatementRate ReverseChargeRate ServiceType ItemCategoryType ItemGroupDetail "
            "PrintGroupedItems ClassRef PrefVendorRef"
        ).split()
    ),
    "Invoice": frozenset(f"{_ANY} {_SALE}".split()),
    "SalesReceipt": frozenset(f"{_ANY} {_SALE} CreditCardPayment CheckPayment".split()),
    "Estimate": frozenset(f"{_ANY} {_SALE} TxnStatus ExpirationDate AcceptedBy AcceptedDate".split()),
    "Payment": frozenset(
        (
            f"{_ANY} TxnDate CustomerRef TotalAmt UnappliedAmt ProcessPayment CurrencyRef ExchangeRate DepositToAccountRef "
            "PaymentMethodRef PaymentRefNum PrivateNote Line ARAccountRef CreditCardPayment TxnSource TransactionLocationType "
            "LinkedTxn"
        ).split()
    ),
}

LENGTHS = {"DocNumber": 21, "PONumber": 25, "TrackingNum": 31, "PrivateNote": 4000, "DisplayName": 500, "Name": 100, "Sku": 100}

ADDRESS_LENGTHS = {f"Line{number}": 500 for number in range(1, 6)} | {
    "City": 255,
    "CountrySubDivisionCode": 255,
    "PostalCode": 30,
}


def check_shape(entity: str, given: dict[str, Any]) -> None:
    """Raise Refusal for a property that isn't known or a text that is too long."""
    known = KNOWN.get(entity)
    unknown = sorted(set(given) - known) if known is not None else []
    if unknown:
        raise Refusal(
            "2010",
            "Request has invalid or unsupported property",
            f'Property Name:Unrecognized field "{unknown[0]}" (class com.intuit.schema.finance.v3.{entity}), not marked as '
            "ignorable specified is unsupported or invalid",
        )
    _check_lengths(given, LENGTHS)
    for name in ("BillAddr", "ShipAddr"):
        if isinstance(given.get(name), dict):
            _check_lengths(given[name], ADDRESS_LENGTHS)
    for custom in given.get("CustomField") or []:
        if isinstance(custom, dict):
            _check_lengths(custom, {"StringValue": 31})


def _check_lengths(given: dict[str, Any], lengths: dict[str, int]) -> None:
    for name, most in lengths.items():
        if isinstance(given.get(name), str) and len(given[name]) > most:
            raise too_long(name, most)
