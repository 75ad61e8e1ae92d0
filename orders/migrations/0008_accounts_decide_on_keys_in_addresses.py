from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import Max

ACTOR = "the hub's update"
WORDS = "Keys in addresses are switched for the whole account now."


def switch_accounts(apps: Any, schema_editor: Any) -> None:
    """Switch an account off where each of its keys was; where only some were, leave it on, for the others' programs.

    Both leave a trail, so that an owner reads in the audit log what became of the keys.
    """
    account_model, entry_model = apps.get_model("accounts", "Account"), apps.get_model("accounts", "AuditEntry")
    key_model, request_model = apps.get_model("orders", "ApiKey"), apps.get_model("orders", "ApiRequest")
    live = key_model.objects.filter(revoked_at__isnull=True)
    for account in account_model.objects.filter(pk__in=live.filter(allow_in_url=False).values("account_id")):
        mine = live.filter(account_id=account.pk)
        refused = ", ".join(mine.filter(allow_in_url=False).order_by("name").values_list("name", flat=True))
        if not mine.filter(allow_in_url=True).exists():
            account_model.objects.filter(pk=account.pk).update(api_keys_in_url=False)
            words = f"{WORDS} They are refused, as each key was."
        else:
            words = f"{WORDS} They are taken, as the account's other keys need it; so are these, which were refused: {refused}."
        entry_model.objects.create(
            account_id=account.pk, actor=ACTOR, verb="api_key.in_addresses", subject="API keys", words=words
        )
    came = request_model.objects.filter(query__contains="api_key=").exclude(api_user="")
    for user, at in came.order_by().values_list("api_user").annotate(Max("at")):
        key_model.objects.filter(api_user=user, url_used_at__isnull=True).update(url_used_at=at)


def switch_keys(apps: Any, schema_editor: Any) -> None:
    """Refuse each key of an account that refuses them."""
    apps.get_model("orders", "ApiKey").objects.filter(account__api_keys_in_url=False).update(allow_in_url=False)


class Migration(migrations.Migration):
    """Moves the switch for keys in addresses from each key to its account, and learns from kept requests who uses it."""

    dependencies = [
        ("orders", "0007_when_keys_came_in_addresses"),
    ]

    operations = [
        migrations.RunPython(switch_accounts, switch_keys),
    ]
