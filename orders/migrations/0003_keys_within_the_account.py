from __future__ import annotations

from django.db import migrations

from cartrover import tenant_keys


class Migration(migrations.Migration):
    """Lets a row point at rows of its own account only, on PostgreSQL; see `cartrover.tenant_keys`."""

    dependencies = [
        ("connectors", "0001_initial"),
        ("orders", "0002_planner_facts"),
    ]

    operations = [
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
    ]
