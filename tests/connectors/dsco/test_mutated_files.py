"""Files as DSCO writes them, damaged as disks, lines and people damage files: refused whole or row by row, never a crash."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import BadDocument
from tests.connectors.dsco.files import SAMPLES, Read, read

FILES = {path.name: path.read_bytes() for path in sorted(SAMPLES.iterdir())}
SOUND = {name: read(body, name) for name, body in FILES.items()}

ODD_BYTES = [b'"', b"\x00", b"\r", b"\n", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"=cmd()"]

Damage = Callable[[bytes, random.Random], bytes]


def _some(body: bytes, dice: random.Random) -> tuple[int, int]:
    begin = dice.randrange(len(body) + 1)
    return begin, min(len(body), begin + dice.randrange(1, 200))


def _flip(body: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(body)
    for _ in range(dice.randrange(1, 8)):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def _drop(body: bytes, dice: random.Random) -> bytes:
    begin, end = _some(body, dice)
    return body[:begin] + body[end:]


def _repeat(body: bytes, dice: random.Random) -> bytes:
    begin, end = _some(body, dice)
    return body[:end] + body[begin:]


def _swap(body: bytes, dice: random.Random) -> bytes:
    lines = body.splitlines(keepends=True)
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def _insert(body: bytes, dice: random.Random) -> bytes:
    begin, _ = _some(body, dice)
    return body[:begin] + dice.choice(ODD_BYTES) + body[begin:]


def _cut(body: bytes, dice: random.Random) -> bytes:
    return body[: dice.randrange(len(body))]


DAMAGES: list[Damage] = [_flip, _drop, _repeat, _swap, _insert, _cut]


def _read_or_refused(body: bytes, name: str, chunk: int) -> Read | None:
    with suppress(BadDocument):
        return read(body, name, chunk)
    return None


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3),
    st.randoms(),
    st.integers(1, 999),
)
def test_a_damaged_file_is_refused_in_words_or_read_row_by_row(
    name: str, damages: list[Damage], dice: random.Random, chunk: int
) -> None:
    body = FILES[name]
    for damage in damages:
        body = damage(body, dice) or b"\n"
    got = _read_or_refused(body, name, chunk)
    if got is None:
        return
    for order in got.orders:
        assert order.external_id
        assert order.lines
        assert all(line.item and 1 <= line.quantity <= 999_999 for line in order.lines)
    assert all(problem.row >= 2 and problem.words for refused in got.refused for problem in refused.problems)
    assert sum(len(order.lines) for order in got.orders) <= got.summary.rows


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 64), st.sampled_from([".csv", ".tab", ".psv", ".txt", ""]))
def test_random_bytes_are_no_file_of_orders(body: bytes, chunk: int, extension: str) -> None:
    got = _read_or_refused(body, f"Purchase_Order_1{extension}", chunk)
    assert got is None or got.orders == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_damage_to_one_order_leaves_the_others_as_they_were(name: str) -> None:
    lines = FILES[name].splitlines(keepends=True)
    sound = {order.external_id: order.content_hash for order in SOUND[name].orders}
    assert sound
    for at in range(1, len(lines)):
        got = read(b"".join([*lines[:at], b"\x1f" * 20 + b"\r\n", *lines[at + 1 :]]), name)
        left = {order.external_id: order.content_hash for order in got.orders}
        same = [one for one, content in left.items() if sound.get(one) == content]
        assert len(same) >= len(sound) - 1, f"line {at + 1}"
