from __future__ import annotations

import cartrover.ids
import django.db.models.deletion
import django.utils.timezone
from cartrover import planner_facts, tenant_keys
from django.db import migrations, models


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Keeps what a connection's last test finds, while it runs."""

    dependencies = [
        ('accounts', '0001_initial'),
        ('connectors', '0002_service_days'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConnectionTest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('by', models.CharField(max_length=254)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('steps', models.JSONField(blank=True, default=list)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('connection', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='last_test', to='connectors.connection')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
