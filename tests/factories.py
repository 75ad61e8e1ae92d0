"""Makes rows for tests; what isn't said is ordinary.

`AccountFactory()`, `ConnectionFactory(account=acme)` is a DSCO cart, `ConnectionFactory(account=acme, wms=True)` a QuickBooks
Commerce one, `OrderFactory(account=acme, lines=2)` an order with two lines, in a cart of that account.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory

from cartrover.accounts.models import Account, Membership, Organization, Role, User
from cartrover.vault import seal
from connectors.models import Connection, ConnectionSecret, ConnectionState, Service, ServiceName
from orders.models import Alert, Order, OrderEvent, OrderLine
from orders.pipeline.ordered_items import note_ordered

PASSWORD = "correct horse battery"


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")


class AccountFactory(DjangoModelFactory):
    class Meta:
        model = Account

    organization = factory.SubFactory(OrganizationFactory)
    slug = factory.Sequence(lambda n: f"account-{n}")
    name = factory.LazyAttribute(lambda account: account.slug.replace("-", " ").title())


class UserFactory(DjangoModelFactory):
    """A person who signs in with `PASSWORD`."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    password = PASSWORD

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(*args, **kwargs)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


class ConnectionFactory(DjangoModelFactory):
    """A tested, live DSCO cart; `wms=True` makes it a QuickBooks Commerce connection."""

    class Meta:
        model = Connection

    class Params:
        wms = factory.Trait(
            kind="quickbooks_commerce",
            side="wms",
            name=factory.Sequence(lambda n: f"QuickBooks Commerce {n}"),
            settings={"api_url": "http://127.0.0.1:9/"},
        )

    account = factory.SubFactory(AccountFactory)
    kind = "dsco"
    side = "cart"
    name = factory.Sequence(lambda n: f"DSCO {n}")
    settings = factory.LazyFunction(lambda: {"ftp_server": "127.0.0.1", "ftp_username": "merchant"})
    state = ConnectionState.OK
    live = True


class SecretFactory(DjangoModelFactory):
    """A sealed secret: `SecretFactory(connection=cart, name="ftp_password", text="hunter2")`."""

    class Meta:
        model = ConnectionSecret

    class Params:
        text = "not-a-real-secret"

    connection = factory.SubFactory(ConnectionFactory)
    account = factory.SelfAttribute("connection.account")
    name = "ftp_password"
    sealed = factory.LazyAttribute(lambda secret: seal(secret.text))


class ServiceFactory(DjangoModelFactory):
    class Meta:
        model = Service

    connection = factory.SubFactory(ConnectionFactory)
    account = factory.SelfAttribute("connection.account")
    name = ServiceName.ORDER_DOWNLOAD
    every = "5"


class OrderFactory(DjangoModelFactory):
    """An order; `lines=2` makes two lines, `lines=[{"item": "CAP-9"}]` just that one, `lines=0` none."""

    class Meta:
        model = Order
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    source = factory.SubFactory(ConnectionFactory, account=factory.SelfAttribute("..account"))
    external_id = factory.Sequence(lambda n: f"dsco-{n}")
    cust_po_no = factory.Sequence(lambda n: f"PO-{n:06d}")
    cust_ref = factory.SelfAttribute("cust_po_no")
    retailer_id = "1000003564"
    retailer_name = "Nordlicht Department Store"
    order_date = date(2026, 11, 20)
    currency = "USD"
    content_hash = factory.Sequence(lambda n: f"{n:064x}")

    @factory.post_generation
    def lines(order: Order, create: bool, wanted: int | list[dict[str, Any]] | None, **common: Any) -> None:
        asked = [{} for _ in range(1 if wanted is None else wanted)] if wanted is None or isinstance(wanted, int) else wanted
        for number, fields in enumerate(asked, start=1):
            OrderLineFactory(order=order, line_no=number, **common, **fields)


class OrderLineFactory(DjangoModelFactory):
    class Meta:
        model = OrderLine
        skip_postgeneration_save = True

    order = factory.SubFactory(OrderFactory, lines=0)
    account = factory.SelfAttribute("order.account")
    line_no = factory.Sequence(lambda n: n + 1)
    line_id = factory.LazyAttribute(lambda line: str(line.line_no))
    item = factory.Sequence(lambda n: f"CAP-{n}")
    wms_item = factory.SelfAttribute("item")
    quantity = 2
    price = Decimal("12.50")

    @factory.post_generation
    def ordered(line: OrderLine, create: bool, wanted: None) -> None:
        note_ordered(line.order.source, {line.item})


class OrderEventFactory(DjangoModelFactory):
    class Meta:
        model = OrderEvent

    order = factory.SubFactory(OrderFactory)
    account = factory.SelfAttribute("order.account")
    kind = "order.loaded"
    words = "Loaded from row 14 of Purchase_Order_20261122.csv."


class AlertFactory(DjangoModelFactory):
    class Meta:
        model = Alert

    account = factory.SubFactory(AccountFactory)
    cause = "connection_broken"
    subject = factory.Sequence(lambda n: f"subject-{n}")
    words = "DSCO refused the password for sftp.dsco.io. Orders have not been read since 09:40. Paste the new password."
