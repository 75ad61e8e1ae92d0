from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from orders.rules.order_ids import ALLOWED, OrderIdRule, candidates


def test_a_full_number_that_fits_is_the_short_number() -> None:
    assert next(candidates("PO-10023", OrderIdRule())) == "PO-10023"


def test_a_long_number_keeps_its_end_and_gets_a_mark() -> None:
    short = next(candidates("EDIT.17469054370068510", OrderIdRule()))
    assert short.startswith("54370068510-")
    assert len(short) == 16


def test_equal_numbers_of_two_orders_get_different_short_ones() -> None:
    first, second = (list(islice(candidates("PO-1", OrderIdRule(), salt), 3)) for salt in ("order a", "order b"))
    assert first[0] == second[0] == "PO-1"
    assert not set(first[1:]) & set(second[1:])


def test_the_strictest_wms_decides() -> None:
    rule = OrderIdRule.strictest(
        [
            {"cust_ref_length": 20, "cust_ref_characters": "digits"},
            {"cust_ref_length": 12, "cust_ref_characters": "letters_digits_hyphen"},
        ]
    )
    assert rule == OrderIdRule(12, "digits")


@given(
    full=st.text(min_size=1, max_size=60),
    length=st.integers(4, 64),
    characters=st.sampled_from(sorted(ALLOWED)),
    salt=st.text(max_size=10),
)
def test_every_candidate_fits_whatever_the_number(full: str, length: int, characters: str, salt: str) -> None:
    rule = OrderIdRule(length, characters)
    assert all(rule.accepts(one) for one in islice(candidates(full, rule, salt), 20))


@given(full=st.text(min_size=1, max_size=60))
def test_candidates_never_run_out(full: str) -> None:
    assert len(set(islice(candidates(full, OrderIdRule(), "salt"), 200))) > 150
