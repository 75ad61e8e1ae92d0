"""A broken connection is one alert, mends itself, and starts again; a changed host key and a bad setting wait for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors import actions as connecting
from connectors import probing
from connectors.contract import CancelRow, Purpose
from connectors.errors import FixConnection
from connectors.models import Connection, ConnectionState, Outcome, Service, ServiceName
from connectors.readers import shown_host_key
from orders.dispatcher import run_due, run_named
from orders.models import Alert, AlertState, DocumentState, OutboundDocument
from orders.pipeline.documents import make_document
from orders.scheduling.running import Finished
from orders.upkeep.housekeeping import keep
from tests.connectors.dsco.files import row
from tests.inbox import Inbox, change_sessions


def _service(inbox: Inbox, name: ServiceName = ServiceName.ORDER_DOWNLOAD) -> Service:
    return Service.objects.for_account(inbox.account).get(connection=inbox.cart, name=name)


def _state(inbox: Inbox) -> str:
    inbox.cart.refresh_from_db()
    return inbox.cart.state


def _due(inbox: Inbox) -> list[Finished]:
    return list(run_due(20, account_id=inbox.account.pk))


def test_a_refused_login_is_one_alert_and_mends_itself_at_the_next_probe(inbox: Inbox) -> None:
    inbox.put([row(1)])
    inbox.dsco.drive("fault", name="refuse_login")
    Service.objects.for_account(inbox.account).update(due_at=timezone.now())
    assert {one.outcome for one in _due(inbox)} >= {Outcome.BROKEN}
    assert _state(inbox) == ConnectionState.BROKEN
    alert = Alert.objects.for_account(inbox.account).get()
    assert "DSCO doesn't work" in alert.words
    assert inbox.dsco.secrets["ftp_password"] not in alert.words
    assert _due(inbox) == []
    waiting = Service.objects.for_account(inbox.account).filter(connection=inbox.cart).exclude(every="off")
    assert set(waiting.values_list("due_at", flat=True)) == {inbox.cart.probe_at}

    inbox.dsco.drive("clear_faults")
    Connection.objects.for_account(inbox.account).update(probe_at=timezone.now() - timedelta(seconds=1))
    Service.objects.for_account(inbox.account).update(due_at=timezone.now() - timedelta(seconds=1))
    _due(inbox)
    assert _state(inbox) == ConnectionState.OK
    assert inbox.orders == {"PO-1"}
    assert inbox.alerts == {}


def test_a_named_run_probes_at_once_and_goes_on(inbox: Inbox) -> None:
    inbox.put([row(1)])
    inbox.dsco.drive("fault", name="refuse_login", times=1)
    assert inbox.download().outcome == Outcome.BROKEN
    assert inbox.download().counts["orders"] == 1
    assert inbox.alerts == {}


def test_a_named_run_that_finds_it_still_broken_raises_no_second_alert(inbox: Inbox) -> None:
    inbox.dsco.drive("fault", name="refuse_login")
    for _ in range(3):
        finished = inbox.download()
        assert finished.outcome == Outcome.BROKEN
        assert finished.problem
    assert Alert.objects.for_account(inbox.account).count() == 1


def test_a_run_that_began_before_a_probe_found_it_well_breaks_nothing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its login was refused in the last moment of the trouble: that is over."""

    def refused(list_orders: Any) -> Any:
        probing.mark_mended(inbox.cart)
        raise FixConnection("The login was refused.")

    with monkeypatch.context() as patched:
        change_sessions(patched, list_orders=refused)
        inbox.download()
    assert _state(inbox) == ConnectionState.OK
    assert not Alert.objects.for_account(inbox.account).exists()


def test_a_change_of_settings_mends_it(inbox: Inbox) -> None:
    secrets = inbox.dsco.drive("change_password")
    assert inbox.download().outcome == Outcome.BROKEN
    connecting.connection_save(account=inbox.account, kind="dsco", name="DSCO", secrets=secrets, actor="bob")
    inbox.put([row(1)])
    _due(inbox)
    assert _state(inbox) == ConnectionState.OK
    assert inbox.orders == {"PO-1"}


def test_a_server_that_is_down_for_a_moment_breaks_nothing(inbox: Inbox) -> None:
    inbox.dsco.drive("fault", name="refuse_connections", times=1)
    assert inbox.download().outcome == Outcome.LATER
    assert _state(inbox) == ConnectionState.OK
    assert inbox.alerts == {}


def test_a_changed_host_key_needs_a_person(inbox: Inbox) -> None:
    inbox.put([row(1)])
    inbox.dsco.drive("fault", name="change_host_key")
    for _ in range(2):
        assert inbox.download().outcome == Outcome.BROKEN
    assert inbox.orders == set()
    assert (_state(inbox), inbox.cart.needs_person, inbox.cart.probe_at) == (ConnectionState.BROKEN, True, None)
    Service.objects.for_account(inbox.account).update(due_at=timezone.now())
    _due(inbox)
    assert _state(inbox) == ConnectionState.BROKEN

    steps = connecting.host_key_accept(connection=inbox.cart, shown=shown_host_key(inbox.cart), actor="bob")
    assert all(step.ok for step in steps)
    assert inbox.download().counts["orders"] == 1
    assert inbox.alerts == {}


