"""All that the author of a connector must read.

A connector is one folder below `connectors/` with a `connector.py` that has a `SPEC: ConnectorSpec`. Nothing outside the folder
names it. The folder may import this module, `connectors.errors` and `connectors.transports`, and its sandbox
`connectors.simulating` as well, and nothing else of the hub.

* **Pure apart from I/O.** `parse.py` and `render.py` map data and open nothing; `session.py` talks and maps nothing.
* **Errors say what to do next**: raise only what `connectors.errors` has. Anything else is a bug and is treated as one.
* **A write is never repeated blindly.** A write without a readable answer raises `OutcomeUnknown`; the hub calls `find` first.
* Money is `Decimal`, instants are aware UTC datetimes, plain dates are `date`, identifiers from outside are text.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

Day = date

# --- words that the hub and its connectors share -----------------------------------------------------------------------------


class Side(StrEnum):
    """A cart is where orders come from; the WMS (OMS, ERP) is where they go to."""

    CART = "cart"
    WMS = "wms"


class Role(StrEnum):
    """What a connector can do. Each role asks for the methods of the Protocol of the same name below."""

    ORDER_SOURCE = "order_source"
    ORDER_DESTINATION = "order_destination"
    SHIPMENT_SOURCE = "shipment_source"
    INVOICE_SOURCE = "invoice_source"
    STOCK_SOURCE = "stock_source"
    SHIPMENT_SINK = "shipment_sink"
    INVOICE_SINK = "invoice_sink"
    STOCK_SINK = "stock_sink"
    CANCEL_SINK = "cancel_sink"


class Purpose(StrEnum):
    """What a document that goes to a cart tells."""

    SHIPMENTS = "shipments"
    INVOICES = "invoices"
    STOCK = "stock"
    CANCELS = "cancels"


class HoldReason(StrEnum):
    """Why an order waits for something or somebody."""

    UNKNOWN_SKU = "unknown_sku"
    BAD_ADDRESS = "bad_address"
    UNMAPPED_SHIP_METHOD = "unmapped_ship_method"
    INCOMPLETE = "incomplete"
    SUSPECTED_DUPLICATE = "suspected_duplicate"
    NOT_LIVE = "not_live"
    REFUSED = "refused"
    VOIDED_AT_WMS = "voided_at_wms"
    DUPLICATE_AT_WMS = "duplicate_at_wms"
    NO_ROUTE = "no_route"
    GAVE_UP = "gave_up"
    INTERNAL = "internal"
    BY_PERSON = "by_person"


# --- what a connection asks the merchant for ---------------------------------------------------------------------------------


class FieldKind(StrEnum):
    """How a setting is entered, checked and stored. Secrets are sealed and write-only."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105  # the name of a kind
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    DATE = "date"
    URL = "url"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting or secret of a connection.

    `default` is a text as a person would type it ("" = none). `choices` are (value, label) pairs for kind CHOICE.
    """

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    default: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    advanced: bool = False
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that the merchant creates in the far side's own console, value by value as it must be typed there.

    `purpose` is "orders" or a Purpose: the hub ticks the job when a file of it is first seen.
    """

    name: str
    workflow: str
    direction: str
    file_format: str
    file_pattern: str
    folder: str
    schedule: str
    purpose: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideStep:
    """A numbered step of the set-up guide; `fields` are the settings that belong to just this step.

    `acts` is what the person does, one thing after the other, mostly in the other system; `body` says why and what to know.
    `lists_jobs`: the table of the guide's jobs stands at this step; without such a step it stands at the last one.
    """

    title: str
    acts: tuple[str, ...] = ()
    body: str
    fields: tuple[str, ...] = ()
    lists_jobs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How a person sets the connection up; `jobs` depend on the connection's settings.

    `to_ship` says what a person does in a WMS so that a test order ships; `{number}` stands for the order's number there.
    """

    steps: tuple[GuideStep, ...] = ()
    jobs: Callable[[Mapping[str, Any]], tuple[Job, ...]] = lambda settings: ()
    to_ship: str = "ship order {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSpec:
    """The names of the settings that hold the addresses and the client of an OAuth 2.0 authorization-code grant.

    Token requests are JSON, or forms with `form_body`; `client_auth` is `client_secret_post` or `client_secret_basic`.
    `callback_settings` are settings that the far side fills when it sends the browser back, by the name of the parameter: which
    company access was granted to, say. `refresh_ends` names fields of a token answer that say in how many seconds the refresh
    token ends; the first to come counts, and the hub warns before it. With `revoke_url`, the name of a setting, access is given
    back when the connection is disconnected (RFC 7009).
    """

    authorize_url: str = "authorize_url"
    token_url: str = "token_url"  # noqa: S105  # the name of a setting
    client_id: str = "client_id"
    client_secret: str = "client_secret"  # noqa: S105  # the name of a setting
    scope: str = ""
    form_body: bool = False
    client_auth: str = "client_secret_post"
    callback_settings: Mapping[str, str] = field(default_factory=dict)
    refresh_ends: tuple[str, ...] = ()
    revoke_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests the far side allows in each clock-aligned window of so many seconds.

    `apart` are sorts of requests that it counts by themselves: how many of each in the same window. `at_once` is how many may
    be under way at the same time, over all workers of all machines; 0 = any number. `monthly` is what a calendar month may cost
    where the far side counts months, until the merchant says otherwise: the hub counts it, warns before it is spent, and
    refuses nothing. 0 = nobody counts. `monthly_of` names the setting that tells who is counted, where that is an application
    that may serve several remote accounts.
    """

    requests: int
    window_seconds: int
    apart: Mapping[str, int] = field(default_factory=dict)
    at_once: int = 0
    monthly: int = 0
    monthly_of: str = ""


