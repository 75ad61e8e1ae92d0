from __future__ import annotations

import cartrover.ids
import django.db.models.deletion
import django.utils.timezone
import orders.models.support
from cartrover import planner_facts, tenant_keys
from django.db import migrations, models


def tell_planner(apps, schema_editor):
    planner_facts.write(schema_editor.connection)


class Migration(migrations.Migration):
    """Merchants ask support for help with setting up."""

    dependencies = [
        ('accounts', '0001_initial'),
        ('connectors', '0002_service_days'),
        ('orders', '0006_keys_and_notifications'),
    ]

    operations = [
        migrations.CreateModel(
            name='SupportRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(default=orders.models.support.SupportState['OPEN'], max_length=20)),
                ('words', models.TextField(blank=True, default='')),
                ('fee', models.CharField(max_length=200)),
                ('created_by', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='support_requests', to='connectors.connection')),
            ],
        ),
        migrations.CreateModel(
            name='SupportNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('who', models.CharField(max_length=254)),
                ('by_support', models.BooleanField(default=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('words', models.TextField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='orders.supportrequest')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddIndex(
            model_name='supportrequest',
            index=models.Index(fields=['account', '-updated_at'], name='support_account_updated'),
        ),
        migrations.AddConstraint(
            model_name='supportrequest',
            constraint=models.UniqueConstraint(fields=('account', 'number'), name='support_number_once'),
        ),
        migrations.AddConstraint(
            model_name='supportrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', [orders.models.support.SupportState['OPEN'], orders.models.support.SupportState['IN_PROGRESS'], orders.models.support.SupportState['WAITING_FOR_YOU']])), fields=('connection',), name='support_unfinished_once'),
        ),
        migrations.AddConstraint(
            model_name='supportrequest',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', [orders.models.support.SupportState['OPEN'], orders.models.support.SupportState['IN_PROGRESS'], orders.models.support.SupportState['WAITING_FOR_YOU'], orders.models.support.SupportState['DONE'], orders.models.support.SupportState['WITHDRAWN']])), name='support_state_known'),
        ),
        migrations.RunPython(tenant_keys.bind, tenant_keys.unbind),
        migrations.RunPython(tell_planner, migrations.RunPython.noop),
    ]