def test_a_host_key_that_changes_back_is_the_known_one(inbox: Inbox) -> None:
    inbox.dsco.drive("fault", name="change_host_key")
    inbox.download()
    inbox.dsco.drive("clear_faults")
    assert inbox.download().outcome == Outcome.NOTHING
    assert inbox.alerts == {}


def test_a_missing_folder_is_the_connections_fault_and_says_what_to_do(inbox: Inbox) -> None:
    connecting.connection_save(
        account=inbox.account, kind="dsco", name="DSCO", settings={"order_folder": "nowhere"}, actor="bob"
    )
    inbox.cart.refresh_from_db()
    finished = inbox.download()
    assert finished.outcome == Outcome.BROKEN
    assert "Check the order folder" in finished.problem


# --- settings that no longer fit ---------------------------------------------------------------------------------------------


def _spoil(connection: Connection, **settings: object) -> None:
    connection.settings = connection.settings | settings
    connection.save(update_fields=["settings"])


def test_a_stored_setting_that_no_longer_fits_is_told_in_words_and_mended_by_entering_it_anew(inbox: Inbox) -> None:
    inbox.put([row(1)])
    _spoil(inbox.cart, unmapped_ship_codes="whatever")
    finished = inbox.download()
    assert finished.outcome == Outcome.BROKEN
    assert "“DSCO” no longer fits" in finished.problem
    assert "unmapped_ship_codes" in inbox.alerts["connection_broken"]
    connecting.connection_save(
        account=inbox.account, kind="dsco", name="DSCO", settings={"unmapped_ship_codes": "pass"}, actor="bob"
    )
    inbox.cart.refresh_from_db()
    assert inbox.download().counts["orders"] == 1
    assert inbox.alerts == {}


def test_another_setting_can_not_be_saved_beside_one_that_no_longer_fits(inbox: Inbox) -> None:
    _spoil(inbox.cart, taken_alert_hours=-5)
    with pytest.raises(connecting.Refused, match="taken_alert_hours"):
        connecting.connection_save(account=inbox.account, kind="dsco", name="DSCO", settings={"port": "22"}, actor="bob")


def test_a_bad_setting_of_the_wms_breaks_the_wms_and_loses_no_file(inbox: Inbox) -> None:
    inbox.put([row(1)])
    wms = Connection.objects.for_account(inbox.account).get(side="wms")
    _spoil(wms, cust_ref_length=1)
    finished = inbox.download()
    assert finished.outcome == Outcome.LATER
    assert f"“{wms.name}” no longer fits" in finished.problem
    assert _state(inbox) == ConnectionState.OK
    assert f"{wms.name} doesn't work" in inbox.alerts["connection_broken"]
    _spoil(wms, cust_ref_length=16)
    assert inbox.download().counts["orders"] == 1


def test_housekeeping_goes_on_where_a_setting_no_longer_fits(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    _spoil(inbox.cart, tracking_alert_hours="soon")
    keep()
    assert "connection_broken" in inbox.alerts
    assert caplog.text == ""


# --- one file that is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["refuse_write", "refuse_rename"])
def test_a_refused_file_is_tried_three_times_before_it_is_an_alert(inbox: Inbox, fault: str) -> None:
    connecting.connection_save(account=inbox.account, kind="dsco", name="DSCO", settings={"upload_mode": "rename"}, actor="bob")
    inbox.cart.refresh_from_db()
    inbox.dsco.drive("fault", name=fault)
    document = make_document(inbox.cart, Purpose.CANCELS, [_a_row()])
    for tries in range(1, 5):
        (finished,) = run_named([inbox.cart], [ServiceName.CANCEL_UPLOAD])
        assert finished.outcome == Outcome.PROBLEMS
        assert document.name in finished.problem
        assert _state(inbox) == ConnectionState.OK
        assert len(inbox.alerts) == (1 if tries >= 3 else 0)
    inbox.dsco.drive("clear_faults")
    list(run_named([inbox.cart], [ServiceName.CANCEL_UPLOAD]))
    assert OutboundDocument.objects.for_account(inbox.account).get().state in (DocumentState.SENT, DocumentState.TAKEN)
    assert not Alert.objects.for_account(inbox.account).filter(state=AlertState.OPEN).exists()


def _a_row() -> CancelRow:
    return CancelRow(
        cust_po_no="PO-1", external_order_id="90001", line_id="1", item="CAP-1", code="CXSO", reason="other", quantity=1
    )
