"""Making, changing, going live, pausing and ending connections."""

from __future__ import annotations

import pytest

from cartrover.accounts.models import AuditEntry
from connectors.actions import (
    Refused,
    connection_activate,
    connection_disconnect,
    connection_pause,
    connection_resume,
    connection_save,
    connection_secret_remove,
    connection_test,
    services_set,
)
from connectors.models import Connection, ConnectionSecret, ConnectionState, Service
from connectors.readers import secret_names_of, secrets_of, settings_of
from connectors.sealed_secrets import secret_put


def save(account, name="Toys", actor="alice@example.com", **settings: str) -> Connection:
    secrets = {"password": settings.pop("password")} if "password" in settings else {}
    return connection_save(account=account, kind="toy_cart", name=name, settings=settings, secrets=secrets, actor=actor)


def schedules(connection: Connection) -> dict[str, str]:
    return dict(Service.objects.for_account(connection.account_id).filter(connection=connection).values_list("name", "every"))


def dues(connection: Connection) -> dict[str, object]:
    return dict(Service.objects.for_account(connection.account_id).filter(connection=connection).values_list("name", "due_at"))


def test_a_saved_connection_is_new_in_test_mode_and_runs_nothing(cart):
    assert (cart.kind, cart.side, cart.state, cart.live) == ("toy_cart", "cart", ConnectionState.NEW, False)
    assert cart.remote_identity == "toys.example:22"
    assert schedules(cart) == {"order_download": "", "shipment_upload": ""}
    assert set(dues(cart).values()) == {None}


def test_secrets_are_sealed_and_never_among_the_settings(cart):
    assert secrets_of(cart) == {"password": "hunter2"}
    assert secret_names_of(cart) == {"password"}
    assert "hunter2" not in str(cart.settings)
    assert b"hunter2" not in bytes(ConnectionSecret.objects.for_account(cart.account_id).get().sealed)


def test_saving_again_changes_just_what_is_given(cart, acme):
    again = save(acme, port="2222")
    assert again.pk == cart.pk
    assert settings_of(again)["server"] == "toys.example"
    assert settings_of(again)["port"] == 2222
    assert secrets_of(again) == {"password": "hunter2"}
    assert save(acme, port="").remote_identity == "toys.example:22"


def test_saving_twice_is_harmless(cart, acme):
    before = AuditEntry.objects.filter(account=acme).count()
    save(acme, server="toys.example", password="hunter2")
    assert AuditEntry.objects.filter(account=acme).count() == before
    assert ConnectionSecret.objects.for_account(acme).get().version == 1


def test_the_audit_names_the_changed_fields_and_never_their_values(cart, acme):
    save(acme, password="swordfish", port="2222", actor="bob@example.com")
    entry = AuditEntry.objects.filter(account=acme).first()
    assert entry is not None
    assert (entry.actor, entry.verb, entry.subject) == ("bob@example.com", "connection.changed", "toy_cart Toys")
    assert entry.words == "Set: password, port."
    assert ConnectionSecret.objects.for_account(acme).get().version == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sever": "a.example"}, "Its settings are: server, port, .*earliest_order_date"),
        ({"password": "x"}, "is no setting|secret"),
        ({"server": "two words"}, "name of a server"),
        ({"port": "0", "minimum_stock": "-1"}, "port: .* minimum_stock: "),
    ],
)
def test_what_can_not_be_taken_is_refused_whole(toy, acme, settings: dict[str, str], words: str):
    with pytest.raises(Refused, match=words):
        connection_save(account=acme, kind="toy_cart", name="Toys", settings=settings, actor="alice")
    assert not Connection.objects.for_account(acme).exists()


def test_an_unknown_secret_is_refused(toy, acme):
    with pytest.raises(Refused, match=r"pass_word: is no secret.*client_secret, password"):
        connection_save(account=acme, kind="toy_cart", name="Toys", secrets={"pass_word": "hunter2"}, actor="alice")


def test_an_unknown_kind_and_an_empty_name_are_refused(toy, acme):
    with pytest.raises(Refused, match="no connector “sopify”"):
        connection_save(account=acme, kind="sopify", name="Shop", actor="alice")
    with pytest.raises(Refused, match="1 to 100 characters"):
        save(acme, name="  ")


def test_a_name_that_another_kind_has_is_refused(cart, acme):
    Connection.objects.for_account(acme).filter(pk=cart.pk).update(kind="dsco")
    with pytest.raises(Refused, match="is a connection of kind dsco"):
        save(acme, server="b.example")


def test_one_remote_account_has_one_active_connection_in_the_installation(cart, acme, globex):
    with pytest.raises(Refused, match="“Toys” is connected to this remote account already"):
        save(acme, name="Toys again", server="toys.example")
    with pytest.raises(Refused, match="Another account of this hub") as refused:
        save(globex, server="toys.example")
    assert "Toys" not in refused.value.words
    assert "acme" not in refused.value.words.lower()
    assert save(globex, server="toys.example", port="23").pk != cart.pk


