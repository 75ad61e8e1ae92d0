from __future__ import annotations

from django.db import migrations

from cartrover import tenant_keys

MODELS = ("orders.Order", "orders.OrderLine", "orders.OutboundMessage")
"""Events may point at nothing but their account, and keep the key."""


def rest_on_others(apps, schema_editor):
    tenant_keys.rest_on_others(apps, schema_editor, *MODELS)


def point_at_accounts(apps, schema_editor):
    tenant_keys.point_at_accounts(apps, schema_editor, *MODELS)


class Migration(migrations.Migration):
    """Takes away keys to the account that follow from the keys within it, on PostgreSQL."""

    dependencies = [
        ("orders", "0012_carts_that_canceled"),
    ]

    operations = [
        migrations.RunPython(rest_on_others, point_at_accounts),
    ]
