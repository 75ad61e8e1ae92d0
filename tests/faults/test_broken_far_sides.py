"""Far sides that refuse the hub for a while: one alert for what is broken, which ends by itself when it works again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connectors.contract import RunningSandbox
from tests.faults.installation import PATIENCE, Installation
from tests.faults.tally import Tell
from tests.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

PROBES = 3
"""So often a broken far side is tried while it is broken: an alert is for the cause, and not for each try."""


@pytest.fixture
def password(dsco: RunningSandbox) -> Iterator[str]:
    """DSCO's password, which is valid again afterwards."""
    kept = dsco.secrets["ftp_password"]
    yield kept
    dsco.drive("change_password", password=kept)


def _trading(hub: Installation) -> None:
    """An installation in which orders flow."""
    hub.clock()
    hub.worker()
    hub.ready()
    hub.trade.place(6)
    hub.wait_for(hub.delivered)


def _broken(hub: Installation, name: str, words: str, *, alerts: int = 1) -> None:
    """Let orders come and be shipped while a connection is broken, until it was probed several times: it is one alert, and the
    other connection works."""
    hub.wait_for(hub.open_alerts)
    probes = f"SELECT sum(probes) FROM connectors_connection WHERE name = '{name}'"  # noqa: S608 - names of ours
    hub.trade.place(6)
    hub.wait_for(lambda: hub.number(probes) >= PROBES)
    hub.trade.warehouse_works()
    (alert,) = hub.open_alerts()
    assert (alert.cause, alert.connection) == ("connection_broken", name)
    assert f"{name} doesn't work: " in alert.words
    assert words in alert.words
    assert hub.number("SELECT count(*) FROM orders_alert") == alerts
    states = dict(hub.rows("SELECT name, state FROM connectors_connection"))
    assert states == {"DSCO": "ok", "QuickBooks Commerce": "ok"} | {name: "broken"}


def _is_over(hub: Installation) -> None:
    """Wait until the alert has ended, with nobody's doing."""
    hub.wait_for(lambda: not hub.open_alerts())


def _check(hub: Installation, alerts: int) -> None:
    """All has come through, and each alert is over."""
    hub.check()
    found = hub.rows("SELECT state, count(*) FROM orders_alert GROUP BY state")
    assert found == [("resolved", alerts)]
    assert hub.tracebacks() == 0, hub.said()


def test_a_login_that_dsco_refuses_is_an_alert_until_it_is_let_in_again(hub: Installation, password: str, tell: Tell) -> None:
    """Locked for a while first, which ends by itself; then the password is another one, until the merchant enters it."""
    dsco = hub.trade.dsco
    _trading(hub)
    dsco.drive("fault", name="refuse_login")
    _broken(hub, "DSCO", "refused user")
    dsco.drive("clear_faults")
    _is_over(hub)
    dsco.drive("change_password")
    _broken(hub, "DSCO", "or the password", alerts=2)
    assert not any(password in part.said() for part in hub.parts)
    hub.connect("dsco", "DSCO", ftp_password=dsco.secrets["ftp_password"])
    until(lambda: not hub.open_alerts(), PATIENCE)
    _check(hub, 2)
    tell(f"locked DSCO's login, and changed its password: {hub.outcome()}, 0 differences")


def _granted(commerce: RunningSandbox) -> str:
    """Have the merchant's owner grant access; return the token."""
    redirect = "http://127.0.0.1/callback"
    exchanged = {
        "client_id": commerce.settings["client_id"],
        "client_secret": commerce.secrets["client_secret"],
        "redirect_uri": redirect,
        "grant_type": "authorization_code",
        "code": commerce.drive("authorize", redirect_uri=redirect)["code"],
    }
    answer = requests.post(commerce.settings["token_url"], json=exchanged, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def test_a_grant_that_quickbooks_commerce_revokes_is_an_alert_until_it_is_renewed(hub: Installation, tell: Tell) -> None:
    """Refused for a while first, which ends by itself; then the token is revoked, until the merchant enters another."""
    name, commerce = "QuickBooks Commerce", hub.trade.commerce
    hub.connect("quickbooks_commerce", name, access_token=_granted(commerce))
    _trading(hub)
    commerce.drive("fault", name="401_revoked", times=0)
    _broken(hub, name, "refused the access token (401: ")
    commerce.drive("clear_faults")
    _is_over(hub)
    assert commerce.drive("revoke_tokens") == 1
    _broken(hub, name, "Grant access again", alerts=2)
    hub.connect("quickbooks_commerce", name, access_token=_granted(commerce))
    until(lambda: not hub.open_alerts(), PATIENCE)
    _check(hub, 2)
    tell(f"answered 401 for a while, and revoked the token: {hub.outcome()}, 0 differences")


@pytest.mark.parametrize(
    ("fault", "words"), [("disk_full", "No space left"), ("refuse_write", "does not let")], ids=["disk_full", "not_allowed"]
)
def test_files_that_dsco_refuses_are_one_alert_until_they_are_there(
    fault: str, words: str, hub: Installation, tell: Tell
) -> None:
    """Packages, invoices and stock wait meanwhile; orders go on coming, since reading works."""
    dsco = hub.trade.dsco
    _trading(hub)
    dsco.drive("fault", name=fault, path="/in/*")
    hub.trade.warehouse_works(1.0)
    hub.wait_for(hub.open_alerts)
    before = len(hub.delivered())
    hub.trade.place(6)
    hub.trade.warehouse_works(0.5)
    hub.wait_for(lambda: len(hub.delivered()) > before and _tries(hub) > PROBES)
    (alert,) = hub.open_alerts()
    assert (alert.cause, alert.connection) == ("document_refused", "DSCO")
    assert "A file didn't get to DSCO in " in alert.words
    assert words in alert.words
    assert hub.rows("SELECT DISTINCT state FROM connectors_connection") == [("ok",)]
    waited = hub.number("SELECT count(*) FROM orders_outbounddocument WHERE state IN ('ready', 'unknown') AND attempts >= 3")
    dsco.drive("clear_faults")
    _is_over(hub)
    _check(hub, 1)
    tell(f"{words!r} at DSCO while {waited} files waited: {hub.outcome()}, 0 differences")


def _tries(hub: Installation) -> int:
    return hub.number("SELECT max(attempts) FROM orders_outbounddocument WHERE state IN ('ready', 'unknown')")
