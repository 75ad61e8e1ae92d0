"""A merchant's outgoing desk: orders as a cart would load them, the WMS they go to, and what both sides then say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from cartrover.accounts.models import Account
from connectors.contract import Address, LineDraft, OrderDraft, RunningSandbox
from connectors.models import Connection, Outcome, RequestBudget, Service, ServiceName
from orders.dispatcher import run_named
from orders.models import Alert, AlertState, Order, OrderEvent, OutboundAttempt, OutboundMessage
from orders.pipeline.persist import load_drafts
from orders.scheduling.running import Finished

ANY_DAY = date(2026, 11, 18)


def line(line_id: str = "1", item: str = "CAP-001", quantity: int = 1, price: str | None = "10.00") -> LineDraft:
    return LineDraft(line_id=line_id, item=item, quantity=quantity, price=None if price is None else Decimal(price))


def draft(number: str = "PO-1", *lines: LineDraft, **changes: Any) -> OrderDraft:
    """Return an order of a retailer; what isn't said is ordinary."""
    values: dict[str, Any] = {
        "external_id": f"dsco-{number}",
        "cust_po_no": number,
        "retailer_id": "1000",
        "retailer_name": "Nordlicht Department Store",
        "customer_code": "DSCO-1000",
        "order_date": ANY_DAY,
        "currency": "USD",
        "ship_to": Address(
            first_name="Pat",
            last_name="Doe",
            address_1="1 Sample Street",
            city="Portland",
            state="OR",
            zip="97201",
            country="US",
        ),
        "lines": list(lines) or [line()],
        "content_hash": f"hash-{number}",
    }
    return OrderDraft(**{**values, **changes})


@dataclass
class Desk:
    """What a test does with orders on their way out."""

    account: Account
    cart: Connection
    wms: Connection
    commerce: RunningSandbox

    # --- the hub's side ---

    def load(self, *drafts: OrderDraft) -> Order:
        """Load the orders (one ordinary one without any) and return the first."""
        wanted = list(drafts) or [draft()]
        load_drafts(connection=self.cart, drafts=wanted, document=None)
        return self.order(wanted[0].external_id)

    def order(self, external_id: str = "dsco-PO-1") -> Order:
        return Order.objects.for_account(self.account).select_related("source", "wms").get(external_id=external_id)

    def deliver(self) -> Finished:
        """Run the delivery as `run_services --service order_delivery` does."""
        (finished,) = run_named([self.wms], [ServiceName.ORDER_DELIVERY])
        return finished

    def message(self, order: Order, purpose: str = "deliver") -> OutboundMessage:
        return OutboundMessage.objects.for_account(self.account).filter(order=order, purpose=purpose).latest("pk")

    def attempts(self, order: Order, purpose: str = "deliver") -> list[OutboundAttempt]:
        tries = OutboundAttempt.objects.for_account(self.account).filter(message__order=order, message__purpose=purpose)
        return list(tries.order_by("pk"))

    def outcomes(self, order: Order, purpose: str = "deliver") -> list[str]:
        return [one.outcome for one in self.attempts(order, purpose)]

    def story(self, order: Order) -> list[str]:
        return list(
            OrderEvent.objects.for_account(self.account).filter(order=order).order_by("pk").values_list("kind", flat=True)
        )

    def alerts(self, cause: str = "") -> list[Alert]:
        rows = Alert.objects.for_account(self.account).filter(state=AlertState.OPEN).order_by("pk")
        return list(rows.filter(cause=cause) if cause else rows)

    def service(self) -> Service:
        return Service.objects.for_account(self.account).get(connection=self.wms, name=ServiceName.ORDER_DELIVERY)

    def reconnect(self, **settings: str) -> None:
        """Change settings of the WMS without testing it anew."""
        Connection.objects.for_account(self.account).filter(pk=self.wms.pk).update(settings={**self.wms.settings, **settings})
        self.wms.refresh_from_db()

    def age(self, order: Order, **ago: float) -> None:
        """Let the last attempt have begun so long ago."""
        moment = timezone.now() - timedelta(**ago)
        OutboundMessage.objects.for_account(self.account).filter(order=order).update(sent_at=moment)

    def rate_limit_is_over(self) -> None:
        Service.objects.for_account(self.account).update(slowed_until=None)
        RequestBudget.objects.all().delete()

    # --- the far side ---

    def fault(self, name: str, path: str | None = "/orders", method: str | None = "POST", **more: Any) -> None:
        self.commerce.drive("fault", name=name, path=path, method=method, **more)

    def there(self, number: str = "", *, strangers: bool = False) -> list[dict[str, Any]]:
        """Return the orders at the WMS, with this number where one is named."""
        orders = self.commerce.drive("state")["orders"]
        return [one for one in orders if (strangers or not one["by_stranger"]) and number in ("", one["order_number"])]

    def requests(self, route: str = "") -> Any:
        """Return how often a route ("POST /orders") was asked, or all counts."""
        routes = self.commerce.drive("requests")["counters"]["by_route"]
        return routes.get(route, 0) if route else routes

    def sent_keys(self, path: str = "/orders") -> list[str]:
        """Return the idempotency keys of all writes to a path, in their order."""
        log = self.commerce.drive("requests")["log"]
        return [one["idempotency_key"] for one in log if one["method"] == "POST" and one["path"] == path]


def all_are(values: Iterable[Any], expected: Any) -> bool:
    """True when there is at least one, and each is just this."""
    found = list(values)
    return bool(found) and all(one == expected for one in found)


DONE = Outcome.DONE
