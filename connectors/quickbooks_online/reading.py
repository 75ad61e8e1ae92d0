"""What comes back from QuickBooks Online: changed forms, their packages, invoices and stock, in as few requests as may be.

Source: QuickBooks Online reference 9.2 and 9.4.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connectors.contract import InvoiceDraft, Memory, Page, RemoteOrder, ShipmentDraft, StockItem, StockPage
from connectors.errors import BadDocument
from connectors.quickbooks_online.api import Api, rows_of
from connectors.quickbooks_online.delivering import LINES
from connectors.quickbooks_online.lines import SentLines
from connectors.quickbooks_online.parse import (
    Form,
    components_of,
    invoice_of,
    last_change,
    order_id_of,
    remote_order_of,
    shipments_of,
    stock_item_of,
    surplus_of,
)
from connectors.quickbooks_online.refusals import FAR_SIDE
from connectors.quickbooks_online.resolving import Catalogue, Named
from connectors.quickbooks_online.wire import (
    CDC_DAYS,
    IDS_PER_QUERY,
    PAGE,
    SALES,
    BadValue,
    Row,
    changed_at,
    chunks,
    id_of,
    one_of,
    select,
    stamp_text,
    text_of,
)

PACKAGES = "packages"
"""Kind of the connection's memory: how many packages of a form were seen, by the form's id."""

SURPLUS = "surplus"
"""Kind of the connection's memory: the field of a form with more tracking numbers than pieces, that was told of."""

T = TypeVar("T")

Forms = list[tuple[str, Row]]


class Pickup:
    """Reads sales forms, and what they say of packages and invoices."""

    def __init__(
        self, api: Api, named: Named, memory: Memory, settings: Mapping[str, Any], now: Callable[[], datetime]
    ) -> None:
        self._api, self._named, self._memory, self._settings, self._now = api, named, memory, settings, now

    # --- the walks -----------------------------------------------------------------------------------------------------------

    def orders_changed(self, since: datetime | None) -> Iterator[Page[RemoteOrder]]:
        """Walk forms of all kinds. An invoice that was made of an estimate is told by the estimate."""
        for forms, seen_to, far_now in self._walk(since):
            items, problems = self._read(_without_copies(forms), lambda form: [remote_order_of(form)])
            yield Page(tuple(items), seen_to, far_now, tuple(problems))

    def shipments_changed(self, since: datetime | None) -> Iterator[Page[ShipmentDraft]]:
        """Walk the packages of changed forms."""
        for forms, seen_to, far_now in self._walk(since):
            items, problems = self._shipments(forms)
            yield Page(tuple(items), seen_to, far_now, tuple(problems))

    def invoices_changed(self, since: datetime | None) -> Iterator[Page[InvoiceDraft]]:
        """Walk changed invoices and sales receipts."""
        for forms, seen_to, far_now in self._walk(since):
            bills = [(entity, row) for entity, row in forms if entity != "Estimate"]
            items, problems = self._read(bills, lambda form: [invoice_of(form)])
            yield Page(tuple(items), seen_to, far_now, tuple(problems))

    def _walk(self, since: datetime | None) -> Iterator[tuple[Forms, datetime | None, datetime]]:
        """Yield changed forms, oldest first as far as can be; only the last page says how far the walk came.

        Change data capture answers with everything in one request, deleted forms included. Where that reaches too far back or
        is more than it tells, the forms are asked for by the time of their change.
        """
        if since is not None and self._now() - since < timedelta(days=CDC_DAYS):
            changes = self._api.changes(SALES, since)
            forms = [(entity, row) for entity in SALES for row in changes.rows[entity]]
            if not changes.may_lack:
                yield forms, last_change([row for _, row in forms]), changes.far_now
                return
            gone = [(entity, row) for entity, row in forms if row.get("status") == "Deleted"]
            yield gone, None, changes.far_now
        yield from self._walk_by_query(since)

    def _walk_by_query(self, since: datetime | None) -> Iterator[tuple[Forms, datetime | None, datetime]]:
        far_now: datetime | None = None
        newest: datetime | None = None
        for entity in SALES:
            bound, start = since, 1
            while True:
                where = f"MetaData.LastUpdatedTime >= '{stamp_text(bound)}'" if bound is not None else ""
                text = select(entity, where=where, order="MetaData.LastUpdatedTime", start=start, most=PAGE)
                response, answer = self._api.query(text)
                rows = rows_of(response, entity)
                far_now = far_now or self._api.far_now(answer)
                last = last_change(rows)
                newest = max((stamp for stamp in (newest, last) if stamp is not None), default=None)
                yield [(entity, row) for row in rows], None, far_now
                if len(rows) < PAGE:
                    break
                # The next page begins at the last time seen, so that a form that moves to the end pushes nobody off a page.
                if last is not None and (bound is None or last > bound):
                    bound, start = last, 1
                else:
                    start += len(rows)
        yield [], newest, far_now or self._now()

    # --- by id ---------------------------------------------------------------------------------------------------------------

    def orders(self, external_ids: Collection[str]) -> list[RemoteOrder]:
        """Read just these; those that are gone are left out."""
        return self._read(self._forms(external_ids), lambda form: [remote_order_of(form)])[0]

    def shipments(self, external_order_ids: Collection[str]) -> list[ShipmentDraft]:
        """Read the packages of just these orders; those of an estimate stand on the invoice that was made of it."""
        forms = self._forms(external_order_ids)
        invoices = {key for entity, row in forms if entity == "Estimate" for key in _linked(row, "Invoice")}
        return self._shipments([*forms, *self._forms(invoices, ("Invoice",))])[0]

    def _forms(self, ids: Collection[str], entities: Sequence[str] = SALES) -> Forms:
        found: Forms = []
        for some in chunks(sorted(ids), IDS_PER_QUERY):
            texts = [select(entity, where=one_of("Id", some), most=PAGE) for entity in entities]
            for entity, response in zip(entities, self._api.queries(texts), strict=True):
                found += [(entity, row) for row in rows_of(response, entity)]
        return found

    # --- reading forms -------------------------------------------------------------------------------------------------------

    def _shipments(self, forms: Forms) -> tuple[list[ShipmentDraft], list[str]]:
        date_alone, today = self._settings["shipped_when"] == "date", self._now()
        living = [(entity, row) for entity, row in forms if row.get("status") != "Deleted"]
        drafts, problems = self._read(living, lambda form: shipments_of(form, date_alone=date_alone, today=today))
        problems += self._surplus(living)
        seen: dict[str, int] = {}
        for draft in drafts:
            key, _, at = draft.external_id.rpartition(":")
            seen[key] = max(seen.get(key, 0), int(at))
        self._memory.put(PACKAGES, {key: str(count) for key, count in seen.items()})
        return drafts, problems

    def _surplus(self, forms: Forms) -> list[str]:
        """Say which forms have more tracking numbers than pieces; of each once, and again when the field was changed."""
        found, _ = self._read(forms, surplus_of)
        said = self._memory.get(SURPLUS, [key for key, _, _ in found]) if found else {}
        fresh = [(key, typed, words) for key, typed, words in found if said.get(key) != typed]
        self._memory.put(SURPLUS, {key: typed for key, typed, _ in fresh})
        return [words for _, _, words in fresh]

    def _read(self, forms: Forms, read: Callable[[Form], Iterable[T]]) -> tuple[list[T], list[str]]:
        """Read each form; return those that could be read, and words for each that couldn't."""
        items: list[T] = []
        problems: list[str] = []
        named: list[tuple[str, Row, str, str]] = []
        for entity, row in forms:
            try:
                changed_at(row)
                named.append((entity, row, id_of(row.get("Id")), order_id_of(entity, row)))
            except BadValue as error:
                problems.append(_left_out(entity, row, error))
        if not named:
            return items, problems
        sent = self._memory.get(LINES, [order_id for *_, order_id in named])
        packages = self._memory.get(PACKAGES, [key for _, _, key, _ in named])
        shipping_item = self._named.shipping_item()
        for entity, row, key, order_id in named:
            form = Form(
                entity=entity,
                row=row,
                order_id=order_id,
                sent=SentLines.of(sent.get(order_id, "")),
                packages=int(packages.get(key, "0")),
                shipping_item=shipping_item,
            )
            try:
                items += read(form)
            except BadValue as error:
                problems.append(_left_out(entity, row, error))
        return items, problems