# --- what the hub gives to a session -----------------------------------------------------------------------------------------


class Network(Protocol):
    """The only way out: names are resolved and every address is checked before it is used."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a connected socket. Raise `FixConnection` for a host that may not be reached or that doesn't exist,
        `TryLater` when nothing answers within `timeout` seconds."""
        ...


class Limiter(Protocol):
    """The request budget of one remote account, shared by all workers. `sort` is one that the spec's limits count apart."""

    def under_way(self) -> AbstractContextManager[None]:
        """Hold one of the requests that may be under way at once. Raise `SlowDown` when none becomes free."""
        ...

    def take(self, sort: str = "") -> None:
        """Count one request. Raise `SlowDown` when the budget of this window is used up."""
        ...

    def observe(self, *, limit: int, remaining: int, reset_at: datetime) -> None:
        """Remember what the far side's headers said."""
        ...

    def exhausted(self, *, reset_at: datetime, sort: str = "") -> None:
        """Remember that the far side refused: nobody asks again before `reset_at`."""
        ...


class Memory(Protocol):
    """What a connection remembers between runs, by kind and key: variant ids, company ids, a clock's offset."""

    def get(self, kind: str, keys: Collection[str]) -> dict[str, str]:
        """Return the values of those keys that are remembered."""
        ...

    def put(self, kind: str, values: Mapping[str, str]) -> None:
        """Remember values; known keys are overwritten."""
        ...

    def forget(self, kind: str, keys: Collection[str]) -> None:
        """Forget keys; unknown ones are ignored."""
        ...

    def make_once(self, kind: str, key: str, *, find: Callable[[], str | None], make: Callable[[str], str]) -> str:
        """Return the value of a thing that must exist once at the far side, made at most once however many workers ask.

        `make` is given a stable idempotency key and is called by one worker at a time, and only after `find` returned None;
        an attempt is recorded before it is called, so that after a crash `find` is asked first. Raise `TryLater` while
        another worker is making it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """An OAuth 2.0 token; `expires_at` is None for one that doesn't expire.

    `ends_at` is when it can't be renewed any more and a person must grant access anew; None where the far side doesn't say.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False, default="")
    expires_at: datetime | None = None
    ends_at: datetime | None = None


