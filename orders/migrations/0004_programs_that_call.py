from __future__ import annotations

import cartrover.ids
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """What programs that call the API need: their requests, their limit, and what a WMS says that has no column."""

    dependencies = [
        ('accounts', '0001_initial'),
        ('orders', '0003_planner_facts'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='bucket_empty_ms',
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='product',
            name='details',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='shipment',
            name='details',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='shipmentline',
            name='details',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='stocklevel',
            name='on_hand',
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='ApiRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('api_user', models.CharField(blank=True, default='', max_length=40)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('method', models.CharField(max_length=10)),
                ('path', models.CharField(max_length=500)),
                ('query', models.TextField(blank=True, default='')),
                ('deflated', models.BinaryField(blank=True, null=True)),
                ('status', models.PositiveSmallIntegerField()),
                ('error_code', models.CharField(blank=True, default='', max_length=20)),
                ('words', models.TextField(blank=True, default='')),
                ('elapsed_ms', models.PositiveIntegerField(default=0)),
                ('account', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
            ],
            options={
                'verbose_name': 'API request',
                'indexes': [models.Index(fields=['account', '-at', '-id'], name='api_request_account_at'), models.Index(fields=['at'], name='api_request_at')],
            },
        ),
    ]
