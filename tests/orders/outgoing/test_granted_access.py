"""A connection whose access was granted by OAuth: from the grant to a revocation and a new grant, while orders go out."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from cartrover.accounts.models import Account
from connectors import actions as connecting
from connectors import probing
from connectors.contract import RunningSandbox, Token
from connectors.granting import grant_finish
from connectors.models import Connection, ConnectionSecret, ConnectionState, Outcome
from connectors.refusals import Refused
from connectors.token_store import StoredToken
from orders.models import MessageState, OrderEvent
from orders.states import OrderState
from tests.factories import AccountFactory, ConnectionFactory
from tests.orders.outgoing.desk import Desk, draft

BACK = "http://127.0.0.1/oauth/callback/"


@pytest.fixture
def asked(transactional_db: None, commerce: RunningSandbox) -> Desk:
    """A desk whose WMS knows its application, and nobody has granted access yet."""
    account: Account = AccountFactory.create(slug="acme", name="Acme")
    wms = connecting.connection_save(
        account=account,
        kind="quickbooks_commerce",
        name="QuickBooks Commerce",
        settings=commerce.settings,
        secrets={"client_secret": commerce.secrets["client_secret"]},
        actor="alice@example.com",
    )
    return Desk(account, ConnectionFactory.create(account=account, name="DSCO"), wms, commerce)


@pytest.fixture
def desk(asked: Desk) -> Desk:
    """The same after the grant."""
    _grant(asked)
    connecting.connection_activate(connection=asked.wms, actor="alice@example.com")
    asked.wms.refresh_from_db()
    asked.commerce.drive("clear_requests")
    return asked


def _grant(desk: Desk) -> str:
    code = desk.commerce.drive("authorize", redirect_uri=BACK)["code"]
    works, words = grant_finish(connection=desk.wms, code=code, redirect_uri=BACK, actor="alice@example.com")
    desk.wms.refresh_from_db()
    assert works, words
    return words


def _token(desk: Desk) -> Token:
    token = StoredToken(desk.wms).current()
    assert token is not None
    return token


def _refreshes(desk: Desk) -> int:
    return int(desk.requests("POST /oauth/token"))


# --- the grant ---------------------------------------------------------------------------------------------------------------


def test_before_the_grant_the_test_says_what_is_missing_and_nothing_goes_out(asked: Desk) -> None:
    steps = probing.connection_test(asked.wms)
    failed = [step for step in steps if not step.ok]
    assert failed
    assert "granted" in failed[0].words
    asked.wms.refresh_from_db()
    assert asked.wms.state == ConnectionState.NEW


def test_a_granted_connection_delivers_with_a_token_that_is_stored_sealed(desk: Desk) -> None:
    assert desk.wms.state == ConnectionState.OK
    desk.load()
    assert desk.deliver().counts == {"sent": 1}
    token = _token(desk)
    sealed = ConnectionSecret.objects.for_account(desk.account).get(connection=desk.wms, name="oauth_token")
    assert token.access.encode() not in bytes(sealed.sealed)
    assert token.refresh.encode() not in bytes(sealed.sealed)
    assert token.access not in repr(token)
    assert _refreshes(desk) == 0


def test_a_code_that_was_used_gives_no_second_grant(asked: Desk) -> None:
    code = asked.commerce.drive("authorize", redirect_uri=BACK)["code"]
    grant_finish(connection=asked.wms, code=code, redirect_uri=BACK, actor="alice")
    first = _token(asked)
    with pytest.raises(Refused, match="Grant API access again"):
        grant_finish(connection=asked.wms, code=code, redirect_uri=BACK, actor="alice")
    assert _token(asked) == first


# --- expiry and rotation -----------------------------------------------------------------------------------------------------


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(desk: Desk) -> None:
    stale = replace(_token(desk), expires_at=timezone.now() + timedelta(seconds=30))
    StoredToken(desk.wms).grant(stale)
    desk.load()
    assert desk.deliver().counts == {"sent": 1}
    assert _refreshes(desk) == 1
    assert "401" not in desk.commerce.drive("requests")["counters"]["by_status"]
    fresh = _token(desk)
    assert fresh.access != stale.access
    assert fresh.refresh != stale.refresh
    assert fresh.expires_at is not None
    assert fresh.expires_at > timezone.now() + timedelta(minutes=60)


def test_a_token_that_ends_in_the_middle_of_a_batch_is_renewed_once_for_all_senders(desk: Desk) -> None:
    numbers = [f"PO-{at}" for at in range(24)]
    desk.load(*(draft(number) for number in numbers[:1]))
    desk.deliver()
    desk.load(*(draft(number) for number in numbers[1:]))
    desk.commerce.drive("clear_requests")
    desk.commerce.drive("expire_tokens")
    assert desk.deliver().counts == {"sent": 23}
    assert _refreshes(desk) == 1
    assert sorted(one["order_number"] for one in desk.there()) == sorted(numbers)
    assert all(desk.outcomes(desk.order(f"dsco-{number}")) == ["delivered"] for number in numbers)


def test_each_renewal_uses_the_refresh_token_of_the_last_one(desk: Desk) -> None:
    seen = {_token(desk).refresh}
    for number in range(3):
        desk.commerce.drive("expire_tokens")
        desk.load(draft(f"PO-{number}"))
        assert desk.deliver().counts == {"sent": 1}
        seen.add(_token(desk).refresh)
    assert len(seen) == 4
    assert len(desk.there()) == 3


@pytest.mark.parametrize("name", ["401_expired", "401_revoked", "401_invalid"])
@pytest.mark.parametrize("upper", [False, True])
def test_one_refused_request_is_repeated_with_a_new_token_and_nothing_else_is(desk: Desk, name: str, upper: bool) -> None:
    order = desk.load()
    desk.fault(name, upper=upper)
    assert desk.deliver().counts == {"sent": 1}
    assert _refreshes(desk) == 1
    assert desk.requests("POST /orders") == 2
    assert len(set(desk.sent_keys())) == 1
    assert len(desk.there()) == 1
    assert desk.outcomes(order) == ["delivered"]


def test_a_far_side_that_refuses_the_new_token_too_breaks_the_connection(desk: Desk) -> None:
    order = desk.load()
    desk.fault("401_invalid", times=0)
    finished = desk.deliver()
    assert finished.outcome == Outcome.BROKEN
    assert "access token" in finished.problem
    assert desk.requests("POST /orders") == 2
    assert _refreshes(desk) == 1
    assert desk.message(order).attempts == 0


# --- revoked -----------------------------------------------------------------------------------------------------------------


def test_revoked_access_stops_the_connection_until_it_is_granted_again(desk: Desk) -> None:
    order = desk.load()
    desk.commerce.drive("revoke_tokens")
    finished = desk.deliver()
    assert finished.outcome == Outcome.BROKEN
    assert "Grant API access again" in finished.problem
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.BROKEN
    (alert,) = desk.alerts()
    assert alert.cause == "connection_broken"
    assert "Access was revoked" in alert.words
    message = desk.message(order)
    assert (message.state, message.attempts) == (MessageState.WAITING, 0)
    assert desk.deliver().outcome == Outcome.BROKEN
    assert len(desk.alerts()) == 1

    assert "it works" in _grant(desk)
    assert desk.wms.state == ConnectionState.OK
    assert desk.alerts() == []
    assert desk.service().due_at <= timezone.now()
    assert desk.deliver().counts == {"sent": 1}
    assert desk.order().state == OrderState.SENT


def test_access_that_is_revoked_while_orders_are_in_doubt_keeps_the_doubt(desk: Desk) -> None:
    order = desk.load()
    desk.fault("drop_after")
    desk.deliver()
    desk.commerce.drive("revoke_tokens")
    assert desk.deliver().outcome == Outcome.BROKEN
    message = desk.message(order)
    assert (message.state, message.attempts) == (MessageState.UNKNOWN, 1)
    _grant(desk)
    assert desk.deliver().counts == {"adopted": 1}
    assert len(desk.there()) == 1


def test_a_second_grant_elsewhere_ends_ours_and_that_is_said(desk: Desk) -> None:
    desk.commerce.drive("authorize", redirect_uri=BACK)
    code = desk.commerce.drive("authorize", redirect_uri=BACK)["code"]
    other = ConnectionFactory.create(
        account=AccountFactory.create(slug="globex"), wms=True, settings=desk.wms.settings, state=ConnectionState.NEW
    )
    connecting.connection_save(
        account=other.account,
        kind=other.kind,
        name=other.name,
        settings=desk.commerce.settings,
        secrets={"client_secret": desk.commerce.secrets["client_secret"]},
        actor="charlie",
    )
    other.refresh_from_db()
    grant_finish(connection=other, code=code, redirect_uri=BACK, actor="charlie")
    desk.load()
    assert desk.deliver().outcome == Outcome.BROKEN
    assert "revoked" in desk.alerts()[0].words


# --- the token address -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["500", "503", "html", "broken_json", "empty", "cut", "drop_before"])
def test_a_token_address_in_trouble_is_tried_later_and_breaks_nothing(desk: Desk, name: str) -> None:
    order = desk.load()
    desk.commerce.drive("expire_tokens")
    desk.fault(name, path="/oauth/token", times=2, done=False)
    finished = desk.deliver()
    assert finished.outcome in (Outcome.LATER, Outcome.PROBLEMS)
    desk.wms.refresh_from_db()
    assert desk.wms.state == ConnectionState.OK
    assert desk.order().hold == ""
    assert desk.outcomes(order) == []
    desk.commerce.drive("clear_faults")
    assert desk.deliver().counts == {"sent": 1}
    assert len(desk.there()) == 1


def test_a_wrong_secret_is_told_when_the_token_ends(desk: Desk) -> None:
    connecting.connection_save(
        account=desk.account,
        kind=desk.wms.kind,
        name=desk.wms.name,
        settings=desk.commerce.settings,
        secrets={"client_secret": "not-the-secret"},
        actor="alice",
    )
    desk.load()
    desk.commerce.drive("expire_tokens")
    assert desk.deliver().outcome == Outcome.BROKEN
    assert "client id and secret" in desk.alerts()[0].words
    connecting.connection_save(
        account=desk.account,
        kind=desk.wms.kind,
        name=desk.wms.name,
        settings=desk.commerce.settings,
        secrets={"client_secret": desk.commerce.secrets["client_secret"]},
        actor="alice",
    )
    assert desk.deliver().counts == {"sent": 1}
    assert desk.alerts() == []


def test_no_token_stands_in_words_attempts_events_or_logs(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    order = desk.load()
    secrets = [_token(desk).access, _token(desk).refresh, desk.commerce.secrets["client_secret"]]
    with caplog.at_level(logging.DEBUG):
        for prepare in (_lose, _refuse, _expire, _revoke):
            prepare(desk)
            desk.deliver()
            secrets += [_token(desk).access, _token(desk).refresh]
    told = [caplog.text, *capsys.readouterr(), desk.service().last_words]
    told += [f"{one.request} {one.answer} {one.words}" for one in desk.attempts(order)]
    told += list(OrderEvent.objects.for_account(desk.account).values_list("words", flat=True))
    told += [one.words for one in desk.alerts()]
    told += list(Connection.objects.for_account(desk.account).values_list("broken_words", flat=True))
    assert not [text for text in told for secret in secrets if secret in text]


def _lose(desk: Desk) -> None:
    desk.fault("drop_after")


def _refuse(desk: Desk) -> None:
    desk.load(draft("PO-2"))
    desk.fault("422", errors={"notes": ["are odd"]})


def _expire(desk: Desk) -> None:
    desk.load(draft("PO-3"))
    desk.commerce.drive("expire_tokens")


def _revoke(desk: Desk) -> None:
    desk.load(draft("PO-4"))
    desk.commerce.drive("revoke_tokens")
