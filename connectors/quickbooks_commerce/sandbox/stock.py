"""Stock: what lies where, what is committed, and how it moves.

Available = on hand - committed. A line of an active, finalized or fulfilled order commits what of it hasn't shipped; drafts
commit nothing; shipping takes from stock on hand. Source: QuickBooks Commerce reference 4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from .records import Level, Order, OrderLine, Variant
from .store import Store
from .wire import ZERO

COMMITTING = ("active", "finalized", "fulfilled")


@dataclass(frozen=True, slots=True)
class Figures:
    """The stock of a variant: per location, and over all."""

    levels: tuple[Level, ...]
    on_hand: Decimal
    committed: Decimal
    incoming: Decimal


def figures_of(store: Store, variant: Variant) -> Figures:
    """Return a variant's stock. A bundle has as much as its scarcest component allows."""
    levels = tuple(_bundle_levels(store, variant)) if variant.components else tuple(store.levels_of(variant.id).values())
    return Figures(
        levels,
        sum((level.on_hand for level in levels), ZERO),
        sum((level.committed for level in levels), ZERO),
        sum((level.incoming for level in levels), ZERO),
    )


def _bundle_levels(store: Store, bundle: Variant) -> Iterator[Level]:
    parts = [(store.levels_of(component_id), Decimal(quantity)) for component_id, quantity in bundle.components]
    for location_id in sorted({location_id for levels, _ in parts for location_id in levels}):
        on_hand = min(levels[location_id].on_hand // each if location_id in levels else ZERO for levels, each in parts)
        free = min(
            (levels[location_id].on_hand - levels[location_id].committed) // each if location_id in levels else ZERO
            for levels, each in parts
        )
        yield Level(
            id=0,
            created_at=bundle.created_at,
            updated_at=bundle.updated_at,
            variant_id=bundle.id,
            location_id=location_id,
            on_hand=on_hand,
            committed=on_hand - free,
        )


def level_at(store: Store, variant_id: int, location_id: int) -> Level:
    """Return the stock of a variant at a location; an empty one is made where there is none."""
    level = store.levels_of(variant_id).get(location_id)
    return level or store.insert(store.levels, variant_id=variant_id, location_id=location_id)


def move_on_hand(store: Store, variant_id: int, location_id: int, quantity: Decimal) -> None:
    """Add to (or, below nought, take from) the stock on hand."""
    level = level_at(store, variant_id, location_id)
    level.on_hand += quantity
    store.mark(store.levels, level)
    _touch_variant(store, variant_id)


def move_committed(store: Store, variant_id: int, location_id: int, quantity: Decimal) -> None:
    level = level_at(store, variant_id, location_id)
    level.committed += quantity
    store.mark(store.levels, level)
    _touch_variant(store, variant_id)


def _touch_variant(store: Store, variant_id: int) -> None:
    if store.options.stock_touches_variant:
        store.touch(store.variants, store.variants.rows[variant_id])
    store.announce("variant.stock_level_update", "variants", variant_id)


def parts_of(store: Store, variant_id: int | None) -> list[tuple[int, Decimal]]:
    """Return what a unit of a variant takes from stock: (variant id, quantity); nothing when its stock isn't tracked."""
    variant = store.variants.get(variant_id)
    if variant is None or not variant.manage_stock:
        return []
    if not variant.components:
        return [(variant.id, Decimal(1))]
    return [(part, each * Decimal(quantity)) for i, quantity in variant.components for part, each in parts_of(store, i)]


def settle_commitment(store: Store, order: Order, lines: Iterable[OrderLine]) -> None:
    """Make the committed stock what the order's status and its unshipped quantities ask for."""
    committing = order.status in COMMITTING
    for line in lines:
        wanted = max(ZERO, line.quantity - line.shipped) if committing and line.variant_id is not None else ZERO
        if line.committed == wanted and (not wanted or line.committed_at == order.stock_location_id):
            continue
        parts = parts_of(store, line.variant_id)
        for part, each in parts:
            if line.committed:
                move_committed(store, part, line.committed_at, -line.committed * each)
            if wanted:
                move_committed(store, part, order.stock_location_id, wanted * each)
        line.committed, line.committed_at = wanted, order.stock_location_id
        store.mark(store.order_lines, line)


def ship(store: Store, variant_id: int | None, location_id: int, quantity: Decimal) -> None:
    """Take what is shipped from stock on hand (below nought: bring it back)."""
    for part, each in parts_of(store, variant_id):
        move_on_hand(store, part, location_id, -quantity * each)
