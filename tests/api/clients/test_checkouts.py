"""CartRover's own client for PHP, unchanged but for the host name, where somebody has put it: its code isn't ours to ship.

`CARTROVER_CLIENTS` names the folder that holds `cartrover-php`. Source: CartRover reference 1.11.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.clients.stacks import FOLDER, require
from tests.api.clients.test_known_clients import PHP_ORDER
from tests.api.conftest import Program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def _called(address: str, program: Program, *calls: tuple[str, list[Any]]) -> list[Any]:
    require("php")
    library = Path(os.environ.get("CARTROVER_CLIENTS", "nowhere")) / "cartrover-php" / "lib" / "cartrover.php"
    if not library.is_file():
        pytest.skip("cartrover-php isn't here; CARTROVER_CLIENTS names the folder that holds it")
    command = ["php", str(FOLDER / "official.php"), str(library), address, program.key.api_user, program.secret]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, timeout=200, check=True)
    returned: list[Any] = json.loads(done.stdout)
    return returned


def test_every_method_of_the_official_php_client(address: str, shop: Program, warehouse: Program) -> None:
    warehouse.post("/v1/merchant/inventory", {"sku": "C100", "qty_available": 7})
    warehouse.post("/v1/wms/shipmethod", {"code": "20", "carrier": "UPS", "description": "UPS Ground"})
    made, again, two, seen, stock, one, canceled, nobody = _called(
        address,
        shop,
        ("CreateOrders", [[PHP_ORDER]]),
        ("CreateOrders", [[PHP_ORDER]]),
        ("CreateOrders", [[{**PHP_ORDER, "cust_ref": "TEST2"}, PHP_ORDER]]),
        ("ViewOrder", ["TEST1"]),
        ("ListInventory", []),
        ("GetProdInventory", ["C100"]),
        ("CancelOrder", ["TEST1"]),
        ("ViewOrder", ["NOBODY"]),
    )
    assert made is True
    assert again == {"raised": "OrderDuplicate", "status": 200}
    assert [len(two[part]) for part in ("success", "failed")] == [1, 1]
    assert (seen["cust_ref"], seen["ship_country"], len(seen["items"])) == ("TEST1", "USA", 2)
    assert stock[0]["sku"] == one["sku"] == "C100"
    assert canceled is True
    assert nobody == {"raised": "Order not found: NOBODY", "status": 200}
    codes = [{"cart_code": "Express", "wms_code": "20"}, {"cart_code": "Standard", "wms_code": None}]
    carts, kinds, methods, changed, mapped = _called(
        address,
        warehouse,
        ("ListCarts", []),
        ("ListAllCarts", []),
        ("ListWMSShipMethods", []),
        ("UpdateCartShipMethod", ["APIAccess1", codes]),
        ("ListCartShipMethods", ["APIAccess1"]),
    )
    assert [cart["order_source"] for cart in carts] == ["APIAccess1"]
    assert "api_cart" in {kind["cart_type"] for kind in kinds}
    assert [method["code"] for method in methods] == ["20"]
    assert changed is True
    assert mapped == codes
