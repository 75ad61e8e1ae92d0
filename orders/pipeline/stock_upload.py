"""Stage: a cart is told what may be sold of its SKUs: what changed, once, and never more than there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery, Sum

from cartrover.clock import hub_now
from connectors.contract import DocumentSink, HoldReason, Place, Purpose, RemoteState, StockRow
from connectors.models import Connection, Service, ServiceName
from connectors.opening import open_session
from connectors.readers import calls_us, settings_of
from orders.alerts import raise_alert, resolve_alerts
from orders.models import (
    ChannelStock,
    DocumentState,
    Order,
    OrderedItem,
    OrderLine,
    OutboundDocument,
    Product,
    ProductAlias,
    StockLevel,
    StockReading,
)
from orders.pipeline.documents import make_document, mark_whole, send, unsent_documents, watch_taken
from orders.pipeline.loader import OneOf
from orders.pipeline.route import Route
from orders.pipeline.upload import watch_is_due
from orders.rules.aliases import aliases_of
from orders.rules.counted_stock import Count, Taken, left_of
from orders.run import Run
from orders.states import OrderState, Status

GUARD_AT_LEAST = 10
"""So many SKUs may fall to zero at once whatever their share: small catalogues sell out."""


def upload(run: Run) -> None:
    """Settle what is in doubt, then tell what differs from what the cart was last told."""
    purpose = Purpose.STOCK
    unsent = unsent_documents(run, purpose)
    being_written = _reading_is_being_written(run)
    fresh = [] if being_written else differences(run.connection)
    if not fresh and not being_written:
        _end_guard(run)
    if not unsent and not fresh and not watch_is_due(run, purpose):
        return
    with open_session(run.connection, progress=run.progress) as session:
        if not isinstance(session, DocumentSink):
            raise TypeError(f"{run.connection.kind} declares uploads and has none")
        refusals = max((_settle(run, session, document) for document in unsent), default=0)
        made = _tell(run, refusals)
        if made is not None:
            send(run, session, made)
        watch_taken(run, session, purpose)
        run.move_cursor(watched_at=hub_now().isoformat())


def _reading_is_being_written(run: Run) -> bool:
    """While a reading is half written its figures and the orders that it holds don't fit together."""
    pickups = Service.objects.for_account(run.account_id).filter(name=ServiceName.INVENTORY_PICKUP, lease_until__gt=hub_now())
    return any(cursor.get("writing") for cursor in pickups.values_list("cursor", flat=True))


def _settle(run: Run, session: DocumentSink, document: OutboundDocument) -> int:
    """An older file that isn't whole at the cart is never sent after all: its SKUs are told anew.

    Return how often it was refused, which the file that comes instead inherits.
    """
    if document.state != DocumentState.READY:
        found = session.find_documents(Purpose.STOCK, [document.name]).get(document.name)
        if found is not None and found.place is not Place.NOWHERE and found.size == document.size:
            mark_whole(run, document, DocumentState.TAKEN if found.place is Place.TAKEN else DocumentState.SENT, found)
            return 0
        if found is not None and found.place is Place.WAITING:
            # Its beginning lies under its final name and will be taken: whole is better than cut, and a newer one follows.
            send(run, session, document)
            return 0
    with transaction.atomic():
        run.lease_required()
        OutboundDocument.objects.for_account(run.account_id).filter(pk=document.pk).update(
            state=DocumentState.REPLACED, words="A newer reading replaced it."
        )
        ChannelStock.objects.for_account(run.account_id).filter(document=document).update(sure=False)
    return document.attempts if document.state == DocumentState.READY else 0