class Stock:
    """Reads what can be sold."""

    def __init__(self, api: Api, catalogue: Catalogue) -> None:
        self._api, self._catalogue = api, catalogue

    def everything(self) -> Iterator[StockPage]:
        """Read all active items. A bundle needs its components, so that items are told when all were read."""
        total = self._api.count("Item")
        rows: list[Row] = []
        began: datetime | None = None
        start = 1
        while True:
            response, answer = self._api.query(select("Item", order="Id", start=start, most=PAGE))
            page = rows_of(response, "Item")
            began = began or self._api.far_now(answer)
            rows += page
            if len(page) < PAGE:
                break
            start += len(page)
        items = _stock_items(rows, {text_of(row.get("Id")): row for row in rows})
        for at in range(0, max(len(items), 1), PAGE):
            yield StockPage(items=tuple(items[at : at + PAGE]), total=total, far_now=began)

    def of(self, skus: Collection[str]) -> list[StockItem]:
        """Ask for just these SKUs; those that no active item has are left out."""
        asked = sorted({sku for sku in skus if sku})
        if not asked:
            return []
        rows = self._catalogue.rows(asked)
        needed = {key for row in rows if row.get("Type") == "Group" for key, _ in components_of(row)}
        by_id = self._catalogue.by_id(needed) if needed else {}
        return _stock_items(rows, by_id)


def _stock_items(rows: Sequence[Row], by_id: Mapping[str, Row]) -> list[StockItem]:
    try:
        return [stock_item_of(row, by_id) for row in rows]
    except BadValue as error:
        raise BadDocument(f"The stock was not read: one of {FAR_SIDE}'s products can't be read ({error}).") from None


def _without_copies(forms: Forms) -> Forms:
    """Leave out invoices that somebody made of an estimate: the estimate is the order."""
    return [(entity, row) for entity, row in forms if not _linked(row, "Estimate") or entity != "Invoice"]


def _linked(row: Row, kind: str) -> list[str]:
    links = row.get("LinkedTxn")
    found = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [text_of(link.get("TxnId")) for link in found if link.get("TxnType") == kind and text_of(link.get("TxnId"))]


def _left_out(entity: str, row: Row, error: BadValue) -> str:
    number = text_of(row.get("DocNumber")) or text_of(row.get("Id")) or "?"
    return f"{FAR_SIDE}'s {entity} {number} was left out: {error}. Mend it there; it is read again when it changes."
