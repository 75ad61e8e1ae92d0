"""What holds for any file: the order of columns and rows, quoting and delimiters change nothing, no bytes break it."""

from __future__ import annotations

import csv
from contextlib import suppress
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import BadDocument
from tests.connectors.dsco.files import COLUMNS, read, row, table

ROWS = [row(n, line, gift_message=f'{n}, "x"') for n in (1, 2, 3) for line in (1, 2, 3)]
EXPECTED = {order.external_id: order.content_hash for order in read(ROWS).orders}
NAMES = (*COLUMNS, "gift_message")
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@settings(max_examples=25, deadline=None)
@given(
    st.permutations(NAMES),
    st.permutations(ROWS),
    st.sampled_from(",\t|;"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 500),
)
def test_shuffled_columns_and_rows_make_the_same_orders(
    names: list[str], rows: list[dict[str, str]], delimiter: str, quoting: Literal[0, 1], chunk: int
) -> None:
    got = read(table(rows, columns=names, delimiter=delimiter, quoting=quoting), chunk=chunk)
    assert {order.external_id: order.content_hash for order in got.orders} == EXPECTED
    assert got.refused == []
    assert got.summary.rows == len(ROWS)


@settings(max_examples=25, deadline=None)
@given(VALUES, VALUES, st.sampled_from(",\t|;"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_any_text_comes_through_as_it_is(message: str, city: str, delimiter: str, quoting: Literal[0, 1]) -> None:
    got = read(table([row(1, message=message, ship_city=city), row(2)], delimiter=delimiter, quoting=quoting))
    assert (got.orders[0].notes, got.orders[0].ship_to.city) == (message.strip(), city.strip())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2000), st.integers(1, 64))
def test_no_bytes_break_the_parser_or_lose_a_row(noise: bytes, place: int, chunk: int) -> None:
    good = table([row(n) for n in range(1, 8)]).encode()
    with suppress(BadDocument):
        got = read(good[:place] + noise + good[place:], chunk=chunk)
        problems = [problem for refused in got.refused for problem in refused.problems]
        assert got.summary.rows >= len(got.orders)
        assert all(problem.row >= 2 and problem.words for problem in problems)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3000))
def test_wherever_a_file_is_cut_no_order_goes_out_in_part(end: int) -> None:
    text = table([row(n, line) for n in (1, 2, 3) for line in (1, 2)], columns=NAMES)[:end]
    with suppress(BadDocument):
        got = read(text)
        whole = text.count("\r\n") - 1
        assert len(got.orders) >= whole // 2
        # The last row may lack nothing but its line end, or be cut inside its last value, which is empty here.
        assert sum(len(order.lines) for order in got.orders) <= whole + 1
        cut_order = (whole // 2) + 1
        if text.rpartition("\n")[2].startswith(f"PO-{cut_order},") and got.refused:
            assert f"PO-{cut_order}" not in {order.cust_po_no for order in got.orders}