def _tell(run: Run, refusals: int) -> OutboundDocument | None:
    if _reading_is_being_written(run):
        return None
    cart = run.connection
    rows = differences(cart)
    if not rows or _guarded(run, rows):
        return None
    now = hub_now()
    with transaction.atomic():
        run.lease_required()
        document = make_document(cart, Purpose.STOCK, rows)
        document.attempts = refusals
        ChannelStock.objects.bulk_create(
            [
                ChannelStock(
                    account_id=cart.account_id,
                    cart=cart,
                    item=row.item,
                    quantity=row.quantity,
                    status=row.status,
                    sure=False,
                    told_at=now,
                    document=document,
                )
                for row in rows
            ],
            update_conflicts=True,
            unique_fields=["cart", "item"],
            update_fields=["quantity", "status", "sure", "told_at", "document"],
            batch_size=500,
        )
        _end_guard(run)
    run.count("skus", len(rows))
    return document


def _end_guard(run: Run) -> None:
    """Nothing is held back any more: the alert ends, and so does a permission to send anyway, which was for that drop alone."""
    resolve_alerts(account_id=run.account_id, cause="stock_drop", subjects=[run.connection.name])
    if run.cursor.get("send_anyway"):
        run.move_cursor(send_anyway=False)


def _guarded(run: Run, rows: Iterable[StockRow]) -> bool:
    """Hold everything back when so much falls to zero at once that the reading is more likely wrong than true."""
    cart = run.connection
    if run.cursor.get("send_anyway"):
        return False
    told = dict(ChannelStock.objects.for_account(cart.account_id).filter(cart=cart).values_list("item", "quantity"))
    falling = sum(1 for row in rows if row.quantity == 0 and told.get(row.item, 0) > 0)
    percent = int(settings_of(cart)["stock_drop_guard_percent"])
    if falling <= GUARD_AT_LEAST or falling * 100 <= percent * len(told):
        return False
    words = (
        f"{falling} of {len(told)} SKUs would fall to 0 at {cart.name} at once, so nothing was sent. Look at the stock in the "
        "WMS; if it is right, choose Send anyway."
    )
    raise_alert(account_id=cart.account_id, cause="stock_drop", subject=cart.name, words=words, connection=cart)
    run.problem(words)
    return True


# --- what the cart should be told --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stock:
    """What is known of the WMS's stock, by its SKU; SKUs that it never had, or doesn't track, aren't in it."""

    counts: Mapping[str, Sequence[Count]]
    gone: frozenset[str]

    @property
    def oldest(self) -> datetime | None:
        """When the oldest count was made of those that anything can have been taken from."""
        return min((at for counts in self.counts.values() for at, number in counts if number > 0), default=None)


def differences(cart: Connection) -> list[StockRow]:
    """Return what the cart should be told now and wasn't, or may not have got; nothing before the first complete reading."""
    told = {
        item: (quantity, status) if sure else None
        for item, quantity, status, sure in ChannelStock.objects.for_account(cart.account_id)
        .filter(cart=cart)
        .values_list("item", "quantity", "status", "sure")
    }
    return [row for row in sellable(cart) if told.get(row.item) != (row.quantity, row.status)]


