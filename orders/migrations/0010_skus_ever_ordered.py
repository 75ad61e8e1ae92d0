from __future__ import annotations

import cartrover.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keeps which SKUs a cart has ever ordered, so that its file of stock need not be made of all its lines."""

    dependencies = [
        ('accounts', '0002_api_keys_in_addresses'),
        ('connectors', '0002_requests_of_a_month'),
        ('orders', '0009_no_switch_of_each_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=cartrover.ids.new_id, editable=False, unique=True)),
                ('item', models.CharField(max_length=200)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('cart', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='ordered_items', to='connectors.connection')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('cart', 'item'), name='ordered_item_once')],
            },
        ),
    ]
