from __future__ import annotations

import pytest

from connectors.errors import BadDocument
from connectors.transports.files import for_people, is_safe_name, join, pieces


@pytest.mark.parametrize("name", ["orders.csv", "Orders 1 é.csv", ".part", "a..b", "注文.csv", "-rf"])
def test_plain_names_are_safe(name):
    assert is_safe_name(name)
    assert join("out/", name) == f"out/{name}"
    assert join("", name) == name


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../up", "a/b", "a\\b", "nul\0", "a\nb", "a\r", "\x7f", "caf\udce9"])
def test_names_that_could_lead_elsewhere_are_refused(name):
    assert not is_safe_name(name)
    with pytest.raises(BadDocument):
        join("out", name)


def test_any_name_can_be_shown():
    assert for_people("out/orders é.csv") == '"out/orders é.csv"'
    for name in ("a\nb", "\x1b[31mred", "caf\udce9", "\u202egnp.csv", "x" * 500):
        shown = for_people(name)
        assert shown.isprintable()
        assert len(shown) <= 202
        shown.encode()


def test_pieces_are_never_empty_nor_too_long():
    assert list(pieces(b"")) == []
    assert list(pieces([b"", b"abc", b"", b"d"], size=2)) == [b"ab", b"c", b"d"]