def sellable(
    cart: Connection,
    *,
    among: Collection[str] | None = None,
    route: Route | None = None,
    aliases: Mapping[str, str] | None = None,
) -> list[StockRow]:
    """Return what may be sold of every SKU that the cart is to be told of, in the order of the SKUs.

    `among` keeps to some of the WMS's SKUs, at the cost of those alone. The cart's `route` and `aliases` are read unless given.
    """
    route = route or Route.of(cart)
    if route.wms is None:
        return []
    reading = StockReading.objects.for_account(cart.account_id).filter(connection=route.wms).order_by("-pk").first()
    if reading is None:
        return []
    stock = _stock(route.wms, reading, among)
    if aliases is None:
        aliases = aliases_of(account_id=cart.account_id, cart_id=cart.pk)
    items = _told_items(cart, stock, aliases, all_products=bool(route.settings["tell_all_products"]), among=among)
    oldest = stock.oldest or reading.started_at
    waiting = _waiting(route.wms, oldest, held_too=bool(route.settings["subtract_held_orders"]), among=among)
    taken = _taken(route.wms, oldest, among)
    products = Product.objects.for_account(cart.account_id).filter(_one_of("sku", among)).exclude(upc="")
    upcs = dict(products.values_list("sku", "upc"))
    least = int(route.settings["minimum_stock"] or 0)
    gone_status = str(route.settings["gone_status"])
    left_behind = _left_behind(cart, route.wms, reading, stock, {item: aliases.get(item, item) for item in items})
    rows = []
    for item in sorted(items):
        sku = aliases.get(item, item)
        if sku in stock.gone or item in left_behind:
            rows.append(StockRow(item=item, upc=upcs.get(sku, ""), quantity=0, status=gone_status))
        elif sku in stock.counts:
            left = max(0, left_of(stock.counts[sku], taken.get(sku, ())) - waiting.get(sku, 0))
            quantity = left if left >= least else 0
            status = "in-stock" if quantity else "out-of-stock"
            rows.append(StockRow(item=item, upc=upcs.get(sku, ""), quantity=quantity, status=status))
    return rows


def _one_of(column: str, values: Collection[str] | None) -> Q:
    return Q() if values is None else Q((f"{column}__in", list(values)))


def _stock(wms: Connection, reading: StockReading, among: Collection[str] | None) -> _Stock:
    """Return the stock with when it was counted: all at once where the hub reads it, SKU by SKU where the WMS posts it."""
    rows = StockLevel.objects.for_account(wms.account_id).filter(_one_of("sku", among), connection=wms)
    here, counts = rows.filter(gone=False), defaultdict[str, list[Count]](list)
    if calls_us(wms):
        for sku, at, available in here.values_list("sku", "as_of", "available"):
            counts[sku].append((at, available))
    else:
        for sku, total in here.values_list("sku").annotate(total=Sum("available")):
            counts[sku].append((reading.started_at, total))
    return _Stock(counts, frozenset(rows.filter(gone=True).values_list("sku", flat=True)))


def _left_behind(cart: Connection, wms: Connection, reading: StockReading, stock: _Stock, skus: Mapping[str, str]) -> set[str]:
    """Return which of these items, given with the WMS's SKUs, the cart may sell by the word of another WMS while the one that
    follows it doesn't have them: nobody would ship them.

    What is there without a quantity isn't told; of what another WMS has shown since the reading, nobody knows which is true. A
    WMS that posts its stock never says that it has told all.
    """
    missing = {item for item, sku in skus.items() if sku not in stock.counts and sku not in stock.gone}
    if not missing or calls_us(wms):
        return set()
    told = ChannelStock.objects.for_account(cart.account_id).filter(
        OneOf(F("item"), sorted(missing)), cart=cart, quantity__gt=0
    )
    sold = {item: skus[item] for item in told.values_list("item", flat=True)}
    if not sold:
        return set()
    products = Product.objects.for_account(cart.account_id).filter(OneOf(F("sku"), sorted(set(sold.values()))))
    known = set(products.filter(Q(connection=wms) | Q(updated_at__gte=reading.started_at)).values_list("sku", flat=True))
    return {item for item, sku in sold.items() if sku not in known}


def _told_items(
    cart: Connection, stock: _Stock, aliases: Mapping[str, str], *, all_products: bool, among: Collection[str] | None
) -> set[str]:
    """Every SKU that the cart has ever ordered, under the cart's own name; by a setting all products too."""
    asked = None if among is None else {*among, *(cart_sku for cart_sku, wms_sku in aliases.items() if wms_sku in among)}
    told = ChannelStock.objects.for_account(cart.account_id).filter(_one_of("item", asked), cart=cart)
    ordered = OrderedItem.objects.for_account(cart.account_id).filter(_one_of("item", asked), cart=cart)
    items = {*told.values_list("item", flat=True), *ordered.values_list("item", flat=True)}
    if all_products:
        names: dict[str, set[str]] = defaultdict(set)
        for cart_sku, wms_sku in aliases.items():
            names[wms_sku].add(cart_sku)
        for sku in stock.counts:
            items |= names.get(sku) or {sku}
    return items


