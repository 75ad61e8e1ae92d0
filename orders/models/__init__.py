"""The tables of what happens to an order."""

from __future__ import annotations

from orders.models.alert import Alert, AlertState
from orders.models.api_key import ApiKey, ApiLevel
from orders.models.api_request import ApiRequest, ErrorCode
from orders.models.inbound import InboundBody, InboundDocument, InboundState
from orders.models.invoice import Invoice, InvoiceLine
from orders.models.job import OPEN_JOBS, Job, JobPart, JobState
from orders.models.mapping import Product, ProductAlias, ShipMethodMap
from orders.models.notification import (
    ChannelKind,
    Notification,
    NotificationChannel,
    NotificationEvent,
    NotificationState,
    Pace,
    Scope,
)
from orders.models.order import Order, OrderEvent, OrderLine, SkippedOrder
from orders.models.outbound import (
    DocumentState,
    LineCancellation,
    MessagePurpose,
    MessageState,
    OutboundAttempt,
    OutboundDocument,
    OutboundMessage,
)
from orders.models.shipment import Shipment, ShipmentLine
from orders.models.stock import ChannelStock, OrderedItem, StockLevel, StockReading
from orders.models.support import SupportNote, SupportRequest, SupportState
from orders.models.view import ListColumns, SavedView

__all__ = [
    "OPEN_JOBS",
    "Alert",
    "AlertState",
    "ApiKey",
    "ApiLevel",
    "ApiRequest",
    "ChannelKind",
    "ChannelStock",
    "DocumentState",
    "ErrorCode",
    "InboundBody",
    "InboundDocument",
    "InboundState",
    "Invoice",
    "InvoiceLine",
    "Job",
    "JobPart",
    "JobState",
    "LineCancellation",
    "ListColumns",
    "MessagePurpose",
    "MessageState",
    "Notification",
    "NotificationChannel",
    "NotificationEvent",
    "NotificationState",
    "Order",
    "OrderEvent",
    "OrderLine",
    "OrderedItem",
    "OutboundAttempt",
    "OutboundDocument",
    "OutboundMessage",
    "Pace",
    "Product",
    "ProductAlias",
    "SavedView",
    "Scope",
    "ShipMethodMap",
    "Shipment",
    "ShipmentLine",
    "SkippedOrder",
    "StockLevel",
    "StockReading",
    "SupportNote",
    "SupportRequest",
    "SupportState",
]
