"""The set-up guide: its steps, the jobs to create at the far side with what was seen of them, and the merchant's own data
where a general rule matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cartrover.accounts.models import Account
from connectors import registry
from connectors.contract import ConnectorSpec, Field, FieldKind, GuideStep, Job, Purpose, Side
from connectors.field_values import FieldProblems, missing
from connectors.hub_fields import fields_of
from connectors.models import Connection, ConnectionState
from connectors.pasted import reads_pasted
from connectors.readers import secret_names_of, settings_of
from orders.listings.connections import ConnectionHead, ConnectionLists, GoingLive, connection_lists, going_live
from orders.models import DocumentState, InboundDocument, Order, OrderLine, OutboundDocument, Product
from orders.rules.aliases import wms_skus
from orders.rules.order_ids import OrderIdRule, candidates

LAST_ORDERS = 40
"""How many orders are looked at for numbers and SKUs: enough to meet the usual ones."""

PREVIEWED = 3
NAMED_SKUS = 5

OF_ORDERS = "orders"
"""The purpose of a job that brings orders; the others have a `Purpose`."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a connection's guide. `is_done`: it asks for something, and all that it needs is there."""

    number: int
    title: str
    acts: Sequence[str]
    body: str
    fields: Sequence[Field]
    is_done: bool
    lists_jobs: bool = False
    is_last: bool = False

    @property
    def has_paste_box(self) -> bool:
        return reads_pasted(self.fields)

    @property
    def names_a_place(self) -> bool:
        """True where a server or an address is entered: that is where who lets whom in matters."""
        return any(field.kind in (FieldKind.HOST, FieldKind.URL) and not field.advanced for field in self.fields)

    @property
    def names_an_address(self) -> bool:
        return any(field.kind is FieldKind.URL and not field.advanced for field in self.fields)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job to create, and the last file of it; `is_seen` once one came, or was taken by the far side."""

    number: int
    job: Job
    is_seen: bool
    name: str = ""
    at: datetime | None = None
    waits: bool = False
    """True for a file that lies there and was not taken yet."""

    @property
    def values(self) -> Sequence[tuple[str, str]]:
        job = self.job
        return (
            ("Name", job.name),
            ("Type", job.workflow),
            ("Direction", job.direction),
            ("Format", job.file_format),
            ("File name", job.file_pattern),
            ("Folder", job.folder),
            ("Schedule", job.schedule),
        )


@dataclass(frozen=True, slots=True)
class SkuCheck:
    """How many SKUs of the last orders the WMS doesn't have; `products` says whether its products are known at all."""

    skus: int
    unknown: Sequence[str]
    products: bool
    wms: str

    @property
    def named(self) -> Sequence[str]:
        return self.unknown[:NAMED_SKUS]


@dataclass(frozen=True, slots=True)
class Rules:
    """The general rules, each with the merchant's own data. `live` is only there for a cart in test mode."""

    rule: OrderIdRule
    order_ids: Sequence[tuple[str, str]]
    typed: tuple[str, str] | None
    skus: SkuCheck
    live: GoingLive | None

    @property
    def characters(self) -> str:
        return {"letters_digits_hyphen": "letters, digits and hyphens", "letters_digits": "letters and digits"}.get(
            self.rule.characters, "digits"
        )


@dataclass(frozen=True, slots=True)
class SideStep:
    """One of the two steps of the whole set-up: the WMS first, then the cart."""

    number: int
    side: str
    label: str
    about: str
    heads: Sequence[ConnectionHead]
    kinds: Sequence[tuple[ConnectorSpec, str]]
    """What can be connected, each with a name that is free."""

    @property
    def is_done(self) -> bool:
        return any(head.connection.state == ConnectionState.OK for head in self.heads)


# --- the whole set-up --------------------------------------------------------------------------------------------------------


def side_steps(account: Account) -> Sequence[SideStep]:
    """Return the two steps of setting an account up, with what is there already and what can be added."""
    lists = connection_lists(account)
    taken = {head.connection.name for head in (*lists.carts, *lists.warehouses, *lists.ended)}
    kinds = [(spec, _free_name(spec.name, taken)) for spec in registry.all_specs()]
    return (_side_step(1, Side.WMS, lists, kinds), _side_step(2, Side.CART, lists, kinds))


def lacks_cart(account: Account) -> bool:
    """Say whether no cart is connected, so that the set-up goes on with one."""
    carts = Connection.objects.for_account(account).filter(side=Side.CART)
    return not carts.exclude(state=ConnectionState.DISCONNECTED).exists()


def _side_step(number: int, side: Side, lists: ConnectionLists, kinds: Sequence[tuple[ConnectorSpec, str]]) -> SideStep:
    is_wms = side is Side.WMS
    return SideStep(
        number,
        side,
        "Connect your WMS" if is_wms else "Connect your cart",
        "Where orders go to, and tracking and stock come from." if is_wms else "Where orders come from, and tracking goes to.",
        lists.warehouses if is_wms else lists.carts,
        [(spec, name) for spec, name in kinds if spec.side is side],
    )


def _free_name(name: str, taken: set[str]) -> str:
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one not in taken)


# --- one connection's guide --------------------------------------------------------------------------------------------------


