"""Orders as the retailers place, change and cancel them, and as DSCO keeps them.

Every function runs on the office thread. Orders are told by their dsco_order_id.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from connectors.dsco.sandbox import made_up
from connectors.dsco.sandbox.state import ACCOUNT, SandboxError, State, date_text, now_text
from connectors.dsco.sandbox.stock import take_off

FIRST_ORDER_ID = 1_075_104_801
AT_ONCE = 500
"""How many ids go into one query: far below SQLite's limit of variables."""

PACKAGES = (
    "select packages.*, processes.file from packages left join processes on processes.id = process_id"
    " where order_seq in ({}) order by packages.id"
)

Range = int | Sequence[int]


# --- placing -----------------------------------------------------------------------------------------------------------------


def place(
    state: State,
    *,
    count: int = 1,
    retailers: int | Sequence[str] = 1,
    lines: Range = 1,
    quantity: Range = 1,
    skus: int | Sequence[str] | None = None,
    items: Sequence[Mapping[str, Any]] | None = None,
    test: bool = False,
    columns: int | None = None,
    same_po_numbers: bool = False,
    po_numbers: Sequence[str] | None = None,
    placed_at: str | None = None,
    order: Mapping[str, Any] | None = None,
    line: Mapping[str, Any] | None = None,
    service: str | None = None,
    currency: str = "USD",
    full_name_quirk: bool = False,
    seed: int | None = None,
    quiet: bool = False,
) -> Any:
    """Place orders; DSCO's stock of what they ask for goes down. Return them, or just how many when `quiet`."""
    if columns is not None:
        state.set_settings({"columns": columns})
    made = Random(seed)
    partners = _partners(state, retailers)
    moment = _moment(placed_at)
    first_seq = 1 + state.db.execute("select coalesce(max(seq), 0) from orders").fetchone()[0]
    numbers = _po_numbers(made, first_seq, count, partners, same_po_numbers, po_numbers)
    choose_lines = _line_chooser(made, lines, quantity, skus, items)
    dates = _dates(moment)
    order_rows: list[tuple[Any, ...]] = []
    line_rows: list[tuple[Any, ...]] = []
    taken: Counter[str] = Counter()
    line_texts: dict[made_up.Product, str] = {}
    own_of_order, own_of_line = _texts(order), _texts(line)
    for index in range(count):
        seq = first_seq + index
        retailer_id, retailer_name = partners[index % len(partners)]
        chosen = choose_lines()
        values = _order_columns(made, service or made_up.USUAL_SERVICES[index % len(made_up.USUAL_SERVICES)])
        if full_name_quirk:
            values |= {"ship_first_name": values["ship_name"], "ship_last_name": ";", "ship_name": f"{values['ship_name']} ;"}
        values |= dates | {"currency_code": currency, "dsco_retailer_id": retailer_id, "dsco_retailer_name": retailer_name}
        values |= own_of_order
        row = (seq, str(FIRST_ORDER_ID + seq), numbers[index], retailer_id, int(test), dates["retailer_create_date"])
        order_rows.append((*row, date_text(moment), json.dumps(values)))
        for position, (item, wanted, number) in enumerate(chosen, start=1):
            if item not in line_texts:
                line_texts[item] = json.dumps(_line_columns(item) | own_of_line)
            line_rows.append((seq, number or str(position), item.sku, wanted, line_texts[item]))
            taken[item.sku] += wanted
    with state.change() as db:
        db.executemany(
            "insert into orders (seq, dsco_order_id, po_number, retailer_id, test, placed_at, updated_at, columns, lifecycle,"
            " status) values (?, ?, ?, ?, ?, ?, ?, ?, 'created', 'created')",
            order_rows,
        )
        _add_lines(db, line_rows)
        take_off(state, taken)
    if quiet:
        return {"count": count, "first": order_rows[0][1], "last": order_rows[-1][1]} if order_rows else {"count": 0}
    return list(listing(state, [row[1] for row in order_rows]))


