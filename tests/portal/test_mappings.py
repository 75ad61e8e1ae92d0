"""Products, aliases and shipping codes: what waits for them, and how they come and go."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cartrover.accounts.models import Account, AuditEntry, User
from connectors.contract import HoldReason
from connectors.models import Connection, ServiceName
from orders.listings import mappings
from orders.models import Order, Product, ProductAlias, ShipMethodMap
from orders.rules.near_skus import folded, nearest
from tests.factories import AlertFactory, ConnectionFactory, OrderFactory, ServiceFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
KINDS = ("products", "aliases", "ship-methods")


@pytest.fixture
def cart(acme: Account) -> Connection:
    return ConnectionFactory.create(account=acme, name="DSCO")


@pytest.fixture
def wms(acme: Account) -> Connection:
    wms = ConnectionFactory.create(account=acme, wms=True, name="QuickBooks Commerce")
    ServiceFactory.create(connection=wms, name=ServiceName.ORDER_DELIVERY, every="automatic")
    return wms


def _held(cart: Connection, item: str, upc: str = "") -> Order:
    lines = [{"item": item, "upc": upc}]
    return OrderFactory.create(account=cart.account, source=cart, hold=HoldReason.UNKNOWN_SKU, lines=lines)


def _product(account: Account, sku: str, **fields: Any) -> Product:
    return Product.objects.create(account=account, sku=sku, **fields)


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def _waits_for_recheck(wms: Connection) -> bool:
    return bool(wms.services.get(name=ServiceName.ORDER_DELIVERY).cursor.get("recheck_skus"))


# --- aliases that would help -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "others", "found"),
    [
        ("CAP-9", ["CAP-009", "CAP-99"], "CAP-009"),
        ("cap 9", ["CAP-9", "CAP-8"], "CAP-9"),
        ("SHIRT-BLUE-XL", ["SHIRT-BLUE-L", "SHIRT-BLU-XL"], "SHIRT-BLU-XL"),
        ("CAP-9", ["HAT-77", "CAPE"], None),
        ("CAP-9", [], None),
    ],
)
def test_nearest_sku_is_the_same_otherwise_written_or_nearly_so(sku: str, others: list[str], found: str | None) -> None:
    assert nearest(sku, others) == found


def test_folded_sku_keeps_zeros_that_count() -> None:
    assert folded("cap-009") == folded("CAP9") == "CAP9"
    assert folded("CAP-90") != folded("CAP-9")
    assert folded("X-0") == "X0"


def test_suggestion_goes_by_upc_first_then_by_sku(cart: Connection, globex: Account) -> None:
    acme = cart.account
    _held(cart, "CAP-9", upc="0012345678905")
    _held(cart, "HAT-7")
    _held(cart, "HAT-7")
    _held(cart, "ODD")
    _product(acme, "SOMETHING", upc="012345678905")
    _product(acme, "CAP-009")
    _product(acme, "HAT-007")
    _product(acme, "HAT-7X", gone=True)
    _product(globex, "ODD")
    found = [
        (one.sku, one.orders, one.product.sku if one.product else None, one.because) for one in mappings.unknown_skus(acme)
    ]
    assert found == [
        ("HAT-7", 2, "HAT-007", "near SKU"),
        ("CAP-9", 1, "SOMETHING", "same UPC"),
        ("ODD", 1, None, ""),
    ]


def test_sku_that_has_its_alias_or_product_needs_none(cart: Connection) -> None:
    acme = cart.account
    for item in ("KNOWN", "RENAMED"):
        _held(cart, item)
    _product(acme, "KNOWN")
    _product(acme, "OTHER")
    ProductAlias.objects.create(account=acme, cart_sku="RENAMED", wms_sku="OTHER")
    assert mappings.unknown_skus(acme) == []


def test_suggested_alias_is_one_click_and_lets_orders_be_looked_at_again(
    bob: User, cart: Connection, wms: Connection, browser: Browser
) -> None:
    _held(cart, "CAP-9")
    _product(cart.account, "CAP-009")
    client = browser(bob)
    html = client.get("/a/acme/aliases/").content.decode()
    assert "Add this alias" in html
    values = dict(re.findall(r'type="hidden" name="(cart|cart_sku|wms_sku)" value="([^"]*)"', html))
    answer = client.post("/a/acme/aliases/add/", values, follow=True)
    assert "Added." in _text(answer)
    alias = ProductAlias.objects.for_account(cart.account).get()
    assert (alias.cart, alias.cart_sku, alias.wms_sku) == (cart, "CAP-9", "CAP-009")
    assert _waits_for_recheck(wms)
    assert AuditEntry.objects.get(verb="alias.added").actor == bob.email
    assert "SKUs that hold orders" not in _text(answer)


def test_alert_about_a_sku_or_a_code_leads_to_its_list(bob: User, acme: Account, browser: Browser) -> None:
    AlertFactory.create(account=acme, cause="hold.unknown_sku", subject="CAP-9")
    AlertFactory.create(account=acme, cause="hold.unmapped_ship_method", subject="GCG")
    html = browser(bob).get("/a/acme/alerts/").content.decode()
    assert '<a class="mend" href="/a/acme/aliases/">Add an alias for CAP-9</a>' in html
    assert '<a class="mend" href="/a/acme/ship-methods/">Map GCG</a>' in html


# --- one of them -------------------------------------------------------------------------------------------------------------


def test_alias_is_added_changed_and_removed(bob: User, cart: Connection, wms: Connection, browser: Browser) -> None:
    client, rows = browser(bob), ProductAlias.objects.for_account(cart.account)
    client.post("/a/acme/aliases/add/", {"cart": "", "cart_sku": " CAP-9 ", "wms_sku": "CAP-009"})
    alias = rows.get()
    assert (alias.cart, alias.cart_sku) == (None, "CAP-9")
    again = client.post("/a/acme/aliases/add/", {"cart": "", "cart_sku": "CAP-9", "wms_sku": "CAP-010"})
    assert "CAP-9 is CAP-009 already. Change that alias instead." in _text(again)
    assert 'value="CAP-010"' in again.content.decode(), "what was typed stays"
    path = f"/a/acme/aliases/{alias.public_id}/"
    assert 'value="CAP-009"' in client.get(path).content.decode()
    client.post(path, {"wms_sku": "CAP-011"})
    assert rows.get().wms_sku == "CAP-011"
    client.post(f"{path}remove/")
    assert not rows.exists()
    verbs = set(AuditEntry.objects.filter(account=cart.account).values_list("verb", flat=True))
    assert verbs == {"alias.added", "alias.changed", "alias.removed"}


def test_mapping_a_code_releases_what_it_held(bob: User, cart: Connection, wms: Connection, browser: Browser) -> None:
    cart.settings |= {"unmapped_ship_codes": "hold"}
    cart.save()
    code = ShipMethodMap.objects.create(account=cart.account, cart=cart, cart_code="GCG")
    quiet = ShipMethodMap.objects.create(account=cart.account, cart=cart, cart_code="AAA")
    order = OrderFactory.create(account=cart.account, source=cart, ship_code="gcg", hold=HoldReason.UNMAPPED_SHIP_METHOD)
    client = browser(bob)
    text = _text(client.get("/a/acme/ship-methods/"))
    assert text.index("GCG DSCO 1 waits") < text.index("AAA DSCO none waits")
    client.post(f"/a/acme/ship-methods/{code.public_id}/", {"wms_code": "UPS Ground"})
    order.refresh_from_db()
    code.refresh_from_db()
    assert (order.hold, code.wms_code) == ("", "UPS Ground")
    assert client.post(f"/a/acme/ship-methods/{quiet.public_id}/remove/").status_code == 404


def test_code_is_added_once_whatever_its_case(bob: User, cart: Connection, browser: Browser) -> None:
    client, rows = browser(bob), ShipMethodMap.objects.for_account(cart.account)
    rows.create(cart=cart, cart_code="gcg")
    values = {"cart": str(cart.public_id), "cart_code": "GCG", "wms_code": "UPS Ground"}
    client.post("/a/acme/ship-methods/add/", values)
    assert rows.get().wms_code == "UPS Ground"
    assert "becomes UPS Ground already" in _text(client.post("/a/acme/ship-methods/add/", {**values, "wms_code": "Air"}))


def test_only_products_that_came_by_hand_change_by_hand(bob: User, acme: Account, wms: Connection, browser: Browser) -> None:
    client, rows = browser(bob), Product.objects.for_account(acme)
    client.post("/a/acme/products/add/", {"sku": "CAP-1", "name": "A cap", "upc": ""})
    own, theirs = rows.get(), _product(acme, "CAP-2", connection=wms)
    assert "There is a product CAP-1 already." in _text(client.post("/a/acme/products/add/", {"sku": "CAP-1"}))
    client.post(f"/a/acme/products/{own.public_id}/", {"name": "A better cap", "upc": "12"})
    refused = client.post(f"/a/acme/products/{theirs.public_id}/", {"name": "Mine"})
    assert "CAP-2 is a product of QuickBooks Commerce. Change it there." in _text(refused)
    assert "Change it there." in _text(client.post(f"/a/acme/products/{theirs.public_id}/remove/", follow=True))
    client.post(f"/a/acme/products/{own.public_id}/remove/")
    assert list(rows.values_list("sku", flat=True)) == ["CAP-2"]


def test_cart_of_another_account_is_no_choice(bob: User, acme: Account, globex: Account, browser: Browser) -> None:
    foreign = ConnectionFactory.create(account=globex)
    values = {"cart": str(foreign.public_id), "cart_sku": "A", "wms_sku": "B"}
    assert browser(bob).post("/a/acme/aliases/add/", values).status_code == 200
    assert not ProductAlias.objects.for_account(acme).exists()


# --- many of them ------------------------------------------------------------------------------------------------------------


def _upload(client: Client, kind: str, text: str, name: str = "mine.csv") -> Any:
    return client.post(f"/a/acme/{kind}/import/", {"file": SimpleUploadedFile(name, text.encode())})


def test_file_is_shown_with_its_errors_and_loaded_when_a_person_says_so(
    bob: User, cart: Connection, wms: Connection, browser: Browser
) -> None:
    client, rows = browser(bob), ProductAlias.objects.for_account(cart.account)
    text = 'cart,cart_sku,wms_sku,note\r\nDSCO,"CAP ""9""",CAP-009,\r\n,CAP-8,,\r\nNobody,CAP-7,CAP-007,\r\n'
    shown = _upload(client, "aliases", text)
    said = _text(shown)
    for words in ("3 rows: 1 would be added", "2 can't be taken", "Line 3 wms_sku is empty.", "Line 4 There is no cart"):
        assert words in said, words
    assert "Not read: note." in said
    assert not rows.exists()
    carried = {"name": shown.context["name"], "text": shown.context["text"]}
    done = client.post("/a/acme/aliases/import/load/", carried, follow=True)
    assert "1 added, 0 changed. 2 rows were refused." in _text(done)
    assert rows.get().cart_sku == 'CAP "9"'
    assert _waits_for_recheck(wms)
    assert AuditEntry.objects.get(verb="aliases.imported").words == "1 added, 0 changed, 0 as they were, 2 refused."


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\r\n1,2\r\n", "has no column sku"), ("", "empty"), ("sku\r\n" + "x" * 2_000_001, "larger than 2 MB")],
)
def test_file_that_is_none_says_why(text: str, said: str, bob: User, acme: Account, browser: Browser) -> None:
    answer = _upload(browser(bob), "products", text)
    assert answer.status_code == 200
    assert said in _text(answer)


