"""A sandbox of its own for each test, and paramiko as its client."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import paramiko
import pytest

from connectors.dsco.sandbox import DscoSandbox, start_sandbox

SHIPMENT_COLUMNS = (
    *("po_number", "dsco_order_id", "line_item_line_number", "line_item_sku", "line_item_quantity"),
    *("package_tracking_number", "package_ship_carrier", "package_ship_method", "shipping_service_level_code"),
    "package_ship_date",
)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[DscoSandbox]:
    running = start_sandbox(str(tmp_path / "box"), {})
    yield running
    running.stop()


@pytest.fixture(scope="session")
def long_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DscoSandbox]:
    """One sandbox for tests that only drive it; they reset it first."""
    running = start_sandbox(str(tmp_path_factory.mktemp("long") / "box"), {})
    yield running
    running.stop()


class Login:
    """A paramiko client that is logged in."""

    def __init__(self, box: DscoSandbox, password: str | None = None) -> None:
        self.transport = paramiko.Transport(("127.0.0.1", int(box.settings["port"])))
        self.transport.banner_timeout = 5
        self.transport.auth_timeout = 5
        try:
            self.transport.connect(username=box.settings["ftp_username"], password=password or box.secrets["ftp_password"])
            client = paramiko.SFTPClient.from_transport(self.transport)
        except BaseException:
            self.transport.close()
            raise
        assert client is not None
        wait_at_most(client, 5)
        self.sftp = client

    @property
    def host_key(self) -> str:
        return self.transport.get_remote_server_key().get_base64()

    def close(self) -> None:
        self.transport.close()


@pytest.fixture
def login(box: DscoSandbox) -> Iterator[Callable[..., Login]]:
    opened: list[Login] = []

    def log_in(password: str | None = None) -> Login:
        opened.append(Login(box, password))
        return opened[-1]

    yield log_in
    for one in opened:
        one.close()


@pytest.fixture
def sftp(login: Callable[..., Login]) -> paramiko.SFTPClient:
    return login().sftp


def wait_at_most(sftp: paramiko.SFTPClient, seconds: float) -> None:
    """Let the client give up on an answer after so many seconds."""
    channel = sftp.get_channel()
    assert channel is not None
    channel.settimeout(seconds)


def document(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> bytes:
    """Return rows as a supplier's file."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator="\r\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def read(sftp: paramiko.SFTPClient, path: str) -> bytes:
    """Download a file whole."""
    body = io.BytesIO()
    sftp.getfo(path, body)
    return body.getvalue()


def put(sftp: paramiko.SFTPClient, path: str, body: bytes) -> None:
    """Upload a file under its final name."""
    sftp.putfo(io.BytesIO(body), path, confirm=False)


def parsed(body: bytes, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    """Return the rows of a file by column."""
    return list(csv.DictReader(io.StringIO(body.decode(encoding), newline=""), delimiter=delimiter))


def shipment(
    order: Mapping[str, Any], *, line: int = 0, quantity: int = 1, tracking: str = "1Z1", **more: Any
) -> dict[str, Any]:
    """Return a row of a shipment file."""
    return {
        "po_number": order["po_number"],
        "dsco_order_id": order["dsco_order_id"],
        "line_item_line_number": order["lines"][line]["line_number"],
        "line_item_sku": order["lines"][line]["sku"],
        "line_item_quantity": quantity,
        "package_tracking_number": tracking,
        "package_ship_carrier": "UPS",
        "package_ship_method": "Ground",
        "shipping_service_level_code": "UPCG",
        "package_ship_date": "2026-11-22T10:00:00+00:00",
    } | more


def invoice(order: Mapping[str, Any], invoice_id: str, *, line: int = 0, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """Return a row of an invoice file whose total is right for one line of one piece."""
    found = order["lines"][line]
    return {
        "invoice_id": invoice_id,
        "po_number": order["po_number"],
        "dsco_order_id": order["dsco_order_id"],
        "invoice_date": "2026-11-22T10:00:00+00:00",
        "invoice_total_amount": found["cost"],
        "line_item_line_number": found["line_number"],
        "line_item_sku": found["sku"],
        "line_item_unit_price": found["cost"],
        "line_item_quantity": quantity,
    } | more


def cancel(order: Mapping[str, Any], *, line: int = 0, quantity: int = 1, code: str = "CXSS", **more: Any) -> dict[str, Any]:
    """Return a row of a cancel file."""
    return {
        "po_number": order["po_number"],
        "dsco_order_id": order["dsco_order_id"],
        "line_item_line_number": order["lines"][line]["line_number"],
        "line_item_sku": order["lines"][line]["sku"],
        "line_item_cancel_code": code,
        "line_item_cancel_reason": "Out of stock",
        "line_item_status_quantity": quantity,
    } | more


def handed_in(box: DscoSandbox, name: str, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Let DSCO process a file and return what became of its rows: outcome and code."""
    box.drive("put_file", path=f"/in/{name}", text=document(rows).decode())
    process = box.drive("process")[-1]
    assert process["status"] == "Finished", process["words"]
    return [(row["outcome"], row["code"]) for row in process["rows"]]
