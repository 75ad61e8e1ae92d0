"""The rows of the sandbox's database. Slots keep a hundred thousand orders small.

Fields are texts, whole numbers, truth values, decimals (annotated `Decimal` or `Decimal | None`), tuples and dicts of plain
values: what the journal can write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from .wire import ZERO


@dataclass(slots=True, kw_only=True)
class Record:
    """What all have: an id, and times as they stand on the wire."""

    id: int
    created_at: str
    updated_at: str


@dataclass(slots=True, kw_only=True)
class Plain(Record):
    """A row of a table without rules of its own; `data` holds its attributes."""

    status: str = "active"
    data: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Company(Record):
    name: str
    company_type: str
    company_code: str | None = None
    email: str | None = None
    phone_number: str | None = None
    status: str = "active"
    data: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Address(Record):
    company_id: int
    address1: str
    address2: str | None = None
    city: str | None = None
    company_name: str | None = None
    country: str | None = None
    country_code: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    label: str | None = None
    phone_number: str | None = None
    state: str | None = None
    suburb: str | None = None
    zip_code: str | None = None
    status: str = "active"


@dataclass(slots=True, kw_only=True)
class Product(Record):
    name: str
    status: str = "active"
    brand: str | None = None
    description: str | None = None
    product_type: str | None = None
    opt1: str | None = None
    opt2: str | None = None
    opt3: str | None = None
    supplier: str | None = None
    vendor: str | None = None
    tags: str | None = None


@dataclass(slots=True, kw_only=True)
class Variant(Record):
    """A sellable item. `components` of a bundle are (variant id, quantity as text) pairs."""

    product_id: int
    sku: str | None = None
    name: str | None = None
    status: str = "active"
    upc: str | None = None
    supplier_code: str | None = None
    description: str | None = None
    hs_code: str | None = None
    country_of_origin: str | None = None
    opt1: str | None = None
    opt2: str | None = None
    opt3: str | None = None
    position: int = 0
    manage_stock: bool = True
    keep_selling: bool = False
    max_online: int | None = None
    taxable: bool = True
    sellable: bool = True
    purchasable: bool = True
    online_ordering: bool = False
    retail_price: Decimal | None = None
    wholesale_price: Decimal | None = None
    buy_price: Decimal | None = None
    last_cost_price: Decimal | None = None
    moving_average_cost: Decimal | None = None
    weight: Decimal = ZERO
    weight_unit: str | None = None
    components: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Level(Record):
    """The stock of one variant at one location."""

    variant_id: int
    location_id: int
    on_hand: Decimal = ZERO
    committed: Decimal = ZERO
    incoming: Decimal = ZERO
    bin_location: str | None = None
    reorder_point: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class Order(Record):
    order_number: str
    company_id: int
    shipping_address_id: int
    billing_address_id: int
    stock_location_id: int
    currency_id: int
    issued_at: str
    status: str = "draft"
    reference_number: str | None = None
    ship_at: str | None = None
    email: str | None = None
    phone_number: str | None = None
    notes: str | None = None
    source_url: str | None = None
    source_id: int | None = None
    contact_id: int | None = None
    assignee_id: int | None = None
    user_id: int = 1
    default_price_list_id: str = "wholesale"
    tax_treatment: str = "exclusive"
    tags: tuple[str, ...] = ()
    total: Decimal = ZERO
    packed_status: str = "unpacked"
    fulfillment_status: str = "unshipped"
    invoice_status: str = "uninvoiced"
    payment_status: str = "unpaid"
    return_status: str = "unreturned"
    returning_status: str = "unreturning"
    line_ids: tuple[int, ...] = ()
    fulfillment_ids: tuple[int, ...] = ()
    fulfillment_return_ids: tuple[int, ...] = ()
    invoice_ids: tuple[int, ...] = ()
    payment_ids: tuple[int, ...] = ()
    by_stranger: bool = False


@dataclass(slots=True, kw_only=True)
class OrderLine(Record):
    """`committed` is how much of it is committed now, in units of the line, at location `committed_at`."""

    order_id: int
    position: int
    quantity: Decimal
    price: Decimal
    variant_id: int | None = None
    tax_type_id: int | None = None
    discount: Decimal | None = None
    tax_rate_override: Decimal | None = None
    freeform: bool = False
    label: str | None = None
    line_type: str | None = None
    packed: Decimal = ZERO
    shipped: Decimal = ZERO
    invoiced: Decimal = ZERO
    returned: Decimal = ZERO
    returning: Decimal = ZERO
    committed: Decimal = ZERO
    committed_at: int = 0
    fulfillment_line_ids: tuple[int, ...] = ()
    invoice_line_ids: tuple[int, ...] = ()
    return_line_ids: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class Fulfillment(Record):
    order_id: int
    company_id: int
    shipping_address_id: int
    billing_address_id: int
    stock_location_id: int
    status: str = "packed"
    packed_at: str | None = None
    shipped_at: str | None = None
    received_at: str | None = None
    delivery_type: str | None = None
    service: str | None = None
    notes: str | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    exchange_rate: Decimal = Decimal(1)
    receipt: dict[str, object] = field(default_factory=dict)
    line_ids: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class FulfillmentLine(Record):
    fulfillment_id: int
    order_line_item_id: int
    position: int
    quantity: Decimal
    variant_id: int | None = None
    base_price: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class FulfillmentReturn(Record):
    order_id: int
    company_id: int
    location_id: int
    status: str = "returning"
    delivery_type: str | None = None
    notes: str | None = None
    received_at: str | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    credit_note_number: str | None = None
    exchange_rate: Decimal = Decimal(1)
    line_ids: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class FulfillmentReturnLine(Record):
    fulfillment_return_id: int
    order_line_item_id: int
    position: int
    quantity: Decimal


@dataclass(slots=True, kw_only=True)
class Invoice(Record):
    order_id: int
    company_id: int
    currency_id: int
    shipping_address_id: int
    billing_address_id: int
    invoice_number: str
    invoiced_at: str
    due_at: str
    status: str = "active"
    payment_term_id: int | None = None
    payment_status: str = "unpaid"
    notes: str | None = None
    total: Decimal = ZERO
    exchange_rate: Decimal = Decimal(1)
    line_ids: tuple[int, ...] = ()
    payment_ids: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class InvoiceLine(Record):
    invoice_id: int
    order_line_item_id: int
    position: int
    quantity: Decimal


@dataclass(slots=True, kw_only=True)
class Payment(Record):
    invoice_id: int
    order_id: int
    amount: Decimal
    paid_at: str
    reference: str | None = None
    payment_method_id: int | None = None
    status: str = "active"
    exchange_rate: Decimal = Decimal(1)


@dataclass(slots=True, kw_only=True)
class StockAdjustment(Record):
    adjustment_number: str
    stock_location_id: int
    reason: str | None = None
    notes: str | None = None
    status: str = "active"
    line_ids: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class StockAdjustmentLine(Record):
    stock_adjustment_id: int
    variant_id: int
    position: int
    quantity: Decimal
    price: Decimal


@dataclass(slots=True, kw_only=True)
class Webhook(Record):
    """`failing_since` is the first moment (seconds since 1970) of consecutive failures, 0 while all is well."""

    event: str
    address: str
    application_id: int
    failing_since: int = 0


@dataclass(slots=True, kw_only=True)
class Token(Record):
    """An access token; only digests are kept. `expires_at` is in seconds since 1970, 0 for one that never expires."""

    application_id: int
    user_id: int
    digest: str
    refresh_digest: str = ""
    expires_at: int = 0
    revoked: bool = False
    privileged: bool = False


@dataclass(slots=True, kw_only=True)
class UsedKey(Record):
    """An idempotency key that was used. `answer` is kept only while repeats are to be replayed."""

    application_id: int
    key: str
    expires_at: int
    code: int
    answer: str | None = None
