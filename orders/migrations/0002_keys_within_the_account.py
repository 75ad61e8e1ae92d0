from __future__ import annotations

from django.db import migrations

from cartrover import tenant_keys


class Migration(migrations.Migration):
    """Binds rows to their own account by the keys of PostgreSQL.

    A migration of its own: plain keys are written at the end of the migration that makes their tables.
    """

    dependencies = [
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
    ]
