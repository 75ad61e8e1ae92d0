"""A merchant who has never seen the hub, from signing up to the first live order, with nothing but its pages."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.core.mail import EmailMessage
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cartrover.accounts.models import Account, Membership
from connectors import registry
from connectors.contract import RunningSandbox
from connectors.models import Connection
from orders.models import Order, Shipment
from orders.pipeline import upload
from tests.accounts.mailbox import link_in
from tests.browser.visitor import Visitor
from tests.browser.worker import work
from tests.far_sides import EVERY_WMS

WORKFLOWS = {
    "Shipment Import": "shipment",
    "Inventory Import": "inventory",
    "Invoice Import": "invoice",
    "Order Export": "order",
}
"""The jobs that the guide asks for, and what DSCO calls each kind."""

MINUTES = 15
"""What signing up and connecting everything may take a person; the walk itself leaves them most of it."""


@pytest.fixture
def portal(live_server: LiveServer, settings: Any) -> str:
    """The portal, which names itself rightly in mails and to the far sides, and to which nobody has signed up just now."""
    settings.PORTAL_URL = live_server.url
    cache.clear()  # the limits on signing up
    return live_server.url


@EVERY_WMS
@pytest.mark.timeout(180)
def test_stranger_comes_to_the_first_live_order_by_the_set_up_guide_alone(
    portal: str,
    dsco: RunningSandbox,
    commerce: RunningSandbox,
    wms_kind: str,
    visit: Callable[..., Visitor],
    mailoutbox: list[EmailMessage],
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = time.monotonic()
    visitor = visit(None)
    page = visitor.open("/")

    _sign_up(page, mailoutbox)
    visitor.screenshot("signed-up")
    account = Account.objects.get(name="Neumann Hats")
    assert Membership.objects.get(account=account).user.email == "nora@example.org"

    _connect_wms(visitor, wms_kind, commerce)
    wms = Connection.objects.for_account(account).get(side="wms")
    assert (wms.state, wms.live) == ("ok", False)

    _connect_dsco(page, dsco)
    cart = Connection.objects.for_account(account).get(side="cart")
    assert (cart.state, cart.live) == ("ok", False)
    visitor.screenshot("tested")
    _create_jobs(page, dsco)
    beside = visitor.context.new_page()
    beside.goto(page.url)
    expect(beside.get_by_text("not seen yet")).to_have_count(5)

    _to_the_gate(page)
    _let_a_test_order_go_round(page, account, dsco, commerce)
    visitor.screenshot("test-order-gone-round", whole=True)
    page.get_by_role("link", name="All about this connection").click()
    with monkeypatch.context() as patched:  # the hub looks every ten minutes whether a file was taken
        patched.setattr(upload, "WATCH_EVERY", timedelta(0))
        _press_and_work(page, "Run Shipment upload now", account)
    # The list of jobs in the other window asks by itself.
    seen = beside.get_by_role("listitem").filter(has_text="✓")
    for job in ("Order Export", "Shipment Import"):
        expect(seen.filter(has_text=job)).to_be_visible(timeout=15_000)
    beside.close()

    live = dsco.drive("place_orders", count=1, skus=["TEE-001"])[0]
    dsco.drive("export")
    page.get_by_role("link", name="Test order and going live").click()
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DSCO is live")
    visitor.screenshot("live")
    work(account)
    order = Order.objects.for_account(account).get(is_test=False)
    assert (order.cust_po_no, order.status) == (live["po_number"], "at_wms")
    assert order.wms_number in {one["order_number"] for one in commerce.drive("state")["orders"]}
    page.goto(f"/a/{account.slug}/orders/")
    expect(page.get_by_role("row").filter(has_text=order.cust_ref)).to_contain_text("At WMS")
    seconds = time.monotonic() - began
    sys.stdout.write(f"From sign-up to the first live order in {seconds:.1f} s of walking.\n")
    assert seconds < MINUTES * 60


def _sign_up(page: Page, mailoutbox: list[EmailMessage]) -> None:
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Your name").fill("Nora Neumann")
    page.get_by_label("Company").fill("Neumann Hats")
    page.get_by_label("E-mail").fill("nora@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")
    page.goto(link_in(mailoutbox))
    page.get_by_role("button", name="Yes, verify it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a connection")


def _connect_wms(visitor: Visitor, kind: str, box: RunningSandbox) -> None:
    """Enter what the steps of the guide ask for, grant access where they say so, and walk through the rest of them."""
    page, name = visitor.page, registry.get(kind).name
    page.get_by_role("button", name=f"Connect {name}", exact=True).click()
    STEPS_TO_GRANT[kind](page, box)
    page.get_by_role("button", name="Grant API access").click()
    place = urlsplit(box.settings["authorize_url"])
    visitor.may_meet.add(f"{place.scheme}://{place.netloc}")
    page.get_by_role("button", name=f"Go to {name}").click()
    page.get_by_role("button", name=re.compile("^(Allow|Connect)$")).click()
    expect(page.get_by_role("status").first).to_contain_text("was granted, and it works.")
    while page.get_by_role("heading", level=1).inner_text() == f"Set up {name}":
        page.get_by_role("button", name=re.compile("Save and go on|Next step|[Oo]n to your cart")).click()
    expect(page.get_by_role("heading", name="Step 1")).to_contain_text("✓ connected")


def _enter_commerce(page: Page, box: RunningSandbox) -> None:
    page.get_by_label("API address").fill(box.settings["api_url"])
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("2. Grant API access")
    for label, name in (("Sign-in address", "authorize_url"), ("Token address", "token_url"), ("Application ID", "client_id")):
        page.get_by_label(label).fill(box.settings[name])
    page.get_by_label("Application secret").fill(box.secrets["client_secret"])


def _enter_online(page: Page, box: RunningSandbox) -> None:
    """A company elsewhere than at Intuit, whose addresses few need and whose id comes back with the grant."""
    page.get_by_label("Company", exact=True).select_option("Another address")
    page.get_by_text("More settings (4)").click()
    for label, name in ONLINE_ADDRESSES.items():
        page.get_by_label(label).fill(box.settings[name])
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("2. Grant access to your company")
    page.get_by_label("Client ID").fill(box.settings["client_id"])
    page.get_by_label("Client secret").fill(box.secrets["client_secret"])


ONLINE_ADDRESSES = {
    "API address": "api_url",
    "Sign-in address": "authorize_url",
    "Token address": "token_url",
    "Address at which access is given back": "revoke_url",
}
STEPS_TO_GRANT = {"quickbooks_commerce": _enter_commerce, "quickbooks_online": _enter_online}
"""What each kind's guide asks for before access is granted."""