def steps_of(connection: Connection, spec: ConnectorSpec) -> Sequence[Step]:
    """Return the steps: the kind's own, one for what it needs and names in none, and the hub's last one before going live."""
    fields = {field.name: field for field in fields_of(spec)}
    wanted = {field.name for field in missing(fields.values(), connection.settings, secret_names_of(connection))}
    named = {name for step in spec.guide.steps for name in step.fields}
    parts = list(spec.guide.steps)
    left = [field for field in spec.fields if field.name not in named]
    rest = tuple(field.name for field in left if not spec.guide.steps or (field.required and not field.default))
    if rest:
        parts.append(
            GuideStep(title=f"Fill in what {spec.name} needs", body="These come from your account there.", fields=rest)
        )
    parts.append(_before_going_live(spec, named))
    jobs_at = next((place for place, step in enumerate(parts) if step.lists_jobs), len(parts) - 1)
    return [
        Step(
            number=place + 1,
            title=part.title,
            acts=part.acts,
            body=part.body,
            fields=[fields[name] for name in part.fields if name in fields],
            is_done=any(fields[name].required for name in part.fields if name in fields) and not wanted & set(part.fields),
            lists_jobs=place == jobs_at,
            is_last=place == len(parts) - 1,
        )
        for place, part in enumerate(parts)
    ]


def _before_going_live(spec: ConnectorSpec, named: set[str]) -> GuideStep:
    if spec.side is Side.WMS:
        return GuideStep(title="Look before you go live", body="What your carts have sent so far, as this WMS will get it.")
    return GuideStep(
        title="Look before you go live",
        body="Orders that were placed before the earliest order date stay out: set it to the day on which you switch over, so "
        "that nothing comes that you have shipped already. Until you go live, real orders are loaded and wait; test orders run "
        "through.",
        fields=() if "earliest_order_date" in named else ("earliest_order_date",),
    )


def jobs_of(connection: Connection, spec: ConnectorSpec) -> Sequence[JobRow]:
    """Return the jobs to create for the connection's settings, with the last file that was seen of each."""
    try:
        jobs = spec.guide.jobs(settings_of(connection))
    except FieldProblems:
        return []
    return [_job_row(connection, number, job) for number, job in enumerate(jobs, start=1)]


def _job_row(connection: Connection, number: int, job: Job) -> JobRow:
    if job.purpose == OF_ORDERS:
        came = InboundDocument.objects.for_account(connection.account_id).filter(connection=connection, feed=OF_ORDERS)
        last = came.order_by("-seen_at", "-pk").only("name", "seen_at").first()
        return JobRow(number, job, last is not None, last.name if last else "", last.seen_at if last else None)
    went = OutboundDocument.objects.for_account(connection.account_id).filter(
        connection=connection, purpose=Purpose(job.purpose)
    )
    taken = went.filter(state=DocumentState.TAKEN).order_by("-taken_at", "-pk").only("name", "taken_at").first()
    if taken is not None:
        return JobRow(number, job, True, taken.name, taken.taken_at)
    lies = went.filter(state=DocumentState.SENT).order_by("-sent_at", "-pk").only("name", "sent_at").first()
    if lies is not None:
        return JobRow(number, job, False, lies.name, lies.sent_at, waits=True)
    return JobRow(number, job, False)


# --- rules with the merchant's own data --------------------------------------------------------------------------------------


def rules_for(connection: Connection, typed: str = "") -> Rules:
    """Return what order numbers become, which SKUs the WMS doesn't have, and what waits; `typed` is a number to preview."""
    account = connection.account
    wms = [
        row
        for row in Connection.objects.for_account(account).filter(side=Side.WMS).order_by("pk")
        if row.state != ConnectionState.DISCONNECTED
    ]
    rule = OrderIdRule.strictest([settings for settings in map(_settings, wms) if settings])
    orders = Order.objects.for_account(account).order_by("-created_at", "-pk")
    if connection.side == Side.CART:
        orders = orders.filter(source=connection)
    last = list(orders.values_list("pk", "source_id", "cust_po_no")[:LAST_ORDERS])
    is_waiting = connection.side == Side.CART and not connection.live
    return Rules(
        rule=rule,
        order_ids=[(number, next(candidates(number, rule))) for _, _, number in last[:PREVIEWED]],
        typed=(typed, next(candidates(typed, rule))) if typed else None,
        skus=_sku_check(account, {pk: cart for pk, cart, _ in last}, wms[0].name if len(wms) == 1 else "your WMS"),
        live=going_live(connection) if is_waiting else None,
    )


def _settings(connection: Connection) -> Mapping[str, Any]:
    try:
        return settings_of(connection)
    except (FieldProblems, registry.UnknownKind):
        return {}


def _sku_check(account: Account, carts: Mapping[int, int], wms: str) -> SkuCheck:
    """Compare the SKUs of these orders, after aliases, with the products of the WMS; `carts` says whose each order is."""
    lines = OrderLine.objects.for_account(account).filter(order__in=list(carts)).values_list("order_id", "item")
    by_cart: dict[int, set[str]] = {}
    for order_id, item in lines:
        by_cart.setdefault(carts[order_id], set()).add(item)
    wanted: dict[str, str] = {}
    for cart_id, items in sorted(by_cart.items()):
        wanted |= wms_skus(account_id=account.pk, cart_id=cart_id, cart_skus=items)
    products = Product.objects.for_account(account).filter(gone=False)
    known = set(products.filter(sku__in=set(wanted.values())).values_list("sku", flat=True))
    unknown = sorted(item for item, sku in wanted.items() if sku not in known)
    return SkuCheck(len(wanted), unknown, products=bool(known) or products.exists(), wms=wms)
