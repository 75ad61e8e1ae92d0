"""The commands of `drive`: names and arguments as a person gives them, plain JSON values as results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from . import shapes, snapshot
from .answers import Refusal
from .oauth import Authority
from .records import Order
from .store import Store
from .warehouse import Warehouse, words_of

Result = Any


class Machinery(Protocol):
    """What the commands need of the running server."""

    store: Store
    authority: Authority
    warehouse: Warehouse

    @property
    def base(self) -> str: ...

    def request_log(self, limit: int) -> dict[str, Any]: ...

    def clear_log(self) -> None: ...

    def fault_switch(self) -> Any: ...

    def delivery_log(self) -> list[dict[str, Any]]: ...

    def start_auto_ship(self, every: float, invoice: bool) -> None: ...

    def reset(self) -> None: ...


class Commands:
    """Each public method is a command; its signature says which arguments there are."""

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery
        self._store = machinery.store
        self._warehouse = machinery.warehouse

    def run(self, command: str, arguments: Mapping[str, Any]) -> Result:
        """Do it. Raise ValueError, with words, for anything that can't be done."""
        method: Callable[..., Result] | None = None if command.startswith("_") else getattr(type(self), command, None)
        if method is None or command == "run":
            names = ", ".join(names_of(type(self)))
            raise ValueError(f"There is no command {command!r}. The commands are {names}.")
        try:
            bound = inspect.signature(method).bind(self, **arguments)
        except TypeError as error:
            raise ValueError(f"{command}: {error}.") from None
        try:
            return method(*bound.args, **bound.kwargs)
        except Refusal as refusal:
            raise ValueError(words_of(refusal)) from None

    # --- looking -------------------------------------------------------------------------------------------------------------

    def state(
        self, order_number: str | None = None, reference_number: str | None = None, order_id: int | None = None
    ) -> Result:
        named = order_number is not None or reference_number is not None or order_id is not None
        orders = self._warehouse.orders(order_number, reference_number, order_id) if named else self._store.orders
        return snapshot.state(self._store, orders)

    def counts(self) -> Result:
        return snapshot.counts(self._store)

    def requests(self, limit: int = 1000, clear: bool = False) -> Result:
        log = self._machinery.request_log(limit)
        if clear:
            self._machinery.clear_log()
        return log

    def clear_requests(self) -> Result:
        self._machinery.clear_log()

    def faults(self) -> Result:
        return self._machinery.fault_switch().listed()

    def deliveries(self) -> Result:
        return self._machinery.delivery_log()

    # --- the warehouse -------------------------------------------------------------------------------------------------------

    def _orders(self, all_of: Callable[[], list[Order]], everything: bool, name: Mapping[str, Any]) -> list[Order]:
        return all_of() if everything else [self._warehouse.order(**name)]

    def pack_and_ship(
        self,
        order_number: str | None = None,
        reference_number: str | None = None,
        order_id: int | None = None,
        all: bool = False,
        **how: Any,
    ) -> Result:
        name = {"order_number": order_number, "reference_number": reference_number, "order_id": order_id}
        orders = self._orders(self._warehouse.all_unshipped, all, name)
        _check_arguments(self._warehouse.pack_and_ship, how)
        made = self._warehouse.pack_and_ship(orders, **how)
        return {"fulfillments": [snapshot.fulfillment_state(self._store, row) for row in made]}

    def ship(
        self,
        fulfillment_id: int,
        tracking: str | None = None,
        carrier: str | None = "UPS",
        service: str | None = "Ground",
        url: str | None = None,
        without_tracking: bool = False,
        shipped_at: str | None = None,
    ) -> Result:
        row = self._warehouse.fulfillment(fulfillment_id)
        way = {"tracking": tracking, "carrier": carrier, "service": service, "url": url}
        self._warehouse.ship(row, shipped_at=shipped_at, without_tracking=without_tracking, **way)
        return snapshot.fulfillment_state(self._store, row)

    def set_tracking(
        self,
        fulfillment_id: int,
        tracking: str,
        carrier: str | None = None,
        service: str | None = None,
        url: str | None = None,
    ) -> Result:
        row = self._warehouse.fulfillment(fulfillment_id)
        self._warehouse.set_tracking(row, tracking=tracking, carrier=carrier, service=service, url=url)
        return snapshot.fulfillment_state(self._store, row)

    def void_fulfillment(self, fulfillment_id: int) -> Result:
        row = self._warehouse.fulfillment(fulfillment_id)
        self._warehouse.void_fulfillment(row)
        return snapshot.fulfillment_state(self._store, row)

    def invoice(
        self,
        order_number: str | None = None,
        reference_number: str | None = None,
        order_id: int | None = None,
        all: bool = False,
        lines: Any = None,
        invoice_number: str | None = None,
        invoiced_at: str | None = None,
        due_at: str | None = None,
    ) -> Result:
        name = {"order_number": order_number, "reference_number": reference_number, "order_id": order_id}
        orders = self._orders(self._warehouse.all_uninvoiced, all, name)
        values = {"invoice_number": invoice_number, "invoiced_at": invoiced_at, "due_at": due_at}
        made = self._warehouse.invoice(orders, lines=lines, **values)
        return {"invoices": [snapshot.invoice_state(self._store, row) for row in made]}

    def void_invoice(self, invoice_id: int | None = None, invoice_number: str | None = None) -> Result:
        row = self._warehouse.invoice_named(invoice_id, invoice_number)
        self._warehouse.void_invoice(row)
        return snapshot.invoice_state(self._store, row)

    def pay(self, **name: Any) -> Result:
        return {"payments": self._warehouse.pay(self._named(name))}

    def _named(self, name: Mapping[str, Any]) -> Order:
        _check_arguments(self._warehouse.order, name)
        return self._warehouse.order(**name)

    def _shown(self, order: Order) -> Result:
        return snapshot.order_state(self._store, order)

    def finalize(self, **name: Any) -> Result:
        return self._warehouse.finalize(self._named(name))

    def void(self, force: bool = False, **name: Any) -> Result:
        order = self._named(name)
        self._warehouse.void(order, force=force)
        return self._shown(order)

    def delete_order(self, **name: Any) -> Result:
        order = self._named(name)
        self._warehouse.delete(order)
        return self._shown(order)

    def delete_line(self, line: Any, **name: Any) -> Result:
        order = self._named(name)
        self._warehouse.delete_line(order, line)
        return self._shown(order)

    def cut_line(self, line: Any, quantity: Any, **name: Any) -> Result:
        order = self._named(name)
        self._warehouse.cut_line(order, line, quantity)
        return self._shown(order)

    def add_line(self, sku: str, quantity: Any = 1, price: Any = None, **name: Any) -> Result:
        order = self._named(name)
        self._warehouse.add_line(order, sku, quantity, price)
        return self._shown(order)

    def add_stranger_order(
        self,
        order_number: str | None = None,
        reference_number: str | None = None,
        lines: Mapping[str, Any] | None = None,
        company_name: str = "Corner Shop",
        company_code: str | None = None,
        status: str = "active",
        count: int = 1,
    ) -> Result:
        made = [
            self._warehouse.add_stranger_order(
                order_number=order_number,
                reference_number=reference_number,
                lines=lines or {"CAP-001": 1},
                company_name=company_name,
                company_code=company_code,
                status=status,
            )
            for _ in range(count)
        ]
        return {"orders": [self._shown(order) for order in made]}

    def set_stock(self, sku: str, quantity: Any, location: str = "Main") -> Result:
        variant = self._warehouse.set_stock(sku, quantity, location)
        return {"sku": sku, **snapshot.stock_of(self._store, variant)}

    def set_product(self, sku: str, **values: Any) -> Result:
        return shapes.variant(self._store, self._warehouse.set_product(sku, values))

    def add_products(self, products: list[Mapping[str, Any]]) -> Result:
        made = [self._warehouse.add_product(product) for product in products]
        return [{"sku": row.sku, "variant_id": row.id, "product_id": row.product_id} for row in made]

    def add_location(self, label: str) -> Result:
        row = self._warehouse.add_location(label)
        return {"id": row["id"], "label": row["label"]}

    def archive_products(self, skus: list[str]) -> Result:
        return self._warehouse.archive_products(skus)

    def remove_products(self, skus: list[str]) -> Result:
        return self._warehouse.remove_products(skus)

    def auto_ship(self, every: float, invoice: bool = True) -> Result:
        if every < 0:
            raise ValueError("every is a number of seconds; 0 stops the warehouse.")
        self._machinery.start_auto_ship(every, invoice)
        return {"every": every}

    # --- the far side's manners ----------------------------------------------------------------------------------------------

    def set(self, **options: Any) -> Result:
        self._store.options.change(**options)
        self._store.mark_options()
        return self._store.options.as_dict()

    def advance(self, seconds: float) -> Result:
        self._store.options.change(clock_ahead=self._store.options.clock_ahead + float(seconds))
        self._store.mark_options()
        return {"now": self._store.clock.stamp()}

    def authorize(self, redirect_uri: str = "http://127.0.0.1/callback", user: int = 1) -> Result:
        application = next(iter(self._store.plain("applications")))
        values = {
            "client_id": str(application.data["client_id"]),
            "redirect_uri": redirect_uri,
            "response_type": "code",
        }
        if self._machinery.authority.check_request(values) or user not in self._store.plain("users").rows:
            raise ValueError("That redirect address or user can't be authorized.")
        return {"code": self._machinery.authority.allow(values, user)}

    def expire_tokens(self, privileged: bool = False) -> Result:
        return self._machinery.authority.expire(privileged=privileged)

    def revoke_tokens(self, privileged: bool = False) -> Result:
        return self._machinery.authority.revoke(privileged=privileged)

    def set_permissions(self, user: int, permissions: list[str]) -> Result:
        row = self._store.plain("users").get(user)
        if row is None:
            raise ValueError(f"There is no user {user}.")
        self._store.change(self._store.plain("users"), row, data={**row.data, "permissions": list(permissions)})
        return list(permissions)

    def reset(self) -> Result:
        self._machinery.reset()

    def fault(self, name: str, **how: Any) -> Result:
        _check_arguments(self._machinery.fault_switch().add, {"name": name, **how})
        return {"id": self._machinery.fault_switch().add(name, **how)}

    def chaos(self, seed: int, rates: Mapping[str, float], **how: Any) -> Result:
        self._machinery.fault_switch().chaos(seed, rates, **how)

    def clear_faults(self) -> Result:
        return self._machinery.fault_switch().clear()


def names_of(kind: type[Commands]) -> list[str]:
    """Return the names of all commands."""
    return [name for name, value in vars(kind).items() if callable(value) and not name.startswith("_") and name != "run"]


def _check_arguments(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise ValueError for arguments that a function doesn't take."""
    try:
        inspect.signature(function).bind_partial(**arguments)
    except TypeError as error:
        raise ValueError(f"{function.__name__}: {error}.") from None
