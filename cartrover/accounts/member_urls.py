"""Pages of an account's members, below `/a/<slug>/settings/members/`."""

from __future__ import annotations

from django.urls import path

from cartrover.accounts.views import members

urlpatterns = [
    path("", members.member_list, name="members"),
    path("leave/", members.member_leave, name="member_leave"),
    path("invite/", members.member_invite, name="member_invite"),
    path("invitations/<uuid:public_id>/send/", members.invitation_send, name="invitation_send"),
    path("invitations/<uuid:public_id>/revoke/", members.invitation_revoke, name="invitation_revoke"),
    path("<uuid:person>/role/", members.member_role, name="member_role"),
    path("<uuid:person>/remove/", members.member_remove, name="member_remove"),
]
