"""Orders, their lines, their story, and the ones that were knowingly not loaded."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Upper
from django.utils import timezone

from cartrover.tenancy import AccountOwned
from connectors.contract import HoldReason, RemoteState
from connectors.models import Connection
from orders.states import OrderState, Status, status_of

HOLDS = ["", *HoldReason]

STANDING = Case(
    When(~Q(hold__in=["", HoldReason.NOT_LIVE]), then=Value(Status.ERROR)),
    When(state__in=[OrderState.NEW, OrderState.READY], then=Value(Status.NEW)),
    When(state=OrderState.SENT, shipped_quantity=0, then=Value(Status.AT_WMS)),
    When(state=OrderState.SENT, then=Value(Status.PARTIAL)),
    default="state",
)
"""What `status_of` says, for the database; the last states of an order are statuses of the same name."""

SINCE: Mapping[str, str] = {
    Status.AT_WMS: "delivered_at",
    Status.CONFIRMED: "confirmed_at",
    Status.ERROR: "held_at",
    Status.CANCELED: "canceled_at",
}
"""When an order came into its status, for the lists that programs read: an order is in one of their indexes at most."""


def held_for(*reasons: HoldReason) -> Q:
    """Return the condition that an order is held for one of these reasons. That it is held at all is said on its own: the
    index of held orders serves a query that says so."""
    return ~Q(hold="") & Q(hold__in=reasons)


class Order(AccountOwned):
    """One order of a cart.

    `external_id` is the source's own id and with the source the key that keeps it from coming twice. `cust_po_no` is the full
    order number, `cust_ref` the short one that the WMS gets. A held order stays where it is and says why in `hold`.
    """

    source = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="orders", db_index=False)
    external_id = models.CharField(max_length=200)
    alternate_id = models.CharField(max_length=200, blank=True, default="")
    cust_po_no = models.CharField(max_length=200)
    cust_ref = models.CharField(max_length=64)
    state = models.CharField(max_length=20, default=OrderState.NEW)
    hold = models.CharField(max_length=30, blank=True, default="")
    hold_words = models.TextField(blank=True, default="")
    held_at = models.DateTimeField(null=True, blank=True)
    is_test = models.BooleanField(default=False)
    retailer_id = models.CharField(max_length=100, blank=True, default="")
    retailer_name = models.CharField(max_length=200, blank=True, default="")
    customer_code = models.CharField(max_length=120, blank=True, default="")
    order_date = models.DateField(null=True, blank=True)
    ship_by = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    ship_name = models.CharField(max_length=200, blank=True, default="")
    ship_to = models.JSONField(default=dict)
    bill_to = models.JSONField(default=dict)
    ship_code = models.CharField(max_length=100, blank=True, default="")
    ship_carrier = models.CharField(max_length=100, blank=True, default="")
    ship_method = models.CharField(max_length=100, blank=True, default="")
    notes = models.TextField(blank=True, default="")
    sub_total = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    shipping_handling = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    order_discount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    sales_tax = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    grand_total = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    expected_lines = models.PositiveIntegerField(null=True, blank=True)
    extra = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64)
    document = models.ForeignKey(
        "orders.InboundDocument", on_delete=models.PROTECT, null=True, blank=True, related_name="orders"
    )
    row = models.PositiveIntegerField(default=0)
    wms = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="delivered_orders", db_index=False
    )
    wms_order_id = models.CharField(max_length=100, blank=True, default="")
    wms_number = models.CharField(max_length=100, blank=True, default="")
    wms_state = models.CharField(max_length=20, blank=True, default="")
    """The contract's RemoteState as last seen: a draft commits no stock there."""
    shipped_quantity = models.PositiveIntegerField(default=0)
    standing = models.GeneratedField(expression=STANDING, output_field=models.CharField(max_length=20), db_persist=True)
    """`status` as the database keeps it, for lists and counts; a row in memory may be ahead of it."""
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    cart_canceled_at = models.DateTimeField(null=True, blank=True)
    """When the cart said that it doesn't want the order any more: what will not come is no news to it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="order_source_external_once"),
            models.UniqueConstraint("account", Upper("cust_ref"), name="order_cust_ref_once"),
            models.CheckConstraint(condition=Q(state__in=list(OrderState)), name="order_state_known"),
            models.CheckConstraint(condition=Q(hold__in=HOLDS), name="order_hold_known"),
        ]
        indexes = [
            models.Index(fields=["account", "-created_at", "-id"], name="order_account_created"),
            models.Index(fields=["account", "standing", "-created_at", "-id"], name="order_account_standing"),
            models.Index(fields=["account", "hold", "-created_at", "-id"], name="order_account_held", condition=~Q(hold="")),
            models.Index(fields=["account", "retailer_name", "-created_at", "-id"], name="order_account_retailer"),
            models.Index(fields=["source", "-created_at", "-id"], name="order_source_created"),
            models.Index(fields=["account", "cust_po_no"], name="order_account_po"),
            models.Index(fields=["source", "alternate_id"], name="order_source_alternate"),
            models.Index(fields=["wms", "wms_order_id"], name="order_wms_id", condition=~Q(wms_order_id="")),
            models.Index(
                fields=["account", "-delivered_at"], name="order_account_delivered", condition=Q(delivered_at__isnull=False)
            ),
            *(
                models.Index(
                    fields=["account", moment, "id", "source"], name=f"order_since_{status}", condition=Q(standing=status)
                )
                for status, moment in SINCE.items()
            ),
            models.Index(fields=["source", "-id"], name="order_source_test", condition=Q(is_test=True)),
            models.Index(fields=["wms"], name="order_draft", condition=Q(state=OrderState.SENT, wms_state=RemoteState.DRAFT)),
        ]

    def __str__(self) -> str:
        return self.cust_ref

    @property
    def status(self) -> Status:
        return status_of(state=self.state, hold=self.hold, shipped_quantity=self.shipped_quantity)


class OrderLine(AccountOwned):
    """A line. `line_no` counts from 1 in the file's order; `line_id` is the source's own number of it.

    `shipped`, `canceled` count what the WMS did; `told` and `invoiced` what the cart was told. None exceeds `quantity`.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    line_no = models.PositiveIntegerField()
    line_id = models.CharField(max_length=100, blank=True, default="")
    item = models.CharField(max_length=200)
    wms_item = models.CharField(max_length=200, blank=True, default="")
    """The SKU that it was sent under."""
    chosen_item = models.CharField(max_length=200, blank=True, default="")
    """The WMS's SKU that a person chose for this line alone; goes before aliases."""
    upc = models.CharField(max_length=40, blank=True, default="")
    title = models.TextField(blank=True, default="")
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    extra = models.JSONField(default=dict)
    row = models.PositiveIntegerField(default=0)
    external_id = models.CharField(max_length=100, blank=True, default="")
    """The line's id at the WMS, once it is known."""
    wms_quantity = models.PositiveIntegerField(null=True, blank=True)
    """How many the WMS has on the line now; None = not seen yet."""
    shipped = models.PositiveIntegerField(default=0)
    canceled = models.PositiveIntegerField(default=0)
    told = models.PositiveIntegerField(default=0)
    invoiced = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "line_no"], name="line_no_once"),
            models.CheckConstraint(condition=Q(told__lte=models.F("quantity")), name="line_told_at_most_ordered"),
        ]
        indexes = [
            models.Index(fields=["account", "item", "-order"], name="line_account_item_order"),
            models.Index(fields=["account", "external_id"], name="line_account_external", condition=~Q(external_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item}"


class OrderEvent(AccountOwned):
    """One sentence of a story: an order's, or (without an order) a file's or a connection's."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, blank=True, related_name="events", db_index=False)
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=60)
    words = models.TextField()
    document_name = models.CharField(max_length=300, blank=True, default="")
    actor = models.CharField(max_length=254, blank=True, default="")
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-at", "-id"], name="event_account_at"),
            models.Index(fields=["order", "at"], name="event_order_at"),
        ]

    def __str__(self) -> str:
        return self.words


class SkippedOrder(AccountOwned):
    """An order that was knowingly not loaded, with the reason and, where it could be read, what is needed to load it later."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="skipped_orders")
    external_id = models.CharField(max_length=200, blank=True, default="")
    cust_po_no = models.CharField(max_length=200, blank=True, default="")
    retailer_name = models.CharField(max_length=200, blank=True, default="")
    reason = models.CharField(max_length=30)
    words = models.TextField()
    document = models.ForeignKey(
        "orders.InboundDocument", on_delete=models.PROTECT, null=True, blank=True, related_name="skipped_orders"
    )
    row = models.PositiveIntegerField(default=0)
    draft = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    loaded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id", "reason"],
                condition=~Q(external_id="") & ~Q(reason="refused_row"),
                name="skipped_once",
            ),
        ]
        indexes = [models.Index(fields=["account", "-created_at"], name="skipped_account_created")]

    def __str__(self) -> str:
        return f"{self.cust_po_no}: {self.reason}"
