"""The pages of settings: the account, keys of programs, the trail, and everything as a ZIP."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cartrover.accounts.actions import audit
from cartrover.accounts.models import Account, AuditEntry, User
from connectors.refusals import Refused
from orders.import_export import exports
from orders.import_export.account_archive import CONTENTS, archive_chunks
from orders.listings.audit import TrailFilter, trail_page
from orders.models import ApiKey, ApiLevel, ChannelKind
from orders.notifications.channels import channel_add
from orders.programs import api_keys
from orders.programs.api_keys import authenticate
from orders.states import OrderState
from tests.factories import ConnectionFactory, OrderFactory, SecretFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
SETTINGS = "/a/acme/settings/"


# --- the account -------------------------------------------------------------------------------------------------------------


def test_owner_changes_the_account_and_each_change_leaves_a_trail(alice: User, acme: Account, browser: Browser) -> None:
    typed = {"name": "Acme Traders", "time_zone": "america/new york", "retention_days": "800"}
    client = browser(alice)
    assert client.post(SETTINGS, typed)["Location"] == SETTINGS
    acme.refresh_from_db()
    assert (acme.name, acme.time_zone, acme.retention_days) == ("Acme Traders", "America/New_York", 800)
    said = set(AuditEntry.objects.filter(account=acme, actor=alice.email).values_list("verb", "words"))
    assert said == {
        ("account.changed", "Name: Acme → Acme Traders."),
        ("account.changed", "Time zone: UTC → America/New_York."),
        ("account.changed", "Retention: 400 days → 800 days."),
    }
    OrderFactory.create(account=acme, created_at=datetime(2026, 1, 2, 1, 0, tzinfo=UTC))
    assert "Thu, 1 Jan 2026, 20:00:00 America/New_York" in client.get("/a/acme/orders/").content.decode()


def test_what_can_not_be_used_stays_in_the_form_and_changes_nothing(alice: User, acme: Account, browser: Browser) -> None:
    for wrong in ({"time_zone": "Middle Earth"}, {"retention_days": "29"}, {"retention_days": "3651"}, {"name": " "}):
        answer = browser(alice).post(SETTINGS, {"name": "New", "time_zone": "UTC", "retention_days": "400"} | wrong)
        assert answer.status_code == 422
        assert 'class="wrong"' in answer.content.decode()
    acme.refresh_from_db()
    assert (acme.name, acme.retention_days) == ("Acme", None)


def test_shorter_retention_says_first_what_will_be_forgotten(alice: User, acme: Account, browser: Browser) -> None:
    cart = ConnectionFactory.create(account=acme)
    long_ago = timezone.now() - timedelta(days=100)
    for state in (OrderState.CONFIRMED, OrderState.SENT, OrderState.NEW):
        OrderFactory.create(account=acme, source=cart, state=state, created_at=long_ago, ship_name="Erika")
    typed = {"name": "Acme", "time_zone": "UTC", "retention_days": "90"}
    client = browser(alice)
    html = re.sub(r"\s+", " ", client.post(SETTINGS, typed).content.decode())
    assert "Keep 90 days instead of 400?" in html
    assert "the personal data of 2 orders" in html, "one that was never sent needs its address"
    acme.refresh_from_db()
    assert acme.retention_days is None
    client.post(SETTINGS, {**typed, "retention_days": "60", "sure": "90"})
    acme.refresh_from_db()
    assert acme.retention_days is None, "what was agreed to is 90, not 60"
    client.post(SETTINGS, {**typed, "sure": "90"})
    acme.refresh_from_db()
    assert acme.retention_days == 90


def test_others_look_at_the_account_and_change_nothing(vera: User, bob: User, acme: Account, browser: Browser) -> None:
    for who in (vera, bob):
        html = browser(who).get(SETTINGS).content.decode()
        assert "Only owners change these" in html
        assert "API keys" not in html
        assert browser(who).post(SETTINGS, {"name": "Mine"}).status_code == 403


# --- API keys ----------------------------------------------------------------------------------------------------------------


def _key(account: Account, name: str = "Shop", **more: object) -> tuple[ApiKey, str]:
    return api_keys.key_make(account=account, name=name, level=ApiLevel.MERCHANT, actor="alice", **more)  # type: ignore[arg-type]  # as given


def test_key_is_recognised_by_both_parts_with_one_query(acme: Account, globex: Account) -> None:
    key, secret = _key(acme)
    other, _ = _key(globex)
    assert re.fullmatch(r"\d{4}[A-Za-z0-9]{8}", key.api_user)
    with CaptureQueriesContext(connection) as asked:
        found = authenticate(key.api_user, secret)
        assert found is not None
        assert (found.pk, found.account.slug, found.cart) == (key.pk, "acme", None)
    assert len(asked) == 1
    wrong = [(key.api_user, secret[:-1]), (key.api_user, ""), (other.api_user, secret), ("nobody", secret), ("", "\udcff")]
    assert [authenticate(*parts) for parts in wrong] == [None] * 5
    assert secret not in str(ApiKey.objects.for_account(acme).values())


def test_rolled_key_refuses_the_old_secret_and_a_revoked_one_any(acme: Account) -> None:
    key, first = _key(acme)
    second = api_keys.key_roll(key, actor="alice")
    assert authenticate(key.api_user, first) is None
    assert authenticate(key.api_user, second) == key
    assert api_keys.key_revoke(key, actor="alice")
    assert authenticate(key.api_user, second) is None
    with pytest.raises(Refused, match="revoked"):
        api_keys.key_roll(key, actor="alice")
    _key(acme)
    with pytest.raises(Refused, match="named “Shop” already"):
        _key(acme)
    assert set(AuditEntry.objects.filter(account=acme).values_list("verb", flat=True)) == {
        "api_key.made",
        "api_key.rolled",
        "api_key.revoked",
    }


def test_carts_key_opens_a_cart_of_the_own_account(acme: Account, globex: Account) -> None:
    cart, wms = ConnectionFactory.create(account=acme), ConnectionFactory.create(account=acme, wms=True)
    key, _ = api_keys.key_make(account=acme, name="Shop", level=ApiLevel.CART, cart=cart, actor="alice")
    assert key.cart == cart
    for wrong in (None, wms, ConnectionFactory.create(account=globex)):
        with pytest.raises(Refused):
            api_keys.key_make(account=acme, name="Other", level=ApiLevel.CART, cart=wrong, actor="alice")


def test_last_use_is_noted_to_the_minute(acme: Account) -> None:
    key, _ = _key(acme)
    api_keys.note_use(key)
    with CaptureQueriesContext(connection) as asked:
        api_keys.note_use(key)
    assert not asked.captured_queries
    assert ApiKey.objects.for_account(acme).get().last_used_at is not None


def test_owner_makes_rolls_and_revokes_keys_and_sees_each_secret_once(alice: User, acme: Account, browser: Browser) -> None:
    cart = ConnectionFactory.create(account=acme, name="DSCO")
    client, page = browser(alice), f"{SETTINGS}keys/"
    assert "No keys yet." in client.get(page).content.decode()
    made = client.post(page, {"name": "Shop plug-in", "opens": str(cart.public_id)})
    assert made["Location"] == page
    key = ApiKey.objects.for_account(acme).get()
    assert (key.level, key.cart, key.created_by) == (ApiLevel.CART, cart, alice.email)
    secrets = []
    for act in (None, "roll"):
        if act:
            client.post(f"{page}{key.public_id}/{act}/")
        first, second = (client.get(page).content.decode() for _ in range(2))
        [secret] = re.findall(r'id="new-secret" readonly value="(\w{32})"', first)
        assert authenticate(key.api_user, secret) == key
        assert secret not in second
        assert secret not in str(client.session.items())
        secrets.append(secret)
    assert len(set(secrets)) == 2
    client.post(f"{page}{key.public_id}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "revoked" in client.get(page).content.decode()
    assert client.post(page, {"name": "", "opens": "nonsense"}).status_code == 422


def test_only_owners_touch_keys(bob: User, charlie: User, acme: Account, globex: Account, browser: Browser) -> None:
    key, _ = _key(acme)
    for act in ("roll", "revoke"):
        path = f"keys/{key.public_id}/{act}/"
        assert browser(bob).post(f"{SETTINGS}{path}").status_code == 403
        assert browser(charlie).post(f"{SETTINGS}{path}").status_code == 404
        assert browser(charlie).post(f"/a/globex/settings/{path}").status_code == 404


# --- the audit log -----------------------------------------------------------------------------------------------------------


def test_trail_is_filtered_by_who_what_and_when(alice: User, acme: Account, globex: Account, browser: Browser) -> None:
    acme.time_zone = "America/New_York"
    acme.save()
    for hour, actor, verb in ((3, "bob@example.com", "alias.added"), (6, "alice@example.com", "connection.paused")):
        entry = audit(account=acme, actor=actor, verb=verb, subject=f"thing {hour}", words="Because.")
        AuditEntry.objects.filter(pk=entry.pk).update(at=datetime(2026, 11, 21, hour, 0, tzinfo=UTC))
    audit(account=globex, actor="bob@example.com", verb="alias.added", subject="somebody else's")
    client = browser(alice)

    def seen(query: str) -> list[str]:
        html = client.get(f"{SETTINGS}audit/?{query}").content.decode()
        assert "somebody else" not in html
        return re.findall(r"thing (\d)", html)

    assert seen("") == ["6", "3"]
    assert seen("actor=BOB") == ["3"]
    assert seen("verb=connection.paused") == ["6"]
    assert seen("until=2026-11-20") == ["3"], "it was still the 20th in New York"
    assert seen("since=2026-11-21") == ["6"]
    assert seen("since=2026-02-31&after=nonsense~x") == []
    assert "paused a connection" in client.get(f"{SETTINGS}audit/").content.decode()
    assert "Nothing in the log is like that." in client.get(f"{SETTINGS}audit/?actor=zoe").content.decode()


def test_pages_of_the_trail_hold_every_entry_once_also_of_one_moment(acme: Account) -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    AuditEntry.objects.bulk_create(
        AuditEntry(account=acme, actor="alice", verb="alias.added", subject=str(n), at=start + timedelta(minutes=n // 7))
        for n in range(30)
    )
    seen, after = [], ""
    while True:
        page = trail_page(acme, TrailFilter(), after, limit=4)
        seen += [int(entry.subject) for entry in page.rows]
        if page.next is None:
            break
        after = str(page.next)
    assert seen == list(reversed(range(30)))


# --- the export --------------------------------------------------------------------------------------------------------------


def test_zip_holds_everything_and_no_secret(alice: User, bob: User, acme: Account, globex: Account, browser: Browser) -> None:
    cart = ConnectionFactory.create(account=acme, name="DSCO")
    SecretFactory.create(connection=cart, text="hunter2")
    OrderFactory.create(account=acme, source=cart, cust_ref="PO-1", lines=2)
    OrderFactory.create(account=globex, cust_ref="PO-FOREIGN")
    _, secret = _key(acme)
    chosen = {"name": "Ops", "scope": "all", "pace": "at_once", "hour": 8, "tell_resolved": False}
    channel_add(
        account=acme, kind=ChannelKind.SLACK, actor="a", address="https://hooks.example.com/services/T0/secret-1a2b", **chosen
    )
    assert browser(bob).post(f"{SETTINGS}export/zip/").status_code == 403
    assert browser(alice).get(f"{SETTINGS}export/zip/").status_code == 405
    answer = browser(alice).post(f"{SETTINGS}export/zip/")
    assert re.fullmatch(r'attachment; filename="acme-\d{4}-\d\d-\d\d\.zip"', answer["Content-Disposition"])
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))  # type: ignore[attr-defined]  # a streamed answer
    assert archive.testzip() is None
    assert set(archive.namelist()) == {"README.txt", *(f"{what}.csv" for what in CONTENTS)}
    assert set(exports.EXPORTS) <= set(CONTENTS)
    files = {name: archive.read(name).decode() for name in archive.namelist()}
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}
    assert [row["cust_ref"] for row in rows["orders.csv"]] == ["PO-1"]
    assert len(rows["order_lines.csv"]) == 2
    assert [(row["email"], row["role"]) for row in rows["members.csv"]] == [(alice.email, "owner"), (bob.email, "operator")]
    assert rows["connections.csv"][0]["name"] == "DSCO"
    assert rows["notification_channels.csv"][0]["to"] == "hooks.example.com …1a2b"
    assert {"setting": "retention_days", "value": "400"} in rows["account.csv"]
    assert rows["audit_log.csv"][-1]["verb"] == "account.exported"
    everything = "".join(files.values())
    assert not [hidden for hidden in ("hunter2", secret, "secret-1a2b", "PO-FOREIGN") if hidden in everything]


def test_zip_is_made_while_it_is_sent(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def long_export(account: Account, what: str) -> object:
        for number in range(50):
            made.append(number)
            yield "".join(f"{number},{at * 7919 % 10007}\r\n" for at in range(3000))

    monkeypatch.setattr(exports, "csv_chunks", long_export)
    pieces = archive_chunks(acme, timezone.now())
    first = [next(pieces) for _ in range(3)]
    assert first[0].startswith(b"PK")
    assert len(made) < 50
    assert max(len(piece) for piece in pieces) < 500_000


def test_settings_ask_the_database_as_often_for_much_as_for_little(alice: User, acme: Account, browser: Browser) -> None:
    client, asked = browser(alice), []
    for number in (1, 12):
        for at in range(number):
            api_keys.key_make(
                account=acme,
                name=f"{number} {at}",
                level=ApiLevel.CART,
                cart=ConnectionFactory.create(account=acme),
                actor="alice",
            )
            chosen = {"name": f"{number} {at}", "scope": "all", "pace": "at_once", "hour": 8, "tell_resolved": False}
            channel_add(account=acme, kind=ChannelKind.EMAIL, actor="alice", address="ops@example.com", **chosen)
        counts = []
        for page in ("", "keys/", "audit/", "export/", "notifications/"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"{SETTINGS}{page}").status_code == 200
            counts.append(len(captured))
        asked.append(counts)
    assert asked[0] == asked[1]
