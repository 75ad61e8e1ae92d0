"""Talks to the far side and maps nothing. Every failure leaves here as one of `connectors.errors`, named by what to do next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.contract import CheckStep, DocumentRef, Listing, Opening, Place, Placement, Purpose
from connectors.errors import BadDocument, ConnectorError, FixConnection, TryLater
from connectors.transports.http import Answer, HttpClient

PIECE = 64 * 1024


def open_session(opening: Opening) -> ShopSession:
    """Return a session; nothing is asked of the far side before it is needed."""
    return ShopSession(opening)


class ShopSession:
    """One open connection to the shop: role ORDER_SOURCE and role SHIPMENT_SINK."""

    seen_host_key = ""

    def __init__(self, opening: Opening) -> None:
        self._shop = quote(str(opening.settings["shop"]), safe="")
        self._http = HttpClient(
            opening.settings["api_url"],
            network=opening.network,
            limiter=opening.limiter,
            progress=opening.progress,
            now=opening.now,
            headers={"X-Api-Key": opening.secrets["api_key"]},
            far_side="The shop",
        )

    def close(self) -> None:
        self._http.close()

    def check(self) -> Iterator[CheckStep]:
        """Sign in, then look at each folder that the roles need. A step that fails is the last one: the others need it."""
        try:
            about = self._read("").json()
            yield CheckStep("signed in", True, f"The shop is called “{about['name']}”.")
            waiting = len(self.list_orders().refs)
            yield CheckStep("exports readable", True, f"{waiting} exports wait to be read.")
            self.find_documents(Purpose.SHIPMENTS, [])
            yield CheckStep("uploads readable", True, "Uploads can be looked at.")
        except ConnectorError as error:
            yield CheckStep("shop", False, error.words)

    # --- role ORDER_SOURCE ---

    def list_orders(self) -> Listing:
        return self._list(taken=False)

    def list_taken(self) -> Listing:
        return self._list(taken=True)

    def fetch(self, ref: DocumentRef) -> Iterator[bytes]:
        """Yield the export's bytes; the shop keeps it under the same address after it was taken."""
        answer = self._read(f"/exports/{quote(ref.name, safe='')}")
        if answer.status == 404:
            raise BadDocument(f"{ref.name} isn't at the shop any more. Ask the shop to export its orders again.")
        if len(answer.body) != ref.size:
            raise TryLater(f"{ref.name} has {len(answer.body)} bytes instead of {ref.size}; it is read again.")
        for start in range(0, len(answer.body), PIECE):
            yield answer.body[start : start + PIECE]

    def _list(self, *, taken: bool) -> Listing:
        told = self._read("/exports").json()
        refs = tuple(
            DocumentRef(name=file["name"], size=file["size"], modified_at=datetime.fromisoformat(file["modified_at"]))
            for file in told["files"]
            if file["taken"] is taken
        )
        return Listing(refs=refs, far_now=datetime.fromisoformat(told["now"]))

    # --- role SHIPMENT_SINK ---

    def send_document(self, purpose: Purpose, name: str, body: bytes) -> Placement:
        """Upload the file whole. The client raises `OutcomeUnknown` by itself where nobody knows what became of it."""
        answer = self._http.request(
            "POST", f"/shops/{self._shop}/uploads", is_write=True, json={"name": name, "text": body.decode()}
        )
        self._require_rights(answer)
        if not answer.ok:
            raise TryLater(f"The shop did not take {name} ({answer.status}). It is sent again later.")
        return Placement(Place.WAITING, size=answer.json()["size"])

    def find_documents(self, purpose: Purpose, names: Collection[str]) -> Mapping[str, Placement]:
        files = {file["name"]: file for file in self._read("/uploads").json()["files"]}
        return {name: _placement(files.get(name)) for name in names}

    # --- one request ---

    def _read(self, path: str) -> Answer:
        answer = self._http.request("GET", f"/shops/{self._shop}{path}", is_write=False)
        self._require_rights(answer)
        if not answer.ok and answer.status != 404:
            raise TryLater(f"The shop did not answer as expected ({answer.status}). It is asked again later.")
        if answer.status == 404 and "/exports/" not in path:
            raise FixConnection("There is no shop with this number at this address. Check both.")
        return answer

    def _require_rights(self, answer: Answer) -> None:
        if answer.status in (401, 403):
            raise FixConnection("The shop refused the API key. Make a new one under Settings > API keys and enter it here.")


def _placement(file: Mapping[str, Any] | None) -> Placement:
    if file is None:
        return Placement(Place.NOWHERE)
    return Placement(Place.TAKEN if file["taken"] else Place.WAITING, size=file["size"])