def test_name_of_a_file_is_only_a_name(bob: User, acme: Account, browser: Browser) -> None:
    carried = {"name": "../../../etc/<b>x</b>.csv", "text": "sku\r\nCAP-1\r\n"}
    browser(bob).post("/a/acme/products/import/load/", carried)
    assert Product.objects.for_account(acme).get().sku == "CAP-1"


def test_export_can_be_imported_again(vera: User, bob: User, cart: Connection, browser: Browser) -> None:
    ShipMethodMap.objects.create(account=cart.account, cart=cart, cart_code="=GCG", wms_code="UPS Ground")
    answer = browser(vera).get("/a/acme/ship-methods/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="acme-ship-methods.csv"'
    text = b"".join(answer).decode()  # type: ignore[arg-type] # a streaming answer
    assert "0 would be added, 0 changed, 1 is as it is" in _text(_upload(browser(bob), "ship-methods", text))


# --- all of them -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_empty_lists_say_what_fills_them(kind: str, vera: User, acme: Account, browser: Browser) -> None:
    assert re.search(r"No (products|aliases|codes) yet\. \w+", _text(browser(vera).get(f"/a/acme/{kind}/")))


def test_lists_show_their_own_rows_and_find_by_beginning(
    vera: User, cart: Connection, globex: Account, browser: Browser
) -> None:
    client = browser(vera)
    for account in (cart.account, globex):
        _product(account, f"CAP-{account.slug}", upc=f"99{account.pk}")
        ProductAlias.objects.create(account=account, cart_sku=f"C-{account.slug}", wms_sku="W-1")
    for path, found in (
        ("products/", "CAP-acme"),
        ("products/?sku=cap", "CAP-acme"),
        (f"products/?sku=99{cart.account.pk}", "CAP-acme"),
        ("aliases/?sku=w-", "C-acme"),
    ):
        text = _text(client.get(f"/a/acme/{path}"))
        assert found in text
        assert "globex" not in text
    assert "No product begins with “nothing”." in _text(client.get("/a/acme/products/?sku=nothing"))


@pytest.mark.parametrize("kind", KINDS)
def test_lists_ask_the_database_as_often_for_much_as_for_little(kind: str, bob: User, acme: Account, browser: Browser) -> None:
    client, asked = browser(bob), []
    for number in (1, 8):
        for turn in range(number):
            cart, name = ConnectionFactory.create(account=acme), f"{number}-{turn}"
            _product(acme, f"CAP-00{name}", connection=cart)
            ProductAlias.objects.create(account=acme, cart=cart, cart_sku=f"HAT-{name}", wms_sku="W")
            for code in ("", "UPS"):
                ShipMethodMap.objects.create(account=acme, cart=cart, cart_code=f"X{name}{code}", wms_code=code)
            _held(cart, f"CAP-{name}", upc=f"1{number}{turn}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/a/acme/{kind}/").status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert asked[1] < 20


@pytest.mark.parametrize("kind", KINDS)
def test_viewers_look_and_outsiders_see_nothing(
    kind: str, vera: User, charlie: User, cart: Connection, browser: Browser
) -> None:
    viewer, outsider = browser(vera), browser(charlie)
    html = viewer.get(f"/a/acme/{kind}/").content.decode()
    assert f"/{kind}/add/" not in html
    assert f"/{kind}/export/" in html
    for page in ("add", "import"):
        assert viewer.get(f"/a/acme/{kind}/{page}/").status_code == 403
        assert outsider.post(f"/a/acme/{kind}/{page}/").status_code == 404
    assert viewer.post(f"/a/acme/{kind}/import/load/").status_code == 403
    alias = ProductAlias.objects.create(account=cart.account, cart_sku="A", wms_sku="B")
    for act in ("", "remove/"):
        assert outsider.post(f"/a/globex/aliases/{alias.public_id}/{act}", {"wms_sku": "C"}).status_code == 404
        assert viewer.post(f"/a/acme/aliases/{alias.public_id}/{act}", {"wms_sku": "C"}).status_code == 403