class TokenStore(Protocol):
    """The token of one connection, shared by all workers."""

    def current(self) -> Token | None:
        """Return the stored token, or None when access was never granted."""
        ...

    def replace(self, stale: Token, renew: Callable[[Token], Token]) -> Token:
        """Return a token that is newer than `stale`.

        One worker at a time calls `renew`; its result is stored before anybody uses it. A worker that comes second gets what
        the first one stored. Raise `TryLater` while another worker renews and doesn't finish.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that a session may use. `settings` hold every declared field, converted to its kind and defaulted.

    Call `progress()` before each call and in read callbacks: it renews the run's lease, and raises when the run has lost it,
    after which nothing more may be sent.
    """

    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    network: Network
    limiter: Limiter
    memory: Memory
    tokens: TokenStore
    progress: Callable[[], None]
    now: Callable[[], datetime]
    pinned_host_key: str = ""
    ask_host_key: bool = False
    """A person looks on: where no host key is pinned, `check` ends with the step that asks for it, before a secret is sent."""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One named step of a connection test. `words` say what was found, or the likeliest cause, what failed and what to do.

    `asks`: not ok, and nothing is wrong either; a person must confirm the host key that the server showed.
    """

    step: str
    ok: bool
    words: str
    asks: bool = False


class Session(Protocol):
    """An open connection, used by one run at a time; `send` of an order destination may be called from several threads."""

    seen_host_key: str
    """The host key that the server showed, as "type base64"; "" where the protocol has none."""

    def check(self) -> Iterator[CheckStep]:
        """Try everything that the roles need, step by step, and change nothing at the far side that stays there.

        Errors become steps that aren't ok; nothing is raised but bugs.
        """
        ...

    def close(self) -> None:
        """Let go of sockets. Never raises."""
        ...


# --- orders in ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A file (or page) of orders at the far side, as it was listed. `name` is never used as a local path."""

    name: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies at the far side, with the far side's own time at that moment as well as it is known."""

    refs: tuple[DocumentRef, ...]
    far_now: datetime


@dataclass(slots=True, kw_only=True)
class Address:
    """A postal address in CartRover's words."""

    company: str = ""
    first_name: str = ""
    last_name: str = ""
    address_1: str = ""
    address_2: str = ""
    address_3: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    phone: str = ""
    e_mail: str = ""


@dataclass(slots=True, kw_only=True)
class LineDraft:
    """A line as the source has it. `line_id` is the source's own number of it, `row` the line of the file (1 = header)."""

    line_id: str
    item: str
    quantity: int
    price: Decimal | None = None
    upc: str = ""
    title: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    row: int = 0


@dataclass(slots=True, kw_only=True)
class OrderDraft:
    """An order as the source has it, all rows of one document together.

    `external_id` is unique in the source. `alternate_id` is what names the order when the source leaves its id out: two orders
    with one alternate id, of which one has it as its external id, are a suspected duplicate. `expected_lines` is the source's
    own count. `cust_ref` is the short number that the source wishes for, "" where it leaves that to the hub. `content_hash`
    changes when anything that matters to delivery changes. `order_date` and `ship_by` are date parts as written, whatever the
    offset.
    """

    external_id: str
    cust_po_no: str
    cust_ref: str = ""
    alternate_id: str = ""
    retailer_id: str = ""
    retailer_name: str = ""
    customer_code: str = ""
    order_date: date | None = None
    ship_by: date | None = None
    is_test: bool = False
    is_canceled: bool = False
    currency: str = ""
    ship_to: Address = field(default_factory=Address)
    bill_to: Address = field(default_factory=Address)
    ship_code: str = ""
    ship_carrier: str = ""
    ship_method: str = ""
    notes: str = ""
    shipping_charge: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    expected_lines: int | None = None
    lines: list[LineDraft] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    content_hash: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a row, in words; `row` is the line of the file (1 = header), `field` the source's column."""

    row: int
    field: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedOrder:
    """An order that can't be taken because a row of it is refused; it is held back whole."""

    external_id: str
    cust_po_no: str
    retailer_name: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSummary:
    """The last thing that a parser yields: rows read (without the header) and whether the source may have cut the file."""

    rows: int
    maybe_truncated: bool = False
    notes: tuple[str, ...] = ()


ParsedItem = OrderDraft | RefusedOrder | ParseSummary

Body = Callable[[], Iterable[bytes]]
"""Opens a stored document anew and gives its bytes in chunks; may be called several times."""


class ParseOrders(Protocol):
    """Pure: bytes in, drafts out, in flat memory; each order once and whole, however its rows are scattered."""

    def __call__(self, body: Body, name: str, settings: Mapping[str, Any]) -> Iterator[ParsedItem]:
        """Yield drafts and refused orders, then one ParseSummary. Raise `BadDocument` when nothing can be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrder:
    """A test order that the hub makes up: one line of a SKU that the WMS has, for nobody, at no price that matters."""

    number: str
    order_date: date
    item: str
    quantity: int = 1
    price: Decimal = Decimal("1.00")
    upc: str = ""
    title: str = ""


class RenderSample(Protocol):
    """Pure: the bytes of a document of the source's own format, which `parse_orders` reads as this one order, marked as a
    test, with an address that is plainly nobody's."""

    def __call__(self, order: SampleOrder, settings: Mapping[str, Any]) -> bytes: ...