def _add_lines(db: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    try:
        db.executemany("insert into lines (order_seq, line_number, sku, ordered, columns) values (?, ?, ?, ?, ?)", rows)
    except sqlite3.IntegrityError:
        raise SandboxError("Two lines of one order can't have the same line_number.") from None


def _partners(state: State, retailers: int | Sequence[str]) -> list[tuple[str, str]]:
    """Return ids and names of the retailers asked for; a name that isn't known becomes a new trading partner."""
    known = {name: id_ for id_, name in made_up.RETAILERS}
    if isinstance(retailers, int):
        if not 1 <= retailers <= len(known):
            raise SandboxError(f"There are 1 to {len(known)} retailers, not {retailers}; give names for others.")
        names: Sequence[str] = list(known)[:retailers]
    else:
        names = [retailers] if isinstance(retailers, str) else list(retailers)
        if not names:
            raise SandboxError("Name at least one retailer.")
    return [(retailer_id(state, name), name) for name in names]


def retailer_id(state: State, name: str) -> str:
    """Return the id of a retailer's account, which is opened when it is new."""
    row = state.db.execute("select id from retailers where name = ?", (name,)).fetchone()
    if row is not None:
        return str(row["id"])
    built_in = {name: id_ for id_, name in made_up.RETAILERS}
    newest = state.db.execute("select max(cast(id as integer)) from retailers where id like '10009%'").fetchone()[0]
    id_ = built_in.get(name) or str((newest or 1_000_900_000) + 1)
    state.db.execute("insert into retailers (id, name) values (?, ?)", (id_, name))
    return id_


def _moment(placed_at: str | None) -> datetime:
    if placed_at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(placed_at)
    except ValueError:
        raise SandboxError(f"placed_at must be an ISO 8601 date-time, not {placed_at!r}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _po_numbers(
    made: Random, first_seq: int, count: int, partners: Sequence[tuple[str, str]], same: bool, given: Sequence[str] | None
) -> list[str]:
    """Return a PO number per order: 22 characters with a dot, like the longest ones seen."""
    share = len(partners) if same else 1
    if given is not None:
        if len(given) * share < count:
            raise SandboxError(f"{count} orders need {-(-count // share)} PO numbers, {len(given)} were given.")
        return [given[index // share] for index in range(count)]
    if same:
        shared = [f"SAME.{made.randrange(10**6):06}{first_seq + index:011}" for index in range(-(-count // share))]
        return [shared[index // share] for index in range(count)]
    marks = ["".join(filter(str.isalpha, name)).upper()[:4].ljust(4, "X") for _, name in partners]
    return [f"{marks[index % len(marks)]}.{made.randrange(10**6):06}{first_seq + index:011}" for index in range(count)]


def _line_chooser(
    made: Random, lines: Range, quantity: Range, skus: int | Sequence[str] | None, items: Sequence[Mapping[str, Any]] | None
) -> Any:
    """Return a function that gives the lines of one more order: product, quantity and number ("" = by position)."""
    if items is not None:
        fixed = [_item(item) for item in items]
        return lambda: fixed
    if skus is None or isinstance(skus, int):
        pool = made_up.products(12 if skus is None else skus)
    else:
        pool = [made_up.product(sku) for sku in skus]
    if not pool:
        raise SandboxError("Give at least one SKU.")
    low, high = _bounds("lines", lines)
    fewest, most = _bounds("quantity", quantity)

    def choose() -> list[tuple[made_up.Product, int, str]]:
        wanted = made.randint(low, high)
        picked = made.sample(pool, wanted) if wanted <= len(pool) else made.choices(pool, k=wanted)
        return [(item, made.randint(fewest, most), "") for item in picked]

    return choose


def _item(item: Mapping[str, Any]) -> tuple[made_up.Product, int, str]:
    unknown = item.keys() - {"sku", "quantity", "cost", "upc", "title", "line_number"}
    if unknown or not item.get("sku"):
        raise SandboxError("An item has a sku, and on request quantity, cost, upc, title and line_number.")
    texts = {name: str(item[name]) for name in ("cost", "upc", "title") if name in item}
    return made_up.product(str(item["sku"]), **texts), int(item.get("quantity", 1)), str(item.get("line_number", ""))


def _bounds(name: str, value: Range) -> tuple[int, int]:
    low, high = (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
    if not 1 <= low <= high:
        raise SandboxError(f"{name} must be at least 1, as a number or [least, most].")
    return low, high


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (values or {}).items()}


def _dates(moment: datetime) -> dict[str, str]:
    def after(**distance: float) -> str:
        return date_text(moment + timedelta(**distance))

    return {
        "consumer_order_date": after(minutes=-41),
        "retailer_create_date": after(minutes=0),
        "dsco_create_date": after(seconds=12),
        "acknowledge_by_date": after(days=1),
        "ship_by_date": after(days=2),
        "expected_delivery_date": after(days=7),
        "invoice_by_date": after(days=14),
        "cancel_after_date": after(days=30),
    }


def _order_columns(made: Random, service: str) -> dict[str, str]:
    carrier, method = made_up.SERVICES.get(service.upper(), ("", ""))
    values = made_up.address(made)
    values |= {
        "ship_carrier": carrier,
        "ship_method": method,
        "shipping_service_level_code": service,
        "retailer_ship_carrier": carrier,
        "retailer_ship_method": method,
        "retailer_shipping_service_level_code": service,
        "dsco_ship_carrier": carrier,
        "dsco_ship_method": method,
        "dsco_shipping_service_level_code": service,
        "signature_required_flag": "0",
        "gift_flag": "0",
        "consumer_order_number": f"C{made.randrange(10**9):09}",
        "channel": "web",
        "order_type": "dropship",
        "packing_slip_message": "Thank you for your order.",
        "dsco_supplier_id": ACCOUNT["id"],
        "dsco_supplier_name": ACCOUNT["name"],
    }
    return values


def _line_columns(item: made_up.Product) -> dict[str, str]:
    return {
        "line_item_upc": item.upc,
        "line_item_partner_sku": item.partner_sku,
        "line_item_title": item.title,
        "line_item_color": item.color,
        "line_item_size": item.size,
        "line_item_expected_cost": item.cost,
        "line_item_consumer_price": item.price,
        "line_item_retail_price": item.price,
        "line_item_product_group": item.sku,
        "line_item_gift_flag": "0",
        "dsco_item_id": item.dsco_item_id,
    }


# --- changing and cancelling -------------------------------------------------------------------------------------------------


def change(
    state: State,
    *,
    orders: str | Sequence[str],
    order: Mapping[str, Any] | None = None,
    lines: Mapping[str, Mapping[str, Any]] | None = None,
    add_items: Sequence[Mapping[str, Any]] | None = None,
    remove_lines: Sequence[str | int] | None = None,
) -> list[dict[str, Any]]:
    """Change what the retailer ordered, column by column; the next export of these orders shows it. Return the orders."""
    rows = _rows(state, orders)
    with state.change() as db:
        for row in rows:
            values = json.loads(row["columns"]) | _texts(order)
            po_number = values.pop("po_number", row["po_number"])
            db.execute(
                "update orders set columns = ?, po_number = ?, updated_at = ? where seq = ?",
                (json.dumps(values), po_number, now_text(), row["seq"]),
            )
            for number, columns in (lines or {}).items():
                _change_line(db, row["seq"], str(number), _texts(columns))
            for gone in remove_lines or ():
                db.execute("delete from lines where order_seq = ? and line_number = ?", (row["seq"], str(gone)))
            highest = db.execute(
                "select coalesce(max(cast(line_number as integer)), 0) from lines where order_seq = ?", (row["seq"],)
            ).fetchone()[0]
            added = [_item(item) for item in add_items or ()]
            _add_lines(
                db,
                [
                    (row["seq"], number or str(highest + index), item.sku, quantity, json.dumps(_line_columns(item)))
                    for index, (item, quantity, number) in enumerate(added, start=1)
                ],
            )
    return list(listing(state, [row["dsco_order_id"] for row in rows]))


def _change_line(db: sqlite3.Connection, seq: int, number: str, values: dict[str, str]) -> None:
    row = db.execute("select * from lines where order_seq = ? and line_number = ?", (seq, number)).fetchone()
    if row is None:
        raise SandboxError(f"The order has no line {number}.")
    quantity = int(values.pop("line_item_quantity", row["ordered"]))
    sku = values.pop("line_item_sku", row["sku"])
    db.execute(
        "update lines set columns = ?, ordered = ?, sku = ? where order_seq = ? and line_number = ?",
        (json.dumps(json.loads(row["columns"]) | values), quantity, sku, seq, number),
    )


def cancel(state: State, *, orders: str | Sequence[str], reason: str = "CXRR") -> list[dict[str, Any]]:
    """Let the retailer cancel orders: what hasn't shipped will not come. Return the orders."""
    rows = _rows(state, orders)
    with state.change() as db:
        for row in rows:
            values = json.loads(row["columns"]) | {"cancel_requested": "1", "cancel_requested_code": reason}
            db.execute("update lines set cancelled = ordered - shipped where order_seq = ?", (row["seq"],))
            db.execute("update orders set columns = ? where seq = ?", (json.dumps(values), row["seq"]))
            settle(state, row["seq"])
    return list(listing(state, [row["dsco_order_id"] for row in rows]))


def settle(state: State, seq: int) -> None:
    """Bring an order's lifecycle and old status in line with what was shipped and cancelled of it.

    The old status is shipped as soon as anything ships and cancelled only when all is (Source: DSCO reference 3, states).
    """
    total = state.db.execute(
        "select sum(ordered) ordered, sum(shipped) shipped, sum(cancelled) cancelled from lines where order_seq = ?", (seq,)
    ).fetchone()
    row = state.db.execute("select lifecycle, status from orders where seq = ?", (seq,)).fetchone()
    lifecycle, status = row["lifecycle"], row["status"]
    if total["shipped"] + total["cancelled"] >= total["ordered"]:
        lifecycle = "completed"
    elif total["shipped"] or total["cancelled"]:
        lifecycle = "acknowledged"
    if total["shipped"]:
        status = "shipped"
    elif total["cancelled"] >= total["ordered"]:
        status = "cancelled"
    state.db.execute(
        "update orders set lifecycle = ?, status = ?, updated_at = ? where seq = ?", (lifecycle, status, now_text(), seq)
    )


# --- reading -----------------------------------------------------------------------------------------------------------------


def _rows(state: State, orders: str | Sequence[str]) -> list[sqlite3.Row]:
    """Return the orders of these ids in the order asked for. Raise `SandboxError` for one that isn't there."""
    wanted = [orders] if isinstance(orders, str) else [str(id_) for id_ in orders]
    found = {row["dsco_order_id"]: row for row in rows_of(state, wanted)}
    missing = [id_ for id_ in wanted if id_ not in found]
    if missing:
        raise SandboxError(f"There is no order with the dsco_order_id {', '.join(missing[:5])}.")
    return [found[id_] for id_ in wanted]


def rows_of(state: State, ids: Sequence[str] | None = None) -> Iterator[sqlite3.Row]:
    """Yield the rows of these orders, or of all, oldest first."""
    if ids is None:
        yield from state.db.execute("select * from orders order by seq")
        return
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        marks = ",".join("?" * len(part))
        # Nothing but question marks is put in.
        yield from state.db.execute(f"select * from orders where dsco_order_id in ({marks}) order by seq", part)  # noqa: S608


def listing(state: State, ids: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield orders as a person would look at them, with their lines, packages and invoices."""
    rows = list(rows_of(state, ids))
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        seqs = [row["seq"] for row in part]
        lines = _by_order(state, "select * from lines where order_seq in ({}) order by cast(line_number as integer)", seqs)
        packages = _by_order(state, PACKAGES, seqs)
        invoices = _by_order(state, "select order_seq, invoice_id from invoices where order_seq in ({})", seqs)
        for row in part:
            yield _order(row, lines.get(row["seq"], []), packages.get(row["seq"], []), invoices.get(row["seq"], []))


def newest(state: State, count: int) -> list[dict[str, Any]]:
    """Return the newest orders, newest first."""
    ids = [row[0] for row in state.db.execute("select dsco_order_id from orders order by seq desc limit ?", (count,))]
    return list(listing(state, ids))[::-1]


def counts(state: State) -> dict[str, int]:
    """Return how many orders there are by lifecycle."""
    return {row[0]: row[1] for row in state.db.execute("select lifecycle, count(*) from orders group by lifecycle")}


def _by_order(state: State, query: str, seqs: Sequence[int]) -> dict[int, list[sqlite3.Row]]:
    found: dict[int, list[sqlite3.Row]] = {}
    for row in state.db.execute(query.format(",".join("?" * len(seqs))), seqs):
        found.setdefault(row["order_seq"], []).append(row)
    return found


def _order(
    row: sqlite3.Row, lines: Sequence[sqlite3.Row], packages: Sequence[sqlite3.Row], invoices: Sequence[sqlite3.Row]
) -> dict[str, Any]:
    columns = json.loads(row["columns"])
    skus = {line["line_number"]: line["sku"] for line in lines}
    return {
        "dsco_order_id": row["dsco_order_id"],
        "po_number": row["po_number"],
        "retailer_id": row["retailer_id"],
        "retailer_name": columns.get("dsco_retailer_name", ""),
        "lifecycle": row["lifecycle"],
        "status": row["status"],
        "test": bool(row["test"]),
        "placed_at": row["placed_at"],
        "exported_at": row["exported_at"],
        "exports": row["exports"],
        "currency": columns.get("currency_code", ""),
        "service": columns.get("shipping_service_level_code", ""),
        "lines": [_line(line) for line in lines],
        "packages": [_package(package, skus) for package in packages],
        "invoices": [invoice["invoice_id"] for invoice in invoices],
    }


def _line(line: sqlite3.Row) -> dict[str, Any]:
    columns = json.loads(line["columns"])
    return {
        "line_number": line["line_number"],
        "sku": line["sku"],
        "upc": columns.get("line_item_upc", ""),
        "title": columns.get("line_item_title", ""),
        "cost": columns.get("line_item_expected_cost", ""),
        **{name: line[name] for name in ("ordered", "shipped", "cancelled", "invoiced")},
    }


def _package(package: sqlite3.Row, skus: Mapping[str, str]) -> dict[str, Any]:
    told = {name: package[name] for name in ("tracking_number", "line_number", "quantity", "carrier", "method", "service")}
    return told | {
        "sku": skus.get(package["line_number"], ""),
        "ship_date": package["ship_date"],
        "file": package["file"] or "",
    }


def whole(state: State, order: str) -> dict[str, Any]:
    """Return one order with all its order-level columns. Raise `SandboxError` when it isn't there."""
    row = _rows(state, [order])[0]
    return next(iter(listing(state, [order]))) | {"columns": json.loads(row["columns"])}
