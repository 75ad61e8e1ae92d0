"""The gate before a cart goes live: how far its last test order has come, what waits, and what going live would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from cartrover import locales
from cartrover.clock import hub_now
from connectors import registry
from connectors.contract import HoldReason, ShipmentState
from connectors.models import Connection, ServiceName
from connectors.readers import SettingsUnfit, service_of
from connectors.schedules import OFF, UNSET, in_words
from orders.connecting.going_live import may_go_live, went_round
from orders.listings.connections import GoingLive, going_live
from orders.models import DocumentState, InboundDocument, InboundState, Order, OutboundDocument, Product, Shipment
from orders.models.order import held_for
from orders.pipeline.route import Route
from orders.states import OrderState
from orders.words import service_label

SKUS_OFFERED = 200
WAITING_SHOWN = 10

LABELS = ("File found", "Read", "Order", "At the WMS", "Shipped", "Told to the cart")


@dataclass(frozen=True, slots=True)
class RunButton:
    """A service that brings the order to its next station."""

    connection: Connection
    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Station:
    """One of the six. `state` is done, now (waited for), stuck or ahead; `words` say what it waits for and what to do."""

    number: int
    label: str
    state: str
    at: datetime | None = None
    link: str = ""
    link_words: str = ""
    words: str = ""
    run: RunButton | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What is known of a station: `at` once it is reached, else what it waits for."""

    at: datetime | None = None
    link: str = ""
    link_words: str = ""
    words: str = ""
    stuck: bool = False
    run: RunButton | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """The last test order of a cart, or the file in which one is to come, with its six stations."""

    order: Order | None
    stations: Sequence[Station]

    @property
    def is_through(self) -> bool:
        return all(station.state == "done" for station in self.stations)

    @property
    def current(self) -> Station | None:
        return next((station for station in self.stations if station.state in ("now", "stuck")), None)


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything on the page. `wms` is where the cart's orders go; `skus` are those that a test order may have."""

    test: Round
    wms: Connection | None
    no_route_words: str
    may_go_live: bool
    went_round: bool
    live: GoingLive | None
    can_make: bool
    skus: Sequence[tuple[str, str]]
    products_run: RunButton | None
    waiting: Sequence[Order]
    shown: Order | None
    """The waiting order of which the page shows what would be sent."""


def gate_of(cart: Connection, shown: UUID | None = None) -> Gate:
    """Return the gate of a cart; `shown` names the waiting order to preview, the next one without it."""
    wms, no_route_words = _route(cart)
    spec = registry.find(cart.kind)
    can_make = spec is not None and spec.render_sample is not None and not cart.live
    skus = _skus(cart) if can_make else []
    live = None if cart.live else going_live(cart)
    waiting = _waiting(cart, live)
    return Gate(
        test=round_of(cart, wms),
        wms=wms,
        no_route_words=no_route_words,
        may_go_live=may_go_live(cart),
        went_round=went_round(cart),
        live=live,
        can_make=can_make,
        skus=skus,
        products_run=_button(wms, ServiceName.INVENTORY_PICKUP) if wms and not skus else None,
        waiting=waiting,
        shown=next((order for order in waiting if order.public_id == shown), waiting[0] if waiting else None),
    )


def round_of(cart: Connection, wms: Connection | None) -> Round:
    """Return the cart's last test order with its stations."""
    orders = Order.objects.for_account(cart.account_id).filter(source=cart, is_test=True)
    order = orders.select_related("document", "wms").order_by("-pk").first()
    came = InboundDocument.objects.for_account(cart.account_id).filter(connection=cart, feed="orders")
    newest = came.order_by("-seen_at", "-pk").first()
    document = order.document if order is not None else newest
    if order is not None and newest is not None and newest.state != InboundState.READ and newest.seen_at > order.created_at:
        # A newer file is on its way: the next test order may be in it.
        order, document = None, newest
    at = order.wms or wms if order is not None else wms
    package = _package_of(order)
    steps = [
        _found(cart, document),
        _read(cart, document),
        _ordered(cart, order, document),
        _delivered(cart, order, at),
        _shipped(cart, order, package, at),
        _told(cart, package),
    ]
    return Round(order, _in_line(steps))


