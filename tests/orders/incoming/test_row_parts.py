from __future__ import annotations

from datetime import date

import pytest
from django.db import connection

from cartrover.clock import hub_now
from orders.models import OrderEvent
from orders.pipeline.loader import insert_parts, instant_value, parts_of_rows
from orders.pipeline.order_rows import EVENT_NAMES
from orders.pipeline.row_parts import COPY_TEXT, VALUES
from tests.factories import OrderFactory


def test_a_row_of_copy_has_a_tab_between_its_columns_and_a_sign_for_nothing() -> None:
    row = COPY_TEXT.first(7) + COPY_TEXT.part(("a", ""), ()) + COPY_TEXT.part((), (None, 1, True, date(2026, 1, 2)))
    assert row == "7\ta\t\t\\N\t1\tTrue\t2026-01-02"
    assert VALUES.first(7) + VALUES.part(("a",), (None, 1)) == (7, "a", None, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", ["\\N", "\\.", "a\tb", "a\nb", "a\r\nb", "c:\\new\\table", "\\", "Ä é 漢 🎁", '{"a": "b\\n"}', ""]
)
def test_every_text_is_stored_as_it_is(words: str) -> None:
    order = OrderFactory()
    parts = parts_of_rows()
    texts = ("0190" + 28 * "7", "note", words, words, "", "{}")
    row = parts.first(order.pk) + parts.part((), (instant_value(hub_now()),))
    insert_parts(OrderEvent, EVENT_NAMES, [row + parts.part(texts, (order.account_id, order.source_id))])
    stored = OrderEvent.objects.for_account(order.account_id).get(kind="note")
    assert (stored.words, stored.document_name, stored.order_id) == (words, words, order.pk), connection.vendor
