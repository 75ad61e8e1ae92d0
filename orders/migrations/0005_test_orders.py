from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

from cartrover import planner_facts


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Finds the few test orders among all."""

    dependencies = [
        ("orders", "0004_delivered_orders"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=Q(is_test=True), fields=["source", "-id"], name="order_source_test"),
        ),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