def _in_line(steps: Sequence[_Step]) -> list[Station]:
    """What comes after the first station that isn't reached is still ahead."""
    stations, is_open = [], True
    for number, (label, step) in enumerate(zip(LABELS, steps, strict=True), start=1):
        if is_open and step.at is not None:
            stations.append(Station(number, label, "done", step.at, step.link, step.link_words, step.words))
        elif is_open:
            is_open = False
            state = "stuck" if step.stuck else "now"
            stations.append(Station(number, label, state, None, step.link, step.link_words, step.words, step.run))
        else:
            stations.append(Station(number, label, "ahead"))
    return stations


# --- the stations ------------------------------------------------------------------------------------------------------------


def _found(cart: Connection, document: InboundDocument | None) -> _Step:
    if document is None:
        return _Step(
            words=f"No file has come yet. Make a test order here, or have {_kind(cart)} export one that is marked as a test. "
            + _when(cart, ServiceName.ORDER_DOWNLOAD),
            run=_button(cart, ServiceName.ORDER_DOWNLOAD),
        )
    return _Step(document.seen_at, _file_url(cart, "in", document.public_id), document.name)


def _read(cart: Connection, document: InboundDocument | None) -> _Step:
    if document is None:
        return _Step()
    link = _file_url(cart, "in", document.public_id)
    match InboundState(document.state):
        case InboundState.READ:
            return _Step(document.read_at, f"{link}bytes/", "its bytes")
        case InboundState.REFUSED | InboundState.GONE | InboundState.REPLACED:
            return _Step(
                words=document.words or "The file can't be read.", stuck=True, link=link, link_words="look at the file"
            )
        case _:
            words = f"The file waits to be read. {_when(cart, ServiceName.ORDER_DOWNLOAD)}"
            return _Step(words=words, run=_button(cart, ServiceName.ORDER_DOWNLOAD))


def _ordered(cart: Connection, order: Order | None, document: InboundDocument | None) -> _Step:
    if order is not None:
        return _Step(order.created_at, _order_url(order), f"order {order.cust_ref}")
    name = document.name if document else "The file"
    return _Step(
        words=f"{name} held no test order; live orders wait until you go live. Make a test order here, or have {_kind(cart)} "
        "export one that is marked as a test.",
        run=_button(cart, ServiceName.ORDER_DOWNLOAD),
    )


def _delivered(cart: Connection, order: Order | None, wms: Connection | None) -> _Step:
    if order is None:
        return _Step()
    if order.delivered_at is not None and order.state != OrderState.CANCELED:
        return _Step(
            order.delivered_at, f"{_order_url(order)}#messages", f"{order.wms_number or order.cust_ref}: what was sent"
        )
    if order.state == OrderState.CANCELED:
        return _Step(words="This test order was canceled. Make another one.", stuck=True, link=_order_url(order))
    if order.hold:
        return _Step(words=order.hold_words, stuck=True, link=_order_url(order), link_words="look at the order")
    if wms is None:
        return _Step(words="There is no WMS to send it to.", stuck=True)
    words = f"It goes to {wms.name} next. {_when(wms, ServiceName.ORDER_DELIVERY)}"
    return _Step(words=words, run=_button(wms, ServiceName.ORDER_DELIVERY))


def _shipped(cart: Connection, order: Order | None, package: Shipment | None, wms: Connection | None) -> _Step:
    if order is None or wms is None:
        return _Step()
    if package is not None:
        at = package.shipped_at or package.remote_updated_at
        return _Step(at, f"{_order_url(order)}#packages", package.tracking_number or "no tracking number")
    spec = registry.find(wms.kind)
    act = (spec.guide.to_ship if spec else "ship order {number}").format(number=order.wms_number or order.cust_ref)
    return _Step(
        words=f"In {wms.name}: {act}. {_when(wms, ServiceName.SHIPMENT_PICKUP)}",
        run=_button(wms, ServiceName.SHIPMENT_PICKUP),
    )