@runtime_checkable
class OrderSource(Protocol):
    """Role ORDER_SOURCE; the spec needs `parse_orders`."""

    def list_orders(self) -> Listing:
        """List the documents that wait."""
        ...

    def list_taken(self) -> Listing:
        """List the documents that somebody has already taken, as far as the far side keeps them."""
        ...

    def fetch(self, ref: DocumentRef) -> Iterator[bytes]:
        """Yield the document's bytes, exactly `ref.size` of them, from wherever it lies now.

        Raise `TryLater` when the transfer broke or the file changed, `BadDocument` when it is nowhere any more.
        """
        ...


# --- orders out --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLineOut:
    """A line to deliver. `line_no` counts from 1 in the file's order; `wms_item` is the SKU after aliases."""

    line_no: int
    item: str
    wms_item: str
    quantity: int
    price: Decimal | None = None
    title: str = ""
    upc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOut:
    """An order to deliver, as far as any destination needs it. `ship_code` is already the WMS's."""

    public_id: str
    cust_ref: str
    cust_po_no: str
    order_date: date | None
    ship_by: date | None
    retailer_name: str
    customer_code: str
    currency: str
    ship_to: Address
    bill_to: Address
    ship_code: str
    ship_carrier: str
    ship_method: str
    notes: str
    shipping_charge: Decimal
    discount: Decimal
    is_test: bool
    lines: tuple[OrderLineOut, ...]
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLine:
    """A line of an order at the WMS; `line_no` is the hub's, told by position and never by SKU (0 = none of ours)."""

    external_id: str
    line_no: int
    quantity: int


class RemoteState(StrEnum):
    """How an order stands at the WMS. A draft commits no stock."""

    DRAFT = "draft"
    OPEN = "open"
    SHIPPED = "shipped"
    VOID = "void"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An order as the WMS has it. `lines` is None where one more request would be needed to know them."""

    external_id: str
    number: str
    state: RemoteState = RemoteState.OPEN
    url: str = ""
    reference: str = ""
    lines: tuple[RemoteLine, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What went out and what came back, already scrubbed, for the order's story. `elapsed_ms` in milliseconds."""

    request: str
    status: int
    answer: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The outcome of a write that worked."""

    receipt: Receipt
    exchange: Exchange | None = None


@runtime_checkable
class OrderDestination(Protocol):
    """Role ORDER_DESTINATION."""

    def prepare(self, orders: Sequence[OrderOut]) -> Mapping[str, Exception]:
        """Resolve what a batch needs (items, customers) in one go; return what is wrong, by `public_id`.

        Only `FixOrder` and `TryLater` are returned; what concerns the whole connection is raised.
        """
        ...

    def send(self, order: OrderOut, key: str, taken: frozenset[str] = frozenset()) -> Sent:
        """Create the order under the idempotency key.

        `taken` is what an earlier attempt was told is taken ("key", "number", "label"); "void" in it says that the far side has
        the order, void, and that a person wants it sent anew all the same.
        """
        ...

    def find(self, order: OrderOut) -> Sequence[Receipt]:
        """Return every order at the WMS, in any state, that can only be this one: number, reference and customer agree."""
        ...

    def cancel(self, receipt: Receipt) -> Exchange | None:
        """Void the order. Raise `FixOrder` when the WMS doesn't agree (shipped, say). Already void is success."""
        ...

    def known_items(self, skus: Collection[str]) -> set[str]:
        """Ask anew which of these SKUs the WMS has; forget what was remembered of the others."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedRequest:
    """A request as it would go out, and didn't: `body` to the byte, `headers` without secrets.

    `notes` say what can't be known before: an id that the far side gives when an earlier request has made the thing, say.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    notes: tuple[str, ...] = ()


@runtime_checkable
class OrderPreview(Protocol):
    """Optional beside role ORDER_DESTINATION: a session without it has no preview."""

    def preview(self, order: OrderOut, key: str) -> Sequence[RenderedRequest]:
        """Return the requests that `prepare` and `send` would make of the order, in their order, and send none of them.

        Questions may be asked, nothing may be written. Built by the same code as `send`: the last one's body is what `send`
        sends, to the byte, as long as nothing changes meanwhile. `key` is "" while the order has none yet. Raise what `prepare`
        returns and `send` raises: `FixOrder` for an order that would be held, `TryLater`, `FixConnection`.
        """
        ...


