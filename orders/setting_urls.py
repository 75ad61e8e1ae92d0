"""Pages of an account's settings, below `/a/<slug>/settings/`."""

from __future__ import annotations

from django.urls import path

from orders.models import ChannelKind
from orders.views.settings import account, api_keys, audit, export, notifications

ONE = "<uuid:public_id>"

urlpatterns = [
    path("", account.account_settings, name="account_settings"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/mine/test/", notifications.own_mail_test, name="own_mail_test"),
    *(
        path(f"notifications/new/{kind}/", notifications.channel_new, {"kind": kind}, name=f"channel_new_{kind}")
        for kind in ChannelKind
    ),
    path(f"notifications/{ONE}/", notifications.channel_change, name="channel"),
    path(f"notifications/{ONE}/log/", notifications.channel_log, name="channel_log"),
    *(
        path(f"notifications/{ONE}/{act}/", notifications.channel_act, {"act": act}, name=f"channel_{act}")
        for act in notifications.ACTS
    ),
    path("keys/", api_keys.api_key_list, name="api_keys"),
    *(path(f"keys/{ONE}/{act}/", api_keys.api_key_act, {"act": act}, name=f"api_key_{act}") for act in api_keys.ACTS),
    *(
        path(
            f"keys/addresses/{word}/",
            api_keys.api_keys_in_addresses,
            {"allowed": word == "take"},
            name=f"api_keys_{word}_in_url",
        )
        for word in ("take", "refuse")
    ),
    path("audit/", audit.audit_log, name="audit_log"),
    path("export/", export.account_export, name="account_export"),
    path("export/zip/", export.account_export_zip, name="account_export_zip"),
]
