"""One token for all workers, renewed by one at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from cartrover.leasing import LEASE
from connectors.contract import Token
from connectors.errors import FixConnection, TryLater
from connectors.models import Connection, ConnectionSecret
from connectors.token_store import StoredToken
from tests.factories import ConnectionFactory

OLD = Token("access-1", "refresh-1", datetime(2026, 11, 22, tzinfo=UTC))
NEW = Token("access-2", "refresh-2", None)


@pytest.fixture
def wms(acme) -> Connection:
    return ConnectionFactory.create(account=acme, wms=True)


@pytest.fixture
def store(wms) -> StoredToken:
    return StoredToken(wms, sleep=lambda seconds: None)


def row() -> ConnectionSecret:
    return ConnectionSecret.objects.across_accounts("a test").get()


def test_there_is_no_token_before_access_was_granted(store):
    assert store.current() is None
    with pytest.raises(FixConnection, match="never granted"):
        store.replace(OLD, lambda stale: NEW)


def test_a_granted_token_comes_back_as_it_was_and_is_sealed_in_the_database(store, wms):
    store.grant(OLD)
    assert StoredToken(wms).current() == OLD
    assert b"access-1" not in bytes(row().sealed)
    store.grant(NEW)
    assert store.current() == NEW


def test_a_renewed_token_is_stored_before_it_is_used(store, wms):
    store.grant(OLD)
    assert store.replace(OLD, lambda stale: NEW) == NEW
    assert StoredToken(wms).current() == NEW
    assert row().lease_until is None


def test_who_comes_second_gets_what_the_first_one_stored(store):
    store.grant(NEW)
    assert store.replace(OLD, lambda stale: pytest.fail("renewed twice")) == NEW


def test_the_old_refresh_token_is_kept_where_no_new_one_came(store):
    store.grant(OLD)
    assert store.replace(OLD, lambda stale: Token("access-2")).refresh == "refresh-1"
    assert store.current() == Token("access-2", "refresh-1", None)


def test_a_failed_renewal_leaves_the_token_and_frees_the_lease(store):
    store.grant(OLD)

    def refuse(stale: Token) -> Token:
        raise FixConnection("Access was revoked.")

    with pytest.raises(FixConnection, match="revoked"):
        store.replace(OLD, refuse)
    assert store.current() == OLD
    assert row().lease_until is None


def test_a_worker_that_does_not_finish_is_not_waited_for_for_ever(store, monkeypatch):
    monkeypatch.setattr("connectors.token_store.PATIENCE", 0.0)
    store.grant(OLD)
    held = {"lease_token": "x", "lease_owner": "other|boot|1|2", "lease_until": timezone.now() + LEASE}
    ConnectionSecret.objects.across_accounts("a test").update(**held)
    with pytest.raises(TryLater, match="Another worker"):
        store.replace(OLD, lambda stale: NEW)


def test_a_new_grant_during_a_renewal_wins(store):
    store.grant(OLD)
    granted = Token("access-9", "refresh-9", None)

    def renew_slowly(stale: Token) -> Token:
        store.grant(granted)
        return NEW

    assert store.replace(OLD, renew_slowly) == granted
    assert store.current() == granted
