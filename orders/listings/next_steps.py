"""What happens to an order next, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.contract import HoldReason
from connectors.models import Connection, ConnectionState, Service, ServiceName
from orders import words
from orders.listings.told import waits_for_tracking
from orders.models import MessagePurpose, MessageState, Order, OutboundMessage, Shipment
from orders.models.outbound import OPEN_STATES
from orders.readers import service_state
from orders.states import OrderState


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens to an order next. Without a time `when` says what it waits for, if anything is known of it."""

    words: str
    at: datetime | None = None
    when: str = ""


def next_step(order: Order, messages: Sequence[OutboundMessage], shipments: Sequence[Shipment]) -> NextStep:
    """Return what happens to the order next, and when: in one question at most."""
    if order.state == OrderState.CANCELED:
        return NextStep("Nothing more: it is canceled.")
    if order.state == OrderState.CONFIRMED:
        return NextStep(f"Nothing more: {order.source.name} was told of all that shipped or was canceled.")
    services = _services(order)
    wms = order.wms.name if order.wms else "the WMS"
    asked = next((one for one in messages if one.purpose == MessagePurpose.CANCEL and one.state in OPEN_STATES), None)
    if asked is not None:
        return _message_step(f"{asked.connection.name} is asked to cancel it", asked, services)
    if order.hold:
        return NextStep(_after_hold(order))
    match OrderState(order.state):
        case OrderState.NEW | OrderState.READY:
            return _delivery(messages, services)
        case OrderState.SENT:
            return _service_step(f"{wms} is asked for packages", services.get(ServiceName.SHIPMENT_PICKUP), f"{wms} ships it")
        case _:
            return _telling(order, shipments, services)


def _after_hold(order: Order) -> str:
    if order.hold == HoldReason.NOT_LIVE:
        return f"It goes to the WMS when {order.source.name} goes live."
    if order.hold == HoldReason.BY_PERSON:
        return "It goes on when somebody releases it."
    return "It goes on by itself when that is mended, or when somebody releases it."


def _services(order: Order) -> dict[ServiceName, Service]:
    wanted = [ServiceName.ORDER_DELIVERY, ServiceName.SHIPMENT_PICKUP, ServiceName.SHIPMENT_UPLOAD]
    connections = [pk for pk in (order.source_id, order.wms_id) if pk is not None]
    rows = Service.objects.for_account(order.account_id).filter(connection__in=connections, name__in=wanted)
    return {ServiceName(one.name): one for one in rows.select_related("connection")}


def _delivery(messages: Sequence[OutboundMessage], services: Mapping[ServiceName, Service]) -> NextStep:
    message = next((one for one in messages if one.purpose == MessagePurpose.DELIVER and one.state in OPEN_STATES), None)
    if message is None:
        return NextStep("It goes to the WMS with the next order delivery.")
    name = message.connection.name
    if message.state == MessageState.SENDING:
        return NextStep(f"It is being sent to {name}.")
    said = f"{name} is asked whether it has it" if message.state == MessageState.UNKNOWN else f"It goes to {name}"
    return _message_step(said, message, services)


def _message_step(said: str, message: OutboundMessage, services: Mapping[ServiceName, Service]) -> NextStep:
    """A message is due when it says so, unless its connection is off."""
    delivery = services.get(ServiceName.ORDER_DELIVERY)
    connection: Connection = message.connection
    if connection.state != ConnectionState.OK:
        return NextStep(said, when=words.next_run_words(delivery, connection) if delivery else "")
    return NextStep(said, message.due_at)


def _telling(order: Order, shipments: Sequence[Shipment], services: Mapping[ServiceName, Service]) -> NextStep:
    cart = order.source.name
    if any(waits_for_tracking(shipment) for shipment in shipments):
        return NextStep(f"{cart} is told once a package has its tracking number.")
    return _service_step(f"{cart} is told", services.get(ServiceName.SHIPMENT_UPLOAD), f"{cart} asks for its tracking")


def _service_step(said: str, service: Service | None, without: str) -> NextStep:
    """What a service of ours does with its next run; `without` it, what the far side does in its own time."""
    if service is None:
        return NextStep(f"{without}.")
    state = service_state(service, service.connection)
    return NextStep(said, state.next_at, "" if state.next_at else "now" if state.is_running else state.next_words)
