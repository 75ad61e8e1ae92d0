"""The test of a connection, step by step, in words. It changes nothing at the far side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import CheckStep, Network
from connectors.errors import ConnectorError
from connectors.quickbooks_commerce.api import FAR_SIDE, Api
from connectors.quickbooks_commerce.reading import Stock, wanted_ids
from connectors.quickbooks_commerce.resolving import Currencies
from connectors.quickbooks_commerce.wire import ACCOUNT, ORDERS, USER, VARIANTS, paging_of, text_of

CONNECT_SECONDS = 10.0

NEEDED_RIGHTS = {"write_orders": "write orders", "write_companies": "write companies"}
"""Rights that the hub can't do without, as recorded; whether products can be read shows by reading them. Source: section
3.22."""

LIKELY = {
    "address": "Most often there is a slip in the API address, or the host lets in only known addresses.",
    "products": "Most often the user who granted access may not read products.",
    "orders": "Most often the user who granted access may not read orders.",
}
"""The likeliest cause of each step that fails, which is told first; what the token step says names its own."""

ONLY_FINALIZED = (
    "Only finalized orders can be packed or invoiced at once. Set the status of new orders to Finalized, or switch that off."
)


class Check:
    """All steps for one connection."""

    def __init__(
        self, api: Api, stock: Stock, currencies: Currencies, *, settings: Mapping[str, Any], network: Network
    ) -> None:
        self._api, self._stock, self._currencies = api, stock, currencies
        self._settings, self._network = settings, network

    def steps(self) -> Iterator[CheckStep]:
        """Yield each step; nobody can sign in where nobody answers, so that the first two end the test when they fail."""
        for name, look in (("address", self._address), ("token", self._token)):
            step = _step(name, look)
            yield step
            if not step.ok:
                return
        yield _step("rights", self._rights)
        yield _step("products", lambda: self._count(VARIANTS, "variants", "products"))
        yield _step("orders", lambda: self._count(ORDERS, "orders", "orders"))
        yield _step("locations", self._locations)
        if self._settings["currency"].strip():
            yield _step("currency", self._currency)
        if self._settings["order_status"] != "finalized" and _acts_at_once(self._settings):
            yield CheckStep("settings", False, ONLY_FINALIZED)

    def _address(self) -> tuple[bool, str]:
        parts = urlsplit(self._settings["api_url"].strip())
        host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
        self._network.connect(host, port, CONNECT_SECONDS).close()
        return True, f"{host} answers on port {port}."

    def _token(self) -> tuple[bool, str]:
        account = self._api.one(ACCOUNT, "account")
        if account is None:
            return False, f"{FAR_SIDE} has no account for this access. Grant access again."
        return True, f"Signed in to the account {text_of(account.get('name')) or text_of(account.get('id'))}."

    def _rights(self) -> tuple[bool, str]:
        user = self._api.one(USER, "user")
        given = user.get("permissions") if user else None
        if not isinstance(given, list):
            return True, f"{FAR_SIDE} doesn't say which rights this access has; the next steps try them."
        missing = [words for right, words in NEEDED_RIGHTS.items() if right not in given]
        if missing:
            return False, (
                f"The user who granted access may not {' and may not '.join(missing)}. Give that user the right in "
                f"{FAR_SIDE}, or grant access as another one."
            )
        return True, "May write orders and companies."

    def _count(self, path: str, root: str, noun: str) -> tuple[bool, str]:
        answer = self._api.ask(path, [("limit", "1")])
        total = paging_of(answer.headers.get("X-Pagination")).total
        return True, f"{total:,} {noun} can be read." if total is not None else f"{noun.capitalize()} can be read."

    def _locations(self) -> tuple[bool, str]:
        locations = self._stock.locations()
        wanted = wanted_ids(self._settings["stock_location"], locations)
        names = sorted(name for key, name in locations.items() if wanted is None or key in wanted)
        if not names:
            return False, f"{FAR_SIDE} has no locations, so there is no stock to tell. Add one there."
        return True, f"Stock of {'all locations' if wanted is None else 'these locations'}: {', '.join(names)}."

    def _currency(self) -> tuple[bool, str]:
        return True, f"Orders go out in {self._currencies.by_name(self._settings['currency'])}."


def _acts_at_once(settings: Mapping[str, Any]) -> bool:
    return bool(settings["create_invoice"] or settings["pack_orders"])


def _step(name: str, look: Callable[[], tuple[bool, str]]) -> CheckStep:
    try:
        ok, words = look()
    except ConnectorError as error:
        ok, words = False, f"{LIKELY[name]} {error.words}" if name in LIKELY else error.words
    return CheckStep(name, ok, words)