def _told(cart: Connection, package: Shipment | None) -> _Step:
    if package is None:
        return _Step()
    document: OutboundDocument | None = package.document
    if document is not None and document.state in (DocumentState.SENT, DocumentState.TAKEN):
        taken = f"{_kind(cart)} has taken it." if document.state == DocumentState.TAKEN else ""
        return _Step(document.sent_at, _file_url(cart, "out", document.public_id), document.name, words=taken)
    if document is not None:
        words = document.words or f"{document.name} is made and waits to be sent."
        link = _file_url(cart, "out", document.public_id)
        return _Step(words=words, link=link, link_words=document.name, run=_button(cart, ServiceName.SHIPMENT_UPLOAD))
    if not package.tracking_number and not package.send_without_tracking:
        return _Step(
            words="The package has no tracking number, and the cart wants one. Enter it in the WMS, or send it without.",
            stuck=True,
            link=reverse("shipments", kwargs={"slug": cart.account.slug}),
            link_words="look at the package",
        )
    words = f"The package is told to {cart.name} next. {_when(cart, ServiceName.SHIPMENT_UPLOAD)}"
    return _Step(words=words, run=_button(cart, ServiceName.SHIPMENT_UPLOAD))


# --- what they are made of ---------------------------------------------------------------------------------------------------


def _package_of(order: Order | None) -> Shipment | None:
    """The package that has come furthest: one that was told, else the first that shipped."""
    if order is None:
        return None
    packages = Shipment.objects.for_account(order.account_id).filter(order=order, state=ShipmentState.SHIPPED)
    rows = list(packages.select_related("document").order_by("pk")[:50])
    told = [one for one in rows if one.document and one.document.state in (DocumentState.SENT, DocumentState.TAKEN)]
    return next(iter(told or rows), None)


def _when(connection: Connection, name: ServiceName) -> str:
    """When a service next looks by itself, in words."""
    service = service_of(connection, name)
    label = service_label(name)
    if service is None:
        return ""
    if service.every == UNSET and name == ServiceName.ORDER_DOWNLOAD:
        return f"{label} is off until you go live: run it now."
    if service.every == OFF:
        return f"{label} is switched off: run it now."
    if service.every == UNSET:
        return f"{label} looks by itself every few moments while a test order waits for it."
    if service.due_at is not None and service.due_at > hub_now():
        return f"{label} runs {in_words(service.every)}, next at {locales.clock(timezone.localtime(service.due_at))}."
    return f"{label} runs {'by itself' if service.every == 'automatic' else in_words(service.every)}."


def _button(connection: Connection, name: ServiceName) -> RunButton:
    return RunButton(connection, name, service_label(name))


def _kind(cart: Connection) -> str:
    spec = registry.find(cart.kind)
    return spec.name if spec else cart.name


def _file_url(cart: Connection, way: str, document_id: UUID) -> str:
    ids = {"slug": cart.account.slug, "public_id": cart.public_id, "way": way, "document_id": document_id}
    return reverse("connection_file", kwargs=ids)


def _order_url(order: Order) -> str:
    return reverse("order", kwargs={"slug": order.account.slug, "public_id": order.public_id})


def _route(cart: Connection) -> tuple[Connection | None, str]:
    try:
        route = Route.of(cart)
    except (SettingsUnfit, registry.UnknownKind) as unfit:
        return None, unfit.words
    return route.wms, route.no_route_words


def _skus(cart: Connection) -> list[tuple[str, str]]:
    rows = Product.objects.for_account(cart.account_id).filter(gone=False).order_by("sku")
    return [(sku, name[:60]) for sku, name in rows.values_list("sku", "name")[:SKUS_OFFERED]]


def _waiting(cart: Connection, live: GoingLive | None) -> list[Order]:
    """Return the first orders that would go out by going live."""
    if live is None:
        return []
    orders = Order.objects.for_account(cart.account_id).filter(held_for(HoldReason.NOT_LIVE), source=cart)
    if live.earliest is not None:
        orders = orders.exclude(order_date__lt=live.earliest)
    return list(orders.order_by("created_at", "pk")[:WAITING_SHOWN])
