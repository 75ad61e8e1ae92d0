"""Test orders that the hub makes itself: a file like the cart's own, kept and read as any other."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from datetime import date

from django.db import transaction
from django.utils import timezone

from cartrover.accounts.models import AuditEntry
from cartrover.clock import hub_now
from connectors import registry
from connectors.contract import SampleOrder
from connectors.models import Connection, ServiceName
from connectors.readers import service_of, settings_of
from connectors.refusals import Refused
from orders.acts.on_request import run_soon
from orders.models import InboundBody, InboundDocument, InboundState, OrderEvent, Product

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Characters that nobody takes for another one."""


@transaction.atomic
def sample_order_make(*, cart: Connection, sku: str, actor: str) -> InboundDocument:
    """Make a file with one order of this SKU, marked as a test, and have the cart's next order download read it, now.

    Raise `Refused` for a cart that is live or can't have one, for a SKU that the WMS doesn't have, and where nothing can run.
    """
    spec = registry.find(cart.kind)
    if spec is None or spec.render_sample is None:
        raise Refused(f"The hub can't make a test order of {cart.name}. Have one placed there.")
    if cart.live:
        raise Refused(f"{cart.name} is live, and a live cart skips test orders. Go back to test mode first.")
    product = Product.objects.for_account(cart.account_id).filter(sku=sku.strip(), gone=False).first()
    if product is None:
        raise Refused(f"The WMS has no product with the SKU “{sku.strip()[:60]}”. Choose one that it has.")
    number = "TEST-" + "".join(secrets.choice(LETTERS) for _ in range(6))
    order = SampleOrder(number=number, order_date=_day(cart), item=product.sku, upc=product.upc, title=product.name[:200])
    document = _stored(cart, f"Test_order_{number}.csv", spec.render_sample(order, settings_of(cart)))
    words = f"{actor} made the test order {number} of SKU {product.sku}."
    OrderEvent.objects.create(
        account_id=cart.account_id, connection=cart, kind="file.made", words=words, document_name=document.name, actor=actor
    )
    AuditEntry.objects.create(
        account_id=cart.account_id,
        actor=actor[:254],
        verb="test_order.made",
        subject=f"{cart.kind} {cart.name}"[:200],
        words=words,
    )
    download = service_of(cart, ServiceName.ORDER_DOWNLOAD)
    if download is not None:
        run_soon(download)
    return document


def _day(cart: Connection) -> date:
    """Today, or the first day whose orders the cart takes."""
    earliest: date | None = settings_of(cart)["earliest_order_date"]
    today = timezone.localdate()
    return max(today, earliest) if earliest else today


def _stored(cart: Connection, name: str, body: bytes) -> InboundDocument:
    now = hub_now()
    document = InboundDocument.objects.create(
        account_id=cart.account_id,
        connection=cart,
        name=name,
        size=len(body),
        modified_at=now,
        state=InboundState.FETCHED,
        sha256=hashlib.sha256(body).hexdigest(),
        seen_at=now,
        fetched_at=now,
    )
    InboundBody.objects.create(account_id=cart.account_id, document=document, seq=0, deflated=zlib.compress(body, 1))
    return document
