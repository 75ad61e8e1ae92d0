"""Days on which something is stuck: a person opens the portal, sees what it is, and mends it there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Route, expect

from cartrover.accounts.models import AuditEntry, Role, User
from connectors.contract import HoldReason
from connectors.models import ConnectionState, ServiceName
from orders.actions import order_cancel
from orders.acts import jobs
from orders.models import Alert, AlertState, Job, JobState, Order, ProductAlias
from tests.browser.visitor import Visitor
from tests.browser.worker import work
from tests.factories import MembershipFactory
from tests.hub import Hub

Visit = Callable[..., Visitor]


@pytest.fixture
def operator(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="omar@example.com", role=Role.OPERATOR).user


@pytest.fixture
def owner(hub: Hub) -> User:
    return MembershipFactory.create(account=hub.account, user__email="olga@example.com", role=Role.OWNER).user


def test_order_held_for_an_unknown_sku_goes_out_after_one_click_on_the_suggested_alias(
    hub: Hub, operator: User, visit: Visit
) -> None:
    hub.run(ServiceName.INVENTORY_PICKUP)
    [placed] = hub.place(count=1, items=[{"sku": "CAP001", "quantity": 2, "cost": "12.50"}])
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    assert hub.at_commerce() == []

    window = visit(operator)
    page = window.open("/")
    needs = page.get_by_role("region", name="Needs you")
    expect(needs).to_contain_text("CAP001")
    window.screenshot("what-needs-a-person")
    needs.get_by_role("link", name="Add an alias for CAP001").click()

    row = page.get_by_role("table", name="SKUs that hold orders").get_by_role("row").filter(has_text="CAP001")
    expect(row).to_contain_text("CAP-001")
    window.screenshot("suggested-alias")
    row.get_by_role("button", name="Add this alias").click()
    expect(page.get_by_role("status").first).to_contain_text("Orders that waited for it go on by themselves.")
    expect(page.get_by_role("table", name="SKUs that hold orders")).to_have_count(0)

    work(hub.account)
    [sent] = hub.at_commerce()
    assert [line["sku"] for line in sent["lines"]] == ["CAP-001"]
    order = hub.order(cust_po_no=placed["po_number"])
    assert (order.hold, order.wms_number) == ("", sent["order_number"])
    page.goto("/")
    expect(page.get_by_role("region", name="Needs you")).to_contain_text("Nothing needs you.")
    page.get_by_role("link", name=order.cust_ref).first.click()
    expect(page.get_by_role("row").filter(has_text="CAP001")).to_contain_text("→ CAP-001")
    expect(page.get_by_role("region", name="Story")).to_contain_text("CAP001")


def test_broken_login_is_told_on_home_and_gone_by_itself_once_the_new_password_was_pasted(
    hub: Hub, owner: User, visit: Visit
) -> None:
    hub.dsco.drive("change_password")
    hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.ORDER_DOWNLOAD)
    assert not Order.objects.for_account(hub.account).exists()

    window = visit(owner)
    page = window.open("/")
    needs = page.get_by_role("region", name="Needs you")
    expect(needs).to_contain_text("refused user")
    window.screenshot("what-needs-a-person")
    needs.get_by_role("link", name="Look at DSCO").click()
    expect(page.get_by_role("region", name="Test")).to_contain_text("the password. Check both")
    window.screenshot("broken-connection")
    page.get_by_role("link", name="Change its settings").click()
    new = hub.dsco.secrets["ftp_password"]
    page.get_by_label("FTP password").fill(new)
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved.")
    assert new not in page.content()

    work(hub.account)
    page.goto("/")
    expect(page.get_by_role("region", name="Needs you")).to_contain_text("Nothing needs you.")
    hub.cart.refresh_from_db()
    assert hub.cart.state == ConnectionState.OK
    assert Alert.objects.for_account(hub.account).get(cause="connection_broken").state == AlertState.RESOLVED
    assert [order["reference_number"] for order in hub.at_commerce()] == [
        Order.objects.for_account(hub.account).get().cust_po_no
    ]
    trail = AuditEntry.objects.filter(account=hub.account, actor=owner.email, verb="connection.changed").get()
    assert (trail.words, new in trail.words) == ("Set: ftp_password.", False)


def test_orders_that_the_wms_refused_are_sent_again_together_and_what_did_not_work_is_told(
    hub: Hub, operator: User, visit: Visit
) -> None:
    hub.commerce.drive("fault", name="422", path="/orders", method="POST", times=0)
    hub.place(count=30, skus=["CAP-001", "TEE-001"])
    hub.run(ServiceName.ORDER_DOWNLOAD, ServiceName.ORDER_DELIVERY)
    refused = Order.objects.for_account(hub.account).filter(hold=HoldReason.REFUSED)
    assert refused.count() == 30
    hub.commerce.drive("clear_faults")

    window = visit(operator)
    page = window.open(f"/a/{hub.account.slug}/orders/")
    page.get_by_text("More filters").click()
    page.get_by_label("Held because").select_option("refused")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name="Act on all that match").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("30 orders that match")
    page.get_by_label("Send again").check()
    window.screenshot("before-sending-again")
    page.get_by_role("button", name="Do this to 30 orders").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send again: orders that match the filter")

    job = Job.objects.for_account(hub.account).get()
    jobs.run_job(job.pk, seconds=0)
    expect(page.get_by_role("status").first).to_contain_text("0 of 30")
    other = refused.earliest("pk")
    order_cancel(order=other, actor="a colleague")
    work(hub.account)
    expect(page.get_by_role("main")).to_contain_text("29 done, 1 not done.")
    expect(page.get_by_role("listitem").filter(has_text=other.cust_ref)).to_be_visible()
    job.refresh_from_db()
    assert (job.state, job.done, job.refused) == (JobState.DONE, 29, 1)
    assert len(hub.at_commerce()) == 29
    assert not refused.exclude(pk=other.pk).exists()


def test_aliases_from_a_file_are_looked_at_first_and_the_good_rows_loaded(hub: Hub, operator: User, visit: Visit) -> None:
    window = visit(operator)
    page = window.open(f"/a/{hub.account.slug}/aliases/")
    page.get_by_role("link", name="Import a CSV file").click()
    rows = [
        "cart_sku,wms_sku,cart",
        "CAP-9,CAP-001,",
        "MUG-9,,",
        "TEE-9,TEE-001,Nowhere",
        "CAP-9,TEE-001,",
        "MUG-8,MUG-001,DSCO",
    ]
    file = {"name": "aliases.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()}
    page.get_by_label("File").set_input_files([FilePayload(**file)])
    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_role("main")).to_contain_text("5 rows: 2 would be added, 0 changed")
    refused = page.get_by_role("table", name="Rows that can't be taken").get_by_role("row")
    expect(refused).to_contain_text(
        ["Why it can't be taken", "Line 3wms_sku is empty.", "Line 4There is no cart “Nowhere”.", "Line 5The same is on line 2"]
    )
    window.screenshot("rows-that-are-refused")
    aliases = ProductAlias.objects.for_account(hub.account)
    assert not aliases.exists()
    page.get_by_role("button", name="Load the other rows").click()

    expect(page.get_by_role("status").first).to_contain_text("2 added, 0 changed. 3 rows were refused.")
    expect(page.get_by_role("table", name="Aliases by the cart's SKU").get_by_role("row")).to_have_count(3)
    assert set(aliases.values_list("cart_sku", "wms_sku", "cart__name")) == {
        ("CAP-9", "CAP-001", None),
        ("MUG-8", "MUG-001", "DSCO"),
    }


def test_preview_that_takes_long_shows_its_shape_and_then_whom_it_waits_for(hub: Hub, operator: User, visit: Visit) -> None:
    [placed] = hub.place(count=1, skus=["CAP-001"])
    hub.run(ServiceName.INVENTORY_PICKUP, ServiceName.ORDER_DOWNLOAD)
    order = hub.order(cust_po_no=placed["po_number"])
    window = visit(operator)
    page = window.open(f"/a/{hub.account.slug}/orders/{order.public_id}/")
    waiting: list[Route] = []
    page.route("**/preview/", lambda route: waiting.append(route))
    page.get_by_role("link", name="What would be sent").click()
    expect(page.locator(".skeleton")).to_be_visible()
    expect(page.get_by_text("Still asking QuickBooks Commerce")).to_be_visible()
    window.screenshot("preview-awaited")
    waiting.pop().continue_()
    expect(page.locator("#preview")).to_contain_text("To QuickBooks Commerce")
    expect(page.locator(".skeleton")).to_be_hidden()
