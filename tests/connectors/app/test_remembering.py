"""What a connection remembers, and what is made once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cartrover.leasing import LEASE
from connectors.errors import AlreadyTaken, FixOrder, OutcomeUnknown, TryLater
from connectors.models import Connection, RemoteFact
from connectors.remembering import RememberedFacts
from tests.factories import ConnectionFactory

MINUTE = timedelta(seconds=60)


class FarSide:
    """Companies at a far side; `fails` is raised by the next request, before or after it did what was asked."""

    def __init__(self) -> None:
        self.companies: dict[str, str] = {}
        self.keys: list[str] = []
        self.fails: Exception | None = None
        self.fails_after = False
        self.lookups = 0

    def find(self) -> str | None:
        self.lookups += 1
        return self.companies.get("ACME")

    def make(self, key: str) -> str:
        self.keys.append(key)
        failure, self.fails = self.fails, None
        if failure is not None and not self.fails_after:
            raise failure
        self.companies["ACME"] = f"company {len(self.keys)}"
        if failure is not None:
            raise failure
        return self.companies["ACME"]


@pytest.fixture
def wms(acme) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True)


@pytest.fixture
def memory(wms) -> RememberedFacts:
    return RememberedFacts(wms, settled_after=MINUTE, sleep=lambda seconds: None)


@pytest.fixture
def far() -> FarSide:
    return FarSide()


def make(memory: RememberedFacts, far: FarSide) -> str:
    return memory.make_once("company", "ACME", find=far.find, make=far.make)


def fact() -> RemoteFact:
    return RemoteFact.objects.across_accounts("a test").get()


def test_values_are_remembered_by_kind_and_key_and_for_one_connection(memory, acme):
    memory.put("variant", {"A": "1", "B": "2"})
    memory.put("variant", {"B": "3"})
    assert memory.get("variant", ["A", "B", "C"]) == {"A": "1", "B": "3"}
    assert memory.get("company", ["A"]) == {}
    assert RememberedFacts(ConnectionFactory.create(account=acme, wms=True), settled_after=MINUTE).get("variant", ["A"]) == {}


def test_forgotten_values_are_gone_and_unknown_ones_do_no_harm(memory):
    memory.put("variant", {"A": "1", "B": "2"})
    memory.forget("variant", ["A", "never known"])
    assert memory.get("variant", ["A", "B"]) == {"B": "2"}


def test_thousands_of_keys_are_asked_for_in_few_queries(memory, django_assert_max_num_queries):
    values = {f"SKU-{number}": str(number) for number in range(2000)}
    memory.put("variant", values)
    with django_assert_max_num_queries(4):
        assert memory.get("variant", values) == values


def test_keys_longer_than_the_column_are_told_apart(memory):
    one, other = "x" * 250 + "1", "x" * 250 + "2"
    memory.put("variant", {one: "1", other: "2"})
    assert memory.get("variant", [one, other]) == {one: "1", other: "2"}


def test_an_empty_value_is_refused(memory):
    with pytest.raises(ValueError, match="1 to 200 characters"):
        memory.put("variant", {"A": ""})


def test_a_thing_is_made_once_and_then_remembered(memory, far):
    assert make(memory, far) == "company 1"
    assert make(memory, far) == "company 1"
    assert (far.lookups, len(far.keys)) == (1, 1)


def test_what_is_there_already_is_taken_and_not_made(memory, far):
    far.companies["ACME"] = "made by a person"
    assert make(memory, far) == "made by a person"
    assert far.keys == []


def test_after_an_unknown_outcome_it_is_looked_for_and_found(memory, far):
    far.fails, far.fails_after = OutcomeUnknown("502"), True
    with pytest.raises(OutcomeUnknown):
        make(memory, far)
    assert make(memory, far) == "company 1"
    assert len(far.keys) == 1


def test_an_attempt_without_an_answer_is_repeated_only_when_it_is_old_and_under_the_same_key(memory, far):
    far.fails = OutcomeUnknown("time-out")
    with pytest.raises(OutcomeUnknown):
        make(memory, far)
    with pytest.raises(TryLater, match="may still arrive") as later:
        make(memory, far)
    assert later.value.after is not None
    assert 50 < later.value.after <= 60
    RemoteFact.objects.across_accounts("a test").update(seen_at=timezone.now() - timedelta(seconds=61))
    assert make(memory, far) == "company 2"
    assert far.keys[0] == far.keys[1]


def test_how_old_is_what_the_connection_is_set_to(wms, far):
    memory = RememberedFacts(wms, settled_after=timedelta(seconds=0))
    far.fails = OutcomeUnknown("time-out")
    with pytest.raises(OutcomeUnknown):
        make(memory, far)
    assert make(memory, far) == "company 2"
    assert far.keys[0] == far.keys[1]


def test_a_refusal_needs_no_waiting(memory, far):
    far.fails = FixOrder("The name is empty.")
    with pytest.raises(FixOrder):
        make(memory, far)
    assert make(memory, far) == "company 2"


def test_a_used_up_key_is_replaced_once_nothing_was_found(memory, far):
    far.fails = AlreadyTaken("This key was used.", what="key")
    with pytest.raises(TryLater, match="Nothing was found"):
        make(memory, far)
    RemoteFact.objects.across_accounts("a test").update(seen_at=timezone.now() - timedelta(seconds=61))
    assert make(memory, far) == "company 2"
    assert far.keys[0] != far.keys[1]


def test_a_taken_key_of_our_own_earlier_attempt_is_adopted(memory, far):
    far.fails, far.fails_after = AlreadyTaken("This key was used.", what="key"), True
    assert make(memory, far) == "company 1"


def test_a_forgotten_thing_is_made_under_a_new_key(memory, far):
    make(memory, far)
    memory.forget("company", ["ACME"])
    far.companies.clear()
    make(memory, far)
    assert far.keys[0] != far.keys[1]


def test_another_worker_that_is_making_it_is_waited_for_and_then_left_alone(memory, far, monkeypatch):
    monkeypatch.setattr("connectors.remembering.PATIENCE", 0.0)
    RemoteFact.objects.create(
        account=memory._connection.account,
        connection=memory._connection,
        kind="company",
        key="ACME",
        lease_token="another",
        lease_owner="another-host|boot|1|2",
        lease_until=timezone.now() + LEASE,
    )
    with pytest.raises(TryLater, match="Another worker is just making"):
        make(memory, far)
    assert far.lookups == 0


def test_what_another_worker_made_meanwhile_is_used(memory, far):
    row = RemoteFact.objects.create(
        account=memory._connection.account,
        connection=memory._connection,
        kind="company",
        key="ACME",
        lease_token="another",
        lease_owner="another-host|boot|1|2",
        lease_until=timezone.now() + LEASE,
    )

    def it_finishes(seconds: float) -> None:
        RemoteFact.objects.across_accounts("a test").filter(pk=row.pk).update(
            value="company 7", lease_until=None, lease_token=""
        )

    memory._sleep = it_finishes
    assert make(memory, far) == "company 7"
    assert far.keys == []


def test_a_worker_that_died_while_making_it_is_followed_at_once(memory, far):
    from cartrover.leasing import owner_name

    gone = owner_name().split("|")
    gone[-1] = "0"
    RemoteFact.objects.create(
        account=memory._connection.account,
        connection=memory._connection,
        kind="company",
        key="ACME",
        lease_token="another",
        lease_owner="|".join(gone),
        lease_until=timezone.now() + LEASE,
    )
    assert make(memory, far) == "company 1"
    assert fact().lease_until is None