def test_a_connection_made_again_takes_its_history_over(cart, acme):
    connection_disconnect(connection=cart, actor="alice")
    again = save(acme, name="New toys", server="toys.example", password="swordfish")
    assert again.pk == cart.pk
    assert (again.name, again.state, again.live) == ("New toys", ConnectionState.NEW, False)
    assert secrets_of(again) == {"password": "swordfish"}


def test_a_connection_that_is_filled_in_later_steps_aside_for_the_one_with_the_history(cart, acme):
    connection_disconnect(connection=cart, actor="alice")
    draft = save(acme, name="Second try", password="swordfish")
    services_set(connection=draft, schedules={"order_download": "15m"}, actor="alice")
    assert draft.pk != cart.pk
    again = save(acme, name="Second try", server="toys.example")
    assert again.pk == cart.pk
    assert (again.name, again.state) == ("Second try", ConnectionState.NEW)
    assert secrets_of(again) == {"password": "swordfish"}
    assert schedules(again)["order_download"] == "15"
    draft.refresh_from_db()
    assert (draft.state, draft.remote_identity) == (ConnectionState.DISCONNECTED, "")
    assert draft.name.startswith("Second try (replaced")
    assert secrets_of(draft) == {}


def test_another_accounts_history_is_never_taken_over(cart, acme, globex):
    connection_disconnect(connection=cart, actor="alice")
    theirs = save(globex, server="toys.example")
    assert theirs.pk != cart.pk
    assert theirs.account_id == globex.pk


def test_another_server_must_show_another_host_key(cart, acme):
    secret_put(cart, "host_key", "ssh-ed25519 AAAA")
    save(acme, greeting="hi")
    assert ConnectionSecret.objects.for_account(acme).filter(name="host_key").exists()
    save(acme, server="other.example")
    assert not ConnectionSecret.objects.for_account(acme).filter(name="host_key").exists()


def test_a_secret_can_be_taken_back(cart):
    connection_secret_remove(connection=cart, name="password", actor="alice")
    assert secrets_of(cart) == {}


# --- services ----------------------------------------------------------------------------------------------------------------


def test_schedules_are_set_and_due_at_once(cart):
    services_set(connection=cart, schedules={"order_download": "15m", "shipment_upload": "off"}, actor="alice")
    assert schedules(cart) == {"order_download": "15", "shipment_upload": "off"}
    assert dues(cart)["order_download"] is not None
    assert dues(cart)["shipment_upload"] is None


def test_a_schedule_that_can_not_be_kept_sets_none(cart):
    with pytest.raises(
        Refused, match=r"order_download: .* 5m.*order_delivery: is no service of “Toys”\. It has: order_download"
    ):
        services_set(
            connection=cart, schedules={"order_download": "1m", "order_delivery": "5m", "shipment_upload": "1h"}, actor="alice"
        )
    assert schedules(cart) == {"order_download": "", "shipment_upload": ""}


def test_going_live_sets_the_defaults_of_services_that_nobody_has_set(cart):
    services_set(connection=cart, schedules={"shipment_upload": "off"}, actor="alice")
    connection_activate(connection=cart, actor="alice")
    assert schedules(cart) == {"order_download": "5", "shipment_upload": "off"}
    assert dues(cart)["order_download"] is not None
    assert cart.live
    assert cart.activated_at is not None


def test_going_live_twice_changes_nothing(cart, acme):
    connection_activate(connection=cart, actor="alice")
    first, entries = cart.activated_at, AuditEntry.objects.filter(account=acme).count()
    connection_activate(connection=cart, actor="alice")
    assert cart.activated_at == first
    assert AuditEntry.objects.filter(account=acme).count() == entries


def test_a_paused_connection_goes_on_where_it_stood(cart):
    connection_test(cart)
    connection_pause(connection=cart, actor="alice")
    assert cart.state == ConnectionState.PAUSED
    connection_resume(connection=cart, actor="alice")
    assert cart.state == ConnectionState.OK


def test_a_test_of_a_paused_connection_does_not_resume_it(cart):
    connection_test(cart)
    connection_pause(connection=cart, actor="alice")
    assert all(step.ok for step in connection_test(cart))
    assert cart.state == ConnectionState.PAUSED


def test_a_disconnected_connection_keeps_nothing_secret_and_runs_nothing(cart):
    connection_activate(connection=cart, actor="alice")
    connection_disconnect(connection=cart, actor="alice")
    assert (cart.state, cart.live) == (ConnectionState.DISCONNECTED, False)
    assert not ConnectionSecret.objects.for_account(cart.account_id).exists()
    assert set(dues(cart).values()) == {None}
    for action in (connection_pause, connection_resume, connection_activate):
        with pytest.raises(Refused, match="Connect it again"):
            action(connection=cart, actor="alice")


def test_a_disconnected_connection_is_connected_again_under_its_name(cart, acme):
    connection_activate(connection=cart, actor="alice")
    was = cart.activated_at
    connection_disconnect(connection=cart, actor="alice")
    again = save(acme, server="toys.example", password="hunter2")
    assert again.pk == cart.pk
    assert again.state == ConnectionState.NEW
    connection_activate(connection=again, actor="alice")
    assert again.activated_at is not None
    assert again.activated_at > was
    assert schedules(again)["order_download"] == "5"
