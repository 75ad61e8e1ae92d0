"""Inviting by e-mail, joining, and who belongs to an account in which role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from cartrover.accounts import invitations, members
from cartrover.accounts.models import Account, AuditEntry, Invitation, Membership, Role, User
from tests.accounts.mailbox import link_in
from tests.factories import PASSWORD, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]
MEMBERS = "/a/acme/settings/members/"


def _invite(client: Client, email: str = "new@example.org", role: Role = Role.OPERATOR) -> str:
    """Return the words of the page that follows."""
    return client.post(f"{MEMBERS}invite/", {"email": email, "role": role}, follow=True).content.decode()


def _verbs(account: Account) -> list[str]:
    return list(AuditEntry.objects.filter(account=account).order_by("pk").values_list("verb", flat=True))


def test_new_person_joins_by_the_link_alone(
    alice: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.SIGN_UP_OPEN = False
    assert "new@example.org is invited" in _invite(browser(alice), " New@Example.org ")
    link, guest = link_in(mailoutbox), Client()
    assert mailoutbox[0].subject == "Acme invites you to CartRover"
    assert "operator" in guest.get(link).content.decode()
    assert guest.post(link)["Location"] == "/sign-up/"
    assert 'value="new@example.org"' in guest.get("/sign-up/").content.decode()
    form = {"name": "New", "email": "somebody-else@example.org", "password1": PASSWORD}
    assert guest.post("/sign-up/", form)["Location"] == "/a/acme/"
    assert guest.get("/a/acme/").status_code == 200
    user = User.objects.get(email="new@example.org")
    assert EmailAddress.objects.get(user=user).verified
    assert Membership.objects.get(user=user).role == Role.OPERATOR
    assert Account.objects.count() == 1
    assert len(mailoutbox) == 1, "the link has verified the address"
    assert _verbs(acme) == ["member.invited", "member.joined"]
    assert guest.get(link).status_code == 410
    assert "accepted already" in guest.post(link).content.decode()


def test_stranger_who_signed_up_with_that_address_before_gets_nothing(
    alice: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage]
) -> None:
    form = {"name": "Mallory", "company": "M", "email": "new@example.org", "password1": "the stranger's password"}
    Client().post("/sign-up/", form)
    _invite(browser(alice))
    guest, link = Client(), link_in(mailoutbox)
    assert guest.post(link)["Location"] == "/sign-up/"
    assert guest.post("/sign-up/", {"name": "New", "password1": PASSWORD})["Location"] == "/a/acme/"
    refused = Client().post("/sign-in/", {"email": "new@example.org", "password": "the stranger's password"})
    assert refused.status_code == 200
    assert User.objects.get(email="new@example.org").name == "New"


def test_known_person_signs_in_and_accepts(
    alice: User, charlie: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage]
) -> None:
    _invite(browser(alice), charlie.email, Role.VIEWER)
    link, client = link_in(mailoutbox), Client()
    assert f'href="/sign-in/?next={link}"' in client.get(link).content.decode()
    form = {"email": charlie.email, "password": PASSWORD, "next": link}
    assert client.post("/sign-in/", form)["Location"] == link
    assert client.get("/a/acme/").status_code == 404
    assert client.post(link)["Location"] == "/a/acme/"
    assert "You are a viewer of Acme now." in client.get("/a/acme/").content.decode()


def test_invitation_serves_nobody_else(alice: User, charlie: User, browser: Browser, mailoutbox: list[EmailMessage]) -> None:
    _invite(browser(alice))
    client, link = browser(charlie), link_in(mailoutbox)
    assert "This invitation is for" in client.get(link).content.decode()
    assert client.post(link).status_code == 403
    assert not charlie.memberships.filter(account__slug="acme").exists()
    assert client.get("/join/guessed/").status_code == 404


def test_expired_and_revoked_invitations_open_nothing(
    alice: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage]
) -> None:
    owner = browser(alice)
    _invite(owner)
    link = link_in(mailoutbox)
    with time_machine.travel(timezone.now() + invitations.VALID_FOR, tick=False):
        assert "has expired" in Client().get(link).content.decode()
        assert "has expired" in browser(alice).get(MEMBERS).content.decode()
        assert "is invited. The link" in _invite(browser(alice)), "somebody whose invitation ran out can be invited anew"
    [first, second] = Invitation.objects.for_account(acme).order_by("pk")
    assert (first.revoked_at is None, second.revoked_at) == (False, None)
    link = link_in(mailoutbox)
    owner.post(f"{MEMBERS}invitations/{second.public_id}/revoke/")
    answer = Client().post(link)
    assert answer.status_code == 410
    assert "taken back" in answer.content.decode()
    assert _verbs(acme)[-1] == "invitation.revoked"


def test_invitation_revoked_while_somebody_signs_up_is_refused(
    alice: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.SIGN_UP_OPEN = False
    _invite(browser(alice))
    guest = Client()
    guest.post(link_in(mailoutbox))
    invitation = Invitation.objects.for_account(acme).get()
    invitations.revoke(account=acme, public_id=invitation.public_id, actor=alice)
    page = guest.post("/sign-up/", {"name": "New", "password1": PASSWORD})
    assert "Sign-up is closed" in page.content.decode()
    assert not User.objects.filter(email="new@example.org").exists()


def test_sending_again_replaces_the_link(alice: User, acme: Account, browser: Browser, mailoutbox: list[EmailMessage]) -> None:
    owner = browser(alice)
    _invite(owner)
    old = link_in(mailoutbox)
    owner.post(f"{MEMBERS}invitations/{Invitation.objects.for_account(acme).get().public_id}/send/")
    assert Client().get(old).status_code == 404
    assert Client().get(link_in(mailoutbox)).status_code == 200
    assert old.split("/")[2] not in str(list(Invitation.objects.for_account(acme).values()))


def test_what_makes_no_sense_is_refused_and_what_was_typed_stays(alice: User, bob: User, browser: Browser) -> None:
    owner = browser(alice)
    assert "is a member already" in _invite(owner, bob.email)
    assert "no e-mail address" in _invite(owner, "new at example")
    assert 'value="new at example"' in _invite(owner, "new at example")
    _invite(owner)
    assert "is invited already" in _invite(owner)
    answer = owner.post(f"{MEMBERS}invite/", {"email": "x@example.org", "role": "king"})
    assert answer.status_code == 422


def test_no_account_can_flood_the_world_with_mail(
    alice: User, browser: Browser, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAILS_AN_HOUR", 2)
    owner = browser(alice)
    pages = [_invite(owner, f"person{n}@example.org") for n in range(3)]
    assert "went out within the last hour" in pages[-1]
    assert len(mailoutbox) == 2


def test_owner_changes_roles_and_removes_members(alice: User, bob: User, acme: Account, browser: Browser) -> None:
    owner, operator = browser(alice), browser(bob)
    owner.post(f"{MEMBERS}{bob.public_id}/role/", {"role": Role.VIEWER})
    assert bob.memberships.get().role == Role.VIEWER
    owner.post(f"{MEMBERS}{bob.public_id}/remove/")
    assert operator.get("/a/acme/").status_code == 404
    assert _verbs(acme) == ["member.changed", "member.removed"]
    assert "no member of this account any more" in owner.post(f"{MEMBERS}{bob.public_id}/remove/", follow=True).content.decode()


def test_who_is_no_owner_may_leave_and_needs_an_invitation_to_come_back(
    vera: User, alice: User, acme: Account, browser: Browser
) -> None:
    viewer = browser(vera)
    assert "Leave<span" in viewer.get(MEMBERS).content.decode()
    assert viewer.post(f"{MEMBERS}leave/")["Location"] == "/"
    assert viewer.get("/a/acme/").status_code == 404
    assert _verbs(acme) == ["member.removed"]
    assert "is the last owner" in browser(alice).post(f"{MEMBERS}leave/", follow=True).content.decode()


def test_last_owner_stays(alice: User, bob: User, acme: Account, browser: Browser) -> None:
    owner = browser(alice)
    MembershipFactory.create(account=acme, role=Role.OWNER, user=UserFactory.create(is_active=False))
    for act, form in (("role", {"role": Role.VIEWER}), ("remove", {})):
        page = owner.post(f"{MEMBERS}{alice.public_id}/{act}/", form, follow=True).content.decode()
        assert "is the last owner" in page
    assert alice.memberships.get().role == Role.OWNER
    owner.post(f"{MEMBERS}{bob.public_id}/role/", {"role": Role.OWNER})
    assert owner.post(f"{MEMBERS}{alice.public_id}/remove/")["Location"] == "/"
    assert not alice.memberships.exists()


def test_who_is_no_owner_sees_and_changes_nothing(
    alice: User, bob: User, vera: User, charlie: User, acme: Account, browser: Browser
) -> None:
    _invite(browser(alice))
    invitation = Invitation.objects.for_account(acme).get()
    acts = [f"invitations/{invitation.public_id}/{act}/" for act in ("send", "revoke")]
    acts += [f"{bob.public_id}/role/", f"{bob.public_id}/remove/", "invite/"]
    for user, answer in ((bob, 403), (vera, 403), (charlie, 404)):
        assert [browser(user).post(MEMBERS + act).status_code for act in acts] == [answer] * len(acts)
    page = browser(vera).get(MEMBERS).content.decode()
    assert "alice@example.com" in page
    assert "new@example.org" in page
    assert 'name="role"' not in page
    assert "Looks at everything and changes nothing" in page


def test_foreign_ids_are_unknown(alice: User, charlie: User, acme: Account, globex: Account, browser: Browser) -> None:
    invitations.invite(account=globex, email="x@example.org", role=Role.VIEWER, actor=charlie)
    foreign = Invitation.objects.for_account(globex).get()
    owner = browser(alice)
    owner.post(f"{MEMBERS}invitations/{foreign.public_id}/revoke/")
    owner.post(f"{MEMBERS}{charlie.public_id}/remove/")
    foreign.refresh_from_db()
    assert foreign.revoked_at is None
    assert charlie.memberships.exists()


def test_long_lists_of_members_come_page_by_page_at_the_same_cost(
    alice: User,
    acme: Account,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Callable[..., object],
) -> None:
    monkeypatch.setattr(members, "PAGE", 2)
    MembershipFactory.create_batch(4, account=acme)
    seen: list[str] = []
    page = members.members_page(acme)
    while True:
        seen += [member.user.email for member in page.members]
        if not page.after:
            break
        page = members.members_page(acme, page.after)
    assert seen == sorted(acme.memberships.values_list("user__email", flat=True))
    with django_assert_num_queries(2):
        members.members_page(acme)
    assert "More members" in browser(alice).get(MEMBERS).content.decode()
