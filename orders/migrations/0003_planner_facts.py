from __future__ import annotations

from django.db import migrations

from cartrover import planner_facts


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Tells SQLite's planner how full the tables will be; going back leaves the facts, which do no harm."""

    dependencies = [
        ("orders", "0002_keys_within_the_account"),
    ]

    operations = [
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
