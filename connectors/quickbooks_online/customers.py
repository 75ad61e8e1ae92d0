"""Retailers as customers: found by name, or made once however many workers need one.

A name belongs to one customer, vendor or employee of the company. Where somebody else has the retailer's name, the customer
gets the retailer's code behind it. Source: QuickBooks Online reference 9.3 and 10.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from connectors.contract import Memory, OrderOut
from connectors.errors import ConnectorError, FixOrder, OutcomeUnknown, TryLater
from connectors.quickbooks_online.api import Api, made
from connectors.quickbooks_online.refusals import DUPLICATE_NAME, FAR_SIDE, act_refused, has_code, quoted
from connectors.quickbooks_online.wire import BadValue, Refusal, Row, id_of, one_of, refusal_of, text_of

CUSTOMER, CUSTOMER_CODE = "customer", "customer_code"
"""Kinds of the connection's memory: customers by the retailer's code, and the other way round."""

LONGEST_NAME = 100
NAMES_TRIED = 5


def display_names(code: str, name: str) -> Iterator[str]:
    """Give the names to try for a retailer, the plainest first. A name can't hold a colon, a tab or a line break."""
    plain = " ".join(re.sub(r"[:\t\r\n]", " ", name).split()) or code
    suffix = " ".join(re.sub(r"[:\t\r\n]", " ", code).split())
    yield plain[:LONGEST_NAME]
    for number in range(1, NAMES_TRIED):
        behind = f" ({suffix})" if number == 1 else f" ({suffix}) {number}"
        yield plain[: LONGEST_NAME - len(behind)] + behind


class Customers:
    """Customers by the code of the retailer. With `one_name` all orders go to the customer of that name."""

    def __init__(self, api: Api, memory: Memory, one_name: str) -> None:
        self._api, self._memory, self._one_name = api, memory, one_name.strip()
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def remembered(self, codes: Collection[str]) -> dict[str, str]:
        """Return the ids of those that are remembered, asking nobody."""
        with self._lock:
            missing = [code for code in map(self._key, codes) if code not in self._known]
            if missing:
                self._known |= self._memory.get(CUSTOMER, missing)
            return {code: self._known[self._key(code)] for code in codes if self._key(code) in self._known}

    def found(self, order: OrderOut) -> str | None:
        """Return the id of the order's customer, remembered or asked for; None where there is none. Makes nothing."""
        code = order.customer_code.strip()
        return self.remembered([code]).get(code) or self._find(code, order.retailer_name)

    def ensure(self, order: OrderOut) -> str:
        """Return the id of the order's customer, made where there is none."""
        code, name = order.customer_code.strip(), order.retailer_name
        known = self.remembered([code]).get(code)
        if known is None:
            known = self._make_once(code, name)
            with self._lock:
                self._known[self._key(code)] = known
            self._memory.put(CUSTOMER_CODE, {known: self._key(code)})
        return known

    def refresh(self, order: OrderOut, refused: str) -> str:
        """Look the customer up anew after the remembered one, `refused`, wasn't taken."""
        self._forget(self._key(order.customer_code.strip()), refused)
        return self.ensure(order)

    def apply(self, rows: Sequence[Row]) -> None:
        """Forget customers that were made inactive."""
        gone = [text_of(row.get("Id")) for row in rows if row.get("Active") is False or row.get("status") == "Deleted"]
        for key, code in self._memory.get(CUSTOMER_CODE, gone).items():
            self._forget(code, key)

    def is_of(self, order: OrderOut, customer_id: str, name: str) -> bool:
        """Say whether a form's customer is the order's: the remembered one, or one with a name that the hub would give it."""
        code = order.customer_code.strip()
        if self.remembered([code]).get(code) == customer_id:
            return True
        return name.casefold() in {one.casefold() for one in self._names(code, order.retailer_name)}

    def _key(self, code: str) -> str:
        return f"={self._one_name}"[:200] if self._one_name else code

    def _names(self, code: str, name: str) -> list[str]:
        return list(display_names(code, self._one_name or name))

    def _forget(self, code: str, refused: str) -> None:
        with self._lock:
            if self._known.get(code, refused) == refused:
                self._known.pop(code, None)
                self._memory.forget(CUSTOMER, [code])

    # --- finding and making --------------------------------------------------------------------------------------------------

    def _find(self, code: str, name: str) -> str | None:
        names = self._names(code, name)
        rows = [row for page in self._api.rows("Customer", one_of("DisplayName", names)) for row in page]
        by_name = {text_of(row.get("DisplayName")).casefold(): row for row in rows if row.get("Active") is not False}
        row = next((by_name[one.casefold()] for one in names if one.casefold() in by_name), None)
        try:
            return id_of(row.get("Id")) if row is not None else None
        except BadValue as error:
            raise TryLater(f"{FAR_SIDE}'s customer {code} can't be read: {error}. It is looked up again later.") from None

    def _make_once(self, code: str, name: str) -> str:
        try:
            return self._memory.make_once(
                CUSTOMER, self._key(code), find=lambda: self._find(code, name), make=lambda key: self._make(code, name, key)
            )
        except OutcomeUnknown as error:
            # The next try asks first whether it is there, so that to the orders this is only a delay.
            raise TryLater(f"The customer {code} could not be made for certain. {error.words}") from error

    def _make(self, code: str, name: str, key: str) -> str:
        for number, display_name in enumerate(self._names(code, name)):
            answer = self._api.write("Customer", customer_body(display_name, self._one_name or name), key=f"{key}-{number}")
            refusal = refusal_of(answer.status, answer.json_or_none())
            if refusal is None:
                return id_of(made(answer, "Customer")["Id"])
            if not has_code(refusal, DUPLICATE_NAME, "name supplied already exists"):
                raise _refused(code, refusal)
        raise FixOrder(
            f"{FAR_SIDE} has customers, vendors or employees with all names that the hub would give the customer {code}. "
            "Rename one of them there, or make the customer there by hand, and send the order again.",
            field="customer_code",
        )


def customer_body(display_name: str, name: str) -> dict[str, Any]:
    """Return the body that makes a customer."""
    return {"DisplayName": display_name, "CompanyName": " ".join(name.split())[:LONGEST_NAME] or display_name}


def _refused(code: str, refusal: Refusal) -> ConnectorError:
    error = act_refused(refusal, f"make the customer {code}")
    if isinstance(error, FixOrder):
        return FixOrder(f"{FAR_SIDE} refused to make the customer {code}: {quoted(refusal)}.", field="customer_code")
    return error
