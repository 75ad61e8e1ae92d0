"""What two far sides and the people between them agreed on, kept as simply as can be: a hub is right when both say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Piece:
    """One line of an order, in pieces. `untracked` were shipped, and nobody knows yet how to follow them."""

    ordered: int
    shipped: int = 0
    untracked: int = 0
    invoiced: int = 0
    cut: int = 0

    @property
    def told_shipped(self) -> int:
        return self.shipped - self.untracked

    @property
    def open(self) -> int:
        return self.ordered - self.cut - self.shipped


@dataclass
class Deal:
    """One order, as everybody but the hub sees it. `called_off` says by whom: retailer, person, warehouse."""

    dsco_id: str
    number: str
    lines: dict[str, Piece]
    called_off: str = ""
    told_why: bool = False
    """Whether the person who called it off wanted the retailer to be told."""
    notes: str | None = None
    """What a person wrote on it; None = nothing."""
    without_tracking: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    """Packages on their way without a number: ids, and what is in them by SKU."""

    @property
    def touched(self) -> bool:
        return any(piece.shipped or piece.invoiced or piece.cut for piece in self.lines.values())

    @property
    def finished(self) -> bool:
        """Nothing is open, something has shipped, and all of that can be told."""
        pieces = self.lines.values()
        return not any(piece.open or piece.untracked for piece in pieces) and any(piece.shipped for piece in pieces)

    @property
    def may_be_billed(self) -> bool:
        """An invoice bills all that is left of an order: the retailer hears of it once all that has shipped."""
        return all(piece.shipped >= piece.invoiced for piece in self.lines.values())

    def told_to_retailer(self) -> dict[str, tuple[int, int, int]]:
        """Return what DSCO must have heard by SKU: shipped, invoiced, canceled."""
        if self.called_off:
            told = self.called_off in ("retailer", "warehouse") or self.told_why
            return {sku: (0, 0, piece.ordered if told else 0) for sku, piece in self.lines.items()}
        billed = self.may_be_billed
        return {sku: (piece.told_shipped, piece.invoiced if billed else 0, piece.cut) for sku, piece in self.lines.items()}


def differences(
    deals: Mapping[str, Deal],
    *,
    at_dsco: Mapping[str, Any],
    at_commerce: Mapping[str, Any],
    in_hub: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    """Say where DSCO, QuickBooks Commerce or the hub (state and hold by DSCO's id) are at odds with the ledger."""
    there: dict[str, list[dict[str, Any]]] = {}
    for order in at_commerce["orders"]:
        if order["status"] not in ("void", "deleted"):
            there.setdefault(order["reference_number"], []).append(order)
    yield from (f"{number} at QuickBooks Commerce is nobody's" for number in there.keys() - {d.number for d in deals.values()})
    yield from (f"{one} in the hub is nobody's" for one in in_hub.keys() - deals.keys())
    told = {order["dsco_order_id"]: order for order in at_dsco["orders"]}
    for deal in deals.values():
        yield from _hub(deal, in_hub.get(deal.dsco_id))
        yield from _warehouse(deal, there.get(deal.number, []))
        yield from _retailer(deal, told[deal.dsco_id])


def _hub(deal: Deal, stands: tuple[str, str] | None) -> Iterator[str]:
    if stands is None:
        if deal.called_off != "retailer":
            yield f"{deal.number} isn't in the hub"
        return
    wanted = "canceled" if deal.called_off else "confirmed" if deal.finished else "sent or shipped"
    state, hold = stands
    if hold or state not in wanted:
        yield f"{deal.number} is {state} {hold} in the hub, not {wanted}"


def _warehouse(deal: Deal, orders: list[dict[str, Any]]) -> Iterator[str]:
    if len(orders) != (0 if deal.called_off else 1):
        yield f"{deal.number} is {len(orders)} times at QuickBooks Commerce, called off by: {deal.called_off or 'nobody'}"
        return
    for order in orders:
        found = Counter({line["sku"]: int(float(line["quantity"])) for line in order["lines"] if line["sku"]})
        wanted = Counter({sku: piece.ordered - piece.cut for sku, piece in deal.lines.items()})
        if +found != +wanted:
            yield f"{deal.number} at QuickBooks Commerce holds {dict(found)}, not {dict(wanted)}"
        if deal.notes is not None and deal.notes not in (order["notes"] or ""):
            yield f"{deal.number} at QuickBooks Commerce doesn't say {deal.notes!r}"


def _retailer(deal: Deal, order: Mapping[str, Any]) -> Iterator[str]:
    wanted = deal.told_to_retailer()
    found = {line["sku"]: (line["shipped"], line["invoiced"], line["cancelled"]) for line in order["lines"]}
    for sku, numbers in wanted.items():
        if found[sku] != numbers:
            yield f"{deal.number} {sku}: DSCO heard of {found[sku]} shipped, invoiced, canceled instead of {numbers}"
