"""`export` and `import_csv` on the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils import timezone

from connectors.models import Connection
from orders.models import (
    Invoice,
    InvoiceLine,
    Order,
    OrderLine,
    Product,
    ProductAlias,
    Shipment,
    ShipmentLine,
    ShipMethodMap,
    SkippedOrder,
    StockLevel,
)
from tests.factories import ConnectionFactory, OrderEventFactory, OrderFactory

EXPECTED_HEADERS = {
    "orders": "cust_ref,cust_po_no,status,held_reason,order_source,order_date,retailer,record_no,ship_company,ship_first_name",
    "order_lines": "cust_ref,line_no,item,wms_item,quantity,shipped,price\r\n",
    "skipped": "connection,cust_po_no,record_no,reason,document,line\r\n",
    "events": "at,cust_ref,cust_po_no,kind,words,document\r\n",
    "aliases": "cart,cart_sku,wms_sku\r\n",
    "ship_methods": "cart,cart_code,wms_code\r\n",
    "products": "sku,name,upc\r\n",
    "shipments": "cust_ref,cust_po_no,",
    "invoices": "cust_ref,cust_po_no,",
    "inventory": "wms,sku,warehouse,available,",
}


@pytest.fixture
def cart(acme) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


@pytest.fixture
def wms(acme) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True, name="QuickBooks")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "load.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- export ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", list(EXPECTED_HEADERS))
def test_an_empty_export_has_its_columns_and_an_empty_list(manage, acme, what: str):
    done = manage("export", "acme", what)
    assert done.code == 0
    assert done.out.startswith(EXPECTED_HEADERS[what])
    assert done.out.endswith("\r\n")
    assert done.out.count("\r\n") == 1
    assert manage("export", "acme", what, "--format", "json").document == []


def test_orders_are_exported_with_the_apis_fields(manage, acme, cart):
    OrderFactory.create(
        account=acme,
        source=cart,
        external_id="D-1",
        cust_po_no="PO-1",
        cust_ref="PO-1",
        ship_to={"first_name": "Ann", "last_name": "Öz", "address_1": "1 High St", "zip": "01234", "country": "US"},
        sub_total=Decimal("25"),
        grand_total=Decimal("25"),
        extra={"gift": "yes"},
        hold="unknown_sku",
        hold_words="SKU CAP-9 is unknown.",
        lines=[{"item": "CAP-9", "quantity": 2, "price": Decimal("12.5")}],
    )
    done = manage("export", "acme", "orders")
    row = rows(done.out)[0]
    assert row["cust_ref"] == row["cust_po_no"] == "PO-1"
    assert (row["status"], row["held_reason"], row["on_hold"]) == ("error", "unknown_sku", "Y")
    assert (row["order_source"], row["order_date"], row["retailer"], row["record_no"]) == (
        "DSCO",
        "2026-11-20",
        "Nordlicht Department Store",
        "D-1",
    )
    assert (row["ship_first_name"], row["ship_last_name"], row["ship_zip"]) == ("Ann", "Öz", "01234")
    assert (row["sub_total"], row["grand_total"]) == ("25.00", "25.00")
    assert json.loads(row["extra_fields"]) == {"gift": "yes"}
    as_json = manage("export", "acme", "orders", "--json").document[0]
    assert as_json["items"][0]["item"] == "CAP-9"
    assert as_json["grand_total"] == "25.00"
    assert list(as_json) == list(row)


def test_everything_else_is_exported_by_its_columns(manage, acme, cart, wms):
    order = OrderFactory.create(account=acme, source=cart, cust_po_no="PO-1", lines=[{"item": "A", "quantity": 3}])
    line = OrderLine.objects.for_account(acme).get()
    own = {"account": acme, "connection": wms}
    shipment = Shipment.objects.create(
        **own, external_id="S1", external_order_id="1", order=order, state="shipped", tracking_number="1Z",
        remote_updated_at=timezone.now(),
    )  # fmt: skip
    ShipmentLine.objects.create(account=acme, shipment=shipment, external_id="L1", external_line_id="1", line=line, quantity=3)
    Shipment.objects.create(**own, external_id="S2", external_order_id="9", state="packed", remote_updated_at=timezone.now())
    invoice = Invoice.objects.create(
        **own, external_id="I1", order=order, number="INV-7", told_id="INV-7", total=Decimal("37.5")
    )
    InvoiceLine.objects.create(account=acme, invoice=invoice, external_id="L1", line=line, quantity=3)
    StockLevel.objects.create(**own, sku="A", warehouse="Main", available=-2, as_of=timezone.now())
    SkippedOrder.objects.create(
        account=acme, connection=cart, cust_po_no="PO-0", external_id="D-0", reason="too_old", words="Placed long ago.", row=7
    )
    OrderEventFactory.create(order=order, document_name="Purchase_Order.csv")

    shipments = rows(manage("export", "acme", "shipments").out)
    assert [(row["cust_po_no"], row["shipment_no"], row["tracking_no"], row["item"], row["quantity"]) for row in shipments] == [
        ("PO-1", "S1", "1Z", "A", "3"),
        ("", "S2", "", "", ""),
    ]
    assert rows(manage("export", "acme", "invoices").out)[0]["total"] == "37.50"
    assert rows(manage("export", "acme", "inventory").out)[0]["available"] == "-2"
    assert rows(manage("export", "acme", "order_lines").out) == [
        {
            "cust_ref": "PO-1", "line_no": "1", "item": "A", "wms_item": "A", "quantity": "3", "shipped": "0", "price": "12.50",
        }
    ]  # fmt: skip
    assert rows(manage("export", "acme", "skipped").out) == [
        {
            "connection": "DSCO", "cust_po_no": "PO-0", "record_no": "D-0", "reason": "too_old: Placed long ago.",
            "document": "", "line": "7",
        }
    ]  # fmt: skip
    assert rows(manage("export", "acme", "events").out)[0]["document"] == "Purchase_Order.csv"


def test_another_accounts_rows_are_never_exported(manage, acme, globex):
    theirs = ConnectionFactory.create(account=globex)
    OrderFactory.create(account=globex, source=theirs, lines=1)
    for what in EXPECTED_HEADERS:
        assert manage("export", "acme", what, "--json").document == []


def test_since_leaves_out_what_did_not_change(manage, acme, cart):
    OrderFactory.create(account=acme, source=cart, cust_ref="OLD", updated_at=datetime(2026, 11, 1, tzinfo=UTC))
    OrderFactory.create(account=acme, source=cart, cust_ref="NEW", updated_at=datetime(2026, 11, 22, 10, tzinfo=UTC))
    for since in ("2026-11-22T09:00:00Z", "2026-11-22T11:00:00+02:00", "2026-11-02", "2026-11-22T10:00:00"):
        assert [row["cust_ref"] for row in manage("export", "acme", "orders", "--since", since, "--json").document] == ["NEW"]


def test_text_that_a_spreadsheet_would_run_is_made_safe_and_numbers_are_not(manage, acme):
    Product.objects.create(account=acme, sku="-1", name='=HYPERLINK("x")', upc="+49")
    Product.objects.create(account=acme, sku="A", name="'=1", upc="")
    Product.objects.create(account=acme, sku="B", name='\'s-Hertogenbosch, "the" city', upc="")
    text = manage("export", "acme", "products").out
    assert [list(row.values()) for row in rows(text)] == [
        ["'-1", '\'=HYPERLINK("x")', "'+49"],
        ["A", "''=1", ""],
        ["B", '\'s-Hertogenbosch, "the" city', ""],
    ]
    assert manage("export", "acme", "products", "--json").document[0]["sku"] == "-1"


def test_rows_of_one_moment_are_all_exported_once(manage, acme, cart, monkeypatch):
    monkeypatch.setattr("orders.import_export.exports.CHUNK", 3)
    moments = [datetime(2026, 11, 22, tzinfo=UTC)] * 8 + [datetime(2026, 11, 21, tzinfo=UTC)] * 2
    for moment in moments:
        OrderFactory.create(account=acme, source=cart, created_at=moment, lines=2)
    refs = [row["cust_ref"] for row in rows(manage("export", "acme", "orders").out)]
    assert len(refs) == len(set(refs)) == 10
    assert set(refs) == set(Order.objects.for_account(acme).values_list("cust_ref", flat=True))
    assert len(rows(manage("export", "acme", "order_lines").out)) == 20


def test_an_export_of_many_rows_is_walked_by_key_in_flat_queries(manage, acme, django_assert_max_num_queries):
    Product.objects.bulk_create([Product(account=acme, sku=f"SKU-{number:05}") for number in range(2500)])
    with django_assert_max_num_queries(6):
        done = manage("export", "acme", "products")
    assert len(rows(done.out)) == 2500


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nobody", "orders"), "no account “nobody”"),
        (("acme", "customers"), "invalid choice"),
        (("acme", "orders", "--since", "yesterday"), "no date or time"),
        (("acme", "orders", "--format", "xml"), "invalid choice"),
    ],
)
def test_a_wrong_export_ends_with_2(manage, acme, words, problem: str):
    done = manage("export", *words)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


# --- import ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(monkeypatch) -> list[int]:
    """The accounts whose held orders were looked at again."""
    seen: list[int] = []
    monkeypatch.setattr("orders.management.commands.import_csv.after_mapping_change", seen.append)
    return seen


@pytest.mark.parametrize("what", ["products", "aliases", "ship_methods"])
def test_what_is_exported_is_imported_as_it_was(manage, acme, globex, cart, tmp_path, what: str):
    ConnectionFactory.create(account=globex, name="DSCO")
    Product.objects.create(account=acme, sku="=1+1", name='Cap, "red"\nand more', upc="0001")
    ProductAlias.objects.create(account=acme, cart=cart, cart_sku="+CAP", wms_sku="CAP-1")
    ProductAlias.objects.create(account=acme, cart_sku="'@CAP", wms_sku="CAP-2")
    ShipMethodMap.objects.create(account=acme, cart=cart, cart_code="UPS-G", wms_code="Ground")
    ShipMethodMap.objects.create(account=acme, cart=cart, cart_code="FDX")
    text = manage("export", "acme", what).out
    path = write(tmp_path, text)
    done = manage("import_csv", "globex", what, path, "--json")
    assert (done.code, done.document["refused"], done.document["unread_columns"]) == (0, [], [])
    assert manage("export", "globex", what).out == text
    again = manage("import_csv", "globex", what, path, "--json").document
    assert (again["added"], again["changed"], again["same"]) == (0, 0, again["rows"])


def test_products_are_added_and_changed_and_held_orders_looked_at_again(manage, acme, tmp_path, held):
    Product.objects.create(account=acme, sku="A", name="Old", upc="1")
    path = write(tmp_path, "SKU;Name\nA;New\nB;Bee\n")
    done = manage("import_csv", "acme", "products", path, "--json")
    assert (done.document["added"], done.document["changed"]) == (1, 1)
    assert list(Product.objects.for_account(acme).order_by("sku").values_list("sku", "name", "upc")) == [
        ("A", "New", "1"),
        ("B", "Bee", ""),
    ]
    assert held == [acme.pk]
    manage("import_csv", "acme", "products", path)
    assert held == [acme.pk]


def test_a_refused_row_is_named_by_line_and_reason_and_the_others_are_loaded(manage, acme, cart, tmp_path, held):
    path = write(
        tmp_path,
        "cart,cart_sku,wms_sku\r\n"
        'DSCO,"two\nlines",X\r\n'
        "dsco,CAP-1,C1\r\n"
        "Shopify,CAP-2,C2\r\n"
        "\r\n"
        ",CAP-3,\r\n"
        "DSCO,CAP-1,C9\r\n"
        ",CAP-4,C4,surplus\r\n"
        ",CAP-1,C5\r\n",
    )
    done = manage("import_csv", "acme", "aliases", path)
    assert done.code == 1
    assert "2 aliases added" in done.out
    assert "5 refused" in done.out
    assert done.err.splitlines() == [
        "Line 2: cart_sku holds a line break or another character that can't be seen.",
        "Line 5: There is no cart “Shopify”. The account has: “DSCO”.",
        "Line 7: wms_sku is empty.",
        "Line 8: The same is on line 4 already.",
        "Line 9: The row has more cells than the header has columns.",
    ]
    assert set(ProductAlias.objects.for_account(acme).values_list("cart__name", "cart_sku", "wms_sku")) == {
        ("DSCO", "CAP-1", "C1"),
        (None, "CAP-1", "C5"),
    }


def test_shipping_codes_are_compared_without_case(manage, acme, cart, tmp_path, held):
    ShipMethodMap.objects.create(account=acme, cart=cart, cart_code="UPS-Ground")
    path = write(tmp_path, "cart,cart_code,wms_code\nDSCO,ups-ground,G\nDSCO,UPS-GROUND,H\n")
    done = manage("import_csv", "acme", "ship_methods", path, "--json")
    assert (done.document["changed"], done.document["refused"]) == (
        1,
        [{"line": 3, "reason": "The same is on line 2 already."}],
    )
    assert list(ShipMethodMap.objects.for_account(acme).values_list("cart_code", "wms_code")) == [("UPS-Ground", "G")]


def test_a_dry_run_says_the_same_and_writes_nothing(manage, acme, cart, tmp_path, held):
    path = write(tmp_path, "sku,name\nA,a\n,b\n")
    dry = manage("import_csv", "acme", "products", path, "--dry-run", "--json")
    assert dry.code == 1
    assert (dry.document["added"], dry.document["dry_run"], len(dry.document["refused"])) == (1, True, 1)
    assert not Product.objects.for_account(acme).exists()
    assert held == []
    orders = write(tmp_path, "cart,cust_po_no,item,quantity\nDSCO,PO-1,A,1\n")
    assert manage("import_csv", "acme", "orders", orders, "--dry-run", "--json").document["added"] == 1
    assert not Order.objects.for_account(acme).exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name,upc\nA,1\n", "no column sku"),
        (b"", "is empty"),
        (b"sku,sku\nA,B\n", "names a column twice"),
        ("sku,name\nA,Öz\n".encode("latin-1"), "isn't UTF-8"),
        (b'sku,name\nA,"open\n', "no CSV that can be read"),
        (b'sku,name\nA,b\nB,"x"y\n', "no CSV that can be read"),
    ],
)
def test_a_file_that_can_not_be_of_that_kind_ends_with_2_and_loads_nothing(
    manage, acme, tmp_path, content: bytes, problem: str
):
    done = manage("import_csv", "acme", "products", write(tmp_path, content))
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert not Product.objects.for_account(acme).exists()


def test_a_file_that_is_not_there_ends_with_2(manage, acme, tmp_path):
    done = manage("import_csv", "acme", "products", tmp_path / "none.csv")
    assert done.code == 2
    assert "There is no file" in done.err


# --- importing orders --------------------------------------------------------------------------------------------------------

HEAD = "cart,cust_po_no,record_no,order_date,ship_first_name,ship_address_1,ship_zip,ship_code,line_no,item,quantity,price\n"


def order_of(acme, number: str) -> SimpleNamespace:
    order = Order.objects.for_account(acme).get(cust_po_no=number)
    lines = OrderLine.objects.for_account(acme).filter(order=order).order_by("line_no")
    return SimpleNamespace(order=order, lines=[(line.line_id, line.item, line.quantity, line.price) for line in lines])


def test_orders_are_imported_from_one_row_per_line_wherever_they_stand(manage, acme, cart, wms, tmp_path):
    path = write(
        tmp_path,
        "\ufeff" + HEAD + "DSCO,PO-1,D-1,2026-11-20,Ann,1 High St,01234,UPSG,1,CAP-1,2,12.5\n"
        "DSCO,PO-2,D-2,2026-11-21,Bob,2 High St,01235,UPSG,1,CAP-1,1,12.5\n"
        "DSCO,PO-1,D-1,2026-11-20,Ann,1 High St,01234,UPSG,2,CAP-2,1,\n",
    )
    done = manage("import_csv", "acme", "orders", path, "--json")
    assert done.code == 0
    assert (done.document["rows"], done.document["added"]) == (3, 2)
    one = order_of(acme, "PO-1")
    assert (one.order.external_id, one.order.source, one.order.wms) == ("D-1", cart, wms)
    assert one.order.ship_to == {"first_name": "Ann", "address_1": "1 High St", "zip": "01234"}
    assert one.lines == [("1", "CAP-1", 2, Decimal("12.5")), ("2", "CAP-2", 1, None)]
    assert one.order.sub_total == Decimal("25.00")
    again = manage("import_csv", "acme", "orders", path, "--json").document
    assert (again["added"], again["same"]) == (0, 2)
    assert Order.objects.for_account(acme).count() == 2


def test_exported_orders_are_imported_with_all_their_lines(manage, acme, globex, cart, tmp_path):
    ConnectionFactory.create(account=globex, name="DSCO")
    OrderFactory.create(
        account=acme,
        source=cart,
        cust_po_no="=PO",
        cust_ref="PO-1",
        ship_to={"first_name": "Ann", "phone": "+1 555"},
        extra={"dsco_supplier_id": "7"},
        lines=[{"item": "A", "quantity": 2, "line_id": "11"}, {"item": "A", "quantity": 1, "line_id": "12"}],
    )
    path = write(tmp_path, manage("export", "acme", "orders").out)
    done = manage("import_csv", "globex", "orders", path, "--json")
    assert (done.document["added"], done.document["unread_columns"]) == (1, [])
    theirs = order_of(globex, "=PO")
    assert theirs.order.ship_to == {"first_name": "Ann", "phone": "+1 555"}
    assert theirs.order.extra == {"dsco_supplier_id": "7"}
    assert theirs.lines == [("11", "A", 2, Decimal("12.5")), ("12", "A", 1, Decimal("12.5"))]
    assert manage("import_csv", "acme", "orders", path, "--json").document["same"] == 1


def test_a_refused_row_holds_its_whole_order_back(manage, acme, cart, tmp_path):
    path = write(
        tmp_path,
        HEAD + "DSCO,PO-1,,2026-11-20,Ann,1 High St,1,UPSG,1,CAP-1,2,12.5\n"
        "DSCO,PO-1,,2026-11-20,Ann,1 High St,1,UPSG,2,CAP-2,2.0,1\n"
        "DSCO,PO-2,,2026-11-20,Bob,2 High St,1,UPSG,1,CAP-1,1,1\n"
        "DSCO,PO-3,,20.11.2026,Bob,2 High St,1,UPSG,1,CAP-1,1,1\n"
        'DSCO,PO-4,,,Bob,2 High St,1,UPSG,1,CAP-1,1,"1,5"\n'
        "DSCO,PO-5,,,Bob,2 High St,1,UPSG,1,,1,1\n"
        "DSCO,PO-6,,,Bob,2 High St,1,UPSG,1,CAP-1,1,1\n"
        "DSCO,PO-6,,,Bob,9 Low St,1,UPSG,2,CAP-1,1,1\n"
        "eBay,PO-7,,,Bob,9 Low St,1,UPSG,2,CAP-1,1,1\n"
        ",PO-8,,,Bob,9 Low St,1,UPSG,2,CAP-1,1,1\n"
        "DSCO,,,,Bob,9 Low St,1,UPSG,2,CAP-1,1,1\n",
    )
    done = manage("import_csv", "acme", "orders", path, "--json")
    assert done.code == 1
    reasons = {refused["line"]: refused["reason"] for refused in done.document["refused"]}
    assert list(Order.objects.for_account(acme).values_list("cust_po_no", flat=True)) == ["PO-2"]
    assert "held back whole" in reasons[2]
    assert "whole number from 1 to 999999" in reasons[3]
    assert "date like 2026-11-30" in reasons[5]
    assert "amount like 12.50" in reasons[6]
    assert "item is empty" in reasons[7]
    assert "ship_address_1 is “9 Low St”, but line 8" in reasons[9]
    assert "no cart “eBay”" in reasons[10]
    assert "cart is empty" in reasons[11]
    assert "cust_po_no is empty" in reasons[12]


def test_an_order_that_was_at_the_wms_is_not_sent_there_again(manage, acme, cart, tmp_path):
    path = write(tmp_path, "cart,cust_po_no,status,item,quantity\nDSCO,PO-1,shipped,A,1\nDSCO,PO-2,new,A,1\n")
    done = manage("import_csv", "acme", "orders", path, "--json")
    assert done.document["added"] == 1
    assert "shipped already" in done.document["refused"][0]["reason"]


def test_orders_go_only_into_carts_of_the_account(manage, acme, globex, cart, tmp_path):
    path = write(tmp_path, "cart,cust_po_no,item,quantity\nDSCO,PO-1,A,1\n")
    assert manage("import_csv", "globex", "orders", path).code == 1
    assert not Order.objects.for_account(globex).exists()
    assert not Order.objects.for_account(acme).exists()


def test_columns_that_mean_nothing_are_named(manage, acme, cart, tmp_path):
    path = write(tmp_path, "cart,cust_po_no,item,quantity,colour\nDSCO,PO-1,A,1,red\n")
    done = manage("import_csv", "acme", "orders", path)
    assert done.code == 0
    assert "not read: colour" in done.out
