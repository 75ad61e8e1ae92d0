"""Which of the hub's lines each line of a sales form is. Pure.

Lines that the hub sent get the ids 1, 2, 3 ... in their order, and keep them as long as people change the form line by line.
When a form is written anew all its lines may get new ids: then the lines are told by their products, in their order, from what
was remembered when the order was sent. A line that the hub never sent is none of its.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.quickbooks_online.wire import SHIPPING_ITEM, ref_of, text_of

LONGEST_VALUE = 200
"""Characters that the memory keeps of one thing."""


@dataclass(frozen=True, slots=True)
class SentLines:
    """What is remembered of an order's lines: the highest id that the sent lines have, and their items by line number from
    1."""

    top: int
    items: tuple[str, ...] = ()

    def kept(self) -> str:
        """Return it as the memory keeps it; of a long order only the highest id."""
        text = f"{self.top}|{','.join(self.items)}"
        return text if len(text) <= LONGEST_VALUE else f"{self.top}|"

    @classmethod
    def of(cls, text: str) -> SentLines | None:
        """Read what was kept; None for what can't be read."""
        top, bar, items = text.partition("|")
        if not bar or not top.isdigit():
            return None
        return cls(int(top), tuple(items.split(",")) if items else ())


def product_lines(form: Mapping[str, Any], shipping_item: str = SHIPPING_ITEM) -> list[Mapping[str, Any]]:
    """Return the lines of products and bundles; shipping, discounts, words and sums are none."""
    lines = form.get("Line")
    return (
        [line for line in lines if isinstance(line, dict) and _is_product(line, shipping_item)]
        if isinstance(lines, list)
        else []
    )


def _is_product(line: Mapping[str, Any], shipping_item: str) -> bool:
    kind = line.get("DetailType")
    return kind == "GroupLineDetail" or (kind == "SalesItemLineDetail" and item_of(line) not in (SHIPPING_ITEM, shipping_item))


def item_of(line: Mapping[str, Any]) -> str:
    """Return the id of a line's item."""
    detail = line.get(str(line.get("DetailType")))
    if not isinstance(detail, dict):
        return ""
    return ref_of(detail.get("GroupItemRef") or detail.get("ItemRef"))


def sent_lines(form: Mapping[str, Any], shipping_item: str = SHIPPING_ITEM) -> SentLines:
    """Return what to remember of a form as it was just made."""
    lines = form.get("Line")
    ids = [text_of(line.get("Id")) for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    top = max((int(key) for key in ids if key.isdigit()), default=0)
    return SentLines(top, tuple(item_of(line) for line in product_lines(form, shipping_item)))


def line_numbers(rows: Sequence[Mapping[str, Any]], sent: SentLines | None, *, is_copy: bool = False) -> list[int]:
    """Return the hub's line number of each product line, 0 for one that isn't the hub's.

    `is_copy`: the form was made from the hub's by somebody, so that its ids say nothing.
    """
    ids = [text_of(row.get("Id")) for row in rows]
    if sent is None:
        return [int(key) if key.isdigit() and not is_copy else at for at, key in enumerate(ids, start=1)]
    is_ours = [key.isdigit() and int(key) <= sent.top for key in ids]
    if not is_copy and (any(is_ours) or not rows):
        return [int(key) if ours else 0 for key, ours in zip(ids, is_ours, strict=True)]
    return _by_items([item_of(row) for row in rows], sent.items) if sent.items else list(range(1, len(rows) + 1))


def _by_items(found: Sequence[str], sent: Sequence[str]) -> list[int]:
    """Pair two rows of items so that as many as can be are paired in order, the earliest first."""
    best = [[0] * (len(sent) + 1) for _ in range(len(found) + 1)]
    for left in range(len(found) - 1, -1, -1):
        for right in range(len(sent) - 1, -1, -1):
            paired = best[left + 1][right + 1] + 1 if found[left] == sent[right] else 0
            best[left][right] = max(paired, best[left + 1][right], best[left][right + 1])
    numbers = [0] * len(found)
    left = right = 0
    while left < len(found) and right < len(sent):
        if found[left] == sent[right] and best[left][right] == best[left + 1][right + 1] + 1:
            numbers[left] = right + 1
            left, right = left + 1, right + 1
        elif best[left + 1][right] >= best[left][right + 1]:
            left += 1
        else:
            right += 1
    return numbers
