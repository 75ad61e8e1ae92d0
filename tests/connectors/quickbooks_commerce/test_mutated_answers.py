"""Answers as QuickBooks Commerce gives them, with anything anywhere: a record that can't be read is left out and said so."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.quickbooks_commerce import parse
from connectors.quickbooks_commerce.parse import invoice_of, readable, remote_order_of, shipment_of, stock_item_of
from connectors.quickbooks_commerce.wire import BadValue, rows_of

SAMPLES = Path(parse.__file__).parent / "samples"

READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "orders": ("orders.json", lambda row: remote_order_of(row, ())),
    "fulfillments": ("fulfillments.json", lambda row: shipment_of(row, ())),
    "invoices": ("invoices.json", lambda row: invoice_of(row, (), {})),
    "variants": ("variants.json", lambda row: stock_item_of(row, {}, None)),
}
ODD_TEXTS = st.sampled_from(["", "1e999", "-0", "NaN", " "])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=4,
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with each of its keys, at whatever depth."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(READERS)), st.randoms(), st.lists(ANYTHING | st.just(...), min_size=1, max_size=4))
def test_an_answer_with_anything_anywhere_is_read_or_refused_row_by_row(what: str, dice: random.Random, put: list[Any]) -> None:
    file, reader = READERS[what]
    body = copy.deepcopy(_sample(file))
    for value in put:
        places = list(_places(body))
        if not places:
            break
        container, key = dice.choice(places)
        if value is ...:
            del container[key]
        else:
            container[key] = value
    try:
        rows = rows_of(body, what)
    except BadValue:
        return
    items, problems = readable(rows, reader, what)
    assert len(items) + len(problems) == len(rows)
    assert all(problems)


def _sample(file: str) -> Any:
    sample = json.loads((SAMPLES / file).read_text())
    return sample.get("body", sample)
