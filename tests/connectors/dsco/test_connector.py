"""The connector's face: settings, identity, guide and jobs, and the headers that were recorded from real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.contract import Purpose
from connectors.dsco.connector import SPEC, identity
from connectors.dsco.fields import port_of
from connectors.dsco.wire import read_layout
from connectors.errors import BadDocument
from tests.connectors.dsco.files import read
from tests.connectors.dsco.hub import settings

REFERENCE = Path(os.environ.get("CARTROVER_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))
RECORDED = REFERENCE / "dsco_samples"
needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded headers: set CARTROVER_REFERENCE")


@pytest.mark.parametrize(("protocol", "port"), [("sftp", 22), ("ftps", 21), ("ftp", 21)])
def test_each_protocol_has_its_port(protocol: str, port: int) -> None:
    assert port_of(settings(protocol=protocol)) == port
    assert port_of(settings(protocol=protocol, port="2222")) == 2222


def test_dscos_own_server_is_proposed() -> None:
    assert {one.name: one.default for one in SPEC.fields}["ftp_server"] == "sftp.dsco.io"


def test_one_remote_account_has_one_identity_however_it_is_spelled() -> None:
    secrets = {"ftp_password": "a"}
    known = identity(settings(ftp_server="SFTP.dsco.io", ftp_username="account1"), secrets)
    assert known == "sftp.dsco.io:22:account1:out"
    same = settings(ftp_server="sftp.dsco.io", ftp_username="account1", port="22", order_folder="/out/")
    assert identity(same, {"ftp_password": "b"}) == known
    for changes in ({"ftp_username": "account2"}, {"port": "23"}, {"order_folder": "out/eu"}, {"ftp_server": "ftp.dsco.io"}):
        other = settings(**{"ftp_server": "sftp.dsco.io", "ftp_username": "account1", **changes})
        assert identity(other, secrets) != known


def test_an_account_that_is_not_named_yet_has_no_identity() -> None:
    assert identity({"ftp_server": "sftp.dsco.io", "ftp_username": ""}, {}) == ""


def test_the_guide_asks_for_every_setting_that_a_merchant_must_give() -> None:
    asked = {name for step in SPEC.guide.steps for name in step.fields}
    needed = {one.name for one in SPEC.fields if one.required and not one.advanced}
    assert needed <= asked
    assert asked <= {one.name for one in SPEC.fields}


def test_there_is_a_job_for_orders_and_one_for_each_file_that_is_sent() -> None:
    jobs = {job.purpose: job for job in SPEC.guide.jobs(settings())}
    assert jobs.keys() == {"orders", *(purpose.value for purpose in Purpose)}
    assert (jobs["orders"].direction, jobs["orders"].folder) == ("Export", "/out")
    assert jobs["orders"].file_pattern == "Purchase_Order_{$ymdt}.csv"
    assert {job.direction for purpose, job in jobs.items() if purpose != "orders"} == {"Import"}
    assert jobs["stock"].file_pattern == "Inventory_*.csv"
    assert [purpose for purpose, job in jobs.items() if not job.required] == ["cancels"]


def test_the_jobs_follow_the_settings() -> None:
    changed = settings(
        delimiter="pipe", upload_folder="in/eu/", shipment_file_pattern="Ship_EU_*", order_file_pattern="PO_*.csv"
    )
    jobs = {job.purpose: job for job in SPEC.guide.jobs(changed)}
    assert (jobs["shipments"].file_pattern, jobs["shipments"].folder) == ("Ship_EU_*.psv", "/in/eu")
    assert "Pipe" in jobs["shipments"].file_format
    assert jobs["orders"].file_pattern == "PO_{$ymdt}.csv"


@needs_recorded
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("order_header_export_stadiumgoods.csv", 123),
        ("order_header_supplier_orderimport.csv", 66),
        ("order_header_retailer_purchase_order.csv", 20),
        ("order_row_partial_rithum_2025.csv", 34),
    ],
)
def test_recorded_order_headers_are_understood(name: str, columns: int) -> None:
    body = (RECORDED / name).read_bytes()
    assert len(read_layout(lambda: [body], name).names) == columns


@needs_recorded
def test_the_recorded_order_row_becomes_an_order() -> None:
    order = read((RECORDED / "order_row_partial_rithum_2025.csv").read_bytes()).order
    assert (order.external_id, order.cust_po_no) == ("935387499", "EDIT.17469054370068510")
    assert (order.ship_code, order.lines[0].item, order.lines[0].quantity) == ("GCG", "JAX-FA-010-DS", 1)
    assert str(order.order_date) == "2025-05-10"


@needs_recorded
@pytest.mark.parametrize("name", ["inventory_header_import_owd_nordstrom.csv", "order_api_v3_real_redacted.json"])
def test_recorded_files_of_another_kind_are_no_orders(name: str) -> None:
    with pytest.raises(BadDocument, match="no column"):
        read((RECORDED / name).read_bytes())