# --- from the WMS ------------------------------------------------------------------------------------------------------------

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a walk by change time, oldest first. `seen_to` is the newest change time on it; `far_now` the far side's time
    when the walk began; `problems` say which records of it could not be read and were left out."""

    items: tuple[T, ...]
    seen_to: datetime | None
    far_now: datetime
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteOrder:
    """An order at the WMS that changed: its state and its lines as they are now."""

    external_id: str
    number: str
    reference: str
    state: RemoteState
    lines: tuple[RemoteLine, ...]
    updated_at: datetime


class ShipmentState(StrEnum):
    PACKED = "packed"
    SHIPPED = "shipped"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentLineDraft:
    external_id: str
    external_line_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentDraft:
    """One package as the WMS has it."""

    external_id: str
    external_order_id: str
    order_number: str
    state: ShipmentState
    tracking_number: str
    carrier: str
    service: str
    tracking_url: str
    shipped_at: datetime | None
    lines: tuple[ShipmentLineDraft, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineDraft:
    external_id: str
    external_line_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """One invoice as the WMS has it; `total` is None where the WMS doesn't say."""

    external_id: str
    external_order_id: str
    number: str
    date: Day | None
    due: Day | None
    total: Decimal | None
    currency: str
    is_void: bool
    lines: tuple[InvoiceLineDraft, ...]
    updated_at: datetime


@runtime_checkable
class ShipmentSource(Protocol):
    """Role SHIPMENT_SOURCE. Walks start at `since` (inclusive; None = the beginning) and go on from the last stamp seen."""

    def list_orders_changed(self, since: datetime | None) -> Iterator[Page[RemoteOrder]]:
        """Orders of any state that changed: how the hub learns line ids, cut lines and voided orders."""
        ...

    def read_orders(self, external_ids: Collection[str]) -> Sequence[RemoteOrder]:
        """Read just these orders, in bulk; those that the WMS no longer has are left out."""
        ...

    def list_shipments(self, since: datetime | None) -> Iterator[Page[ShipmentDraft]]:
        """Packages of any state that changed."""
        ...

    def read_shipments(self, external_order_ids: Collection[str]) -> Sequence[ShipmentDraft]:
        """Read all packages of just these orders, in bulk."""
        ...


