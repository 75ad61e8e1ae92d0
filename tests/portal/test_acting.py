"""Acting as a merchant: asked for with a reason, seen on every page, written down under both names, and over after an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cartrover.accounts.actions import person_of
from cartrover.accounts.models import Account, AuditEntry, Role, User
from orders.models import OrderEvent
from tests.factories import MembershipFactory, OrderFactory, UserFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
REASON = "Ticket 4711: orders are stuck"
BOTH = "staff@example.com as alice@example.com"


def _begin(client: Client, person: User, reason: str = REASON) -> int:
    return client.post(reverse("admin:accounts_user_act_as", args=[person.pk]), {"reason": reason}).status_code


def _trail(account: Account) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(account=account).order_by("pk").values_list("actor", "verb"))


@pytest.fixture
def acting(staff: User, alice: User, browser: Browser) -> Client:
    """The browser of staff, who acts as the owner of acme."""
    client = browser(staff)
    assert _begin(client, alice) == 302
    return client


def test_staff_acts_as_a_merchant_and_all_is_written_under_both_names(
    acting: Client, alice: User, acme: Account, globex: Account
) -> None:
    MembershipFactory.create(account=globex, user=alice, role=Role.VIEWER)
    order = OrderFactory.create(account=acme)
    page = acting.get(f"/a/acme/orders/{order.public_id}/").content.decode()
    assert "Back to the staff console" in page
    assert "<b>staff@example.com</b> as <b>alice@example.com</b>" in page
    acting.post(f"/a/acme/orders/{order.public_id}/hold/")
    assert OrderEvent.objects.for_account(acme).get(kind="order.held").actor == BOTH
    assert acting.post(reverse("acting_end")).headers["Location"] == reverse("admin:accounts_user_changelist")
    assert _trail(acme) == [(BOTH, "acting.began"), (BOTH, "acting.ended")]
    assert _trail(globex) == [(BOTH, "acting.ended")]
    assert REASON in AuditEntry.objects.get(account=acme, verb="acting.began").words
    assert acting.get("/a/acme/").status_code == 404
    assert acting.get(reverse("admin:index")).status_code == 200


def test_mail_to_whoever_asked_goes_to_the_person() -> None:
    assert person_of(BOTH) == person_of("alice@example.com") == "alice@example.com"


def test_what_is_the_persons_alone_stays_shut(acting: Client, alice: User) -> None:
    old = alice.password
    for address in (reverse("change_password"), reverse("admin:index"), reverse("admin:accounts_user_act_as", args=[alice.pk])):
        assert acting.get(address).status_code == 403
    new = "an even longer passphrase"
    form = {"old_password": "correct horse battery", "new_password1": new, "new_password2": new}
    assert acting.post(reverse("change_password"), form).status_code == 403
    alice.refresh_from_db()
    assert alice.password == old
    assert acting.get("/").status_code == 302


def test_acting_ends_after_an_hour_and_the_late_click_does_nothing(acting: Client, acme: Account) -> None:
    order = OrderFactory.create(account=acme)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        late = acting.post(f"/a/acme/orders/{order.public_id}/hold/")
        assert late.headers["Location"] == reverse("admin:index")
        assert acting.get(reverse("admin:index")).status_code == 200
    order.refresh_from_db()
    assert order.hold == ""
    assert _trail(acme)[-1] == (BOTH, "acting.ended")


def test_signing_out_ends_both(acting: Client, acme: Account) -> None:
    acting.post(reverse("logout"))
    assert acting.get("/a/acme/").status_code == 302
    assert _trail(acme)[-1] == (BOTH, "acting.ended")


def test_who_loses_the_right_is_out_at_once(acting: Client, staff: User) -> None:
    User.objects.filter(pk=staff.pk).update(is_active=False)
    assert acting.get("/a/acme/").headers["Location"] == "/"
    assert acting.get("/a/acme/").status_code == 302


def test_acting_needs_a_permission_a_reason_and_somebody_who_is_not_staff(
    staff: User, alice: User, acme: Account, browser: Browser
) -> None:
    assert browser(staff).get(f"/staff/accounts/user/{alice.pk}/act-as/").status_code == 200
    assert _begin(browser(staff), alice, reason="because") == 400
    clerk = UserFactory.create(is_staff=True)
    assert _begin(browser(clerk), alice) == 403
    assert _begin(browser(staff), clerk) == 403
    assert _begin(browser(alice), alice) == 404
    assert _trail(acme) == []
    clerk.user_permissions.add(Permission.objects.get(codename="act_as_merchant"))
    assert _begin(browser(clerk), alice) == 302
    assert _begin(browser(clerk), staff) == 403