def _connect_dsco(page: Page, dsco: RunningSandbox) -> None:
    """Paste what DSCO shows, confirm its host key, and see each step of the test."""
    page.get_by_role("button", name="Connect DSCO").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("2. Copy the FTP credentials")
    shown = dsco.settings
    password = dsco.secrets["ftp_password"]
    page.get_by_label("Paste what DSCO shows you").fill(
        f"Your SFTP access\nUsername: {shown['ftp_username']}\nPassword: {password}\nServer: {shown['ftp_server']}\n"
        f"Port: {shown['port']}\n"
    )
    page.get_by_role("button", name="Fill in the fields").click()
    expect(page.get_by_label("FTP server")).to_have_value(shown["ftp_server"])
    expect(page.get_by_label("FTP username")).to_have_value(shown["ftp_username"])
    expect(page.get_by_label("FTP password")).to_have_attribute("placeholder", re.compile("Stored"))
    assert password not in page.content()
    page.get_by_label("Port").fill(shown["port"])

    page.get_by_role("button", name="Save and test").click()
    page.get_by_role("button", name="Confirm this host key").click()
    steps = page.get_by_role("status").get_by_role("listitem")
    expect(steps.first).to_be_visible()
    expect(steps.filter(has_text="failed:")).to_have_count(0)
    expect(steps.filter(has_text="asks you:")).to_have_count(0)


def _create_jobs(page: Page, dsco: RunningSandbox) -> None:
    """Copy each job from the page to DSCO, value by value."""
    page.get_by_role("link", name="Create the jobs in DSCO").click()
    for name, workflow in WORKFLOWS.items():
        job = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))
        file_name = job.get_by_role("textbox", name="File name").input_value()
        dsco.drive("job", workflow=workflow, pattern=file_name, folder=job.get_by_role("textbox", name="Folder").input_value())


def _to_the_gate(page: Page) -> None:
    while page.get_by_role("heading", level=1).inner_text() == "Set up DSCO":
        page.get_by_role("button", name=re.compile("Save and go on|Next step|To the test order")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Go live with DSCO")


def _let_a_test_order_go_round(page: Page, account: Account, dsco: RunningSandbox, commerce: RunningSandbox) -> None:
    """Have DSCO place a test order, and watch it come to the warehouse and back."""
    stations = page.get_by_role("region", name="1. Let a test order go round").locator("ol").get_by_role("listitem")
    expect(stations).to_have_count(6)
    dsco.drive("place_orders", count=1, test=True, skus=["CAP-001"])
    dsco.drive("export")
    _press_and_work(page, "Look for new files now", account)
    expect(stations.nth(3)).to_contain_text("reached")

    [sent] = commerce.drive("state")["orders"]
    commerce.drive("finalize", order_id=sent["id"])
    commerce.drive("pack_and_ship", order_id=sent["id"])
    _press_and_work(page, "Run shipment pickup now", account)
    expect(stations.nth(5)).to_contain_text("reached")
    expect(page.get_by_text("The test order has gone round.")).to_be_visible()

    dsco.drive("wait")
    [package] = Shipment.objects.for_account(account)
    assert package.tracking_number in str(dsco.drive("state")["tracking"])


def _press_and_work(page: Page, button: str, account: Account) -> None:
    """Press what makes a service due, and be the worker that was called."""
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text("runs as soon as a worker is free")).to_be_visible()
    work(account)
