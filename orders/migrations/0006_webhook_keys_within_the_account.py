from __future__ import annotations

from django.db import migrations

from cartrover import tenant_keys


class Migration(migrations.Migration):
    """Binds what a webhook is told of to its own account by the keys of PostgreSQL."""

    dependencies = [
        ("orders", "0005_webhooks_of_what_happens"),
    ]

    operations = [
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
    ]
