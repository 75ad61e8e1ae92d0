"""The test of a connection, step by step, in words. It changes nothing at the far side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import CheckStep, Network
from connectors.errors import ConnectorError
from connectors.quickbooks_online.api import Api
from connectors.quickbooks_online.refusals import FAR_SIDE
from connectors.quickbooks_online.render import entity_of
from connectors.quickbooks_online.resolving import Named
from connectors.quickbooks_online.wire import text_of

CONNECT_SECONDS = 10.0

WHERE = "Settings > Account and settings > Sales > Sales form content"

LIKELY = {
    "address": "Most often there is a slip in the API address.",
    "company": "Most often access was granted for another company, or with keys of the other environment.",
    "products": "Most often products are switched off in the company's plan.",
}
"""The likeliest cause of each step that fails, which is told first."""


class Check:
    """All steps for one connection."""

    def __init__(self, api: Api, named: Named, *, base: str, settings: Mapping[str, Any], network: Network) -> None:
        self._api, self._named, self._base, self._settings, self._network = api, named, base, settings, network

    def steps(self) -> Iterator[CheckStep]:
        """Yield each step; nobody can sign in where nobody answers, so that the first two end the test when they fail."""
        for name, look in (("address", self._address), ("company", self._company)):
            step = _step(name, look)
            yield step
            if not step.ok:
                return
        yield _step("order numbers", lambda: self._preference("CustomTxnNumbers", "Custom transaction numbers", _NUMBERS))
        yield _step("shipping fields", lambda: self._preference("AllowShipping", "Shipping", _SHIPPING))
        yield _step("products", self._products)
        yield _step("orders", self._orders)
        if self._settings["shipping_item"].strip() or self._settings["order_becomes"] == "sales_receipt":
            yield _step("names in the settings", self._names)

    def _address(self) -> tuple[bool, str]:
        parts = urlsplit(self._base)
        host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
        self._network.connect(host, port, CONNECT_SECONDS).close()
        return True, f"{host} answers on port {port}."

    def _company(self) -> tuple[bool, str]:
        info = self._api.ask(f"/companyinfo/{self._api.realm}").json().get("CompanyInfo")
        if not isinstance(info, dict):
            return False, f"{FAR_SIDE} says nothing of the company {self._api.realm}. Grant access again."
        return True, f"Signed in to the company {text_of(info.get('CompanyName')) or self._api.realm}."

    def _preference(self, name: str, label: str, without: str) -> tuple[bool, str]:
        prefs = self._api.ask("/preferences").json().get("Preferences")
        forms = prefs.get("SalesFormsPrefs") if isinstance(prefs, dict) else None
        if not isinstance(forms, dict) or name not in forms:
            return True, f"{FAR_SIDE} doesn't say whether {label} is on. Look under {WHERE}."
        if forms[name] is not True:
            return False, f"{label} is off, so {without}. Switch it on under {WHERE}."
        return True, f"{label} is on."

    def _products(self) -> tuple[bool, str]:
        total = self._api.count("Item")
        tracked = self._api.count("Item", "Type = 'Inventory'")
        return True, f"{total:,} products can be read; of {tracked:,} the quantity is tracked."

    def _orders(self) -> tuple[bool, str]:
        entity = entity_of(self._settings)
        words = {"Invoice": "invoices", "SalesReceipt": "sales receipts", "Estimate": "estimates"}[entity]
        return True, f"{self._api.count(entity):,} {words} can be read."

    def _names(self) -> tuple[bool, str]:
        self._named.shipping_item()
        self._named.refs()
        return True, "The products, methods and accounts that the settings name are there."


_NUMBERS = "the company numbers forms by itself and orders can't keep their numbers"
_SHIPPING = "forms have no field for a tracking number"


def _step(name: str, look: Callable[[], tuple[bool, str]]) -> CheckStep:
    try:
        ok, words = look()
    except ConnectorError as error:
        ok, words = False, f"{LIKELY[name]} {error.words}" if name in LIKELY else error.words
    return CheckStep(name, ok, words)
