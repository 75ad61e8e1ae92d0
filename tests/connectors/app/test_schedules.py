"""When services run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import ConnectorSpec, Role, Side
from connectors.models import ServiceName
from connectors.schedules import FACTS, BadSchedule, in_words, next_due, parse_every, services_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def spec(side: Side, *roles: Role) -> ConnectorSpec:
    return ConnectorSpec(
        kind="x",
        name="X",
        side=side,
        roles=frozenset(roles),
        fields=(),
        open_session=lambda opening: None,  # type: ignore[arg-type,return-value]  # never opened
    )


def test_every_service_has_its_facts_and_a_default_that_it_may_have():
    assert set(FACTS) == set(ServiceName)
    for name, facts in FACTS.items():
        assert parse_every(facts.default, name) == facts.default


def test_a_connection_has_the_services_of_its_roles():
    assert services_of(spec(Side.CART, Role.ORDER_SOURCE, Role.STOCK_SINK)) == (
        ServiceName.ORDER_DOWNLOAD,
        ServiceName.INVENTORY_UPLOAD,
    )
    assert services_of(spec(Side.WMS, Role.ORDER_DESTINATION, Role.INVOICE_SOURCE, Role.STOCK_SOURCE)) == (
        ServiceName.ORDER_DELIVERY,
        ServiceName.SHIPMENT_PICKUP,
        ServiceName.INVENTORY_PICKUP,
    )


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("5m", "5"),
        ("15 min", "15"),
        ("60", "60"),
        ("1h", "60"),
        ("1d", "1440"),
        ("Off", "off"),
        ("daily@6", "daily@06"),
        ("daily@23:00", "daily@23"),
    ],
)
def test_schedules_are_read_as_people_type_them(text: str, stored: str):
    assert parse_every(text, ServiceName.ORDER_DOWNLOAD) == stored


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("4m", ServiceName.ORDER_DOWNLOAD, "The fastest is 5m"),
        ("0", ServiceName.ORDER_DOWNLOAD, "The fastest is 5m"),
        ("1m", ServiceName.SHIPMENT_UPLOAD, "5m or automatic"),
        ("automatic", ServiceName.INVENTORY_PICKUP, "can't be automatic"),
        ("daily@24", ServiceName.ORDER_DOWNLOAD, "daily@0 to daily@23"),
        ("often", ServiceName.ORDER_DOWNLOAD, "no schedule"),
        ("", ServiceName.ORDER_DOWNLOAD, "no schedule"),
        ("-5m", ServiceName.ORDER_DOWNLOAD, "no schedule"),
        ("30d", ServiceName.ORDER_DOWNLOAD, "too slow"),
    ],
)
def test_a_schedule_that_can_not_be_kept_is_refused_in_words(text: str, name: ServiceName, words: str):
    with pytest.raises(BadSchedule, match=words):
        parse_every(text, name)


def test_what_waits_for_data_or_a_person_is_never_due_by_itself():
    assert next_due("automatic", NOON, "UTC") is None
    assert next_due("off", NOON, "UTC") is None
    assert next_due("", NOON, "UTC") is None


def test_an_interval_is_kept_however_long_a_run_takes():
    first = next_due("15", NOON, "UTC", spread=7)
    assert first is not None
    assert NOON < first <= NOON + timedelta(minutes=15)
    assert next_due("15", first, "UTC", spread=7) == first + timedelta(minutes=15)
    assert next_due("15", first + timedelta(minutes=4), "UTC", spread=7) == first + timedelta(minutes=15)


def test_a_thousand_accounts_do_not_ask_at_one_second():
    dues = [next_due("5", NOON, "UTC", spread=number) for number in range(1000)]
    busiest = max(dues.count(due) for due in set(dues))
    assert busiest <= 15
    assert dues == [next_due("5", NOON, "UTC", spread=number) for number in range(1000)]


def test_a_daily_hour_is_the_accounts_own_over_the_change_of_the_clocks():
    zone = ZoneInfo("America/New_York")
    due = datetime(2026, 10, 30, 12, tzinfo=UTC)
    hours = []
    for _ in range(4):
        due = next_due("daily@06", due, "America/New_York", spread="a") or due
        hours.append(due.astimezone(zone))
    assert [moment.hour for moment in hours] == [6, 6, 6, 6]
    assert [moment.day for moment in hours] == [31, 1, 2, 3]
    assert len({moment.utcoffset() for moment in hours}) == 2


def test_schedules_are_said_in_words():
    assert [in_words(every) for every in ("", "off", "5", "60", "120", "1440", "daily@06", "automatic")] == [
        "off", "off", "every 5 minutes", "every hour", "every 2 hours", "every day", "daily at 06:00", "automatic",
    ]  # fmt: skip