def _waiting(wms: Connection, since: datetime, *, held_too: bool, among: Collection[str] | None) -> dict[str, int]:
    """Return what of each of the WMS's SKUs is in no count, whenever it was made: orders that it doesn't have yet, and drafts,
    which commit no stock there, but for those that `_taken` has."""
    undelivered = Q(state__in=[OrderState.NEW, OrderState.READY])
    if not held_too:
        undelivered &= Q(standing=Status.NEW, hold="")
    else:
        undelivered &= Q(standing__in=[Status.NEW, Status.ERROR]) & ~Q(hold=HoldReason.SUSPECTED_DUPLICATE)
    drafts = Q(state=OrderState.SENT, wms_state=RemoteState.DRAFT) & ~Q(delivered_at__isnull=False, delivered_at__gte=since)
    waiting: dict[str, int] = defaultdict(int)
    # No order is in both, and each has an index; asked for together, the database would look into every order.
    for which in (undelivered, drafts):
        for sku, number in _ordered(wms, which, among):
            waiting[sku] += number
    return waiting


def _taken(wms: Connection, since: datetime, among: Collection[str] | None) -> dict[str, list[Taken]]:
    """Return what the WMS took of each of its SKUs from `since` on, and when. It may even have shipped meanwhile."""
    states = [OrderState.SENT, OrderState.SHIPPED, OrderState.CONFIRMED]
    delivered = Q(state__in=states, delivered_at__isnull=False, delivered_at__gte=since)
    taken: dict[str, list[Taken]] = defaultdict(list)
    if not calls_us(wms):
        # All was counted at once: what was taken since needs no time of its own, and the database adds it up.
        for sku, number in _ordered(wms, delivered, among):
            taken[sku].append((since, number))
        return taken
    orders = Order.objects.for_account(wms.account_id).filter(delivered, wms=wms)
    levels = StockLevel.objects.for_account(wms.account_id).filter(connection=wms, gone=False, available__gt=0)
    counted = levels.filter(sku=OuterRef("wms_item")).order_by("as_of").values("as_of")[:1]
    lines = OrderLine.objects.for_account(wms.account_id).filter(_one_of("wms_item", among), order__in=orders.values("pk"))
    # The database drops what is in every count: one SKU that was last counted a year ago brings a year of orders with it.
    lines = lines.filter(order__delivered_at__gte=Subquery(counted))
    for sku, at, quantity, canceled in lines.values_list("wms_item", "order__delivered_at", "quantity", "canceled"):
        if at is not None:
            taken[sku].append((at, quantity - canceled))
    return taken


def _ordered(wms: Connection, which: Q, among: Collection[str] | None) -> Iterator[tuple[str, int]]:
    """Yield the WMS's SKUs and how many pieces of them are in these of its orders; one SKU may come several times."""
    asked = among
    if among is not None:
        renamed = ProductAlias.objects.for_account(wms.account_id).filter(_one_of("wms_sku", among))
        asked = {*among, *renamed.values_list("cart_sku", flat=True)}
    orders = Order.objects.for_account(wms.account_id).filter(which, wms=wms)
    lines = OrderLine.objects.for_account(wms.account_id).filter(_one_of("item", asked), order__in=orders.values("pk"))
    aliases: dict[int, dict[str, str]] = {}
    rows = lines.values_list("order__source_id", "item", "chosen_item").annotate(total=Sum("quantity") - Sum("canceled"))
    for cart_id, item, chosen_item, total in rows:
        if cart_id not in aliases:
            aliases[cart_id] = aliases_of(account_id=wms.account_id, cart_id=cart_id)
        yield chosen_item or aliases[cart_id].get(item, item), int(total)
