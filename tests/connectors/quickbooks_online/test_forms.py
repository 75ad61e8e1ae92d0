"""What goes out for an order, property by property, as a preview shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import Address, OrderOut
from connectors.errors import FixOrder
from connectors.quickbooks_online.connector import identity
from connectors.quickbooks_online.session import base_url
from tests.connectors.quickbooks_online.conftest import Desk, an_order, line

Form = Callable[..., dict[str, Any]]


@pytest.fixture
def form(desk: Desk) -> Form:
    """Return what gives the body of the form that an order becomes under these settings."""

    def rendered(order: OrderOut, **settings: str) -> dict[str, Any]:
        session = desk.open(**settings)
        session.prepare([order])
        (request,) = session.preview(order, "key")
        body: dict[str, Any] = json.loads(request.body)
        return body

    return rendered


def test_a_number_may_be_as_long_as_the_form_takes_and_no_longer(form: Form) -> None:
    assert form(an_order("N" * 21))["DocNumber"] == "N" * 21
    with pytest.raises(FixOrder, match="longer than the 21 characters") as held:
        form(an_order("N" * 22))
    assert held.value.field == "cust_ref"


def test_addresses_and_the_way_to_ship_stand_where_the_form_prints_them(form: Form) -> None:
    ship_to = Address(
        first_name="Pat",
        last_name="Doe",
        company="Doe & Co",
        address_1="1 Sample Street",
        address_2="Flat 2",
        address_3="Back house",
        city="Portland",
        state="OR",
        zip="97201",
        country="US",
        phone="555-0100",
    )
    order = an_order(ship_to=ship_to, bill_to=replace(ship_to, address_1="9 Ledger Lane", address_2="", address_3=""))
    body = form(order)
    place = {"City": "Portland", "CountrySubDivisionCode": "OR", "PostalCode": "97201", "Country": "US"}
    lines = ["Pat Doe", "Doe & Co", "1 Sample Street", "Flat 2, Back house", "Phone: 555-0100"]
    assert body["ShipAddr"] == {**{f"Line{at}": text for at, text in enumerate(lines, start=1)}, **place}
    assert body["BillAddr"] == {"Line1": "Pat Doe", "Line2": "Doe & Co", "Line3": "9 Ledger Lane", **place}
    assert body["ShipMethodRef"] == {"value": "UPSG", "name": "UPSG"}
    assert "Phone: 555-0100" not in form(order, send_phone="no")["ShipAddr"].values()
    assert form(replace(order, ship_code=""))["ShipMethodRef"]["value"] == "UPS Ground"
    assert "BillAddr" not in form(an_order())


def test_lines_have_the_item_the_quantity_and_the_price(form: Form) -> None:
    body = form(an_order("PO-1", line(1, "CAP-001", 3, "33.33"), line(2, "CAP-001", 1, "30.005")))
    details = [row["SalesItemLineDetail"] for row in body["Line"]]
    assert [(one["Qty"], one["UnitPrice"]) for one in details] == [(3, 33.33), (1, 30.005)]
    assert len({one["ItemRef"]["value"] for one in details}) == 1
    assert [row["Amount"] for row in body["Line"]] == [99.99, 30.01]


def test_shipping_and_discount_are_lines_of_their_own_and_may_be_left_out(form: Form) -> None:
    order = an_order(shipping_charge=Decimal("4.50"), discount=Decimal("1.25"))
    _, shipping, discount = form(order)["Line"]
    assert (shipping["Amount"], shipping["SalesItemLineDetail"]) == (4.5, {"ItemRef": {"value": "SHIPPING_ITEM_ID"}})
    assert (discount["DetailType"], discount["Amount"]) == ("DiscountLineDetail", 1.25)
    assert len(form(order, send_shipping="no", send_discount="no")["Line"]) == 1
    product = form(order, shipping_item="Hours")["Line"][1]["SalesItemLineDetail"]
    assert product["ItemRef"]["value"].isdecimal()
    assert (product["Qty"], product["UnitPrice"]) == (1, 4.5)


def test_tax_is_the_companys_unless_the_settings_say_otherwise(form: Form) -> None:
    body = form(an_order())
    assert "GlobalTaxCalculation" not in body
    assert "TaxCodeRef" not in body["Line"][0]["SalesItemLineDetail"]
    body = form(an_order(), tax="TaxInclusive", tax_code="NON")
    assert body["GlobalTaxCalculation"] == "TaxInclusive"
    assert body["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "NON"}


def test_a_sales_receipt_says_how_it_was_paid_and_where_the_money_is(form: Form, desk: Desk) -> None:
    methods, accounts = ({one["Name"]: one["Id"] for one in rows(desk, entity)} for entity in ("PaymentMethod", "Account"))
    method, account = next(iter(methods)), next(iter(accounts))
    body = form(an_order(), order_becomes="sales_receipt", payment_method=method, deposit_account=account)
    assert body["PaymentMethodRef"] == {"value": methods[method]}
    assert body["DepositToAccountRef"] == {"value": accounts[account]}


def rows(desk: Desk, entity: str) -> list[dict[str, Any]]:
    return [row for page in desk.open()._api.rows(entity) for row in page]


def test_notes_and_the_day_to_ship_by_stand_where_they_are_wanted(form: Form) -> None:
    order = an_order(notes="Ring twice")
    assert form(order)["CustomerMemo"] == {"value": "Ring twice"}
    assert form(order)["PrivateNote"] == "Ship by 2026-11-21"
    assert form(order, notes_to="memo")["PrivateNote"] == "Ship by 2026-11-21\nRing twice"
    assert "CustomerMemo" not in form(order, notes_to="nowhere")


@pytest.mark.parametrize(
    ("environment", "host"),
    [("production", "quickbooks.api.intuit.com"), ("sandbox", "sandbox-quickbooks.api.intuit.com"), ("other", "127.0.0.1:1")],
)
def test_a_setting_chooses_between_a_real_company_and_a_sandbox_one(environment: str, host: str) -> None:
    settings = {"environment": environment, "api_url": "https://127.0.0.1:1", "realm_id": "934"}
    assert base_url(settings) == f"https://{host}"
    assert identity(settings, {}) == f"{host} company 934"
