from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Notes of an order that its cart canceled it; nobody knows it of orders that were canceled before."""

    dependencies = [
        ('orders', '0011_skus_ordered_so_far'),
    ]

    operations = [
        migrations.AddField('order', 'cart_canceled_at', models.DateTimeField(blank=True, null=True)),
    ]
