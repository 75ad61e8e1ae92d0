from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

from cartrover import planner_facts, tenant_keys


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Finds the orders that came to the WMS lately, and binds the days of services to their account."""

    dependencies = [
        ("connectors", "0002_service_days"),
        ("orders", "0003_keys_within_the_account"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["account", "-delivered_at"],
                name="order_account_delivered",
                condition=Q(("delivered_at__isnull", False)),
            ),
        ),
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