@runtime_checkable
class InvoiceSource(Protocol):
    """Role INVOICE_SOURCE."""

    def list_invoices(self, since: datetime | None) -> Iterator[Page[InvoiceDraft]]:
        """Invoices that changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StockItem:
    """A product and what can be sold of it by warehouse name. `levels` is None where the WMS doesn't track its stock."""

    external_id: str
    sku: str
    upc: str
    name: str
    levels: Mapping[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPage:
    """A page of a reading of all products. `total` is what the WMS says there are in all; None where it doesn't say."""

    items: tuple[StockItem, ...]
    total: int | None
    far_now: datetime


@runtime_checkable
class StockSource(Protocol):
    """Role STOCK_SOURCE."""

    def list_stock(self) -> Iterator[StockPage]:
        """Read everything, page by page. A page that can't be read raises: the hub then throws the reading away."""
        ...

    def ask_stock(self, skus: Collection[str]) -> Sequence[StockItem]:
        """Ask for just these SKUs; those that the WMS doesn't have are left out."""
        ...


# --- back to the cart --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentRow:
    """One package and order line, as told to the cart. `item` and `line_id` are the cart's own."""

    cust_po_no: str
    external_order_id: str
    line_id: str
    item: str
    upc: str
    quantity: int
    tracking_number: str
    carrier: str
    service: str
    ship_code: str
    shipped_at: datetime | None
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """One invoice line, as told to the cart."""

    invoice_id: str
    cust_po_no: str
    external_order_id: str
    invoice_date: date | None
    total: Decimal
    currency: str
    line_id: str
    item: str
    upc: str
    title: str
    unit_price: Decimal
    quantity: int
    tracking_number: str
    carrier: str
    service: str
    ship_code: str
    shipped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRow:
    """What the cart may sell of one of its SKUs; `status` is in-stock, out-of-stock or discontinued."""

    item: str
    upc: str
    quantity: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRow:
    """What will not come of one order line, with the cart's own code for the reason."""

    cust_po_no: str
    external_order_id: str
    line_id: str
    item: str
    code: str
    reason: str
    quantity: int


class Render(Protocol):
    """Pure: rows in, the file's bytes out."""

    def __call__(self, rows: Sequence[Any], settings: Mapping[str, Any]) -> bytes: ...


class NameDocument(Protocol):
    """Pure: the name of a file, from its purpose, the moment it was made (UTC), a short id and the settings.

    The short id sorts by the part of the second: put behind the moment it keeps files in the order in which they were made.
    """

    def __call__(self, purpose: Purpose, made_at: datetime, short_id: str, settings: Mapping[str, Any]) -> str: ...


class Place(StrEnum):
    """Where a document lies at the far side."""

    NOWHERE = "nowhere"
    WAITING = "waiting"
    PROCESSING = "processing"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a document was found and how many bytes lie there."""

    place: Place
    size: int = 0
    words: str = ""


@runtime_checkable
class DocumentSink(Protocol):
    """Roles SHIPMENT_SINK, INVOICE_SINK, STOCK_SINK, CANCEL_SINK; the spec needs `renderers` and `name_document`."""

    def send_document(self, purpose: Purpose, name: str, body: bytes) -> Placement:
        """Put the file there whole. A file of that name that lies there is written again.

        Raise `TryLater` where the far side provably has no part of it under its final name, `OutcomeUnknown` otherwise.
        """
        ...

    def find_documents(self, purpose: Purpose, names: Collection[str]) -> Mapping[str, Placement]:
        """Say where each of these files lies now."""
        ...


# --- the sandbox -------------------------------------------------------------------------------------------------------------


class RunningSandbox(Protocol):
    """A far side that runs on loopback: real protocols, faithful behaviour, state of its own, faults on request."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What a connection to it must be set to."""
        ...

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets of such a connection."""
        ...

    @property
    def page(self) -> str:
        """The address of a page on which a person can drive it."""
        ...

    def drive(self, command: str, **arguments: Any) -> Any:
        """Do what a person or the far side's own staff would do: see the sandbox's page for its commands."""
        ...

    def stop(self) -> None:
        """Let go of the ports. State in the folder given at the start stays."""
        ...


class StartSandbox(Protocol):
    """Start a sandbox on loopback. `folder` keeps its state, `ports` are wanted ones by name (0 or absent = any free one)."""

    def __call__(self, folder: str, ports: Mapping[str, int]) -> RunningSandbox: ...


# --- being called ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something changed at a remote account. `account` is how the far side names it, `roles` whose pickups should come
    sooner."""

    account: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpec:
    """How the far side may call the hub, at one address for all accounts of the kind.

    A call changes nothing but when the next pickup comes: what it says is never taken for true. `account_setting` is the
    setting that names the account, `secret` the field with what calls are signed with. Both functions are pure: `verify` is
    given the raw body, the headers with names in lower case and the secret; `read` raises `ValueError` for a body that says
    nothing.
    """

    account_setting: str
    secret: str
    verify: Callable[[bytes, Mapping[str, str], str], bool]
    read: Callable[[bytes], Sequence[Notice]]


# --- the connector itself ----------------------------------------------------------------------------------------------------


def _no_identity(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """The whole of a connector, as the registry finds it.

    `identity` names the remote account (host, port, user, folder): two active connections in one installation may not share it;
    "" = can't be told. `sends_at_once` is how many orders may be under way at once in one run. With `render_sample` merchants
    may have the hub make a test order instead of waiting for one of the cart's. `calls_us`: the far side is a program that
    calls the hub's own API; it has no roles and thus no services, and a session on it can only be tested.
    """

    kind: str
    name: str
    side: Side
    roles: frozenset[Role]
    fields: tuple[Field, ...]
    open_session: Callable[[Opening], Session]
    guide: Guide = Guide()
    oauth: OAuthSpec | None = None
    limits: RateLimit | None = None
    sends_at_once: int = 1
    identity: Callable[[Mapping[str, Any], Mapping[str, str]], str] = _no_identity
    parse_orders: ParseOrders | None = None
    render_sample: RenderSample | None = None
    renderers: Mapping[Purpose, Render] = field(default_factory=dict)
    name_document: NameDocument | None = None
    sandbox: StartSandbox | None = None
    webhook: WebhookSpec | None = None
    calls_us: bool = False
